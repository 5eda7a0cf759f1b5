"""What finite simulations add to errors: against fits of areas that were really drawn anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from iactflow.crosscheck.simulation_error import simulation_error
from iactflow.crosscheck.truth import light_curve_rows, sky_map_rows, spectrum_rows

EDGES = 10.0 ** np.linspace(-0.5, 1.5, 21)
CENTRES = np.sqrt(EDGES[1:] * EDGES[:-1])
AREA = 2e5 * (1.0 - np.exp(-CENTRES / 0.5))
EVENTS = np.round(400.0 * CENTRES**-1.0)
PARTS = {"test_irfs": 0.4, "mock": 0.2}
RELATIVE = 1.0 / np.sqrt(EVENTS)


def flux(energy_tev):
    """Spectrum of the source."""
    return 3e-11 * np.asarray(energy_tev) ** -2.6


def summary(**changes):
    """Headline numbers of a node, at two offsets: the first one is worthless."""
    other = np.zeros_like(AREA)
    block = {
        "offset_deg": [1.5, 0.5],
        "energy_edges_tev": EDGES.tolist(),
        "effective_area_m2": [other.tolist(), AREA.tolist()],
        "effective_area_error_m2": [other.tolist(), (AREA * RELATIVE).tolist()],
        "n_signal_events": [other.tolist(), EVENTS.tolist()],
        "angular_resolution_deg": [[None] * len(AREA), [0.1] * (len(AREA) - 1) + [None]],
    }
    return {**block, **changes}


def errors(n_nodes=1):
    return simulation_error([summary()] * n_nodes, 0.5, flux, PARTS)


def fit(ratio, reference_tev):
    """Power law fitted by likelihood to counts that are off by a factor in every bin."""
    expected = CENTRES * flux(CENTRES) * AREA
    scale = 1e6 / expected.sum()
    x = np.log(CENTRES / reference_tev)

    def cost(p):
        model = scale * expected * np.exp(p[0] - p[1] * x)
        return np.sum(model - scale * expected * ratio * np.log(model))

    found = minimize(cost, [0.0, 0.0], method="BFGS", options={"gtol": 1e-6})
    return found.x


def test_a_power_law_answers_to_other_simulations_as_the_covariance_says():
    rng = np.random.default_rng(3)
    spread = RELATIVE * math.sqrt(1.0 + PARTS["test_irfs"] / PARTS["mock"])
    found = np.array([fit(np.exp(spread * rng.normal(size=20)), 1.0) for _ in range(300)])
    expected = errors().covariance(1.0, 2)
    measured = np.cov(found.T)
    # A standard deviation of 300 fits is known to 4 %.
    np.testing.assert_allclose(np.sqrt(np.diag(measured)), np.sqrt(np.diag(expected)), rtol=0.15)
    correlation = expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1])
    assert np.corrcoef(found.T)[0, 1] == pytest.approx(correlation, abs=0.15)


def test_equal_relative_errors_of_one_bin_are_those_of_the_amplitude():
    one = summary(
        energy_edges_tev=[1.0, 2.0, 4.0],
        effective_area_m2=[[0.0, 0.0], [1e5, 1e5]],
        effective_area_error_m2=[[0.0, 0.0], [1e4, 1e4]],
        n_signal_events=[[0, 0], [100, 100]],
        angular_resolution_deg=[[None, None], [0.1, 0.1]],
    )
    found = simulation_error([one], 0.5, flux, PARTS)
    # Two bins, two parameters: the fit goes through both.
    first = found.covariance(math.sqrt(2.0), 2)[0, 0]
    assert math.sqrt(first) == pytest.approx(0.1 * math.sqrt(3.0))


def test_nodes_are_independent():
    one, four = errors(), errors(4)
    np.testing.assert_allclose(four.covariance(1.0, 2), one.covariance(1.0, 2) / 4.0)
    assert four.position_deg == pytest.approx(0.5 * one.position_deg)


def test_flux_over_the_range_of_the_fit_is_known_as_its_counts_are():
    found = errors()
    wide = found.of_flux(EDGES[0], EDGES[-1], 2)
    # As for the amplitude at the energy where it does not correlate with the index.
    best = min(math.sqrt(found.covariance(e, 2)[0, 0]) for e in np.geomspace(0.3, 3.0, 60))
    assert best < wide < 2.0 * best


def test_position_is_the_mean_of_the_directions_at_hand():
    found = errors()
    weight = CENTRES * flux(CENTRES) * AREA
    weight[-1] = 0.0  # no resolution is known there
    n_eff = np.sum(weight) ** 2 / np.sum(weight**2 / (EVENTS / 2.0))
    assert found.position_deg == pytest.approx(0.1 / 1.5096 / math.sqrt(n_eff), rel=0.01)


SOURCE = {
    "position": {"ra_deg": 83.6, "dec_deg": 22.0}, "model": "pl", "amplitude": 3e-11, "index": 2.6,
    "reference_tev": 1.0, "curvature": 0.0, "energy_cutoff_tev": None, "flare_factor": 1.0,
    "flare_start_s": 0.0, "flare_duration_s": 0.0, "periodic": None, "extension": None,
}  # fmt: skip
MOCK = {
    "n_runs": 1, "run_duration_s": 1000.0, "gap_s": 0.0, "start": "2026-01-15T20:00:00",
    "source": SOURCE, "sources": [],
}  # fmt: skip


def test_tolerances_of_the_spectrum_hold_both_errors():
    found = errors()
    parameters = {
        "amplitude": {"value": 3e-11, "error": 1e-12},
        "index": {"value": 2.6, "error": 0.02},
    }
    ends = {"energy_min_tev": 0.4, "energy_max_tev": 20.0}
    model = {
        "reference_tev": 1.0, "parameters": parameters,
        "integral_fluxes": [{**ends, "flux": 1e-10, "flux_err": 3e-12}],
    }  # fmt: skip
    main = {"obs_ids": [1], "models": {"pl": model}}
    with_simulations = {row[0]: row[3] for row in spectrum_rows(MOCK, SOURCE, main, 3.0, found)}
    without = {row[0]: row[3] for row in spectrum_rows(MOCK, SOURCE, main, 3.0, None)}
    variance = found.covariance(1.0, 2)
    assert without["pl.index"] == pytest.approx(0.06)
    expected = 3.0 * math.hypot(0.02, math.sqrt(variance[1, 1]))
    assert with_simulations["pl.index"] == pytest.approx(expected)
    expected = 3.0 * math.hypot(1e-12, 3e-11 * math.sqrt(variance[0, 0]))
    assert with_simulations["pl.amplitude"] == pytest.approx(expected)
    assert all(with_simulations[name] > without[name] for name in without)


def test_tolerance_of_the_position_holds_both_errors():
    block = {
        "1-10": {"position_ra_deg": 83.6, "position_dec_deg": 22.0, "position_error_deg": 0.003}
    }
    (row,) = sky_map_rows(SOURCE, block, 3.0, errors())
    (alone,) = sky_map_rows(SOURCE, block, 3.0, None)
    assert row[3] / alone[3] == pytest.approx(math.hypot(1.0, errors().position_deg / 0.003))


def test_points_of_a_light_curve_share_the_error_of_the_simulations():
    """Chi-square with the inverse of the full covariance matrix."""
    from iactflow.campaign.mock_truth import TIME_REFERENCE_MJD, run_start_s
    from iactflow.crosscheck.truth import injected_flux

    found = errors()
    quiet = injected_flux(SOURCE, 0.5, 10.0)
    start = TIME_REFERENCE_MJD + run_start_s(MOCK, 1) / 86400.0
    values = quiet * np.array([1.1, 1.05, 1.2, 0.98])
    points = [
        {"mjd_min": start + i * 250 / 86400, "mjd_max": start + (i + 1) * 250 / 86400, "flux": v}
        | dict.fromkeys(("flux_err", "flux_errn", "flux_errp"), 0.1 * quiet)
        for i, v in enumerate(values)
    ]
    main = {"curve": {"energy_min_tev": 0.5, "energy_max_tev": 10.0, "points": points}}
    settings = {"curve": {"binning": "fixed"}}
    (row,) = light_curve_rows(MOCK, SOURCE, main, settings, 3.0, found)
    common = found.of_flux(0.5, 10.0, 2) * quiet
    matrix = np.diag(np.full(4, (0.1 * quiet) ** 2)) + common**2
    deviation = values - quiet
    assert row[1] == pytest.approx(deviation @ np.linalg.solve(matrix, deviation), rel=1e-6)
    (alone,) = light_curve_rows(MOCK, SOURCE, main, settings, 3.0, None)
    assert alone[1] == pytest.approx(np.sum((deviation / (0.1 * quiet)) ** 2), rel=1e-6)
    assert row[1] < alone[1]
