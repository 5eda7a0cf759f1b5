"""From primary particles to a light curve: every stage, however the work is cut or killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
import yaml
from tests.products import activities, digests, sidecar_files
from tests.workflow import REPOSITORY, snakemake

from iactflow.campaign.digest import content_digest

pytestmark = pytest.mark.slow

CAMPAIGN = REPOSITORY / "config/campaigns/chain-ci.yaml"
ROOT = "results/chain-ci"
#: Rules of every stage, and their jobs.
STAGES = {
    "make_hadron_pool": 1,
    "simulate_events": 4,
    "reconstruct_geometry": 4,
    "fill_shape_tables": 1,
    "merge_shape_tables": 1,
    "reconstruct_events": 4,
    "optimise_cuts": 1,
    "make_responses": 1,
    "check_responses": 1,
    "check_reconstruction": 2,
    "simulate_dl3": 2,
    "index_dl3": 1,
    "select_observations": 1,
    "fill_sky_map": 2,
    "make_sky_map": 1,
    "extract_spectra": 2,
    "fit_spectrum": 1,
    "estimate_light_curve": 1,
    "check_sky_maps": 1,
    "check_spectrum": 1,
    "check_light_curves": 1,
    "compare_products": 1,
    "gate_products": 1,
    "summarise": 1,
    "make_overview": 1,
}
# A kill follows the first product of each of these stages.
KILLED_AFTER = (
    "simulate_events",
    "reconstruct_geometry",
    "reconstruct_events",
    "make_responses",
    "simulate_dl3",
    "extract_spectra",
)
#: Final products, whose names do not depend on how the work was cut.
FINAL = (
    f"{ROOT}/reconstruction/models/shape_tables.root",
    f"{ROOT}/responses/cuts.json",
    f"{ROOT}/responses/zen20-az180-nsb1/irf.fits",
    f"{ROOT}/sky_map/crab/0.2-5/maps.fits",
    f"{ROOT}/spectrum/crab/spectrum.json",
    f"{ROOT}/spectrum/crab/flux_points.ecsv",
    f"{ROOT}/light_curve/crab/run_wise/light_curve.ecsv",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder in which the campaign ran through."""
    folder = tmp_path_factory.mktemp("chain")
    result = snakemake("all", "--configfile", CAMPAIGN, folder=folder, profile="ci", timeout=1200)
    assert result.returncode == 0, result.stdout
    return folder


def dl3_digests(folder):
    """Content digests of the mock runs by name of their file."""
    files = sorted((folder / ROOT / "dl3/mock").glob("*/*.fits*"))
    return {file.name: content_digest(file) for file in files}


def test_every_stage_ran(finished):
    counts = Counter(job["iactflow:rule"] for job in activities(finished))
    assert {rule: counts[rule] for rule in STAGES} == STAGES


def test_the_gate_is_open_and_the_truth_was_judged(finished):
    summary = json.loads((finished / ROOT / "summary.json").read_text())
    judged = {check["product"] for check in summary["cross_checks"]}
    assert {"reconstruction", "responses", "spectrum", "light_curve", "truth"} <= judged
    assert all(check["passed"] for check in summary["cross_checks"])
    assert (finished / ROOT / "cross_check/gate.txt").read_text().startswith("open")
    assert summary["targets"]["crab"]["spectrum"]["significance"] > 5
    for rule in ("make_hadron_pool", "simulate_events", "make_responses"):
        assert summary["cost"][rule]["cpu_s"] > 0
    assert (finished / ROOT / "rule_graph.png").stat().st_size > 1e4


def _recut(content):
    """Other chunks of showers, of runs, of parts: nothing that a result may depend on."""
    content["simulations"]["gamma"]["showers_per_job"] = 150
    content["simulations"]["proton"]["showers_per_job"] = 240
    content["execution"] = {"runs_per_job": 2, "parts_per_job": 1}


def _kill_after(command, folder, rule):
    """Run until a job of a rule has ended, then kill everything; whether it came to that."""
    before = _done(folder, rule)
    with (folder / f"{rule}.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 900
        while _done(folder, rule) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # Into the middle of what runs next.
        time.sleep(0.5)
        killed = process.poll() is None
        if killed:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert killed, (folder / f"{rule}.log").read_text()


def _done(folder, rule):
    """How many jobs of a rule have left their sidecar."""
    found = [json.loads(file.read_text()) for file in sidecar_files(folder)]
    return sum(d["activity"]["iactflow:job"]["iactflow:rule"] == rule for d in found)


def test_cut_otherwise_and_killed_in_every_stage_the_products_are_the_same(finished, tmp_path):
    content = yaml.safe_load(CAMPAIGN.read_text())
    _recut(content)
    file = tmp_path / "recut.yaml"
    file.write_text(yaml.safe_dump(content))
    command = [sys.executable, "-m", "snakemake", "cross_checks"]
    command += ["-s", str(REPOSITORY / "Snakefile"), "--profile", str(REPOSITORY / "profiles/ci")]
    command += ["--directory", str(tmp_path), "--configfile", str(file)]
    for rule in KILLED_AFTER:
        _kill_after(command, tmp_path, rule)
    result = snakemake(
        "cross_checks", "--configfile", file, folder=tmp_path, profile="ci", timeout=1200
    )
    assert result.returncode == 0, result.stdout
    runs = dl3_digests(finished)
    assert len(runs) == 2
    assert dl3_digests(tmp_path) == runs
    whole, cut = digests(finished), digests(tmp_path)
    assert {path: cut[path] for path in FINAL} == {path: whole[path] for path in FINAL}
    # A killed job leaves hidden files at most: nothing half-written has a product's name.
    assert not [f for f in tmp_path.glob(f"{ROOT}/**/*.tmp*") if not f.name.startswith(".")]
