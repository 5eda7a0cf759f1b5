"""Figures of a production's trigger: efficiency against core distance, area, rates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from iactflow.figures.style import COLOURS, new_figure, save
from iactflow.figures.trigger import TriggerArea, draw_area_and_rate
from iactflow.telescope.rates import crab_nebula, electrons, trigger_efficiency

__all__ = ["draw_efficiency", "draw_trigger", "thinned", "trigger_area"]

CYCLE = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple", "orange", "sky")]
LINES = ("o-", "v--", "s:")


def thinned(n: int) -> np.ndarray:
    """At most as many of n curves as there are colours, first and last among them.

    Parameters
    ----------
    n : int
        Number of curves.

    Returns
    -------
    ndarray of int
        Their numbers, ascending.
    """
    return np.unique(np.linspace(0, n - 1, min(n, len(CYCLE))).round().astype(int))


def energy_label(low: float, high: float, summary: dict) -> str:
    """Name of a bin of energy.

    Parameters
    ----------
    low, high : float
        Edges in TeV.
    summary : dict
        Numbers of the production: its energies may fill a part of the bin.

    Returns
    -------
    str
        For a legend.
    """
    low, high = max(low, summary["energy_min_tev"]), min(high, summary["energy_max_tev"])
    return f"{low:.3g} TeV" if low == high else f"{low:.2g} – {high:.2g} TeV"


def trigger_area(counts: dict, summary: dict, label: str) -> TriggerArea:
    """Effective area of the trigger in bins of energy.

    Parameters
    ----------
    counts : dict of str to array
        Rows of the table ``trigger_counts`` of one level of the night sky.
    summary : dict
        Numbers of the production.
    label : str
        For a legend.

    Returns
    -------
    TriggerArea
        Efficiency times the area of the disk onto which cores were thrown. Bins without events
        between others have no area.
    """
    step = np.log(counts["energy_max_tev"][0] / counts["energy_min_tev"][0])
    first = counts["energy_min_tev"].min()
    place = np.rint(np.log(counts["energy_min_tev"] / first) / step).astype(int)
    thrown = np.bincount(place, weights=counts["n_thrown"])
    triggered = np.bincount(place, weights=counts["n_triggered"])
    edges = first * np.exp(step * np.arange(len(thrown) + 1))
    efficiency = trigger_efficiency(thrown, triggered, summary["shower_reuse"])
    area = np.pi * summary["core_radius_max_m"] ** 2
    return TriggerArea(label, edges, area * efficiency.value, area * efficiency.error)


def _spectra(summary: dict) -> dict[str, Callable]:
    """Spectra by which rates are given: of what is thrown, where one is agreed on."""
    if summary["energy_min_tev"] == summary["energy_max_tev"]:
        return {}
    if summary["particle"] == "gamma":
        return {"Crab Nebula": crab_nebula}
    if summary["particle"] == "electron" and summary["viewcone_deg"] > 0.0:
        solid_angle = 2.0 * np.pi * (1.0 - np.cos(np.radians(summary["viewcone_deg"])))
        return {"electrons": lambda energy_tev: solid_angle * electrons(energy_tev)}
    return {}


def draw_efficiency(counts: dict, summary: dict, title: str) -> Figure:
    """Draw the trigger efficiency against the distance of the axis from the array's centre.

    Parameters
    ----------
    counts : dict of str to array
        Table ``trigger_counts``.
    summary : dict
        Numbers of the production.
    title : str
        Title.

    Returns
    -------
    Figure
        Curves per energy; a style of line per level of the night sky.
    """
    figure = new_figure(7.6, 4.8)
    axes = figure.add_subplot()
    levels = np.unique(counts["nsb_factor"])
    lows = np.unique(counts["energy_min_tev"])
    for line, level in zip(LINES, levels, strict=False):
        for colour, low in zip(CYCLE, lows[thinned(len(lows))], strict=False):
            mine = (counts["nsb_factor"] == level) & (counts["energy_min_tev"] == low)
            centre = 0.5 * (counts["core_min_m"][mine] + counts["core_max_m"][mine])
            efficiency = trigger_efficiency(counts["n_thrown"][mine], counts["n_triggered"][mine])
            label = energy_label(low, counts["energy_max_tev"][mine][0], summary)
            axes.errorbar(
                centre,
                efficiency.value,
                np.minimum(efficiency.error, [efficiency.value, 1.0 - efficiency.value]),
                fmt=line,
                ms=3.5,
                lw=1.1,
                elinewidth=0.8,
                color=colour,
                label=label if level == levels[0] else None,
            )
    axes.set(xlabel="Core distance [m]", ylabel="Trigger efficiency", ylim=(-0.03, 1.05))
    axes.set_xlim(0.0, summary["core_radius_max_m"])
    styles = ("solid", "dashed", "dotted")
    shown = "\n".join(f"× {v:g} {s}" for v, s in zip(levels, styles, strict=False))
    title_of_legend = f"night sky\n{shown}"
    axes.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), title=title_of_legend, title_fontsize=10
    )
    axes.set_title(title)
    return figure


def draw_trigger(counts: dict, summary: dict, title: str, folder: str | Path) -> None:
    """Draw the figures of the trigger.

    Parameters
    ----------
    counts : dict of str to array
        Table ``trigger_counts``.
    summary : dict
        Numbers of the production.
    title : str
        Title.
    folder : str or Path
        Folder to make.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    save(draw_efficiency(counts, summary, title), folder / "efficiency.png")
    areas = []
    for level in np.unique(counts["nsb_factor"]):
        mine = {key: values[counts["nsb_factor"] == level] for key, values in counts.items()}
        areas.append(trigger_area(mine, summary, f"night sky × {level:g}"))
    figure = draw_area_and_rate(areas, _spectra(summary), title)
    save(figure, folder / "area_and_rate.png")
