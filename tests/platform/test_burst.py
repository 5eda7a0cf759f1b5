"""A burst as a whole: a production on the grid, frozen from its ledger, goes on from its storage.

The grid is the one in a folder (``dirac_fake_bridge.py``), the executor and XRootD are real.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.platform.storage_servers import local_copy
from tests.products import sidecars
from tests.unit.frozen_samples import finish
from tests.workflow import REPOSITORY, job_counts, snakemake

from iactflow.campaign.digest import json_sha256
from iactflow.campaign.manifest import read_manifest
from iactflow.cli import main

pytestmark = [pytest.mark.platform, pytest.mark.slow]

FAKE = REPOSITORY / "plugins/snakemake-executor-plugin-dirac/tests/dirac_fake_bridge.py"
# Part of photons-ci, so that a job takes some seconds.
LESS = {"n_showers": 2, "showers_per_job": 1, "energy_min_tev": 0.3, "energy_max_tev": 1}
RAW = "results/photons-ci/simulations/gamma/run1/chunks"
LFN_BASE = "/hess/user/i/iactflow"
QUEUE = {"max_wall_h": 1, "max_memory_mb": 2000, "max_jobs": 2, "max_cores": 2}


def write_sites(folder: Path, servers) -> None:
    """Write a file of sites for the test's servers."""
    elements = {
        f"{name}-disk": {
            "medium": "disk",
            "xrootd": f"root://localhost:{servers.port(name)}//base",
            "dirac_se": f"{name.upper()}-USER",
        }
        for name in servers.names
    }
    site = {"label": "one", "hs06_per_core": 10, "queue": QUEUE, "storage_elements": elements}
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/sites.yaml").write_text(yaml.safe_dump({"sites": {"one": site}}))


def campaign(**storage) -> str:
    """Campaign file."""
    content = yaml.safe_load((REPOSITORY / "config/campaigns/photons-ci.yaml").read_text())
    content["simulations"]["gamma"] |= {**LESS, "nsb_levels": [1]}
    content["reconstruction"] = {}
    content["storage"] = storage
    return yaml.safe_dump({key: value for key, value in content.items() if value != {}})


