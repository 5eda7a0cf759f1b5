"""Two samples of showers from the same primaries: does the light on the ground agree?

Theirs is one shower per primary, ours an ensemble of many for each, so the fluctuation from shower
to shower is taken from ours. With N_ib the light of primary i in bin b, theirs differs from our
mean by ``d_b = sum_i (N_ib - mean_ib)``; its covariance is the sum over primaries of our ensemble's
covariance, enlarged by 1 / M for the error of our mean over M showers, plus what bunches of weight
w add to the fluctuations of ours of weight v, ``(w - v) mean``. The statistic is ``d C^-1 d``. Its
distribution under the hypothesis comes from pseudo-experiments: one of our showers per primary
plays theirs, and is left out of mean and covariance. Showers fluctuate far from normally when there
are few of them; this way the probability does not depend on it.
"""

from __future__ import annotations

import math

import numpy as np

from iactflow.shower.compare_sums import (
    ACROSS,
    ACROSS_EDGES_DEG,
    DELAY,
    DELAY_EDGES_NS,
    LIGHT,
    LIGHT_2,
    OUTWARD,
    OUTWARD_EDGES_DEG,
)

__all__ = ["CONTAINMENT", "MIN_BUNCHES", "N_PSEUDO", "QUANTILES", "compare", "quantiles"]

N_PSEUDO = 2000
# A bin qualifies when our mean light is worth this many of their bunches: a limit that does not
# look at what they found there.
MIN_BUNCHES = 50.0
# The part of the light that a standard deviation of a normal distribution holds.
CONTAINMENT = 0.6827
QUANTILES = (
    "outward_median_deg",
    "outward_spread_deg",
    "across_68_deg",
    "delay_median_ns",
    "delay_spread_ns",
)


