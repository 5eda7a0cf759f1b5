"""Parameters of cleaned images: the columns of the table ``parameters``.

One pass over the rows; of each image only its pixels are looked at, in short lists: moments
(`iactflow.imaging.hillas`), gradient of the times (`iactflow.imaging.timing`), islands, light in
the outer rings of pixels (leakage). Definitions are those of ctapipe 0.28, where the gradient of
the times depends on random numbers there.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.imaging.camera import camera_table
from iactflow.imaging.hillas import HILLAS, concentration, moments
from iactflow.imaging.islands import label_islands
from iactflow.imaging.timing import time_gradient
from iactflow.io.subarray import TelescopeType

__all__ = ["COLUMNS", "COUNTS", "image_parameters"]

#: Columns of numbers, in the order of the kernel; they are not a number where undefined.
COLUMNS = (
    *(f"hillas_{name}" for name in HILLAS),
    *("timing_slope_ns_per_deg", "timing_intercept_ns", "timing_deviation_ns"),
    *("leakage_pixels_width_1", "leakage_pixels_width_2"),
    *("leakage_intensity_width_1", "leakage_intensity_width_2"),
    *("concentration_cog", "concentration_core", "concentration_pixel"),
)
#: Columns of counts; 0 for an empty image.
COUNTS = ("morphology_n_pixels", "morphology_n_islands")


def image_parameters(
    image_pe: np.ndarray,
    peak_time_ns: np.ndarray,
    mask: np.ndarray,
    telescope_type: TelescopeType,
) -> dict[str, np.ndarray]:
    """Measure cleaned images.

    Parameters
    ----------
    image_pe : ndarray of float32, shape (n, n_pixels)
        Charges. Negative ones, which dilated cleaning lets in, count as they are; an image whose
        charges do not add up to more than 0 has counts only.
    peak_time_ns : ndarray of float32, shape (n, n_pixels)
        Times; not a number where unknown.
    mask : ndarray of bool, shape (n, n_pixels)
        Pixels of the images.
    telescope_type : TelescopeType
        Optics and camera.

    Returns
    -------
    dict of str to ndarray, each of shape (n,)
        `COLUMNS` as float64, `COUNTS` as int32.
    """
    numbers, counts = _measure(
        np.ascontiguousarray(image_pe, dtype=np.float32),
        np.ascontiguousarray(peak_time_ns, dtype=np.float32),
        np.ascontiguousarray(mask, dtype=np.bool_),
        camera_table(telescope_type),
        len(COLUMNS),
    )
    columns = dict(zip(COLUMNS, numbers, strict=True))
    return columns | dict(zip(COUNTS, counts, strict=True))


@jit_leaf
def _gather(image, time, mask, camera, pixels, lon, lat, charge, arrival, width):
    """Put the pixels of an image into the first places of short lists; their number."""
    n = 0
    for pixel in range(mask.size):
        if mask[pixel]:
            pixels[n] = pixel
            lon[n], lat[n] = camera.lon_deg[pixel], camera.lat_deg[pixel]
            charge[n], arrival[n] = image[pixel], time[pixel]
            width[n] = camera.width_deg[pixel]
            n += 1
    return n


@jit_leaf
def _leakage(pixels, charge, n, size, camera):
    """Shares of pixels and of light in the outer ring and in the two outer rings."""
    n_1, n_2, light_1, light_2 = 0, 0, 0.0, 0.0
    for k in range(n):
        if camera.ring_1[pixels[k]]:
            n_1 += 1
            light_1 += charge[k]
        if camera.ring_2[pixels[k]]:
            n_2 += 1
            light_2 += charge[k]
    return n_1 / n, n_2 / n, light_1 / size, light_2 / size


@jit
def _measure(image, time, mask, camera, n_columns):
    """Measure images row by row."""
    n_rows, n_pixels = image.shape
    numbers = np.full((n_columns, n_rows), np.nan)
    counts = np.zeros((2, n_rows), dtype=np.int32)
    pixels = np.empty(n_pixels, dtype=np.int64)
    label, stack = np.empty_like(pixels), np.empty_like(pixels)
    chosen = np.empty(n_pixels, dtype=np.bool_)
    lists = np.empty((11, n_pixels))
    lon, lat, charge, arrival, width = lists[0], lists[1], lists[2], lists[3], lists[4]
    along, across = lists[5], lists[6]
    found = np.empty(n_columns)
    for row in range(n_rows):
        n = _gather(
            image[row], time[row], mask[row], camera, pixels, lon, lat, charge, arrival, width
        )
        counts[0, row] = n
        counts[1, row] = label_islands(
            pixels, n, mask[row], camera.first, camera.neighbour, label, stack
        )
        if not charge[:n].sum() > 0.0:
            continue
        moments(lon, lat, charge, n, along, across, found)
        found[12:15] = time_gradient(
            along, arrival, n, lists[7], lists[8], chosen, lists[9], lists[10]
        )
        found[15:19] = _leakage(pixels, charge, n, found[0], camera)
        found[19:22] = concentration(lon, lat, charge, n, width, along, across, found)
        numbers[:, row] = found
    return numbers, counts
