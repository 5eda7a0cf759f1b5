"""Background in the field of view: from weighted simulations or real events, smoothed.

Few background showers survive cuts. Their rate is taken as symmetric around the pointing, and
smoothed:

- in the plane of the field of view by a Gaussian, which between rings around the pointing is
  exp(-(r - r')^2 / (2 s^2)) I0(r r' / s^2) exp(-r r' / s^2); what a ring gets is divided by the
  solid angle under its kernel, so that a flat background stays flat up to the edge;
- in log energy by a Gaussian, of the rate over that of a power law: this law is left as it is,
  where a plain mean would raise it.

The sum over all bins is kept. This is the kernel estimator of densities on a bounded support
(Nadaraya, Theor. Probab. Appl. 9, 141 (1964); Watson, Sankhya A 26, 359 (1964)).

Simulated background is thrown inside a cone: near its edge the events are missing that would be
reconstructed into it from outside.
"""

from __future__ import annotations

import numpy as np
from scipy.special import i0e

from iactflow.errors import InputError
from iactflow.io.observation import Background2D, Background3D
from iactflow.response.histograms import Background
from iactflow.response.signal import ring_solid_angle_sr

__all__ = [
    "background_2d",
    "background_3d",
    "exposure_mev_sr",
    "refuse_few_showers",
    "scaled_background",
    "smooth_rate",
    "symmetric_grid",
]

MEV_PER_TEV = 1e6


def refuse_few_showers(name: str, background: Background, least: int) -> None:
    """Refuse a background that rests on too few showers.

    Parameters
    ----------
    name : str
        Node, named in the error.
    background : Background
        Histograms.
    least : int
        Least number of different showers.

    Raises
    ------
    InputError
        If there are fewer.
    """
    if background.n_showers_in_all < least:
        raise InputError(
            name,
            "responses.min_background_showers",
            f"{background.n_showers_in_all} background showers after cuts",
            f"at least {least}: simulate more, or loosen cuts",
        )


def scaled_background(
    name: str, background: Background, loose: Background, least: int
) -> tuple[Background, dict[str, float]]:
    """Give a background of loose cuts the rate of the cuts themselves.

    Where few showers pass the cuts, those of looser ones tell the distribution in energy and field
    of view; it is taken as the same.

    Parameters
    ----------
    name : str
        Node, named in the error.
    background, loose : Background
        Histograms of the events that pass the cuts, and the looser ones.
    least : int
        Least number of different showers that pass the cuts.

    Returns
    -------
    scaled : Background
        Histograms of the looser cuts with the rate of the others.
    numbers : dict of str to float
        ``background_scale``, the ratio of the rates, and its error, by shower, as if the rate of
        the looser cuts had none.

    Raises
    ------
    InputError
        If fewer showers pass, or none has a rate.
    """
    rate, total = background.rate_per_s.sum(), loose.rate_per_s.sum()
    if background.n_showers_in_all < least or not rate > 0.0:
        raise InputError(
            name,
            "responses.min_scale_showers",
            f"{background.n_showers_in_all} background showers after cuts",
            f"at least {least}: simulate more, or loosen cuts",
        )
    scale = rate / total
    # A shower whose events lie in several bins of energy is counted in each: never too small.
    error = np.sqrt(background.energy_squares.sum()) / total
    scaled = loose._replace(
        rate_per_s=scale * loose.rate_per_s,
        squares=scale**2 * loose.squares,
        energy_squares=scale**2 * loose.energy_squares,
    )
    return scaled, {"background_scale": float(scale), "background_scale_error": float(error)}


def exposure_mev_sr(energy_edges_tev, offset_edges_deg) -> np.ndarray:
    """Energy times solid angle of bins.

    Parameters
    ----------
    energy_edges_tev : ndarray of float64, shape (n + 1,)
        Edges in energy.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset.

    Returns
    -------
    ndarray of float64, shape (n, k)
        Products, MeV sr.
    """
    width_mev = MEV_PER_TEV * np.diff(energy_edges_tev)
    return width_mev[:, None] * ring_solid_angle_sr(offset_edges_deg)[None, :]


def _energy_kernel(energy_edges_tev, sigma_dex: float) -> np.ndarray:
    x = np.log10(np.sqrt(energy_edges_tev[1:] * energy_edges_tev[:-1]))
    if sigma_dex == 0.0:
        return np.eye(len(x))
    return np.exp(-0.5 * ((x[:, None] - x[None, :]) / sigma_dex) ** 2)


