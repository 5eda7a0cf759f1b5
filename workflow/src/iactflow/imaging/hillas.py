"""Moments of an image (Hillas, Proc. 19th ICRC 3 (1985) 445), and what is measured in their axes.

The charges are weights of the pixels' centres. Length and width are the roots of the larger and the
smaller eigenvalue of the covariance matrix, psi the direction of the first eigenvector, skewness
and kurtosis the standardised third and fourth moments along it (Fegan, J. Phys. G 23 (1997) 1013,
appendix). With n photoelectrons, the variance of a sample's second moment m2 is (m4 - m2^2) / n
(Kendall & Stuart, The Advanced Theory of Statistics 1, chapter 10), so that the error of a length
l is sqrt((m4 - l^4) / n) / (2 l); the same for the width.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf

__all__ = ["HILLAS", "concentration", "moments"]

#: What `moments` writes, in this order.
HILLAS = (
    *("intensity", "fov_lon_deg", "fov_lat_deg", "r_deg", "phi_deg"),
    *("length_deg", "length_uncertainty_deg", "width_deg", "width_uncertainty_deg", "psi_deg"),
    *("skewness", "kurtosis"),
)
# Variances below this, in square degrees, are rounding of pixels in one place or on one line.
_NO_VARIANCE = np.finfo(np.float64).eps


@jit_leaf
def _root(variance):
    """Root of a variance; zero for what is rounding."""
    return 0.0 if abs(variance) <= _NO_VARIANCE else np.sqrt(variance)


@jit_leaf
def _centre(lon, lat, charge, n):
    """Sum of the charges and their centre of gravity."""
    size, lon_sum, lat_sum = 0.0, 0.0, 0.0
    for k in range(n):
        size += charge[k]
        lon_sum += charge[k] * lon[k]
        lat_sum += charge[k] * lat[k]
    return size, lon_sum / size, lat_sum / size


@jit_leaf
def _axis(lon, lat, charge, n, size, centre_lon, centre_lat):
    """Direction of the larger eigenvector, above -pi / 2 up to pi / 2."""
    lon_lon, lat_lat, lon_lat = 0.0, 0.0, 0.0
    for k in range(n):
        x, y = lon[k] - centre_lon, lat[k] - centre_lat
        lon_lon += charge[k] * x * x
        lat_lat += charge[k] * y * y
        lon_lat += charge[k] * x * y
    if lon_lon == lat_lat and lon_lat == 0.0:
        return 0.5 * np.pi  # a round image has no axis; any will do
    psi = 0.5 * np.arctan2(2.0 * lon_lat / size, (lon_lon - lat_lat) / size)
    return psi + np.pi if psi <= -0.5 * np.pi else psi


@jit_leaf
def moments(lon, lat, charge, n, along, across, out):
    """Moments of an image.

    Parameters
    ----------
    lon, lat : ndarray of float64, shape (n_pixels,)
        Centres of the image's pixels, in the first ``n`` places.
    charge : ndarray of float64, shape (n_pixels,)
        Charges, which add up to more than 0.
    n : int
        Number of the image's pixels.
    along, across : ndarray of float64, shape (n_pixels,)
        Coordinates in the axes of the image from its centre of gravity, written; not a number for
        an image without length.
    out : ndarray of float64, shape (>= 12,)
        Moments in the order of `HILLAS`, written.
    """
    size, centre_lon, centre_lat = _centre(lon, lat, charge, n)
    psi = _axis(lon, lat, charge, n, size, centre_lon, centre_lat)
    c, s = np.cos(psi), np.sin(psi)
    l_2, l_3, l_4, w_2, w_4 = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        x, y = lon[k] - centre_lon, lat[k] - centre_lat
        a, b = x * c + y * s, y * c - x * s
        along[k], across[k] = a, b
        l_2 += charge[k] * a * a
        l_3 += charge[k] * a * a * a
        l_4 += charge[k] * a * a * a * a
        w_2 += charge[k] * b * b
        w_4 += charge[k] * b * b * b * b
    l_2, l_3, l_4, w_2, w_4 = l_2 / size, l_3 / size, l_4 / size, w_2 / size, w_4 / size
    length, width = _root(l_2), _root(w_2)
    out[0], out[1], out[2] = size, centre_lon, centre_lat
    out[3], out[4] = (
        np.hypot(centre_lon, centre_lat),
        np.degrees(np.arctan2(centre_lat, centre_lon)),
    )
    out[5], out[7] = length, width
    out[6], out[8:12] = np.nan, np.nan
    if length != 0.0:
        out[6] = np.sqrt(max(l_4 - l_2 * l_2, 0.0) / size) / (2.0 * length)
        out[9], out[10], out[11] = np.degrees(psi), l_3 / length**3, l_4 / length**4
    else:
        along[:n] = np.nan
        across[:n] = np.nan
    if width != 0.0:
        out[8] = np.sqrt(max(w_4 - w_2 * w_2, 0.0) / size) / (2.0 * width)


@jit_leaf
def concentration(lon, lat, charge, n, width_deg, along, across, hillas):
    """Shares of the light near the centre of gravity, inside the ellipse, in one pixel.

    Parameters
    ----------
    lon, lat, charge : ndarray of float64, shape (n_pixels,)
        Image, in the first ``n`` places.
    n : int
        Number of the image's pixels.
    width_deg : ndarray of float64, shape (n_pixels,)
        Widths of these pixels.
    along, across : ndarray of float64, shape (n_pixels,)
        Coordinates in the axes of the image.
    hillas : ndarray of float64
        Moments, in the order of `HILLAS`.

    Returns
    -------
    near : float
        Pixels less than a pixel's width from the centre of gravity.
    inside : float
        Pixels inside the ellipse of length and width; 0 for an image without width.
    brightest : float
        The brightest pixel.
    """
    size, length, width = hillas[0], hillas[5], hillas[7]
    near, inside, brightest = 0.0, 0.0, -np.inf
    for k in range(n):
        x, y = lon[k] - hillas[1], lat[k] - hillas[2]
        if x * x + y * y < width_deg[k] * width_deg[k]:
            near += charge[k]
        if width != 0.0 and (along[k] / length) ** 2 + (across[k] / width) ** 2 <= 1.0:
            inside += charge[k]
        brightest = max(brightest, charge[k])
    return near / size, inside / size, brightest / size
