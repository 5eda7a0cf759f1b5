"""Resolutions: definitions on known samples, errors against repeated draws, clusters."""

import math

import numpy as np
import pytest
from scipy import stats

from iactflow.errors import InputError
from iactflow.response.resolution import (
    MIN_EVENTS,
    angular_resolution,
    containment,
    energy_resolution,
    mean_and_rms,
)

EDGES = np.array([0.1, 1.0, 10.0])


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_the_radius_is_that_of_a_known_distribution(rng):
    sigma = 0.05
    theta = np.hypot(*rng.normal(0.0, sigma, (2, 200_000)))
    found = containment(theta)
    expected = sigma * math.sqrt(-2.0 * math.log(1.0 - 0.68))
    assert found.value == pytest.approx(expected, rel=0.005)
    # Binomial error of the fraction over the density at the quantile.
    density = expected / sigma**2 * 0.32
    error = math.sqrt(0.68 * 0.32 / len(theta)) / density
    assert found.high - found.low == pytest.approx(2.0 * error, rel=0.1)


def test_intervals_of_quantiles_cover_the_truth_as_often_as_they_say(rng):
    truth = stats.rayleigh.ppf(0.68)
    covered = 0
    for _ in range(2000):
        found = containment(stats.rayleigh.rvs(size=200, random_state=rng))
        covered += found.low <= truth <= found.high
    # 68.3 %, within three errors of the draws and the steps of a sample of 200.
    assert covered / 2000 == pytest.approx(0.683, abs=0.045)


def test_events_of_one_shower_count_as_one(rng):
    n_showers, reuse = 300, 10
    values = rng.normal(size=n_showers)
    repeated = np.repeat(values, reuse)
    shower = np.repeat(np.arange(n_showers), reuse)
    alone = mean_and_rms(values)
    found = mean_and_rms(repeated, shower)
    assert found[0].high - found[0].value == pytest.approx(alone[0].high - alone[0].value)
    naive = mean_and_rms(repeated)
    ratio = (found[0].high - found[0].value) / (naive[0].high - naive[0].value)
    assert ratio == pytest.approx(math.sqrt(reuse), rel=0.01)
    clustered, single = containment(repeated, 0.68, shower), containment(repeated, 0.68)
    ratio = (clustered.high - clustered.low) / (single.high - single.low)
    assert ratio == pytest.approx(math.sqrt(reuse), rel=0.25)


def test_errors_of_clusters_are_the_scatter_of_repeated_samples(rng):
    n_showers, reuse, estimates, errors = 100, 5, [], []
    shower = np.repeat(np.arange(n_showers), reuse)
    for _ in range(400):
        values = np.repeat(rng.normal(size=n_showers), reuse) + rng.normal(size=n_showers * reuse)
        mean, rms = mean_and_rms(values, shower)
        quantile = containment(values, 0.68, shower)
        estimates.append([mean.value, rms.value, quantile.value])
        errors.append([0.5 * (e.high - e.low) for e in (mean, rms, quantile)])
    scatter = np.std(estimates, axis=0)
    assert np.mean(errors, axis=0) == pytest.approx(scatter, rel=0.12)


def test_clusters_of_one_event_change_nothing_much(rng):
    values = rng.exponential(size=1000)
    one, none = containment(values, 0.68, np.arange(1000)), containment(values, 0.68)
    assert one.value == none.value
    assert one.low == pytest.approx(none.low, rel=1e-3)


def test_bias_and_resolution_of_a_known_energy(rng):
    true = 10 ** rng.uniform(-1.0, 1.0, 40_000)
    energy = true * (1.1 + 0.15 * rng.normal(size=len(true)))
    found = energy_resolution(energy, true, EDGES)
    assert found.n_events.sum() == len(true)
    for estimate, expected in (
        (found.mean, 0.1),
        (found.median, 0.1),
        (found.rms, 0.15),
        (found.half_width, 0.15 * stats.norm.ppf(0.84)),
    ):
        error = 0.5 * (estimate.high - estimate.low)
        assert np.all(np.abs(estimate.value - expected) < 4.0 * error)
        assert np.all(error < 0.01)
    wide = stats.foldnorm.ppf(0.68, 0.1 / 0.15, scale=0.15)
    assert found.around_zero.value == pytest.approx([wide, wide], rel=0.02)


def test_the_bias_is_that_in_true_energy(rng):
    """On a falling spectrum, bins of reconstructed energy would be biased without any bias."""
    true = 0.05 * (1.0 - rng.random(400_000)) ** (-1.0 / 1.7)
    energy = true * rng.lognormal(0.0, 0.2, len(true))
    found = energy_resolution(energy, true, EDGES)
    assert found.median.value == pytest.approx([0.0, 0.0], abs=0.006)
    in_reco = np.median((energy / true)[(energy > 0.1) & (energy < 1.0)]) - 1.0
    assert in_reco > 0.02


def test_bins_cuts_and_what_is_not_a_number(rng):
    separation = rng.rayleigh(0.05, 1000)
    separation[:10] = np.nan
    energy = np.full(1000, 0.5)
    energy[500:] = 5.0
    keep = np.ones(1000, dtype=bool)
    keep[500 + MIN_EVENTS - 1 :] = False
    found = angular_resolution(separation, energy, EDGES, np.arange(1000) // 10, keep)
    assert found.n_events.tolist() == [490, MIN_EVENTS - 1]
    assert found.n_showers.tolist() == [49, 1]
    assert found.radius_deg.value[0] == np.quantile(separation[10:500], 0.68)
    assert np.isnan(found.radius_deg.value[1])
    assert found.energy_min_tev.tolist() == [0.1, 1.0]


def test_small_samples_have_open_intervals():
    assert containment([1.0, 2.0], 0.9).high == math.inf
    assert containment([1.0, 2.0], 0.1).low == -math.inf


@pytest.mark.parametrize("edges", [[1.0], [2.0, 1.0], [[1.0, 2.0]]])
def test_edges_must_ascend(edges):
    with pytest.raises(InputError, match="energy_edges_tev"):
        angular_resolution([0.1], [1.0], edges)


@pytest.mark.parametrize(("values", "fraction"), [([], 0.5), ([np.nan], 0.5), ([1.0], 1.0)])
def test_samples_must_have_a_quantile(values, fraction):
    with pytest.raises(InputError):
        containment(values, fraction)


def test_one_value_has_no_rms():
    with pytest.raises(InputError):
        mean_and_rms([1.0])
