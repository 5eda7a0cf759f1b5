"""Responses in an energy band, as sky maps need them: exposure and point spread.

The effective area is averaged with the spectrum of an assumed power law, as for the flux maps of
the H.E.S.S. Galactic Plane Survey (2018, A&A 612, A1, section 3.4, eq. 2), energy dispersion left
out: events of true energies in the band stand for events of reconstructed energies in the band.
"""

from __future__ import annotations

import numpy as np

__all__ = ["SUB_BINS", "band_area", "containment", "containment_radius", "safe_bins"]

#: Steps in which the effective area is averaged within one energy bin of a map.
SUB_BINS = 16


def safe_bins(edges_tev, aeff) -> np.ndarray:
    """Energy bins that lie within the safe range that the file states.

    Parameters
    ----------
    edges_tev : ndarray, shape (m + 1,)
        Edges of the bins, TeV.
    aeff : EffectiveArea
        Effective area with ``lo_thres_tev`` and ``hi_thres_tev``; None or 0 sets no limit.

    Returns
    -------
    ndarray of bool, shape (m,)
        True for bins inside as a whole.
    """
    low = aeff.lo_thres_tev or 0.0
    high = aeff.hi_thres_tev or np.inf
    return (edges_tev[:-1] >= low) & (edges_tev[1:] <= high)


def _power_law_weights(edges_tev, safe, spectral_index):
    """Energies within the safe bins, and the part of the band's photons each stands for."""

    def integral(low, high):
        if spectral_index == 1.0:
            return np.log(high / low)
        power = 1.0 - spectral_index
        return (high**power - low**power) / power

    low, high = edges_tev[:-1][safe], edges_tev[1:][safe]
    steps = np.geomspace(low, high, SUB_BINS + 1)
    weights = integral(steps[:-1], steps[1:]) / integral(edges_tev[0], edges_tev[-1])
    return np.sqrt(steps[:-1] * steps[1:]).ravel(), weights.ravel()


def _at_energies(values, edges_tev, energy_tev):
    """Rows of a response interpolated linearly in the logarithm of energy, shape (k, n)."""
    nodes = np.log(np.sqrt(edges_tev[1:] * edges_tev[:-1]))
    return np.array([np.interp(np.log(energy_tev), nodes, row) for row in values])


def band_area(aeff, edges_tev, safe, spectral_index) -> np.ndarray:
    """Effective area averaged over a power law in the band, at the offsets of the file.

    Energies outside the safe bins count with area zero, so that the excess over livetime times
    this area is the flux in the whole band.

    Parameters
    ----------
    aeff : EffectiveArea
        Effective area.
    edges_tev : ndarray, shape (m + 1,)
        Energy bins of the band, TeV.
    safe : ndarray of bool, shape (m,)
        Bins that are used.
    spectral_index : float
        Index of the power law, positive for a falling spectrum.

    Returns
    -------
    ndarray, shape (k,)
        Area at ``aeff.offset_nodes_deg``, m2.
    """
    energy, weights = _power_law_weights(edges_tev, safe, spectral_index)
    return _at_energies(aeff.area_m2, aeff.energy_edges_tev, energy) @ weights


def containment(psf, aeff, edges_tev, safe, spectral_index, offset_deg, radius_deg) -> np.ndarray:
    """Events of a point source reconstructed within given radii, in units of effective area.

    Parameters
    ----------
    psf : PointSpread
        Point spread function.
    aeff : EffectiveArea
        Effective area.
    edges_tev : ndarray, shape (m + 1,)
        Energy bins of the band, TeV.
    safe : ndarray of bool, shape (m,)
        Bins that are used.
    spectral_index : float
        Index of the power law.
    offset_deg : float
        Offset of the source from the pointing, deg.
    radius_deg : ndarray, shape (r,)
        Distances from the source, deg.

    Returns
    -------
    ndarray, shape (r,)
        Area times contained fraction, averaged over the power law, m2.
    """
    energy, weights = _power_law_weights(edges_tev, safe, spectral_index)
    area = _at_energies(aeff.area_m2, aeff.energy_edges_tev, energy)
    area = np.array([np.interp(offset_deg, aeff.offset_nodes_deg, a) for a in area.T])
    # nodes in offset around the source, linear between them
    nodes = psf.offset_nodes_deg
    offset = np.clip(offset_deg, nodes[0], nodes[-1])
    low = min(int(np.searchsorted(nodes, offset, side="right")) - 1, max(nodes.size - 2, 0))
    density = psf.value_per_sr[:, low]
    if nodes.size > 1:
        share = (offset - nodes[low]) / (nodes[low + 1] - nodes[low])
        density = density + share * (psf.value_per_sr[:, low + 1] - density)
    rings = 2.0 * np.pi * -np.diff(np.cos(np.radians(psf.rad_edges_deg)))
    inside = np.cumsum(density * rings[:, None], axis=0)
    inside = np.vstack([np.zeros(inside.shape[1]), inside])
    bins = np.clip(np.searchsorted(psf.energy_edges_tev, energy) - 1, 0, inside.shape[1] - 1)
    total = inside[-1, bins]
    known = total > 0.0
    inside = inside[:, bins[known]] / total[known]
    sums = inside @ (area * weights)[known]
    return np.interp(radius_deg, psf.rad_edges_deg, sums)


def containment_radius(radius_deg, contained, fraction=0.68) -> float:
    """Radius that contains a fraction of a point source.

    Parameters
    ----------
    radius_deg : ndarray, shape (r,)
        Ascending radii, deg.
    contained : ndarray, shape (r,)
        Events within them, in any unit; the last stands for all.
    fraction : float
        Fraction wanted.

    Returns
    -------
    float
        Radius, deg; NaN when nothing is contained.
    """
    if not contained[-1] > 0.0:
        return float("nan")
    return float(np.interp(fraction, contained / contained[-1], radius_deg))
