"""Which rules and jobs enter the DAG for a campaign; what stops it before."""

from __future__ import annotations

import pytest
from tests.workflow import job_counts, snakemake

MAIN = {"select_observations", "fill_sky_map", "make_sky_map", "plot_sky_map", "extract_spectra",
        "fit_spectrum", "plot_spectrum", "estimate_light_curve", "plot_light_curve"}  # fmt: skip
CHECK = {"check_sky_maps", "check_spectrum", "check_light_curves", "compare_products",
         "plot_verdicts"}  # fmt: skip
REPORT = {"summarise", "make_overview", "plot_rule_graph"}


def dry_run(file, tmp_path, *arguments):
    """Jobs by rule of a dry run."""
    result = snakemake(*arguments, "-n", "--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode == 0, result.stdout
    return job_counts(result.stdout)


def test_full_campaign(campaign, tmp_path):
    counts = dry_run(campaign(), tmp_path)
    assert set(counts) == MAIN | CHECK | REPORT | {"gate_products", "all"}
    assert counts["select_observations"] == counts["fit_spectrum"] == 5
    assert counts["fill_sky_map"] == counts["make_sky_map"] == 7
    assert counts["estimate_light_curve"] == 9
    assert counts["check_spectrum"] == counts["check_light_curves"] == 5


def test_products_leave_the_gate_out(campaign, tmp_path):
    counts = dry_run(campaign(), tmp_path, "products")
    assert "gate_products" not in counts
    assert set(counts) >= MAIN | CHECK | REPORT


@pytest.mark.parametrize(
    ("target", "present", "absent"),
    [
        ("sky_maps", {"make_sky_map", "plot_sky_map"}, {"fit_spectrum", "check_sky_maps"}),
        ("spectra", {"fit_spectrum", "plot_spectrum"}, {"fill_sky_map", "check_spectrum"}),
        ("light_curves", {"plot_light_curve"}, {"fill_sky_map", "check_light_curves"}),
        ("cross_checks", CHECK, {"gate_products", "summarise"}),
        ("dl3", {"select_observations"}, {"fill_sky_map", "extract_spectra"}),
    ],
)
def test_named_targets(campaign, tmp_path, target, present, absent):
    counts = dry_run(campaign(), tmp_path, target)
    assert present <= set(counts)
    assert not absent & set(counts)


def test_smaller_chunks_are_more_jobs(campaign, tmp_path):
    def change(content):
        content["execution"] = {"runs_per_job": 4}
        content["only_targets"] = ["msh1552"]

    counts = dry_run(campaign(change=change), tmp_path)
    assert counts["extract_spectra"] == 5
    assert counts["fill_sky_map"] == 10
    assert counts["fit_spectrum"] == 1


def test_target_without_spectrum(campaign, tmp_path):
    def change(content):
        content["only_targets"] = ["rxj1713"]
        del content["targets"]["rxj1713"]["spectrum"]
        del content["targets"]["rxj1713"]["light_curves"]

    counts = dry_run(campaign(change=change), tmp_path)
    assert "fill_sky_map" in counts
    assert not {"extract_spectra", "check_spectrum", "estimate_light_curve"} & set(counts)


def test_runs_are_fetched_when_they_are_not_at_hand(campaign, tmp_path):
    def change(content):
        content["data"] = {"dl3_root": "resources/dr1", "fetch": {"enabled": True}}

    assert dry_run(campaign(change=change), tmp_path)["fetch_dl3"] == 1


def test_mock_campaign(campaign, tmp_path):
    counts = dry_run(campaign("demo"), tmp_path)
    assert {"simulate_dl3", "index_dl3"} <= set(counts)
    assert set(counts) >= MAIN | CHECK | REPORT | {"gate_products", "plot_truth"}


def test_bad_campaign_is_one_message_and_no_job(campaign, tmp_path):
    def change(content):
        content["targets"]["crab"]["spectrum"]["on_radius_degg"] = 0.1

    file = campaign(change=change)
    result = snakemake("--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    assert result.stdout.count("on_radius_degg") == 1
    assert f"{file}: targets.crab.spectrum.on_radius_degg: got 0.1; allowed: " in result.stdout
    assert "Job stats" not in result.stdout
    assert not (tmp_path / "results").exists()


def test_no_campaign_is_one_message(tmp_path):
    result = snakemake("--cores", 2, folder=tmp_path)
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    assert "a file of config/campaigns" in result.stdout


def test_missing_image_is_one_message_and_no_job(campaign, tmp_path):
    def change(content):
        content["image"] = "nowhere.sif"

    file = campaign("ci", change)
    arguments = ("all", "--cores", 2, "--configfile", file)
    result = snakemake(*arguments, folder=tmp_path, profile="local-apptainer")
    assert result.returncode != 0
    assert f"{file}: image: got 'nowhere.sif'; allowed: an existing image" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "results").exists()
