"""Figure of the comparison of the two chains: deviation over tolerance of every number."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from iactflow.crosscheck.verdicts import read_verdicts
from iactflow.figures.style import COLOURS, OURS, new_figure, save, style

__all__ = ["deviation", "plot_verdicts"]

REACH = 2.0
NAMED_FAILURES = 1


def deviation(row: dict) -> float:
    """Difference of the chains in units of what is tolerated.

    Parameters
    ----------
    row : dict
        Verdict with main, check and tolerance.

    Returns
    -------
    float
        |main - check| / tolerance; 0 for equal numbers, infinite where they differ and no
        difference is tolerated, or where one of them is missing.
    """
    if row["main"] == row["check"]:
        return 0.0
    difference = abs(row["main"] - row["check"])
    if not math.isfinite(difference) or row["tolerance"] <= 0:
        return math.inf
    return difference / row["tolerance"]


def plot_verdicts(inputs, outputs, params, wildcards) -> None:
    """Draw the deviations by target and product.

    Parameters
    ----------
    inputs : namespace
        ``verdicts``: table of the comparison.
    outputs : namespace
        ``figure``: the PNG file.
    params : namespace
        Nothing is read.
    wildcards : namespace
        None are used.
    """
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in read_verdicts(inputs.verdicts):
        groups.setdefault((row["target"], row["product"]), []).append(row)
    with style():
        figure = new_figure(9.0, 1.6 + 0.42 * max(len(groups), 1))
        axes = figure.add_subplot()
        for y, rows in enumerate(groups.values()):
            _draw_group(axes, y, rows)
        _decorate(axes, groups)
        save(figure, outputs.figure)


def _draw_group(axes: Axes, y: int, rows: list[dict]) -> None:
    x = np.array([min(deviation(row), REACH) for row in rows])
    passed = np.array([row["passed"] for row in rows])
    # Fixed steps instead of random ones: equal values stay apart, equal tables look equal.
    heights = y + 0.13 * ((np.arange(x.size) * 2) % 5 - 2)
    axes.plot(x[passed], heights[passed], "o", ms=4, mec="none", alpha=0.75, color=OURS)
    colour = COLOURS["vermilion"]
    axes.plot(x[~passed], heights[~passed], "X", ms=9, mec="white", mew=0.7, color=colour)
    failed = [row["quantity"] for row in rows if not row["passed"]]
    if failed:
        text = ", ".join(failed[:NAMED_FAILURES])
        if len(failed) > NAMED_FAILURES:
            text += f" and {len(failed) - NAMED_FAILURES} more"
        axes.annotate(
            text,
            (min(x[~passed]), y),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8.5,
            color=colour,
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5},
            zorder=6,
        )
    axes.text(
        1.015,
        y,
        f"{passed.sum()} / {passed.size}",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9.5,
        color=colour if failed else "black",
    )


def _decorate(axes: Axes, groups: dict) -> None:
    names = list(groups)
    last_target = None
    labels = []
    for y, (target, product) in enumerate(names):
        if target != last_target and y > 0:
            axes.axhline(y - 0.5, color="#c8c8c8", lw=0.8)
        shown = f"{target}   " if target != last_target else ""
        labels.append(f"{shown}{product.replace('_', ' ')}")
        last_target = target
    axes.axvspan(0, 1, color=OURS, alpha=0.07, lw=0)
    axes.axvline(1, color="black", lw=1.2)
    axes.set_yticks(range(len(names)), labels)
    axes.tick_params(axis="y", which="both", length=0)
    axes.tick_params(axis="x", which="both", top=False)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.set_xlim(-0.04, REACH * 1.03)
    ticks = np.arange(0, REACH + 0.1, 0.5)
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks[:-1]] + [f"≥ {REACH:g}"])
    axes.set_xlabel("|main − check| / tolerance")
    rows = [row for group in groups.values() for row in group]
    failed = sum(not row["passed"] for row in rows)
    state = "gate open" if rows and not failed else "gate closed"
    axes.set_title(f"{len(rows)} numbers compared, {failed} beyond tolerance: {state}")
    axes.set_title("passed", loc="right", fontsize=9.5, x=1.06)
