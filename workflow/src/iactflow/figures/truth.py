"""Figure of mock results against what was injected, from the verdicts of the product ``truth``."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from iactflow.crosscheck.verdicts import read_verdicts
from iactflow.figures.style import COLOURS, OURS, new_figure, save, style

__all__ = ["plot_truth", "truth_pull"]

PRODUCT = "truth"
#: Axis in units of ``truth_sigma``; marks beyond stand at its end.
REACH = 2.0


def truth_pull(row: dict, sigma: float) -> float:
    """Deviation from what was injected, in standard errors.

    Parameters
    ----------
    row : dict
        Verdict with main, check and tolerance, of `iactflow.crosscheck.truth`.
    sigma : float
        Standard errors that the tolerance stands for.

    Returns
    -------
    float
        sigma (main - check) / tolerance; not a number where a number is missing.
    """
    tolerance = row["tolerance"]
    if not tolerance > 0.0:
        return math.nan
    return sigma * (row["main"] - row["check"]) / tolerance


def plot_truth(inputs, outputs, params, wildcards) -> None:
    """Draw the deviations of all results of mock data from what was injected.

    Parameters
    ----------
    inputs : namespace
        ``verdicts``: table of the comparison.
    outputs : namespace
        ``figure``: the PNG file.
    params : namespace
        ``settings``: ``truth_sigma``, standard errors that are tolerated.
    wildcards : namespace
        None are used.
    """
    rows = [row for row in read_verdicts(inputs.verdicts) if row["product"] == PRODUCT]
    sigma = params.settings["truth_sigma"]
    with style():
        figure = new_figure(8.0, 1.6 + 0.26 * max(len(rows), 1))
        axes = figure.add_subplot()
        _draw(axes, rows, sigma)
        _decorate(axes, rows, sigma)
        save(figure, outputs.figure)


def _draw(axes: Axes, rows: list[dict], sigma: float) -> None:
    limit = REACH * sigma
    x = np.array([truth_pull(row, sigma) for row in rows], dtype=float)
    # What is missing fails, and stands at the end.
    x = np.clip(np.where(np.isnan(x), limit, x), -limit, limit)
    y, passed = np.arange(len(rows)), np.array([row["passed"] for row in rows], dtype=bool)
    axes.hlines(y, 0.0, x, color="#c8c8c8", lw=1.0, zorder=1)
    axes.plot(x[passed], y[passed], "o", ms=5, mec="none", color=OURS)
    axes.plot(x[~passed], y[~passed], "X", ms=9, mec="white", mew=0.7, color=COLOURS["vermilion"])


def _decorate(axes: Axes, rows: list[dict], sigma: float) -> None:
    last, labels = None, []
    for y, row in enumerate(rows):
        if row["target"] != last and y > 0:
            axes.axhline(y - 0.5, color="#c8c8c8", lw=0.8)
        shown = f"{row['target']}   " if row["target"] != last else ""
        labels.append(shown + row["quantity"].replace("_", " "))
        last = row["target"]
    axes.axvspan(-sigma, sigma, color=OURS, alpha=0.07, lw=0)
    axes.axvspan(-1.0, 1.0, color=OURS, alpha=0.10, lw=0)
    axes.axvline(0.0, color="black", lw=1.0)
    axes.set_yticks(range(len(rows)), labels)
    axes.tick_params(axis="y", which="both", length=0)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlim(-1.05 * REACH * sigma, 1.05 * REACH * sigma)
    axes.set_xlabel("(found − injected) / standard error")
    failed = sum(not row["passed"] for row in rows)
    text = f"{len(rows)} numbers against what was injected, {failed} beyond {sigma:g} errors"
    axes.set_title(text if rows else "no result can be held against what was injected")
