"""Images of a point source: what a star looks like in the focal plane.

The containment radius is that about the centroid of the image in the focal plane; the effective
focal length is the distance of the centroid from the axis over the tangent of the field angle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.campaign.philox import fill_uniform, new_state
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.instrument.description import Optics
from iactflow.shower.photons import COS_X, COS_Y, WEIGHT, X_M, Y_M, empty_photons
from iactflow.telescope.optics import OpticsTable, make_optics_table
from iactflow.telescope.raytrace import (
    ANGLE_DEG,
    HIT_TIME_NS,
    HIT_X_M,
    HIT_Y_M,
    LIGHT_M_PER_NS,
    empty_hits,
    trace_photons,
)

__all__ = ["Spot", "containment_radius", "star_photons", "trace_star", "trace_table"]

MAX_FIELD_DEG = 15.0


class Spot(NamedTuple):
    """Image of a point source.

    Attributes
    ----------
    x_m, y_m : ndarray of float64, shape (n,)
        Positions in the focal plane, telescope frame.
    time_ns : ndarray of float64, shape (n,)
        Arrival there; zero for light that crosses the axis in the plane of the dish's centre.
    angle_deg : ndarray of float64, shape (n,)
        Angle of incidence on the focal plane.
    effective_area_m2 : float
        Area across the light over which the light is collected, without reflectivity.
    field_angle_deg, azimuth_deg : float
        Where the source stands; see `trace_star`.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    time_ns: np.ndarray
    angle_deg: np.ndarray
    effective_area_m2: float
    field_angle_deg: float
    azimuth_deg: float

    @property
    def radial_m(self) -> float:
        """Distance of the centroid from the axis, away from the source's side, in m."""
        angle = np.radians(self.azimuth_deg)
        return float(np.mean(self.x_m) * np.cos(angle) + np.mean(self.y_m) * np.sin(angle))

    @property
    def effective_focal_length_m(self) -> float:
        """Plate scale at this field angle in m; not a number on axis."""
        if self.field_angle_deg == 0.0:
            return float("nan")
        return self.radial_m / float(np.tan(np.radians(self.field_angle_deg)))


def containment_radius(x_m: np.ndarray, y_m: np.ndarray, fraction: float = 0.8) -> float:
    """Radius about the centroid that holds a fraction of the light.

    Parameters
    ----------
    x_m, y_m : ndarray of float64, shape (n,)
        Positions.
    fraction : float
        Inside (0, 1].

    Returns
    -------
    float
        Radius in m.

    Raises
    ------
    InputError
        If there is no light, or the fraction is outside (0, 1].
    """
    if len(x_m) == 0:
        raise InputError("spot", "rays", 0, "at least one that reaches the focal plane")
    if not 0.0 < fraction <= 1.0:
        raise InputError("spot", "fraction", fraction, "inside (0, 1]")
    radius = np.hypot(x_m - np.mean(x_m), y_m - np.mean(y_m))
    return float(np.quantile(radius, fraction))


