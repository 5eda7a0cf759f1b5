"""Figures of a production: longitudinal profiles, light on the ground, images, trigger."""

from __future__ import annotations

import awkward
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iactflow.campaign.json_product import read_json
from iactflow.figures.event_images import draw_event
from iactflow.figures.style import COLOURS, log_ticks, new_figure, note, save, style
from iactflow.instrument.load import load_instrument
from iactflow.io.root import read_file
from iactflow.telescope.stages.setup import instrument_folder

__all__ = ["effective_area_m2", "plot_simulation"]

CYCLE = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple", "orange", "sky")]
MAX_CURVES = 6


def plot_simulation(inputs, outputs, params, wildcards) -> None:
    """Draw the figures of a production.

    Parameters
    ----------
    inputs : namespace
        ``summary`` and ``table`` of the production; ``instrument``: files of the instrument.
    outputs : namespace
        ``profiles``, ``light``, ``images``, ``trigger``: PNG files.
    params : namespace
        ``settings``: block of the production.
    wildcards : namespace
        ``production``.
    """
    summary, (tables, _) = read_json(inputs.summary), read_file(inputs.table)
    instrument = load_instrument(instrument_folder(inputs.instrument))
    with style():
        save(draw_profiles(tables["mean_profiles"], summary), outputs.profiles)
        save(draw_light(tables["ground_light"], summary), outputs.light)
        trigger = draw_trigger(tables["trigger_counts"], params.settings, summary)
        save(trigger, outputs.trigger)
        event = draw_event(tables, instrument, tuple(summary["pointing_deg"]), _what(summary))
        save(event, outputs.images)


def _energy_label(low: float, high: float) -> str:
    return f"{low:.2g} – {high:.2g} TeV"


