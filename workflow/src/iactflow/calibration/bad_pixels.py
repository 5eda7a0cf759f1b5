"""Pixels that cannot be used take the mean of their neighbours.

As ctapipe 0.28 (``image.invalid_pixels.NeighborAverage``): the mean over the neighbours that can
be used, of charges and of times, in float32 and in the order of the pixels.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf

__all__ = ["BROKEN", "SILENT", "USABLE", "interpolate_broken"]

#: What the status of a pixel says: usable; to be interpolated; not read out, or without gain.
USABLE, BROKEN, SILENT = 0, 1, 2


@jit_leaf
def interpolate_broken(status, first, neighbour, image, time_ns):
    """Fill charges and times of the broken pixels of a camera.

    Neighbours without signal (dropped by the reduction of the data volume, since they were faint)
    count as charges of 0 and have no time. Without a neighbour the charge is 0; without a time
    among them the time is not a number.

    Parameters
    ----------
    status : ndarray of int8, shape (n_pixels,)
        Status.
    first, neighbour : ndarray of int64
        Neighbours of pixel p: ``neighbour[first[p]:first[p + 1]]``.
    image, time_ns : ndarray of float32, shape (n_pixels,)
        Charges and times; those of broken pixels are replaced.
    """
    for pixel in range(status.size):
        if status[pixel] != BROKEN:
            continue
        charge, time = np.float32(0.0), np.float32(0.0)
        n_charges, n_times = 0, 0
        for i in range(first[pixel], first[pixel + 1]):
            other = neighbour[i]
            if status[other] == BROKEN:
                continue
            charge += image[other]
            n_charges += 1
            if not np.isnan(time_ns[other]):
                time += time_ns[other]
                n_times += 1
        image[pixel] = charge / n_charges if n_charges > 0 else 0.0
        time_ns[pixel] = time / n_times if n_times > 0 else np.nan
