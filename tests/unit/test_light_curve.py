"""Light curves: fluxes per bin against a slow twin, known fluxes, products, real runs."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from iactflow.errors import InputError
from iactflow.science.light_curve import (
    SpectralShape,
    fit_light_curve,
    snap_energy_range,
)
from iactflow.science.light_curve_io import light_curve_summary, light_curve_table
from iactflow.science.models import integral
from iactflow.science.statistics import wstat

EDGES = np.geomspace(0.1, 100.0, 19)
EDISP = np.eye(18) * 0.8 + np.eye(18, k=1) * 0.1 + np.eye(18, k=-1) * 0.1
FLUXES = ("flux", "flux_err", "flux_errn", "flux_errp", "flux_ul")
TRUTH = SpectralShape.power_law(2.5)
BINS = np.array([[53945.0, 53945.5], [53945.5, 53946.0], [53946.0, 53946.5], [53946.5, 53947.0]])


def dataset(norm, livetime_s=1000.0, background=3.0, alpha=0.1, first_safe=4, rng=None):
    """A run of a power-law source; without ``rng`` the counts are the expectation."""
    exposure = 1e9 * livetime_s * (0.5 * (EDGES[1:] + EDGES[:-1])) ** 0.3
    signal = norm * (exposure * integral("pl", TRUTH.parameters, EDGES)) @ EDISP
    on, off = signal + alpha * background, np.full(18, background)
    if rng is not None:
        on, off = rng.poisson(on).astype(float), rng.poisson(off).astype(float)
    return SimpleNamespace(
        name="run",
        energy_edges_tev=EDGES,
        energy_true_edges_tev=EDGES,
        n_on=on,
        n_off=off,
        acceptance=np.full(18, alpha),
        acceptance_off=np.ones(18),
        exposure_cm2_s=exposure,
        edisp=EDISP,
        mask_safe=np.arange(18) >= first_safe,
        livetime_s=livetime_s,
    )


def test_fluxes_of_expected_counts_are_the_true_ones():
    norms = [1.0, 2.0, 5.0]
    curve = fit_light_curve([dataset(n) for n in norms], range(3), BINS[:3], TRUTH, (1.0, 10.0))
    low, high = EDGES[6], EDGES[12]
    assert (curve.energy_min_tev, curve.energy_max_tev) == (low, high)
    np.testing.assert_allclose(
        curve.flux, np.array(norms) * 1e-11 * (low**-1.5 - high**-1.5) / 1.5, rtol=1e-6
    )


@pytest.fixture
def poisson_runs():
    rng = np.random.default_rng(4)
    runs = [dataset(n, first_safe=4 + k, rng=rng) for k, n in enumerate((3, 1, 0.1, 3, 1))]
    return runs, [0, 1, 2, 0, 1]


def twin(runs, energy_range, shape, sigma_ul=2.0):
    """One bin by brute force: predicted counts in loops, general minimiser, root finder."""
    rows = []
    for run in runs:
        flux = integral(shape.model, shape.parameters, EDGES, shape.reference_tev)
        for j in range(18):
            if not run.mask_safe[j] or EDGES[j] < energy_range[0] or EDGES[j + 1] > energy_range[1]:
                continue
            mu = sum(flux[i] * run.exposure_cm2_s[i] * EDISP[i, j] for i in range(18))
            rows.append((run.n_on[j], run.n_off[j], run.acceptance[j] / run.acceptance_off[j], mu))
    on, off, alpha, mu = np.array(rows).T

    def stat(norm):
        return wstat(on, off, alpha, norm * mu).sum()

    best = minimize_scalar(stat, bounds=(-0.05, 20), options={"xatol": 1e-10}, method="bounded").x
    rise = [
        abs(brentq(lambda x, d=d: stat(x) - stat(best) - d, best, end) - best)
        for d, end in ((1.0, -0.2), (1.0, 20), (sigma_ul**2, 20))
    ]
    step = 1e-3 * rise[1]
    curvature = (stat(best + step) - 2 * stat(best) + stat(best - step)) / step**2
    flux = shape.flux(*energy_range)
    errors = flux * np.array([np.sqrt(2 / curvature), *rise[:2], best + rise[2]])
    return flux * best, *errors, np.sqrt(stat(0) - stat(best)), on.sum(), off.sum()


@pytest.mark.parametrize("sigma_ul", [2.0, 3.0])
def test_fluxes_equal_the_slow_twin(poisson_runs, sigma_ul):
    runs, time_bin = poisson_runs
    shape = SpectralShape("lp", (2e-11, 2.2, 0.15), 2.0)
    curve = fit_light_curve(runs, time_bin, BINS, shape, (0.9, 11.0), sigma_ul)
    energy_range = curve.energy_min_tev, curve.energy_max_tev
    assert len(curve) == 3
    for k in range(3):
        mine = [run for run, b in zip(runs, time_bin, strict=True) if b == k]
        names = (
            "flux",
            "flux_err",
            "flux_errn",
            "flux_errp",
            "flux_ul",
            "sqrt_ts",
            "n_on",
            "n_off",
        )
        got = [getattr(curve, name)[k] for name in names]
        np.testing.assert_allclose(got, twin(mine, energy_range, shape, sigma_ul), rtol=2e-4)


def test_pulls_of_many_bins_are_standard_normal():
    rng = np.random.default_rng(8)
    runs = [dataset(3.0, rng=rng, background=20.0) for _ in range(300)]
    bins = np.column_stack([np.arange(300.0), np.arange(300.0) + 1])
    curve = fit_light_curve(runs, range(300), bins, TRUTH, (0.5, 20.0))
    truth = 3 * TRUTH.flux(curve.energy_min_tev, curve.energy_max_tev)
    pulls = (curve.flux - truth) / curve.flux_err
    assert abs(pulls.mean()) < 0.2
    assert pulls.std() == pytest.approx(1.0, abs=0.12)


def test_bins_without_livetime_are_left_out():
    runs = [dataset(1.0), dataset(2.0), dataset(1.0, livetime_s=0.0)]
    curve = fit_light_curve(runs, [0, 2, 3], BINS, TRUTH, (1.0, 10.0))
    assert curve.mjd_min.tolist() == [53945.0, 53946.0]
    assert curve.livetime_s.tolist() == [1000.0, 1000.0]


def test_a_bin_without_safe_energies_has_no_flux():
    runs = [dataset(1.0), dataset(1.0, first_safe=15)]
    curve = fit_light_curve(runs, [0, 1], BINS, TRUTH, (1.0, 10.0))
    assert np.isfinite(curve.flux).tolist() == [True, False]
    summary = light_curve_summary(curve)
    assert summary["points"][1]["flux"] is None
    assert summary["points"][1]["n_on"] == 0
    assert summary["ndf"] == 0


def test_a_bin_without_events_has_a_limit():
    run = dataset(0.0, background=0.0)
    curve = fit_light_curve([dataset(1.0), run], [0, 1], BINS, TRUTH, (1.0, 10.0))
    # No counts at all: W = 2 s, which rises by 4 at two expected counts.
    signal = (run.exposure_cm2_s * integral("pl", TRUTH.parameters, EDGES)) @ EDISP
    expected = 2.0 / signal[6:12].sum() * TRUTH.flux(EDGES[6], EDGES[12])
    assert curve.flux[1] == 0
    assert curve.flux_ul[1] == pytest.approx(expected)


def test_ranges_snap_to_the_nearest_edge():
    axis = np.geomspace(0.4, 20, 11)
    assert snap_energy_range(axis, 0.5, 7.0) == pytest.approx((0.59150, 6.18499), rel=1e-5)
    assert snap_energy_range(axis, 0.01, 700.0) == (axis[0], axis[-1])


def test_a_range_inside_one_bin_is_an_error():
    with pytest.raises(InputError, match=r"energy_min_tev.*2\.0, 2\.01"):
        snap_energy_range(EDGES, 2.0, 2.01)


def test_no_run_in_any_bin_is_an_error():
    with pytest.raises(InputError, match="time bins"):
        fit_light_curve([], [], BINS, TRUTH, (1.0, 10.0))


@pytest.fixture
def curve(poisson_runs):
    runs, time_bin = poisson_runs
    return fit_light_curve(runs, time_bin, BINS, TRUTH, (1.0, 10.0))


def test_gammapy_reads_the_table(curve, tmp_path):
    flux_points = pytest.importorskip("gammapy.estimators").FluxPoints
    light_curve_table(curve).write(tmp_path / "curve.ecsv")
    got = flux_points.read(tmp_path / "curve.ecsv", format="lightcurve")
    axis = got.geom.axes["time"]
    np.testing.assert_allclose(axis.time_min.tt.mjd, curve.mjd_min, atol=1e-9)
    np.testing.assert_allclose(axis.time_max.tt.mjd, curve.mjd_max, atol=1e-9)
    assert axis.reference_time.scale == "tt"
    for name in FLUXES:
        quantity = getattr(got, name).quantity.to_value("cm-2 s-1").ravel()
        np.testing.assert_allclose(quantity, getattr(curve, name), rtol=1e-10)
    np.testing.assert_allclose(got.sqrt_ts.data.ravel(), curve.sqrt_ts)
    np.testing.assert_allclose(got.counts.data.ravel(), curve.n_on)
    energy = got.geom.axes["energy"].edges.to_value("TeV")
    np.testing.assert_allclose(energy, [curve.energy_min_tev, curve.energy_max_tev])
    assert got.meta["n_sigma_ul"] == 2


def test_summary_has_the_agreed_keys_and_no_nan(curve):
    summary = json.loads(json.dumps(light_curve_summary(curve), allow_nan=False))
    assert {"mjd_min", "mjd_max", *FLUXES} < set(summary["points"][0])
    assert summary["ndf"] == 2
    assert summary["spectral_index"] == 2.5
    assert summary["p_value"] < 1e-6
    assert summary["fractional_variability"] > 0.5
    mean = np.average(curve.flux, weights=curve.flux_err**-2)
    chi2 = (((curve.flux - mean) / curve.flux_err) ** 2).sum()
    assert summary["chi2"] == pytest.approx(chi2)


def test_a_point_without_flux_is_a_limit_in_the_table():
    runs = [dataset(1.0), dataset(1.0, first_safe=15)]
    table = light_curve_table(fit_light_curve(runs, [0, 1], BINS, TRUTH, (1.0, 10.0)))
    assert table["success"].ravel().tolist() == [True, False]
    assert table["is_ul"].ravel().tolist() == [False, True]
    assert math.isnan(table["flux"][1, 0])
