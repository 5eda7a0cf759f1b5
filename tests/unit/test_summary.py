"""The summary for machines and the overview for readers."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from figure_samples import settings, spectrum_block
from summary_shape import SHAPE, check_shape

from iactflow.campaign.cost import CostRecord
from iactflow.campaign.provenance import Activity, prov_document, write_sidecar
from iactflow.errors import InputError
from iactflow.report.html import fraction, measured, number, table, unit_html
from iactflow.report.overview import ATTRIBUTION, make_overview
from iactflow.report.summary import summarise

COLUMNS = ["target", "product", "quantity", "main", "check", "tolerance", "passed"]
VERDICTS = [
    ("test", "spectrum", "n_on", 300.0, 300.0, 0.0, True),
    ("test", "spectrum", "models.pl.index", 2.6, 2.61, 0.02, True),
]


def _light_curve():
    point = {"mjd_min": 53945.9, "mjd_max": 53945.91, "flux": 1e-11, "flux_err": 1e-12}
    return {
        "run_wise": {
            "energy_min_tev": 1.0,
            "energy_max_tev": 20.0,
            "points": [{**point, "flux_ul": 1.2e-11}],
            "fractional_variability": 0.1,
            "chi2": 0.5,
            "ndf": 1,
        }
    }


def _sky_map(band="1-10"):
    return {
        band: {
            "peak_significance": 12.0,
            "peak_ra_deg": 83.6,
            "peak_dec_deg": 22.0,
            "off_mean": -0.02,
            "off_std": 1.01,
            "n_on_events": 200,
        }
    }


def _sidecar(path, rule, cpu_s, rss):
    cost = CostRecord(cpu_s=cpu_s, wall_s=2 * cpu_s, max_rss_mb=rss, output_bytes=1000)
    activity = Activity(rule=rule, code="c" * 64, function="module.function", cost=cost)
    write_sidecar(path, prov_document(activity, {}, {}))


@pytest.fixture
def campaign(tmp_path):
    """Files and parameters of a finished campaign with one target."""
    blocks = {
        "map_1-10": _sky_map(),
        "map_10-30": _sky_map("10-30"),
        "spectrum": spectrum_block(),
        "light_curve": _light_curve(),
    }
    paths = {name: tmp_path / f"{name}.json" for name in blocks}
    for name, block in blocks.items():
        paths[name].write_text(json.dumps(block))
    pd.DataFrame(VERDICTS, columns=COLUMNS).to_csv(tmp_path / "verdicts.tsv", sep="\t", index=False)
    for i, (rule, cpu_s, rss) in enumerate(
        [("fill_sky_map", 1.5, 300.0), ("fill_sky_map", 2.5, 200.0), ("fit_spectrum", 4.0, 500.0)]
    ):
        _sidecar(tmp_path / f"{i}.prov.json", rule, cpu_s, rss)
    facts = {
        "campaign": "test",
        "description": "A campaign & its <description>",
        "config_file": "config/campaigns/test.yaml",
        "config_sha256": "ab" * 32,
        "image": "containers/iactflow.sif",
        "seed": 42,
        "data_source": "dl3",
        "targets": {"test": settings()},
    }
    index = {
        "sky_map": {"test": [str(paths["map_1-10"]), str(paths["map_10-30"])]},
        "spectrum": {"test": [str(paths["spectrum"])]},
        "light_curve": {"test": [str(paths["light_curve"])]},
    }
    return SimpleNamespace(
        folder=tmp_path,
        paths=paths,
        inputs=SimpleNamespace(
            verdicts=str(tmp_path / "verdicts.tsv"),
            provenance=[str(tmp_path / f"{i}.prov.json") for i in range(3)],
            summary=str(tmp_path / "summary.json"),
        ),
        outputs=SimpleNamespace(
            summary=str(tmp_path / "summary.json"), overview=str(tmp_path / "overview.html")
        ),
        params=SimpleNamespace(settings=facts, index=index, plan={}),
    )


def _summary(campaign) -> dict:
    summarise(campaign.inputs, campaign.outputs, campaign.params, SimpleNamespace())
    return json.loads((campaign.folder / "summary.json").read_text(encoding="utf-8"))


def _overview(campaign) -> str:
    _summary(campaign)
    make_overview(campaign.inputs, campaign.outputs, campaign.params, SimpleNamespace())
    return (campaign.folder / "overview.html").read_text(encoding="utf-8")


def _text(html) -> str:
    """What a reader sees, tags gone."""
    parts = []
    parser = HTMLParser()
    parser.handle_data = parts.append
    parser.feed(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))
    return re.sub(r"\s+", " ", " ".join(parts))


def test_summary_has_the_shape_of_the_contract(campaign):
    check_shape(_summary(campaign), SHAPE)


@pytest.mark.parametrize("key", ["targets", "cost", "image"])
def test_the_check_of_the_shape_can_fail(campaign, key):
    summary = _summary(campaign)
    del summary[key]
    with pytest.raises(AssertionError, match=key):
        check_shape(summary, SHAPE)
    summary[key] = 1
    with pytest.raises(AssertionError, match=key):
        check_shape(summary, SHAPE)


def test_summary_holds_the_numbers_of_the_products(campaign):
    summary = _summary(campaign)
    target = summary["targets"]["test"]
    assert summary["campaign"] == "test"
    assert summary["config_sha256"] == "ab" * 32
    assert set(target["sky_map"]) == {"1-10", "10-30"}
    assert target["spectrum"] == spectrum_block()
    assert target["light_curve"] == _light_curve()
    assert [list(row.values()) for row in summary["cross_checks"]] == [list(r) for r in VERDICTS]
    assert summary["software"]["numpy"] == np.__version__
    assert "iactflow" in summary["software"]


def test_cost_is_summed_over_jobs_and_memory_is_the_largest(campaign):
    assert _summary(campaign)["cost"] == {
        "fill_sky_map": {
            "jobs": 2,
            "cpu_s": 4.0,
            "wall_s": 8.0,
            "max_rss_mb": 300.0,
            "output_bytes": 2000,
        },
        "fit_spectrum": {
            "jobs": 1,
            "cpu_s": 4.0,
            "wall_s": 8.0,
            "max_rss_mb": 500.0,
            "output_bytes": 1000,
        },
    }


def test_versions_that_differ_between_jobs_are_all_named(campaign):
    path = campaign.folder / "2.prov.json"
    document = json.loads(path.read_text())
    document["agent"]["iactflow:software"]["iactflow:versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(document))
    assert _summary(campaign)["software"]["numpy"] == f"1.0, {np.__version__}"


def test_summary_is_strict_json(campaign):
    block = _light_curve()
    block["run_wise"]["points"][0]["flux"] = float("nan")
    campaign.paths["light_curve"].write_text(json.dumps(block))
    summary = _summary(campaign)
    assert "NaN" not in (campaign.folder / "summary.json").read_text()
    assert summary["targets"]["test"]["light_curve"]["run_wise"]["points"][0]["flux"] is None


def test_target_without_spectrum(campaign):
    campaign.params.index["spectrum"] = {}
    campaign.params.index["light_curve"] = {}
    target = _summary(campaign)["targets"]["test"]
    assert target["spectrum"] is None
    assert target["light_curve"] == {}
    assert "Test source" in _overview(campaign)


@pytest.mark.parametrize(
    ("name", "where", "key"),
    [
        ("map_1-10", ["1-10"], "off_std"),
        ("spectrum", [], "n_on_per_run"),
        ("spectrum", ["models", "pl"], "reference_tev"),
        ("spectrum", ["models", "pl", "parameters", "index"], "unit"),
        ("spectrum", ["flux_points", 0], "dnde_ul"),
        ("light_curve", ["run_wise"], "ndf"),
        ("light_curve", ["run_wise", "points", 0], "flux_err"),
    ],
)
def test_a_product_that_lacks_a_key_is_refused(campaign, name, where, key):
    path = campaign.paths[name]
    block = json.loads(path.read_text())
    inner = block
    for step in where:
        inner = inner[step]
    del inner[key]
    path.write_text(json.dumps(block))
    with pytest.raises(InputError, match=key) as error:
        _summary(campaign)
    assert path.name in str(error.value)


def test_overview_holds_the_plan_against_the_cost(campaign):
    assert "Plan and measurement" not in _overview(campaign)
    campaign.params.plan = {
        "fill_sky_map": {"jobs": 2, "cpu_s": 7.2, "max_rss_mb": 250.0, "output_bytes": 3_000_000},
        # One job of two is in the summary: nothing to compare.
        "fit_spectrum": {"jobs": 2, "cpu_s": 9.0, "max_rss_mb": 900.0, "output_bytes": 1},
        "never_run": {"jobs": 1, "cpu_s": 9.0, "max_rss_mb": 900.0, "output_bytes": 1},
    }
    text = _text(_overview(campaign))
    section = text.split("Plan and measurement")[1].split("Make it again")[0]
    numbers = "2 0.0020 0.0011 250 300 3.00 0.00"
    assert f"fill_sky_map {numbers}" in section
    assert f"all {numbers}" in section
    assert "fit_spectrum" not in section
    assert "never_run" not in section


def test_overview_needs_nothing_beside_it(campaign):
    html = _overview(campaign)
    assert not re.findall(r"(?:src|href)=|@import|url\(|<script", html)
    assert "<!doctype html>" in html
    assert "$" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


def test_overview_says_what_the_campaign_found_and_rests_on(campaign):
    html = _overview(campaign)
    text = _text(html)
    assert "A campaign & its <description>" in text
    assert "<description>" not in html
    for expected in (
        "Gate open",
        "All 2 numbers agree",
        "18.2 σ",
        "2.600 ± 0.050",
        "(3.00 ± 0.20) × 10",
        "3: no room for off regions",
        "12.0 σ",
        "−0.020",
        "ab" * 32,
        "containers/iactflow.sif",
        "42",
        "snakemake --profile profiles/local --configfile config/campaigns/test.yaml",
        "--report results/test/report.zip",
        "fill_sky_map",
        "numpy",
        ATTRIBUTION,
    ):
        assert expected in text, expected
    assert text.index("Gate open") < text.index("Targets") < text.index("Provenance")


def test_summary_and_overview_name_the_image_that_was_used(campaign, monkeypatch):
    assert "not used: the jobs ran in the locked environment" in _text(_overview(campaign))
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/iactflow.sif")
    monkeypatch.setenv("IACTFLOW_IMAGE_DIGEST", "cd" * 32)
    _sidecar(campaign.folder / "0.prov.json", "fill_sky_map", 1.5, 300.0)
    about = _summary(campaign)["about"]
    assert about["containers"] == ["/images/iactflow.sif"]
    assert about["image_digests"] == ["cd" * 32]
    text = _text(_overview(campaign))
    assert re.search(f"used as /images/iactflow.sif ?, digest {'cd' * 32}", text)


def test_closed_gate_comes_first_and_names_what_failed(campaign):
    rows = [*VERDICTS, ("test", "sky_map", "1-10 off_mean", 0.5, 0.01, 0.1, False)]
    pd.DataFrame(rows, columns=COLUMNS).to_csv(campaign.inputs.verdicts, sep="\t", index=False)
    text = _text(_overview(campaign))
    assert "Gate open" not in text
    assert "1 of 3 numbers differ" in text
    gate = text[text.index("Gate closed") : text.index("Targets")]
    for expected in ("sky_map", "1-10 off_mean", "0.500", "0.100"):
        assert expected in gate
    assert "n_on" not in gate


def test_nothing_compared_is_a_closed_gate(campaign):
    pd.DataFrame([], columns=COLUMNS).to_csv(campaign.inputs.verdicts, sep="\t", index=False)
    assert "Gate closed" in _text(_overview(campaign))


@pytest.mark.parametrize(
    ("simulations", "origin"),
    [(None, "sampled from responses"), ({"signal": ["gamma"]}, "simulated and reconstructed")],
)
def test_mock_data_are_no_data_of_hess(campaign, simulations, origin):
    campaign.params.settings["data_source"] = "mock"
    campaign.params.settings["config"] = {"mock": {"simulations": simulations}}
    text = _text(_overview(campaign))
    assert ATTRIBUTION not in text
    assert "Mock data" in text
    assert origin in text


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (698, None, "698"),
        (-3.0, None, "−3"),
        (0.04217, None, "0.0422"),
        (12.345, 1, "12.3"),
        (4.6e-11, None, "4.60 × 10<sup>−11</sup>"),
        (None, None, "–"),
        (float("nan"), 2, "–"),
        (0.0, None, "0"),
    ],
)
def test_number(value, decimals, expected):
    assert number(value, decimals) == expected


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (2.59, 0.061, "2.590 ± 0.061"),
        (3.45e-11, 1.2e-12, "(3.45 ± 0.12) × 10<sup>−11</sup>"),
        (2.5, None, "2.50"),
        (None, None, "–"),
        (-0.1, 1.5, "−0.1 ± 1.5"),
    ],
)
def test_measured(value, error, expected):
    assert measured(value, error) == expected


def test_small_parts_of_html():
    assert fraction(12.34, 3) == "12.3 / 3"
    assert fraction(None, 3) == fraction(1.0, 0) == "–"
    assert unit_html("cm-2 s-1") == "cm<sup>−2</sup> s<sup>−1</sup>"
    named = table((), [("key", "value")])
    assert "<th>key</th><td>value</td>" in named
    full = table(("a", "b"), [("1", "2")], numeric=(1,), foot=("sum", "2"))
    assert '<th class="n">b</th>' in full
    assert '<tfoot><tr><td>sum</td><td class="n">2</td></tr></tfoot>' in full
