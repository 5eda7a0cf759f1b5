"""Goodness of fit and comparison of nested models.

W is distributed as chi-square only where every bin has many counts in the on and off regions; in
gamma-ray spectra the bins at high energy have not. The probability from chi-square is therefore an
indication, and the parametric bootstrap (Efron & Tibshirani 1993, An Introduction to the Bootstrap,
ch. 16) gives a p-value that does not rest on it: counts are drawn from the best fit, fitted again,
and their statistic compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, ndtri

from iactflow.science.fit import fit_model
from iactflow.science.statistics import wstat_background

__all__ = ["CAVEAT", "LikelihoodRatio", "bootstrap_p_value", "likelihood_ratio", "probability"]

CAVEAT = (
    "The W statistic follows chi-square only where every bin has many on and off counts; with "
    "few counts this probability is an indication, not a test."
)

#: Models that contain another one for certain values of their parameters.
NESTED = {("pl", "lp"), ("pl", "ecpl"), ("pl", "bpl")}


def probability(fit):
    """Chi-square probability of the statistic of a fit; see the caveat of this module.

    Parameters
    ----------
    fit : FitResult
        Fit.

    Returns
    -------
    float
        Probability of a larger statistic, if it were chi-square distributed.
    """
    return float(chdtrc(fit.ndf, max(fit.stat, 0.0)))


def bootstrap_p_value(data, fit, generator, n_samples=200):
    """Probability of a larger statistic, from counts drawn from the best fit.

    Parameters
    ----------
    data : FoldingData
        Data of the fit.
    fit : FitResult
        Fit.
    generator : numpy.random.Generator
        Random numbers, from a stream of the campaign.
    n_samples : int
        Number of sets of counts drawn and fitted.

    Returns
    -------
    float
        (1 + number of larger statistics) / (1 + n_samples).
    """
    signal = np.maximum(data.predict(fit.model, fit.values, fit.reference_tev), 0.0)
    off = wstat_background(data.n_on, data.n_off, data.alpha, signal)
    larger = 0
    for _ in range(n_samples):
        drawn = replace(
            data,
            n_on=generator.poisson(signal + data.alpha * off).astype(np.float64),
            n_off=generator.poisson(off).astype(np.float64),
        )
        refit = fit_model(drawn, fit.model, fit.reference_tev, start=fit.values)
        larger += refit.stat >= fit.stat
    return (1 + larger) / (1 + n_samples)


@dataclass(frozen=True)
class LikelihoodRatio:
    """Comparison of a model with a simpler one that it contains.

    Attributes
    ----------
    delta_stat : float
        Statistic of the simpler model less that of the other.
    ndf : int
        Parameters more.
    probability : float
        Of a larger difference if the simpler model were true (Wilks 1938).
    significance : float
        The same, in standard deviations of a two-sided normal test.
    """

    delta_stat: float
    ndf: int
    probability: float
    significance: float


def likelihood_ratio(null, alternative):
    """Likelihood-ratio test of nested models fitted to the same bins.

    Wilks 1938, Ann. Math. Statist. 9, 60. For a broken power law the break is undefined under
    the power law, so that its significance is overestimated.

    Parameters
    ----------
    null : FitResult
        The simpler model: a power law.
    alternative : FitResult
        The model that contains it.

    Returns
    -------
    LikelihoodRatio or None
        None when the models are not nested or were fitted to different bins.
    """
    same = ("n_bins", "energy_min_tev", "energy_max_tev")
    if (null.model, alternative.model) not in NESTED:
        return None
    if any(getattr(null, key) != getattr(alternative, key) for key in same):
        return None
    delta = null.stat - alternative.stat
    ndf = len(alternative.values) - len(null.values)
    chance = float(chdtrc(ndf, max(delta, 0.0)))
    if ndf == 1:
        significance = math.sqrt(max(delta, 0.0))
    else:
        significance = float(-ndtri(max(chance, 1e-300) / 2))
    return LikelihoodRatio(float(delta), ndf, chance, significance)
