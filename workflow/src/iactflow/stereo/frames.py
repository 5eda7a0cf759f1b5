"""From the field of view of a telescope to the sky and to the ground.

Ground frame: x north, y west, z up; horizontal azimuth from north through east. The telescope frame
is the sky offset frame of ctapipe's ``TelescopeFrame``: longitude and latitude of a sphere whose
origin is the pointing, longitude towards larger azimuth, latitude towards larger altitude; the
camera's positions over the focal length are taken as these angles. The tilted frame has its z axis
along a pointing, x downward and y towards smaller azimuth: at the zenith, reached from the north
horizon, x points to the north and y to the west (ctapipe's ``TiltedGroundFrame``, sim_telarray's
camera frame).
"""

from __future__ import annotations

import math

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = [
    "axis_distance_m",
    "ground_to_tilted",
    "horizontal_to_telescope",
    "image_axes",
    "image_planes",
    "sky_vectors",
    "telescope_to_horizontal",
    "tilted_axes",
    "tilted_to_ground",
    "vectors_to_horizontal",
]


def sky_vectors(alt_deg, az_deg) -> np.ndarray:
    """Unit vectors towards points of the sky.

    Parameters
    ----------
    alt_deg, az_deg : array_like
        Altitude; azimuth from north through east; they are broadcast.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        North, west, up.
    """
    alt, az = np.broadcast_arrays(np.radians(alt_deg), np.radians(az_deg))
    return np.stack([np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)], axis=-1)


def vectors_to_horizontal(vectors) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal coordinates of vectors, of any length.

    Parameters
    ----------
    vectors : array_like, shape (..., 3)
        North, west, up.

    Returns
    -------
    alt_deg, az_deg : ndarray of float64
        Altitude; azimuth inside [0, 360).
    """
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=np.float64), -1, 0)
    az_deg = np.degrees(np.arctan2(-y, x)) % 360.0
    # The remainder of a tiny negative angle rounds to 360 itself.
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.where(az_deg >= 360.0, 0.0, az_deg)


def _field_axes(alt_deg, az_deg) -> np.ndarray:
    """Rows: optical axis, towards larger azimuth, towards larger altitude; shape (..., 3, 3)."""
    alt, az = np.broadcast_arrays(np.radians(alt_deg), np.radians(az_deg))
    zero = np.zeros_like(alt)
    right = np.stack([-np.sin(az), -np.cos(az), zero], axis=-1)
    up = np.stack([-np.sin(alt) * np.cos(az), np.sin(alt) * np.sin(az), np.cos(alt)], axis=-1)
    return np.stack([sky_vectors(alt_deg, az_deg), right, up], axis=-2)


def telescope_to_horizontal(
    fov_lon_deg, fov_lat_deg, pointing_alt_deg, pointing_az_deg
) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal coordinates of positions in the telescope frame.

    Parameters
    ----------
    fov_lon_deg, fov_lat_deg : array_like
        Positions in the telescope frame.
    pointing_alt_deg, pointing_az_deg : array_like
        Pointing of the telescope; all are broadcast.

    Returns
    -------
    alt_deg, az_deg : ndarray of float64
        Altitude; azimuth inside [0, 360).
    """
    lon, lat = np.radians(fov_lon_deg), np.radians(fov_lat_deg)
    field = np.stack(
        np.broadcast_arrays(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), -1
    )
    axes = _field_axes(pointing_alt_deg, pointing_az_deg)
    return vectors_to_horizontal(np.einsum("...i,...ij->...j", field, axes))


