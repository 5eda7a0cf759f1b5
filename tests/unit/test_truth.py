"""Results of mock data against what was injected: agreement, and every way to disagree."""

from __future__ import annotations

import copy
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import quad

from iactflow.campaign.mock_truth import TIME_REFERENCE_MJD, flux_per_cm2_s_tev, run_start_s
from iactflow.campaign.schema import Mock, Target, Tolerances
from iactflow.crosscheck import truth
from iactflow.crosscheck.compare import compare_products, truth_verdicts
from iactflow.crosscheck.gate import GateClosed, gate_products
from iactflow.crosscheck.verdicts import read_verdicts
from iactflow.science.map_position import excess_position

POSITION = {"ra_deg": 83.633083, "dec_deg": 22.0145}
TOLERANCES = Tolerances().model_dump(mode="json")
FLARE = {"flare_factor": 3.0, "flare_start_s": 100.0, "flare_duration_s": 400.0}


def mock(source=None, **changes):
    block = {"n_runs": 2, "source": {"position": POSITION, **FLARE, **(source or {})}}
    return Mock.model_validate({**block, **changes}).model_dump(mode="json")


def target(**changes):
    block = {
        "label": "mock",
        "position": POSITION,
        "observations": {"obs_ids": [1, 2]},
        "spectrum": {"models": [{"model": "pl"}, {"model": "lp"}]},
        "sky_maps": [{"energy_bands_tev": [[1, 10]]}],
        "light_curves": {
            "run_wise": {"binning": "run_wise"},
            "blocks": {"binning": "bayesian_blocks"},
        },
        **changes,
    }
    return {"name": "crab", **Target.model_validate(block).model_dump(mode="json")}


def measured(block):
    """Products that find exactly what the twin of the truth says."""
    source = block["source"]
    factors = [1.0 + 2.0 * 400.0 / 1680.0, 1.0]
    mean = sum(factors) / 2.0

    def flux(low, high):
        return quad(lambda e: float(flux_per_cm2_s_tev(source, e)), low, high, epsabs=0)[0]

    first_mjd = TIME_REFERENCE_MJD + run_start_s(block, 1) / 86400.0
    points = []
    for i, factor in enumerate(factors):
        start = first_mjd + i * 1800.0 / 86400.0
        value = flux(0.3, 20.0) * factor
        points.append(
            {"mjd_min": start, "mjd_max": start + 1680.0 / 86400.0, "flux": value}
            | dict.fromkeys(("flux_err", "flux_errn", "flux_errp"), 0.05 * value)
        )

    def model(**parameters):
        found = {
            name: {"value": value, "error": 0.05 * abs(value) or 0.05}
            for name, value in parameters.items()
        }
        ends = {"energy_min_tev": 0.3, "energy_max_tev": 30.0}
        value = mean * flux(0.3, 30.0)
        fluxes = [{**ends, "flux": value, "flux_err": 0.05 * value}]
        return {"reference_tev": 1.0, "parameters": found, "integral_fluxes": fluxes}

    amplitude = mean * float(flux_per_cm2_s_tev(source, 1.0))
    place = {"position_ra_deg": 83.64, "position_dec_deg": 22.02, "position_error_deg": 0.005}
    curve = {"energy_min_tev": 0.3, "energy_max_tev": 20.0, "points": points}
    return {
        "spectrum": {
            "obs_ids": [1, 2],
            "models": {
                "pl": model(amplitude=amplitude, index=2.63),
                "lp": model(amplitude=amplitude, alpha=2.63, beta=0.0),
            },
        },
        "sky_map": {"1-10": place},
        "light_curve": {"run_wise": curve, "blocks": curve},
    }


def judged(block, products, settings=None, product=None):
    facts = {"mock": block, "targets": {"crab": settings or target()}, "responses": []}
    return [
        verdict
        for name, main in products.items()
        if product in (None, name)
        for verdict in truth_verdicts("crab", name, main, facts, TOLERANCES)
    ]


def test_what_was_injected_is_found():
    block = mock()
    verdicts = judged(block, measured(block))
    assert all(v.passed for v in verdicts)
    quantities = [v.quantity for v in verdicts]
    assert quantities == [
        *("pl.amplitude", "pl.index", "pl.flux[0.3-30 TeV]"),
        *("lp.amplitude", "lp.alpha", "lp.beta", "lp.flux[0.3-30 TeV]"),
        "1-10.position_deg",
        "run_wise.chi2 with 2 points",
    ]
    by_name = {v.quantity: v for v in verdicts}
    assert by_name["run_wise.chi2 with 2 points"].main == pytest.approx(0.0, abs=1e-8)
    assert by_name["pl.amplitude"].check == pytest.approx(by_name["pl.amplitude"].main)
    # 3.44 widths hold of a distance in two dimensions what 3 hold of one number.
    assert by_name["1-10.position_deg"].tolerance == pytest.approx(3.44 * 0.005, rel=1e-3)


