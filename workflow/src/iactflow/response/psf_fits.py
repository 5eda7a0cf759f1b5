"""Point spread functions as three Gaussians or King profiles, fitted to radial histograms.

The numbers of events in rings follow a multinomial law; its likelihood is maximised. Profiles are
those of GADF v0.3: a sum of Gaussians (as in Aharonian et al. 2006, A&A 457, 899, section 3, which
has two), and King's, (1 - 1 / g) / (2 pi s^2) (1 + r^2 / (2 g s^2))^-g (Fermi LAT: Ackermann et
al. 2013, ApJ 765, 54). Probabilities are those inside the last edge of the histogram, and profiles
are normalised over all distances.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from iactflow.errors import InputError
from iactflow.io.observation import PointSpread, PointSpread3Gauss, PointSpreadKing
from iactflow.response.signal import Axes, ring_solid_angle_sr

__all__ = [
    "MIN_EVENTS",
    "fit_3gauss",
    "fit_king",
    "fit_point_spread",
    "gauss_containment",
    "king_containment",
    "tabulate",
]

#: Bins with fewer events have no profile.
MIN_EVENTS = 20
_SR_PER_DEG2 = np.radians(1.0) ** 2
# Least probability of a ring: one event may lie where a narrow profile has none.
_LEAST = 1e-12


def king_containment(radius_deg, gamma, sigma_deg) -> np.ndarray:
    """Fraction inside a radius of a King profile.

    Parameters
    ----------
    radius_deg : array_like
        Radius.
    gamma, sigma_deg : array_like
        Index and width.

    Returns
    -------
    ndarray
        1 - (1 + r^2 / (2 g s^2))^(1 - g).
    """
    x = np.asarray(radius_deg) ** 2 / (2.0 * gamma * np.square(sigma_deg))
    return -np.expm1((1.0 - gamma) * np.log1p(x))


def gauss_containment(radius_deg, fractions, sigmas_deg) -> np.ndarray:
    """Fraction inside a radius of a sum of Gaussians.

    Parameters
    ----------
    radius_deg : ndarray of shape (r,)
        Radius.
    fractions, sigmas_deg : ndarray of shape (n,)
        Share of all events, and width, of each Gaussian.

    Returns
    -------
    ndarray of shape (r,)
        Fraction.
    """
    x = np.asarray(radius_deg)[:, None] ** 2 / (2.0 * np.square(sigmas_deg)[None, :])
    return -np.expm1(-x) @ np.asarray(fractions)


def _cost(counts, edges, containment):
    """Negative log likelihood of a profile by its containment."""
    inside = containment(edges)
    total = inside[-1] - inside[0]
    share = np.diff(inside) / total if total > 0.0 else np.zeros(len(counts))
    return -float(counts @ np.log(np.maximum(share, _LEAST)))


def _rms_radius(counts, edges) -> float:
    middles = 0.5 * (edges[1:] + edges[:-1])
    return max(np.sqrt(counts @ middles**2 / counts.sum() / 2.0), 0.25 * edges[1])


def fit_king(counts, rad_edges_deg) -> tuple[float, float]:
    """Fit a King profile to one radial histogram.

    Parameters
    ----------
    counts : ndarray of shape (r,)
        Events in rings.
    rad_edges_deg : ndarray of shape (r + 1,)
        Edges.

    Returns
    -------
    gamma, sigma_deg : float
        Index and width; zeros with fewer than `MIN_EVENTS`.
    """
    counts = np.asarray(counts, dtype=float)
    if counts.sum() < MIN_EVENTS:
        return 0.0, 0.0

    def cost(p):
        gamma, sigma = 1.0 + np.exp(p[0]), np.exp(p[1])
        return _cost(counts, rad_edges_deg, lambda r: king_containment(r, gamma, sigma))

    width = np.log(_rms_radius(counts, rad_edges_deg))
    bounds = [(np.log(0.01), np.log(50.0)), (width - 5.0, width + 2.0)]
    starts = [(g, width - s) for g in (-0.5, 1.0) for s in (0.2, 1.0)]
    best = _best(cost, starts, bounds)
    return float(1.0 + np.exp(best[0])), float(np.exp(best[1]))


def fit_3gauss(counts, rad_edges_deg) -> tuple[np.ndarray, np.ndarray]:
    """Fit a sum of three Gaussians to one radial histogram.

    Parameters
    ----------
    counts : ndarray of shape (r,)
        Events in rings.
    rad_edges_deg : ndarray of shape (r + 1,)
        Edges.

    Returns
    -------
    fractions, sigmas_deg : ndarray of shape (3,)
        Share of all events, and width, of each, the widths ascending; zeros with fewer than
        `MIN_EVENTS`.
    """
    counts = np.asarray(counts, dtype=float)
    if counts.sum() < MIN_EVENTS:
        return np.zeros(3), np.zeros(3)

    def unpack(p):
        weights = np.exp(np.array([0.0, p[3], p[4]]))
        # Each width is larger than the one before, so that they keep their order.
        return weights / weights.sum(), np.exp(p[0] + np.cumsum([0.0, np.exp(p[1]), np.exp(p[2])]))

    def cost(p):
        return _cost(counts, rad_edges_deg, lambda r: gauss_containment(r, *unpack(p)))

    width = np.log(_rms_radius(counts, rad_edges_deg))
    bounds = [(width - 4.0, width + 1.0), *[(-3.0, 1.0)] * 2, *[(-8.0, 4.0)] * 2]
    starts = [(width - 0.7, -0.5, -0.5, a, -2.0) for a in (-2.0, 0.0)]
    return unpack(_best(cost, starts, bounds))


def _best(cost, starts, bounds) -> np.ndarray:
    """Best of several minimisations."""
    found = [minimize(cost, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    return min(found, key=lambda result: result.fun).x


def fit_point_spread(kind: str, axes: Axes, radial) -> PointSpread3Gauss | PointSpreadKing:
    """Fit profiles in all bins.

    Parameters
    ----------
    kind : {"3gauss", "king"}
        Profile.
    axes : Axes
        Axes of the responses.
    radial : ndarray of int64, shape (r, k, m)
        Events by distance, offset and true energy.

    Returns
    -------
    PointSpread3Gauss or PointSpreadKing
        Parameters, zero in bins with fewer than `MIN_EVENTS`.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    edges, shape = np.asarray(axes.rad_edges_deg, float), radial.shape[1:]
    grid = (axes.energy_edges_tev, axes.offset_edges_deg)
    at = list(np.ndindex(shape))
    if kind == "king":
        found = np.array([fit_king(radial[:, k, m], edges) for k, m in at]).reshape(*shape, 2)
        return PointSpreadKing(
            *grid, found[..., 0], found[..., 1], offset_nodes_deg=axes.offset_nodes_deg
        )
    if kind != "3gauss":
        raise InputError("responses", "psf", kind, "table, 3gauss, king")
    found = np.array([fit_3gauss(radial[:, k, m], edges) for k, m in at]).reshape(*shape, 2, 3)
    fraction, sigma = found[..., 0, :], found[..., 1, :]
    variance = np.where(sigma > 0.0, sigma**2, 1.0)
    central = fraction / (2.0 * np.pi * variance * _SR_PER_DEG2)
    first = np.where(central[..., :1] > 0.0, central[..., :1], 1.0)
    return PointSpread3Gauss(
        *grid,
        scale_per_sr=central[..., 0],
        sigma_1_deg=sigma[..., 0],
        ampl_2=central[..., 1] / first[..., 0],
        sigma_2_deg=sigma[..., 1],
        ampl_3=central[..., 2] / first[..., 0],
        sigma_3_deg=sigma[..., 2],
        offset_nodes_deg=axes.offset_nodes_deg,
    )