def horizontal_to_telescope(
    alt_deg, az_deg, pointing_alt_deg, pointing_az_deg
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of horizontal directions in the telescope frame.

    Parameters
    ----------
    alt_deg, az_deg : array_like
        Directions.
    pointing_alt_deg, pointing_az_deg : array_like
        Pointing of the telescope; all are broadcast.

    Returns
    -------
    fov_lon_deg, fov_lat_deg : ndarray of float64
        Longitude inside (-180, 180]; latitude.
    """
    axes = _field_axes(pointing_alt_deg, pointing_az_deg)
    along, right, up = np.moveaxis(
        np.einsum("...j,...ij->...i", sky_vectors(alt_deg, az_deg), axes), -1, 0
    )
    return np.degrees(np.arctan2(right, along)), np.degrees(np.arctan2(up, np.hypot(along, right)))


def tilted_axes(alt_deg, az_deg) -> np.ndarray:
    """Axes of the tilted frame of a direction.

    Parameters
    ----------
    alt_deg, az_deg : array_like, shape (...)
        Direction of the z axis; they are broadcast.

    Returns
    -------
    ndarray of float64, shape (..., 3, 3)
        Rows: x, y and z axis in the ground frame.
    """
    axes = _field_axes(alt_deg, az_deg)
    return np.stack([-axes[..., 2, :], -axes[..., 1, :], axes[..., 0, :]], axis=-2)


def ground_to_tilted(positions_m, alt_deg: float, az_deg: float) -> np.ndarray:
    """Positions on the ground, seen along a direction.

    Parameters
    ----------
    positions_m : array_like, shape (..., 3)
        North, west, up.
    alt_deg, az_deg : float
        Direction of the tilted frame's z axis.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        In the tilted frame.
    """
    return np.asarray(positions_m, dtype=np.float64) @ tilted_axes(alt_deg, az_deg).T


def tilted_to_ground(x_m, y_m, alt_deg: float, az_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Where lines along a direction, given in the tilted frame, meet the ground (z = 0).

    Parameters
    ----------
    x_m, y_m : array_like
        Position in the tilted frame.
    alt_deg, az_deg : float
        Direction of the tilted frame's z axis and of the lines; altitude not 0.

    Returns
    -------
    x_m, y_m : ndarray of float64
        North, west.
    """
    down, left, axis = tilted_axes(alt_deg, az_deg)
    point = np.multiply.outer(np.asarray(x_m, dtype=np.float64), down)
    point = point + np.multiply.outer(np.asarray(y_m, dtype=np.float64), left)
    point = point - (point[..., 2] / axis[2])[..., None] * axis
    return point[..., 0], point[..., 1]


def axis_distance_m(core_x_m, core_y_m, alt_deg, az_deg, positions_m) -> np.ndarray:
    """Distance of telescopes from the axis of a shower.

    Parameters
    ----------
    core_x_m, core_y_m : array_like, shape (...)
        Core on the ground (z = 0).
    alt_deg, az_deg : array_like, shape (...)
        Direction of the shower.
    positions_m : array_like, shape (..., 3)
        Telescopes: north, west, up.

    Returns
    -------
    ndarray of float64, shape (...)
        Perpendicular distance; not a number where the shower is not known.
    """
    core = np.stack(np.broadcast_arrays(core_x_m, core_y_m, np.zeros_like(core_x_m)), axis=-1)
    difference = np.asarray(positions_m, dtype=np.float64) - core
    return np.linalg.norm(np.cross(difference, sky_vectors(alt_deg, az_deg)), axis=-1)


@jit_leaf
def _set_axes(alt, az, axes):
    """Optical axis, larger azimuth, larger altitude: rows of ``axes``."""
    sin_alt, cos_alt, sin_az, cos_az = math.sin(alt), math.cos(alt), math.sin(az), math.cos(az)
    axes[0, 0], axes[0, 1], axes[0, 2] = cos_alt * cos_az, -cos_alt * sin_az, sin_alt
    axes[1, 0], axes[1, 1], axes[1, 2] = -sin_az, -cos_az, 0.0
    axes[2, 0], axes[2, 1], axes[2, 2] = -sin_alt * cos_az, sin_alt * sin_az, cos_alt


@jit
def image_axes(fov_lon_deg, fov_lat_deg, psi_deg, pointing_alt_deg, pointing_az_deg):
    """Centre and major axis of images as vectors in the ground frame (kernel).

    Parameters
    ----------
    fov_lon_deg, fov_lat_deg : ndarray of float64, shape (n,)
        Centre of gravity, telescope frame.
    psi_deg : ndarray of float64, shape (n,)
        Angle of the major axis to the longitude.
    pointing_alt_deg, pointing_az_deg : ndarray of float64, shape (n,)
        Pointing of the telescope.

    Returns
    -------
    centre : ndarray of float64, shape (n, 3)
        Unit vectors towards the centre of gravity.
    along : ndarray of float64, shape (n, 3)
        Unit vectors on the sky along the major axis, perpendicular to the centre.
    """
    n = fov_lon_deg.size
    centre, along, axes = np.empty((n, 3)), np.empty((n, 3)), np.empty((3, 3))
    for i in range(n):
        lon, lat = math.radians(fov_lon_deg[i]), math.radians(fov_lat_deg[i])
        psi = math.radians(psi_deg[i])
        _set_axes(math.radians(pointing_alt_deg[i]), math.radians(pointing_az_deg[i]), axes)
        sin_lon, cos_lon, sin_lat, cos_lat = (
            math.sin(lon), math.cos(lon), math.sin(lat), math.cos(lat),
        )  # fmt: skip
        # Derivatives of the position with respect to longitude and latitude.
        d_lon, d_lat = math.cos(psi), math.sin(psi)
        norm = math.sqrt((d_lon * cos_lat) ** 2 + d_lat**2)
        for k in range(3):
            in_plane = cos_lon * axes[0, k] + sin_lon * axes[1, k]
            east = -sin_lon * axes[0, k] + cos_lon * axes[1, k]
            centre[i, k] = cos_lat * in_plane + sin_lat * axes[2, k]
            north = -sin_lat * in_plane + cos_lat * axes[2, k]
            along[i, k] = (d_lon * cos_lat * east + d_lat * north) / norm
    return centre, along


def image_planes(
    fov_lon_deg, fov_lat_deg, psi_deg, pointing_alt_deg, pointing_az_deg, step_deg
) -> np.ndarray:
    """Normals of the planes through two points of the major axes of images.

    A line in longitude and latitude is no great circle, so the plane depends on the distance of the
    points. ctapipe 0.28 (``HillasReconstructor.initialize_arrays``) takes the centre of gravity and
    a point a tenth of the camera's radius further along the axis.

    Parameters
    ----------
    fov_lon_deg, fov_lat_deg : ndarray of float64, shape (n,)
        Centre of gravity, telescope frame.
    psi_deg : ndarray of float64, shape (n,)
        Angle of the major axis to the longitude.
    pointing_alt_deg, pointing_az_deg : ndarray of float64, shape (n,)
        Pointing of the telescope.
    step_deg : ndarray of float64, shape (n,)
        From the centre of gravity to the second point, in longitude and latitude; positive.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Centre times second point, over the step in radians: length 1 up to the curvature of the
        frame. North, west, up.
    """
    psi = np.radians(psi_deg)
    ends = [
        image_axes(
            fov_lon_deg + s * np.cos(psi), fov_lat_deg + s * np.sin(psi), psi_deg,
            pointing_alt_deg, pointing_az_deg,
        )[0]
        for s in (np.zeros_like(step_deg), step_deg)
    ]  # fmt: skip
    return np.cross(*ends) / np.radians(step_deg)[:, None]
