"""Direction of a shower from the distance of each image to it along its axis (DISP).

The source lies on the major axis of an image, at the distance disp from the centre of gravity that
the shape of the image tells, on one of two sides (Lessard et al. 2001, Astropart. Phys. 15, 1;
Hofmann et al. 1999, Astropart. Phys. 12, 135, algorithm 3). Each image gives two candidates, with
an error ellipse: along the axis the error of disp, across it that of the centre and of the axis
times disp. The direction of the event is the mean of one candidate of each image, weighted with the
inverse covariances, for the choice of sides with the greatest likelihood: the distances of the
candidates from the mean and, where known, the odds of the sides from the images themselves (the
head of an image points to the source, its tail away from it). One image decides by its odds alone.

All choices of sides are compared up to six images; beyond, those that are stable when started from
each candidate of each image: sides that lie nearer to the mean of the choice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.errors import InputError
from iactflow.stereo.frames import image_axes, vectors_to_horizontal
from iactflow.stereo.image_errors import ErrorModel, image_errors

__all__ = ["SKEWNESS_ODDS", "DispDirection", "combine_candidates", "combine_disp"]

#: Log odds of the sides per unit of skewness along the axis: showers have their tail away from the
#: source. In H.E.S.S. I at 20 deg (own simulation, gamma rays from 0.2 to 60 TeV) the odds follow
#: this line, within 20 %, up to a skewness of 0.8.
SKEWNESS_ODDS = -5.0
#: Distance of the maximum, with which a disp becomes the impact distance of the errors.
MAXIMUM_M = 8000.0
_ALL_CHOICES = 6
_ROUNDS = 20


class DispDirection(NamedTuple):
    """Directions of events; not a number where no image has a disp.

    Attributes
    ----------
    alt_deg, az_deg : ndarray of float64, shape (n_events,)
        Direction.
    error_deg : ndarray of float64, shape (n_events,)
        Standard error in one coordinate: root of the mean of both variances.
    chi2 : ndarray of float64, shape (n_events,)
        Sum of squares of the distances of the candidates from the mean; 2 n_images - 2 degrees of
        freedom.
    n_images : ndarray of int64, shape (n_events,)
        Images used.
    side : ndarray of int8, shape (n,)
        Side of each image that was chosen: +1 towards the angle psi, -1 opposite; 0: not used.
    """

    alt_deg: np.ndarray
    az_deg: np.ndarray
    error_deg: np.ndarray
    chi2: np.ndarray
    n_images: np.ndarray
    side: np.ndarray


@jit_leaf
def _tangent_plane(axis, plane):
    """Axis and two unit vectors perpendicular to it, as rows of ``plane``."""
    norm = math.sqrt(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2)
    for k in range(3):
        plane[0, k] = axis[k] / norm
    # Of the ground's axes, the first or the second is far from parallel.
    far = 0 if abs(plane[0, 0]) < abs(plane[0, 1]) else 1
    lean = plane[0, far]
    rest = math.sqrt(1.0 - lean**2)
    for k in range(3):
        plane[1, k] = ((1.0 if k == far else 0.0) - lean * plane[0, k]) / rest
    plane[2, 0] = plane[0, 1] * plane[1, 2] - plane[0, 2] * plane[1, 1]
    plane[2, 1] = plane[0, 2] * plane[1, 0] - plane[0, 0] * plane[1, 2]
    plane[2, 2] = plane[0, 0] * plane[1, 1] - plane[0, 1] * plane[1, 0]


@jit_leaf
def _candidates(centre, along, disp, errors, odds, plane, found):
    """Candidates of an image: rows (x, y, wxx, wxy, wyy, -2 ln P) of both sides (+, -).

    ``errors``: of disp, of the centre across, of the axis; rad.
    """
    across = math.sqrt(errors[1] ** 2 + (disp * errors[2]) ** 2)
    u = v = 0.0
    for k in range(3):
        u += along[k] * plane[1, k]
        v += along[k] * plane[2, k]
    norm = math.sqrt(u * u + v * v)
    u, v = u / norm, v / norm
    for side in range(2):
        sine = math.sin(disp) if side == 0 else -math.sin(disp)
        x = y = z = 0.0
        for k in range(3):
            place = math.cos(disp) * centre[k] + sine * along[k]
            x += place * plane[1, k]
            y += place * plane[2, k]
            z += place * plane[0, k]
        found[side, 0], found[side, 1] = x / z, y / z
        found[side, 2] = (u / errors[0]) ** 2 + (v / across) ** 2
        found[side, 3] = u * v * (1.0 / errors[0] ** 2 - 1.0 / across**2)
        found[side, 4] = (v / errors[0]) ** 2 + (u / across) ** 2
        # -2 ln of 1 / (1 + exp(-odds)), for large odds too.
        exponent = -odds if side == 0 else odds
        found[side, 5] = 2.0 * (max(exponent, 0.0) + math.log1p(math.exp(-abs(exponent))))


@jit_leaf
def _mean(found, choice, n, mean):
    """Weighted mean of the chosen candidates; mean: x, y, wxx, wxy, wyy. Returns -2 ln L, chi2."""
    wxx = wxy = wyy = bx = by = prior = 0.0
    for i in range(n):
        row = found[i, choice[i]]
        wxx, wxy, wyy = wxx + row[2], wxy + row[3], wyy + row[4]
        bx += row[2] * row[0] + row[3] * row[1]
        by += row[3] * row[0] + row[4] * row[1]
        prior += row[5]
    determinant = wxx * wyy - wxy**2
    mean[0], mean[1] = (wyy * bx - wxy * by) / determinant, (wxx * by - wxy * bx) / determinant
    mean[2], mean[3], mean[4] = wxx, wxy, wyy
    chi2 = 0.0
    for i in range(n):
        chi2 += _distance(found[i, choice[i]], mean)
    return chi2 + prior, chi2


@jit_leaf
def _distance(row, mean):
    dx, dy = row[0] - mean[0], row[1] - mean[1]
    return row[2] * dx * dx + 2.0 * row[3] * dx * dy + row[4] * dy * dy


@jit_leaf
def _settle(found, choice, n, mean):
    """Choose the nearer sides until nothing changes; returns -2 ln L and chi2 of the choice."""
    value = _mean(found, choice, n, mean)
    for _ in range(_ROUNDS):
        changed = False
        for i in range(n):
            cost_0 = _distance(found[i, 0], mean) + found[i, 0, 5]
            cost_1 = _distance(found[i, 1], mean) + found[i, 1, 5]
            side = 0 if cost_0 <= cost_1 else 1
            if side != choice[i]:
                choice[i], changed = side, True
        if not changed:
            break
        value = _mean(found, choice, n, mean)
    return value


@jit_leaf
def _choose(found, n, choice, best_choice, mean, best_mean):
    """Best choice of sides of an event; returns its chi2."""
    best, best_chi2 = np.inf, np.nan
    every = n <= _ALL_CHOICES
    for trial in range(2**n if every else 2 * n):
        if every:
            for i in range(n):
                choice[i] = (trial >> i) & 1
            value, chi2 = _mean(found, choice, n, mean)
        else:
            start = found[trial // 2, trial % 2]
            for i in range(n):
                near = _distance(found[i, 0], start) <= _distance(found[i, 1], start)
                choice[i] = 0 if near else 1
            value, chi2 = _settle(found, choice, n, mean)
        if value < best:
            best, best_chi2 = value, chi2
            for i in range(n):
                best_choice[i] = choice[i]
            for k in range(5):
                best_mean[k] = mean[k]
    return best_chi2


@jit
def combine_candidates(first, centre, along, disp_rad, errors_rad, log_odds):
    """Combine the images of events (kernel).

    Parameters
    ----------
    first : ndarray of int64, shape (n_events + 1,)
        First image of each event.
    centre, along : ndarray of float64, shape (n, 3)
        `iactflow.stereo.frames.image_axes`.
    disp_rad : ndarray of float64, shape (n,)
        Distance of the source from the centre of gravity, not negative.
    errors_rad : ndarray of float64, shape (n, 3)
        Standard errors of disp, of the centre across the axis, of the angle of the axis.
    log_odds : ndarray of float64, shape (n,)
        Logarithm of the odds that the source is on the side that ``along`` points to.

    Returns
    -------
    direction : ndarray of float64, shape (n_events, 3)
        Unit vectors; events without images are not a number.
    variance_rad2 : ndarray of float64, shape (n_events,)
        Mean variance of both coordinates.
    chi2 : ndarray of float64, shape (n_events,)
        Sum of squares.
    side : ndarray of int8, shape (n,)
        Side chosen, +1 or -1.
    """
    n_events, n = first.size - 1, disp_rad.size
    direction, plane = np.full((n_events, 3), np.nan), np.empty((3, 3))
    variance, chi2 = np.full(n_events, np.nan), np.full(n_events, np.nan)
    side, found = np.zeros(n, dtype=np.int8), np.empty((n, 2, 6))
    choice, best_choice = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    mean, best = np.empty(5), np.empty(5)
    for event in range(n_events):
        begin, end = first[event], first[event + 1]
        if end == begin:
            continue
        _tangent_plane(centre[begin], plane)
        for i in range(begin, end):
            _candidates(
                centre[i], along[i], disp_rad[i], errors_rad[i], log_odds[i], plane, found[i]
            )
        chi2[event] = _choose(found[begin:end], end - begin, choice, best_choice, mean, best)
        for i in range(begin, end):
            side[i] = 1 - 2 * best_choice[i - begin]
        norm = math.sqrt(1.0 + best[0] ** 2 + best[1] ** 2)
        for k in range(3):
            direction[event, k] = (
                plane[0, k] + best[0] * plane[1, k] + best[1] * plane[2, k]
            ) / norm
        variance[event] = 0.5 * (best[2] + best[4]) / (best[2] * best[4] - best[3] ** 2)
    return direction, variance, chi2, side


def combine_disp(
    event_index: np.ndarray,
    parameters: Mapping[str, np.ndarray],
    disp_deg: np.ndarray,
    disp_error_deg: np.ndarray,
    pointing_alt_deg: np.ndarray,
    pointing_az_deg: np.ndarray,
    n_events: int,
    log_odds: np.ndarray | None = None,
) -> DispDirection:
    """Directions of events from the disp of their images.

    Parameters
    ----------
    event_index : ndarray of int64, shape (n,)
        Event of each image, ascending, inside [0, n_events).
    parameters : mapping of str to ndarray, each of shape (n,)
        Columns of the table ``parameters``: centre of gravity, psi, intensity, length, width, and
        skewness where the odds are not given.
    disp_deg, disp_error_deg : ndarray of float64, shape (n,)
        Distance of the source from the centre of gravity and its standard error; images where one
        of them is not a number are left out.
    pointing_alt_deg, pointing_az_deg : ndarray of float64, shape (n,)
        Pointing of each telescope.
    n_events : int
        Events.
    log_odds : ndarray of float64, shape (n,), optional
        Logarithm of the odds that the source is on the side that psi points to; by default
        `SKEWNESS_ODDS` times the skewness of the image, where it has one.

    Returns
    -------
    DispDirection
        Directions. With one image whose sides are as likely, the side that psi points to.

    Raises
    ------
    InputError
        If rows do not follow the events, or a disp is negative, or its error not positive.
    """
    if len(event_index) and (np.any(np.diff(event_index) < 0) or event_index[-1] >= n_events):
        raise InputError("disp", "event_index", "not ascending", f"ascending below {n_events}")
    if np.any(disp_deg < 0.0) or np.any(disp_error_deg <= 0.0):
        raise InputError("disp", "disp_deg", float(np.nanmin(disp_deg)), "disp >= 0, error > 0")
    names = ("fov_lon_deg", "fov_lat_deg", "psi_deg", "intensity", "length_deg", "width_deg")
    given = [np.asarray(parameters[f"hillas_{name}"], dtype=np.float64) for name in names]
    odds = SKEWNESS_ODDS * parameters["hillas_skewness"] if log_odds is None else log_odds
    odds = np.nan_to_num(np.asarray(odds, dtype=np.float64))
    given += [np.asarray(x, dtype=np.float64) for x in (pointing_alt_deg, pointing_az_deg)]
    given += [np.asarray(x, dtype=np.float64) for x in (disp_deg, disp_error_deg)]
    rows = np.flatnonzero(np.isfinite(np.sum(given, axis=0)) & (given[5] > 0.0))
    lon, lat, psi, size, length, width, alt, az, disp, error = (x[rows].copy() for x in given)
    centre, along = image_axes(lon, lat, psi, alt, az)
    of_image = image_errors(size, length, width, np.radians(disp) * MAXIMUM_M, ErrorModel())
    errors = np.column_stack([np.radians(error), of_image.across_rad, of_image.axis_rad])
    n_images = np.bincount(event_index[rows], minlength=n_events)
    first = np.concatenate([[0], np.cumsum(n_images)]).astype(np.int64)
    direction, variance, chi2, chosen = combine_candidates(
        first, centre, along, np.radians(disp), errors, odds[rows].copy()
    )
    side = np.zeros(len(event_index), dtype=np.int8)
    side[rows] = chosen
    alt_deg, az_deg = vectors_to_horizontal(direction)
    return DispDirection(alt_deg, az_deg, np.degrees(np.sqrt(variance)), chi2, n_images, side)
