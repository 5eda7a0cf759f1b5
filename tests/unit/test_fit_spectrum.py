"""The rule that fits spectra: on made-up runs, and on the Crab Nebula against gammapy."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from spectrum_samples import CRAB_LIKE, make_runs

from iactflow.campaign.schema import Target
from iactflow.errors import InputError
from iactflow.science.dataset import definitions, extract
from iactflow.science.fit import fit_model
from iactflow.science.flux_points import estimate_flux_points
from iactflow.science.folding import folding_data
from iactflow.science.ogip import write_ogip
from iactflow.science.spectrum_io import counts_block, totals_block
from iactflow.science.stages.fit_spectrum import fit_spectrum

AXIS = {"energy_min_tev": 0.1, "energy_max_tev": 100.0, "n_bins": 36}


def make_target(**spectrum):
    block = {
        "label": "Made-up source",
        "position": {"ra_deg": 83.63, "dec_deg": 22.01},
        "observations": {"obs_ids": [1, 2, 3, 4]},
        "spectrum": {
            "models": [{"model": "pl"}, {"model": "lp"}, {"model": "ecpl", "name": "cut-off"}],
            "flux_points": {"energy_edges_tev": [0.4, 0.7, 1.2, 2.0, 4.0, 8.0, 16.0, 50.0, 90.0]},
            **spectrum,
        },
    }
    return {"name": "source", **Target.model_validate(block).model_dump(mode="json")}


def write_chunk(folder, runs, dropped=(), also=()):
    """What the extraction of a chunk leaves."""
    folder.mkdir()
    rows = []
    for run in runs:
        for name in ("default", *also):
            write_ogip(run, folder / name / f"obs_{run.name}")
        counts = int(run.n_on.sum()), int(run.n_off.sum())
        rows.append((int(run.name), *counts, float(run.alpha[0]), run.livetime_s, "kept", ""))
    rows += [(obs_id, 9, 0, math.nan, 1600.0, "dropped", "no room") for obs_id in dropped]
    names = ("obs_id", "n_on", "n_off", "alpha", "livetime_s", "status", "reason")
    types = ("i8", "i8", "i8", "f8", "f8", "U7", "U120")
    table = Table(rows=rows, names=names, dtype=types)
    table.write(folder / "runs.ecsv", format="ascii.ecsv")
    edges = np.linspace(0.0, 0.04, 5)
    histogram = Table(
        [edges[:-1], edges[1:], np.arange(4.0), np.full(4, 10.0), np.full(4, 0.1)],
        names=("theta_squared_min_deg2", "theta_squared_max_deg2", "n_on", "n_off", "alpha"),
        meta={"n_runs": len(runs)},
    )
    histogram.write(folder / "theta_squared.ecsv", format="ascii.ecsv")
    return str(folder)


def run_stage(tmp_path, target, chunks):
    names = ("spectrum", "flux_points", "profiles", "theta_squared")
    outputs = SimpleNamespace(**{name: tmp_path / f"{name}.tmp" for name in names})
    params = SimpleNamespace(settings=target, seed=4)
    fit_spectrum(SimpleNamespace(ogip=chunks), outputs, params, SimpleNamespace(target="source"))
    return json.loads(outputs.spectrum.read_text()), outputs


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectrum")
    runs = make_runs(livetime_s=3000.0)
    chunks = [
        write_chunk(folder / "00001", runs[2:], dropped=[4]),
        write_chunk(folder / "00000", runs[:2]),
        write_chunk(folder / "00002", [], dropped=[5]),
    ]
    return run_stage(folder, make_target(), chunks)


def test_totals_and_runs(products):
    spectrum, _ = products
    runs = make_runs(livetime_s=3000.0)
    assert spectrum["obs_ids"] == [1, 2, 3]
    assert spectrum["dropped"] == [
        {"obs_id": 4, "reason": "no room"},
        {"obs_id": 5, "reason": "no room"},
    ]
    assert spectrum["n_on"] == sum(run.n_on.sum() for run in runs)
    assert spectrum["n_on_per_run"]["2"] == runs[1].n_on.sum()
    assert spectrum["excess"] == pytest.approx(spectrum["n_on"] - 0.1 * spectrum["n_off"])
    assert spectrum["significance"] > 20
    assert spectrum["livetime_s"] == 9000.0


def test_models_recover_the_source(products):
    spectrum, _ = products
    assert list(spectrum["models"]) == ["pl", "lp", "cut-off"]
    block = spectrum["models"]["pl"]
    for name, truth in zip(("amplitude", "index"), CRAB_LIKE, strict=True):
        parameter = block["parameters"][name]
        assert abs(parameter["value"] - truth) < 4 * parameter["error"]
        assert 0.7 < parameter["errn"] / parameter["error"] < 1.3
    assert block["parameters"]["amplitude"]["unit"] == "cm-2 s-1 TeV-1"
    assert block["valid"]
    assert np.shape(block["covariance"]) == (2, 2)
    assert math.sqrt(block["covariance"][1][1]) == block["parameters"]["index"]["error"]
    goodness = block["goodness_of_fit"]
    assert 0 < goodness["bootstrap_p_value"] <= 1
    assert "indication" in goodness["caveat"]
    assert len(block["butterfly"]["dnde_lo"]) == len(block["butterfly"]["energy_tev"])
    assert block["integral_fluxes"][1]["energy_min_tev"] == 1.0


def test_models_are_compared_on_the_same_data(products):
    spectrum, _ = products
    pairs = [(row["null"], row["alternative"]) for row in spectrum["model_comparison"]]
    assert pairs == [("pl", "lp"), ("pl", "cut-off")]
    models = spectrum["models"]
    for row in spectrum["model_comparison"]:
        delta = models[row["null"]]["stat"] - models[row["alternative"]]["stat"]
        assert row["delta_stat"] == pytest.approx(delta)


def test_tables(products):
    spectrum, outputs = products
    points = Table.read(outputs.flux_points, format="ascii.ecsv")
    assert len(points) == len(spectrum["flux_points"])
    assert points["dnde"][0] == pytest.approx(spectrum["flux_points"][0]["dnde"])
    assert spectrum["flux_points"][-1]["dnde"] is None
    profiles = Table.read(outputs.profiles, format="ascii.ecsv")
    assert set(profiles["kind"]) == {"parameter", "flux_point"}
    assert set(profiles["model"][profiles["kind"] == "parameter"]) == {"pl", "lp", "cut-off"}
    one = profiles[(profiles["model"] == "pl") & (profiles["parameter"] == "index")]
    assert one["delta_stat"].min() == pytest.approx(0, abs=0.01)
    assert one["delta_stat"][0] > 8
    histogram = Table.read(outputs.theta_squared, format="ascii.ecsv")
    assert histogram["n_on"].tolist() == [0, 2, 4, 6]
    assert histogram.meta["n_runs"] == 3


def test_a_model_with_its_own_axes_reads_its_own_files(tmp_path):
    runs = make_runs()
    own = {"model": "pl", "name": "own", "energy_axis": AXIS}
    chunk = write_chunk(tmp_path / "00000", runs, also=["own"])
    target = make_target(models=[own, {"model": "pl", "energy_min_tev": 1.0}])
    spectrum, _ = run_stage(tmp_path, target, [chunk])
    assert spectrum["models"]["own"]["n_bins"] > spectrum["models"]["pl"]["n_bins"]
    assert spectrum["models"]["pl"]["energy_min_tev"] == pytest.approx(1.0)
    assert spectrum["model_comparison"] == []


def test_a_target_without_a_kept_run_is_named(tmp_path):
    chunk = write_chunk(tmp_path / "00000", [], dropped=[4])
    with pytest.raises(InputError, match="4: no room"):
        run_stage(tmp_path, make_target(), [chunk])


def test_a_fit_at_its_limit_is_reported(tmp_path, caplog):
    runs = make_runs(livetime_s=2e4)
    for run in runs:
        above = run.energy_edges_tev[:-1] > 8.0
        run.n_on[above] = 0
        run.n_off[above] = 0
    chunk = write_chunk(tmp_path / "00000", runs)
    with caplog.at_level(logging.WARNING):
        spectrum, outputs = run_stage(tmp_path, make_target(models=[{"model": "bpl"}]), [chunk])
    assert "not valid" in caplog.text
    assert not spectrum["models"]["bpl"]["valid"]
    assert spectrum["models"]["bpl"]["goodness_of_fit"]["bootstrap_p_value"] is None
    profiles = Table.read(outputs.profiles, format="ascii.ecsv")
    assert set(profiles["kind"]) == {"flux_point"}


def test_counts_add_up():
    runs = make_runs()
    data = folding_data(runs)
    fit = fit_model(data, "pl")
    counts = counts_block(runs, data, fit)
    assert counts["n_on"].sum() == data.n_on.sum()
    assert counts["n_on_all"].sum() == sum(run.n_on.sum() for run in runs)
    assert counts["npred_signal"].sum() == pytest.approx(data.predict("pl", fit.values).sum())
    total = counts["npred_signal"].sum() + counts["npred_background"].sum()
    assert total == pytest.approx(counts["n_on"].sum(), rel=0.1)
    assert counts["n_runs"].max() == 3


def test_alpha_is_weighted_by_off_counts():
    runs = [
        {"obs_id": 1, "n_on": 10, "n_off": 30, "alpha": 0.1, "livetime_s": 1.0},
        {"obs_id": 2, "n_on": 5, "n_off": 10, "alpha": 0.5, "livetime_s": 1.0},
    ]
    block = totals_block(runs)
    assert block["alpha"] == pytest.approx(8 / 40)
    assert block["excess"] == pytest.approx(15 - 8)
    for run in runs:
        run["n_off"] = 0
    assert totals_block(runs)["alpha"] == pytest.approx(2 / 12)


@pytest.fixture(scope="module")
def crab(dr1):
    """Data sets of the Crab Nebula with the axes of the reference."""
    from iactflow.io.gadf import read_observation

    axis = {"energy_min_tev": 0.01, "energy_max_tev": 100.0, "n_bins": 80}
    position = {"ra_deg": 83.633083, "dec_deg": 22.0145}
    target = make_target(
        energy_axis=axis,
        energy_axis_true=axis,
        safe_range={"file_threshold": False, "effective_area_min_fraction": 0.1},
        models=[{"model": "pl"}],
    )
    target["position"] = position
    target["exclusion_regions"] = [{**position, "radius_deg": 0.3}]
    definition = definitions(target)["default"]
    files = [f"hess_dl3_dr1_obs_id_{i:06d}.fits.gz" for i in (23523, 23526, 23559, 23592)]
    hdus = ("events", "gti", "aeff", "edisp", "psf")
    runs = [read_observation(dr1 / "data" / name, hdus=hdus) for name in files]
    return [extract(run, target, *definition) for run in runs]


@pytest.fixture(scope="module")
def reference(data_dir):
    path = Path(data_dir) / "reference" / "hess_dr1_gammapy.json"
    return json.loads(path.read_text())["crab"]


@pytest.mark.data
def test_crab_counts(crab, reference):
    rows = [
        {
            "obs_id": int(run.name),
            "n_on": run.n_on.sum(),
            "n_off": run.n_off.sum(),
            "alpha": run.alpha[0],
            "livetime_s": run.livetime_s,
        }
        for run in crab
    ]
    block, expected = totals_block(rows), reference["counts_all"]
    assert list(block["n_on_per_run"].values()) == [189, 199, 168, 142]
    assert (block["n_on"], block["n_off"]) == (expected["n_on"], expected["n_off"])
    assert block["alpha"] == pytest.approx(expected["alpha"], rel=1e-6)
    assert block["excess"] == pytest.approx(expected["excess"], rel=1e-6)
    assert block["significance"] == pytest.approx(expected["lima"], abs=1e-3)


@pytest.mark.data
@pytest.mark.parametrize("model", ["pl", "lp", "ecpl"])
def test_crab_models_equal_the_reference(crab, reference, model):
    fit = fit_model(folding_data(crab), model)
    expected = reference["fits"][f"{model.upper()}_safe_aeff10"]
    assert fit.stat == pytest.approx(expected["stat"], abs=0.05)
    for name, value, error in zip(fit.names, fit.values, fit.errors, strict=True):
        parameter = expected["pars"][name]
        assert value == pytest.approx(parameter["value"], abs=0.02 * parameter["error"])
        assert error == pytest.approx(parameter["error"], rel=0.01)


@pytest.mark.data
def test_crab_flux_points_equal_the_reference(crab, reference):
    table = reference["flux_points_LP_safe_aeff10"]["table"]
    data = folding_data(crab)
    edges = [*table["e_min"], table["e_max"][-1]]
    points = estimate_flux_points(data, fit_model(data, "lp"), edges)
    error = np.array(table["dnde_errp"])
    for ours, theirs in (
        ([p.dnde for p in points], "dnde"),
        ([p.fit.norm_errn * p.ref_dnde for p in points], "dnde_errn"),
        ([p.fit.norm_errp * p.ref_dnde for p in points], "dnde_errp"),
        ([p.fit.norm_ul * p.ref_dnde for p in points], "dnde_ul"),
    ):
        np.testing.assert_allclose((ours - np.array(table[theirs])) / error, 0, atol=0.05)
    np.testing.assert_allclose([p.fit.sqrt_ts for p in points], table["sqrt_ts"], atol=0.02)
