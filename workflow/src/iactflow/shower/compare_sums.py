"""Light on the ground in bins of core distance: sums that comparisons of showers are made of.

A photon counts at the distance from the shower's axis at which it crosses the horizontal plane
through the centre of its sphere. The area of a bin is that of the spheres' cross-sections inside
its ring. Directions and times are kept as histograms, so that their quantiles can be told for any
sum of showers: single photons from far off the axis make means and root mean squares fluctuate
without end. Delays are behind the front, a plane perpendicular to the axis that moves with the
primary at the speed of light in vacuum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.atmosphere.table import SPEED_OF_LIGHT_M_NS
from iactflow.shower.photons import COS_X, COS_Y, TIME_NS, WEIGHT, X_M, Y_M

__all__ = [
    "ACROSS",
    "ACROSS_EDGES_DEG",
    "DELAY",
    "DELAY_EDGES_NS",
    "LIGHT",
    "LIGHT_2",
    "N_SUMS",
    "OUTWARD",
    "OUTWARD_EDGES_DEG",
    "Geometry",
    "distances_m",
    "make_geometry",
    "ring_areas_m2",
    "sum_photons",
]

# Angle away from the axis, size of the angle across it, delay. The first and the last bin hold
# what lies beyond, too.
OUTWARD_EDGES_DEG = np.linspace(-3.0, 7.0, 101)
ACROSS_EDGES_DEG = np.linspace(0.0, 4.0, 81)
DELAY_EDGES_NS = np.concatenate(
    [np.arange(-10.0, 30.0, 0.25), np.arange(30.0, 100.0), np.arange(100.0, 401.0, 10.0)]
)
# Sums over photons, weighted: all light, its squared weights, histograms.
LIGHT, LIGHT_2 = 0, 1
OUTWARD = slice(2, 2 + OUTWARD_EDGES_DEG.size - 1)
ACROSS = slice(OUTWARD.stop, OUTWARD.stop + ACROSS_EDGES_DEG.size - 1)
DELAY = slice(ACROSS.stop, ACROSS.stop + DELAY_EDGES_NS.size - 1)
N_SUMS = DELAY.stop


class Geometry(NamedTuple):
    """Spheres of a shower as its axis sees them; sphere ``reuse * n_tel + telescope``.

    Attributes
    ----------
    axis : ndarray of float64, shape (3,)
        Direction of flight of the primary.
    centre_m : ndarray of float64, shape (n, 3)
        Centres relative to the core.
    distance_m, radius_m : ndarray of float64, shape (n,)
        Distances of the centres from the axis; radii.
    """

    axis: np.ndarray
    centre_m: np.ndarray
    distance_m: np.ndarray
    radius_m: np.ndarray


def make_geometry(direction, spheres_m, cores_m) -> Geometry:
    """Geometry of a shower.

    Parameters
    ----------
    direction : array_like, shape (3,)
        Direction of flight.
    spheres_m : ndarray, shape (n_tel, 4)
        Centres and radii.
    cores_m : ndarray, shape (n_reuse, 2)
        Cores.

    Returns
    -------
    Geometry
        Of all spheres.
    """
    axis = np.asarray(direction, dtype=np.float64)
    centre = np.tile(spheres_m[:, :3], (len(cores_m), 1))
    centre[:, :2] -= np.repeat(cores_m, len(spheres_m), axis=0)
    away = centre - (centre @ axis)[:, None] * axis
    radius = np.tile(spheres_m[:, 3], len(cores_m))
    return Geometry(axis, centre, np.linalg.norm(away, axis=1), radius)


def ring_areas_m2(geometry: Geometry, edges_m) -> np.ndarray:
    """Cross-sections of all spheres inside rings around the axis.

    Parameters
    ----------
    geometry : Geometry
        Spheres.
    edges_m : ndarray, shape (n_bins + 1,)
        Radii of the rings.

    Returns
    -------
    ndarray of float64, shape (n_bins,)
        Areas perpendicular to the axis: of two overlapping circles, less those inside.
    """
    d, r = geometry.distance_m[:, None], geometry.radius_m[:, None]
    e = np.asarray(edges_m, dtype=np.float64)[None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.arccos(np.clip((d * d + r * r - e * e) / (2.0 * d * r), -1.0, 1.0))
        other = np.arccos(np.clip((d * d + e * e - r * r) / (2.0 * d * e), -1.0, 1.0))
        kite = np.maximum((e + r - d) * (d + e - r) * (d + r - e) * (d + e + r), 0.0)
        lens = r * r * half + e * e * other - 0.5 * np.sqrt(kite)
    smaller = np.minimum(e, r)
    area = np.where(e + r <= d, 0.0, np.where(np.abs(e - r) >= d, np.pi * smaller**2, lens))
    return np.diff(area.sum(axis=0))


def _places(rows, owners, geometry):
    """Places of photons: relative to the core, distance from the axis, outward unit vectors."""
    place = geometry.centre_m[owners]
    place[:, :2] += rows[:, [X_M, Y_M]]
    away = place - (place @ geometry.axis)[:, None] * geometry.axis
    distance = np.linalg.norm(away, axis=1)
    # On the axis itself any direction will do.
    level = np.cross(geometry.axis, (0.0, 1.0, 0.0))
    away = np.where(distance[:, None] > 1e-9, away, level)
    return place, distance, away / np.linalg.norm(away, axis=1)[:, None]


def distances_m(photons, owners, geometry: Geometry) -> np.ndarray:
    """Distances of photons from the axis.

    Parameters
    ----------
    photons : ndarray, shape (n, 8)
        Photons (`iactflow.shower.photons`).
    owners : ndarray of int, shape (n,)
        Sphere of each.
    geometry : Geometry
        Spheres.

    Returns
    -------
    ndarray of float64, shape (n,)
        Where they cross the plane through the centre of their sphere.
    """
    return _places(np.asarray(photons, dtype=np.float64), owners, geometry)[1]


def sum_photons(photons, owners, geometry: Geometry, edges_m) -> np.ndarray:
    """Sums over photons per bin.

    Parameters
    ----------
    photons : ndarray, shape (n, 8)
        Photons (`iactflow.shower.photons`).
    owners : ndarray of int, shape (n,)
        Sphere of each.
    geometry : Geometry
        Spheres.
    edges_m : ndarray, shape (n_bins + 1,)
        Edges of the bins.

    Returns
    -------
    ndarray of float64, shape (n_bins, N_SUMS)
        Sums: light, squared weights, and histograms of angle away from the axis, size of the angle
        across it and delay.
    """
    rows = np.asarray(photons, dtype=np.float64)
    place, distance, away = _places(rows, owners, geometry)
    flight = np.column_stack([rows[:, COS_X], rows[:, COS_Y], np.zeros(len(rows))])
    flight[:, 2] = -np.sqrt(np.maximum(1.0 - flight[:, 0] ** 2 - flight[:, 1] ** 2, 0.0))
    outward = np.degrees(np.einsum("ij,ij->i", flight, away))
    across = np.degrees(np.einsum("ij,ij->i", flight, np.cross(geometry.axis, away)))
    delay = rows[:, TIME_NS] - place @ geometry.axis / SPEED_OF_LIGHT_M_NS
    weight = rows[:, WEIGHT]
    n_bins = len(edges_m) - 1
    bins = np.digitize(distance, edges_m) - 1
    kept = (bins >= 0) & (bins < n_bins)
    bins, weight = bins[kept], weight[kept]
    sums = np.zeros((n_bins, N_SUMS))
    sums[:, LIGHT] = np.bincount(bins, weight, n_bins)
    sums[:, LIGHT_2] = np.bincount(bins, weight**2, n_bins)
    for columns, values, edges in (
        (OUTWARD, outward, OUTWARD_EDGES_DEG),
        (ACROSS, np.abs(across), ACROSS_EDGES_DEG),
        (DELAY, delay, DELAY_EDGES_NS),
    ):
        n = edges.size - 1
        place = np.clip(np.digitize(values[kept], edges) - 1, 0, n - 1)
        sums[:, columns] = np.bincount(bins * n + place, weight, n_bins * n).reshape(n_bins, n)
    return sums