WRONG = {
    "a brighter source": ({"amplitude": 4.2e-11}, {"pl.amplitude", "pl.flux[0.3-30 TeV]"}),
    "another index": ({"index": 2.2}, {"pl.index", "lp.alpha"}),
    "another place": ({"position": {"ra_deg": 83.633083, "dec_deg": 22.0}}, {"1-10.position_deg"}),
    "no flare": ({"flare_duration_s": 0.0}, {"run_wise.chi2 with 2 points"}),
    "a flare in the other run": ({"flare_start_s": 1900.0}, {"run_wise.chi2 with 2 points"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_injection_fails(name):
    change, failing = WRONG[name]
    products = measured(mock())
    failed = {v.quantity for v in judged(mock(change), products) if not v.passed}
    assert failing <= failed


def test_a_fit_of_another_model_is_not_judged():
    block = mock({"model": "ecpl", "energy_cutoff_tev": 10.0})
    assert judged(block, measured(mock()), product="spectrum") == []


def test_a_cut_off_is_judged():
    block = mock({"model": "ecpl", "energy_cutoff_tev": 10.0, "reference_tev": 2.0})
    energy_tev = np.array([0.5, 1.0, 7.0])
    found = truth._parameters(block["source"], "ecpl", 0.7)
    again = found["amplitude"] * (energy_tev / 0.7) ** -found["index"]
    again *= np.exp(-found["lambda_"] * energy_tev)
    expected = flux_per_cm2_s_tev(block["source"], energy_tev)
    np.testing.assert_allclose(again, expected, rtol=1e-12)


def test_a_log_parabola_at_another_reference():
    source = mock({"model": "lp", "curvature": 0.15, "reference_tev": 3.0})["source"]
    found = truth._parameters(source, "lp", 0.8)
    energy_tev = np.array([0.5, 1.0, 7.0])
    x = np.log(energy_tev / 0.8)
    again = found["amplitude"] * np.exp(-(found["alpha"] + found["beta"] * x) * x)
    np.testing.assert_allclose(again, flux_per_cm2_s_tev(source, energy_tev), rtol=1e-12)
    assert truth._parameters(source, "pl", 1.0) == {}


@pytest.mark.parametrize("model", ["pl", "lp", "ecpl"])
def test_integral_flux(model):
    source = mock({"model": model, "curvature": 0.2, "energy_cutoff_tev": 5.0})["source"]
    expected = quad(lambda e: float(flux_per_cm2_s_tev(source, e)), 0.3, 30.0, epsabs=0)[0]
    assert truth.injected_flux(source, 0.3, 30.0) == pytest.approx(expected, rel=1e-4)


def test_sources_that_cannot_be_told_apart():
    one = {"name": "one", "position": POSITION}
    near = {"name": "two", "position": {"ra_deg": 83.633083, "dec_deg": 22.5}}
    far = {"name": "two", "position": {"ra_deg": 83.633083, "dec_deg": 23.5}}

    def found(*sources):
        block = Mock.model_validate({"sources": list(sources)}).model_dump(mode="json")
        return truth.source_of_target(block, POSITION, 0.11)

    assert found(one)["name"] == found(one, far)["name"] == "one"
    assert found(one, near) is None
    assert found(far) is None
    extended = {**one, "extension": {"shape": "disk", "radius_deg": 0.3}}
    assert found(extended) is None


def test_missing_numbers_fail():
    products = measured(mock())
    products["sky_map"]["1-10"]["position_ra_deg"] = None
    products["light_curve"]["run_wise"]["points"][0] |= {"flux_errn": None, "flux_err": None}
    products["light_curve"]["run_wise"]["points"][0] |= {"flux_errp": None}
    products["spectrum"]["models"]["pl"]["parameters"]["index"]["error"] = None
    failed = {v.quantity for v in judged(mock(), products) if not v.passed}
    assert failed == {"1-10.position_deg", "run_wise.chi2 with 2 points", "pl.index"}


def test_bins_without_data_are_left_out():
    products = measured(mock())
    point = copy.deepcopy(products["light_curve"]["run_wise"]["points"][0])
    products["light_curve"]["run_wise"]["points"].append({**point, "flux": None})
    names = [v.quantity for v in judged(mock(), products, product="light_curve")]
    assert names == ["run_wise.chi2 with 2 points"]


def test_the_gate_closes(tmp_path):
    """Through the stage and the gate, with the very numbers on both sides of the chains."""
    products = {"spectrum": measured(mock())["spectrum"]}
    file = tmp_path / "spectrum.json"
    check = copy.deepcopy(products["spectrum"])
    for block in (products["spectrum"], check):
        block |= {"n_on": 1, "n_off": 1, "alpha": 0.1, "n_on_per_run": {}, "flux_points": []}
        for name in ("pl", "lp"):
            block["models"][name]["stat"] = 1.0
    check["ogip"] = {"pl": {"stat": 1.0}, "lp": {"stat": 1.0}}
    file.write_text(json.dumps(products["spectrum"]))
    (tmp_path / "check.json").write_text(json.dumps(check))
    index = {"spectrum": {"crab": {"main": [file], "check": tmp_path / "check.json"}}}
    for amplitude, opens in ((3.45e-11, True), (5e-11, False)):
        outputs = SimpleNamespace(verdicts=tmp_path / "v.tsv", table=tmp_path / "v.html")
        facts = {
            "mock": mock({"amplitude": amplitude}),
            "targets": {"crab": target()},
            "responses": [],
        }
        params = SimpleNamespace(
            index=index,
            tolerances=TOLERANCES,
            normal_off={},
            reconstruction={},
            responses={},
            truth=facts,
        )
        compare_products(None, outputs, params, None)
        rows = read_verdicts(outputs.verdicts)
        assert all(r["passed"] for r in rows if r["product"] != "truth")
        gate = SimpleNamespace(gate=tmp_path / f"gate{opens}.txt")
        inputs = SimpleNamespace(verdicts=outputs.verdicts)
        if opens:
            gate_products(inputs, gate, None, None)
            assert gate.gate.exists()
        else:
            with pytest.raises(GateClosed, match="truth"):
                gate_products(inputs, gate, None, None)
        assert "Injected sources" in outputs.table.read_text()


PIXEL = 0.04


def plane():
    grid = np.arange(-40, 41) * PIXEL
    x, y = np.meshgrid(grid, grid)
    edges = np.append(grid - PIXEL / 2, grid[-1] + PIXEL / 2)
    return x.ravel(), y.ravel(), edges


def test_positions_scatter_as_their_errors_say():
    rng = np.random.default_rng(4)
    x, y, edges = plane()
    pulls = []
    for _ in range(150):
        centre = rng.uniform(-0.1, 0.1, 2)
        events = centre[:, None] + 0.06 * rng.normal(size=(2, 80))
        counts = np.histogram2d(events[1], events[0], bins=[edges, edges])[0].ravel()
        counts = counts + rng.poisson(0.3, counts.size)
        start = np.round((centre + 0.03 * rng.normal(size=2)) / PIXEL) * PIXEL
        found = excess_position(counts, np.full(counts.size, 0.3), x, y, tuple(start), 0.066)
        pulls += [(found.x_deg - centre[0]) / found.error_deg]
        pulls += [(found.y_deg - centre[1]) / found.error_deg]
    # 300 pulls: their mean scatters by 0.06, their width by 0.04.
    assert abs(np.mean(pulls)) < 0.2
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)


def test_a_known_position():
    x, y, _ = plane()
    counts = 50.0 * np.exp(-0.5 * ((x - 0.013) ** 2 + (y + 0.027) ** 2) / 0.07**2)
    found = excess_position(counts, np.zeros(counts.size), x, y, (0.08, 0.0), 0.07)
    assert (found.x_deg, found.y_deg) == pytest.approx((0.013, -0.027), abs=1e-4)
    # A Gaussian with its own width as weight: error^2 = 16/9 sigma^2 / n per axis.
    expected = math.sqrt(16.0 / 9.0) * 0.07 / math.sqrt(counts.sum())
    assert found.error_deg == pytest.approx(expected, rel=0.01)


def test_no_excess_has_no_position():
    x, y, _ = plane()
    flat = np.ones(x.size)
    assert excess_position(flat, 2.0 * flat, x, y, (0.0, 0.0), 0.07) is None
    nothing = np.full(x.size, np.nan)
    assert excess_position(flat, nothing, x, y, (0.0, 0.0), 0.07) is None