def checkout(folder: Path) -> Path:
    """Copy what jobs need of the checkout; Snakemake asks git for the sources."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "Snakefile", "config", "workflow"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def burst(tmp_path_factory) -> Path:
    """Folder with a finished production of the grid, and the grid's storage beside it."""
    root = tmp_path_factory.mktemp("burst")
    folder, grid = checkout(root / "launch"), root / "grid"
    file = folder / "config/campaigns/burst.yaml"
    file.write_text(campaign())
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    python = root / "dirac-python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} {FAKE} {grid}\n")
    python.chmod(0o755)
    command = [
        *(sys.executable, "-m", "snakemake", f"{RAW}/00000", f"{RAW}/00001"),
        *("--executor", "dirac", "--jobs", "4", "--dirac-python", str(python)),
        *("--dirac-lfn-base", LFN_BASE, "--dirac-storage-elements", "ONE-USER,TWO-USER"),
        *("--seconds-between-status-checks", "0", "--nolock", "--show-failed-logs"),
        *("--configfile", "config/campaigns/burst.yaml"),
    ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return root


def test_a_production_of_the_grid_goes_on_from_its_storage(
    burst, storage_servers, tmp_path, monkeypatch
):
    launch = burst / "launch"
    # Two storage elements: what DIRAC put into the first lies behind a real server.
    for file in (burst / "grid/store").rglob("*"):
        if file.is_file():
            name = f"/base/{file.relative_to(burst / 'grid/store')}"
            storage_servers.put("one", name, file.read_bytes())
    for folder in (launch, tmp_path):
        write_sites(folder, storage_servers)
    ledger = json.loads((launch / ".dirac/ledger.json").read_text())
    assert ledger["products"][f"{RAW}/00001/nsb1.root"]["replicas"] == ["ONE-USER"]
    for chunk in ("00000", "00001"):
        shutil.rmtree(launch / RAW / chunk)
    monkeypatch.chdir(launch)
    arguments = ["freeze", "config/campaigns/burst.yaml", "--ledger", ".dirac/ledger.json"]
    assert main([*arguments, "--out", str(tmp_path / "gamma.tsv")]) == 0
    manifest = read_manifest(tmp_path / "gamma.tsv")
    assert manifest.folder == f"{LFN_BASE[1:]}/results/photons-ci/simulations/gamma"
    assert [chunk.storage_elements for chunk in manifest.chunks] == [["one-disk"]] * 2
    # Jobs on worker nodes read the same instrument, each in a folder of its own.
    assert [job["used"] for chunk in manifest.chunks for job in chunk.jobs] == [{}, {}]
    file = tmp_path / "later.yaml"
    file.write_text(campaign(frozen={"gamma": "gamma.tsv"}))
    options = ("all", "--cores", "2", "--configfile", file)
    dry = job_counts(snakemake(*options, "-n", folder=tmp_path, check=True).stdout)
    assert not {name for name in dry if name.startswith("simulate_")}
    snakemake(*options, folder=tmp_path, timeout=3600, check=True)
    summary = json.loads((tmp_path / "results/photons-ci/summary.json").read_text())
    assert summary["about"]["frozen"]["gamma"]["sha256"] == manifest.sha256
    assert summary["cost"]["simulate_events"]["jobs"] == 2
    assert summary["simulations"]["gamma"]["n_showers"] == 2
    # What was read is what the jobs on the grid made.
    read = [e for d in sidecars(tmp_path) for e in d["entity"].values()]
    read = [e for e in read if e["prov:location"].endswith("/nsb1.root")]
    digests = {json_sha256([["nsb1.root", e["iactflow:content_digest"]]]) for e in read}
    made = [chunk.jobs[-1]["made"]["iactflow:content_digest"] for chunk in manifest.chunks]
    assert digests == set(made)
    assert not list(tmp_path.glob("results/*/simulations/**/nsb*.root"))
    again = snakemake(*options, folder=tmp_path, timeout=900, check=True)
    assert "Nothing to be done" in again.stdout


def test_a_production_at_a_site_is_frozen_there(storage_servers, tmp_path):
    """What `storage.outputs` stored: held against the server, file by file."""
    outputs = {"storage_element": "one-disk", "folder": "iactflow"}
    write_sites(tmp_path, storage_servers)
    file = tmp_path / "campaign.yaml"
    file.write_text(campaign(outputs=outputs))
    made = tmp_path / "made"
    finish(file, made)

    def run_freeze() -> tuple[int, str]:
        command = [str(Path(sys.executable).parent / "iactflow"), "freeze", str(file)]
        command += ["--directory", str(made), "--out", str(tmp_path / "gamma.tsv")]
        given = storage_servers.environment(key=False)
        result = subprocess.run(
            command, cwd=REPOSITORY, env=given, capture_output=True, text=True, timeout=600
        )
        return result.returncode, result.stdout + result.stderr

    for chunk in ("00000", "00001"):
        address = storage_servers.address("one", f"/base/iactflow/{RAW}/{chunk}")
        local = local_copy(tmp_path / "copies", address)
        shutil.copytree(made / RAW / chunk, local)
        shutil.rmtree(made / RAW / chunk)
        if chunk == "00001":
            code, output = run_freeze()
            assert code == 2
            assert "1 of 2 chunks missing: run1/chunks/00001" in output
        status, _, errors = storage_servers.client("store_object", address, tmp_path / "copies")
        assert status == 0, errors
    code, output = run_freeze()
    assert code == 0, output
    manifest = read_manifest(tmp_path / "gamma.tsv")
    assert manifest.folder == "iactflow/results/photons-ci/simulations/gamma"
    assert [chunk.storage_elements for chunk in manifest.chunks] == [["one-disk"]] * 2
    assert list(manifest.files) == [f"run1/chunks/0000{i}/nsb1.root" for i in (0, 1)]
    raw = storage_servers.disk("one", f"/base/iactflow/{RAW}/00001/nsb1.root")
    raw.write_bytes(raw.read_bytes()[:-1])
    code, output = run_freeze()
    assert code == 2
    assert "00001/nsb1.root: size: got" in output
    assert len(output.splitlines()) == 1
    shutil.rmtree(storage_servers.disk("one", "/base/iactflow"))
