"""The smallest reconstruction, from showers to energies; what a change of settings reruns."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from tests.products import activities, digests
from tests.workflow import REPOSITORY, job_counts, snakemake

from iactflow.campaign.load import load_campaign
from iactflow.discrimination.splits import SPLITS, part_of_showers
from iactflow.io.merge import merge_tables
from iactflow.io.root import read_table

pytestmark = pytest.mark.slow

CAMPAIGN = REPOSITORY / "config/campaigns/reconstruction-ci.yaml"
ROOT = "results/reconstruction-ci/reconstruction"
GAMMA = 1  # CORSIKA's number
COLUMNS = ("is_valid", "split", "gammaness", "energy_forest_tev", "true_energy_tev")
STAGES = {
    "reconstruct_geometry": 3,
    "fill_shape_tables": 1,
    "merge_shape_tables": 1,
    "plot_shape_tables": 1,
    "train_energy": 1,
    "train_direction": 1,
    "train_class": 1,
    "reconstruct_events": 3,
    "summarise_reconstruction": 2,
    "plot_reconstruction": 2,
    "optimise_cuts": 1,
    "make_responses": 1,
    "check_responses": 1,
    "plot_performance": 1,
}


def launch(folder, *targets, file=CAMPAIGN, **options):
    """Run the campaign with the profile of the tests."""
    return snakemake(*targets, "--configfile", file, folder=folder, profile="ci", **options)


def write(folder, change):
    content = yaml.safe_load(CAMPAIGN.read_text())
    change(content["reconstruction"])
    file = folder / "changed.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder in which the campaign ran."""
    folder = tmp_path_factory.mktemp("reconstruction")
    launch(folder, "all", check=True)
    return folder


def test_every_stage_ran(finished):
    rules = [job["iactflow:rule"] for job in activities(finished)]
    assert {rule: rules.count(rule) for rule in STAGES} == STAGES


def test_summary_and_overview_tell_of_the_samples(finished):
    summary = json.loads((finished / "results/reconstruction-ci/summary.json").read_text())
    block = summary["reconstruction"]["gamma"]
    assert 300 < block["n_reconstructed"] <= block["n_events"] <= 400
    level = block["levels"]["1"]
    bins = level["angular_resolution"]["pairs"]
    radius = [b["r68_deg"] for b in bins if b["n_events"] >= 30]
    assert radius
    # Showers of the nominal array: a tenth of a degree, not a camera.
    assert all(0.02 < r < 0.2 for r in radius)
    assert block["cpu_ms_per_event"] > 0
    assert set(summary["reconstruction"]) == {"gamma", "electron"}
    page = (finished / "results/reconstruction-ci/overview.html").read_text()
    assert "<h2>Reconstruction</h2>" in page


def test_events_know_their_part_by_shower(finished):
    files = sorted((finished / ROOT / "gamma/events").glob("run1-*/nsb1.root"))
    assert len(files) == 2
    campaign = load_campaign(yaml.safe_load(CAMPAIGN.read_text()), [CAMPAIGN], REPOSITORY)
    fractions = campaign.config["reconstruction"]["splits"]
    for file in files:
        events, truth = (read_table(file, name) for name in ("events_dl2", "simulated_events"))
        assert np.array_equal(events["event_id"], truth["event_id"])
        part = part_of_showers(campaign.seed, str(GAMMA), 1, truth["shower_id"], fractions)
        assert np.array_equal(events["split"], part)
        found = np.isfinite(events["energy_tev"])
        assert found.sum() > 0.5 * events["is_valid"].sum()


def test_forests_predict_what_they_learnt(finished):
    events = {}
    for sample in ("gamma", "electron"):
        files = sorted((finished / ROOT / sample / "events").glob("*/nsb1.root"))
        parts = [read_table(file, "events_dl2", COLUMNS) for file in files]
        events[sample] = {k: np.concatenate([part[k] for part in parts]) for k in COLUMNS}
    for columns in events.values():
        known = np.isfinite(columns["gammaness"])
        assert known.sum() > 0.5 * columns["is_valid"].sum()
        assert np.all((columns["gammaness"][known] >= 0) & (columns["gammaness"][known] <= 1))
    learnt = {
        name: np.nanmean(columns["gammaness"][columns["split"] == SPLITS.index("train_class")])
        for name, columns in events.items()
    }
    assert learnt["gamma"] > learnt["electron"] + 0.1
    gamma = events["gamma"]
    seen = np.isfinite(gamma["energy_forest_tev"]) & (gamma["split"] == SPLITS.index("test_irfs"))
    error = np.log(gamma["energy_forest_tev"][seen] / gamma["true_energy_tev"][seen])
    assert seen.sum() > 50
    assert np.median(np.abs(error)) < 0.3
    for sample in events:
        assert (finished / ROOT / sample / "figures/classes.png").stat().st_size > 0


def test_parts_merge_and_count_what_was_thrown(finished, tmp_path):
    for kind in ("geometry", "events"):
        files = sorted((finished / ROOT / "gamma" / kind).glob("run1-*/nsb1.root"))
        merge_tables(files, tmp_path / f"{kind}.root")
        assert read_table(tmp_path / f"{kind}.root", "thrown_events")["n_thrown"].sum() == 400


def test_a_second_launch_does_nothing(finished):
    assert "Nothing to be done" in launch(finished, "all", check=True).stdout


@pytest.mark.parametrize(
    ("key", "value", "rerun", "kept"),
    [
        ("cleaning", {"picture_threshold_pe": 9}, {"reconstruct_geometry"}, {"simulate_events"}),
        (
            "shape_tables",
            {"samples": ["gamma"], "n_size_bins": 24},
            {"fill_shape_tables", "merge_shape_tables", "reconstruct_events"},
            {"reconstruct_geometry", "simulate_events"},
        ),
    ],
)
def test_a_change_reruns_only_what_depends_on_it(finished, tmp_path, key, value, rerun, kept):
    file = write(tmp_path, lambda block: block.__setitem__(key, value))
    counts = job_counts(launch(finished, "dl2", "-n", file=file).stdout)
    assert rerun <= set(counts)
    assert not kept & set(counts)


def test_jobs_cut_otherwise_give_the_same_tables(finished, tmp_path):
    content = yaml.safe_load(CAMPAIGN.read_text())
    content["execution"] = {"parts_per_job": 1}
    file = tmp_path / "changed.yaml"
    file.write_text(yaml.safe_dump(content))
    target = f"{ROOT}/models/shape_tables.root"
    launch(tmp_path, target, file=file, check=True)
    assert digests(tmp_path)[target] == digests(finished)[target]
