"""Counting statistics: Li & Ma significance, W statistic, Cash statistic.

Sources: Li & Ma 1983, ApJ 272, 317, eq. 17 (`iactflow.response.significance`); Arnaud et
al., XSPEC manual, appendix B, "Poisson data with Poisson background" (W statistic: the background
of each bin is profiled out); Cash 1979, ApJ 228, 939, eq. 5.

With the on-to-off exposure ratio alpha, signal s and background b expected in the off region, the
likelihood of a bin is Poisson(n_on | s + alpha b) Poisson(n_off | b); W is minus twice its
logarithm at the best b, less the value for s + alpha b = n_on, b = n_off. W is convex in s, and
stays defined for s < 0 as long as some b >= 0 makes the on rate non-negative; flux points and
their errors rely on that.
"""

from __future__ import annotations

import math

import numpy as np

from iactflow._jit import jit
from iactflow.response.significance import broadcast_kernel, li_ma_bin, li_ma_significance

__all__ = [
    "cash",
    "cash_bin",
    "li_ma_bin",
    "li_ma_significance",
    "wstat",
    "wstat_background",
    "wstat_background_bin",
    "wstat_bin",
    "wstat_slope_bin",
]

#: Smallest expectation in the Cash statistic; the value gammapy and Sherpa use.
CASH_TRUNCATION = 1e-25


@jit
def wstat_background_bin(n_on, n_off, alpha, mu_signal):
    """Background expected in the off region that maximises the likelihood of a bin (kernel).

    The positive root of alpha (1 + alpha) b^2 - C b - n_off s = 0 with
    C = alpha (n_on + n_off) - (1 + alpha) s, in the form that does not cancel.

    Parameters
    ----------
    n_on, n_off : float
        Counts in the on and off regions.
    alpha : float
        On-to-off exposure ratio.
    mu_signal : float
        Signal counts expected in the on region.

    Returns
    -------
    float
        Background counts expected in the off region.
    """
    linear = alpha * (n_on + n_off) - (1.0 + alpha) * mu_signal
    quadratic = alpha * (1.0 + alpha)
    root = math.sqrt(max(linear * linear + 4.0 * quadratic * n_off * mu_signal, 0.0))
    if linear < 0.0 and mu_signal > 0.0:
        return 2.0 * n_off * mu_signal / (root - linear)
    return max((linear + root) / (2.0 * quadratic), 0.0)


@jit
def wstat_bin(n_on, n_off, alpha, mu_signal):
    """W statistic of one bin, with the terms that depend on the counts alone (kernel).

    Parameters
    ----------
    n_on, n_off : float
        Counts in the on and off regions.
    alpha : float
        On-to-off exposure ratio.
    mu_signal : float
        Signal counts expected in the on region.

    Returns
    -------
    float
        W statistic; NaN where alpha is not positive.
    """
    if not alpha > 0.0:
        return np.nan
    background = wstat_background_bin(n_on, n_off, alpha, mu_signal)
    value = mu_signal + (1.0 + alpha) * background
    if n_on > 0.0:
        value -= n_on * (math.log((mu_signal + alpha * background) / n_on) + 1.0)
    if n_off > 0.0:
        value -= n_off * (math.log(background / n_off) + 1.0)
    return 2.0 * value


