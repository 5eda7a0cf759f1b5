"""From the ground to a telescope that points somewhere, and from its camera to the sky.

Ground frame: x north, y west, z up. Telescope frame: z along the optical axis towards the sky, x
downward, y to the right when looking from the camera to the dish: at the zenith, reached from the
north horizon, x points to the north and y to the west. This is the frame of sim_telarray's camera
lists and of ctapipe's ``CameraFrame``: light from above the pointing lands at positive x, light
from a larger azimuth at positive y.
"""

from __future__ import annotations

import numpy as np

from iactflow.errors import InputError

__all__ = ["camera_position", "ground_to_telescope", "sky_direction", "sky_offset_deg"]


def _check_altitude(alt_deg: float) -> None:
    if not 0.0 <= alt_deg <= 90.0:
        raise InputError("pointing", "alt_deg", alt_deg, "inside [0, 90]")


def sky_direction(alt_deg: float, az_deg: float) -> np.ndarray:
    """Unit vector towards a point of the sky.

    Parameters
    ----------
    alt_deg, az_deg : float
        Altitude; azimuth from north through east.

    Returns
    -------
    ndarray of float64, shape (3,)
        North, west, up.

    Raises
    ------
    InputError
        If the altitude is outside [0, 90] deg.
    """
    _check_altitude(alt_deg)
    alt, az = np.radians(alt_deg), np.radians(az_deg)
    return np.array([np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)])


def ground_to_telescope(alt_deg: float, az_deg: float) -> np.ndarray:
    """Rotation of vectors from the ground frame into the frame of a telescope.

    Parameters
    ----------
    alt_deg, az_deg : float
        Pointing: altitude; azimuth from north through east.

    Returns
    -------
    ndarray of float64, shape (3, 3)
        Rows: the telescope's x, y and z axes in the ground frame.

    Raises
    ------
    InputError
        If the altitude is outside [0, 90] deg.
    """
    axis = sky_direction(alt_deg, az_deg)
    alt, az = np.radians(alt_deg), np.radians(az_deg)
    down = [np.sin(alt) * np.cos(az), -np.sin(alt) * np.sin(az), -np.cos(alt)]
    right = [np.sin(az), np.cos(az), 0.0]
    return np.array([down, right, axis])


def camera_position(
    alt_deg: float, az_deg: float, pointing_alt_deg: float, pointing_az_deg: float, focal_m: float
) -> tuple[float, float]:
    """Where light of a direction lands in the focal plane of an ideal mirror.

    Parameters
    ----------
    alt_deg, az_deg : float
        Direction of the source.
    pointing_alt_deg, pointing_az_deg : float
        Pointing of the telescope.
    focal_m : float
        Focal length that gives the plate scale.

    Returns
    -------
    x_m, y_m : float
        Position in the telescope frame: gnomonic projection, mirrored once.

    Raises
    ------
    InputError
        If an altitude is outside [0, 90] deg, or the source is not in front of the telescope.
    """
    rotation = ground_to_telescope(pointing_alt_deg, pointing_az_deg)
    x, y, z = rotation @ sky_direction(alt_deg, az_deg)
    if z <= 0.0:
        raise InputError("direction", "separation", z, "less than 90 deg from the pointing")
    return -focal_m * x / z, -focal_m * y / z


def sky_offset_deg(x_m, y_m, focal_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Angles of camera positions from the optical axis.

    Parameters
    ----------
    x_m, y_m : array_like
        Positions in the focal plane.
    focal_m : float
        Focal length that gives the plate scale (effective focal length).

    Returns
    -------
    longitude_deg, latitude_deg : ndarray of float64
        Towards larger azimuth and altitude, in ctapipe's ``TelescopeFrame``.
    """
    x, y = np.asarray(x_m, dtype=float) / focal_m, np.asarray(y_m, dtype=float) / focal_m
    return np.degrees(np.arctan(y)), np.degrees(np.arctan(x / np.hypot(1.0, y)))
