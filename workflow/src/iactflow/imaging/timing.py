"""Gradient of the times along the major axis of an image: least trimmed squares.

The line is fitted to the 85 % of the pixels that it fits best (Rousseeuw, J. Am. Stat. Assoc. 79
(1984) 871), found by concentration steps: fit, keep the pixels with the smallest residuals, fit
again, until the sum of squares stays (Rousseeuw & Van Driessen, Data Min. Knowl. Disc. 12 (2006)
29). ctapipe begins with lines through random pairs of pixels; here the beginnings are the least
squares line of all pixels and pairs at fixed places, so that an image always has the same gradient.
With outliers both may end in another minimum, ours no more often than ctapipe's own next try.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf

__all__ = ["time_gradient"]

_SHARE = 0.85
_N_PAIRS = 4
_N_STEPS = 20
_CONVERGED = 1e-12
_SINGULAR = 2.0 * np.finfo(np.float64).eps


@jit_leaf
def _line(x, y, chosen, n):
    """Least squares line through the points that are chosen, and its sum of squared residuals."""
    s, s_x, s_y, s_xx, s_xy = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        if chosen[k]:
            s += 1.0
            s_x += x[k]
            s_y += y[k]
            s_xx += x[k] * x[k]
            s_xy += x[k] * y[k]
    determinant = s * s_xx - s_x * s_x
    if determinant < _SINGULAR:
        return np.nan, np.nan, np.inf
    slope = (s * s_xy - s_x * s_y) / determinant
    intercept = (s_y - slope * s_x) / s
    squares = 0.0
    for k in range(n):
        if chosen[k]:
            squares += (y[k] - slope * x[k] - intercept) ** 2
    return slope, intercept, squares


@jit_leaf
def _smallest(values, n, rank, room):
    """The value of a rank (from 1 on) among n, by quickselect."""
    for k in range(n):
        room[k] = values[k]
    low, high, place = 0, n - 1, rank - 1
    while low < high:
        pivot = room[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while room[i] < pivot:
                i += 1
            while room[j] > pivot:
                j -= 1
            if i <= j:
                room[i], room[j] = room[j], room[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return room[place]


@jit_leaf
def _concentrate(x, y, n, n_fit, chosen, squares, room):
    """Fit the points chosen, choose those that fit best, and so on."""
    slope, intercept, best = _line(x, y, chosen, n)
    for _ in range(_N_STEPS):
        if not np.isfinite(best):
            break
        for k in range(n):
            squares[k] = (y[k] - slope * x[k] - intercept) ** 2
        limit = _smallest(squares, n, n_fit, room)
        left = n_fit
        for k in range(n):
            chosen[k] = squares[k] < limit
            left -= chosen[k]
        for k in range(n):
            if left > 0 and squares[k] == limit:
                chosen[k] = True
                left -= 1
        last = best
        slope, intercept, best = _line(x, y, chosen, n)
        if abs(last - best) < _CONVERGED:
            break
    return slope, intercept, best


@jit_leaf
def time_gradient(along, time, n, x, y, chosen, squares, room):
    """Fit a line to the times along the major axis.

    Parameters
    ----------
    along : ndarray of float64, shape (n_pixels,)
        Coordinates along the axis, in the first ``n`` places, in degrees.
    time : ndarray of float64, shape (n_pixels,)
        Times of these pixels in ns; those that are not a number are left out of the fit.
    n : int
        Number of the image's pixels.
    x, y, squares, room : ndarray of float64, shape (n_pixels,)
        Room.
    chosen : ndarray of bool, shape (n_pixels,)
        Room.

    Returns
    -------
    slope, intercept, deviation : float
        Gradient in ns / deg, time at the centre of gravity in ns, rms of all times around the line
        in ns; not a number for less than three pixels with times. The deviation is not a number
        where a time is not.
    """
    m = 0
    for k in range(n):
        if np.isfinite(along[k]) and np.isfinite(time[k]):
            x[m], y[m] = along[k], time[k]
            m += 1
    # of two points one would be left, of three a pair, any of which fits: all three are taken
    n_fit = 3 if m == 3 else int(_SHARE * m)
    if n_fit < 2:
        return np.nan, np.nan, np.nan
    slope, intercept, best = np.nan, np.nan, np.inf
    for start in range(1 + _N_PAIRS):
        if start == 0:
            chosen[:m] = True
        else:
            chosen[:m] = False
            one = (start - 1) * m // (2 * _N_PAIRS)
            chosen[one] = chosen[one + m // 2] = True
        a, b, squared = _concentrate(x, y, m, n_fit, chosen, squares, room)
        if squared < best:
            slope, intercept, best = a, b, squared
    total = 0.0
    for k in range(n):
        total += (time[k] - slope * along[k] - intercept) ** 2
    return slope, intercept, np.sqrt(total / n)
