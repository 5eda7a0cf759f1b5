"""The sky map that the sums over runs make: excess, significance, flux, and its statistics.

Berge, Funk & Hinton 2007, A&A 466, 1219, eqs. 1 to 3 (excess and alpha) and Li & Ma 1983, ApJ 272,
317, eq. 17 (significance). Events are counted in a disc around every pixel; the off counts come
from the ring and are not summed over the disc again, the acceptance of the pixel is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iactflow.science import map_kernels as kernels
from iactflow.science.map_position import excess_position
from iactflow.science.map_responses import containment_radius
from iactflow.science.maps import PSF_RADIUS_DEG, MapDefinition, MapSums
from iactflow.science.statistics import li_ma_significance

__all__ = ["UNITS", "SkyMap", "fit_normal", "make_products", "off_source", "summarise"]

UNITS = {
    "COUNTS": "ct",
    "N_ON": "ct",
    "ACCEPTANCE": "ct",
    "BACKGROUND": "ct",
    "N_OFF": "ct",
    "ALPHA": "",
    "EXCESS": "ct",
    "SIGNIFICANCE": "",
    "EXPOSURE": "cm2 s",
    "FLUX": "cm-2 s-1",
    "EXCLUSION": "",
}
"""Images of a sky map and their units."""


@dataclass(frozen=True)
class SkyMap:
    """A finished sky map.

    Parameters
    ----------
    definition : MapDefinition
        What it is a map of.
    images : dict of str to ndarray of shape (ny, nx)
        COUNTS and ACCEPTANCE per pixel; N_ON, BACKGROUND, EXCESS, ALPHA, SIGNIFICANCE and FLUX in
        the correlation disc around each pixel; N_OFF in its rings; EXPOSURE; EXCLUSION, 1 where
        the background may be taken from and 0 inside exclusion regions. NaN where no run gives a
        background.
    runs : list of dict
        One per run, see `MapSums`.
    psf68_deg : float
        68 % containment radius of a point source at the map centre in the band, deg; NaN when
        no run has the centre in its field of view.
    """

    definition: MapDefinition
    images: dict
    runs: list
    psf68_deg: float


def make_products(definition: MapDefinition, sums: MapSums) -> SkyMap:
    """Make the sky map from the sums over all runs.

    Parameters
    ----------
    definition : MapDefinition
        The map.
    sums : MapSums
        Sums over its runs.

    Returns
    -------
    SkyMap
        The map. A flux is the excess in the disc over the mean exposure in it: for a point source
        it lacks the part of the point spread function outside the disc.
    """
    geometry = definition.geometry
    rows = kernels.disc_rows(definition.correlation_radius_deg / geometry.pixel_deg)
    no_hole = np.full_like(rows, -1)
    seen = sums.n_runs > 0
    n_on = kernels.ring_sum(sums.n_on, rows, no_hole)
    acceptance = kernels.ring_sum(sums.acceptance, rows, no_hole)
    alpha = acceptance * _pixel_alpha(sums, seen)
    alpha = np.divide(alpha, sums.acceptance, out=np.full(alpha.shape, np.nan), where=seen)
    background = alpha * sums.n_off
    excess = n_on - background
    exposure_cm2_s = 1e4 * sums.exposure_m2_s
    exposed = kernels.ring_sum(exposure_cm2_s, rows, no_hole)
    pixels = kernels.ring_sum(seen.astype(np.float64), rows, no_hole)
    usable = seen & (exposed > 0.0)
    flux = np.divide(excess * pixels, exposed, out=np.full(alpha.shape, np.nan), where=usable)
    images = {
        "COUNTS": sums.n_on,
        "N_ON": np.where(seen, n_on, np.nan),
        "ACCEPTANCE": sums.acceptance,
        "BACKGROUND": background,
        "N_OFF": sums.n_off,
        "ALPHA": alpha,
        "EXCESS": excess,
        "SIGNIFICANCE": li_ma_significance(n_on, sums.n_off, alpha),
        "EXPOSURE": exposure_cm2_s,
        "FLUX": flux,
        "EXCLUSION": geometry.outside(definition.exclusion).astype(np.uint8),
    }
    psf68_deg = containment_radius(PSF_RADIUS_DEG, sums.contained_m2_s)
    return SkyMap(definition, images, sums.runs, psf68_deg)


def _pixel_alpha(sums, seen):
    """Alpha of single pixels; without off counts the mean of the map, weighted by off counts."""
    total = float(np.sum(sums.n_off))
    mean = float(np.sum(sums.background)) / total if total > 0.0 else np.nan
    mean = np.full(seen.shape, mean)
    return np.divide(sums.background, sums.n_off, out=mean, where=sums.n_off > 0.0)


def off_source(sky_map: SkyMap) -> np.ndarray:
    """Bins that show the background alone.

    Parameters
    ----------
    sky_map : SkyMap
        Map.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        Bins outside the exclusion regions with a significance and with at least one event in the
        disc: without any, the significance only says how many were expected.
    """
    images = sky_map.images
    finite = np.isfinite(images["SIGNIFICANCE"])
    return finite & (images["EXCLUSION"] > 0) & (images["N_ON"] > 0)


def fit_normal(significance, pixel_deg, correlation_radius_deg) -> dict:
    """Fit a normal distribution to the significances of correlated bins.

    Maximum likelihood: the mean and the root mean square deviation. Bins closer than two
    correlation radii share events. With rho the fraction of pixels that two discs share, the
    number of independent values is n / sum(rho) for the mean and n / sum(rho^2) for the variance,
    the sums over all displacements; taking n itself would make the errors too small.

    Parameters
    ----------
    significance : ndarray, shape (n,)
        Finite significances.
    pixel_deg, correlation_radius_deg : float
        Pixel size and radius of the disc, deg.

    Returns
    -------
    dict
        ``mean``, ``mean_error``, ``std``, ``std_error`` and ``n_bins``; None with fewer than two
        bins.
    """
    n = int(significance.size)
    if n < 2:
        return {**dict.fromkeys(("mean", "mean_error", "std", "std_error")), "n_bins": n}
    half = kernels.disc_rows(correlation_radius_deg / pixel_deg)
    disc = (np.abs(np.arange(half.size) - half.size // 2) <= half[:, None]).astype(np.float64)
    # The overlap of the disc with itself at every shift; whole numbers, so the rounding is exact.
    padded = [2 * side - 1 for side in disc.shape]
    power = np.abs(np.fft.rfft2(disc, padded)) ** 2
    rho = np.rint(np.fft.irfft2(power, padded)) / np.sum(disc)
    mean, std = float(np.mean(significance)), float(np.std(significance))
    return {
        "mean": mean,
        "mean_error": std * float(np.sqrt(min(np.sum(rho) / n, 1.0))),
        "std": std,
        "std_error": std * float(np.sqrt(min(np.sum(rho**2) / n, 1.0) / 2.0)),
        "n_bins": n,
    }


def summarise(sky_map: SkyMap) -> dict:
    """Headline numbers of a map.

    Parameters
    ----------
    sky_map : SkyMap
        Map.

    Returns
    -------
    dict
        Peak of the significance map with its position and flux; centre of the excess there with
        its error per axis (``position_ra_deg``, ``position_dec_deg``, ``position_error_deg``);
        mean and width, with errors, of the significances of all and of off-source bins; events
        after all cuts, in the whole map (``n_on_events``) and within ``on_radius_deg`` of the
        target (``n_target_events``); runs used and dropped. None where a number does not exist,
        never NaN.
    """
    definition, images = sky_map.definition, sky_map.images
    significance = images["SIGNIFICANCE"]
    scale = (definition.geometry.pixel_deg, definition.correlation_radius_deg)
    off = fit_normal(significance[off_source(sky_map)], *scale)
    every = fit_normal(significance[np.isfinite(significance)], *scale)
    used = [run for run in sky_map.runs if run["status"] == "used"]
    dropped = [run for run in sky_map.runs if run["status"] != "used"]
    return {
        **_peak(sky_map),
        **_position(sky_map),
        **{f"off_{key}": off[key] for key in ("mean", "std", "mean_error", "std_error")},
        "n_off_bins": off["n_bins"],
        **{f"all_{key}": every[key] for key in ("mean", "std", "mean_error", "std_error")},
        "n_all_bins": every["n_bins"],
        "n_on_events": sum(run["n_events"] for run in used),
        "n_target_events": sum(run["n_target_events"] for run in used),
        "on_radius_deg": definition.on_radius_deg,
        "livetime_s": float(sum(run["livetime_s"] for run in used)),
        "correlation_radius_deg": definition.correlation_radius_deg,
        "psf68_deg": sky_map.psf68_deg if np.isfinite(sky_map.psf68_deg) else None,
        "obs_ids": [run["obs_id"] for run in used],
        "dropped": [{"obs_id": run["obs_id"], "reason": run["status"]} for run in dropped],
    }


def _peak(sky_map):
    keys = ("peak_significance", "peak_ra_deg", "peak_dec_deg", "peak_excess", "peak_flux")
    significance = sky_map.images["SIGNIFICANCE"]
    if not np.isfinite(significance).any():
        return dict.fromkeys(keys)
    row, column = np.unravel_index(np.nanargmax(significance), significance.shape)
    ra_deg, dec_deg = sky_map.definition.geometry.directions(column, row)
    excess, flux = sky_map.images["EXCESS"][row, column], sky_map.images["FLUX"][row, column]
    values = (significance[row, column], ra_deg, dec_deg, excess, flux)
    return {k: float(v) if np.isfinite(v) else None for k, v in zip(keys, values, strict=True)}


def _position(sky_map):
    """Centre of the excess at the peak."""
    keys = ("position_ra_deg", "position_dec_deg", "position_error_deg")
    images, definition = sky_map.images, sky_map.definition
    significance = images["SIGNIFICANCE"]
    width_deg = max(sky_map.psf68_deg, definition.correlation_radius_deg)
    if not np.isfinite(significance).any() or not np.isfinite(width_deg):
        return dict.fromkeys(keys)
    rows = kernels.disc_rows(definition.correlation_radius_deg / definition.geometry.pixel_deg)
    per_pixel = images["BACKGROUND"] / np.sum(2 * rows[rows >= 0] + 1)
    row, column = np.unravel_index(np.nanargmax(significance), significance.shape)
    y, x = np.indices(significance.shape)
    pixel_deg = definition.geometry.pixel_deg
    # Right ascension increases to the left.
    places = -pixel_deg * x.ravel(), pixel_deg * y.ravel()
    start = -pixel_deg * column, pixel_deg * row
    # The 68 % radius of a round Gaussian is 1.51 of its widths.
    found = excess_position(
        images["COUNTS"].ravel(), per_pixel.ravel(), *places, start, width_deg / 1.51
    )
    if found is None:
        return dict.fromkeys(keys)
    at = -found.x_deg / pixel_deg, found.y_deg / pixel_deg
    position = (*definition.geometry.directions(*at), found.error_deg)
    return {key: float(value) for key, value in zip(keys, position, strict=True)}