def _offset_kernel(offset_edges_deg, sigma_deg: float) -> np.ndarray:
    r = 0.5 * (offset_edges_deg[1:] + offset_edges_deg[:-1])
    if sigma_deg == 0.0:
        return np.eye(len(r))
    product = r[:, None] * r[None, :] / sigma_deg**2
    return np.exp(-0.5 * ((r[:, None] - r[None, :]) / sigma_deg) ** 2) * i0e(product)


def smooth_rate(
    rate_per_s, exposure, energy_edges_tev, offset_edges_deg, sigma_dex, sigma_deg, index
) -> np.ndarray:
    """Smoothed density of the background.

    Parameters
    ----------
    rate_per_s : ndarray of float64, shape (n, k)
        Rate in bins of energy and offset, or number of events.
    exposure : ndarray of float64, shape (n, k)
        What it is divided by: energy times solid angle, for events also times time.
    energy_edges_tev : ndarray of float64, shape (n + 1,)
        Edges in energy.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset.
    sigma_dex, sigma_deg : float
        Widths of the kernels, decades and deg; 0: none.
    index : float
        Index of the power law that is left as it is.

    Returns
    -------
    ndarray of float64, shape (n, k)
        Density; times the exposure its sum is that of the rates.
    """
    rate_per_s, exposure = np.asarray(rate_per_s, float), np.asarray(exposure, float)
    energy = _energy_kernel(energy_edges_tev, sigma_dex)
    offset = _offset_kernel(offset_edges_deg, sigma_deg)
    centres = np.sqrt(energy_edges_tev[1:] * energy_edges_tev[:-1])
    # What a power law would give is smoothed alike; their ratio is that of the densities.
    law = (centres**-index)[:, None]
    under = energy @ (exposure * law) @ offset
    smooth = law * (energy @ rate_per_s @ offset)
    density = np.divide(smooth, under, out=np.zeros_like(smooth), where=under > 0.0)
    total = np.sum(density * exposure)
    return density * (rate_per_s.sum() / total) if total > 0.0 else density


def background_2d(
    background: Background, energy_edges_tev, offset_edges_deg, sigma_dex=0.0, sigma_deg=0.0,
    index=2.7,
) -> Background2D:  # fmt: skip
    """Background against energy and offset.

    Parameters
    ----------
    background : Background
        Histograms of weighted events.
    energy_edges_tev : ndarray of float64, shape (n + 1,)
        Edges in energy.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset.
    sigma_dex, sigma_deg, index : float, optional
        As of `smooth_rate`.

    Returns
    -------
    Background2D
        Rate per MeV and sr.
    """
    exposure = exposure_mev_sr(energy_edges_tev, offset_edges_deg)
    rate = smooth_rate(
        background.rate_per_s,
        exposure,
        energy_edges_tev,
        offset_edges_deg,
        sigma_dex,
        sigma_deg,
        index,
    )
    return Background2D(energy_edges_tev, offset_edges_deg, rate)


def symmetric_grid(largest_deg: float, step_deg: float) -> np.ndarray:
    """Edges of square cells of the field of view, symmetric around the pointing.

    Parameters
    ----------
    largest_deg : float
        Largest offset.
    step_deg : float
        Side of a cell; shrunk so that cells fit.

    Returns
    -------
    ndarray of float64, shape (2 n + 1,)
        Edges.
    """
    n = int(np.ceil(largest_deg / step_deg - 1e-9))
    rings = np.linspace(0.0, largest_deg, n + 1)
    return np.concatenate([-rings[:0:-1], rings])


def background_3d(bkg: Background2D, fov_edges_deg) -> Background3D:
    """Background in cells of the field of view, symmetric around the pointing.

    Parameters
    ----------
    bkg : Background2D
        Background against offset.
    fov_edges_deg : ndarray of float64, shape (i + 1,)
        Edges of the cells, the same in both directions.

    Returns
    -------
    Background3D
        Rate at the centres of the cells, linear between the centres of rings; constant inside the
        first and outside the last, zero beyond the last edge.
    """
    centres = 0.5 * (fov_edges_deg[1:] + fov_edges_deg[:-1])
    offset = np.hypot(centres[None, :], centres[:, None])
    rings = 0.5 * (bkg.offset_edges_deg[1:] + bkg.offset_edges_deg[:-1])
    rate = np.stack([np.interp(offset, rings, row) for row in bkg.rate_per_s_mev_sr])
    rate[:, offset > bkg.offset_edges_deg[-1]] = 0.0
    return Background3D(bkg.energy_edges_tev, fov_edges_deg, fov_edges_deg, rate)