def _quantile(histogram, edges, part):
    """Quantile of histograms, shape (..., n): linear inside bins; not a number without light."""
    cumulative = np.cumsum(histogram, axis=-1, dtype=np.float64)
    target = part * cumulative[..., -1]
    place = np.argmax(cumulative >= target[..., None], axis=-1)
    upper = np.take_along_axis(cumulative, place[..., None], -1)[..., 0]
    inside = np.take_along_axis(histogram, place[..., None], -1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return edges[place + 1] - (upper - target) / inside * (edges[place + 1] - edges[place])


def quantiles(sums) -> np.ndarray:
    """Quantiles of direction and time.

    Parameters
    ----------
    sums : ndarray, shape (..., N_SUMS)
        Sums of `iactflow.shower.compare_sums`.

    Returns
    -------
    ndarray, shape (..., 5)
        Median angle away from the axis and half the width of its central 68 %; size of the angle
        across that holds 68 %; median delay and half the width of its central 68 %. Not a number
        without light.
    """
    outward, delay = (
        [_quantile(sums[..., columns], edges, 0.5 + side * CONTAINMENT / 2.0)
         for side in (-1.0, 0.0, 1.0)]
        for columns, edges in ((OUTWARD, OUTWARD_EDGES_DEG), (DELAY, DELAY_EDGES_NS))
    )  # fmt: skip
    across = _quantile(sums[..., ACROSS], ACROSS_EDGES_DEG, CONTAINMENT)
    spread, spread_ns = (0.5 * (high - low) for low, _, high in (outward, delay))
    return np.stack([outward[1], spread, across, delay[1], spread_ns], axis=-1)


def compare(theirs, ours, area_m2, edges_m, generator) -> dict:
    """Compare their showers with ours.

    Parameters
    ----------
    theirs : ndarray of float64, shape (n, n_bins, N_SUMS)
        Sums of each of their showers.
    ours : list of ndarray of float64, shape (M, n_bins, N_SUMS)
        For each of theirs, sums of our showers of the same primary.
    area_m2 : ndarray of float64, shape (n_bins,)
        Cross-section of all spheres per bin, all their showers together.
    edges_m : ndarray of float64, shape (n_bins + 1,)
        Edges of the bins.
    generator : numpy.random.Generator
        For pseudo-experiments.

    Returns
    -------
    dict
        ``total_light``, ``bins``, ``chi_square``, ``ndf``, ``p_value``, ``n_qualifying_bins``.
    """
    light = theirs[..., LIGHT].sum(axis=0)
    squares = theirs[..., LIGHT_2].sum(axis=0)
    mean = np.sum([sample[..., LIGHT].mean(axis=0) for sample in ours], axis=0)
    weight = squares.sum() / light.sum() if light.sum() > 0.0 else 1.0
    own = sum(s[..., LIGHT_2].sum() / len(s) for s in ours) / max(mean.sum(), 1.0e-300)
    bunches = max(weight - own, 0.0) * mean
    covariance = sum(
        np.cov(s[..., LIGHT], rowvar=False, ddof=1).reshape(2 * (mean.size,)) for s in ours
    )
    error = sum(
        np.cov(s[..., LIGHT], rowvar=False, ddof=1).reshape(2 * (mean.size,)) / len(s) for s in ours
    )
    good = mean / weight >= MIN_BUNCHES
    pseudo = _pseudo_experiments([s[..., LIGHT] for s in ours], bunches, good, generator)
    total = covariance + error + np.diag(bunches)
    result = {
        "total_light": _total(light.sum(), mean.sum(), total.sum(), error.sum(), pseudo[1]),
        "n_qualifying_bins": int(good.sum()),
        "min_bunches": MIN_BUNCHES,
        "photons_per_bunch": float(weight),
        **_chi_square((light - mean)[good], total[np.ix_(good, good)], pseudo[0]),
    }
    result["bins"] = _bins(theirs, ours, area_m2, edges_m, good, total, error, generator)
    return result


def _total(theirs, ours, variance, error, pseudo):
    """All light, in bins or not."""
    sigma = math.sqrt(variance)
    deviation = (ours - theirs) / sigma if sigma > 0.0 else 0.0
    outside = np.count_nonzero(np.abs(pseudo) >= abs(theirs - ours))
    ratio = ours / theirs if theirs > 0.0 else math.nan
    return {
        "theirs_photons": float(theirs),
        "ours_photons": float(ours),
        "ratio": ratio,
        "ratio_error": ratio * sigma / ours if ours > 0.0 else math.nan,
        "ours_error_photons": math.sqrt(error),
        "deviation_sigma": deviation,
        "p_value": (1.0 + outside) / (1.0 + len(pseudo)),
    }


def _chi_square(difference, covariance, pseudo):
    if not difference.size:
        return {"chi_square": None, "ndf": 0, "p_value": None}
    value = float(difference @ np.linalg.solve(covariance, difference))
    beyond = np.count_nonzero(pseudo >= value)
    return {
        "chi_square": value,
        "ndf": int(difference.size),
        "p_value": (1.0 + beyond) / (1.0 + len(pseudo)),
    }


def _pseudo_experiments(samples, bunches, good, generator):
    """Statistic and total deviation of our own showers in the place of theirs."""
    n = N_PSEUDO
    difference = np.zeros((n, bunches.size))
    covariance = np.zeros((n, bunches.size, bunches.size))
    for sample in samples:
        m = len(sample)
        offset = sample - sample.mean(axis=0)
        scatter = offset.T @ offset
        drawn = offset[generator.integers(m, size=n)]
        # Mean and covariance of the others, by what leaving one out takes from them.
        difference += drawn * m / (m - 1.0)
        others = scatter - drawn[:, :, None] * drawn[:, None, :] * m / (m - 1.0)
        covariance += others / (m - 2.0) * (1.0 + 1.0 / (m - 1.0))
    difference += generator.normal(size=difference.shape) * np.sqrt(bunches)
    covariance += np.diag(bunches)
    chosen = difference[:, good]
    if not good.any():
        return np.zeros(n), difference.sum(axis=1)
    part = covariance[:, good][:, :, good]
    solved = np.linalg.solve(part, chosen[..., None])[..., 0]
    return np.einsum("ij,ij->i", chosen, solved), difference.sum(axis=1)


def _bins(theirs, ours, area_m2, edges_m, good, covariance, error, generator):
    """Densities and quantiles per bin, with shower-level bootstrap errors."""
    summed = theirs.sum(axis=0)
    mean = np.sum([sample.mean(axis=0) for sample in ours], axis=0)
    draws = _resampled(ours, generator)
    at_theirs, at_ours = quantiles(summed), quantiles(mean)
    spread = np.full(at_ours.shape, math.nan)
    drawn = quantiles(draws)
    # A bin that hardly any shower reaches may be dark in all draws.
    lit = np.all(np.isfinite(drawn), axis=2).any(axis=0)
    spread[lit] = np.nanstd(drawn[:, lit], axis=0)
    rows = []
    for b, area in enumerate(area_m2):
        if area <= 0.0:
            continue
        light, ideal = summed[b, LIGHT], mean[b, LIGHT]
        row = {
            "core_distance_min_m": float(edges_m[b]),
            "core_distance_max_m": float(edges_m[b + 1]),
            "area_m2": float(area),
            "theirs_photons": float(light),
            "theirs_per_m2": float(light / area),
            "ours_per_m2": float(ideal / area),
            "ours_error_per_m2": float(math.sqrt(error[b, b]) / area),
            "expected_spread_per_m2": float(math.sqrt(covariance[b, b]) / area),
            "ratio": float(ideal / light) if light > 0.0 else math.nan,
            "ratio_error": float(math.sqrt(covariance[b, b]) / light) if light > 0.0 else math.nan,
            "qualifies": bool(good[b]),
        }
        for i, name in enumerate(QUANTILES):
            row[name] = {
                "theirs": float(at_theirs[b, i]),
                "ours": float(at_ours[b, i]),
                "error": float(spread[b, i]),
            }
        rows.append(row)
    return rows


def _resampled(ours, generator, n=200):
    """Sums of one of our showers per primary, drawn n times: what theirs could have been."""
    total = np.zeros((n, *ours[0].shape[1:]))
    for sample in ours:
        total += sample[generator.integers(len(sample), size=n)]
    return total
