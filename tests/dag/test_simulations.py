"""Which rules enter the DAG for simulations; what stops them before any job."""

from __future__ import annotations

import pytest
from tests.workflow import job_counts, snakemake

AFTER = {"summarise_simulation", "plot_simulation", "plot_optics"}
CHAIN = {"fill_sky_map", "extract_spectra", "check_spectrum", "compare_products", "gate_products"}
CONDITIONS = "obs_id\ttel_id\taltitude_deg\tazimuth_deg\n"


def dry_run(file, tmp_path, *arguments):
    """Jobs by rule of a dry run."""
    result = snakemake(*arguments, "-n", "--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode == 0, result.stdout
    return job_counts(result.stdout)


def set_shower(**keys):
    def change(content):
        content["shower"] = keys

    return change


def test_photons_go_through_memory_by_default(campaign, tmp_path):
    counts = dry_run(campaign("photons-ci"), tmp_path)
    assert set(counts) == AFTER | {"simulate_events", "summarise", "make_overview", "all"}
    assert counts["simulate_events"] == 2
    assert counts["plot_simulation"] == 1


def test_kept_photons_split_the_jobs(campaign, tmp_path):
    counts = dry_run(campaign("photons-ci", set_shower(keep_photons=True)), tmp_path, "simulations")
    assert set(counts) == AFTER | {"simulate_showers", "simulate_telescopes", "simulations"}
    assert counts["simulate_showers"] == counts["simulate_telescopes"] == 2


def test_corsika_takes_the_place_of_our_showers(campaign, tmp_path):
    executable = tmp_path / "corsika"
    executable.touch()
    change = set_shower(backend="corsika", corsika={"executable": str(executable)})
    counts = dry_run(campaign("photons-ci", change), tmp_path, "simulations")
    wanted = {"render_corsika_card", "run_corsika", "simulate_telescopes", "simulations"}
    assert set(counts) == AFTER | wanted
    assert counts["render_corsika_card"] == counts["run_corsika"] == 2


def test_jobs_follow_runs_productions_and_chunks(campaign, tmp_path):
    rows = [f"{run}\t{tel}\t70\t180\n" for run in (7, 3, 9) for tel in (1, 2, 3, 4)]
    (tmp_path / "conditions.tsv").write_text(CONDITIONS + "".join(rows))

    def change(content):
        gamma = content["simulations"]["gamma"]
        run_wise = {k: v for k, v in gamma.items() if k not in ("run", "zenith_deg", "azimuth_deg")}
        run_wise["observations"] = {"conditions": "conditions.tsv", "obs_ids": [3, 9]}
        run_wise["showers_per_job"] = 8
        content["simulations"]["run_wise"] = run_wise

    counts = dry_run(campaign("photons-ci", change), tmp_path, "simulations")
    # Two chunks of the one, four chunks for each of two runs of the other.
    assert counts["simulate_events"] == 2 + 2 * 4
    assert counts["summarise_simulation"] == 2


def test_simulations_beside_targets(campaign, tmp_path):
    def change(content):
        content["instrument"] = {"name": "hess1", "version": "2006"}
        content["simulations"] = {
            "muon": {
                "particle": "muon",
                "run": 5,
                "n_showers": 3,
                "energy_min_tev": 0.01,
                "energy_max_tev": 0.1,
                "zenith_deg": 0,
                "azimuth_deg": 0,
                "core_radius_max_m": 10,
            }
        }

    counts = dry_run(campaign("ci", change), tmp_path)
    assert set(counts) >= CHAIN | AFTER | {"simulate_events", "simulate_dl3"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instrument": {"name": "hess1", "version": "1999"}}, "instrument: got 'hess1 1999'"),
        (
            {"instrument": {"name": "hess1", "version": "2006", "path": "no/where"}},
            "instrument.path",
        ),
        ({"instrument": None}, "simulations need the block instrument"),
        ({"targets": {}, "simulations": {}}, "give targets or simulations"),
        (
            {"shower": {"backend": "corsika", "corsika": {"executable": "/no/corsika"}}},
            "shower.corsika.executable: got '/no/corsika'; allowed: an existing file",
        ),
    ],
)
def test_what_is_missing_is_one_message_and_no_job(campaign, tmp_path, change, message):
    file = campaign("photons-ci", lambda content: content.update(change))
    result = snakemake("--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode != 0
    assert message in result.stdout
    assert str(file) in result.stdout
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "results").exists()
