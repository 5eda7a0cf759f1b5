"""Means and scatters from the sums of a table, smoothed by a local linear fit.

Around every bin a plane is fitted to the values of all images near it, weighted by a Gaussian of
the distance in bins (Cleveland and Devlin 1988, J. Am. Stat. Assoc. 83, 596; Fan and Gijbels 1996,
"Local Polynomial Modelling and Its Applications", section 3.1). Unlike a weighted mean, a plane is
not pulled towards the fuller of two bins where the quantity has a gradient, nor is the scatter
around it widened by that gradient.

Nothing is invented far from simulations: a bin has values if images within `REACH_BINS` bins of it
in both directions exist, and if the images under the Gaussian count as at least `min_entries`. So
the smoothed table extends by one bin beyond the filled region.
"""

from __future__ import annotations

import numpy as np

from iactflow.discrimination.table_kernels import QUANTITIES, UNIT

__all__ = ["REACH_BINS", "smooth"]

#: How far a smoothed table extends beyond the bins that hold images.
REACH_BINS = 1
#: Distance at which the Gaussian is cut, in its standard deviations.
CUT = 3.0
#: Weight of a flat plane against the images: decides where they all lie in one row of bins.
RIDGE = 1e-3


def _shifted(values, da, db):
    """Array whose element (a, b) is that of (a + da, b + db), zero outside."""
    n, m = values.shape[:2]
    out = np.zeros_like(values)
    rows = slice(max(-da, 0), min(n - da, n))
    columns = slice(max(-db, 0), min(m - db, m))
    out[rows, columns] = values[max(da, 0) : n + min(da, 0), max(db, 0) : m + min(db, 0)]
    return out


def _moments(parts, sigma_bins):
    """Sums under the Gaussian, times powers of the distance: 1, a, b, aa, ab, bb."""
    reach = int(np.ceil(CUT * sigma_bins)) if sigma_bins > 0.0 else 0
    total = np.zeros((6, *parts.shape))
    for da in range(-min(reach, parts.shape[0] - 1), min(reach, parts.shape[0] - 1) + 1):
        for db in range(-min(reach, parts.shape[1] - 1), min(reach, parts.shape[1] - 1) + 1):
            squared = da**2 + db**2
            kernel = np.exp(-0.5 * squared / sigma_bins**2) if squared else 1.0
            near = kernel * _shifted(parts, da, db)
            for power, factor in enumerate((1.0, da, db, da * da, da * db, db * db)):
                if factor:
                    total[power] += factor * near
    return total


def smooth(sums, sigma_bins: float, min_entries: float):
    """Make means and scatters of a node.

    Parameters
    ----------
    sums : ndarray of int64, shape (n_size, n_impact, N_SUMS)
        Sums of `iactflow.discrimination.table_kernels.add_rows`.
    sigma_bins : float
        Standard deviation of the Gaussian in bins; 0: no smoothing.
    min_entries : float
        Least number of images of equal weight that those under the Gaussian must be worth,
        (sum of weights)**2 over the sum of their squares.

    Returns
    -------
    mean, scatter : ndarray of float64, shape (n_size, n_impact, len(QUANTITIES))
        Not a number in empty bins.
    """
    parts = sums / UNIT
    parts[..., 0] = sums[..., 0]
    moments = _moments(parts, sigma_bins)
    weight = moments[..., 1]
    filled = np.zeros(parts.shape[:2], dtype=bool)
    reach = REACH_BINS if sigma_bins > 0.0 else 0
    for da in range(-reach, reach + 1):
        for db in range(-reach, reach + 1):
            filled |= _shifted(parts[..., 0], da, db) > 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        filled &= weight[0] ** 2 / moments[0, ..., 2] >= min_entries
    matrix = weight[[[0, 1, 2], [1, 3, 4], [2, 4, 5]]].transpose(2, 3, 0, 1)[filled]
    matrix = matrix / matrix[:, :1, :1]
    ridge = matrix + np.diag([0.0, RIDGE, RIDGE])
    mean = np.full((*parts.shape[:2], len(QUANTITIES)), np.nan)
    scatter = mean.copy()
    for q in range(len(QUANTITIES)):
        first = moments[:3, ..., 3 + 2 * q].transpose(1, 2, 0)[filled] / weight[0][filled, None]
        second = moments[0, ..., 4 + 2 * q][filled] / weight[0][filled]
        plane = np.linalg.solve(ridge, first[..., None])[..., 0]
        spread = np.einsum("ni,nij,nj->n", plane, matrix, plane)
        variance = second - 2.0 * np.sum(plane * first, axis=1) + spread
        mean[filled, q] = plane[:, 0]
        # Rounding of the sums can leave a little less than nothing where all values are equal.
        scatter[filled, q] = np.sqrt(np.maximum(variance, 0.0))
    return mean, scatter
