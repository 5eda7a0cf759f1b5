"""The smallest simulation, from the top of the atmosphere to its report; CORSIKA in its place."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from tests.products import activities, digests
from tests.workflow import REPOSITORY, job_counts, snakemake

from iactflow.io.merge import merge_tables
from iactflow.io.root import list_tables, read_table

pytestmark = pytest.mark.slow

CAMPAIGN = REPOSITORY / "config/campaigns/photons-ci.yaml"
CHUNK = "results/photons-ci/simulations/gamma/run1/chunks/00000"
STAGES = {
    "simulate_events": 2,
    "summarise_simulation": 1,
    "plot_simulation": 1,
    "plot_optics": 1,
    "summarise": 1,
    "make_overview": 1,
    "plot_rule_graph": 1,
}
CORSIKA_FILE = "sim/gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.corsika.zst"
# A stand-in: it reads its card, wants its tables beside it, and writes where the card says.
FAKE_CORSIKA = """#!/bin/bash
card=$(cat)
grep -q '^NSHOW 20$' <<< "$card" && grep -q '^TELFIL photons.corsika$' <<< "$card" || exit 1
grep -q '^IACT ATMOFILE atmosphere.dat$' <<< "$card" && test -s atmosphere.dat || exit 2
test -f tables.dat || exit 3
cp "$(readlink -f photons)" photons.corsika
"""


def launch(folder, *targets, file=CAMPAIGN, **options):
    """Run the campaign with the profile of the tests."""
    return snakemake(*targets, "--configfile", file, folder=folder, profile="ci", **options)


def write(folder, change):
    content = yaml.safe_load(CAMPAIGN.read_text())
    change(content)
    file = folder / "changed.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder in which the campaign ran."""
    folder = tmp_path_factory.mktemp("photons")
    launch(folder, "all", check=True)
    return folder


def test_every_stage_ran(finished):
    counts = {}
    for job in activities(finished):
        counts[job["iactflow:rule"]] = counts.get(job["iactflow:rule"], 0) + 1
    assert counts == STAGES


def test_summary_and_overview_tell_of_the_production(finished):
    summary = json.loads((finished / "results/photons-ci/summary.json").read_text())
    block = summary["simulations"]["gamma"]
    assert (block["n_showers"], block["n_thrown"]) == (30, 150)
    assert set(block["n_triggered"]) == {"1", "2"}
    assert 10 < block["n_triggered"]["1"] < 140
    assert block["mean_multiplicity"]["1"] >= 2
    assert block["cpu_ms_per_thrown"] > 0
    assert summary["targets"] == {}
    page = (finished / "results/photons-ci/overview.html").read_text()
    assert "Simulations" in page
    assert "Gate" not in page


def test_the_log_tells_the_progress(finished):
    log = finished / "results/photons-ci/log/simulate_events/gamma/1/00000.log"
    assert "15 of 15 showers" in log.read_text()


def test_a_second_launch_does_nothing(finished):
    assert "Nothing to be done" in launch(finished, "all", check=True).stdout


def test_chunks_merge_and_count_what_was_thrown(finished, tmp_path):
    chunks = sorted((finished / CHUNK).parent.glob("0*[0-9]"))
    merge_tables([chunk / "nsb1.root" for chunk in chunks], tmp_path / "run.root")
    assert read_table(tmp_path / "run.root", "simulation_runs")["n_showers"].tolist() == [30]
    assert read_table(tmp_path / "run.root", "thrown_events")["n_thrown"].sum() == 150


def test_kept_photons_give_the_same_events_and_more_night_sky_keeps_them(finished, tmp_path):
    def keep(content):
        content["shower"] = {"keep_photons": True}

    launch(tmp_path, CHUNK, file=write(tmp_path, keep), check=True)
    assert digests(tmp_path)[CHUNK] == digests(finished)[CHUNK]

    def brighter(content):
        keep(content)
        content["simulations"]["gamma"]["nsb_levels"] = [1, 3]

    counts = job_counts(launch(tmp_path, CHUNK, "-n", file=write(tmp_path, brighter)).stdout)
    assert counts["simulate_telescopes"] == 1
    assert "simulate_showers" not in counts


@pytest.fixture
def fake_corsika(tmp_path, data_dir):
    """Program that stands in for CORSIKA, and its tables."""
    folder = tmp_path / "corsika"
    folder.mkdir()
    (folder / "tables.dat").write_text("EGS data")
    (folder / "photons").symlink_to(data_dir / CORSIKA_FILE)
    program = folder / "corsika_fake"
    program.write_text(FAKE_CORSIKA)
    program.chmod(0o755)
    return program


def test_corsika_takes_the_place_of_our_showers(tmp_path, fake_corsika):
    def change(content):
        content["instrument"] = {"name": "ctao-south-lsts", "version": "7.0.0"}
        content["shower"] = {"backend": "corsika", "corsika": {"executable": str(fake_corsika)}}
        content["simulations"]["gamma"] |= {
            "n_showers": 20,
            "showers_per_job": 20,
            "shower_reuse": 1,
            "energy_min_tev": 0.1,
            "energy_max_tev": 0.101,
            "zenith_deg": 40,
            "offset_deg": 0,
            "core_radius_max_m": 840,
        }

    launch(tmp_path, CHUNK, file=write(tmp_path, change), check=True)
    file = tmp_path / CHUNK / "nsb1.root"
    tables = list_tables(file)
    assert tables["showers"] == 20
    assert tables["telescope_light"] == 80
    assert tables["waveforms_r0"] > 4
    assert read_table(file, "thrown_events")["n_thrown"].sum() == 20
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("*/photons.corsika"))
    shutil.rmtree(tmp_path / "results")
