"""Figures of a reconstructed sample: one event at every stage, parameters, resolutions, rates."""

from __future__ import annotations

from pathlib import Path

import awkward
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from iactflow.campaign.json_product import read_json
from iactflow.figures.camera import draw_camera, draw_ellipse
from iactflow.figures.resolutions import (
    CYCLE,
    ENERGY_LABEL,
    abscissa,
    draw_energies,
    draw_resolutions,
    level_text,
    nothing,
    title,
)
from iactflow.figures.style import COLOURS, log_ticks, new_figure, save, style
from iactflow.io.root import read_file
from iactflow.io.subarray import Subarray
from iactflow.io.subarray_tables import build_subarray
from iactflow.stereo.frames import horizontal_to_telescope

__all__ = [
    "draw_classes",
    "draw_counts",
    "draw_events",
    "draw_parameters",
    "draw_stages",
    "plot_reconstruction",
]

# Telescopes that are shown: the brightest.
SHOWN_TELESCOPES = 4
STAGES = ("raw counts", "photoelectrons", "pulse time", "cleaned")
LABELS = {
    "hillas_intensity": ("Size [p.e.]", True),
    "hillas_width_deg": ("Width [deg]", False),
    "hillas_length_deg": ("Length [deg]", False),
    "hillas_r_deg": ("Distance of the centre of gravity [deg]", False),
    "leakage_intensity_width_2": ("Leakage, two rings", False),
    "morphology_n_pixels": ("Pixels", False),
    "timing_slope_ns_per_deg": ("Time gradient [ns deg$^{-1}$]", False),
    "impact_distance_m": ("Impact distance [m]", False),
    "h_max_m": ("Height of maximum a.s.l. [km]", False),
    "multiplicity": ("Telescopes", False),
    "mean_scaled_width": ("Mean scaled width", False),
    "mean_scaled_length": ("Mean scaled length", False),
    "gammaness": ("Gammaness", False),
}
CLASSES = ("mean_scaled_width", "mean_scaled_length", "gammaness")


def plot_reconstruction(inputs, outputs, params, wildcards) -> None:
    """Draw the figures of a sample.

    Parameters
    ----------
    inputs : namespace
        ``summary`` and ``table`` of the sample.
    outputs : namespace
        ``event``, ``figures``: folders of PNG files.
    params : namespace
        None are used.
    wildcards : namespace
        ``sample``.
    """
    summary, (tables, _) = read_json(inputs.summary), read_file(inputs.table)
    event, folder = Path(outputs.event), Path(outputs.figures)
    for path in (event, folder):
        path.mkdir(parents=True)
    with style():
        save(draw_stages(tables, summary), event / "stages.png")
        save(draw_parameters(tables["parameter_histograms"], summary), folder / "images.png")
        save(draw_events(tables["parameter_histograms"], summary), folder / "events.png")
        save(draw_counts(tables, summary), folder / "counts.png")
        if any(np.any(_is(tables["parameter_histograms"], name)) for name in CLASSES):
            save(draw_classes(tables["parameter_histograms"], summary), folder / "classes.png")
        if summary["is_simulation"]:
            resolutions = tables["resolutions"]
            save(draw_resolutions(resolutions, summary), folder / "direction.png")
            if np.any(resolutions["quantity"] == "energy"):
                save(draw_energies(resolutions, summary), folder / "energy.png")


def draw_stages(tables: dict[str, dict], summary: dict) -> Figure:
    """Draw the images of an event from raw counts to the cleaned image.

    Parameters
    ----------
    tables : dict of str to dict of str to array
        Tables of the event and of its array.
    summary : dict
        Numbers of the sample.

    Returns
    -------
    Figure
        A row per telescope: raw counts, photoelectrons, times, the cleaned image and its ellipse.
    """
    if "images" not in tables:
        return nothing("no event of the first part was reconstructed")
    array = build_subarray(tables, "summary")
    size = tables["parameters"]["hillas_intensity"]
    order = np.argsort(np.nan_to_num(size, nan=-1.0), kind="stable")[::-1][:SHOWN_TELESCOPES]
    order = order[np.argsort(tables["images"]["tel_id"][order])]
    timed = any(
        np.isfinite(awkward.to_numpy(row)).any() for row in tables["images"]["peak_time_ns"]
    )
    stages = [name for name in STAGES if timed or name != "pulse time"]
    figure = new_figure(3.6 * len(stages), 0.9 + 3.1 * len(order))
    panels = figure.subplots(len(order), len(stages), squeeze=False)
    for axes, row in zip(panels, order, strict=True):
        _draw_telescope(dict(zip(stages, axes, strict=True)), tables, int(row), array)
    figure.supxlabel("Longitude in the telescope frame [deg]", fontsize=11)
    figure.supylabel("Latitude [deg]", fontsize=11)
    title(figure, f"{summary['name']}, {_event_text(tables, summary)}")
    return figure


