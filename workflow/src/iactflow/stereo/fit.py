"""Likelihood fit of direction, core and maximum of a shower to all images at once.

A shower is a line (direction s, a point C of it) with a maximum at the distance 1 / kappa from C.
For a telescope at T the line and the telescope span a plane with the unit normal
n = s x (C - T) / |s x (C - T)|. An image with its centre in direction u, its major axis along e (u,
e unit vectors, perpendicular) and the errors of `iactflow.stereo.image_errors` gives

    u . n / sigma_across     the centre lies in the plane,
    e . n / sigma_axis       the axis lies in the plane,
    e . v / sigma_along      the centre is that of the maximum, v = s + kappa (C - T), normalised.

The first two are the likelihood of Hofmann et al. 1999, Astropart. Phys. 12, 135 (algorithm 2:
axes with their errors, direction and core together), the third binds the distances of the images
from the source by their parallax. The sum of squares is minimised by Gauss-Newton steps with
Marquardt's damping (Marquardt 1963, J. SIAM 11, 431); errors are those of the curvature.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = ["FitResult", "fit_axis"]

_N = 5
_STEPS = 40
_PRECISION = 1e-7
_DAMPING = 1e-3
_DAMPED_OUT = 1e10
# Maxima are not looked for beyond this distance, m, nor closer.
_KAPPA_MIN, _KAPPA_MAX = 1e-6, 1e-3
_CLOSEST_M = 1e-6
# Variances, rad2 and m2, above which a direction or a core is not known.
_LOST_RAD2, _LOST_M2 = 0.01, 1e7


class FitResult(NamedTuple):
    """Events from the fit; not a number where it has no solution.

    Attributes
    ----------
    direction : ndarray of float64, shape (n_events, 3)
        Unit vectors towards the origin of the shower: north, west, up.
    core_m : ndarray of float64, shape (n_events, 2)
        Core on the ground (z = 0): north, west.
    maximum_m : ndarray of float64, shape (n_events, 3)
        Maximum of the shower.
    covariance : ndarray of float64, shape (n_events, 5, 5)
        Inverse curvature: both coordinates of the direction (rad), both of the axis perpendicular
        to it (m), along the basis that was given; 1 / distance of the maximum (1 / m).
    chi2 : ndarray of float64, shape (n_events,)
        Sum of squares, -2 ln L.
    n_dof : ndarray of int64, shape (n_events,)
        Its degrees of freedom.
    """

    direction: np.ndarray
    core_m: np.ndarray
    maximum_m: np.ndarray
    covariance: np.ndarray
    chi2: np.ndarray
    n_dof: np.ndarray


@jit_leaf
def _cross(a, b, out):
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]


@jit_leaf
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@jit_leaf
def _add(value, slope, sigma, matrix, gradient):
    """Add a residual and its derivatives to the normal equations; return its square."""
    value /= sigma
    for k in range(_N):
        step = slope[k] / sigma
        gradient[k] += step * value
        for m in range(k + 1):
            matrix[k, m] += step * slope[m] / sigma
    return value * value


@jit_leaf
def _slopes(source, kappa, basis, arm, normal, distance, look, far, centre, along, slope, work):
    """Derivatives of the three terms of an image with respect to the five parameters."""
    turn, move = work[3], work[4]
    for p in range(_N):
        # Derivatives of s x (C - T) in turn, of s + kappa (C - T) in move.
        if p < 2:
            lean = _dot(basis[p], source)
            for k in range(3):
                move[k] = basis[p, k] - lean * source[k]
            _cross(move, arm, turn)
        elif p < 4:
            _cross(source, basis[p - 2], turn)
            for k in range(3):
                move[k] = kappa * basis[p - 2, k]
        else:
            for k in range(3):
                turn[k] = 0.0
                move[k] = arm[k]
        part, ahead = _dot(normal, turn), _dot(look, move)
        slope[0, p] = (_dot(centre, turn) - part * _dot(centre, normal)) / distance
        slope[1, p] = (_dot(along, turn) - part * _dot(along, normal)) / distance
        slope[2, p] = (_dot(along, move) - ahead * _dot(along, look)) / far


@jit_leaf
def _sums(state, basis, image, errors, matrix, gradient, work):
    """Sum of squares and normal equations at a state.

    ``state``: rows s, C and (kappa, -, -). ``basis``: the two directions in which s and C move.
    ``image``: rows (centre, axis, position) of each image. ``errors``: across, axis, along.
    """
    matrix[:] = 0.0
    gradient[:] = 0.0
    source, core, kappa = state[0], state[1], state[2, 0]
    arm, normal, look, slope = work[0], work[1], work[2], work[5:8]
    total = 0.0
    for i in range(image.shape[0]):
        centre, along, place = image[i, 0], image[i, 1], image[i, 2]
        for k in range(3):
            arm[k] = core[k] - place[k]
            look[k] = source[k] + kappa * arm[k]
        _cross(source, arm, normal)
        # Where a shower hits the telescope its plane is not defined.
        distance = max(math.sqrt(_dot(normal, normal)), _CLOSEST_M)
        far = math.sqrt(_dot(look, look))
        for k in range(3):
            normal[k] /= distance
            look[k] /= far
        _slopes(source, kappa, basis, arm, normal, distance, look, far, centre, along, slope, work)
        total += _add(_dot(centre, normal), slope[0], errors[i, 0], matrix, gradient)
        total += _add(_dot(along, normal), slope[1], errors[i, 1], matrix, gradient)
        total += _add(_dot(along, look), slope[2], errors[i, 2], matrix, gradient)
    return total


@jit_leaf
def _invert(matrix, damping, inverse, lower):
    """Inverse of the symmetric matrix (lower half given), its diagonal damped; False: singular."""
    for k in range(_N):
        for m in range(k + 1):
            value = matrix[k, m] * (1.0 + damping if k == m else 1.0)
            for n in range(m):
                value -= lower[k, n] * lower[m, n]
            if k == m:
                # Written so that what is not a number is singular.
                if not value > 1e-12 * matrix[k, k]:
                    return False
                lower[k, k] = math.sqrt(value)
            else:
                lower[k, m] = value / lower[m, m]
    for column in range(_N):
        for k in range(_N):
            value = 1.0 if k == column else 0.0
            for n in range(k):
                value -= lower[k, n] * inverse[n, column]
            inverse[k, column] = value / lower[k, k]
        for k in range(_N - 1, -1, -1):
            value = inverse[k, column]
            for n in range(k + 1, _N):
                value -= lower[n, k] * inverse[n, column]
            inverse[k, column] = value / lower[k, k]
    return True


@jit_leaf
def _move(state, basis, inverse, gradient, moved):
    """State after the step ``- inverse gradient``."""
    step_0 = step_1 = step_2 = step_3 = step_4 = 0.0
    for k in range(_N):
        step_0 -= inverse[0, k] * gradient[k]
        step_1 -= inverse[1, k] * gradient[k]
        step_2 -= inverse[2, k] * gradient[k]
        step_3 -= inverse[3, k] * gradient[k]
        step_4 -= inverse[4, k] * gradient[k]
    for k in range(3):
        moved[0, k] = state[0, k] + step_0 * basis[0, k] + step_1 * basis[1, k]
        moved[1, k] = state[1, k] + step_2 * basis[0, k] + step_3 * basis[1, k]
    norm = math.sqrt(_dot(moved[0], moved[0]))
    for k in range(3):
        moved[0, k] /= norm
    moved[2, 0] = min(max(state[2, 0] + step_4, _KAPPA_MIN), _KAPPA_MAX)


@jit_leaf
def _minimise(states, basis, image, errors, matrices, gradients, inverse, work):
    """Minimise from states[0]; the sum of squares, and which of the states has it."""
    damping, here = _DAMPING, 0
    best = _sums(states[0], basis, image, errors, matrices[0], gradients[0], work)
    for _ in range(_STEPS):
        other = 1 - here
        value = np.inf
        if _invert(matrices[here], damping, inverse, work[8:13]):
            _move(states[here], basis, inverse, gradients[here], states[other])
            value = _sums(
                states[other], basis, image, errors, matrices[other], gradients[other], work
            )
        if value <= best:
            done = best - value <= _PRECISION * (1.0 + value)
            here, best, damping = other, value, 0.1 * damping
            if done:
                break
        else:
            damping *= 10.0
            if damping > _DAMPED_OUT:
                break
    return best, here


@jit_leaf
def _found(covariance, source):
    """Tell whether direction and core are known, and the shower comes from above."""
    return (
        covariance[0, 0] + covariance[1, 1] < 2.0 * _LOST_RAD2
        and covariance[2, 2] + covariance[3, 3] < 2.0 * _LOST_M2
        and source[2] > 0.0
    )


@jit
def fit_axis(first, centre, along, position_m, across_rad, axis_rad, along_rad, start, basis):
    """Fit showers to the images of events (kernel).

    Parameters
    ----------
    first : ndarray of int64, shape (n_events + 1,)
        First image of each event.
    centre, along : ndarray of float64, shape (n, 3)
        `iactflow.stereo.frames.image_axes`.
    position_m : ndarray of float64, shape (n, 3)
        Telescopes: north, west, up.
    across_rad, axis_rad, along_rad : ndarray of float64, shape (n,)
        `iactflow.stereo.image_errors.ImageErrors`.
    start : ndarray of float64, shape (n_events, 3, 3)
        Rows: direction, point of the axis, (kappa, -, -); not a number: no fit.
    basis : ndarray of float64, shape (n_events, 2, 3)
        Two perpendicular unit vectors, both perpendicular to a direction near the shower's.

    Returns
    -------
    FitResult
        Events with fewer than two images are not a number.
    """
    n_events, n = first.size - 1, centre.shape[0]
    direction, maximum = np.full((n_events, 3), np.nan), np.full((n_events, 3), np.nan)
    core, covariance = np.full((n_events, 2), np.nan), np.full((n_events, _N, _N), np.nan)
    chi2, n_dof = np.full(n_events, np.nan), np.zeros(n_events, dtype=np.int64)
    image, errors = np.empty((n, 3, 3)), np.empty((n, 3))
    for i in range(n):
        image[i, 0], image[i, 1], image[i, 2] = centre[i], along[i], position_m[i]
        errors[i, 0], errors[i, 1], errors[i, 2] = across_rad[i], axis_rad[i], along_rad[i]
    states, matrices, gradients = np.zeros((2, 3, 3)), np.empty((2, _N, _N)), np.empty((2, _N))
    inverse, work = np.empty((_N, _N)), np.empty((13, _N))
    for event in range(n_events):
        begin, end = first[event], first[event + 1]
        if end - begin < 2 or not np.isfinite(start[event, 0, 0] + start[event, 1, 0]):
            continue
        states[0] = start[event]
        value, here = _minimise(
            states, basis[event], image[begin:end], errors[begin:end],
            matrices, gradients, inverse, work,
        )  # fmt: skip
        source, point = states[here, 0], states[here, 1]
        if not _invert(matrices[here], 0.0, inverse, work[8:13]) or not _found(inverse, source):
            continue
        direction[event], chi2[event], n_dof[event] = source, value, 3 * (end - begin) - _N
        covariance[event] = inverse
        down = point[2] / source[2]
        core[event, 0], core[event, 1] = point[0] - down * source[0], point[1] - down * source[1]
        maximum[event] = point + source / states[here, 2, 0]
    return FitResult(direction, core, maximum, covariance, chi2, n_dof)
