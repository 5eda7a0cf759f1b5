"""Gains from the statistics of photoelectrons: the F-factor method, and its slope over intensities.

N photoelectrons in the mean, Poisson distributed, give the charge g N and the variance
g^2 N F^2 + b^2 g^2 N^2 + V: F^2 = <a^2> / <a>^2 is the excess noise of single amplitudes, b the
relative spread of the light itself, V the variance of the pedestal. So g = (var - V - b^2 mean^2) /
(F^2 mean) (Mirzoyan, Proc. 25th ICRC 7 (1997) 265; Bencheikh et al., NIM A 315 (1992) 349); over
several intensities g F^2 is the slope of the variance against the mean. What all pixels fluctuate
by together is the light's own spread, and is found from their covariance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.calibration.moments import Moments
from iactflow.errors import InputError

__all__ = ["Gains", "common_spread", "photostatistics_gains", "slope_gains"]

ROUNDS = 3


class Gains(NamedTuple):
    """Gains of pixels.

    Attributes
    ----------
    gain_adu, error_adu : ndarray of float64, shape (n_pixels,)
        Counts per mean photoelectron and standard error; not a number where there is no signal.
    light_pe : ndarray of float64, shape (n_pixels,)
        Mean photoelectrons of the pulses; of the brightest intensity where there are several.
    """

    gain_adu: np.ndarray
    error_adu: np.ndarray
    light_pe: np.ndarray


def common_spread(charge_adu: np.ndarray, usable: np.ndarray) -> float:
    """Squared relative spread that all pixels of a camera share: that of the light itself.

    Parameters
    ----------
    charge_adu : ndarray of float, shape (n_events, n_pixels)
        Charges less pedestals.
    usable : ndarray of bool, shape (n_pixels,)
        Pixels with signal, read out in every event.

    Returns
    -------
    float
        Mean covariance of two pixels over the product of their means; of no common spread it is 0
        within its error, on either side.

    Raises
    ------
    InputError
        If there are fewer than two pixels or events.
    """
    charge = charge_adu[:, usable].astype(np.float64)
    if min(charge.shape) < 2:
        raise InputError("calibration", "events and pixels", charge.shape, "at least 2 of each")
    mean = charge.mean(axis=0)
    # Pixels with equal weight, whatever their gain.
    relative = charge / mean
    together = np.var(relative.sum(axis=1), ddof=1) - np.var(relative, axis=0, ddof=1).sum()
    return float(together / (mean.size * (mean.size - 1.0)))


def photostatistics_gains(
    signal: Moments,
    pedestal: Moments,
    channel: int,
    excess_noise: float,
    spread_squared: float = 0.0,
) -> Gains:
    """Gains from one intensity of light.

    Parameters
    ----------
    signal : Moments
        Charges of light pulses, on the same scale as those of the pedestal.
    pedestal : Moments
        Charges without light in the same window.
    channel : int
        Gain channel.
    excess_noise : float
        F^2, from the distribution of single photoelectrons.
    spread_squared : float, optional
        Squared relative spread of the light, see `common_spread`.

    Returns
    -------
    Gains
        Errors include the covariance of mean and variance, and those of the pedestal.

    Raises
    ------
    InputError
        If the excess noise is below 1.
    """
    if not excess_noise >= 1.0:
        raise InputError("calibration", "excess_noise", excess_noise, "1 or more")
    light, dark = _of_channel(signal, channel), _of_channel(pedestal, channel)
    mean = light.mean - dark.mean
    mean = np.where(mean > 0.0, mean, np.nan)
    extra = light.variance - dark.variance - spread_squared * mean**2
    gain = extra / (excess_noise * mean)
    # g = (v - V - b^2 (m - M)^2) / (F^2 (m - M)); the derivative by m - M:
    slope = -(gain * excess_noise / mean + 2.0 * spread_squared) / excess_noise
    inverse = 1.0 / (excess_noise * mean)
    squared = np.zeros_like(mean)
    for moments in (light, dark):
        # Both m and v (M and V) enter with one sign each, so their covariance does with plus.
        squared += inverse**2 * moments.variance_variance + slope**2 * moments.mean_variance
        squared += 2.0 * inverse * slope * moments.covariance
    good = gain > 0.0
    light_pe = np.divide(mean, gain, out=np.full_like(mean, np.nan), where=good)
    error = np.sqrt(np.maximum(squared, 0.0))
    return Gains(np.where(good, gain, np.nan), np.where(good, error, np.nan), light_pe)


def _of_channel(moments: Moments, channel: int) -> Moments:
    return Moments(*(values[channel] for values in moments))


def slope_gains(
    signals: list[Moments],
    pedestal: Moments,
    channel: int,
    excess_noise: float,
    spread_squared: float = 0.0,
) -> Gains:
    """Gains from the slope of variance against mean over several intensities of light.

    Parameters
    ----------
    signals : list of Moments
        Charges of light pulses, one per intensity, at least two.
    pedestal : Moments
        Charges without light in the same window: their mean is taken off, their variance is left
        to the intercept.
    channel : int
        Gain channel.
    excess_noise : float
        F^2.
    spread_squared : float, optional
        As for `photostatistics_gains`, for all intensities.

    Returns
    -------
    Gains
        Straight line with weights from the errors of variance and mean and their covariance.

    Raises
    ------
    InputError
        If there are fewer than two intensities or the excess noise is below 1.
    """
    if len(signals) < 2:
        raise InputError("calibration", "intensities", len(signals), "at least 2")
    if not excess_noise >= 1.0:
        raise InputError("calibration", "excess_noise", excess_noise, "1 or more")
    levels = [_of_channel(moments, channel) for moments in signals]
    x = np.array([m.mean for m in levels]) - pedestal.mean[channel]
    y = np.array([m.variance for m in levels]) - spread_squared * x**2
    var_y, var_x, both = (
        np.array([getattr(m, name) for m in levels])
        for name in ("variance_variance", "mean_variance", "covariance")
    )
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    for _ in range(ROUNDS):
        steep = slope + 2.0 * spread_squared * x
        weight = 1.0 / (var_y + steep**2 * var_x - 2.0 * steep * both)
        total = weight.sum(axis=0)
        middle = (weight * x).sum(axis=0) / total
        lever = weight * (x - middle)
        spread = (lever * x).sum(axis=0)
        slope = (lever * y).sum(axis=0) / spread
    good = slope > 0.0
    gain = np.where(good, slope / excess_noise, np.nan)
    error = np.where(good, np.sqrt(1.0 / np.abs(spread)) / excess_noise, np.nan)
    return Gains(gain, error, x.max(axis=0) / gain)
