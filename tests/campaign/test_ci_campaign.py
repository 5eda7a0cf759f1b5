"""The smallest campaign, run through to its gate; what reruns, what survives a kill, what fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from tests.products import CAMPAIGN, activities, differing, digests, sidecar_files, write_campaign
from tests.unit.summary_shape import SHAPE, check_shape
from tests.workflow import REPOSITORY, job_counts, snakemake

pytestmark = pytest.mark.slow

INJECTED = {"amplitude": 3.45e-11, "index": 2.63}
STAGES = {
    "simulate_dl3": 2,
    "index_dl3": 1,
    "select_observations": 1,
    "fill_sky_map": 2,
    "make_sky_map": 1,
    "plot_sky_map": 1,
    "extract_spectra": 2,
    "fit_spectrum": 1,
    "plot_spectrum": 1,
    "estimate_light_curve": 1,
    "plot_light_curve": 1,
    "check_sky_maps": 1,
    "check_spectrum": 1,
    "check_light_curves": 1,
    "compare_products": 1,
    "plot_verdicts": 1,
    "plot_truth": 1,
    "gate_products": 1,
    "summarise": 1,
    "make_overview": 1,
    "plot_rule_graph": 1,
}
# What follows from a changed light curve, and nothing else.
AFTER_LIGHT_CURVE = {
    *("estimate_light_curve", "plot_light_curve", "check_light_curves"),
    *("compare_products", "plot_verdicts", "plot_truth", "gate_products"),
    *("summarise", "make_overview"),
    "plot_rule_graph",
}


def _launch(folder, *arguments, file=CAMPAIGN, **options):
    return snakemake(*arguments, "--configfile", file, folder=folder, profile="ci", **options)


def _changed(folder, change):
    return write_campaign(folder / "changed.yaml", change)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the working folder of the campaign, which ran in two halves with a kill between.

    The first half is ended by SIGKILL as soon as the first chunk of runs is analysed.
    """
    folder = tmp_path_factory.mktemp("finished")
    command = [sys.executable, "-m", "snakemake", "all", "-s", str(REPOSITORY / "Snakefile")]
    command += ["--profile", str(REPOSITORY / "profiles/ci"), "--directory", str(folder)]
    with (folder / "killed.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--configfile", str(CAMPAIGN)],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _wait_for_second_stage(process, folder)
        # Jobs too: a machine that goes down leaves nobody to tidy up.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    (folder / "before.json").write_text(json.dumps(_times(folder)))
    result = _launch(folder, "all", timeout=900)
    (folder / "relaunch.log").write_text(result.stdout)
    assert result.returncode == 0, result.stdout
    return folder


def _of_second_stage(path):
    """Whether a sidecar is of a job that read mock runs."""
    return "/ogip/" in str(path) or "/chunks/" in str(path)


