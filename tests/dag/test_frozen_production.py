"""A frozen production has no simulation job in the DAG, and nothing makes one."""

from __future__ import annotations

import os

import pytest
from tests.unit.frozen_samples import PRODUCTION, finish, frozen, start_from, write_campaign
from tests.workflow import job_counts, snakemake

LATER = "results/later"


@pytest.fixture
def started(tmp_path):
    """Campaign of another name and folder that starts from a manifest, with what it reads."""
    made = tmp_path / "made"
    file = write_campaign(made / "campaign.yaml")
    finish(file, made)
    assert frozen(file, made, made / "gamma.tsv") == 0

    def change(content):
        content |= {"campaign": "later", "reconstruction": {}}
        start_from(made / "gamma.tsv")(content)

    return write_campaign(tmp_path / "later" / "campaign.yaml", change)


def dry_run(file, *arguments):
    """Output of a dry run of all targets."""
    options = ("-n", "--cores", 2, *arguments, "--configfile", file)
    return snakemake("dl2", *options, folder=file.parent, check=True).stdout


def touch_outputs(file):
    """Leave what jobs of the reconstruction leave, as Snakemake sees it."""
    options = ("--touch", "--cores", 1, "--configfile", file)
    root = file.parent / LATER / "reconstruction/gamma"
    for name in ("geometry", "events"):
        for part in ("run1-00000", "run1-00001"):
            (root / name / part).mkdir(parents=True)
            (root / name / f"{part}.prov.json").write_text("{}")
    snakemake("dl2", *options, folder=file.parent, check=True)


def test_no_job_simulates_and_nothing_reruns(started, tmp_path, repository):
    counts = job_counts(dry_run(started))
    assert counts == {"reconstruct_geometry": 2, "reconstruct_events": 2, "dl2": 1}
    touch_outputs(started)
    assert "Nothing to be done" in dry_run(started)
    # A frozen file that somebody touched is what its checksum says.
    future = (4e9, 4e9)
    folder = tmp_path / "made" / PRODUCTION / "run1/chunks"
    for path in [*folder.rglob("*"), tmp_path / "made/gamma.tsv"]:
        os.utime(path, future)
    assert "Nothing to be done" in dry_run(started)


def test_all_targets_simulate_nothing(started):
    options = ("-n", "--cores", 2, "--configfile", started)
    result = snakemake("all", *options, folder=started.parent, check=True)
    counts = job_counts(result.stdout)
    assert counts["adopt_production"] == counts["summarise_simulation"] == 1
    assert not {name for name in counts if name.startswith("simulate_")}


def test_other_settings_are_one_message_and_no_job(started):
    text = started.read_text()
    started.write_text(text.replace("n_showers: 30", "n_showers: 40"))
    options = ("--cores", 2, "--configfile", started)
    result = snakemake("dl2", *options, folder=started.parent)
    assert result.returncode != 0
    assert "simulations.gamma.n_showers: got 40; allowed: 30, as frozen in" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (started.parent / "results").exists()
