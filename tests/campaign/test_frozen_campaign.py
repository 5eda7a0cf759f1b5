"""A production is simulated, frozen, and goes on elsewhere: nothing is simulated again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from tests.products import differing, digests
from tests.workflow import REPOSITORY, job_counts, snakemake

from iactflow.cli import main

pytestmark = pytest.mark.slow

# Part of photons-ci, and its reconstruction.
LESS = {"n_showers": 4, "showers_per_job": 2, "energy_min_tev": 0.3, "energy_max_tev": 1}
RAW = "results/photons-ci/simulations/gamma/run1"


def write(folder: Path, **storage) -> Path:
    """Write the campaign."""
    content = yaml.safe_load((REPOSITORY / "config/campaigns/photons-ci.yaml").read_text())
    content["simulations"]["gamma"] |= LESS
    content["reconstruction"] = {}
    if storage:
        content["storage"] = storage
    folder.mkdir(exist_ok=True)
    file = folder / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def launch(folder: Path, file: Path, *options: str, check=True):
    """Run the campaign to its end in a folder."""
    arguments = ("all", *options, "--configfile", file)
    return snakemake(*arguments, folder=folder, profile="ci", timeout=1800, check=check)


@pytest.fixture(scope="module")
def direct(tmp_path_factory) -> Path:
    """Folder in which the campaign ran through, with the manifest of its production."""
    folder = tmp_path_factory.mktemp("direct")
    file = write(folder)
    launch(folder, file)
    arguments = ["freeze", file, "--directory", folder, "--out", folder / "gamma.tsv"]
    assert main(list(map(str, arguments))) == 0
    return folder


@pytest.fixture(scope="module")
def later(direct, tmp_path_factory) -> Path:
    """Another folder, in which the campaign started from the manifest."""
    folder = tmp_path_factory.mktemp("later")
    launch(folder, write(folder, frozen={"gamma": str(direct / "gamma.tsv")}))
    return folder


def test_products_are_those_of_the_direct_run(direct, later):
    run, taken = digests(direct), digests(later)
    # Chunks lie where they were made; what their jobs said of them was taken over.
    frozen = {path.partition(f"{direct}/")[2] or path: d for path, d in taken.items()}
    new = {path for path in frozen if path.endswith(("gamma/manifest.txt", "jobs.prov.json"))}
    about = {f"results/photons-ci/{name}" for name in ("summary.json", "overview.html")}
    about.add("results/photons-ci/rule_graph.png")
    assert len(new) == 2
    compared = {path for path in differing(run, frozen) if path not in new | about}
    assert compared == set()
    assert len(run) > 12
    assert not list(later.glob(f"{RAW}/**/*.root"))


def test_the_report_tells_of_it(direct, later):
    digest = (direct / "gamma.tsv").read_text().splitlines()[-1].removeprefix("# sha256: ")
    root = "results/photons-ci"
    before = json.loads((direct / root / "summary.json").read_text())
    after = json.loads((later / root / "summary.json").read_text())
    assert after["about"]["frozen"]["gamma"]["sha256"] == digest
    assert digest in (later / root / "overview.html").read_text()
    assert after["config_sha256"] == before["config_sha256"]
    # What the production cost is still said.
    assert after["cost"]["simulate_events"] == before["cost"]["simulate_events"]
    assert after["simulations"] == before["simulations"]


def test_neither_dates_nor_a_second_launch_run_anything(direct, later):
    for path in [*(direct / RAW).rglob("*"), direct / "gamma.tsv"]:
        os.utime(path, (4e9, 4e9))
    assert "Nothing to be done" in launch(later, later / "campaign.yaml").stdout


def test_a_file_that_changed_is_one_error_and_no_product(direct, tmp_path):
    file = write(tmp_path, frozen={"gamma": str(direct / "gamma.tsv")})
    raw = direct / RAW / "chunks/00000/nsb1.root"
    content = raw.read_bytes()
    try:
        raw.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        part = "results/photons-ci/reconstruction/gamma/geometry/run1-00000"
        options = ("--configfile", file)
        result = snakemake(part, *options, folder=tmp_path, profile="ci", timeout=600)
    finally:
        raw.write_bytes(content)
    assert result.returncode != 0
    (line,) = [x for x in result.stdout.splitlines() if x.startswith("reconstruct_geometry: ")]
    assert f"{raw}: size:adler32: got '{len(content)}:" in line
    assert not (tmp_path / part).exists()


def test_a_dry_run_counts_no_simulation(direct, tmp_path):
    file = write(tmp_path, frozen={"gamma": str(direct / "gamma.tsv")})
    counts = job_counts(launch(tmp_path, file, "-n").stdout)
    assert counts["reconstruct_geometry"] == 2
    assert not {name for name in counts if name.startswith("simulate_")}