def _event_text(tables: dict, summary: dict) -> str:
    about, geometry = summary["shown_event"], tables["geometry"]
    text = f"event {about['event_id']} of run {about['obs_id']}"
    truth = tables.get("simulated_events")
    if truth is not None:
        text += f", {truth['true_energy_tev'][0]:.2g} TeV"
    core = np.hypot(geometry["core_x_m"][0], geometry["core_y_m"][0])
    return f"{text}; core reconstructed at {core:.0f} m"


def _draw_telescope(axes: dict[str, Axes], tables: dict, row: int, array: Subarray) -> None:
    images = tables["images"]
    tel_id = int(images["tel_id"][row])
    kind = array.telescope_type(tel_id)
    raw = awkward.to_numpy(tables["raw_images"]["raw_adu"][row])
    image, time, mask = (
        awkward.to_numpy(images[name][row]) for name in ("image", "peak_time_ns", "image_mask")
    )
    norm = PowerNorm(0.5, 0.0, max(float(image.max()), 1.0))
    counts = PowerNorm(0.5, 0.0, max(float(raw.max()), 1.0))
    draw_camera(axes["raw counts"], kind, raw, "adu", counts)
    draw_camera(axes["photoelectrons"], kind, image, "p.e.", norm)
    if "pulse time" in axes:
        kept = np.where(mask, time, np.nan)
        draw_camera(axes["pulse time"], kind, kept, "ns", cmap="cividis")
    draw_camera(axes["cleaned"], kind, np.where(mask, image, np.nan), "p.e.", norm)
    parameters = {name: float(values[row]) for name, values in tables["parameters"].items()}
    draw_ellipse(axes["cleaned"], parameters)
    _draw_directions(axes["cleaned"], tables, tel_id)
    for name, panel in axes.items():
        panel.set_title(f"Telescope {tel_id}: {name}", fontsize=10)


def _draw_directions(axes: Axes, tables: dict, tel_id: int) -> None:
    """Reconstructed and true direction in the frame of a telescope."""
    pointing = tables["pointing"]
    mine = int(np.flatnonzero(pointing["tel_id"] == tel_id)[0])
    towards = float(pointing["altitude_deg"][mine]), float(pointing["azimuth_deg"][mine])
    found = tables["geometry"]["alt_deg"], tables["geometry"]["az_deg"]
    lon, lat = horizontal_to_telescope(*found, *towards)
    axes.plot(lon, lat, "x", ms=8, mew=1.6, color=COLOURS["blue"], label="reconstructed")
    truth = tables.get("simulated_events")
    if truth is not None:
        lon, lat = horizontal_to_telescope(truth["true_alt_deg"], truth["true_az_deg"], *towards)
        axes.plot(lon, lat, "+", ms=11, mew=1.6, color=COLOURS["black"], label="true")
    axes.legend(loc="upper right", fontsize=8)


def _histogram(axes: Axes, table: dict, quantity: str, scale: float = 1.0) -> None:
    """Histogram of a quantity, by type of telescope and level, per bin as a fraction of all."""
    label, logarithmic = LABELS[quantity]
    chosen = table["quantity"] == quantity
    curves = sorted(set(zip(table["telescope_type"][chosen], table["level"][chosen], strict=True)))
    for colour, (kind, level) in zip(CYCLE, curves, strict=False):
        mine = chosen & (table["telescope_type"] == kind) & (table["level"] == level)
        low, high, n = (table[name][mine] for name in ("low", "high", "n"))
        order = np.argsort(low)
        low, high, n = low[order] * scale, high[order] * scale, n[order]
        part, error = n / n.sum(), np.sqrt(n) / n.sum()
        centre = np.sqrt(low * high) if logarithmic else 0.5 * (low + high)
        names = [name for name in (kind, level_text(level)) if name]
        text = ", ".join(names) or None
        axes.errorbar(centre, part, error, fmt="o", ms=3, color=colour, label=text, lw=1.0)
    axes.set_xlabel(label)
    if logarithmic:
        axes.set_xscale("log")


