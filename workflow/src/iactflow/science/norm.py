"""One free normalisation: the fit behind flux points and light curves.

With the shape of the spectrum held fixed the W statistic (XSPEC manual, appendix B) is a convex
function of one number, the norm that multiplies the expected signal. Its minimum is the zero of
the slope; errors and limits are where it has risen by the square of the significance (Wilks 1938,
Ann. Math. Statist. 9, 60; one parameter), as gammapy's flux-point estimator defines them. A norm
may be negative: the background then takes up the difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iactflow._jit import jit
from iactflow.science.folding import wstat_sum
from iactflow.science.statistics import wstat_slope_bin

__all__ = ["NormFit", "fit_norm", "norm_profile"]

_MAX_STEPS = 200


@jit
def _slope(norm, mu, n_on, n_off, alpha):
    slope, curvature = 0.0, 0.0
    for j in range(mu.size):
        if mu[j] > 0.0:
            first, second = wstat_slope_bin(n_on[j], n_off[j], alpha[j], norm * mu[j])
            slope += mu[j] * first
            curvature += mu[j] * mu[j] * second
    return slope, curvature


@jit
def _minimum(mu, n_on, n_off, alpha):
    """Norm of the least statistic: bracketed Newton steps on the slope."""
    nudge = 1e-10 / np.max(mu)
    at_zero = _slope(0.0, mu, n_on, n_off, alpha)[0]
    if at_zero == 0.0 or (at_zero > 0.0 and _slope(-nudge, mu, n_on, n_off, alpha)[0] < 0.0):
        return 0.0
    low, high = 0.0, 0.0
    reach = 1.0 / np.sum(mu)
    if at_zero > 0.0:
        low = -reach
        while _slope(low, mu, n_on, n_off, alpha)[0] > 0.0:
            high, low = low, 2.0 * low
    else:
        high = reach
        while _slope(high, mu, n_on, n_off, alpha)[0] < 0.0:
            low, high = high, 2.0 * high
    norm = 0.5 * (low + high)
    for _ in range(_MAX_STEPS):
        slope, curvature = _slope(norm, mu, n_on, n_off, alpha)
        if slope > 0.0:
            high = norm
        else:
            low = norm
        step = norm - slope / curvature if curvature > 0.0 else low
        if not low < step < high:
            step = 0.5 * (low + high)
        if abs(step - norm) <= 1e-13 * max(abs(low), abs(high)):
            break
        norm = step
    return norm


@jit
def _crossing(norm, best, delta, direction, mu, n_on, n_off, alpha):
    """Distance at which the statistic has risen by delta: Newton from outside, on a convex rise."""
    if delta <= 0.0:
        return 0.0
    step = direction / np.sum(mu)
    while wstat_sum(n_on, n_off, alpha, (norm + step) * mu) - best < delta:
        step *= 2.0
        if abs(step) > 1e300:
            return np.nan
    for _ in range(_MAX_STEPS):
        excess = wstat_sum(n_on, n_off, alpha, (norm + step) * mu) - best - delta
        change = excess / _slope(norm + step, mu, n_on, n_off, alpha)[0]
        step -= change
        if abs(change) <= 1e-10 * abs(step):
            break
    return abs(step)


@jit
def _fit(mu, n_on, n_off, alpha, n_sigma, limit_sigma, result):
    norm = _minimum(mu, n_on, n_off, alpha)
    best = wstat_sum(n_on, n_off, alpha, norm * mu)
    curvature = _slope(norm, mu, n_on, n_off, alpha)[1]
    result[0] = norm
    result[1] = n_sigma * math.sqrt(2.0 / curvature) if curvature > 0.0 else np.nan
    result[2] = _crossing(norm, best, n_sigma**2, -1.0, mu, n_on, n_off, alpha)
    result[3] = _crossing(norm, best, n_sigma**2, 1.0, mu, n_on, n_off, alpha)
    result[4] = norm + _crossing(norm, best, limit_sigma**2, 1.0, mu, n_on, n_off, alpha)
    result[5] = best
    result[6] = wstat_sum(n_on, n_off, alpha, 0.0 * mu)


@jit
def _profile(norms, mu, n_on, n_off, alpha, result):
    for k in range(norms.size):
        result[k] = wstat_sum(n_on, n_off, alpha, norms[k] * mu)


@dataclass(frozen=True)
class NormFit:
    """A fitted normalisation; all NaN where nothing is expected.

    Attributes
    ----------
    norm : float
        Best norm.
    norm_err : float
        From the curvature; NaN where the statistic has a kink (no on counts).
    norm_errn, norm_errp : float
        Distances down and up at which the statistic has risen by the squared significance.
    norm_ul : float
        Upper limit.
    stat, stat_null : float
        W statistic at the best norm and at norm zero.
    """

    norm: float
    norm_err: float
    norm_errn: float
    norm_errp: float
    norm_ul: float
    stat: float
    stat_null: float

    @property
    def ts(self) -> float:
        """Test statistic against norm zero."""
        return max(self.stat_null - self.stat, 0.0) if self.stat == self.stat else math.nan

    @property
    def sqrt_ts(self) -> float:
        """Square root of the test statistic, negative for a negative norm."""
        return math.copysign(math.sqrt(self.ts), self.norm) if self.norm else 0.0


def _arrays(mu_signal, n_on, n_off, alpha):
    arrays = np.broadcast_arrays(*(np.asarray(a, float) for a in (mu_signal, n_on, n_off, alpha)))
    return tuple(np.ascontiguousarray(a).reshape(-1) for a in arrays)


def fit_norm(mu_signal, n_on, n_off, alpha, *, n_sigma=1.0, upper_limit_sigma=2.0):
    """Fit the normalisation of an expected signal to on-off counts.

    Parameters
    ----------
    mu_signal : (r,) array-like
        Signal counts expected at norm 1, not negative.
    n_on, n_off, alpha : (r,) array-like
        Counts in the on and off regions and on-to-off exposure ratio (positive).
    n_sigma : float
        Significance of the errors.
    upper_limit_sigma : float
        Significance of the upper limit: the statistic has risen by its square above the best.

    Returns
    -------
    NormFit
        Norm, errors, limit and statistics.

    Notes
    -----
    The asymmetric errors and the limit assume Wilks' theorem; with few counts their coverage
    is approximate.
    """
    arrays = _arrays(mu_signal, n_on, n_off, alpha)
    if not np.any(arrays[0] > 0):
        return NormFit(*[math.nan] * 7)
    result = np.empty(7)
    _fit(*arrays, float(n_sigma), float(upper_limit_sigma), result)
    return NormFit(*result.tolist())


def norm_profile(norms, mu_signal, n_on, n_off, alpha):
    """W statistic as a function of the norm.

    Parameters
    ----------
    norms : (k,) array-like
        Norms.
    mu_signal, n_on, n_off, alpha : (r,) array-like
        As for `fit_norm`.

    Returns
    -------
    (k,) ndarray
        W statistic summed over the bins.
    """
    norms = np.asarray(norms, dtype=np.float64)
    result = np.empty(norms.size)
    _profile(norms, *_arrays(mu_signal, n_on, n_off, alpha), result)
    return result
