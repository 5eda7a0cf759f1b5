"""Time bins: scales, edges, livetime and its inverse, Bayesian blocks."""

import numpy as np
import pytest

from iactflow.science.time_bins import (
    Livetime,
    block_bins,
    fixed_bins,
    nightly_bins,
    overlap_s,
    utc_to_mjd_tt,
)

DAY = 86400.0


def test_utc_is_converted_to_tt():
    # In July 2006 TT - UTC = 32.184 s + 33 s.
    assert utc_to_mjd_tt("2006-07-29T20:30:00") == pytest.approx(
        53945 + (20.5 * 3600 + 65.184) / DAY, abs=1e-10
    )


def test_an_explicit_offset_from_utc_counts():
    assert utc_to_mjd_tt("2006-07-29T22:30:00+02:00") == utc_to_mjd_tt("2006-07-29T20:30:00")


def test_fixed_bins_are_contiguous():
    bins = fixed_bins("2006-07-29T20:30:00", 10, 34)
    assert bins.shape == (34, 2)
    assert np.array_equal(bins[1:, 0], bins[:-1, 1])
    np.testing.assert_allclose(np.diff(bins) * DAY, 600, atol=1e-5)
    assert bins[0, 0] == pytest.approx(53945.85492111111, abs=1e-10)
    assert bins[-1, 1] == pytest.approx(53946.09103222222, abs=1e-10)


def test_nights_run_from_noon_to_noon_utc():
    tt_minus_utc = 65.184 / DAY
    start = np.array([53945.85, 53946.40, 53948.10]) + tt_minus_utc
    bins = nightly_bins(start, start + 0.02)
    # 53946.40 is still before the noon that ends the first night; 53946.5-53947.5 holds nothing.
    np.testing.assert_allclose(
        bins, np.array([[53945.5, 53946.5], [53947.5, 53948.5]]) + tt_minus_utc, atol=1e-9
    )


def test_a_run_across_noon_is_in_two_nights():
    noon = 53946.5 + 65.184 / DAY
    assert len(nightly_bins([noon - 0.01], [noon + 0.01])) == 2
    assert len(nightly_bins([noon - 0.01], [noon])) == 1


def test_overlap_counts_only_the_common_time():
    got = overlap_s(1.0, 2.0, np.array([0.0, 0.5, 1.2, 1.9, 2.0]), np.array([0.5, 1.1, 1.3, 3, 4]))
    np.testing.assert_allclose(got / DAY, [0, 0.1, 0.1, 0.1, 0], atol=1e-12)


@pytest.fixture
def livetime():
    # Two runs with a gap, the second overlapping a third.
    return Livetime(
        np.array([100.0, 101.0, 101.5]), np.array([100.5, 102.0, 102.5]), np.array([0.9, 0.8, 0.5])
    )


def test_livetime_is_the_integral_of_the_live_fraction(livetime):
    grid = np.linspace(99.9, 102.6, 270001)
    middle = 0.5 * (grid[1:] + grid[:-1])
    rate = sum(
        f * ((middle >= a) & (middle < b))
        for a, b, f in zip(
            livetime.start_mjd, livetime.stop_mjd, livetime.live_fraction, strict=True
        )
    )
    slow = np.concatenate([[0], np.cumsum(rate * np.diff(grid))]) * DAY
    np.testing.assert_allclose(livetime.at(grid), slow, atol=1.0)
    assert livetime.at(102.5) == pytest.approx((0.45 + 0.8 + 0.5) * DAY)


def test_livetime_inverts(livetime):
    mjd = np.array([100.0, 100.1, 100.5, 101.2, 101.7, 102.3, 102.5])
    np.testing.assert_allclose(livetime.mjd(livetime.at(mjd)), mjd, atol=1e-9)


def test_livetime_at_a_gap_maps_to_the_end_before_it(livetime):
    assert livetime.mjd(livetime.at(np.array([100.8]))) == pytest.approx(100.5)


def poisson_times(rng, start, stop, rate_per_day):
    return rng.uniform(start, stop, rng.poisson(rate_per_day * (stop - start)))


def test_a_constant_source_observed_with_gaps_is_one_block():
    rng = np.random.default_rng(5)
    starts = np.array([0.0, 10.0, 10.3, 400.0])
    stops = starts + 0.25
    live = np.array([0.9, 0.9, 0.45, 0.9])
    times = np.concatenate(
        [poisson_times(rng, a, b, 2000 * f) for a, b, f in zip(starts, stops, live, strict=True)]
    )
    bins = block_bins(times, Livetime(starts, stops, live), 0.001)
    assert bins.tolist() == [[0.0, 400.25]]


def test_a_step_in_rate_is_found_across_a_gap():
    rng = np.random.default_rng(6)
    starts, stops = np.array([0.0, 5.0]), np.array([1.0, 6.0])
    times = np.concatenate([poisson_times(rng, 0, 0.4, 300), poisson_times(rng, 0.4, 1, 1500)])
    times = np.concatenate([times, poisson_times(rng, 5, 6, 1500)])
    bins = block_bins(times, Livetime(starts, stops, np.ones(2)), 0.01)
    assert len(bins) == 2
    assert bins[0, 1] == bins[1, 0] == pytest.approx(0.4, abs=0.02)
    assert (bins[0, 0], bins[-1, 1]) == (0.0, 6.0)


@pytest.mark.parametrize("times", [[], [0.3]])
def test_too_few_events_make_one_block(times):
    bins = block_bins(times, Livetime(np.zeros(1), np.ones(1), np.ones(1)), 0.01)
    assert bins.tolist() == [[0.0, 1.0]]
