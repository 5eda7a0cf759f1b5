"""Figures of a node's responses: area, resolutions, background, sensitivity, rejection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iactflow.campaign.json_product import read_json
from iactflow.figures.resolutions import CYCLE, ENERGY_LABEL, nothing, title
from iactflow.figures.style import COLOURS, log_ticks, new_figure, note, save, style
from iactflow.response.spectra import SPECTRA

__all__ = ["FIGURES", "plot_performance"]

RECO_LABEL = "Reconstructed energy [TeV]"
LIMIT_LABEL = "open triangles: lower limits, no background left"
ERG_PER_TEV = 1.602176634
SIGNAL, BACKGROUND = COLOURS["blue"], COLOURS["vermilion"]
#: Fractions of the reference source that sensitivities are shown beside.
SHOWN_FRACTIONS = (1.0, 0.1, 0.01, 0.001)
#: Least fraction of the background on the axis.
LEAST_SHOWN = 1e-4
#: Most energies whose background is shown against the offset.
SHOWN_ENERGIES = 5
NAMES = {
    "mean_scaled_width": "Mean scaled width",
    "mean_scaled_length": "Mean scaled length",
    "gammaness": "Gammaness",
}
DISCRIMINATORS = {"scaled_cuts": "mean scaled width and length", "trees": "boosted trees"}


def plot_performance(inputs, outputs, params, wildcards) -> None:
    """Draw the figures of a node.

    Parameters
    ----------
    inputs : namespace
        ``summary`` of the node.
    outputs : namespace
        ``figures``: a folder of PNG files.
    params, wildcards : namespace
        None are used.
    """
    summary, folder = read_json(inputs.summary), Path(outputs.figures)
    folder.mkdir(parents=True)
    with style():
        for name, draw in FIGURES.items():
            save(draw(summary), folder / f"{name}.png")


def _array(values) -> np.ndarray:
    """Numbers of a summary; null is not a number."""
    return np.array(values, dtype=np.float64)


def _bins(edges) -> tuple[np.ndarray, list[np.ndarray]]:
    """Centres in log E, and the widths of bins below and above."""
    edges = _array(edges)
    centre = np.sqrt(edges[1:] * edges[:-1])
    return centre, [centre - edges[:-1], edges[1:] - centre]


def _limits(edges) -> tuple[float, float]:
    """Limits of an axis that holds all bins."""
    return 0.9 * edges[0], 1.1 * edges[-1]


def _by_offset(axes: Axes, summary: dict, name: str, unit: str = "", positive: bool = False):
    """Draw a quantity by true energy, a colour for every offset."""
    centre, width = _bins(summary["energy_edges_tev"])
    value, error = _array(summary[f"{name}{unit}"]), _array(summary[f"{name}_error{unit}"])
    for i, offset in enumerate(summary["offset_deg"]):
        shown = np.isfinite(value[i]) & ((value[i] > 0.0) | (not positive))
        if not shown.any():
            continue
        axes.errorbar(
            centre[shown],
            value[i][shown],
            error[i][shown],
            [side[shown] for side in width],
            fmt="o",
            ms=4,
            color=CYCLE[i % len(CYCLE)],
            mfc=CYCLE[i % len(CYCLE)] if i < len(CYCLE) else "white",
            label=f"{offset:g} deg",
        )
    axes.set(xscale="log", xlabel=ENERGY_LABEL, xlim=_limits(summary["energy_edges_tev"]))
    if axes.get_legend_handles_labels()[0]:
        log_ticks(axes)
        axes.legend(title="Offset", ncols=2)
    else:
        note(axes, "too few events")


def _effective_area(summary: dict) -> Figure:
    """Effective area for gamma rays against true energy: points for every offset."""
    figure = new_figure()
    axes = figure.add_subplot()
    _by_offset(axes, summary, "effective_area", "_m2", positive=True)
    axes.set(yscale="log", ylabel="Effective area after cuts [m$^2$]")
    title(figure, f"{summary['node']}: effective area, cuts: {summary['cuts']['name']}")
    return figure


def _angular_resolution(summary: dict) -> Figure:
    """Radius of 68 % containment against true energy, for every offset."""
    figure = new_figure()
    axes = figure.add_subplot()
    _by_offset(axes, summary, "angular_resolution", "_deg")
    axes.set_ylabel("68 % containment radius [deg]")
    axes.set_ylim(bottom=0.0)
    title(figure, f"{summary['node']}: angular resolution")
    return figure


def _energy(summary: dict) -> Figure:
    """Resolution and bias of the energy against true energy: two panels."""
    figure = new_figure(7.2, 6.4)
    top, bottom = figure.subplots(2, 1, sharex=True)
    _by_offset(top, summary, "energy_resolution")
    _by_offset(bottom, summary, "energy_bias")
    bottom.axhline(0.0, color=COLOURS["grey"], lw=0.8)
    top.set(ylabel="Energy resolution (rms)", xlabel="")
    top.set_ylim(bottom=0.0)
    bottom.set_ylabel("Bias: mean of $E/E_\\mathrm{true} - 1$")
    if bottom.get_legend() is not None:
        bottom.get_legend().remove()
    title(figure, f"{summary['node']}: energy")
    return figure


def _background(summary: dict) -> Figure:
    """Background after cuts: rate in the field of view by energy, and density by offset.

    A strip that says so where there is none; the same in the figures below.
    """
    if "background_rate_per_s" not in summary:
        return nothing("no background was given")
    figure = new_figure(11.0, 4.8)
    left, right = figure.subplots(1, 2)
    centre, width = _bins(summary["energy_reco_edges_tev"])
    rate, error = (_array(summary[f"background_rate{n}_per_s"]) for n in ("", "_error"))
    shown = rate > 0.0
    if shown.any():
        left.errorbar(
            centre[shown], rate[shown], error[shown], [w[shown] for w in width], fmt="o", ms=4,
            color=BACKGROUND,
        )  # fmt: skip
        left.set(xscale="log", yscale="log", xlim=_limits(summary["energy_reco_edges_tev"]))
        log_ticks(left)
    left.set(xlabel=RECO_LABEL, ylabel="Rate per bin, whole field [s$^{-1}$]")
    total = summary["n_background_showers_in_all"]
    note(left, f"{float(rate.sum()):.3g} s$^{{-1}}$ in all,\nof {total} showers", "upper right")
    _density(right, summary, np.flatnonzero(shown))
    title(figure, f"{summary['node']}: background after cuts: {summary['cuts']['name']}")
    return figure


def _density(axes: Axes, summary: dict, filled: np.ndarray) -> None:
    edges, offset = _array(summary["energy_reco_edges_tev"]), summary["background_offset_edges_deg"]
    per_tev = _array(summary["background_per_s_mev_sr"]) * 1e6
    chosen = filled[np.unique(np.linspace(0, len(filled) - 1, SHOWN_ENERGIES).astype(int))]
    for colour, i in zip(CYCLE, chosen if len(filled) else [], strict=False):
        label = f"{edges[i]:.2g} to {edges[i + 1]:.2g} TeV"
        axes.stairs(per_tev[i], offset, baseline=None, color=colour, label=label, lw=1.6)
    axes.set(xlabel="Offset from the pointing [deg]")
    axes.set_ylabel("Background [s$^{-1}$ TeV$^{-1}$ sr$^{-1}$]")
    if len(filled):
        axes.set_yscale("log")
        # Room for the legend below the curves.
        low, high = axes.get_ylim()
        axes.set_ylim(low * (low / high) ** 0.45, high)
        axes.legend(loc="lower left", ncols=2)


def _sensitivity(summary: dict) -> Figure:
    """Differential flux sensitivity beside fractions of the reference source, for every offset.

    E^2 times flux by reconstructed energy; open triangles are lower limits, where no simulated
    background is left.
    """
    block = summary.get("sensitivity")
    rows = [] if block is None else [row for row in block["by_offset"] if row is not None]
    if not rows:
        return nothing("a sensitivity needs background, and a cut on the direction")
    figure = new_figure()
    axes = figure.add_subplot()
    shown = [
        _one_sensitivity(axes, row, CYCLE[i % len(CYCLE)], f"{offset:g} deg")
        for i, (offset, row) in enumerate(zip(block["offset_deg"], block["by_offset"], strict=True))
        if row is not None
    ]
    low, high = min(row["energy_min_tev"][0] for row in rows), rows[0]["energy_max_tev"][-1]
    energy = np.geomspace(low, high, 200)
    flux = SPECTRA[block["reference"]](energy) * energy**2 * ERG_PER_TEV
    for fraction in SHOWN_FRACTIONS:
        axes.plot(energy, fraction * flux, color=COLOURS["grey"], lw=0.9, ls="--", zorder=0)
        text = f" {100 * fraction:g} %"
        axes.annotate(text, (energy[0], fraction * flux[0]), fontsize=8.5, color=COLOURS["grey"])
    axes.set(xscale="log", yscale="log", xlabel=RECO_LABEL)
    axes.set_ylabel("$E^2$ dN/dE [erg cm$^{-2}$ s$^{-1}$]")
    values = np.concatenate(shown)
    if len(values):
        axes.set_ylim(0.3 * values.min(), 5.0 * max(values.max(), float(flux.max())))
    log_ticks(axes)
    if any("no background" in row["limited_by"] for row in rows):
        axes.text(0.02, 0.97, LIMIT_LABEL, transform=axes.transAxes, fontsize=8.5, va="top")
    axes.legend(title="Offset", loc="upper right", ncols=2)
    conditions = f"{block['significance']:g} sigma in {block['time_h']:g} h"
    title(figure, f"{summary['node']}: sensitivity, {conditions}; {block['reference']} (dashed)")
    return figure


def _one_sensitivity(axes: Axes, row: dict, colour: str, label: str) -> np.ndarray:
    """Draw the sensitivity at an offset; returns what is shown."""
    centre = _array(row["energy_ref_tev"])
    width = [centre - _array(row["energy_min_tev"]), _array(row["energy_max_tev"]) - centre]
    scale = centre**2 * ERG_PER_TEV
    flux, error = _array(row["flux"]) * scale, _array(row["flux_error"]) * scale
    limited = np.array(row["limited_by"])
    known = np.isfinite(flux) & (limited != "no signal") & (limited != "no background")
    limit = np.isfinite(flux) & (limited == "no background")
    axes.errorbar(
        centre[known], flux[known], np.minimum(error, 0.9 * flux)[known],
        [w[known] for w in width], fmt="o", ms=4, color=colour, label=label,
    )  # fmt: skip
    axes.plot(centre[limit], flux[limit], "^", ms=5, mfc="white", color=colour)
    return flux[known | limit]


def _distributions(summary: dict) -> Figure:
    """What cuts look at, of signal and background before cuts, with the cuts."""
    found = {k: v for k, v in summary.get("distributions", {}).items() if k in NAMES}
    if not found:
        return nothing("no background was given")
    figure = new_figure(4.2 * len(found) + 0.6, 4.2)
    for axes, (name, rows) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
    ):
        edges = _array(rows["edges"])
        centre = 0.5 * (edges[1:] + edges[:-1])
        for kind, colour in (("signal", SIGNAL), ("background", BACKGROUND)):
            value, error = _array(rows[kind]), _array(rows[f"{kind}_error"])
            axes.stairs(value, edges, color=colour, label=kind, lw=1.5)
            axes.errorbar(centre, value, error, fmt="none", ecolor=colour, elinewidth=0.9)
        for end in ("min", "max"):
            limits = [band.get(f"{name}_{end}") for band in summary["cuts"]["bands"]]
            for limit in {x for x in limits if x is not None}:
                axes.axvline(limit, color=COLOURS["grey"], lw=0.9, ls=":")
        axes.set(xlabel=NAMES[name], ylabel="Fraction per bin")
        axes.set_ylim(bottom=0.0)
    axes.legend(loc="upper center")
    title(figure, f"{summary['node']}: before cuts (dotted: cuts)")
    return figure


def _rejection(summary: dict) -> Figure:
    """How much background each discriminator keeps against the efficiency for gamma rays."""
    block = summary.get("discrimination")
    found = {k: v for k, v in (block or {}).items() if k in DISCRIMINATORS and v is not None}
    if not found:
        return nothing("no background was given, or nothing that tells it from gamma rays")
    figure = new_figure()
    axes = figure.add_subplot()
    for colour, (name, rows) in zip(CYCLE, found.items(), strict=False):
        x, y = (_array(rows["roc"][k]) for k in ("signal_efficiency", "background_fraction"))
        shown = y > 0.0
        kept, error = rows["background_fraction"], rows["background_fraction_error"]
        label = f"{DISCRIMINATORS[name]}: {100 * kept:.2g} ± {100 * error:.1g} %"
        axes.plot(x[shown], y[shown], color=colour, label=label)
        if kept > 0.0:
            at = rows["signal_efficiency_reached"]
            axes.errorbar([at], [kept], [min(error, 0.9 * kept)], fmt="o", color=colour)
    axes.set(xlabel="Efficiency for gamma rays", yscale="log", xlim=(0.0, 1.0))
    axes.set_ylabel("Background kept, of what triggered")
    axes.set_ylim(max(axes.get_ylim()[0], LEAST_SHOWN), 1.5)
    kind = "protons" if block["particle_id"] is not None else "background"
    legend = f"{kind} kept at {100 * block['signal_efficiency']:g} %"
    axes.legend(title=legend, loc="lower right")
    energy = f"true energy above {block['background_energy_min_tev']:g} TeV"
    title(figure, f"{summary['node']}: rejection of background, {energy}")
    return figure


#: What draws the numbers of a node, by the name of the figure's file.
FIGURES = {
    "effective_area": _effective_area,
    "angular_resolution": _angular_resolution,
    "energy": _energy,
    "background": _background,
    "sensitivity": _sensitivity,
    "distributions": _distributions,
    "rejection": _rejection,
}
