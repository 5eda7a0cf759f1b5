"""Moments of charges and their statistical errors; sums of samples that they are made of.

Errors of mean, variance and of both together are those of any distribution with four moments
(Kenney and Keeping, Mathematics of Statistics II (1951), section 7): charges under the night sky
are no Gaussians, and their variance fluctuates by more than that of one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit
from iactflow.errors import InputError

__all__ = ["Moments", "charge_moments", "window_sums"]


class Moments(NamedTuple):
    """Moments of the charges of pixels over events.

    Attributes
    ----------
    n : ndarray of int64, shape (n_channels, n_pixels)
        Events.
    mean : ndarray of float64, shape (n_channels, n_pixels)
        Mean.
    variance : ndarray of float64, shape (n_channels, n_pixels)
        Unbiased variance.
    third, fourth : ndarray of float64, shape (n_channels, n_pixels)
        Central moments.
    """

    n: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    third: np.ndarray
    fourth: np.ndarray

    @property
    def mean_variance(self) -> np.ndarray:
        """Variance of the mean.

        Returns
        -------
        ndarray of float64, shape (n_channels, n_pixels)
            Squared standard error.
        """
        return self.variance / self.n

    @property
    def variance_variance(self) -> np.ndarray:
        """Variance of the variance.

        Returns
        -------
        ndarray of float64, shape (n_channels, n_pixels)
            ``(m4 - m2^2 (n - 3) / (n - 1)) / n``.
        """
        return (self.fourth - self.variance**2 * (self.n - 3) / (self.n - 1)) / self.n

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of mean and variance.

        Returns
        -------
        ndarray of float64, shape (n_channels, n_pixels)
            ``m3 / n``.
        """
        return self.third / self.n


def charge_moments(charge_adu: np.ndarray) -> Moments:
    """Moments over events.

    Parameters
    ----------
    charge_adu : ndarray of float, shape (n_events, n_channels, n_pixels)
        Charges; not a number where a pixel was not read out.

    Returns
    -------
    Moments
        Not a number in pixels with fewer than four events.

    Raises
    ------
    InputError
        If there are fewer than four events.
    """
    if len(charge_adu) < 4:
        raise InputError("calibration", "events", len(charge_adu), "at least 4")
    shape = charge_adu.shape[1:]
    result = np.full((5, *shape), np.nan)
    for channel in range(shape[0]):
        charge = charge_adu[:, channel].astype(np.float64)
        known = np.isfinite(charge)
        n = known.sum(axis=0)
        enough = np.where(n >= 4, n, np.nan)
        mean = np.where(known, charge, 0.0).sum(axis=0) / enough
        deviation = np.where(known, charge - mean, 0.0)
        square = deviation**2
        result[0, channel] = n
        result[1, channel] = mean
        result[2, channel] = square.sum(axis=0) / (enough - 1.0)
        result[3, channel] = (square * deviation).sum(axis=0) / enough
        result[4, channel] = (square**2).sum(axis=0) / enough
    return Moments(result[0].astype(np.int64), *result[1:])


@jit
def window_sums(adc, baseline, first, width):
    """Charges and times of pulses in windows of samples.

    Parameters
    ----------
    adc : ndarray of uint16 or uint32, shape (n, n_channels, n_pixels, n_samples)
        Counts.
    baseline : ndarray of float64, shape (n_channels, n_pixels)
        Pedestal per sample.
    first : ndarray of int64, shape (n_channels, n_pixels)
        First sample of the window, which lies inside the read-out.
    width : int
        Samples of the window.

    Returns
    -------
    charge : ndarray of float64, shape (n, n_channels, n_pixels)
        Sum of the samples less the pedestal.
    centre : ndarray of float64, shape (n, n_channels, n_pixels)
        Their centre of gravity in samples from the first of the read-out; not a number where the
        charge is not above 0.
    """
    n, n_channels, n_pixels, _ = adc.shape
    charge = np.empty((n, n_channels, n_pixels))
    centre = np.empty((n, n_channels, n_pixels))
    for event in range(n):
        for channel in range(n_channels):
            for pixel in range(n_pixels):
                total, moment = 0.0, 0.0
                low = baseline[channel, pixel]
                begin = first[channel, pixel]
                for sample in range(begin, begin + width):
                    signal = np.float64(adc[event, channel, pixel, sample]) - low
                    total += signal
                    moment += signal * sample
                charge[event, channel, pixel] = total
                centre[event, channel, pixel] = moment / total if total > 0.0 else np.nan
    return charge, centre
