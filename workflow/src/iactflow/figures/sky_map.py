"""Figures of a sky map: significance and excess on the sky, and the significance histogram.

Significances are those of Li and Ma (1983, ApJ 272, 317, equation 17) in the correlation circle of
each bin; without a source they follow the standard normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, SymLogNorm

from iactflow.campaign.paths import band_name
from iactflow.errors import InputError
from iactflow.figures import sky_axes
from iactflow.figures.style import COLOURS, log_ticks, new_figure, note, save, style
from iactflow.science.map_products import fit_normal

__all__ = ["SkyMaps", "plot_sky_map", "read_maps"]

LAYERS = ("SIGNIFICANCE", "EXCESS", "EXCLUSION", "N_ON")
LINEAR_UP_TO = 5.0


@dataclass(frozen=True)
class SkyMaps:
    """The layers of one map file that are drawn.

    Attributes
    ----------
    wcs : WCS
        Celestial projection.
    significance, excess : ndarray, shape (ny, nx)
        Li and Ma significance and excess counts in the correlation circle.
    source_free : ndarray of bool, shape (ny, nx)
        Bins outside the exclusion regions with an event in the correlation circle: without any,
        the significance says only how many were expected.
    psf68_deg : float
        68 % containment radius of the point spread function, deg; NaN when unknown.
    """

    wcs: WCS
    significance: np.ndarray
    excess: np.ndarray
    source_free: np.ndarray
    psf68_deg: float


def read_maps(path) -> SkyMaps:
    """Read the layers that are drawn.

    Parameters
    ----------
    path : str or Path
        FITS file with image extensions SIGNIFICANCE, EXCESS, EXCLUSION and N_ON.

    Returns
    -------
    SkyMaps
        The layers.

    Raises
    ------
    InputError
        When an extension is missing.
    """
    with fits.open(path, memmap=False) as hdus:
        present = [hdu.name for hdu in hdus]
        for name in LAYERS:
            if name not in present:
                raise InputError(path, f"HDU {name}", "nothing", "images " + ", ".join(LAYERS))
        layers = {name: np.squeeze(hdus[name].data).astype(float) for name in LAYERS}
        return SkyMaps(
            wcs=WCS(hdus["SIGNIFICANCE"].header).celestial,
            significance=layers["SIGNIFICANCE"],
            excess=layers["EXCESS"],
            source_free=(layers["EXCLUSION"] > 0) & (layers["N_ON"] > 0),
            psf68_deg=float(hdus[0].header.get("PSF68", np.nan)),
        )


def plot_sky_map(inputs, outputs, params, wildcards) -> None:
    """Draw the map of one energy band and its significance histogram.

    Parameters
    ----------
    inputs : namespace
        ``maps``: FITS file of the band.
    outputs : namespace
        ``sky_map`` and ``significance``: the PNG files.
    params : namespace
        ``settings``: the target.
    wildcards : namespace
        ``band``: energy band ``min-max``, TeV.
    """
    settings = params.settings
    layout = _layout(settings, wildcards.band)
    maps = read_maps(inputs.maps)
    with style():
        _draw_maps(maps, settings, layout, wildcards.band, outputs.sky_map)
        _draw_histogram(maps, settings, layout, wildcards.band, outputs.significance)


def _layout(settings: dict, band: str) -> dict:
    for sky_map in settings["sky_maps"]:
        if band in [band_name(b) for b in sky_map["energy_bands_tev"]]:
            return sky_map
    raise InputError(
        f"campaign, target {settings['name']}",
        "energy_bands_tev",
        band,
        ", ".join(band_name(b) for m in settings["sky_maps"] for b in m["energy_bands_tev"]),
    )


def _band_text(band: str) -> str:
    low, high = band.rsplit("-", 1)
    return f"{low} – {high} TeV"


def _draw_maps(maps: SkyMaps, settings: dict, layout: dict, band: str, path) -> None:
    figure = new_figure(12.0, 5.6)
    grid = figure.add_gridspec(1, 2)
    left = sky_axes.add_sky_axes(figure, maps.wcs, grid[0])
    right = sky_axes.add_sky_axes(figure, maps.wcs, grid[1], dec_labels=False)
    _significance_panel(left, maps)
    _excess_panel(right, maps)
    for axes in (left, right):
        _regions(axes, maps, settings, layout)
    width = maps.significance.shape[1]
    sky_axes.add_scale_bar(left, width)
    sky_axes.add_resolution(left, width, maps.psf68_deg, layout["correlation_radius_deg"])
    kind = "adaptive ring background" if layout["ring"]["adaptive"] else "ring background"
    left.set_title(f"{settings['label']}, {_band_text(band)}")
    right.set_title(f"Excess, {kind}")
    save(figure, path)


def _significance_panel(axes: Axes, maps: SkyMaps) -> None:
    values = maps.significance
    peak = float(np.nanmax(values, initial=LINEAR_UP_TO))
    if peak > 2 * LINEAR_UP_TO:
        scale = SymLogNorm(LINEAR_UP_TO, linscale=1.2, vmin=-peak, vmax=peak, base=10)
        ticks = [-5, -3, 0, 3, 5] + [t for t in (10, 20, 50, 100, 200) if t < 0.97 * peak]
    else:
        peak = max(peak, LINEAR_UP_TO)
        scale, ticks = Normalize(-peak, peak), None
    image = axes.imshow(values, cmap="RdBu_r", norm=scale)
    if np.any(values > 3):
        axes.contour(
            np.nan_to_num(values), levels=[3, 5], colors="black", linewidths=[0.6, 1.2], zorder=4
        )
    bar = axes.figure.colorbar(image, ax=axes, pad=0.015, fraction=0.047, ticks=ticks)
    bar.ax.set_ylim(-LINEAR_UP_TO, peak)
    if ticks:
        bar.ax.set_yticks(ticks, labels=[f"{t:g}" for t in ticks])
        bar.ax.minorticks_off()
    bar.set_label("Significance (Li & Ma), contours at 3 and 5 σ")


def _excess_panel(axes: Axes, maps: SkyMaps) -> None:
    shown = maps.excess[np.isfinite(maps.significance)]
    limits = np.percentile(shown, [0.5, 100]) if shown.size else (0.0, 1.0)
    values = np.where(np.isfinite(maps.significance), maps.excess, np.nan)
    image = axes.imshow(values, cmap="cividis", vmin=limits[0], vmax=limits[1])
    bar = axes.figure.colorbar(image, ax=axes, pad=0.015, fraction=0.047)
    bar.set_label("Excess counts in the correlation circle")


def _regions(axes: Axes, maps: SkyMaps, settings: dict, layout: dict) -> None:
    circles = layout["exclusion_regions"]
    if circles is None:
        circles = settings["exclusion_regions"]
    for circle in circles:
        sky_axes.sky_circle(
            axes, **circle, color=COLOURS["black"], ls="--", lw=1.1, path_effects=sky_axes.HALO
        )
    height, width = maps.significance.shape
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(-0.5, height - 0.5)
    position = settings["position"]
    reach = [
        np.hypot(c["dec_deg"] - position["dec_deg"], _delta_ra(c, position)) + c["radius_deg"]
        for c in circles
    ]
    near = [r for r, c in zip(reach, circles, strict=True) if r < 2 * c["radius_deg"]]
    sky_axes.add_target(axes, settings["label"], **position, clearance_deg=max(near, default=0.05))


def _delta_ra(circle: dict, position: dict) -> float:
    """Difference in right ascension on the great circle, deg."""
    wrapped = (circle["ra_deg"] - position["ra_deg"] + 180.0) % 360.0 - 180.0
    return wrapped * np.cos(np.radians(position["dec_deg"]))


def _draw_histogram(maps: SkyMaps, settings: dict, layout: dict, band: str, path) -> None:
    finite = np.isfinite(maps.significance)
    everything = maps.significance[finite]
    off = maps.significance[finite & maps.source_free]
    fit = fit_normal(off, sky_axes.pixel_scale_deg(maps.wcs), layout["correlation_radius_deg"])
    low = min(-5.0, np.floor(np.min(everything, initial=-5.0)))
    high = max(6.0, np.ceil(np.max(everything, initial=6.0)))
    edges = np.arange(low, high + 0.1, 0.2)
    figure = new_figure(7.2, 5.2)
    axes = figure.add_subplot()
    axes.hist(everything, edges, histtype="stepfilled", color="#c8c8c8", label="all bins")
    axes.hist(off, edges, histtype="step", color=COLOURS["blue"], lw=1.7, label="off-source bins")
    x = np.linspace(-5.5, 5.5, 300)
    axes.plot(
        x, off.size * 0.2 * _normal(x), color=COLOURS["black"], ls=":", label="standard normal"
    )
    if fit["std"]:
        fitted = off.size * 0.2 * _normal(x, fit["mean"], fit["std"])
        axes.plot(x, fitted, color=COLOURS["vermilion"], label="normal fitted to off-source bins")
    if everything.size:
        axes.set_yscale("log")
        axes.set_ylim(0.5, axes.get_ylim()[1] * (4 if high > 15 else 30))
        log_ticks(axes, "y")
    axes.set_xlim(low, high)
    axes.set_xlabel("Significance (Li & Ma)")
    axes.set_ylabel("Bins per 0.2 σ")
    axes.set_title(f"{settings['label']}, {_band_text(band)}")
    axes.legend(loc="upper right")
    note(axes, _statistics(fit, everything))
    save(figure, path)


def _statistics(fit: dict, everything: np.ndarray) -> str:
    lines = [f"off-source bins: {fit['n_bins']}"]
    if fit["mean"] is not None:
        mean = f"{fit['mean']:+.3f}".replace("-", "−")
        lines.append(f"mean  {mean} ± {fit['mean_error']:.3f}")
        lines.append(f"width  {fit['std']:.3f} ± {fit['std_error']:.3f}")
    if everything.size:
        lines.append(f"peak of all bins: {np.max(everything):.1f} σ")
    return "\n".join(lines)


def _normal(x, mean=0.0, std=1.0):
    """Density of the normal distribution."""
    return np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
