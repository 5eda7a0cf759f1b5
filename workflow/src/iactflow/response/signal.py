"""Effective area, energy dispersion and point spread function from histograms of events.

Definitions are those of GADF v0.3 and of pyirf: the area is the share of the thrown events that
were selected, times the area they were thrown on; dispersion and point spread function are the
distributions of the selected events, normalised inside their axes. Bins without events are zero.

The error of the area is that of a sum over independent showers. With n_s selected events of each of
N showers thrown, S in all, the variance of S is that of N equal draws: (sum n_s^2 - S^2 / N) N /
(N - 1), unbiased. Where showers were not counted, but N is what a part of them is expected to
have, and N scatters with a variance V, the sum has a random number of terms, Var S = N var(n_s) +
mean(n_s)^2 V, and

    Var S = (sum n_s^2 - c S^2) / (1 - c),   c = (1 - V / N) / N,

which holds for both: N is known for V = 0, and for V = N (Poisson) the sum of squares remains. It
is also taken where a single shower tells no scatter.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from iactflow.io.observation import EffectiveArea, EnergyDispersion, PointSpread
from iactflow.response.histograms import Signal

__all__ = [
    "AreaSums",
    "Axes",
    "add_run",
    "effective_area",
    "energy_dispersion",
    "no_area",
    "point_spread",
    "ring_solid_angle_sr",
    "signal_tables",
    "widened",
]


class AreaSums(NamedTuple):
    """Sums over runs that the effective area is made of, each by offset and true energy.

    Attributes
    ----------
    selected_m2 : ndarray of float64, shape (k, m)
        Selected events, each times the area of its run.
    variance_m4 : ndarray of float64, shape (k, m)
        Variance of this sum.
    n_thrown : ndarray of float64, shape (k, m)
        Events thrown.
    """

    selected_m2: np.ndarray
    variance_m4: np.ndarray
    n_thrown: np.ndarray


def no_area(n_offsets: int, n_energies: int) -> AreaSums:
    """Sums of no run.

    Parameters
    ----------
    n_offsets, n_energies : int
        Bins.

    Returns
    -------
    AreaSums
        Zeros.
    """
    return AreaSums(*np.zeros((3, n_offsets, n_energies)))


def add_run(
    sums: AreaSums, signal: Signal, n_thrown, area_m2: float, reuse: int, shower_variance=0.0
) -> AreaSums:
    """Add a run.

    Parameters
    ----------
    sums : AreaSums
        Sums of other runs.
    signal : Signal
        Histograms of its events.
    n_thrown : ndarray of float64, shape (k, m)
        Events thrown, re-uses counted.
    area_m2 : float
        Area that cores were thrown on, perpendicular to the shower.
    reuse : int
        Events thrown per shower.
    shower_variance : float or ndarray of float64, shape (k, m), optional
        Variance of the number of showers thrown, where they are not counted.

    Returns
    -------
    AreaSums
        Sums with the run.
    """
    n_showers = np.asarray(n_thrown, dtype=float) / reuse
    some, none = n_showers > 0.0, np.zeros(n_showers.shape)
    scatter = np.divide(shower_variance, n_showers, out=none.copy(), where=some)
    c = np.divide(1.0 - scatter, n_showers, out=none.copy(), where=some)
    # Rounding: a single shower has c = 1.
    known = c < 1.0 - 1e-9
    difference = np.maximum(signal.squares - c * signal.selected.astype(float) ** 2, 0.0)
    variance = np.divide(difference, 1.0 - c, out=signal.squares.astype(float), where=known)
    return AreaSums(
        sums.selected_m2 + area_m2 * signal.selected,
        sums.variance_m4 + area_m2**2 * variance,
        sums.n_thrown + n_thrown,
    )


def effective_area(sums: AreaSums) -> tuple[np.ndarray, np.ndarray]:
    """Effective area with its error.

    Parameters
    ----------
    sums : AreaSums
        Sums over runs.

    Returns
    -------
    area_m2, error_m2 : ndarray of float64, shape (k, m)
        Area, zero where nothing was thrown or selected; standard error, not a number there.
    """
    thrown = sums.n_thrown > 0.0
    area = np.divide(sums.selected_m2, sums.n_thrown, out=np.zeros(thrown.shape), where=thrown)
    error = np.full(thrown.shape, np.nan)
    known = thrown & (area > 0.0)
    error[known] = np.sqrt(sums.variance_m4[known]) / sums.n_thrown[known]
    return area, error


def energy_dispersion(migration, migra_edges) -> np.ndarray:
    """Probability density of the migration.

    Parameters
    ----------
    migration : ndarray of int64, shape (k, j, m)
        Events by offset, migration and true energy.
    migra_edges : ndarray of float64, shape (j + 1,)
        Edges in migration.

    Returns
    -------
    ndarray of float64, shape (k, j, m)
        Density, with the integral 1 over the migration, or zero without events.
    """
    total = migration.sum(axis=1, keepdims=True)
    width = np.diff(migra_edges)[None, :, None]
    return migration / np.where(total > 0, total, 1) / width


def ring_solid_angle_sr(edges_deg) -> np.ndarray:
    """Solid angles of rings around a direction.

    Parameters
    ----------
    edges_deg : ndarray of float64, shape (r + 1,)
        Edges in the angle from it.

    Returns
    -------
    ndarray of float64, shape (r,)
        Solid angles, sr: 2 pi times the difference of cosines, in the form that keeps its digits.
    """
    edges = np.radians(edges_deg)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    return 4.0 * np.pi * np.sin(middle) * np.sin(half)


def point_spread(radial, rad_edges_deg) -> np.ndarray:
    """Density of reconstructed directions around the true one.

    Parameters
    ----------
    radial : ndarray of int64, shape (r, k, m)
        Events by distance, offset and true energy.
    rad_edges_deg : ndarray of float64, shape (r + 1,)
        Edges in distance.

    Returns
    -------
    ndarray of float64, shape (r, k, m)
        Density per sr, with the integral 1 inside the last edge, or zero without events.
    """
    total = radial.sum(axis=0, keepdims=True)
    solid_angle = ring_solid_angle_sr(rad_edges_deg)[:, None, None]
    return radial / np.where(total > 0, total, 1) / solid_angle


class Axes(NamedTuple):
    """Axes of the responses of signal.

    Attributes
    ----------
    energy_edges_tev : ndarray of float64, shape (m + 1,)
        Edges in true energy.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset.
    offset_nodes_deg : ndarray of float64, shape (k,)
        Offsets that values belong to.
    migra_edges : ndarray of float64, shape (j + 1,)
        Edges in migration.
    rad_edges_deg : ndarray of float64, shape (r + 1,)
        Edges in the distance from the true direction.
    """

    energy_edges_tev: np.ndarray
    offset_edges_deg: np.ndarray
    offset_nodes_deg: np.ndarray
    migra_edges: np.ndarray
    rad_edges_deg: np.ndarray


def signal_tables(
    axes: Axes, sums: AreaSums, signal: Signal
) -> tuple[EffectiveArea, EnergyDispersion, PointSpread]:
    """Tables of the responses of signal.

    Parameters
    ----------
    axes : Axes
        Axes.
    sums : AreaSums
        Sums of the effective area.
    signal : Signal
        Histograms of all runs.

    Returns
    -------
    aeff : EffectiveArea
        Effective area.
    edisp : EnergyDispersion
        Energy dispersion.
    psf : PointSpread
        Point spread function.
    """
    edges, offsets, nodes = axes[:3]
    edisp = energy_dispersion(signal.migration, axes.migra_edges)
    psf = point_spread(signal.radial, axes.rad_edges_deg)
    return (
        EffectiveArea(edges, offsets, effective_area(sums)[0], offset_nodes_deg=nodes),
        EnergyDispersion(edges, axes.migra_edges, offsets, edisp, nodes),
        PointSpread(edges, offsets, axes.rad_edges_deg, psf, nodes),
    )


def widened(table):
    """Responses of a single offset as two bins of offset with the same content.

    A table of one bin has no slope to interpolate: gammapy drops its axis and cannot evaluate it at
    several offsets. Two bins that are equal give the same response wherever it is valid.

    Parameters
    ----------
    table : EffectiveArea, EnergyDispersion, PointSpread, PointSpread3Gauss, PointSpreadKing, RadMax
        A response with any number of offsets.

    Returns
    -------
    same type
        The table as it is where it has several offsets, else with two halves of its bin.
    """
    edges = table.offset_edges_deg
    if len(edges) != 2:
        return table
    axis = 1 if isinstance(table, PointSpread) else 0
    values = {
        field.name: np.repeat(getattr(table, field.name), 2, axis=axis)
        for field in fields(table)
        if np.ndim(getattr(table, field.name)) > 1
    }
    halves = np.array([edges[0], 0.5 * (edges[0] + edges[1]), edges[1]])
    return replace(table, offset_edges_deg=halves, offset_nodes_deg=None, **values)
