"""Circles through images of muons.

Taubin's algebraic fit (IEEE Trans. PAMI 13 (1991) 1115) minimises the squared distances from the
circle over those of its gradient, which keeps circles of incomplete rings as large as they are; the
root of its characteristic cubic is found by Newton's method from 0 (Chernov, Circular and Linear
Regression (2010), section 5.10). Pixels weigh as their charges. The fit is repeated with the
pixels near the circle found before, so that light elsewhere drops out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = ["Rings", "fit_rings"]

ROUNDS = 3
N_SECTORS = 24


class Rings(NamedTuple):
    """Circles in the telescope frame, one per image; not a number where there is none.

    Attributes
    ----------
    lon_deg, lat_deg, radius_deg : ndarray of float64, shape (n,)
        Centre and radius.
    width_deg : ndarray of float64, shape (n,)
        Rms distance of the charge from the circle; the size of pixels is in it.
    completeness : ndarray of float64, shape (n,)
        Part of the azimuth, in sectors of 15 deg, that has light.
    charge_pe : ndarray of float64, shape (n,)
        Charge of the pixels used.
    """

    lon_deg: np.ndarray
    lat_deg: np.ndarray
    radius_deg: np.ndarray
    width_deg: np.ndarray
    completeness: np.ndarray
    charge_pe: np.ndarray


@jit_leaf
def _circle(x, y, weight):
    """Centre and radius of Taubin's circle; not a number where it does not exist."""
    total, mean_x, mean_y = 0.0, 0.0, 0.0
    for i in range(x.size):
        total += weight[i]
        mean_x += weight[i] * x[i]
        mean_y += weight[i] * y[i]
    if not total > 0.0:
        return np.nan, np.nan, np.nan
    mean_x, mean_y = mean_x / total, mean_y / total
    xx, yy, xy, xz, yz, zz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        dx, dy, w = x[i] - mean_x, y[i] - mean_y, weight[i] / total
        z = dx * dx + dy * dy
        xx += w * dx * dx
        yy += w * dy * dy
        xy += w * dx * dy
        xz += w * dx * z
        yz += w * dy * z
        zz += w * z * z
    z = xx + yy
    determinant = xx * yy - xy * xy
    variance = zz - z * z
    a3 = 4.0 * z
    a2 = -3.0 * z * z - zz
    a1 = variance * z + 4.0 * determinant * z - xz * xz - yz * yz
    a0 = xz * (xz * yy - yz * xy) + yz * (yz * xx - xz * xy) - variance * determinant
    root = 0.0
    for _ in range(30):
        slope = a1 + root * (2.0 * a2 + root * 3.0 * a3)
        if slope == 0.0:
            break
        step = (a0 + root * (a1 + root * (a2 + root * a3))) / slope
        root -= step
        if abs(step) <= 1e-14 * abs(root):
            break
    bottom = 2.0 * (root * root - root * z + determinant)
    if bottom == 0.0:
        return np.nan, np.nan, np.nan
    centre_x = (xz * (yy - root) - yz * xy) / bottom
    centre_y = (yz * (xx - root) - xz * xy) / bottom
    radius = np.sqrt(centre_x * centre_x + centre_y * centre_y + z)
    return mean_x + centre_x, mean_y + centre_y, radius


@jit_leaf
def _spread(x, y, weight, centre_x, centre_y, radius):
    """Rms distance from the circle, part of the azimuth with light, charge."""
    total, square = 0.0, 0.0
    sectors = np.int64(0)
    for i in range(x.size):
        if weight[i] > 0.0:
            dx, dy = x[i] - centre_x, y[i] - centre_y
            total += weight[i]
            square += weight[i] * (np.sqrt(dx * dx + dy * dy) - radius) ** 2
            turn = np.arctan2(dy, dx) / (2.0 * np.pi) + 0.5
            sectors |= np.int64(1) << min(np.int64(turn * N_SECTORS), N_SECTORS - 1)
    lit = 0
    for k in range(N_SECTORS):
        lit += (sectors >> k) & 1
    return np.sqrt(square / total), lit / N_SECTORS, total


@jit
def fit_rings(image_pe, mask, lon_deg, lat_deg, near_deg):
    """Fit circles to images.

    Parameters
    ----------
    image_pe : ndarray of float32, shape (n, n_pixels)
        Images.
    mask : ndarray of bool, shape (n, n_pixels)
        Pixels that survive the cleaning.
    lon_deg, lat_deg : ndarray of float64, shape (n_pixels,)
        Pixels in the telescope frame.
    near_deg : float
        Distance from the circle within which pixels are used again.

    Returns
    -------
    Rings
        Circles.
    """
    n, n_pixels = image_pe.shape
    out = np.full((6, n), np.nan)
    weight = np.empty(n_pixels)
    for event in range(n):
        for i in range(n_pixels):
            weight[i] = max(np.float64(image_pe[event, i]), 0.0) if mask[event, i] else 0.0
        x, y, radius = _circle(lon_deg, lat_deg, weight)
        for _ in range(ROUNDS):
            if not radius > 0.0:
                break
            for i in range(n_pixels):
                away = abs(np.hypot(lon_deg[i] - x, lat_deg[i] - y) - radius)
                keep = mask[event, i] and away < near_deg and image_pe[event, i] > 0.0
                weight[i] = np.float64(image_pe[event, i]) if keep else 0.0
            x, y, radius = _circle(lon_deg, lat_deg, weight)
        if radius > 0.0:
            width, part, total = _spread(lon_deg, lat_deg, weight, x, y, radius)
            out[0, event], out[1, event], out[2, event] = x, y, radius
            out[3, event], out[4, event], out[5, event] = width, part, total
    return Rings(out[0], out[1], out[2], out[3], out[4], out[5])
