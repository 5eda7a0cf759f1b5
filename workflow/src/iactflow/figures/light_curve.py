"""Figure of a light curve: flux against MJD and UTC, limits, the best constant, F_var.

Where the observations cover a small part of the time, the axis is broken between nights.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import numpy as np
from astropy.table import Table
from astropy.time import Time
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import chdtrc

from iactflow.figures.style import COLOURS, OURS, new_figure, save, scientific, style

__all__ = ["plot_light_curve", "split_nights"]

LEFT, RIGHT = 0.12, 0.96
GAP_D = 0.5
MAX_PANELS = 9
# Days from the epoch of MJD to that of matplotlib's dates, 1970-01-01.
MJD_OF_UNIX_EPOCH = 40587.0


def split_nights(mjd_min: np.ndarray, mjd_max: np.ndarray) -> list[np.ndarray]:
    """Group time bins that lie less than half a day apart.

    Parameters
    ----------
    mjd_min, mjd_max : ndarray, shape (n,)
        Time bins in ascending order, MJD.

    Returns
    -------
    list of ndarray of int
        Indices of the bins of each group.
    """
    latest = np.maximum.accumulate(mjd_max)
    breaks = np.flatnonzero(mjd_min[1:] - latest[:-1] > GAP_D) + 1
    return np.split(np.arange(mjd_min.size), breaks)


def plot_light_curve(inputs, outputs, params, wildcards) -> None:
    """Draw a light curve.

    Parameters
    ----------
    inputs : namespace
        ``light_curve``: ECSV table of the time bins; ``summary``: JSON with the variability.
    outputs : namespace
        ``figure``: the PNG file.
    params : namespace
        ``settings``: the target.
    wildcards : namespace
        ``binning``: name of the light curve.
    """
    binning = wildcards.binning
    block = json.loads(Path(inputs.summary).read_text(encoding="utf-8"))[binning]
    bins = _bins(block, Table.read(inputs.light_curve, format="ascii.ecsv"))
    groups = split_nights(bins["mjd_min"], bins["mjd_max"])
    if len(groups) > MAX_PANELS:
        groups = [np.arange(bins["mjd_min"].size)]
    with style():
        figure = new_figure(min(7.5 + 0.5 * len(groups), 11.5), 4.8)
        # Panels of a broken axis stand close together, which no layout engine would do.
        figure.set_layout_engine("none")
        panels = _panels(figure, bins, groups)
        unit = _draw(panels, bins, block)
        title = f"{params.settings['label']}, {binning.replace('_', ' ')}"
        figure.text(LEFT, 0.94, title, fontsize=12)
        energy = f"{block['energy_min_tev']:.3g} – {block['energy_max_tev']:.3g} TeV"
        panels[0].set_ylabel(f"Flux, {energy}\n({unit})")
        figure.text(0.5 * (LEFT + RIGHT), 0.04, "MJD (TT)", ha="center", fontsize=12)
        save(figure, outputs.figure)


def _bins(block: dict, table: Table) -> dict[str, np.ndarray]:
    """Columns of the points in ascending time; a missing number is NaN."""
    names = ("mjd_min", "mjd_max", "flux", "flux_err", "flux_ul")
    points = block["points"]
    out = {n: np.array([np.nan if p[n] is None else p[n] for p in points], float) for n in names}
    out["is_ul"] = np.ravel(np.asarray(table["is_ul"], bool))
    order = np.argsort(out["mjd_min"], kind="stable")
    return {name: values[order] for name, values in out.items()}


def _panels(figure: Figure, bins: dict, groups: list[np.ndarray]) -> list[Axes]:
    """Make one panel per group, as wide as its time but never too narrow for its label."""
    spans = [(bins["mjd_min"][g].min(), bins["mjd_max"][g].max()) for g in groups]
    lengths = np.array([stop - start for start, stop in spans])
    widths = np.maximum(lengths, 0.75 * lengths.mean())
    grid = figure.add_gridspec(
        1,
        len(groups),
        left=LEFT,
        right=RIGHT,
        bottom=0.16,
        top=0.82,
        wspace=0.08,
        width_ratios=widths,
    )
    panels = list(grid.subplots(sharey=True, squeeze=False)[0])
    for i, (axes, (start, stop), width) in enumerate(zip(panels, spans, widths, strict=True)):
        middle = 0.5 * (start + stop)
        axes.set_xlim(middle - 0.54 * width, middle + 0.54 * width)
        if len(groups) > 2:
            _date_axes(axes, middle)
        else:
            _time_axes(axes, start, stop)
        if len(groups) > 1:
            _break_marks(axes, first=i == 0, last=i == len(groups) - 1)
    return panels


def _date_axes(axes: Axes, middle_mjd: float) -> None:
    """Label a narrow panel with one MJD below and its date above."""
    day = Time(middle_mjd, format="mjd", scale="tt").utc.to_datetime()
    axes.tick_params(axis="x", which="both", top=False)
    tick = round(middle_mjd, 2)
    axes.set_xticks([tick], [f"{tick:.2f}"], fontsize=9)
    axes.minorticks_on()
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    text = f"{day.day} {day:%b}\n{day:%Y}"
    axes.text(0.5, 1.02, text, transform=axes.transAxes, ha="center", fontsize=9)


def _time_axes(axes: Axes, start_mjd: float, stop_mjd: float) -> None:
    """Label a wide panel with MJD below and UTC above."""
    time = Time(start_mjd, format="mjd", scale="tt")
    shift = time.utc.mjd - time.mjd - MJD_OF_UNIX_EPOCH
    axes.tick_params(axis="x", which="both", top=False)
    axes.xaxis.set_major_locator(
        matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 5, 10], prune="upper")
    )
    axes.xaxis.set_major_formatter(matplotlib.ticker.ScalarFormatter(useOffset=False))
    top = axes.secondary_xaxis("top", functions=(lambda x: x + shift, lambda x: x - shift))
    locator = dates.AutoDateLocator(minticks=2, maxticks=6)
    top.xaxis.set_major_locator(locator)
    span = stop_mjd - start_mjd
    formats = ("%H:%M", "%Y-%m-%d") if span < 2 else ("%d %b", "%Y")
    if span > 300:
        formats = ("%Y-%m", "")
    top.xaxis.set_major_formatter(dates.DateFormatter(formats[0]))
    top.set_xlabel(f"UTC {time.utc.strftime(formats[1])}".strip(), fontsize=10)
    top.minorticks_off()


def _break_marks(axes: Axes, first: bool, last: bool) -> None:
    """Mark the sides where time is cut out."""
    keywords = {
        "marker": [(-0.5, -1), (0.5, 1)],
        "markersize": 8,
        "ls": "none",
        "color": "black",
        "mec": "black",
        "clip_on": False,
        "transform": axes.transAxes,
    }
    if not first:
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", which="both", left=False)
        axes.plot([0, 0], [0, 1], **keywords)
    if not last:
        axes.spines["right"].set_visible(False)
        axes.tick_params(axis="y", which="both", right=False)
        axes.plot([1, 1], [0, 1], **keywords)


def _draw(panels: list[Axes], bins: dict, block: dict) -> str:
    """Draw the points into every panel; return the unit of the axis."""
    shown = np.where(bins["is_ul"], bins["flux_ul"], bins["flux"])
    peak = np.nanmax(np.abs(shown), initial=0.0)
    exponent = int(np.floor(np.log10(peak))) if peak > 0 else 0
    scale = 10.0**-exponent
    centre = 0.5 * (bins["mjd_min"] + bins["mjd_max"])
    half = 0.5 * (bins["mjd_max"] - bins["mjd_min"])
    point = ~bins["is_ul"] & np.isfinite(bins["flux"])
    limit = bins["is_ul"] & np.isfinite(bins["flux_ul"])
    mean, mean_error = _constant(bins)
    length = 0.1 * peak * scale
    for axes in panels:
        axes.axhline(0, color=COLOURS["grey"], lw=0.8)
        if np.isfinite(mean):
            axes.axhline(scale * mean, color=COLOURS["vermilion"], ls="--", lw=1.3)
        axes.errorbar(
            centre[point],
            scale * bins["flux"][point],
            xerr=half[point],
            yerr=scale * bins["flux_err"][point],
            fmt="o",
            color=OURS,
            lw=1.3,
            ms=4,
        )
        axes.errorbar(
            centre[limit],
            scale * bins["flux_ul"][limit],
            xerr=half[limit],
            yerr=np.full(limit.sum(), length),
            uplims=True,
            fmt="none",
            color=OURS,
            lw=1.1,
            capsize=2,
        )
    _headroom(panels[0])
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2.5}
    figure = panels[-1].figure
    text = _text(block, mean, mean_error)
    figure.text(
        LEFT + 0.015, 0.805, text, va="top", fontsize=9.5, linespacing=1.35, bbox=box, zorder=20
    )
    return rf"$10^{{{exponent}}}$ cm$^{{-2}}$ s$^{{-1}}$"


def _headroom(axes: Axes) -> None:
    """Leave the upper part of the axes to the text."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.32 * (high - low))


