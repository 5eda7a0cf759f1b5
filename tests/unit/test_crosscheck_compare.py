"""Comparison of the two chains and the gate, on small results written by hand."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import pytest
import yaml

from iactflow.campaign.schema import Tolerances
from iactflow.crosscheck.compare import (
    compare_blocks,
    compare_products,
    normal_off_verdicts,
)
from iactflow.crosscheck.gate import GateClosed, gate_products
from iactflow.crosscheck.verdicts import COLUMNS, read_verdicts
from iactflow.errors import InputError

TOLERANCES = Tolerances().model_dump(mode="json")
MARKS = {
    "n_on": 0,
    "n_off": 0,
    "parameter_sigma": 0.3,
    "statistic": 0.1,
    "flux_point_sigma": 0.3,
    "light_curve_sigma": 0.3,
    "peak_significance": 0.3,
    "off_mean": 0.1,
    "off_std": 0.05,
}

SKY_MAP = {
    "1-10": {
        "peak_significance": 9.7,
        "peak_ra_deg": 228.4,
        "peak_dec_deg": -59.1,
        "off_mean": 0.01,
        "off_std": 1.01,
        "n_on_events": 20935,
    }
}
SPECTRUM = {
    "obs_ids": [1, 2],
    "n_on": 30,
    "n_off": 40,
    "alpha": 0.1,
    "n_on_per_run": {"1": 10, "2": 20},
    "models": {
        "pl": {
            "parameters": {
                "amplitude": {"value": 4e-11, "error": 2e-12, "unit": "cm-2 s-1 TeV-1"},
                "index": {"value": 2.6, "error": 0.06, "unit": ""},
            },
            "stat": 50.0,
        }
    },
    "flux_points": [
        {
            "e_min_tev": 1.0,
            "e_max_tev": 2.0,
            "dnde": 1e-11,
            "dnde_errn": 1e-12,
            "dnde_errp": 2e-12,
        },
        {"e_min_tev": 2.0, "e_max_tev": 4.0, "dnde": None, "dnde_errn": None, "dnde_errp": None},
    ],
    "ogip": {"pl": {"stat": 50.05}},
}
LIGHT_CURVE = {
    "run_wise": {
        "energy_min_tev": 1.0,
        "energy_max_tev": 10.0,
        "points": [
            {"mjd_min": 53000.0, "mjd_max": 53000.02, "flux": 1e-11, "flux_err": 1e-12},
            {"mjd_min": 53000.1, "mjd_max": 53000.12, "flux": 2e-11, "flux_err": 1e-12},
        ],
    }
}
BLOCKS = {"sky_map": SKY_MAP, "spectrum": SPECTRUM, "light_curve": LIGHT_CURVE}


def verdicts_of(product, main, check):
    return {v.quantity: v for v in compare_blocks("crab", product, main, check, TOLERANCES)}


def failed(product, main, check):
    return sorted(q for q, v in verdicts_of(product, main, check).items() if not v.passed)


def changed(block, *keys, value):
    block = copy.deepcopy(block)
    inner = block
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return block


@pytest.mark.parametrize("product", BLOCKS)
def test_equal_results_pass(product):
    verdicts = verdicts_of(product, BLOCKS[product], BLOCKS[product])
    assert len(verdicts) >= 5
    assert all(v.passed for v in verdicts.values())


@pytest.mark.parametrize("product", BLOCKS)
@pytest.mark.parametrize("side", ["main", "check", "both"])
def test_a_missing_product_fails(product, side):
    main = {} if side in ("main", "both") else BLOCKS[product]
    check = {} if side in ("check", "both") else BLOCKS[product]
    verdicts = compare_blocks("crab", product, main, check, TOLERANCES)
    assert verdicts
    assert not any(v.passed and v.quantity == "made" for v in verdicts)
    assert "made" in {v.quantity for v in verdicts}


@pytest.mark.parametrize(
    ("product", "keys", "value", "quantity"),
    [
        ("spectrum", ("n_on",), 31, "n_on"),
        ("spectrum", ("n_off",), 41, "n_off"),
        ("spectrum", ("alpha",), 0.1002, "alpha"),
        ("spectrum", ("n_on_per_run", "2"), 21, "n_on[2]"),
        ("spectrum", ("n_on_per_run", "3"), 5, "n_on[3]"),
        ("spectrum", ("models", "pl", "parameters", "index", "value"), 2.619, "pl.index"),
        ("spectrum", ("models", "pl", "parameters", "index", "value"), None, "pl.index"),
        ("spectrum", ("models", "pl", "parameters", "index", "value"), float("nan"), "pl.index"),
        ("spectrum", ("models", "pl", "stat"), 50.2, "pl.stat on the same OGIP files"),
        ("spectrum", ("flux_points", 0, "dnde"), 1.05e-11, "flux_points[1-2 TeV].dnde"),
        ("spectrum", ("flux_points", 1, "dnde"), 1e-12, "flux_points[2-4 TeV].dnde"),
        ("sky_map", ("1-10", "peak_significance"), 10.01, "1-10.peak_significance"),
        ("sky_map", ("1-10", "off_mean"), -0.1, "1-10.off_mean"),
        ("sky_map", ("1-10", "off_std"), 1.07, "1-10.off_std"),
        ("sky_map", ("1-10", "n_on_events"), 20936, "1-10.n_on_events"),
        ("sky_map", ("1-10", "peak_ra_deg"), 228.51, "1-10.peak_separation_deg"),
        (
            "light_curve",
            ("run_wise", "points", 1, "flux"),
            2.04e-11,
            "run_wise[MJD 53000.10000].flux",
        ),
        ("light_curve", ("run_wise", "points", 1, "flux"), None, "run_wise[MJD 53000.10000].flux"),
        ("light_curve", ("run_wise", "energy_min_tev"), 1.1, "run_wise.energy_min_tev"),
    ],
)
def test_one_number_off_fails_alone(product, keys, value, quantity):
    assert failed(product, changed(BLOCKS[product], *keys, value=value), BLOCKS[product]) == [
        quantity
    ]


def test_tolerance_is_in_errors_of_the_check_chain():
    within = changed(SPECTRUM, "models", "pl", "parameters", "index", "value", value=2.6179)
    assert failed("spectrum", within, SPECTRUM) == []
    row = verdicts_of("spectrum", within, SPECTRUM)["pl.index"]
    assert row.tolerance == pytest.approx(0.3 * 0.06)
    # errors of the main chain play no part
    generous = changed(SPECTRUM, "models", "pl", "parameters", "index", "error", value=6.0)
    generous["models"]["pl"]["parameters"]["index"]["value"] = 2.7
    assert failed("spectrum", generous, SPECTRUM) == ["pl.index"]


def test_a_model_of_one_chain_fails():
    more = copy.deepcopy(SPECTRUM)
    more["models"]["lp"] = copy.deepcopy(SPECTRUM["models"]["pl"])
    names = ["lp.amplitude", "lp.index", "lp.stat on the same OGIP files"]
    assert failed("spectrum", more, SPECTRUM) == names
    assert failed("spectrum", SPECTRUM, more) == names


def test_bins_of_one_chain_fail():
    fewer = changed(LIGHT_CURVE, "run_wise", "points", value=LIGHT_CURVE["run_wise"]["points"][:1])
    expected = ["run_wise.n_bins", "run_wise[MJD 53000.10000].flux"]
    assert failed("light_curve", fewer, LIGHT_CURVE) == expected
    moved = changed(LIGHT_CURVE, "run_wise", "points", 0, "mjd_max", value=53000.03)
    assert failed("light_curve", moved, LIGHT_CURVE) == ["run_wise[MJD 53000.00000].flux"]


def test_bin_without_events_is_judged_by_the_limit():
    empty = changed(LIGHT_CURVE, "run_wise", "points", 0, "flux", value=1e-20)
    empty["run_wise"]["points"][0] |= {"flux_err": 1e-19, "flux_err_limit": 1e-12}
    near = changed(empty, "run_wise", "points", 0, "flux", value=1e-13)
    far = changed(empty, "run_wise", "points", 0, "flux", value=4e-13)
    assert failed("light_curve", near, empty) == []
    assert failed("light_curve", far, empty) == ["run_wise[MJD 53000.00000].flux"]


@pytest.fixture
def campaign(tmp_path):
    """Write results of both chains; the check chain's fluxes are scaled."""

    def write(scale=1.0, without=()):
        index = {}
        for product, block in BLOCKS.items():
            check = copy.deepcopy(block)
            if product == "spectrum":
                for key in ("value", "error"):
                    check["models"]["pl"]["parameters"]["amplitude"][key] *= scale
            if product == "light_curve":
                for point in check["run_wise"]["points"]:
                    point["flux"] *= scale
            paths = {}
            for side, content in (("main", block), ("check", check)):
                paths[side] = tmp_path / f"{side}_{product}.json"
                if (side, product) not in without:
                    paths[side].write_text(json.dumps(content))
            index[product] = {"crab": {"main": [str(paths["main"])], "check": str(paths["check"])}}
        outputs = SimpleNamespace(verdicts=tmp_path / "v.tsv", table=tmp_path / "v.html")
        params = SimpleNamespace(
            index=index,
            tolerances=TOLERANCES,
            normal_off={},
            reconstruction={},
            responses={},
            truth={},
        )
        compare_products(SimpleNamespace(), outputs, params, SimpleNamespace())
        return outputs

    return write


