"""Fits of one norm, flux points: minimisers, analytic cases and gammapy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from iminuit import Minuit
from spectrum_samples import gammapy_model, make_runs, to_gammapy

from iactflow.science.fit import fit_model
from iactflow.science.flux_points import (
    NORM_SCAN,
    energy_groups,
    estimate_flux_points,
    flux_points_table,
    point_profile,
)
from iactflow.science.folding import folding_data
from iactflow.science.norm import fit_norm, norm_profile
from iactflow.science.statistics import wstat

EDGES = [0.4, 0.7, 1.2, 2.0, 4.0, 8.0, 16.0, 45.0]


@pytest.fixture(scope="module")
def data():
    return folding_data(make_runs(livetime_s=3000.0))


@pytest.fixture(scope="module")
def fit(data):
    return fit_model(data, "lp")


@pytest.fixture(scope="module")
def points(data, fit):
    return estimate_flux_points(data, fit, EDGES)


CASES = [
    ([4.0, 3.0, 1.0], [6, 2, 2], [30, 12, 3], 0.1),
    ([400.0, 30.0], [390, 41], [600, 60], 0.2),
    ([0.5, 0.2], [0, 1], [3, 0], 0.05),
    ([0.5, 0.2], [1, 0], [60, 30], 0.1),
]


@pytest.mark.parametrize(("mu", "on", "off", "alpha"), CASES)
def test_norm_equals_minuit(mu, on, off, alpha):
    mu = np.array(mu)
    minuit = Minuit(lambda norm: np.sum(wstat(on, off, alpha, norm * mu)), norm=1.0)
    minuit.errordef, minuit.tol = 1.0, 1e-3
    minuit.migrad()
    minuit.hesse()
    minuit.minos()
    ours = fit_norm(mu, on, off, alpha)
    error = minuit.errors[0]
    assert ours.norm == pytest.approx(minuit.values[0], abs=0.01 * error)
    assert ours.norm_err == pytest.approx(error, rel=0.02)
    assert ours.norm_errn == pytest.approx(-minuit.merrors[0].lower, rel=0.01)
    assert ours.norm_errp == pytest.approx(minuit.merrors[0].upper, rel=0.01)
    assert ours.stat == pytest.approx(minuit.fval, abs=1e-4)
    minuit.minos(cl=math.erf(2 / math.sqrt(2)))
    limit = minuit.values[0] + minuit.merrors[0].upper
    assert ours.norm_ul == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize(("mu", "on", "off", "alpha"), CASES)
def test_errors_and_limits_solve_their_definition(mu, on, off, alpha):
    ours = fit_norm(mu, on, off, alpha, n_sigma=1.5, upper_limit_sigma=3.0)
    ends = [ours.norm - ours.norm_errn, ours.norm + ours.norm_errp, ours.norm_ul, 0.0]
    rise = norm_profile(ends, mu, on, off, alpha) - ours.stat
    np.testing.assert_allclose(rise[:3], [2.25, 2.25, 9.0], atol=1e-8)
    assert ours.stat_null - ours.stat == pytest.approx(rise[3], abs=1e-9)
    grid = ours.norm + np.linspace(-0.5, 0.5, 101) * ours.norm_errn
    assert norm_profile(grid, mu, on, off, alpha).min() >= ours.stat - 1e-10


def test_one_bin_has_the_analytic_solution():
    ours = fit_norm([4.0], [30], [100], 0.2)
    assert ours.norm == pytest.approx((30 - 0.2 * 100) / 4.0, rel=1e-9)
    assert ours.norm_err == pytest.approx(math.sqrt(30 + 0.04 * 100) / 4.0, rel=1e-6)
    assert ours.stat == pytest.approx(0.0, abs=1e-9)
    deficit = fit_norm([4.0], [10], [100], 0.2)
    assert deficit.norm == pytest.approx(-10 / 4.0, rel=1e-9)
    assert deficit.sqrt_ts < 0


def test_no_counts_at_all():
    ours = fit_norm([2.0, 1.0], [0, 0], [0, 0], 0.25)
    assert ours.norm == 0
    assert math.isnan(ours.norm_err)
    assert ours.norm_errp == pytest.approx(1 / (2 * 3.0), rel=1e-9)
    assert ours.norm_errn == pytest.approx(0.25 / (2 * 3.0), rel=1e-9)
    assert ours.norm_ul == pytest.approx(4 / (2 * 3.0), rel=1e-9)
    assert ours.sqrt_ts == 0


def test_nothing_expected_is_nan():
    ours = fit_norm([0.0, 0.0], [1, 2], [3, 4], 0.25)
    assert math.isnan(ours.norm)
    assert math.isnan(ours.norm_ul)
    assert math.isnan(fit_norm([], [], [], []).stat)


def test_scale_of_the_expectation_does_not_matter():
    small = fit_norm([4e-9, 2e-9], [6, 2], [30, 12], 0.1)
    large = fit_norm([4e9, 2e9], [6, 2], [30, 12], 0.1)
    assert small.norm == pytest.approx(1e18 * large.norm, rel=1e-9)
    assert small.norm_ul == pytest.approx(1e18 * large.norm_ul, rel=1e-9)


def test_edges_snap_in_log_energy():
    axis = np.geomspace(0.1, 10.0, 5)
    assert energy_groups(axis, [0.1, 0.33, 9.0]) == [(0, 1), (1, 4)]
    assert energy_groups(axis, [0.17, 0.19, 1.0]) == [(0, 1), (1, 2)]
    assert energy_groups(axis, [0.01, 0.02, 1.0, 90.0, 200.0]) == [(0, 2), (2, 4)]


def test_points_hold_the_counts_of_their_bins(data, points):
    inside = sum(p.n_on for p in points)
    low, high = points[0].e_min_tev, points[-1].e_max_tev
    edges = data.energy_edges_tev
    use = (edges[data.energy_bin] >= low) & (edges[data.energy_bin + 1] <= high)
    assert inside == data.n_on[use].sum()
    for point in points:
        assert point.e_ref_tev == pytest.approx(math.sqrt(point.e_min_tev * point.e_max_tev))


def test_points_scatter_about_the_fit(points):
    pull = [(p.fit.norm - 1) / p.fit.norm_err for p in points if not p.is_ul]
    assert len(pull) >= 5
    assert np.all(np.abs(pull) < 4)


def test_points_equal_gammapy(data, fit, points, tmp_path):
    pytest.importorskip("gammapy")
    from astropy import units as u
    from gammapy.datasets import Datasets
    from gammapy.estimators import FluxPointsEstimator
    from gammapy.modeling.models import SkyModel

    datasets = Datasets([to_gammapy(run) for run in make_runs(livetime_s=3000.0)])
    datasets.models = [SkyModel(gammapy_model("lp", fit.values), name="source")]
    estimator = FluxPointsEstimator(
        energy_edges=EDGES * u.TeV, source="source", selection_optional=["errn-errp", "ul", "scan"]
    )
    reference = estimator.run(datasets)
    dnde = reference.to_table(sed_type="dnde")
    likelihood = reference.to_table(sed_type="likelihood")
    ours = flux_points_table(points)
    for name in ("e_ref", "e_min", "e_max"):
        np.testing.assert_allclose(ours[name], dnde[name], rtol=1e-9)
    for name in ("ref_dnde", "ref_flux", "ref_eflux"):
        expected = likelihood[name].quantity.to_value(ours[name].unit)
        np.testing.assert_allclose(ours[name], expected, rtol=2e-3, err_msg=name)
    error = dnde["dnde_err"].quantity.to_value("cm-2 s-1 TeV-1")
    for name in ("dnde", "dnde_err", "dnde_errn", "dnde_errp", "dnde_ul"):
        expected = dnde[name].quantity.to_value("cm-2 s-1 TeV-1")
        np.testing.assert_allclose((ours[name] - expected) / error, 0, atol=0.02, err_msg=name)
    np.testing.assert_allclose(ours["sqrt_ts"], dnde["sqrt_ts"], atol=1e-3)
    np.testing.assert_allclose(ours["norm_scan"][0], likelihood["norm_scan"][0], rtol=1e-9)
    np.testing.assert_allclose(ours["stat_scan"], likelihood["stat_scan"], rtol=1e-6)
    assert ours["is_ul"].tolist() == dnde["is_ul"].tolist()


def test_gammapy_reads_the_table(points, tmp_path):
    estimators = pytest.importorskip("gammapy.estimators")
    table = flux_points_table(points)
    table.write(tmp_path / "points.ecsv")
    read = estimators.FluxPoints.read(tmp_path / "points.ecsv")
    back = read.to_table(sed_type="dnde")
    for name in ("dnde", "dnde_errn", "dnde_errp", "dnde_ul"):
        expected = back[name].quantity.to_value("cm-2 s-1 TeV-1")
        np.testing.assert_allclose(table[name], expected, rtol=1e-6)
    assert read.n_sigma_ul == 2
    assert read.has_stat_profiles


def test_profile_follows_the_errors(data, points):
    norms, rise = point_profile(data, points[2], 81, 4.0)
    inner = points[2].fit
    assert np.interp(inner.norm + inner.norm_errp, norms, rise) == pytest.approx(1, abs=0.02)
    assert np.interp(inner.norm - inner.norm_errn, norms, rise) == pytest.approx(1, abs=0.02)
    assert 0 <= rise.min() < 0.01


def test_a_group_outside_the_safe_range_is_nan(data, fit):
    (point,) = estimate_flux_points(data, fit, [60.0, 95.0])
    assert math.isnan(point.dnde)
    assert point.is_ul
    assert point_profile(data, point)[0].size == 0
    assert not flux_points_table([point])["success"][0]
    assert point.stat_scan.shape == NORM_SCAN.shape
