"""All histograms that responses need, filled in one pass over the events.

Bins are those of ``numpy.histogram``: closed below, open above, the last one closed on both sides.
Events of a shower at several core positions are correlated; they stand one after the other (a
cluster), and the sums of squares over clusters that errors are made of are filled in the same pass.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = ["Background", "Signal", "fill_background", "fill_signal"]


# Bits of an energy below those that number its cell: 256 cells a factor of two.
_SHIFT = 44


class Signal(NamedTuple):
    """Histograms of signal events; offset first, true energy last.

    Attributes
    ----------
    selected : ndarray of int64, shape (k, m)
        Events by offset and true energy.
    squares : ndarray of int64, shape (k, m)
        Sum over clusters of the squared number of events.
    migration : ndarray of int64, shape (k, j, m)
        Events by offset, migration (reconstructed over true energy) and true energy.
    radial : ndarray of int64, shape (r, k, m)
        Events by distance from the true direction, offset and true energy.
    """

    selected: np.ndarray
    squares: np.ndarray
    migration: np.ndarray
    radial: np.ndarray


class Background(NamedTuple):
    """Histograms of weighted background events by reconstructed energy and offset.

    Attributes
    ----------
    rate_per_s : ndarray of float64, shape (n, k)
        Sum of weights.
    squares : ndarray of float64, shape (n, k)
        Sum over clusters of the squared sum of weights: the variance of the rate.
    energy_squares : ndarray of float64, shape (n,)
        The same for the sums over all offsets.
    n_showers : ndarray of int64, shape (n,)
        Clusters with an event in the energy bin, at any offset of the axis.
    n_showers_in_all : int
        Clusters with an event in any bin.
    """

    rate_per_s: np.ndarray
    squares: np.ndarray
    energy_squares: np.ndarray
    n_showers: np.ndarray
    n_showers_in_all: int


def fill_signal(
    true_energy_tev,
    energy_tev,
    offset_deg,
    theta_deg,
    cluster,
    energy_edges_tev,
    offset_edges_deg,
    migra_edges,
    rad_edges_deg,
) -> Signal:
    """Fill the histograms of effective area, energy dispersion and point spread function.

    Parameters
    ----------
    true_energy_tev, energy_tev : ndarray of float64, shape (n,)
        True and reconstructed energy, TeV.
    offset_deg : ndarray of float64, shape (n,)
        Offset of the true direction from the pointing, deg.
    theta_deg : ndarray of float64, shape (n,)
        Distance of the reconstructed from the true direction, deg.
    cluster : ndarray of int64, shape (n,)
        What events share that are not independent; equal values stand together.
    energy_edges_tev : ndarray of float64, shape (m + 1,)
        Edges in true energy, ascending, above zero, TeV.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset, deg.
    migra_edges : ndarray of float64, shape (j + 1,)
        Edges in migration.
    rad_edges_deg : ndarray of float64, shape (r + 1,)
        Edges in distance, deg.

    Returns
    -------
    Signal
        Histograms. An event beyond the edges in migration or distance still counts as selected.
    """
    k, m = len(offset_edges_deg) - 1, len(energy_edges_tev) - 1
    columns = [_float(c) for c in (true_energy_tev, energy_tev, offset_deg, theta_deg)]
    edges = [_float(e) for e in (energy_edges_tev, offset_edges_deg, migra_edges, rad_edges_deg)]
    # Events of a shower share offset and energy: their bins lie side by side here.
    migration = np.zeros((k, m, len(migra_edges) - 1), dtype=np.int64)
    radial = np.zeros((k, m, len(rad_edges_deg) - 1), dtype=np.int64)
    selected, squares = np.zeros((2, k, m), dtype=np.int64)
    cells = _energy_cells(edges[0])
    cluster = np.ascontiguousarray(cluster, dtype=np.int64)
    _fill_signal(*columns, cluster, *edges, *cells, selected, squares, migration, radial)
    return Signal(
        selected,
        squares,
        np.ascontiguousarray(migration.transpose(0, 2, 1)),
        np.ascontiguousarray(radial.transpose(2, 0, 1)),
    )


def fill_background(
    energy_tev, offset_deg, weight_per_s, cluster, energy_edges_tev, offset_edges_deg
) -> Background:
    """Fill the histograms of the background.

    Parameters
    ----------
    energy_tev : ndarray of float64, shape (n,)
        Reconstructed energy, TeV.
    offset_deg : ndarray of float64, shape (n,)
        Offset of the reconstructed direction from the pointing, deg.
    weight_per_s : ndarray of float64, shape (n,)
        Weight, s-1; 1 for real events.
    cluster : ndarray of int64, shape (n,)
        As for `fill_signal`; all different for real events.
    energy_edges_tev : ndarray of float64, shape (n_energies + 1,)
        Edges in reconstructed energy, above zero, TeV.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset, deg.

    Returns
    -------
    Background
        Sums.
    """
    n, k = len(energy_edges_tev) - 1, len(offset_edges_deg) - 1
    rate, squares = np.zeros((n, k)), np.zeros((n, k))
    energy_squares, n_showers = np.zeros(n), np.zeros(n, dtype=np.int64)
    columns = [_float(c) for c in (energy_tev, offset_deg, weight_per_s)]
    cluster = np.ascontiguousarray(cluster, dtype=np.int64)
    edges = [_float(energy_edges_tev), _float(offset_edges_deg)]
    cells = _energy_cells(edges[0])
    sums = rate, squares, energy_squares, n_showers
    found = _fill_background(*columns, cluster, *edges, *cells, *sums)
    return Background(rate, squares, energy_squares, n_showers, int(found))


def _float(values):
    return np.ascontiguousarray(values, dtype=np.float64)


def _energy_cells(edges):
    """Bins at the lower ends of fine cells of the energy, which its leading bits number."""
    first, last = (int(e) >> _SHIFT for e in edges[[0, -1]].view(np.int64))
    low = (np.arange(first, last + 1) << _SHIFT).view(np.float64)
    bins = np.clip(np.searchsorted(edges, low, side="right") - 1, 0, len(edges) - 2)
    return first, bins.astype(np.int64)


@jit_leaf
def _energy_bin(x, bits, edges, first, cells):
    """Bin of an energy, -1 outside: that of its cell, or one of the next."""
    last = len(edges) - 2
    if not (x >= edges[0] and x <= edges[last + 1]):
        return -1
    i = cells[(bits >> _SHIFT) - first]
    while i < last and x >= edges[i + 1]:
        i += 1
    return i


@jit_leaf
def _linear_bin(x, edges, scale):
    """Bin on an axis of about equal bins, -1 outside: where it would lie, or next to it."""
    last = len(edges) - 2
    if not (x >= edges[0] and x <= edges[last + 1]):
        return -1
    i = min(int((x - edges[0]) * scale), last)
    while i > 0 and x < edges[i]:
        i -= 1
    while i < last and x >= edges[i + 1]:
        i += 1
    return i


@jit_leaf
def _scale(edges):
    return (len(edges) - 1) / (edges[-1] - edges[0])


@jit
def _fill_signal(
    true_energy,
    energy,
    offset,
    theta,
    cluster,
    energy_edges,
    offset_edges,
    migra_edges,
    rad_edges,
    first,
    cells,
    selected,
    squares,
    migration,
    radial,
):
    bits = true_energy.view(np.int64)
    of_offset, of_migra, of_rad = _scale(offset_edges), _scale(migra_edges), _scale(rad_edges)
    k, m, at_energy, at_offset = -1, -1, np.nan, np.nan
    at_k, at_m, at_cluster, together = 0, 0, np.int64(0), 0
    for i in range(len(true_energy)):
        if true_energy[i] != at_energy or offset[i] != at_offset:
            at_energy, at_offset = true_energy[i], offset[i]
            m = _energy_bin(at_energy, bits[i], energy_edges, first, cells)
            k = _linear_bin(at_offset, offset_edges, of_offset)
        if m < 0 or k < 0:
            continue
        if cluster[i] == at_cluster and k == at_k and m == at_m:
            together += 1
        else:
            selected[at_k, at_m] += together
            squares[at_k, at_m] += together * together
            at_k, at_m, at_cluster, together = k, m, cluster[i], 1
        j = _linear_bin(energy[i] / at_energy, migra_edges, of_migra)
        if j >= 0:
            migration[k, m, j] += 1
        r = _linear_bin(theta[i], rad_edges, of_rad)
        if r >= 0:
            radial[k, m, r] += 1
    selected[at_k, at_m] += together
    squares[at_k, at_m] += together * together


@jit
def _fill_background(
    energy,
    offset,
    weight,
    cluster,
    energy_edges,
    offset_edges,
    first,
    cells,
    rate,
    squares,
    energy_squares,
    n_showers,
):
    bits = energy.view(np.int64)
    of_offset, n_offsets = _scale(offset_edges), len(offset_edges) - 1
    # Sums of the cluster at hand, and the bins that it has filled.
    in_bin, in_energy = np.zeros(rate.size), np.zeros(len(energy_squares))
    bins, energies = np.empty(rate.size, np.int64), np.empty(len(energy_squares), np.int64)
    is_bin, is_energy = np.zeros(rate.size, np.bool_), np.zeros(len(energy_squares), np.bool_)
    n_bins, n_energies, found = 0, 0, 0
    for i in range(len(energy)):
        n = _energy_bin(energy[i], bits[i], energy_edges, first, cells)
        k = _linear_bin(offset[i], offset_edges, of_offset)
        if n >= 0 and k >= 0:
            at = n * n_offsets + k
            if not is_bin[at]:
                is_bin[at] = True
                bins[n_bins] = at
                n_bins += 1
            if not is_energy[n]:
                is_energy[n] = True
                energies[n_energies] = n
                n_energies += 1
            in_bin[at] += weight[i]
            in_energy[n] += weight[i]
        if i + 1 < len(energy) and cluster[i + 1] == cluster[i]:
            continue
        for b in range(n_bins):
            at = bins[b]
            rate[at // n_offsets, at % n_offsets] += in_bin[at]
            squares[at // n_offsets, at % n_offsets] += in_bin[at] * in_bin[at]
            in_bin[at], is_bin[at] = 0.0, False
        for b in range(n_energies):
            n = energies[b]
            energy_squares[n] += in_energy[n] * in_energy[n]
            n_showers[n] += 1
            in_energy[n], is_energy[n] = 0.0, False
        found += n_bins > 0
        n_bins, n_energies = 0, 0
    return found
