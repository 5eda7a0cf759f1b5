"""Directions of simulated events in the field of view of another pointing.

A simulated event keeps what the reconstruction made of it: the vector of its direction is held in
a frame whose first axis is the true direction, whose second lies in the plane of the pointing and
the true direction, away from the pointing, and whose third completes a right-handed frame. The
same numbers in the frame of another true direction and pointing give the direction there. This is
a rotation about the pointing, followed by one along the great circle through pointing and source
by what the offsets differ in: errors of direction stay as they are, and what lies towards the
pointing still does. How the field of view is turned about the pointing in the simulation is
forgotten, which assumes cameras and a trigger that are symmetric about their axis.
"""

from __future__ import annotations

import numpy as np

__all__ = ["direction_components", "place_components", "unit_vectors", "vector_angles_deg"]

# Sine of the offset, 2e-4 arcsec, below which there is no direction away from the pointing.
_ON_AXIS = 1e-9


def unit_vectors(longitude_deg, latitude_deg) -> np.ndarray:
    """Unit vectors of directions in a right-handed frame.

    Parameters
    ----------
    longitude_deg, latitude_deg : array_like, shape (n,)
        Right ascension and declination; of horizontal directions minus the azimuth, and the
        altitude.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Vectors.
    """
    lon, lat = np.broadcast_arrays(np.radians(longitude_deg), np.radians(latitude_deg))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def vector_angles_deg(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of vectors.

    Parameters
    ----------
    vectors : ndarray of float64, shape (n, 3)
        Vectors of any length.

    Returns
    -------
    longitude_deg, latitude_deg : ndarray of float64, shape (n,)
        Longitude in [0, 360), latitude.
    """
    x, y, z = np.moveaxis(vectors, -1, 0)
    longitude_deg = np.degrees(np.arctan2(y, x)) % 360.0
    # The remainder of a tiny negative angle rounds to 360 itself.
    longitude_deg = np.where(longitude_deg >= 360.0, 0.0, longitude_deg)
    return longitude_deg, np.degrees(np.arctan2(z, np.hypot(x, y)))


def _frames(true: np.ndarray, pointing: np.ndarray, angle) -> np.ndarray:
    """Axes of the frames as rows, shape (n, 3, 3); on axis the second is turned to an angle."""
    along = np.sum(true * pointing, axis=-1, keepdims=True)
    # Away from the pointing, tangential to the sphere at the true direction.
    away = true * along - pointing
    length = np.linalg.norm(away, axis=-1, keepdims=True)
    on_axis = length[:, 0] < _ON_AXIS
    away = away / np.where(length < _ON_AXIS, 1.0, length)
    if on_axis.any():
        axis = pointing[on_axis]
        east = np.stack([-axis[:, 1], axis[:, 0], np.zeros(len(axis))], axis=-1)
        size = np.linalg.norm(east, axis=-1, keepdims=True)
        east = np.where(size > 0.0, east / np.where(size > 0.0, size, 1.0), [0.0, 1.0, 0.0])
        north = np.cross(axis, east)
        turned = np.broadcast_to(angle, (len(true),))[on_axis, np.newaxis]
        away[on_axis] = np.cos(turned) * north + np.sin(turned) * east
    return np.stack([true, away, np.cross(true, away)], axis=-2)


def direction_components(reconstructed, true, pointing) -> np.ndarray:
    """Reconstructed directions in the frames of their true directions and pointings.

    Parameters
    ----------
    reconstructed, true, pointing : ndarray of float64, shape (n, 3)
        Unit vectors in one right-handed frame.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Components along the true direction, away from the pointing, and across.
    """
    return np.einsum("nij,nj->ni", _frames(true, pointing, 0.0), reconstructed)


def place_components(components, true, pointing, angle=0.0) -> np.ndarray:
    """Directions of components about other true directions.

    Parameters
    ----------
    components : ndarray of float64, shape (n, 3)
        As of `direction_components`.
    true, pointing : ndarray of float64, shape (n, 3)
        Unit vectors in one right-handed frame.
    angle : float or ndarray of shape (n,), optional
        Position angle of the second axis, from north through east, where the true direction is
        the pointing itself, rad.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Unit vectors.
    """
    return np.einsum("nij,ni->nj", _frames(true, pointing, angle), components)
