"""Figures of resolutions against true energy, and what the figures of a sample share."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iactflow.figures.style import COLOURS, log_ticks, new_figure, note

__all__ = [
    "CYCLE",
    "ENERGY_LABEL",
    "abscissa",
    "draw_energies",
    "draw_resolutions",
    "level_text",
    "nothing",
    "title",
]

CYCLE = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple", "orange", "sky")]
METHODS = {
    "pairs": "pairs of axes",
    "fit": "likelihood fit",
    "forest": "random forest",
    "tables": "tables",
}
ENERGY_LABEL = "True energy [TeV]"


def title(figure: Figure, text: str) -> None:
    """Write the title of a figure of several panels.

    Parameters
    ----------
    figure : Figure
        The figure.
    text : str
        Title.
    """
    figure.suptitle(text, fontsize=12, x=0.02, ha="left")


def nothing(why: str) -> Figure:
    """Make a figure that says why there is none.

    Parameters
    ----------
    why : str
        The reason.

    Returns
    -------
    Figure
        A strip with the text.
    """
    figure = new_figure(7.2, 2.0)
    axes = figure.add_subplot()
    axes.set_axis_off()
    note(axes, why)
    return figure


def level_text(level: str) -> str:
    """Name a level of the night sky in a legend.

    Parameters
    ----------
    level : str
        Column ``level``.

    Returns
    -------
    str
        Empty where files have no levels.
    """
    return "" if level == "all" else f"night sky × {level}"


def abscissa(table: dict, mine: np.ndarray, simulated: bool):
    """Place bins on the abscissa.

    Parameters
    ----------
    table : dict of str to array
        Table with bins of true energy, or of time.
    mine : ndarray of bool
        Its rows.
    simulated : bool
        Whether the bins are of energy.

    Returns
    -------
    centre, half_width : ndarray
        Place, and half the width, of bins of energy below and above.
    factor : float or ndarray
        From counts to what is shown: counts, or rates.
    """
    if simulated:
        low, high = table["energy_min_tev"][mine], table["energy_max_tev"][mine]
        centre = np.sqrt(low * high)
        return centre, [centre - low, high - centre], 1.0
    low, high = table["start_s"][mine], table["stop_s"][mine]
    start = table["start_s"].min()
    return 0.5 * (low + high) - start, 0.5 * (high - low), 1.0 / (high - low)


def draw_resolutions(resolutions: dict, summary: dict) -> Figure:
    """Draw the angular resolution against true energy.

    Parameters
    ----------
    resolutions : dict of str to array
        Table ``resolutions``.
    summary : dict
        Numbers of the sample.

    Returns
    -------
    Figure
        Radius of 68 % containment with its error, by method and level.
    """
    figure = new_figure()
    axes = figure.add_subplot()
    _draw_points(axes, resolutions, "direction", "resolution")
    axes.set(xscale="log", xlabel=ENERGY_LABEL, ylabel="68 % containment radius [deg]")
    axes.set_ylim(bottom=0.0)
    if axes.get_legend_handles_labels()[0]:
        log_ticks(axes)
        axes.legend()
    else:
        note(axes, "too few events for a resolution")
    title(figure, f"{summary['name']}: angular resolution")
    return figure


def _draw_points(axes: Axes, table: dict, quantity: str, value: str) -> None:
    chosen = (table["quantity"] == quantity) & np.isfinite(table["resolution"])
    curves = sorted(set(zip(table["method"][chosen], table["level"][chosen], strict=True)))
    for colour, (method, level) in zip(CYCLE * 4, curves, strict=False):
        mine = chosen & (table["method"] == method) & (table["level"] == level)
        x, width, _ = abscissa(table, mine, True)
        label = ", ".join(filter(None, (METHODS[method], level_text(level))))
        points = {"fmt": "o", "ms": 4, "color": colour, "label": label}
        axes.errorbar(x, table[value][mine], table[f"{value}_error"][mine], width, **points)


def draw_energies(resolutions: dict, summary: dict) -> Figure:
    """Draw bias and resolution of the energy against true energy.

    Parameters
    ----------
    resolutions : dict of str to array
        Table ``resolutions``.
    summary : dict
        Numbers of the sample.

    Returns
    -------
    Figure
        Two panels.
    """
    figure = new_figure(7.2, 6.4)
    top, bottom = figure.subplots(2, 1, sharex=True)
    _draw_points(top, resolutions, "energy", "resolution")
    _draw_points(bottom, resolutions, "energy", "bias")
    top.set(ylabel="Energy resolution (rms)", xscale="log")
    top.set_ylim(bottom=0.0)
    bottom.axhline(0.0, color=COLOURS["grey"], lw=0.8)
    bottom.set(xlabel=ENERGY_LABEL, ylabel="Bias: mean of $E/E_\\mathrm{true} - 1$")
    if top.get_legend_handles_labels()[0]:
        log_ticks(bottom)
        top.legend()
    else:
        note(top, "too few events for a resolution")
    title(figure, f"{summary['name']}: energy")
    return figure
