"""Position of a point source in a map of counts.

The position c solves sum_i w(x_i - c) (n_i - b_i) (x_i - c) = 0 over the pixels i, with counts n,
expected background b and a round Gaussian w: no shape of the point spread function is assumed but
that it is symmetric. As the solution of an estimating equation U(c) = 0 it has, per axis, the
variance sum_i (w (x_i - c))^2 n_i / (dU/dc)^2 (Huber 1967, Proc. 5th Berkeley Symp. 1, 221).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["ExcessPosition", "excess_position"]

_MOST_STEPS = 100
_CONVERGED_FRACTION = 1e-6
#: Pixels within so many widths are used; beyond, the weight is below 4e-4.
_REACH = 4.0
#: Least slope over the weighted excess; of a Gaussian source as wide as the weight it is 1/2.
_LEAST_SLOPE = 0.1


class ExcessPosition(NamedTuple):
    """A position in the plane of the map.

    Attributes
    ----------
    x_deg, y_deg : float
        Position.
    error_deg : float
        Standard error per axis, the root mean square of both.
    """

    x_deg: float
    y_deg: float
    error_deg: float


def excess_position(
    counts, background, x_deg, y_deg, start_deg: tuple[float, float], width_deg: float
) -> ExcessPosition | None:
    """Find the centre of an excess.

    Parameters
    ----------
    counts, background : ndarray, shape (n,)
        Events and expected background per pixel; pixels without a background are left out.
    x_deg, y_deg : ndarray, shape (n,)
        Places of the pixels in a plane.
    start_deg : tuple of two float
        Where the search starts.
    width_deg : float
        Width of the weight: that of the source in the map, or somewhat more.

    Returns
    -------
    ExcessPosition or None
        None where the search leaves the neighbourhood of its start, as it does without an excess.
    """
    x_deg, y_deg = np.asarray(x_deg, dtype=float), np.asarray(y_deg, dtype=float)
    near = np.hypot(x_deg - start_deg[0], y_deg - start_deg[1]) < 2.0 * _REACH * width_deg
    near &= np.isfinite(background)
    place = np.stack([x_deg[near], y_deg[near]])
    n, excess = counts[near], (counts - background)[near]
    centre = np.array(start_deg, dtype=float)
    for _ in range(_MOST_STEPS):
        away = place - centre[:, None]
        square = np.sum(away**2, axis=0) / width_deg**2
        weight = np.where(square < _REACH**2, np.exp(-0.5 * square), 0.0)
        slope = np.sum(weight * excess * (1.0 - (away / width_deg) ** 2), axis=1)
        total = np.sum(weight * excess)
        if total <= 0.0:
            return None
        # Far from the centre Newton's step leads away: there the weighted mean is taken instead.
        is_near = bool(np.all(slope > _LEAST_SLOPE * total))
        step = np.sum(weight * excess * away, axis=1) / (slope if is_near else total)
        size = float(np.hypot(*step))
        centre = centre + step * min(1.0, width_deg / size) if size > 0.0 else centre
        if np.hypot(*(centre - start_deg)) > _REACH * width_deg:
            return None
        if is_near and size < _CONVERGED_FRACTION * width_deg:
            variance = np.sum((weight * away) ** 2 * n, axis=1) / slope**2
            return ExcessPosition(*map(float, centre), float(np.sqrt(np.mean(variance))))
    return None
