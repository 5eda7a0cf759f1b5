"""Significance of an on-off measurement: Li & Ma 1983, ApJ 272, 317, eq. 17."""

from __future__ import annotations

import math

import numpy as np

from iactflow._jit import jit

__all__ = ["broadcast_kernel", "li_ma_bin", "li_ma_significance"]


@jit
def li_ma_bin(n_on, n_off, alpha):
    """Signed Li & Ma significance of one bin (kernel).

    Parameters
    ----------
    n_on, n_off : float
        Counts in the on and off regions.
    alpha : float
        On-to-off exposure ratio.

    Returns
    -------
    float
        Significance, negative for a deficit; NaN where alpha is not positive.
    """
    if not alpha > 0.0:
        return np.nan
    total = n_on + n_off
    value = 0.0
    if n_on > 0.0:
        value += n_on * math.log((1.0 + alpha) / alpha * (n_on / total))
    if n_off > 0.0:
        value += n_off * math.log((1.0 + alpha) * (n_off / total))
    root = math.sqrt(2.0 * max(value, 0.0))
    return root if n_on >= alpha * n_off else -root


@jit
def _li_ma_array(n_on, n_off, alpha, result):
    for i in range(result.size):
        result[i] = li_ma_bin(n_on[i], n_off[i], alpha[i])


def broadcast_kernel(kernel, *arrays):
    """Apply a kernel to arrays that are broadcast against each other.

    Parameters
    ----------
    kernel : callable
        Takes flat arrays of float64, and the result to fill.
    *arrays : array-like
        Its arguments.

    Returns
    -------
    float or ndarray of float64
        Result in the common shape.
    """
    arrays = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in arrays))
    shape = arrays[0].shape
    result = np.empty(arrays[0].size)
    kernel(*(np.ascontiguousarray(a).reshape(-1) for a in arrays), result)
    return result.reshape(shape) if shape else float(result[0])


def li_ma_significance(n_on, n_off, alpha):
    """Significance of an excess over a measured background.

    Parameters
    ----------
    n_on, n_off : array-like
        Counts in the on and off regions; all arguments broadcast.
    alpha : array-like
        On-to-off exposure ratio.

    Returns
    -------
    float or ndarray
        Significance in standard deviations, negative for a deficit; NaN where alpha is not
        positive. Below some ten counts it is not normally distributed under the null hypothesis.

    References
    ----------
    Li & Ma 1983, ApJ 272, 317, eq. 17.
    """
    return broadcast_kernel(_li_ma_array, n_on, n_off, alpha)
