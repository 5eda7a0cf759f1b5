"""Figures of a trigger: effective area and rates against energy, probability against light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iactflow.figures.style import COLOURS, OURS, log_ticks, new_figure
from iactflow.telescope.rates import trigger_rate

__all__ = ["TriggerArea", "TriggerLight", "draw_area_and_rate", "draw_probability"]

CYCLE = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple", "orange", "sky")]


class TriggerArea(NamedTuple):
    """Effective area of a trigger in bins of energy.

    Attributes
    ----------
    label : str
        For the legend.
    energy_edges_tev : ndarray, shape (n + 1,)
        Edges.
    area_m2, error_m2 : ndarray, shape (n,)
        Area; standard error.
    """

    label: str
    energy_edges_tev: np.ndarray
    area_m2: np.ndarray
    error_m2: np.ndarray


class TriggerLight(NamedTuple):
    """Telescopes, their light and whether they fire.

    Attributes
    ----------
    label : str
        Title of the panel.
    n_electrons : ndarray, shape (n,)
        Photoelectrons in the camera.
    probability : ndarray, shape (n,)
        Probability to fire, from many night skies.
    read_out : ndarray of int, shape (n,)
        What the other simulation did: 1 read out, 0 not read out, -1 no event recorded.
    """

    label: str
    n_electrons: np.ndarray
    probability: np.ndarray
    read_out: np.ndarray


def _draw_area(axes: Axes, areas: Sequence[TriggerArea]) -> None:
    for colour, area in zip(CYCLE, areas, strict=False):
        edges = area.energy_edges_tev
        centre = np.sqrt(edges[1:] * edges[:-1])
        shown = area.area_m2 > 0.0
        reach = np.array([centre - edges[:-1], edges[1:] - centre])[:, shown]
        axes.errorbar(
            centre[shown],
            area.area_m2[shown],
            area.error_m2[shown],
            reach,
            fmt="o",
            ms=4,
            color=colour,
            label=area.label,
        )
    axes.set(xscale="log", yscale="log", xlabel="Energy [TeV]", ylabel="Effective area [m$^2$]")
    log_ticks(axes)
    axes.legend(loc="lower right")


def draw_area_and_rate(
    areas: Sequence[TriggerArea], spectra: Mapping[str, Callable], title: str
) -> Figure:
    """Draw effective areas of a trigger, and rates by spectra with the first of them.

    Parameters
    ----------
    areas : sequence of TriggerArea
        Areas.
    spectra : mapping of str to callable
        dN/dE in cm-2 s-1 TeV-1 against the energy in TeV, by what they are called.
    title : str
        Title.

    Returns
    -------
    Figure
        Area to the left; rates per logarithm of energy to the right, totals in the legend; no
        such panel without spectra.
    """
    if not spectra:
        figure = new_figure(6.4, 4.6)
        axes = figure.add_subplot()
        _draw_area(axes, areas)
        axes.set_title(title)
        return figure
    figure = new_figure(10.4, 4.6)
    left, right = figure.subplots(1, 2)
    _draw_area(left, areas)
    for colour, area in zip(CYCLE, areas, strict=False):
        edges = area.energy_edges_tev
        for line, (name, spectrum) in zip(("-", "--", ":"), spectra.items(), strict=False):
            rate = trigger_rate(edges, area.area_m2, spectrum, area.error_m2)
            density = 60.0 * rate.per_bin_hz / np.diff(np.log(edges))
            total = f"{60.0 * rate.hz:.0f} ± {60.0 * rate.error_hz:.0f} per min"
            label = f"{name}, {area.label}: {total}"
            right.stairs(density, edges, color=colour, ls=line, lw=1.6, label=label)
    right.set(xscale="log", xlabel="Energy [TeV]", ylabel="Rate per ln E [min$^{-1}$]")
    right.set_ylim(0, 1.3 * right.get_ylim()[1])
    log_ticks(right)
    right.legend(loc="upper right")
    figure.suptitle(title, fontsize=12, x=0.02, ha="left")
    return figure


def draw_probability(panels: Sequence[TriggerLight], title: str) -> Figure:
    """Draw the probability to fire against the light in a camera.

    Parameters
    ----------
    panels : sequence of TriggerLight
        One panel each.
    title : str
        Title.

    Returns
    -------
    Figure
        Telescopes of events by what the other simulation made of them.
    """
    figure = new_figure(0.6 + 4.7 * len(panels), 4.4)
    kinds = (
        (-1, "no event recorded", COLOURS["grey"], "x"),
        (0, "not read out there", COLOURS["vermilion"], "v"),
        (1, "read out there", OURS, "o"),
    )
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for value, label, colour, marker in kinds:
            mine = panel.read_out == value
            axes.plot(
                panel.n_electrons[mine],
                panel.probability[mine],
                ls="none",
                marker=marker,
                ms=5.5,
                mfc="none" if marker == "v" else colour,
                color=colour,
                label=f"{label} ({mine.sum()})",
            )
        axes.set(xscale="log", xlabel="Photoelectrons in the camera", ylim=(-0.04, 1.04))
        axes.set_title(panel.label, fontsize=10.5)
        axes.legend(loc="center right")
        log_ticks(axes)
    figure.axes[0].set_ylabel("Probability to fire")
    figure.suptitle(title, fontsize=12, x=0.02, ha="left")
    return figure