def star_photons(
    field_angle_deg: float,
    azimuth_deg: float,
    distance_m: float,
    radius_m: float,
    uniform: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Light of a point source on a disc in the plane of the dish's centre.

    Parameters
    ----------
    field_angle_deg, azimuth_deg : float
        Source: see `trace_star`.
    distance_m : float
        Distance of the source from the centre of the dish; infinity: a star.
    radius_m : float
        Radius of the disc.
    uniform : ndarray of float64, shape (n, 2)
        Uniform deviates in [0, 1).

    Returns
    -------
    photons : ndarray of float32, shape (n, 8)
        Photons, in the telescope frame.
    area_m2 : float
        Area of the disc, projected across the light.
    """
    theta, phi = np.radians([field_angle_deg, azimuth_deg])
    # Towards the source; its image lies on the other side of the axis, at azimuth phi.
    source = np.array([-np.sin(theta) * np.cos(phi), -np.sin(theta) * np.sin(phi), np.cos(theta)])
    r, angle = radius_m * np.sqrt(uniform[:, 0]), 2.0 * np.pi * uniform[:, 1]
    photons = empty_photons(len(uniform))
    x, y = r * np.cos(angle), r * np.sin(angle)
    if np.isinf(distance_m):
        direction = np.broadcast_to(-source, (len(uniform), 3))
    else:
        direction = np.column_stack([x, y, np.zeros_like(x)]) - distance_m * source
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    photons[:, X_M], photons[:, Y_M] = x, y
    photons[:, COS_X], photons[:, COS_Y] = direction[:, 0], direction[:, 1]
    photons[:, WEIGHT] = 1.0
    return photons, float(np.pi * radius_m**2 * np.cos(theta))


def _lead_m(start: np.ndarray, field_angle_deg: float, azimuth_deg: float, distance_m: float):
    """Path from the light's front through the dish's centre to where rays start on the disc."""
    theta, phi = np.radians([field_angle_deg, azimuth_deg])
    across = np.sin(theta) * (start[:, X_M] * np.cos(phi) + start[:, Y_M] * np.sin(phi))
    if np.isinf(distance_m):
        return across
    change = start[:, X_M] ** 2 + start[:, Y_M] ** 2 + 2.0 * distance_m * across
    # The difference of two long distances without their cancellation.
    return change / (np.sqrt(distance_m**2 + change) + distance_m)


def trace_table(
    table: OpticsTable,
    field_angle_deg: float,
    azimuth_deg: float = 0.0,
    distance_m: float = np.inf,
    n_rays: int = 100_000,
    seed: int = 0,
) -> Spot:
    """Image of a point source by a reflector that is already a table.

    Parameters
    ----------
    table : OpticsTable
        The reflector.
    field_angle_deg, azimuth_deg, distance_m, n_rays, seed
        As in `trace_star`.

    Returns
    -------
    Spot
        The image.

    Raises
    ------
    InputError
        If the field angle is outside [0, 15] deg, the distance is not above that of the camera, or
        there is no ray.
    """
    if not 0.0 <= field_angle_deg <= MAX_FIELD_DEG:
        raise InputError("spot", "field_angle_deg", field_angle_deg, f"in [0, {MAX_FIELD_DEG}]")
    if not distance_m > 2.0 * table.body.plane_m:
        raise InputError("spot", "distance_m", distance_m, "above twice the focal length")
    if n_rays < 1:
        raise InputError("spot", "n_rays", n_rays, "at least 1")
    # The rim stands above the plane of the disc: light to it crosses the disc further out.
    rim = np.max(table.facet[:, 2] + table.facet[:, 10])
    radius = table.grid.radius_m + rim * np.tan(np.radians(field_angle_deg))
    deviates = np.empty(2 * n_rays)
    state = new_state(StreamKey(seed, "spot").words())
    fill_uniform(state, deviates)
    source = (field_angle_deg, azimuth_deg, distance_m)
    photons, area = star_photons(*source, radius, deviates.reshape(-1, 2))
    hits, index = empty_hits(n_rays)
    n = trace_photons(photons, np.eye(3), np.zeros(3), table, state, hits, index)
    lead = _lead_m(photons[index[:n]].astype(np.float64), *source)
    return Spot(
        x_m=hits[:n, HIT_X_M],
        y_m=hits[:n, HIT_Y_M],
        time_ns=hits[:n, HIT_TIME_NS] + lead / LIGHT_M_PER_NS,
        angle_deg=hits[:n, ANGLE_DEG],
        effective_area_m2=area * n / n_rays,
        field_angle_deg=float(field_angle_deg),
        azimuth_deg=float(azimuth_deg),
    )


def trace_star(
    optics: Optics,
    zenith_deg: float,
    field_angle_deg: float,
    azimuth_deg: float = 0.0,
    distance_m: float = np.inf,
    n_rays: int = 100_000,
    seed: int = 0,
) -> Spot:
    """Image of a point source.

    Parameters
    ----------
    optics : Optics
        Description of the reflector.
    zenith_deg : float
        Zenith angle of the telescope, for the alignment.
    field_angle_deg : float
        Angle of the source from the optical axis, inside [0, 15].
    azimuth_deg : float
        Direction of the image's shift in the focal plane, from x to y: 0 is downward, for a source
        above the axis.
    distance_m : float
        Distance of the source; infinity: a star.
    n_rays : int
        Rays over a disc that holds the dish.
    seed : int
        Seed of the alignment and of the rays.

    Returns
    -------
    Spot
        The image.

    Raises
    ------
    InputError
        If a number is out of range, or the description cannot be traced.
    """
    words = StreamKey(seed, "mirror").words()
    table = make_optics_table(optics, zenith_deg, words)
    return trace_table(table, field_angle_deg, azimuth_deg, distance_m, n_rays, seed)