def gate(outputs, path):
    nothing = SimpleNamespace()
    gate_products(
        SimpleNamespace(verdicts=outputs.verdicts), SimpleNamespace(gate=path), nothing, nothing
    )


def test_gate_opens_when_the_chains_agree(campaign, tmp_path):
    outputs = campaign()
    rows = read_verdicts(outputs.verdicts)
    assert outputs.verdicts.read_text().splitlines()[0].split("\t") == list(COLUMNS)
    assert all(row["passed"] is True for row in rows)
    assert {row["product"] for row in rows} == set(BLOCKS)
    gate(outputs, tmp_path / "gate.txt")
    assert str(len(rows)) in (tmp_path / "gate.txt").read_text()


def test_flux_scaled_by_a_tenth_closes_the_gate(campaign, tmp_path):
    outputs = campaign(scale=1.1)
    with pytest.raises(GateClosed) as closed:
        gate(outputs, tmp_path / "gate.txt")
    lines = str(closed.value).splitlines()
    assert not (tmp_path / "gate.txt").exists()
    assert "crab: spectrum: pl.amplitude: main 4e-11, check 4.4e-11, tolerance 6.6e-13" in lines
    assert len([line for line in lines if "light_curve" in line]) == 2
    page = outputs.table.read_text()
    assert page.index("FAILED") < page.index(">passed<")
    assert "numbers disagree" in page


