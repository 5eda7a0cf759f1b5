"""Equal light, equal answer: flat-field factors and times of pixels.

Light of a pulser fills the camera evenly. A pixel's factor makes its photoelectrons those of the
mean pixel (Aharonian et al., Astropart. Phys. 22 (2004) 109, section 4.2); its time shift brings
its pulses to the camera's mean time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError

__all__ = ["FlatField", "TimeShifts", "flat_field", "keep_inliers", "time_shifts"]

MAX_ROUNDS = 20
# From the median of absolute deviations to the standard deviation of a Gaussian.
MAD_TO_STD = 1.482602218505602


class FlatField(NamedTuple):
    """Flat-field factors.

    Attributes
    ----------
    factor, error : ndarray of float64, shape (n_pixels,)
        Factor that makes photoelectrons of pixels equal, mean 1 over the pixels used, and its
        standard error (that of the pixel's own light; the camera's mean has next to none).
    mean_pe : float
        Mean photoelectrons of the pixels used: what every pixel then has.
    used : ndarray of bool, shape (n_pixels,)
        Pixels that the mean rests on.
    """

    factor: np.ndarray
    error: np.ndarray
    mean_pe: float
    used: np.ndarray


class TimeShifts(NamedTuple):
    """Times of pixels.

    Attributes
    ----------
    shift_ns, error_ns : ndarray of float64, shape (n_pixels,)
        To be added to times of the pixel, mean 0 over the pixels used; standard error.
    """

    shift_ns: np.ndarray
    error_ns: np.ndarray


def keep_inliers(value: np.ndarray, usable: np.ndarray, n_sigma: float) -> np.ndarray:
    """Reject pixels far from the others until none is.

    Parameters
    ----------
    value : ndarray of float64, shape (n_pixels,)
        What should be alike.
    usable : ndarray of bool, shape (n_pixels,)
        Pixels to begin with.
    n_sigma : float
        Distance from the median in standard deviations, these from the median of absolute
        deviations, beyond which a pixel is rejected.

    Returns
    -------
    ndarray of bool, shape (n_pixels,)
        Pixels that are left.

    Raises
    ------
    InputError
        If no pixel is usable.
    """
    kept = usable & np.isfinite(value)
    if not kept.any():
        raise InputError("calibration", "usable pixels", 0, "at least one")
    for _ in range(MAX_ROUNDS):
        middle = np.median(value[kept])
        spread = MAD_TO_STD * np.median(np.abs(value[kept] - middle))
        if not spread > 0.0:
            return kept
        inside = kept & (np.abs(value - middle) <= n_sigma * spread)
        if np.array_equal(inside, kept):
            break
        kept = inside
    return kept


def flat_field(
    mean_adu: np.ndarray,
    error_adu: np.ndarray,
    gain_adu: np.ndarray,
    usable: np.ndarray,
    n_sigma: float = 5.0,
) -> FlatField:
    """Flat-field factors from the mean charges of even light.

    Parameters
    ----------
    mean_adu, error_adu : ndarray of float64, shape (n_pixels,)
        Mean charge less the pedestal and its standard error.
    gain_adu : ndarray of float64, shape (n_pixels,)
        Counts per photoelectron.
    usable : ndarray of bool, shape (n_pixels,)
        Pixels with signal and gain.
    n_sigma : float, optional
        See `keep_inliers`.

    Returns
    -------
    FlatField
        Factors; not a number for pixels without signal. ``factor / gain`` times the charge is the
        light of the mean pixel, and does not depend on the pixel's own gain.

    Raises
    ------
    InputError
        If no pixel is usable.
    """
    known = usable & (mean_adu > 0.0) & (gain_adu > 0.0)
    light = np.full(mean_adu.shape, np.nan)
    light[known] = mean_adu[known] / gain_adu[known]
    used = keep_inliers(light, known, n_sigma)
    factor = 1.0 / light
    factor /= np.mean(factor[used])
    return FlatField(factor, factor * error_adu / mean_adu, float(np.mean(light[used])), used)


def time_shifts(time_ns: np.ndarray, usable: np.ndarray, n_sigma: float = 5.0) -> TimeShifts:
    """Time shifts from pulses of light that reaches all pixels at the same time.

    Parameters
    ----------
    time_ns : ndarray of float64, shape (n_events, n_pixels)
        Times of pulses; not a number where there is none.
    usable : ndarray of bool, shape (n_pixels,)
        Pixels with signal.
    n_sigma : float, optional
        See `keep_inliers`.

    Returns
    -------
    TimeShifts
        Not a number for pixels that are not usable or have fewer than two pulses.

    Raises
    ------
    InputError
        If no pixel is usable or no event has a pulse.
    """
    # The pulser's own jitter is common to all pixels of an event.
    with_pulses = np.isfinite(time_ns[:, usable]).any(axis=1)
    if not with_pulses.any():
        raise InputError("calibration", "pulse times", 0, "a pulse in a usable pixel")
    relative = time_ns[with_pulses]
    relative = relative - np.nanmedian(relative[:, usable], axis=1, keepdims=True)
    known = np.isfinite(relative)
    n = np.where(usable, known.sum(axis=0), 0).astype(np.float64)
    n[n < 2] = np.nan
    mean = np.where(known, relative, 0.0).sum(axis=0) / n
    square = np.where(known, relative - mean, 0.0) ** 2
    error = np.sqrt(square.sum(axis=0) / (n - 1.0) / n)
    used = keep_inliers(mean, usable, n_sigma)
    return TimeShifts(np.mean(mean[used]) - mean, error)
