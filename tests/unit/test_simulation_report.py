"""What is left of a production: counts, light, profiles, one event; its figures."""

from __future__ import annotations

import json
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest
from tests.unit.test_simulation_stages import job, make_events

from iactflow.figures.production_trigger import thinned, trigger_area
from iactflow.figures.simulation import plot_simulation
from iactflow.io.root import read_file, read_table
from iactflow.report.overview import _simulations
from iactflow.report.simulation import summarise_simulation
from iactflow.report.summary import cost_per_rule

WIDE = {"energy_min_tev": 0.05, "energy_max_tev": 0.5, "core_radius_max_m": 300.0}


@pytest.fixture(scope="module")
def files(request):
    """Files of H.E.S.S. I and of the atmospheres."""
    root = request.config.rootpath / "config"
    folders = (root / "instruments/hess1/2006", root / "atmospheres")
    return [str(p) for f in folders for p in sorted(f.rglob("*")) if p.is_file()]


@pytest.fixture(scope="module")
def production(tmp_path_factory, files):
    """Two chunks, their summary and tables."""
    folder = tmp_path_factory.mktemp("production")
    cuts = ((1, 5), (6, 8))
    chunks = [make_events(folder / f"{a}", files, (a, b), n_showers=8, **WIDE) for a, b in cuts]
    inputs, params, wildcards = job(files, (1, 8), n_showers=8, **WIDE)
    inputs.chunks = [str(chunk) for chunk in chunks]
    outputs = SimpleNamespace(summary=str(folder / "s.json"), table=str(folder / "s.root"))
    summarise_simulation(inputs, outputs, params, wildcards)
    return SimpleNamespace(
        folder=folder,
        chunks=chunks,
        settings=params.settings,
        summary=json.loads((folder / "s.json").read_text()),
        tables=read_file(outputs.table)[0],
    )


def of_chunks(production, name, level="nsb1.root"):
    return [read_table(chunk / level, name) for chunk in production.chunks]


def test_thrown_and_triggered_are_counted(production):
    summary = production.summary
    assert (summary["n_showers"], summary["n_thrown"]) == (8, 16)
    for level, key in (("nsb1.root", "1"), ("nsb2.root", "2")):
        events = of_chunks(production, "trigger", level)
        n = sum(len(table["event_id"]) for table in events)
        assert summary["n_triggered"][key] == n
        telescopes = sum(int(ak.sum(ak.num(table["tels_with_trigger"]))) for table in events)
        assert summary["mean_multiplicity"][key] == pytest.approx(telescopes / n)
    assert 0 < summary["n_triggered"]["1"] < 16


def test_trigger_counts_add_up(production):
    counts = production.tables["trigger_counts"]
    for factor, key in ((1.0, "1"), (2.0, "2")):
        mine = counts["nsb_factor"] == factor
        assert counts["n_thrown"][mine].sum() == 16
        assert counts["n_triggered"][mine].sum() == production.summary["n_triggered"][key]
    assert np.all(counts["n_triggered"] <= counts["n_thrown"])
    assert counts["core_max_m"].max() <= 300.0


def test_light_is_that_of_the_telescopes_over_their_area(production):
    light = production.tables["ground_light"]
    total = np.sum(light["n_telescopes"] * light["photons_per_m2_mean"])
    assert set(light["telescope_type"]) == {"HESS-I"}
    thrown = of_chunks(production, "telescope_light")
    near = [t["n_photons"][t["impact_distance_m"] < 1000.0].sum() for t in thrown]
    area = sum(near) / total
    # One sphere for all: its cross-section holds a dish of 13 m.
    assert np.pi * 6.5**2 < area < np.pi * 9.0**2
    assert light["n_telescopes"].sum() == 16 * 4


