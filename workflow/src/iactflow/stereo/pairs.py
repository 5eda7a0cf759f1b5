"""Direction, core and height of maximum from pairs of image axes.

An image axis and its telescope span a plane that holds the axis of the shower; two planes meet in
its direction. The direction of an event is the weighted mean over all pairs, the core the point
nearest to the lines that the planes draw on a plane perpendicular to the pointing, the maximum the
point nearest to the lines of sight of the centres of gravity: Hofmann et al. 1999, Astropart. Phys.
12, 135, algorithm 1, in the variant of ctapipe 0.28's ``HillasReconstructor``, with the same
weights: a pair counts by the product of (size times length over width times the radius of the
camera) of its images and by the sine of the angle between their planes. The planes go through two
points of the image (`iactflow.stereo.frames.image_planes`), as there: a tangent turns by some 0.01
deg against that, which two nearly parallel planes make a difference of 0.1 deg.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = ["PairsResult", "intersect_pairs"]

# Directions and lines that are closer to parallel than this (sine of the angle) do not meet.
_PARALLEL = 1e-9


class PairsResult(NamedTuple):
    """Events from pairs of images; not a number where the axes do not meet.

    Attributes
    ----------
    direction : ndarray of float64, shape (n_events, 3)
        Unit vectors towards the origin of the shower: north, west, up.
    core_m : ndarray of float64, shape (n_events, 2)
        Core on the ground (z = 0): north, west.
    maximum_m : ndarray of float64, shape (n_events, 3)
        Point nearest to the lines of sight.
    """

    direction: np.ndarray
    core_m: np.ndarray
    maximum_m: np.ndarray


@jit_leaf
def _direction(normal, weight, first, last, out):
    """Weighted mean of the crossings of all pairs of planes."""
    total_x = total_y = total_z = 0.0
    for i in range(first, last):
        ax, ay, az = normal[i, 0], normal[i, 1], normal[i, 2]
        for j in range(i + 1, last):
            bx, by, bz = normal[j, 0], normal[j, 1], normal[j, 2]
            cx, cy, cz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            factor = weight[i] * weight[j]
            # Planes cross in a line: showers come from above.
            if cz < 0.0:
                factor = -factor
            total_x, total_y, total_z = (
                total_x + factor * cx, total_y + factor * cy, total_z + factor * cz,
            )  # fmt: skip
    scale = 0.0
    for i in range(first, last):
        for j in range(i + 1, last):
            scale += weight[i] * weight[j]
    norm = math.sqrt(total_x**2 + total_y**2 + total_z**2)
    if not norm > _PARALLEL * scale:
        norm = np.nan
    out[0], out[1], out[2] = total_x / norm, total_y / norm, total_z / norm


@jit_leaf
def _core(centre, along, position, axes, first, last, out):
    """Point nearest to the traces of the planes in the tilted frame, then along it to z = 0."""
    sxx = sxy = syy = bx = by = 0.0
    for i in range(first, last):
        down = left = ahead = d_down = d_left = d_ahead = x = y = 0.0
        for k in range(3):
            down += centre[i, k] * axes[0, k]
            left += centre[i, k] * axes[1, k]
            ahead += centre[i, k] * axes[2, k]
            d_down += along[i, k] * axes[0, k]
            d_left += along[i, k] * axes[1, k]
            d_ahead += along[i, k] * axes[2, k]
            x += position[i, k] * axes[0, k]
            y += position[i, k] * axes[1, k]
        # Direction of the image axis in longitude and latitude of the array's pointing.
        u = d_down / math.sqrt(1.0 - down**2)
        v = (ahead * d_left - left * d_ahead) / (ahead**2 + left**2)
        norm = math.sqrt(u * u + v * v)
        u, v = u / norm, v / norm
        sxx, sxy, syy = sxx + v * v, sxy - u * v, syy + u * u
        bx += v * v * x - u * v * y
        by += u * u * y - u * v * x
    determinant = sxx * syy - sxy**2
    if not determinant > _PARALLEL**2:
        determinant = np.nan
    x = (syy * bx - sxy * by) / determinant
    y = (sxx * by - sxy * bx) / determinant
    up = (x * axes[0, 2] + y * axes[1, 2]) / axes[2, 2]
    out[0] = x * axes[0, 0] + y * axes[1, 0] - up * axes[2, 0]
    out[1] = x * axes[0, 1] + y * axes[1, 1] - up * axes[2, 1]


@jit_leaf
def _maximum(centre, position, first, last, out):
    """Point nearest to the lines of sight of the centres of gravity."""
    xx = xy = xz = yy = yz = zz = bx = by = bz = 0.0
    for i in range(first, last):
        x, y, z = centre[i, 0], centre[i, 1], centre[i, 2]
        xx, yy, zz = xx + 1.0 - x * x, yy + 1.0 - y * y, zz + 1.0 - z * z
        xy, xz, yz = xy - x * y, xz - x * z, yz - y * z
        along = x * position[i, 0] + y * position[i, 1] + z * position[i, 2]
        bx, by, bz = (
            bx + position[i, 0] - along * x,
            by + position[i, 1] - along * y,
            bz + position[i, 2] - along * z,
        )
    # Cramer's rule on a symmetric matrix.
    c_xx, c_xy, c_xz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    determinant = xx * c_xx + xy * c_xy + xz * c_xz
    if not determinant > _PARALLEL**2:
        determinant = np.nan
    out[0] = (c_xx * bx + c_xy * by + c_xz * bz) / determinant
    c_yy, c_yz, c_zz = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    out[1] = (c_xy * bx + c_yy * by + c_yz * bz) / determinant
    out[2] = (c_xz * bx + c_yz * by + c_zz * bz) / determinant


@jit
def intersect_pairs(first, centre, along, normal, position_m, weight, tilted_axes):
    """Reconstruct events from pairs of images (kernel).

    Parameters
    ----------
    first : ndarray of int64, shape (n_events + 1,)
        First image of each event.
    centre, along : ndarray of float64, shape (n, 3)
        `iactflow.stereo.frames.image_axes`.
    normal : ndarray of float64, shape (n, 3)
        Normals of the planes of the images, `iactflow.stereo.frames.image_planes`.
    position_m : ndarray of float64, shape (n, 3)
        Telescopes: north, west, up.
    weight : ndarray of float64, shape (n,)
        Weights of the images.
    tilted_axes : ndarray of float64, shape (n_events, 3, 3)
        Rows: axes of the tilted frame of the array's pointing.

    Returns
    -------
    PairsResult
        Events with fewer than two images are not a number.
    """
    n_events = first.size - 1
    direction, maximum = np.full((n_events, 3), np.nan), np.full((n_events, 3), np.nan)
    core = np.full((n_events, 2), np.nan)
    for event in range(n_events):
        begin, end = first[event], first[event + 1]
        if end - begin < 2:
            continue
        _direction(normal, weight, begin, end, direction[event])
        _core(centre, along, position_m, tilted_axes[event], begin, end, core[event])
        _maximum(centre, position_m, begin, end, maximum[event])
    return PairsResult(direction, core, maximum)
