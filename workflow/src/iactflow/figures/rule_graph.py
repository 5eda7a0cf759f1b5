"""Graph of the rules as they ran, with the cost of each, from the summary of the campaign."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from iactflow.campaign.json_product import read_json
from iactflow.figures.style import OURS, new_figure, save, style

__all__ = ["layers_of", "plot_rule_graph", "reduced"]

SWEEPS = 12
BOX_WIDTH, BOX_HEIGHT = 0.78, 0.62


def plot_rule_graph(inputs, outputs, params, wildcards) -> None:
    """Draw which rule fed which, with jobs and CPU time.

    Parameters
    ----------
    inputs : namespace
        ``summary``: summary of the campaign.
    outputs : namespace
        ``figure``: the PNG file.
    params : namespace
        Nothing is read.
    wildcards : namespace
        None are used.
    """
    summary = read_json(inputs.summary)
    jobs = summary["cost"]
    edges = {(maker, reader) for maker, reader in summary["rule_edges"]}
    layers = layers_of(jobs, edges)
    edges = reduced(edges)
    layers = _ordered(layers, edges)
    deepest = max((len(layer) for layer in layers), default=1)
    with style():
        figure = new_figure(1.2 + 1.95 * max(len(layers), 2), 1.2 + 0.85 * max(deepest, 2))
        axes = figure.add_subplot()
        _draw(axes, layers, jobs, edges)
        save(figure, outputs.figure)


def reduced(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Leave out lines where a way over other rules leads to the same rule.

    Parameters
    ----------
    edges : set of tuple of str
        Maker and reader, without circles.

    Returns
    -------
    set of tuple of str
        The transitive reduction (Aho, Garey & Ullman, SIAM J. Comput. 1 (1972) 131).
    """
    after: dict[str, set[str]] = {}
    for maker, reader in edges:
        after.setdefault(maker, set()).add(reader)

    def reached(rule: str) -> set[str]:
        found, todo = set(), list(after.get(rule, ()))
        while todo:
            current = todo.pop()
            if current not in found:
                found.add(current)
                todo += after.get(current, ())
        return found

    beyond = {rule: reached(rule) for rule in after}
    return {
        (maker, reader)
        for maker, reader in edges
        if not any(reader in beyond.get(other, ()) for other in after[maker] - {reader})
    }


def layers_of(rules: Iterable[str], edges: set[tuple[str, str]]) -> list[list[str]]:
    """Put rules into layers: each behind all that it reads from.

    Parameters
    ----------
    rules : iterable of str
        Rules.
    edges : set of tuple of str
        Maker and reader.

    Returns
    -------
    list of list of str
        Rules by layer, in alphabetical order.

    Raises
    ------
    ValueError
        If rules feed each other in a circle.
    """
    depth = dict.fromkeys(rules, 0)
    for _ in range(len(depth) + 1):
        moved = False
        for maker, reader in edges:
            if depth[reader] <= depth[maker]:
                depth[reader] = depth[maker] + 1
                moved = True
        if not moved:
            layers = [[] for _ in range(1 + max(depth.values(), default=0))]
            for rule in sorted(depth):
                layers[depth[rule]].append(rule)
            return layers
    raise ValueError("rules feed each other in a circle")


def _ordered(layers: list[list[str]], edges: set[tuple[str, str]]) -> list[list[str]]:
    """Order rules inside layers by the mean place of their neighbours: fewer lines cross."""
    place = {rule: _height(i, layer) for layer in layers for i, rule in enumerate(layer)}
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            key = {}
            for rule in layer:
                side = 1 if sweep % 2 == 0 else 0
                near = [place[edge[1 - side]] for edge in sorted(edges) if edge[side] == rule]
                key[rule] = sum(near) / len(near) if near else place[rule]
            layer.sort(key=lambda rule: (key[rule], rule))
            place.update({rule: _height(i, layer) for i, rule in enumerate(layer)})
    return layers


def _height(i: int, layer: list[str]) -> float:
    return i - 0.5 * (len(layer) - 1)


def _draw(axes: Axes, layers, jobs, edges) -> None:
    place = {
        rule: (x, _height(i, layer))
        for x, layer in enumerate(layers)
        for i, rule in enumerate(layer)
    }
    for maker, reader in sorted(edges):
        _line(axes, place[maker], place[reader])
    total = sum(entry["cpu_s"] for entry in jobs.values()) or 1.0
    for rule, (x, y) in place.items():
        share = jobs[rule]["cpu_s"] / total
        corner = (x - 0.5 * BOX_WIDTH, y - 0.5 * BOX_HEIGHT)
        # White for what costs nothing, so that the eye goes to where the time went.
        axes.add_patch(
            FancyBboxPatch(
                corner, BOX_WIDTH, BOX_HEIGHT, boxstyle="round,pad=0,rounding_size=0.06",
                facecolor=_tint(share), edgecolor="#404040", lw=0.9, zorder=3,
            )
        )  # fmt: skip
        text = f"{rule.replace('_', ' ')}\n{_cost(jobs[rule])}"
        axes.text(x, y, text, ha="center", va="center", fontsize=8, linespacing=1.35, zorder=4)
    deepest = max((len(layer) for layer in layers), default=1)
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.set_ylim(0.5 * deepest + 0.1, -0.5 * deepest - 0.1)
    axes.set_axis_off()
    n_jobs = sum(entry["jobs"] for entry in jobs.values())
    axes.set_title(f"{len(jobs)} rules, {n_jobs} jobs, {_time(total)} of CPU; darker: more CPU")


def _line(axes: Axes, start, end) -> None:
    (x0, y0), (x1, y1) = start, end
    x0, x1 = x0 + 0.5 * BOX_WIDTH, x1 - 0.5 * BOX_WIDTH
    steps = [i / 40 for i in range(41)]
    xs = [x0 + (x1 - x0) * t for t in steps]
    ys = [y0 + (y1 - y0) * 0.5 * (1.0 - math.cos(math.pi * t)) for t in steps]
    axes.plot(xs, ys, color="#8a8a8a", lw=0.9, zorder=1, solid_capstyle="round")
    axes.plot(xs[-1:], ys[-1:], marker=4, ms=4, color="#8a8a8a", mec="none", zorder=2)


def _tint(share: float) -> tuple[float, float, float]:
    red, green, blue = (int(OURS[i : i + 2], 16) / 255 for i in (1, 3, 5))
    weight = 0.6 * math.sqrt(share)
    return tuple(1.0 - weight * (1.0 - c) for c in (red, green, blue))


def _cost(entry: Mapping) -> str:
    jobs = "1 job" if entry["jobs"] == 1 else f"{entry['jobs']} jobs"
    return f"{jobs}, {_time(entry['cpu_s'])}"


def _time(cpu_s: float) -> str:
    if cpu_s < 100:
        return f"{cpu_s:.1f} s" if cpu_s < 10 else f"{cpu_s:.0f} s"
    return f"{cpu_s / 60:.0f} min" if cpu_s < 6000 else f"{cpu_s / 3600:.1f} h"
