"""What the parameters of images need of a camera, in the telescope frame."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.subarray import TelescopeType

__all__ = ["CameraTable", "camera_table"]

# Width of a pixel over the root of its area: distance of flat sides, or diameter.
_WIDTHS = {"hexagon": np.sqrt(2.0 / np.sqrt(3.0)), "square": 1.0, "circle": 2.0 / np.sqrt(np.pi)}


class CameraTable(NamedTuple):
    """A camera for kernels.

    Attributes
    ----------
    lon_deg, lat_deg : ndarray of float64, shape (n_pixels,)
        Centres in the telescope frame.
    width_deg : ndarray of float64, shape (n_pixels,)
        Distance of flat sides of hexagons, side of squares, diameter of circles.
    first, neighbour : ndarray of int64
        Lists of neighbours.
    ring_1, ring_2 : ndarray of bool, shape (n_pixels,)
        The outer ring of pixels; the two outer ones.
    """

    lon_deg: np.ndarray
    lat_deg: np.ndarray
    width_deg: np.ndarray
    first: np.ndarray
    neighbour: np.ndarray
    ring_1: np.ndarray
    ring_2: np.ndarray


@lru_cache(maxsize=64)
def camera_table(telescope_type: TelescopeType) -> CameraTable:
    """Lay out a camera for kernels.

    Pixels with fewer neighbours than others make the outer ring, pixels that have neighbours in it
    the second one (ctapipe's ``get_border_pixel_mask``): pixels at a hole are of the border, too.

    Parameters
    ----------
    telescope_type : TelescopeType
        Optics and camera.

    Returns
    -------
    CameraTable
        Table.
    """
    camera = telescope_type.camera
    first, neighbour = camera_neighbours(camera)
    times_named = np.bincount(neighbour, minlength=camera.n_pixels)
    ring_1 = times_named < times_named.max()
    pixel = np.repeat(np.arange(camera.n_pixels), np.diff(first))
    ring_2 = np.zeros(camera.n_pixels, dtype=bool)
    ring_2[pixel[ring_1[neighbour]]] = True
    width_m = np.sqrt(camera.pixel_area_m2) * _WIDTHS[camera.pixel_shape]
    return CameraTable(
        np.ascontiguousarray(telescope_type.pixel_lon_deg, dtype=np.float64),
        np.ascontiguousarray(telescope_type.pixel_lat_deg, dtype=np.float64),
        np.degrees(width_m / telescope_type.focal_length_m),
        first, neighbour, ring_1, ring_2,
    )  # fmt: skip