def _constant(bins: dict) -> tuple[float, float]:
    """Weighted mean of all bins with an error, and its error."""
    good = np.isfinite(bins["flux"]) & (bins["flux_err"] > 0)
    if not np.any(good):
        return np.nan, np.nan
    weight = bins["flux_err"][good] ** -2.0
    return float(np.average(bins["flux"][good], weights=weight)), float(weight.sum() ** -0.5)


def _text(block: dict, mean: float, mean_error: float) -> str:
    lines = [f"constant (dashed): {scientific(mean, mean_error)} cm$^{{-2}}$ s$^{{-1}}$"]
    chi2, ndf = block["chi2"], block["ndf"]
    if chi2 is not None and ndf > 0 and np.isfinite(chi2):
        probability = chdtrc(ndf, chi2)
        small = "p < 10$^{-10}$" if probability < 1e-10 else f"p = {scientific(probability)}"
        lines.append(rf"$\chi^2$/ndf = {chi2:.1f} / {ndf}, {small}")
    variability = block["fractional_variability"]
    if variability is not None and np.isfinite(variability):
        error = block.get("fractional_variability_error")
        plus = f" ± {error:.2f}" if error is not None and np.isfinite(error) else ""
        lines.append(rf"$F_\mathrm{{var}}$ = {variability:.2f}{plus}")
    else:
        lines.append(r"$F_\mathrm{var}$: no scatter beyond the errors")
    return "\n".join(lines)
