"""Neighbours of pixels, from where the pixels stand.

A pixel's neighbours are those that share a side with it: of hexagons (and circles, which stand on a
hexagonal lattice) at most six, of squares at most four, not the diagonal ones. How far they may be
is measured by the pixel's own nearest neighbour, so that a gap between modules parts pixels only
where it is a good part of a pixel wide. The same rule, with the same reach, is that of ctapipe
(``CameraGeometry.calc_pixel_neighbors``), whose masks of cleaned images rest on it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from iactflow.errors import InputError
from iactflow.io.subarray import Camera

__all__ = ["camera_neighbours", "neighbours"]

# Number of sides, reach in distances of the nearest one, norm. The next pixels of a hexagonal
# lattice are at 1.73; squares are measured along their sides, where the diagonal ones are at 2.
_HEXAGONS = (6, 1.4, 2)
_SQUARES = (4, 1.5, 1)


def neighbours(
    x_m: np.ndarray, y_m: np.ndarray, shape: str, rotation_deg: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Find pixels that share a side.

    Parameters
    ----------
    x_m, y_m : ndarray of float64, shape (n,)
        Centres; the unit does not matter.
    shape : {"hexagon", "circle", "square"}
        Shape of the pixels.
    rotation_deg : float, optional
        Direction of a side of squares, from x towards y; of no effect for the others.

    Returns
    -------
    first : ndarray of int64, shape (n + 1,)
        First entry of each pixel.
    neighbour : ndarray of int64
        Neighbours, ascending for each pixel.
    """
    sides, reach, norm = _SQUARES if shape == "square" else _HEXAGONS
    n_pixels = len(x_m)
    if n_pixels < 2:
        return np.zeros(n_pixels + 1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    points = np.column_stack([x_m, y_m])
    if shape == "square":
        c, s = np.cos(np.deg2rad(rotation_deg)), np.sin(np.deg2rad(rotation_deg))
        points = points @ np.array([[c, -s], [s, c]])
    # the nearest pixel is the pixel itself; where there are too few, distances are infinite
    distance, other = cKDTree(points).query(points, k=sides + 1, p=norm)
    distance, other = distance[:, 1:], other[:, 1:]
    pixel, entry = np.nonzero(distance < reach * distance[:, :1])
    found = other[pixel, entry]
    found = found[np.lexsort((found, pixel))]
    first = np.searchsorted(pixel, np.arange(n_pixels + 1))
    return first.astype(np.int64), np.ascontiguousarray(found, dtype=np.int64)


def camera_neighbours(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Find the neighbours of all pixels of a camera, once for all cameras that are alike.

    Parameters
    ----------
    camera : Camera
        Camera of a file.

    Returns
    -------
    first : ndarray of int64, shape (n_pixels + 1,)
        First entry of each pixel.
    neighbour : ndarray of int64
        Neighbours, ascending for each pixel; both are shared and must not be changed.

    Raises
    ------
    InputError
        If the positions of the pixels are unknown: files of raw camera data hold none.
    """
    if not np.all(np.isfinite(camera.pixel_x_m) & np.isfinite(camera.pixel_y_m)):
        allowed = "an array with the positions of its pixels"
        raise InputError(f"camera {camera.name}", "pixel_x_m, pixel_y_m", "unknown", allowed)
    places = (
        np.ascontiguousarray(a, dtype=np.float64) for a in (camera.pixel_x_m, camera.pixel_y_m)
    )
    return _of_places(*(a.tobytes() for a in places), camera.pixel_shape, camera.pixel_rotation_deg)


@lru_cache(maxsize=64)
def _of_places(x_m: bytes, y_m: bytes, shape: str, rotation_deg: float):
    """Neighbours of equal cameras, also of different files: found once."""
    return neighbours(np.frombuffer(x_m), np.frombuffer(y_m), shape, rotation_deg)