def draw_parameters(histograms: dict, summary: dict) -> Figure:
    """Draw distributions of the parameters of images.

    Parameters
    ----------
    histograms : dict of str to array
        Table ``parameter_histograms``.
    summary : dict
        Numbers of the sample.

    Returns
    -------
    Figure
        A panel per parameter.
    """
    quantities = [q for q in LABELS if np.any(_of_images(histograms) & _is(histograms, q))]
    if not quantities:
        return nothing("no image survived the cleaning")
    figure = new_figure(12.8, 0.6 + 2.9 * -(-len(quantities) // 3))
    panels = figure.subplots(-(-len(quantities) // 3), 3, squeeze=False)
    for axes, quantity in zip(panels.flat, quantities, strict=False):
        _histogram(axes, histograms, quantity)
        axes.set_yscale("log")
    for axes in list(panels.flat)[len(quantities) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("Fraction of images")
    panels[0, 0].legend(loc="upper right")
    title(figure, f"{summary['name']}: {summary['n_images']} images after cleaning")
    return figure


def _is(table: dict, quantity: str) -> np.ndarray:
    return table["quantity"] == quantity


def _of_images(table: dict) -> np.ndarray:
    return table["telescope_type"] != ""


def draw_events(histograms: dict, summary: dict) -> Figure:
    """Draw multiplicity and height of the shower maximum of reconstructed events.

    Parameters
    ----------
    histograms : dict of str to array
        Table ``parameter_histograms``.
    summary : dict
        Numbers of the sample.

    Returns
    -------
    Figure
        Two panels.
    """
    if not np.any(_is(histograms, "multiplicity")):
        return nothing("no event was reconstructed")
    figure = new_figure(10.0, 4.2)
    left, right = figure.subplots(1, 2)
    _histogram(left, histograms, "multiplicity")
    _histogram(right, histograms, "h_max_m", scale=1e-3)
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.xaxis.set_minor_locator(NullLocator())
    left.set_ylabel("Fraction of events")
    for axes in (left, right):
        axes.set_ylim(bottom=0.0)
    if len(summary["levels"]) > 1:
        left.legend()
    text = f"{summary['n_reconstructed']} of {summary['n_events']} events reconstructed"
    title(figure, f"{summary['name']}: {text}")
    return figure


def draw_classes(histograms: dict, summary: dict) -> Figure:
    """Draw what tells gamma rays from others: scaled shapes and gammaness.

    Parameters
    ----------
    histograms : dict of str to array
        Table ``parameter_histograms``.
    summary : dict
        Numbers of the sample.

    Returns
    -------
    Figure
        A panel per quantity that the sample has.
    """
    names = [name for name in CLASSES if np.any(_is(histograms, name))]
    figure = new_figure(1.2 + 4.4 * len(names), 4.2)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        _histogram(axes, histograms, name)
        axes.set_ylim(bottom=0.0)
    panels[0].set_ylabel("Fraction of events")
    if "gammaness" in names:
        panels[-1].set_xlim(0.0, 1.0)
    if len(summary["levels"]) > 1:
        panels[0].legend()
    n = int(histograms["n"][_is(histograms, names[-1])].sum())
    unseen = " that no model was trained on" if summary["is_simulation"] else ""
    title(figure, f"{summary['name']}: {n} events{unseen}")
    return figure


def draw_counts(tables: dict[str, dict], summary: dict) -> Figure:
    """Draw how many events triggered and were reconstructed, against energy or time.

    Parameters
    ----------
    tables : dict of str to dict of str to array
        Tables ``event_counts`` (simulations) and ``event_rates`` (data).
    summary : dict
        Numbers of the sample.

    Returns
    -------
    Figure
        Against true energy for simulations, as a rate against time for data.
    """
    simulated = summary["is_simulation"]
    table = tables["event_counts" if simulated else "event_rates"]
    if not len(table["level"]):
        return nothing("no events")
    figure = new_figure()
    axes = figure.add_subplot()
    colours = iter(CYCLE * 4)
    for level in sorted(set(table["level"].tolist())):
        mine = table["level"] == level
        for name, text, marker in (("n_events", "triggered", "o"),
                                   ("n_reconstructed", "reconstructed", "s")):  # fmt: skip
            n = table[name][mine]
            x, width, factor = abscissa(table, mine, simulated)
            label = ", ".join(filter(None, (text, level_text(level))))
            errors = {"fmt": marker, "ms": 4, "color": next(colours), "label": label}
            axes.errorbar(x, n * factor, np.sqrt(n) * factor, width, **errors)
    if simulated:
        axes.set(xscale="log", yscale="log", xlabel=ENERGY_LABEL, ylabel="Events")
        log_ticks(axes)
    else:
        axes.set(xlabel="Time since the first event [s]", ylabel="Rate [Hz]")
        axes.set_ylim(bottom=0.0)
    axes.legend()
    title(figure, f"{summary['name']}: events")
    return figure
