"""Islands of an image: groups of pixels that hang together through common sides."""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf

__all__ = ["best_island", "label_islands"]


@jit_leaf
def label_islands(pixels, n_kept, keep, first, neighbour, label, stack):
    """Number the islands of an image.

    Parameters
    ----------
    pixels : ndarray of int64, shape (n_pixels,)
        Pixels that are kept, ascending, in the first ``n_kept`` places.
    n_kept : int
        Number of them.
    keep : ndarray of bool, shape (n_pixels,)
        The same as a mask.
    first, neighbour : ndarray of int64
        Lists of neighbours.
    label : ndarray of int64, shape (n_pixels,)
        Island of each pixel, from 1 on in the order of their first pixels; written for the pixels
        that are kept only.
    stack : ndarray of int64, shape (n_pixels,)
        Room.

    Returns
    -------
    int
        Number of islands.
    """
    for k in range(n_kept):
        label[pixels[k]] = 0
    n_islands = 0
    for k in range(n_kept):
        if label[pixels[k]] != 0:
            continue
        n_islands += 1
        label[pixels[k]] = n_islands
        stack[0], height = pixels[k], 1
        while height > 0:
            height -= 1
            pixel = stack[height]
            for j in range(first[pixel], first[pixel + 1]):
                other = neighbour[j]
                if keep[other] and label[other] == 0:
                    label[other] = n_islands
                    stack[height] = other
                    height += 1
    return n_islands


@jit_leaf
def best_island(pixels, n_kept, label, n_islands, image, brightest, total):
    """Find the island with the most pixels or the most light; the first one of equals.

    Parameters
    ----------
    pixels : ndarray of int64, shape (n_pixels,)
        Pixels that are kept in the first ``n_kept`` places.
    n_kept : int
        Number of them.
    label : ndarray of int64, shape (n_pixels,)
        Islands, of `label_islands`.
    n_islands : int
        Number of islands, at least one.
    image : ndarray of float32, shape (n_pixels,)
        Charges.
    brightest : bool
        Whether light counts, or pixels.
    total : ndarray of float64, shape (n_pixels + 1,)
        Room.

    Returns
    -------
    int
        Label of the island.
    """
    for k in range(n_islands + 1):
        total[k] = 0.0
    for k in range(n_kept):
        pixel = pixels[k]
        total[label[pixel]] += np.float64(image[pixel]) if brightest else 1.0
    best = 1
    for k in range(2, n_islands + 1):
        if total[k] > total[best]:
            best = k
    return best