def test_missing_file_is_a_failed_verdict(campaign, tmp_path):
    outputs = campaign(without=[("check", "sky_map")])
    with pytest.raises(GateClosed, match="crab: sky_map: made: main 1, check 0"):
        gate(outputs, tmp_path / "gate.txt")


def test_gate_is_closed_without_verdicts(tmp_path):
    path = tmp_path / "v.tsv"
    path.write_text("\t".join(COLUMNS) + "\n")
    with pytest.raises(GateClosed, match="nothing is verified"):
        gate(SimpleNamespace(verdicts=path), tmp_path / "gate.txt")
    path.write_text("target\tproduct\tquantity\n")
    with pytest.raises(InputError, match="column"):
        gate(SimpleNamespace(verdicts=path), tmp_path / "gate.txt")


def test_the_page_escapes_and_stands_alone(campaign):
    page = campaign().table.read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "http" not in page
    assert "All " in page


def test_shipped_tolerances_are_no_wider_than_the_marks(repository):
    shipped = {"defaults": TOLERANCES}
    files = sorted((repository / "config" / "campaigns").glob("*.yaml"))
    assert files
    for file in files:
        block = yaml.safe_load(file.read_text()).get("cross_check", {}).get("tolerances", {})
        shipped[file.name] = TOLERANCES | block
    for name, tolerances in shipped.items():
        for key, mark in MARKS.items():
            assert tolerances[key] <= mark, f"{name}: {key}"


@pytest.mark.parametrize(
    ("mean", "std", "failed"),
    [(0.05, 1.02, 0), (0.11, 1.02, 1), (-0.11, 0.94, 2), (None, 1.0, 1)],
)
def test_off_source_significance_is_held_against_the_standard_normal(mean, std, failed):
    good = {"1-10": {"off_mean": 0.0, "off_std": 1.0}}
    bad = {"1-10": {"off_mean": mean, "off_std": std}}
    for main, check in ((good, bad), (bad, good)):
        verdicts = normal_off_verdicts("x", ["1-10"], main, check, TOLERANCES)
        assert len(verdicts) == 4
        assert sum(not v.passed for v in verdicts) == failed
    assert normal_off_verdicts("x", [], bad, bad, TOLERANCES) == []