def _thinned(n: int) -> np.ndarray:
    """At most `MAX_CURVES` of n curves, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_CURVES)).round().astype(int))


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
    figure = new_figure(7.2, 4.8)
    axes = figure.add_subplot()
    for colour, row in zip(CYCLE, _thinned(len(profiles["n_showers"])), strict=False):
        depth = awkward.to_numpy(profiles["depth_g_cm2"][row])
        mean = awkward.to_numpy(profiles["n_charged_mean"][row])
        std = awkward.to_numpy(profiles["n_charged_std"][row])
        n = int(profiles["n_showers"][row])
        label = _energy_label(profiles["energy_min_tev"][row], profiles["energy_max_tev"][row])
        axes.plot(depth, mean, color=colour, label=f"{label}: {n} showers")
        axes.fill_between(
            depth, np.maximum(mean - std, 0), mean + std, color=colour, alpha=0.15, lw=0
        )
    axes.set(xlabel="Slant depth [g cm$^{-2}$]", ylabel="Charged particles", yscale="log")
    top = max((float(awkward.max(m)) for m in profiles["n_charged_mean"]), default=1.0)
    axes.set_ylim(0.3, 4.0 * max(top, 1.0))
    axes.set_xlim(left=0.0)
    axes.set_title(f"{_what(summary)}: longitudinal profiles")
    axes.legend(loc="upper right")
    note(axes, "line: mean; band: rms of single showers", "lower left")
    return figure


def _what(summary: dict) -> str:
    particle = summary["particle"].replace("_", " ")
    return (
        f"{summary['name']} ({particle}, {summary['instrument']} {summary['instrument_version']})"
    )


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
        _draw_light(axes, {k: v[light["telescope_type"] == name] for k, v in light.items()})
        axes.set_title(name)
        axes.set_xlabel("Distance from the axis [m]")
    for axes in panels[:, 0]:
        axes.set_ylabel("Photons [m$^{-2}$]")
    for axes in list(panels.flat)[len(types) :]:
        axes.set_axis_off()
    panels[0, -1 if len(types) < 3 else 2].legend(loc="upper right")
    figure.suptitle(f"{_what(summary)}: light on the ground", fontsize=12, x=0.02, ha="left")
    return figure


def _draw_light(axes: Axes, light: dict) -> None:
    lows = np.unique(light["energy_min_tev"])
    for colour, low in zip(CYCLE, lows[_thinned(len(lows))], strict=False):
        mine = light["energy_min_tev"] == low
        centre = 0.5 * (light["impact_min_m"][mine] + light["impact_max_m"][mine])
        half = 0.5 * (light["impact_max_m"][mine] - light["impact_min_m"][mine])
        mean = light["photons_per_m2_mean"][mine]
        error = light["photons_per_m2_std"][mine] / np.sqrt(light["n_telescopes"][mine])
        label = _energy_label(low, light["energy_max_tev"][mine][0])
        axes.errorbar(centre, mean, error, half, fmt="o", ms=3.5, color=colour, label=label)
    axes.set(yscale="log", xlim=(0, None))


def effective_area_m2(counts: dict, radius_max_m: float) -> dict[str, np.ndarray]:
    """Effective area of the trigger in bins of energy.

    Parameters
    ----------
    counts : dict of str to array
        Rows of the table ``trigger_counts`` of one level of the night sky.
    radius_max_m : float
        Radius of the disk in which cores were thrown, in the plane of the shower.

    Returns
    -------
    dict of str to ndarray
        ``energy_min_tev``, ``energy_max_tev``, ``efficiency``, ``area_m2`` and
        ``area_error_m2`` (binomial, of the events as if they were independent).
    """
    low, place = np.unique(counts["energy_min_tev"], return_inverse=True)
    thrown = np.bincount(place, weights=counts["n_thrown"])
    triggered = np.bincount(place, weights=counts["n_triggered"])
    high = np.array([counts["energy_max_tev"][place == i][0] for i in range(len(low))])
    efficiency = triggered / thrown
    # One more event of each kind keeps the error of an empty or a full bin from vanishing.
    smooth = (triggered + 1.0) / (thrown + 2.0)
    error = np.sqrt(smooth * (1.0 - smooth) / thrown)
    area = np.pi * radius_max_m**2
    return {
        "energy_min_tev": low,
        "energy_max_tev": high,
        "efficiency": efficiency,
        "area_m2": area * efficiency,
        "area_error_m2": area * error,
    }


def draw_trigger(counts: dict, settings: dict, summary: dict) -> Figure:
    """Draw the trigger efficiency against core distance, and the effective area of the trigger.

    Parameters
    ----------
    counts : dict of str to array
        Table ``trigger_counts``.
    settings : dict
        Block of the production.
    summary : dict
        Numbers of the production.

    Returns
    -------
    Figure
        Two panels.
    """
    figure = new_figure(10.4, 4.6)
    left, right = figure.subplots(1, 2)
    levels = np.unique(counts["nsb_factor"])
    first = {k: v[counts["nsb_factor"] == levels[0]] for k, v in counts.items()}
    lows = np.unique(first["energy_min_tev"])
    for colour, low in zip(CYCLE, lows[_thinned(len(lows))], strict=False):
        mine = first["energy_min_tev"] == low
        centre = 0.5 * (first["core_min_m"][mine] + first["core_max_m"][mine])
        n, k = first["n_thrown"][mine], first["n_triggered"][mine]
        smooth = (k + 1.0) / (n + 2.0)
        error = np.sqrt(smooth * (1 - smooth) / n)
        label = _energy_label(low, first["energy_max_tev"][mine][0])
        left.errorbar(centre, k / n, error, fmt="o-", ms=3.5, lw=1, color=colour, label=label)
    left.set(xlabel="Core distance [m]", ylabel="Trigger efficiency", ylim=(-0.02, 1.08))
    left.set_xlim(0, settings["core_radius_max_m"])
    left.set_title(f"night sky × {levels[0]:g}", fontsize=10.5)
    left.legend(loc="lower left")
    for colour, level in zip(CYCLE, levels, strict=False):
        chosen = {k: v[counts["nsb_factor"] == level] for k, v in counts.items()}
        area = effective_area_m2(chosen, settings["core_radius_max_m"])
        centre = np.sqrt(area["energy_min_tev"] * area["energy_max_tev"])
        reach = [centre - area["energy_min_tev"], area["energy_max_tev"] - centre]
        shown = area["area_m2"] > 0
        right.errorbar(
            centre[shown],
            area["area_m2"][shown],
            area["area_error_m2"][shown],
            np.array(reach)[:, shown],
            fmt="o",
            color=colour,
            label=f"night sky × {level:g}",
        )
    thrown = np.pi * settings["core_radius_max_m"] ** 2
    right.axhline(thrown, color=COLOURS["grey"], ls="--", lw=1, label="area thrown onto")
    right.set(xscale="log", yscale="log", xlabel="Energy [TeV]", ylabel="Effective area [m$^2$]")
    log_ticks(right)
    right.legend(loc="lower right")
    figure.suptitle(f"{_what(summary)}: array trigger", fontsize=12, x=0.02, ha="left")
    return figure
