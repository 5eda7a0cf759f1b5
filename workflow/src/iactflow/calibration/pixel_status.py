"""Which pixels can be used, and why the others cannot.

Bits of the column ``status`` of the table ``calibration``; a pixel without any is usable. Limits
on what fluctuates are set so that a camera of good pixels loses one with the false-alarm
probability given: deviations from the camera's median are compared with the quantile of a Gaussian
at that probability over the number of pixels (Bonferroni), their width from the median of absolute
deviations. Pixels differ for more reasons than noise, and that width has it all. A value's own
statistical error, where it is larger, takes the place of this width: one large after-pulse in a
pixel's pedestals is no bright pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from iactflow.calibration.flatfield import MAD_TO_STD
from iactflow.calibration.moments import Moments
from iactflow.errors import InputError

__all__ = [
    "BITS",
    "BRIGHT",
    "DEAD",
    "NOISY",
    "NO_GAIN",
    "PEDESTAL",
    "StatusSettings",
    "outliers",
    "pixel_status",
]

#: No light of the pulser: less than a part of the median, or within its own noise.
DEAD = 1
#: Wide pedestals in high gain: a star, light that leaks in; or noise, where there is one channel.
BRIGHT = 2
#: Wide pedestals that light does not explain: in low gain, where light hardly shows.
NOISY = 4
#: No gain could be found, or one far from the others'.
NO_GAIN = 8
#: Pedestals that are too narrow, do not fluctuate at all or could not be measured.
PEDESTAL = 16

BITS = {"dead": DEAD, "bright": BRIGHT, "noisy": NOISY, "no gain": NO_GAIN, "pedestal": PEDESTAL}


class StatusSettings(NamedTuple):
    """Criteria.

    Attributes
    ----------
    false_alarm_probability : float
        That a camera of good pixels loses one to a criterion, for criteria on what fluctuates.
    min_signal_part : float
        Least signal of the pulser over the camera's median.
    max_gain_factor : float
        Largest gain over the median, and median over the least gain.
    """

    false_alarm_probability: float = 1e-3
    min_signal_part: float = 0.2
    max_gain_factor: float = 2.0


def outliers(value: np.ndarray, error: np.ndarray, false_alarm_probability: float):
    """Find what lies far above and far below the others.

    Parameters
    ----------
    value : ndarray of float64, shape (n_pixels,)
        What should be alike; not a number where unknown.
    error : ndarray of float64, shape (n_pixels,)
        Standard errors of the values.
    false_alarm_probability : float
        That among Gaussian values one is found on one of the sides, inside (0, 1).

    Returns
    -------
    above, below : ndarray of bool, shape (n_pixels,)
        Outliers on either side; none where the values have no spread.

    Raises
    ------
    InputError
        If the probability is out of range.
    """
    if not 0.0 < false_alarm_probability < 1.0:
        allowed = "inside (0, 1)"
        key = "false_alarm_probability"
        raise InputError("calibration", key, false_alarm_probability, allowed)
    known = np.isfinite(value)
    if not known.any():
        return np.zeros(value.shape, dtype=bool), np.zeros(value.shape, dtype=bool)
    middle = np.median(value[known])
    spread = MAD_TO_STD * np.median(np.abs(value[known] - middle))
    width = np.maximum(spread, np.where(known, error, 0.0))
    limit = -ndtri(false_alarm_probability / (2.0 * known.sum())) * width
    deviation = np.where(known & (width > 0.0), value - middle, 0.0)
    return deviation > limit, deviation < -limit


def _wide_and_narrow(variance, variance_error, probability):
    """Pixels with far wider and far narrower pedestals: variances differ by factors."""
    positive = variance > 0.0
    logarithm = np.log(variance, out=np.full(variance.shape, np.nan), where=positive)
    error = np.divide(variance_error, variance, out=np.zeros(variance.shape), where=positive)
    wide, narrow = outliers(logarithm, error, probability)
    return wide, narrow | ~positive


def pixel_status(
    signal_adu: np.ndarray,
    signal_error_adu: np.ndarray,
    gain_adu: np.ndarray,
    dark: Moments,
    settings: StatusSettings,
) -> np.ndarray:
    """Judge the pixels of a camera.

    Parameters
    ----------
    signal_adu, signal_error_adu : ndarray of float64, shape (n_pixels,)
        Mean charge of the pulser's light in high gain and its standard error.
    gain_adu : ndarray of float64, shape (n_channels, n_pixels)
        Counts per photoelectron; not a number where there is none.
    dark : Moments
        Charges without light.
    settings : StatusSettings
        Criteria.

    Returns
    -------
    ndarray of uint8, shape (n_channels, n_pixels)
        Bits; `DEAD`, `BRIGHT` and `PEDESTAL` of the high gain count for both channels.

    Raises
    ------
    InputError
        If the false-alarm probability is out of range.
    """
    probability = settings.false_alarm_probability
    status = np.zeros(gain_adu.shape, dtype=np.uint8)
    known = np.isfinite(signal_adu)
    middle = np.median(signal_adu[known]) if known.any() else np.inf
    limit = -ndtri(probability / signal_adu.size) * signal_error_adu
    lit = known & (signal_adu > settings.min_signal_part * middle) & (signal_adu > limit)
    status[:, ~lit] |= DEAD
    error = np.sqrt(dark.variance_variance)
    wide, narrow = _wide_and_narrow(dark.variance[0], error[0], probability)
    status[:, wide] |= BRIGHT
    status[:, narrow] |= PEDESTAL
    if len(gain_adu) > 1:
        # What light adds to the high gain it adds to the low one by the squared ratio less.
        extra = dark.variance[0] - np.nanmedian(dark.variance[0])
        light = np.where(wide, extra * (gain_adu[1] / gain_adu[0]) ** 2, 0.0)
        rest = dark.variance[1] - np.where(np.isfinite(light), light, 0.0)
        status[:, _wide_and_narrow(rest, error[1], probability)[0]] |= NOISY
    for channel, gain in enumerate(gain_adu):
        good = np.isfinite(gain) & lit
        factor = gain / np.median(gain[good]) if good.any() else np.full(gain.shape, np.nan)
        inside = (factor < settings.max_gain_factor) & (factor > 1.0 / settings.max_gain_factor)
        status[channel, ~inside] |= NO_GAIN
    return status
