"""The smallest campaign of hadrons: a pool for all, protons and iron to their report."""

from __future__ import annotations

import json

import pytest
import yaml
from tests.products import activities
from tests.workflow import REPOSITORY, job_counts, snakemake

from iactflow.campaign.digest import content_digest
from iactflow.io.merge import merge_tables
from iactflow.io.root import read_table

pytestmark = pytest.mark.slow

CAMPAIGN = REPOSITORY / "config/campaigns/proton-ci.yaml"
CHUNKS = "results/proton-ci/simulations/proton/run1/chunks"
STAGES = {
    "make_hadron_pool": 1,
    "simulate_events": 3,
    "summarise_simulation": 2,
    "plot_simulation": 2,
    "plot_optics": 2,
    "summarise": 1,
    "make_overview": 1,
    "plot_rule_graph": 1,
}


def launch(folder, *targets, file=CAMPAIGN, **options):
    """Run the campaign with the profile of the tests."""
    return snakemake(*targets, "--configfile", file, folder=folder, profile="ci", **options)


def write(folder, change):
    """A file of the campaign with a change."""
    content = yaml.safe_load(CAMPAIGN.read_text())
    change(content)
    file = folder / "changed.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder in which the campaign ran."""
    folder = tmp_path_factory.mktemp("hadrons")
    launch(folder, "all", check=True)
    return folder


def test_every_stage_ran(finished):
    counts = {}
    for job in activities(finished):
        counts[job["iactflow:rule"]] = counts.get(job["iactflow:rule"], 0) + 1
    assert counts == STAGES


def test_hadrons_trigger(finished):
    summary = json.loads((finished / "results/proton-ci/summary.json").read_text())
    blocks = summary["simulations"]
    assert (blocks["proton"]["n_showers"], blocks["proton"]["n_thrown"]) == (30, 90)
    for name in ("proton", "iron"):
        triggered = blocks[name]["n_triggered"]["1"]
        assert 0.3 * blocks[name]["n_thrown"] < triggered < blocks[name]["n_thrown"]


def merged(folder, target):
    """Events of all chunks of the protons."""
    chunks = sorted((folder / CHUNKS).glob("0*[0-9]"))
    merge_tables([chunk / "nsb1.root" for chunk in chunks], target)
    return len(chunks)


def test_other_chunks_hold_the_same_events(finished, tmp_path):
    def cut(content):
        content["simulations"]["proton"]["showers_per_job"] = 30

    file = write(tmp_path, cut)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/hadrons").symlink_to(finished / "results/hadrons")
    launch(tmp_path, f"{CHUNKS}/00000", file=file, check=True)
    assert merged(finished, tmp_path / "two.root") == 2
    assert merged(tmp_path, tmp_path / "one.root") == 1
    assert content_digest(tmp_path / "one.root") == content_digest(tmp_path / "two.root")
    truth = read_table(tmp_path / "one.root", "simulated_events")
    assert set(truth["particle_id"].tolist()) == {14}


def test_campaigns_of_equal_settings_share_the_pool(finished, tmp_path):
    other = write(tmp_path, lambda content: content.update(campaign="other"))
    counts = job_counts(launch(finished, "all", "-n", file=other).stdout)
    assert counts["simulate_events"] == 3
    assert "make_hadron_pool" not in counts

    def change(content):
        content["campaign"] = "other"
        content["shower"]["hadrons"]["switch_gev"] = 70

    counts = job_counts(launch(finished, "all", "-n", file=write(tmp_path, change)).stdout)
    assert counts["make_hadron_pool"] == 1
