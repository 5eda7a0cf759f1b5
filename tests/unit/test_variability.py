"""Variability measures against slow twins, published equations and analytic cases."""

import math

import numpy as np
import pytest

from iactflow.science.variability import constancy, excess_variance, fractional_variability


@pytest.fixture
def curve():
    rng = np.random.default_rng(7)
    flux = 1e-10 * rng.lognormal(0.0, 0.5, 40)
    return flux, 1e-11 * rng.uniform(0.5, 1.5, 40)


def test_excess_variance_of_three_points_by_hand():
    # S^2 = ((-1)^2 + 0 + 1^2) / 2 = 1; mean squared error = 0.25
    assert excess_variance([1.0, 2.0, 3.0], [0.5, 0.5, 0.5]) == pytest.approx(0.75)


def test_fractional_variability_equals_the_equations_term_by_term(curve):
    flux, err = curve
    n = len(flux)
    mean = sum(flux) / n
    s2 = sum((x - mean) ** 2 for x in flux) / (n - 1)
    e2 = sum(e**2 for e in err) / n
    value = math.sqrt((s2 - e2) / mean**2)
    error = math.sqrt(
        (math.sqrt(1 / (2 * n)) * e2 / (mean**2 * value)) ** 2 + (math.sqrt(e2 / n) / mean) ** 2
    )
    assert fractional_variability(flux, err) == pytest.approx((value, error), rel=1e-12)


def test_fractional_variability_error_matches_the_scatter_of_remeasurements():
    rng = np.random.default_rng(11)
    truth = 1 + 0.5 * np.sin(np.linspace(0, 12, 200))
    err = np.full(200, 0.2)
    values, errors = zip(
        *(fractional_variability(rng.normal(truth, err), err) for _ in range(400)), strict=True
    )
    assert np.mean(values) == pytest.approx(np.std(truth, ddof=1) / np.mean(truth), rel=0.02)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.15)


def test_scatter_below_the_errors_has_no_fractional_variability():
    assert excess_variance([1.0, 1.1], [0.5, 0.5]) < 0
    assert all(math.isnan(x) for x in fractional_variability([1.0, 1.1], [0.5, 0.5]))


def test_bins_without_data_do_not_count(curve):
    flux, err = curve
    holes = np.concatenate([flux, [np.nan, 1e-10, 2e-10]])
    errors = np.concatenate([err, [1e-11, np.nan, 0.0]])
    assert fractional_variability(holes, errors) == fractional_variability(flux, err)
    assert constancy(holes, errors) == constancy(flux, err)


def test_constancy_of_two_points_by_hand():
    # weighted mean of 1 +- 1 and 4 +- 2 is (1 + 1) / 1.25 = 1.6; chi2 = 0.36 + 1.44
    chi2, ndf, p_value = constancy([1.0, 4.0], [1.0, 2.0])
    assert (chi2, ndf) == (pytest.approx(1.8), 1)
    assert p_value == pytest.approx(math.erfc(math.sqrt(1.8 / 2)))


def test_constancy_p_values_of_constant_sources_are_uniform():
    rng = np.random.default_rng(3)
    p = [constancy(rng.normal(5, 1, 20), np.ones(20))[2] for _ in range(2000)]
    assert np.mean(p) == pytest.approx(0.5, abs=0.03)
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_bins_give_nothing(n):
    flux, err = np.ones(n), np.ones(n)
    assert math.isnan(excess_variance(flux, err))
    assert all(math.isnan(x) for x in fractional_variability(flux, err))
    chi2, ndf, p_value = constancy(flux, err)
    assert math.isnan(chi2)
    assert ndf == 0
    assert math.isnan(p_value)
