"""Which rules enter the DAG for cuts and their figures."""

from __future__ import annotations

import pytest
from tests.workflow import job_counts, snakemake

EVENTS = {"simulate_events", "reconstruct_geometry", "reconstruct_events"}
EVENTS |= {"fill_shape_tables", "merge_shape_tables"}
EVENTS |= {"train_energy", "train_direction", "train_class"}
RESPONSES = {"optimise_cuts", "make_responses", "plot_performance", "irfs"}
SPLITS = {"train_energy": 0.2, "train_direction": 0.1, "train_class": 0.1, "test_cuts": 0.3,
          "test_irfs": 0.3, "mock": 0}  # fmt: skip


@pytest.fixture
def dry_run(campaign, tmp_path):
    """Return a function that gives the jobs of a campaign with cuts, by rule."""

    def run(cuts, *arguments):
        def change(content):
            content["reconstruction"]["splits"] = SPLITS
            content["cuts"] = cuts
            content["responses"] = {"signal": ["gamma"], "background": {"electron": None}}

        file = campaign("reconstruction-ci", change)
        result = snakemake(*arguments, "-n", "--cores", 2, "--configfile", file, folder=tmp_path)
        assert result.returncode == 0, result.stdout
        return job_counts(result.stdout)

    return run


def test_chosen_and_fixed_cuts_are_one_product(dry_run):
    for cuts in ({"preset": "standard", "optimise": {}}, {"preset": "hard"}):
        counts = dry_run(cuts, "irfs")
        assert set(counts) == EVENTS | RESPONSES
        assert counts["optimise_cuts"] == counts["make_responses"] == 1


def test_fixed_cuts_wait_for_no_event(dry_run):
    target = "results/reconstruction-ci/responses/cuts.json"
    assert dry_run({"preset": "hard"}, target) == {"optimise_cuts": 1}
    chosen = dry_run({"preset": "standard", "optimise": {}}, target)
    assert set(chosen) == EVENTS | {"optimise_cuts"}


def test_without_cuts_there_is_no_such_rule(dry_run):
    assert "optimise_cuts" not in dry_run(None, "irfs")
