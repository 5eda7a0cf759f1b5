"""Variability of a light curve: excess variance, fractional variability, constancy.

Excess variance and fractional variability follow Vaughan, Edelson, Warwick & Uttley (2003),
MNRAS 345, 1271, equations 8, 10 and B2.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

__all__ = ["constancy", "excess_variance", "fractional_variability"]


def excess_variance(flux, flux_err) -> float:
    """Variance of the flux beyond what the measurement errors explain.

    Parameters
    ----------
    flux : array_like
        Fluxes, shape (n,), any unit; bins without data are NaN.
    flux_err : array_like
        Symmetric errors, shape (n,), same unit.

    Returns
    -------
    float
        Sample variance minus mean squared error, unit of the flux squared. Negative when the
        scatter is smaller than the errors; NaN for fewer than two bins with data.

    Notes
    -----
    Vaughan et al. (2003), equation 8. The estimator takes the errors for Gaussian and of similar
    size: a light curve of few counts per bin is biased.
    """
    flux, flux_err = _with_data(flux, flux_err)
    if flux.size < 2:
        return float("nan")
    return float(np.var(flux, ddof=1) - np.mean(flux_err**2))


def fractional_variability(flux, flux_err) -> tuple[float, float]:
    """Fractional root mean square variability amplitude and its error.

    Parameters
    ----------
    flux : array_like
        Fluxes, shape (n,), any unit; bins without data are NaN.
    flux_err : array_like
        Symmetric errors, shape (n,), same unit.

    Returns
    -------
    value : float
        Amplitude, without unit; NaN when the excess variance is not positive or there are fewer
        than two bins with data.
    error : float
        Its error from the measurement errors alone, NaN with the value.

    Notes
    -----
    Vaughan et al. (2003), equations 10 and B2. The error does not hold the scatter between
    realisations of a red-noise process: two light curves of one source may differ by much more.
    """
    flux, flux_err = _with_data(flux, flux_err)
    excess = excess_variance(flux, flux_err)
    if not excess > 0:
        return float("nan"), float("nan")
    n, mean, mean_square_err = flux.size, np.mean(flux), np.mean(flux_err**2)
    value = np.sqrt(excess) / abs(mean)
    from_variance = np.sqrt(0.5 / n) * mean_square_err / (mean**2 * value)
    from_mean = np.sqrt(mean_square_err / n) / abs(mean)
    return float(value), float(np.hypot(from_variance, from_mean))


def constancy(flux, flux_err) -> tuple[float, int, float]:
    """Chi-square test of a constant flux.

    Parameters
    ----------
    flux : array_like
        Fluxes, shape (n,), any unit; bins without data are NaN.
    flux_err : array_like
        Symmetric errors, shape (n,), same unit.

    Returns
    -------
    chi2 : float
        Sum of squared deviations from the weighted mean in units of the errors; NaN for fewer
        than two bins with data.
    ndf : int
        Bins with data minus one, at least 0.
    p_value : float
        Probability of a larger chi2 at constant flux, NaN with chi2.
    """
    flux, flux_err = _with_data(flux, flux_err)
    ndf = max(flux.size - 1, 0)
    if ndf == 0:
        return float("nan"), 0, float("nan")
    mean = np.average(flux, weights=flux_err**-2.0)
    chi2 = float(np.sum(((flux - mean) / flux_err) ** 2))
    return chi2, ndf, float(chdtrc(ndf, chi2))


def _with_data(flux, flux_err):
    flux = np.asarray(flux, dtype=float)
    flux_err = np.asarray(flux_err, dtype=float)
    good = np.isfinite(flux) & np.isfinite(flux_err) & (flux_err > 0)
    return flux[good], flux_err[good]