def tabulate(psf: PointSpread3Gauss | PointSpreadKing, rad_edges_deg) -> PointSpread:
    """Table of a parametric point spread function.

    Parameters
    ----------
    psf : PointSpread3Gauss or PointSpreadKing
        Parameters.
    rad_edges_deg : ndarray of float64, shape (r + 1,)
        Edges of the table; what lies beyond is missing from its integral.

    Returns
    -------
    PointSpread
        Mean density of each ring.
    """
    edges = np.asarray(rad_edges_deg, dtype=float)
    if isinstance(psf, PointSpreadKing):
        known = psf.sigma_deg > 0.0
        gamma, sigma = np.where(known, psf.gamma, 2.0), np.where(known, psf.sigma_deg, 1.0)
        inside = known * king_containment(edges[:, None, None], gamma[None], sigma[None])
    else:
        inside = np.zeros((len(edges), *psf.scale_per_sr.shape))
        ones = np.ones_like(psf.ampl_2)
        parts = ((ones, "sigma_1_deg"), (psf.ampl_2, "sigma_2_deg"), (psf.ampl_3, "sigma_3_deg"))
        for amplitude, name in parts:
            variance = np.square(getattr(psf, name))
            x = edges[:, None, None] ** 2 / (2.0 * np.where(variance > 0.0, variance, np.inf))[None]
            share = amplitude * psf.scale_per_sr * 2.0 * np.pi * variance * _SR_PER_DEG2
            inside += -np.expm1(-x) * share[None]
    density = np.diff(inside, axis=0) / ring_solid_angle_sr(edges)[:, None, None]
    return PointSpread(
        psf.energy_edges_tev, psf.offset_edges_deg, edges, density, psf.offset_nodes_deg
    )
