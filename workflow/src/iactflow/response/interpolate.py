"""Responses of a run at given energies and one offset.

The tables of a run hold its responses on a grid (GADF v0.3, "IRFs"). Between the grid points they
are linear in log energy, in offset and, cumulatively, in migration and in distance from the source.
These are the conventions of gammapy 2.1 (``IRF.evaluate``, ``IRF.integral``,
``EDispMap.to_edisp_kernel_map``, ``SafeMaskMaker``), so that both chains fold with the same
response:

- nodes are the geometric centres of the energy bins, and the centres of the offset bins or the
  offsets themselves where the file gives points;
- between the outermost node and the outermost edge a table is extrapolated linearly, below zero it
  is zero, beyond its edges it is zero;
- the energy dispersion is the exception: beyond its energies it is extrapolated. Interpolated
  densities are normalised over the migration before they are integrated over the bins of
  reconstructed energy, true energies standing for the geometric centres of their bins.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit

__all__ = [
    "containment",
    "effective_area_m2",
    "energy_dispersion",
    "energy_mask",
    "geometric_centres",
    "threshold_energy_tev",
]

# Probabilities below this are artefacts of the interpolation; gammapy drops them too.
_SMALLEST_PROBABILITY = 1e-8


def geometric_centres(edges):
    """Geometric centres of bins.

    Parameters
    ----------
    edges : ndarray of shape (n + 1,)
        Edges, above zero.

    Returns
    -------
    ndarray of shape (n,)
        Centres, in the unit of the edges.
    """
    return np.sqrt(edges[:-1] * edges[1:])


def effective_area_m2(aeff, energy_tev, offset_deg):
    """Effective area at given energies and one offset.

    Parameters
    ----------
    aeff : EffectiveArea
        The table of the run.
    energy_tev : ndarray of shape (q,)
        True energies, TeV.
    offset_deg : float
        Offset from the pointing, deg.

    Returns
    -------
    ndarray of shape (q,)
        Effective area, m2; zero outside the table.
    """
    return _area(
        np.asarray(energy_tev, dtype=float),
        float(offset_deg),
        aeff.energy_edges_tev,
        aeff.offset_edges_deg,
        aeff.offset_nodes_deg,
        aeff.area_m2,
    )


def containment(psf, energy_tev, offset_deg, radius_deg):
    """Fraction of the point spread function within a radius.

    The table is taken as it is: not normalised to one at its end.

    Parameters
    ----------
    psf : PointSpread
        The table of the run.
    energy_tev : ndarray of shape (q,)
        True energies, TeV.
    offset_deg : float
        Offset of the source from the pointing, deg.
    radius_deg : float
        Radius about the source, deg; beyond the table the fraction stays that at its end.

    Returns
    -------
    ndarray of shape (q,)
        Fraction; zero at energies and offsets outside the table.
    """
    return _containment(
        np.asarray(energy_tev, dtype=float),
        float(offset_deg),
        float(radius_deg),
        psf.energy_edges_tev,
        psf.offset_edges_deg,
        psf.offset_nodes_deg,
        psf.rad_edges_deg,
        psf.value_per_sr,
    )


def energy_dispersion(edisp, energy_true_edges_tev, energy_edges_tev, offset_deg):
    """Probability of each bin of reconstructed energy for each bin of true energy.

    Parameters
    ----------
    edisp : EnergyDispersion
        The table of the run.
    energy_true_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges in reconstructed energy, TeV.
    offset_deg : float
        Offset from the pointing, deg.

    Returns
    -------
    ndarray of shape (m, n)
        Probabilities; a row adds up to one less what falls outside the reconstructed axis, and is
        zero where the table is.
    """
    return _dispersion(
        geometric_centres(np.asarray(energy_true_edges_tev, dtype=float)),
        np.asarray(energy_edges_tev, dtype=float),
        float(offset_deg),
        edisp.energy_edges_tev,
        edisp.migra_edges,
        edisp.offset_edges_deg,
        edisp.offset_nodes_deg,
        edisp.matrix,
    )


def threshold_energy_tev(energy_tev, area, fraction):
    """Energy where the effective area first rises through a fraction of its maximum.

    Between the energies the area follows a power law. This is the condition ``aeff-max`` of
    gammapy 2.1, except where the area begins above the fraction: there gammapy takes the first
    crossing of any direction, here nothing is cut.

    Parameters
    ----------
    energy_tev : ndarray of shape (m,)
        True energies, ascending, TeV.
    area : ndarray of shape (m,)
        Effective area with any containment correction, in any unit.
    fraction : float
        Fraction of the maximum, from 0 to below 1.

    Returns
    -------
    float
        Energy, TeV; infinity where the area is zero throughout.
    """
    positive = np.flatnonzero(area > 0)
    if len(positive) == 0:
        return np.inf
    limit = fraction * np.max(area)
    above = np.flatnonzero(area >= limit)[0]
    below = above - 1
    if above == 0 or area[below] <= 0:
        return float(energy_tev[positive[0]])
    steps = np.log(limit / area[below]) / np.log(area[above] / area[below])
    return float(energy_tev[below] * (energy_tev[above] / energy_tev[below]) ** steps)


def energy_mask(energy_edges_tev, energy_min_tev=None, energy_max_tev=None):
    """Bins that lie wholly inside a range of energies.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges, TeV.
    energy_min_tev, energy_max_tev : float or None
        Range, TeV; None leaves that end open.

    Returns
    -------
    ndarray of bool of shape (n,)
        True inside.
    """
    mask = np.ones(len(energy_edges_tev) - 1, dtype=bool)
    if energy_min_tev is not None:
        mask &= energy_edges_tev[:-1] >= energy_min_tev
    if energy_max_tev is not None:
        mask &= energy_edges_tev[1:] <= energy_max_tev
    return mask


@jit
def _bracket(x, nodes):
    """Lower node of the interval that holds x, or of the outermost, and the position inside."""
    if len(nodes) == 1:
        return 0, 0, 0.0
    i = min(max(np.searchsorted(nodes, x) - 1, 0), len(nodes) - 2)
    return i, i + 1, (x - nodes[i]) / (nodes[i + 1] - nodes[i])


@jit
def _log_centres(edges):
    return 0.5 * (np.log(edges[:-1]) + np.log(edges[1:]))


@jit
def _area(energy, offset, energy_edges, offset_edges, offset_nodes, area):
    result = np.zeros(len(energy))
    if offset < offset_edges[0] or offset > offset_edges[-1]:
        return result
    nodes = _log_centres(energy_edges)
    k, k_1, s = _bracket(offset, offset_nodes)
    for q in range(len(energy)):
        if energy_edges[0] <= energy[q] <= energy_edges[-1]:
            j, j_1, t = _bracket(np.log(energy[q]), nodes)
            near = (1.0 - t) * area[k, j] + t * area[k, j_1]
            far = (1.0 - t) * area[k_1, j] + t * area[k_1, j_1]
            result[q] = max((1.0 - s) * near + s * far, 0.0)
    return result


@jit
def _cumulative(radius, rad_edges, profile):
    """Integral of a radial profile, per sr, up to a radius: linear between the edges."""
    total = 0.0
    for i in range(len(profile)):
        low, high = rad_edges[i], rad_edges[i + 1]
        step = profile[i] * np.pi * (high * high - low * low)
        # Below the first edge the line through the first two edges goes on.
        if i > 0 and radius < high:
            return total + step * (radius - low) / (high - low)
        total += step
    return total


@jit
def _containment(energy, offset, radius, energy_edges, offset_edges, offset_nodes, rad_edges, psf):
    result = np.zeros(len(energy))
    if offset < offset_edges[0] or offset > offset_edges[-1]:
        return result
    nodes = _log_centres(energy_edges)
    radians = np.radians(rad_edges)
    k, k_1, s = _bracket(offset, offset_nodes)
    inside = np.empty(len(nodes))
    for j in range(len(nodes)):
        profile = (1.0 - s) * psf[:, k, j] + s * psf[:, k_1, j]
        inside[j] = _cumulative(np.radians(radius), radians, profile)
    for q in range(len(energy)):
        if energy_edges[0] <= energy[q] <= energy_edges[-1]:
            j, j_1, t = _bracket(np.log(energy[q]), nodes)
            result[q] = max((1.0 - t) * inside[j] + t * inside[j_1], 0.0)
    return result


@jit
def _dispersion(
    energy_true, edges, offset, energy_edges, migra_edges, offset_edges, offset_nodes, matrix
):
    m, n, n_migra = len(energy_true), len(edges) - 1, len(migra_edges) - 1
    result = np.zeros((m, n))
    if offset < offset_edges[0] or offset > offset_edges[-1]:
        return result
    nodes = _log_centres(energy_edges)
    k, k_1, s = _bracket(offset, offset_nodes)
    cumulative = np.zeros(n_migra + 1)
    for q in range(m):
        j, j_1, t = _bracket(np.log(energy_true[q]), nodes)
        for i in range(n_migra):
            near = (1.0 - t) * matrix[k, i, j] + t * matrix[k, i, j_1]
            far = (1.0 - t) * matrix[k_1, i, j] + t * matrix[k_1, i, j_1]
            density = max((1.0 - s) * near + s * far, 0.0)
            width = migra_edges[i + 1] - migra_edges[i]
            cumulative[i + 1] = cumulative[i] + density * width
        if cumulative[n_migra] <= 0.0:
            continue
        lower = _at(edges[0] / energy_true[q], migra_edges, cumulative)
        for i in range(n):
            upper = _at(edges[i + 1] / energy_true[q], migra_edges, cumulative)
            probability = (upper - lower) / cumulative[n_migra]
            if probability >= _SMALLEST_PROBABILITY:
                result[q, i] = probability
            lower = upper
    return result


@jit
def _at(x, edges, cumulative):
    """Cumulative value at x: linear between the edges, constant beyond."""
    if x <= edges[0]:
        return cumulative[0]
    if x >= edges[-1]:
        return cumulative[-1]
    i = np.searchsorted(edges, x, side="right") - 1
    t = (x - edges[i]) / (edges[i + 1] - edges[i])
    return (1.0 - t) * cumulative[i] + t * cumulative[i + 1]
