"""Forward folding, fits, goodness of fit: twins, analytic cases and gammapy."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from spectrum_samples import CRAB_LIKE, ENERGY_EDGES, gammapy_model, make_runs, to_gammapy

from iactflow.errors import InputError
from iactflow.science import models
from iactflow.science.fit import FitResult, fit_model, parameter_profile
from iactflow.science.folding import Objective, folding_data
from iactflow.science.goodness import bootstrap_p_value, likelihood_ratio, probability
from iactflow.science.statistics import wstat

LOW, HIGH = ENERGY_EDGES[10], ENERGY_EDGES[24]

TRUTH = {
    "pl": CRAB_LIKE,
    "bpl": (1.5e-11, 2.0, 3.2, 1.6),
    "ecpl": (4.5e-11, 2.2, 0.15),
    "lp": (4e-11, 2.3, 0.25),
}


@pytest.fixture(scope="module")
def data():
    return folding_data(make_runs())


def stat_twin(runs, model, parameters, low=0.0, high=np.inf):
    """W statistic run by run, as matrices; the range is given at edges."""
    total = 0.0
    for run in runs:
        flux = models.integral(model, parameters, run.energy_true_edges_tev)
        signal = run.edisp.T @ (run.exposure_cm2_s * flux)
        alpha = run.acceptance / run.acceptance_off
        edges = run.energy_edges_tev
        use = run.mask_safe & (edges[:-1] > low * 0.999) & (edges[1:] < high * 1.001)
        total += np.sum(wstat(run.n_on, run.n_off, alpha, signal)[use])
    return total


@pytest.mark.parametrize("model", TRUTH)
@pytest.mark.parametrize(("low", "high"), [(None, None), (LOW, HIGH)])
def test_statistic_is_the_sum_over_runs(model, low, high):
    runs = make_runs()
    data = folding_data(runs, low, high)
    expected = stat_twin(runs, model, TRUTH[model], low or 0.0, high or np.inf)
    assert Objective(data, model)(np.array(TRUTH[model])) == pytest.approx(expected, rel=1e-10)


def test_ends_of_the_range_snap_to_the_nearest_edge():
    runs = make_runs(n_runs=1)
    edges = runs[0].energy_edges_tev
    data = folding_data(runs, edges[14], edges[20])
    assert data.energy_bin.tolist() == list(range(14, 20))
    assert (data.energy_min_tev, data.energy_max_tev) == (edges[14], edges[20])
    step = edges[1] / edges[0]
    near = folding_data(runs, edges[14] * step**0.45, edges[20] / step**0.45)
    assert near.energy_bin.tolist() == list(range(14, 20))
    narrow = folding_data(runs, edges[14] * step**0.55, edges[20] / step**0.55)
    assert narrow.energy_bin.tolist() == list(range(15, 19))
    assert folding_data(runs, None, 1e5).n_bins == folding_data(runs).n_bins


def test_bins_without_off_exposure_are_left_out():
    runs = make_runs(n_runs=1)
    runs[0].acceptance_off[20] = 0.0
    assert 20 not in folding_data(runs).energy_bin


def test_unusable_input_is_named():
    runs = make_runs()
    with pytest.raises(InputError, match="at least one run"):
        folding_data([])
    with pytest.raises(InputError, match="safe range"):
        folding_data(runs, 60.0, 90.0)
    other = SimpleNamespace(**{**vars(runs[1]), "energy_edges_tev": np.geomspace(0.2, 90, 37)})
    with pytest.raises(InputError, match="one axis for all runs"):
        folding_data([runs[0], other])
    with pytest.raises(InputError, match="pl, bpl, ecpl, lp"):
        fit_model(folding_data(runs), "power-law")
    edges = runs[0].energy_edges_tev
    with pytest.raises(InputError, match="more than the 3 parameters"):
        fit_model(folding_data(runs[:1], edges[15], edges[18]), "lp")


@pytest.mark.parametrize("model", TRUTH)
def test_fit_recovers_the_injected_spectrum(model):
    runs = make_runs(model, TRUTH[model], livetime_s=2e5, seed=3)
    fit = fit_model(folding_data(runs), model)
    assert fit.valid
    pull = (fit.values - TRUTH[model]) / fit.errors
    assert np.all(np.abs(pull) < 3.5)
    assert np.all(fit.errors / np.abs(fit.values) < 0.1)


def test_pulls_are_normal():
    pulls = []
    for seed in range(60):
        fit = fit_model(folding_data(make_runs(seed=seed, livetime_s=8000.0)), "pl")
        pulls.append((fit.values - CRAB_LIKE) / fit.errors)
    pulls = np.array(pulls)
    assert np.all(np.abs(pulls.mean(axis=0)) < 4 / math.sqrt(60))
    assert np.all(np.abs(pulls.std(axis=0) - 1) < 0.35)


@pytest.mark.parametrize("model", TRUTH)
def test_fit_equals_gammapy(model):
    modeling = pytest.importorskip("gammapy.modeling")
    from gammapy.datasets import Datasets
    from gammapy.modeling.models import SkyModel

    runs = make_runs(model, TRUTH[model], livetime_s=2e4, seed=5)
    fit = fit_model(folding_data(runs, 0.5, 30.0), model)
    datasets = Datasets([to_gammapy(run) for run in runs])
    from astropy import units as u

    for dataset in datasets:
        dataset.mask_fit = dataset.counts.geom.energy_mask(0.5 * u.TeV, 30 * u.TeV, True)
    spectrum = gammapy_model(model, TRUTH[model])
    datasets.models = [SkyModel(spectrum)]
    result = modeling.Fit().run(datasets)
    assert fit.stat == pytest.approx(result.total_stat, abs=5e-3)
    for name, value, error in zip(fit.names, fit.values, fit.errors, strict=True):
        reference = getattr(spectrum, name)
        assert value == pytest.approx(reference.value, abs=0.02 * reference.error), name
        assert error == pytest.approx(reference.error, rel=0.05), name
    for name, value in zip(fit.names, fit.values, strict=True):
        getattr(spectrum, name).value = value
    assert datasets.stat_sum() == pytest.approx(fit.stat, abs=1e-4)


def test_covariance_is_the_inverse_hessian(data):
    fit = fit_model(data, "lp")
    objective = Objective(data, "lp")
    steps = np.diag(0.05 * fit.errors)
    hessian = np.array(
        [
            [
                sum(
                    sign * objective(fit.values + s * a + t * b)
                    for s, t, sign in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
                )
                / (4 * a.sum() * b.sum())
                for b in steps
            ]
            for a in steps
        ]
    )
    expected = np.linalg.inv(hessian / 2)
    scale = np.outer(fit.errors, fit.errors)
    np.testing.assert_allclose(fit.covariance / scale, expected / scale, atol=0.02)


def test_minos_errors_and_profile_agree(data):
    fit = fit_model(data, "pl", minos=True)
    for k, name in enumerate(fit.names):
        ends = [fit.values[k] - fit.errn[k], fit.values[k], fit.values[k] + fit.errp[k]]
        stat = parameter_profile(data, fit, name, ends)
        np.testing.assert_allclose(stat - fit.stat, [1, 0, 1], atol=5e-3)


def test_reference_energy_only_moves_the_amplitude(data):
    at_one, elsewhere = fit_model(data, "pl"), fit_model(data, "pl", 1.45)
    assert elsewhere.stat == pytest.approx(at_one.stat, abs=1e-3)
    assert elsewhere.values[0] == pytest.approx(at_one.dnde(1.45), rel=1e-3)


def test_butterfly_of_a_power_law(data):
    fit = fit_model(data, "pl")
    band = fit.butterfly(11)
    x = np.log(band["energy_tev"])
    amplitude = fit.values[0]
    variance = (
        fit.covariance[0, 0] / amplitude**2
        - 2 * x * fit.covariance[0, 1] / amplitude
        + x**2 * fit.covariance[1, 1]
    )
    np.testing.assert_allclose(np.log(band["dnde_hi"] / band["dnde"]) ** 2, variance, rtol=1e-10)
    np.testing.assert_allclose(band["dnde_hi"] * band["dnde_lo"], band["dnde"] ** 2, rtol=1e-10)
    assert band["energy_tev"][[0, -1]] == pytest.approx([fit.energy_min_tev, fit.energy_max_tev])


def test_integral_flux_and_error(data):
    fit = fit_model(data, "pl")
    flux, error = fit.integral_flux(1.0, 10.0)
    amplitude, index = fit.values
    assert flux == pytest.approx(amplitude * (1 - 10 ** (1 - index)) / (index - 1), rel=1e-9)
    term = 10 ** (1 - index)
    slope = amplitude * (term * math.log(10) / (index - 1) - (1 - term) / (index - 1) ** 2)
    gradient = np.array([flux / amplitude, slope])
    assert error == pytest.approx(math.sqrt(gradient @ fit.covariance @ gradient), rel=1e-5)


def test_a_break_at_the_end_of_the_data_is_not_valid():
    runs = make_runs(livetime_s=2e4)
    for run in runs:
        above = run.energy_edges_tev[:-1] > 8.0
        run.n_on[above] = 0
        run.n_off[above] = 0
    fit = fit_model(folding_data(runs), "bpl")
    assert not fit.valid
    assert fit.values[2] == pytest.approx(15.0, abs=0.1)


def test_no_source_fits_an_amplitude_near_zero():
    fit = fit_model(folding_data(make_runs("pl", (1e-16, 2.5), livetime_s=1e4)), "pl")
    assert math.isfinite(fit.stat)
    assert abs(fit.values[0]) < 1e-12


def made_fit(model, stat, n_bins=40):
    size = len(models.PARAMETERS[model])
    return FitResult(
        model, 1.0, np.ones(size), np.ones(size), np.eye(size), stat, n_bins, 0.5, 20.0, True
    )


def test_likelihood_ratio():
    one = likelihood_ratio(made_fit("pl", 60.0), made_fit("lp", 51.0))
    assert (one.delta_stat, one.ndf, one.significance) == (9.0, 1, 3.0)
    assert one.probability == pytest.approx(0.0026998, rel=1e-4)
    two = likelihood_ratio(made_fit("pl", 60.0), made_fit("bpl", 51.0))
    assert two.ndf == 2
    assert two.probability == pytest.approx(math.exp(-4.5), rel=1e-9)
    assert two.significance == pytest.approx(2.54, abs=0.01)
    assert likelihood_ratio(made_fit("lp", 60.0), made_fit("ecpl", 51.0)) is None
    assert likelihood_ratio(made_fit("pl", 60.0), made_fit("lp", 51.0, n_bins=39)) is None
    assert made_fit("lp", 51.0).aic == 57.0


def test_probability_is_that_of_chi_square():
    assert probability(made_fit("pl", 2 * 5.0, n_bins=4)) == pytest.approx(math.exp(-5.0))


def test_bootstrap_tells_a_right_from_a_wrong_model():
    data = folding_data(make_runs(livetime_s=8000.0))
    right = fit_model(data, "pl")
    p_value = bootstrap_p_value(data, right, np.random.default_rng(2), 40)
    assert 0.02 < p_value <= 1
    again = bootstrap_p_value(data, right, np.random.default_rng(2), 40)
    assert again == p_value
    curved = folding_data(make_runs("lp", (4e-11, 2.0, 0.6), livetime_s=8000.0))
    assert bootstrap_p_value(curved, fit_model(curved, "pl"), np.random.default_rng(2), 40) < 0.05


def test_objective_survives_absurd_parameters(data):
    objective = Objective(data, "pl")
    assert objective(np.array([1e-11, -1e6])) == Objective.UNDEFINED
    assert math.isfinite(objective(np.array([-1e-11, 2.0])))


def test_a_fit_does_not_depend_on_the_order_of_runs(data):
    backwards = fit_model(folding_data(make_runs()[::-1]), "pl")
    assert backwards.stat == pytest.approx(fit_model(data, "pl").stat, abs=1e-6)
    assert replace(backwards, stat=0.0).n_bins == data.n_bins