def test_mean_profiles_are_those_of_the_showers(production):
    profiles = production.tables["mean_profiles"]
    assert profiles["n_showers"].sum() == 8
    tables = of_chunks(production, "longitudinal_profiles")
    by_hand = sum(float(ak.sum(table["n_charged"])) for table in tables)
    means = ak.sum(profiles["n_charged_mean"], axis=1)
    assert float(np.sum(means * profiles["n_showers"])) == pytest.approx(by_hand, rel=1e-6)


def test_the_event_shown_is_one_of_most_telescopes(production):
    images = production.tables["true_images"]
    assert len(set(images["event_id"])) == 1
    events = of_chunks(production, "trigger")
    most = max(int(ak.max(ak.num(table["tels_with_trigger"]))) for table in events)
    assert len(images["tel_id"]) == most
    assert production.tables["simulated_events"]["event_id"][0] == images["event_id"][0]


def test_figures_are_drawn(production, files, tmp_path):
    names = ("profiles", "light", "images")
    outputs = SimpleNamespace(**{n: str(tmp_path / f"{n}.png") for n in names})
    outputs.trigger = str(tmp_path / "trigger")
    folder = production.folder
    inputs = SimpleNamespace(summary=str(folder / "s.json"), table=str(folder / "s.root"))
    inputs.instrument = files
    params = SimpleNamespace(settings=production.settings)
    plot_simulation(inputs, outputs, params, SimpleNamespace(production="gamma"))
    made = sorted(f.relative_to(tmp_path).as_posix() for f in tmp_path.rglob("*.png"))
    wanted = ["images.png", "light.png", "profiles.png"]
    assert made == [*wanted, "trigger/area_and_rate.png", "trigger/efficiency.png"]
    assert all((tmp_path / name).stat().st_size > 10_000 for name in made)


def test_area_is_the_efficiency_times_the_disk():
    counts = {
        "energy_min_tev": np.array([0.1, 0.1, 1.0]),
        "energy_max_tev": np.array([0.1, 0.1, 1.0]) * 10**0.2,
        "n_thrown": np.array([10, 30, 5]),
        "n_triggered": np.array([10, 10, 5]),
    }
    settings = {"core_radius_max_m": 100.0, "shower_reuse": 1}
    area = trigger_area(counts, settings, "")
    assert len(area.area_m2) == 6
    disk = np.pi * 100.0**2
    np.testing.assert_allclose(area.area_m2[[0, 5]], [0.5 * disk, disk])
    assert np.isnan(area.area_m2[1:5]).all()
    np.testing.assert_allclose(area.energy_edges_tev[[0, 5]], [0.1, 1.0])
    more = trigger_area(counts, {**settings, "shower_reuse": 4}, "")
    np.testing.assert_allclose(more.error_m2[0], 2 * area.error_m2[0])


@pytest.mark.parametrize(("n", "chosen"), [(1, [0]), (3, [0, 1, 2]), (11, [0, 2, 4, 6, 8, 10])])
def test_few_curves_of_many(n, chosen):
    assert thinned(n).tolist() == chosen


def test_overview_tells_of_productions(production):
    block = {**production.summary, "cpu_ms_per_thrown": 12.3}
    page = _simulations({"gamma": block})
    assert "12.3" in page
    assert str(production.summary["n_triggered"]["2"]) in page
    assert _simulations({}) == ""


def test_cost_of_one_production():
    def sidecar(production, cpu_s):
        cost = {"cpu_s": cpu_s, "wall_s": 1.0, "output_bytes": 1, "max_rss_mb": 1.0}
        job = {"iactflow:rule": "simulate_events", "iactflow:cost": cost}
        return {"activity": {"job": {**job, "iactflow:wildcards": {"production": production}}}}

    sidecars = [sidecar("a", 2.0), sidecar("b", 5.0), sidecar("a", 3.0)]
    assert cost_per_rule(sidecars, "a")["simulate_events"]["cpu_s"] == 5.0
    assert cost_per_rule(sidecars)["simulate_events"]["cpu_s"] == 10.0