@jit
def wstat_slope_bin(n_on, n_off, alpha, mu_signal):
    """First and second derivative of the W statistic by the expected signal (kernel).

    The background is stationary, so that dW/ds = 2 - 2 n_on / (s + alpha b), which equals
    (2 / alpha) (n_off / b - 1); the second form does not cancel for s < 0. With n_on = 0 the
    on rate is held at zero below s = -alpha n_off / (1 + alpha), and W has a kink there when
    n_off = 0 too: the slope is that to the right.

    Parameters
    ----------
    n_on, n_off : float
        Counts in the on and off regions.
    alpha : float
        On-to-off exposure ratio.
    mu_signal : float
        Signal counts expected in the on region.

    Returns
    -------
    slope, curvature : float
        dW/ds and d2W/ds2.
    """
    if n_on == 0.0 and mu_signal >= -alpha * n_off / (1.0 + alpha):
        return 2.0, 0.0
    if n_on == 0.0:
        return (
            2.0 / alpha * (-alpha * n_off / mu_signal - 1.0),
            2.0 * n_off / (mu_signal * mu_signal),
        )
    background = wstat_background_bin(n_on, n_off, alpha, mu_signal)
    if mu_signal < 0.0:
        slope = 2.0 / alpha * (n_off / background - 1.0)
    else:
        slope = 2.0 - 2.0 * n_on / (mu_signal + alpha * background)
    on_rate = n_on / (1.0 - 0.5 * slope)
    linear = alpha * (n_on + n_off) - (1.0 + alpha) * mu_signal
    root = math.sqrt(linear * linear + 4.0 * alpha * (1.0 + alpha) * n_off * mu_signal)
    if root == 0.0:
        return slope, 0.0
    step = -(1.0 + alpha) * linear + 2.0 * alpha * (1.0 + alpha) * n_off
    background_slope = (step / root - (1.0 + alpha)) / (2.0 * alpha * (1.0 + alpha))
    return slope, 2.0 * n_on / (on_rate * on_rate) * (1.0 + alpha * background_slope)


@jit
def cash_bin(n_on, mu_on):
    """Cash statistic of one bin (kernel).

    Parameters
    ----------
    n_on : float
        Counts.
    mu_on : float
        Expected counts; below ``CASH_TRUNCATION`` it is replaced by that.

    Returns
    -------
    float
        2 (mu - n ln mu).
    """
    expected = max(mu_on, CASH_TRUNCATION)
    return 2.0 * (expected - n_on * math.log(expected))


@jit
def _wstat_array(n_on, n_off, alpha, mu_signal, result):
    for i in range(result.size):
        result[i] = wstat_bin(n_on[i], n_off[i], alpha[i], mu_signal[i])


@jit
def _background_array(n_on, n_off, alpha, mu_signal, result):
    for i in range(result.size):
        result[i] = wstat_background_bin(n_on[i], n_off[i], alpha[i], mu_signal[i])


@jit
def _cash_array(n_on, mu_on, result):
    for i in range(result.size):
        result[i] = cash_bin(n_on[i], mu_on[i])


def wstat(n_on, n_off, alpha, mu_signal):
    """W statistic per bin: Poisson data with a Poisson background that is profiled out.

    Parameters
    ----------
    n_on, n_off : array-like
        Counts in the on and off regions; all arguments broadcast.
    alpha : array-like
        On-to-off exposure ratio.
    mu_signal : array-like
        Signal counts expected in the on region.

    Returns
    -------
    float or ndarray
        W statistic; NaN where alpha is not positive. It is distributed as chi-square only
        when the counts of each bin are many, and biased when the off counts are few.

    References
    ----------
    XSPEC manual, appendix B, "Poisson data with Poisson background".
    """
    return broadcast_kernel(_wstat_array, n_on, n_off, alpha, mu_signal)


def wstat_background(n_on, n_off, alpha, mu_signal):
    """Background that the W statistic profiles out, in counts of the off region.

    Parameters
    ----------
    n_on, n_off : array-like
        Counts in the on and off regions; all arguments broadcast.
    alpha : array-like
        On-to-off exposure ratio; must be positive.
    mu_signal : array-like
        Signal counts expected in the on region.

    Returns
    -------
    float or ndarray
        Background counts expected in the off region; times alpha, in the on region.
    """
    return broadcast_kernel(_background_array, n_on, n_off, alpha, mu_signal)


def cash(n_on, mu_on):
    """Cash statistic per bin: Poisson data with a known expectation.

    Parameters
    ----------
    n_on : array-like
        Counts; both arguments broadcast.
    mu_on : array-like
        Expected counts.

    Returns
    -------
    float or ndarray
        2 (mu - n ln mu), without terms of the counts alone.

    References
    ----------
    Cash 1979, ApJ 228, 939, eq. 5.
    """
    return broadcast_kernel(_cash_array, n_on, mu_on)
