"""Figures of a production: longitudinal profiles, light on the ground, images, trigger."""

from __future__ import annotations

import awkward
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iactflow.campaign.json_product import read_json
from iactflow.figures.event_images import draw_event
from iactflow.figures.production_trigger import CYCLE, draw_trigger, energy_label, thinned
from iactflow.figures.style import log_ticks, new_figure, note, save, style
from iactflow.instrument.load import load_instrument
from iactflow.io.root import read_file
from iactflow.telescope.stages.setup import instrument_folder

__all__ = ["draw_light", "draw_profiles", "plot_simulation"]


def plot_simulation(inputs, outputs, params, wildcards) -> None:
    """Draw the figures of a production.

    Parameters
    ----------
    inputs : namespace
        ``summary`` and ``table`` of the production; ``instrument``: files of the instrument.
    outputs : namespace
        ``profiles``, ``light``, ``images``: PNG files; ``trigger``: a folder of them.
    params : namespace
        None are used.
    wildcards : namespace
        ``production``.
    """
    summary, (tables, _) = read_json(inputs.summary), read_file(inputs.table)
    instrument = load_instrument(instrument_folder(inputs.instrument))
    with style():
        save(draw_profiles(tables["mean_profiles"], summary), outputs.profiles)
        save(draw_light(tables["ground_light"], summary), outputs.light)
        draw_trigger(tables["trigger_counts"], summary, _what(summary), outputs.trigger)
        event = draw_event(tables, instrument, tuple(summary["pointing_deg"]), _what(summary))
        save(event, outputs.images)


def draw_profiles(profiles: dict, summary: dict) -> Figure:
    """Draw mean longitudinal profiles in bins of energy.

    Parameters
    ----------
    profiles : dict of str to array
        Table ``mean_profiles``.
    summary : dict
        Numbers of the production.

    Returns
    -------
    Figure
        Mean with its standard error, and the spread of single showers.
    """
    if not len(profiles["n_showers"]):
        return _nothing("no longitudinal profiles: photons come from CORSIKA's files")
    figure = new_figure(7.2, 4.8)
    axes = figure.add_subplot()
    for colour, row in zip(CYCLE, thinned(len(profiles["n_showers"])), strict=False):
        depth = awkward.to_numpy(profiles["depth_g_cm2"][row])
        mean = awkward.to_numpy(profiles["n_charged_mean"][row])
        std = awkward.to_numpy(profiles["n_charged_std"][row])
        # The ground is deeper for other showers of a cone than for these.
        reached = np.flatnonzero(mean)[-1:].sum() + 1
        depth, mean, std = depth[:reached], mean[:reached], std[:reached]
        n = int(profiles["n_showers"][row])
        low, high = (profiles[f"energy_{end}_tev"][row] for end in ("min", "max"))
        label = energy_label(low, high, summary)
        counted = f"{n} shower" if n == 1 else f"{n} showers"
        axes.plot(depth, mean, color=colour, label=f"{label}: {counted}")
        axes.fill_between(
            depth, np.maximum(mean - std, 0), mean + std, color=colour, alpha=0.15, lw=0
        )
    axes.set(xlabel="Slant depth [g cm$^{-2}$]", ylabel="Charged particles", yscale="log")
    top = max((float(awkward.max(m)) for m in profiles["n_charged_mean"]), default=1.0)
    # Two decades and a half above the largest shower: the legend covers no profile.
    axes.set_ylim(0.3, 300.0 * max(top, 1.0))
    axes.set_xlim(left=0.0)
    axes.set_title(f"{_what(summary)}: longitudinal profiles")
    title = "mean, and rms of single showers"
    axes.legend(loc="upper center", ncols=2, title=title, title_fontsize=9)
    return figure


def _nothing(why: str) -> Figure:
    figure = new_figure(7.2, 2.0)
    axes = figure.add_subplot()
    axes.set_axis_off()
    note(axes, why)
    return figure


def _what(summary: dict) -> str:
    particle = summary["particle"].replace("_", " ")
    name = summary["name"]
    shown = particle if name == summary["particle"] else f"{name} ({particle})"
    return f"{shown}, {summary['instrument']} {summary['instrument_version']}"


def draw_light(light: dict, summary: dict) -> Figure:
    """Draw the light on the telescopes' spheres against the distance from the shower axis.

    Parameters
    ----------
    light : dict of str to array
        Table ``ground_light``.
    summary : dict
        Numbers of the production.

    Returns
    -------
    Figure
        A panel per type of telescope; curves per energy.
    """
    types = list(dict.fromkeys(light["telescope_type"].tolist()))
    figure = new_figure(max(7.2, 3.6 * min(len(types), 3)), 4.6 * -(-len(types) // 3))
    panels = figure.subplots(-(-len(types) // 3), min(len(types), 3), squeeze=False, sharey=True)
    for axes, name in zip(panels.flat, types, strict=False):
        mine = {k: v[light["telescope_type"] == name] for k, v in light.items()}
        _draw_light(axes, mine, summary)
        axes.set_title(name)
        axes.set_xlabel("Distance from the axis [m]")
    for axes in panels[:, 0]:
        axes.set_ylabel(_photons_label(summary))
    for axes in list(panels.flat)[len(types) :]:
        axes.set_axis_off()
    panels[0, -1 if len(types) < 3 else 2].legend(loc="upper right")
    figure.suptitle(f"{_what(summary)}: light on the ground", fontsize=12, x=0.02, ha="left")
    return figure


def _photons_label(summary: dict) -> str:
    """Ours are drawn for the detector; those of files are all that were emitted in its band."""
    from_files = summary["backend"] != "iactflow"
    return ("Photons" if from_files else "Detectable photons") + " [m$^{-2}$]"


def _draw_light(axes: Axes, light: dict, summary: dict) -> None:
    lows = np.unique(light["energy_min_tev"])
    for colour, low in zip(CYCLE, lows[thinned(len(lows))], strict=False):
        mine = light["energy_min_tev"] == low
        centre = 0.5 * (light["impact_min_m"][mine] + light["impact_max_m"][mine])
        half = 0.5 * (light["impact_max_m"][mine] - light["impact_min_m"][mine])
        mean = light["photons_per_m2_mean"][mine]
        error = light["photons_per_m2_std"][mine] / np.sqrt(light["n_telescopes"][mine])
        label = energy_label(low, light["energy_max_tev"][mine][0], summary)
        axes.errorbar(centre, mean, error, half, fmt="o", ms=3.5, color=colour, label=label)
    axes.set(yscale="log", xlim=(0, None))
    log_ticks(axes, "y")
