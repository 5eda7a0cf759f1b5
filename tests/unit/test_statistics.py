"""Counting statistics against numpy twins, analytic cases and gammapy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iactflow.science import statistics

COUNTS = np.array(
    [(on, off, a, s) for on in (0, 1, 7, 250) for off in (0, 1, 12, 900)
     for a in (0.05, 1.0, 3.0) for s in (0.0, 0.3, 8.0, 400.0)],
    dtype=float,
).T  # fmt: skip


def wstat_twin(n_on, n_off, alpha, mu_signal):
    """Minimise minus twice the log-likelihood over the background on a fine grid."""
    lowest = max(0.0, -mu_signal / alpha)
    highest = lowest + 3 * (n_on / alpha + n_off) + 10
    background = np.concatenate([lowest + np.geomspace(1e-9, highest, 200001), [lowest + 1e-300]])
    on = mu_signal + alpha * background
    value = np.zeros_like(background)
    for n, mu in ((n_on, on), (n_off, background)):
        value += 2 * (mu - n)
        if n > 0:
            with np.errstate(divide="ignore"):
                value += 2 * n * np.log(n / mu)
    return np.nanmin(value)


def test_li_ma_formula_and_sign():
    on, off, alpha = 120.0, 300.0, 0.25
    expected = math.sqrt(2) * math.sqrt(
        on * math.log((1 + alpha) / alpha * on / (on + off))
        + off * math.log((1 + alpha) * off / (on + off))
    )
    assert statistics.li_ma_significance(on, off, alpha) == pytest.approx(expected, rel=1e-12)
    assert statistics.li_ma_significance(60, 300, 0.25) < 0
    assert statistics.li_ma_significance(75, 300, 0.25) == pytest.approx(0, abs=1e-6)
    assert math.isnan(statistics.li_ma_significance(75, 300, 0.0))


def test_li_ma_without_on_or_off_counts():
    assert statistics.li_ma_significance(0, 20, 0.5) == pytest.approx(
        -math.sqrt(2 * 20 * math.log(1.5)), rel=1e-12
    )
    assert statistics.li_ma_significance(5, 0, 0.5) == pytest.approx(
        math.sqrt(2 * 5 * math.log(3.0)), rel=1e-12
    )


def test_li_ma_is_the_likelihood_ratio_of_the_w_statistic():
    on, off, alpha = 41.0, 90.0, 0.2
    null = statistics.wstat(on, off, alpha, 0.0)
    assert statistics.wstat(on, off, alpha, on - alpha * off) == pytest.approx(0, abs=1e-9)
    assert statistics.li_ma_significance(on, off, alpha) == pytest.approx(math.sqrt(null))


def test_significance_and_statistics_equal_gammapy():
    stats = pytest.importorskip("gammapy.stats")
    on, off, alpha, signal = COUNTS
    reference = stats.WStatCountsStatistic(on, off, alpha)
    np.testing.assert_allclose(
        statistics.li_ma_significance(on, off, alpha), reference.sqrt_ts, rtol=1e-9, atol=2e-6
    )
    np.testing.assert_allclose(
        statistics.wstat(on, off, alpha, signal), stats.wstat(on, off, alpha, signal), atol=1e-8
    )
    np.testing.assert_allclose(
        statistics.wstat_background(on, off, alpha, signal),
        stats.get_wstat_mu_bkg(on, off, alpha, signal),
        rtol=1e-6,
        atol=1e-9,
    )
    np.testing.assert_allclose(statistics.cash(on, signal), stats.cash(on, signal), rtol=1e-12)


@pytest.mark.parametrize("mu_signal", [-3.0, -0.2, 0.0, 0.5, 6.0])
@pytest.mark.parametrize(("n_on", "n_off"), [(0, 0), (0, 5), (4, 0), (3, 8)])
def test_w_statistic_is_the_profile_likelihood(n_on, n_off, mu_signal):
    twin = wstat_twin(n_on, n_off, 0.4, mu_signal)
    assert statistics.wstat(n_on, n_off, 0.4, mu_signal) == pytest.approx(twin, abs=2e-4)


@pytest.mark.parametrize("mu_signal", [-3.0, -0.2, 0.5, 6.0])
@pytest.mark.parametrize(("n_on", "n_off"), [(0, 0), (0, 5), (4, 0), (3, 8), (200, 1000)])
def test_slope_and_curvature_are_derivatives(n_on, n_off, mu_signal):
    step = 1e-4
    values = statistics.wstat(n_on, n_off, 0.2, mu_signal + step * np.array([-1.0, 0.0, 1.0]))
    slope, curvature = statistics.wstat_slope_bin(float(n_on), float(n_off), 0.2, mu_signal)
    assert slope == pytest.approx((values[2] - values[0]) / (2 * step), rel=1e-5, abs=1e-6)
    assert curvature == pytest.approx(
        (values[2] - 2 * values[1] + values[0]) / step**2, rel=1e-3, abs=1e-4
    )


def test_cash_formula_and_truncation():
    assert statistics.cash(3, 2.5) == pytest.approx(2 * (2.5 - 3 * math.log(2.5)))
    assert statistics.cash(2, 0.0) == pytest.approx(2 * (-2 * math.log(1e-25)))


def test_arguments_broadcast():
    assert statistics.wstat(np.ones((3, 1)), np.ones(4), 0.5, 0.1).shape == (3, 4)
    assert isinstance(statistics.wstat(1, 2, 0.5, 0.1), float)