def _wait_for_second_stage(process, folder):
    deadline = time.monotonic() + 300
    while not any(map(_of_second_stage, sidecar_files(folder))):
        assert process.poll() is None, (folder / "killed.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _times(folder):
    return {str(f.relative_to(folder)): f.stat().st_mtime_ns for f in sidecar_files(folder)}


@pytest.fixture
def copy(finished, tmp_path):
    """Return a copy of the finished campaign, times kept, for changes."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True, symlinks=True)
    return tmp_path


@pytest.fixture(scope="module")
def summary(finished):
    """Headline numbers of the campaign."""
    return json.loads((finished / "results/ci/summary.json").read_text())


def test_every_stage_ran(finished):
    jobs = activities(finished)
    counts = {}
    for job in jobs:
        counts[job["iactflow:rule"]] = counts.get(job["iactflow:rule"], 0) + 1
    assert counts == STAGES


def test_the_summary_keeps_its_contract(summary):
    check_shape(summary, SHAPE)


def test_the_gate_is_open(finished, summary):
    assert summary["cross_checks"]
    assert all(check["passed"] for check in summary["cross_checks"])
    compared = {"sky_map", "spectrum", "light_curve", "truth"}
    assert {c["product"] for c in summary["cross_checks"]} == compared
    assert (finished / "results/ci/cross_check/gate.txt").read_text().startswith("open")


def test_the_injected_source_is_found(summary):
    target = summary["targets"]["crab"]
    assert target["spectrum"]["significance"] > 5
    assert target["sky_map"]["1-10"]["peak_significance"] > 5
    parameters = target["spectrum"]["models"]["pl"]["parameters"]
    for name, injected in INJECTED.items():
        found = parameters[name]
        assert abs(found["value"] - injected) < 3 * found["error"], name


def test_after_a_kill_the_same_command_finishes_without_repeating(finished):
    before = json.loads((finished / "before.json").read_text())
    assert len(before) < sum(STAGES.values()) - 5
    after = _times(finished)
    # A job that ran when the kill came may be repeated, never one whose products it read.
    chunks = {
        path.rpartition("/")[2].partition(".")[0] for path in before if _of_second_stage(path)
    }
    read = [f"results/ci/dl3/mock/{chunk}.prov.json" for chunk in chunks]
    assert read
    for path in [*read, "results/ci/dl3/crab/observations.tsv.prov.json"]:
        assert after[path] == before[path], path
    repeated = job_counts((finished / "relaunch.log").read_text())
    assert repeated.total() - 1 <= sum(STAGES.values()) - len(read) - 1


def test_a_second_launch_does_nothing(finished):
    before = _times(finished)
    result = _launch(finished, "all", check=True)
    assert "Nothing to be done" in result.stdout
    assert _times(finished) == before


def test_a_changed_light_curve_reruns_light_curves_alone(finished, tmp_path):
    def change(content):
        content["targets"]["crab"]["light_curves"]["run_wise"]["energy_min_tev"] = 0.5

    result = _launch(finished, "all", "-n", file=_changed(tmp_path, change), check=True)
    counts = job_counts(result.stdout)
    counts.pop("all", None)
    assert set(counts) == AFTER_LIGHT_CURVE


def test_a_wrong_check_chain_closes_the_gate_and_the_report_is_still_made(copy):
    def change(content):
        content["cross_check"] = {"scale_check_flux": 1.1}

    file = _changed(copy, change)
    result = _launch(copy, "all", file=file, timeout=600)
    assert result.returncode != 0
    failed = [c for c in _verdicts(copy) if not c["passed"]]
    assert {"spectrum", "light_curve"} <= {c["product"] for c in failed}
    # On standard error and in the log: target, product, quantity and both numbers.
    log = (copy / "results/ci/log/gate_products.log").read_text()
    for c in failed:
        line = f"{c['target']}: {c['product']}: {c['quantity']}: "
        line += f"main {c['main']:.6g}, check {c['check']:.6g}"
        assert line in log
        assert line in result.stdout
    assert not (copy / "results/ci/cross_check/gate.txt").exists()
    _launch(copy, "products", file=file, check=True)
    _launch(copy, "products", "--report", copy / "report.html", file=file, check=True)
    assert (copy / "report.html").stat().st_size > 1e6


def _verdicts(folder):
    return json.loads((folder / "results/ci/summary.json").read_text())["cross_checks"]


def test_products_do_not_depend_on_how_the_runs_are_cut(finished, tmp_path):
    assert yaml.safe_load(CAMPAIGN.read_text())["execution"]["runs_per_job"] == 1

    def change(content):
        content["execution"] = {"runs_per_job": 2}

    result = _launch(tmp_path, "cross_checks", file=_changed(tmp_path, change), timeout=600)
    assert result.returncode == 0, result.stdout
    whole, cut = _final(tmp_path), _final(finished)
    assert {"spectrum.json", "maps.fits", "light_curve.ecsv", "verdicts.tsv"} <= {
        path.rpartition("/")[2] for path in whole
    }
    assert not differing(whole, {path: cut[path] for path in whole})


def _final(folder):
    """Digests of final products: no chunk of a target, no DL3 file under the name of its chunk."""
    parts = ("/dl3/", "/chunks/", "/ogip/")
    return {path: d for path, d in digests(folder).items() if not any(p in path for p in parts)}
