"""Which rules enter the DAG for simulations; what stops them before any job."""

from __future__ import annotations

import pytest
from tests.unit.corsika_samples import run_header
from tests.workflow import job_counts, snakemake

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.load import load_campaign

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
    report = {"summarise", "make_overview", "plot_rule_graph", "all"}
    assert set(counts) == AFTER | report | {"simulate_events"}
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


def give_files(*files, **keys):
    """Change a campaign so that photons come from files."""

    def change(content):
        content["shower"] = {"backend": "iact_files"}
        gamma = {"particle": "gamma", "iact_files": list(files), **keys}
        content["simulations"] = {"gamma": gamma}

    return change


def test_files_of_corsika_need_telescopes_only(campaign, tmp_path, repository):
    for name, run in (("b", 7), ("a", 7), ("c", 12)):
        (tmp_path / f"{name}.corsika").write_bytes(run_header(run=run))
    file = campaign("photons-ci", give_files("*.corsika"))
    counts = dry_run(file, tmp_path, "simulations")
    assert set(counts) == AFTER | {"simulate_telescopes", "simulations"}
    assert counts["simulate_telescopes"] == 3
    simulations = load_campaign(read_campaign_file(file), [file], repository).simulations
    assert simulations.runs == {"gamma": [7, 12]}
    assert simulations.photons("gamma", "7", "00001") == str(tmp_path / "b.corsika")
    assert simulations.photons("gamma", "12", "00000") == str(tmp_path / "c.corsika")


def test_files_that_cannot_be_used_are_one_message_and_no_job(campaign, tmp_path):
    (tmp_path / "7.corsika").write_bytes(run_header(run=7))
    (tmp_path / "broken.corsika").write_bytes(b"not a file of CORSIKA")
    cases = [
        (give_files("none*.corsika"), "iact_files[0]: got 'none*.corsika'; allowed: existing"),
        (give_files("7.corsika", "7*"), "each file once"),
        (give_files("broken.corsika"), "broken.corsika: file: got 'broken or truncated"),
        (give_files("7.corsika", n_showers=5), "n_showers and iact_files exclude each other"),
        (give_files("7.corsika", spectral_index=2.0), "spectral_index and iact_files exclude"),
        (give_files("7.corsika", zenith_deg=20), "zenith_deg and azimuth_deg go together"),
        (set_shower(backend="iact_files"), "the key iact_files and shower.backend"),
    ]
    for change, message in cases:
        file = campaign("photons-ci", change)
        result = snakemake("--cores", 2, "--configfile", file, folder=tmp_path)
        assert result.returncode != 0
        assert message in result.stdout, result.stdout
        assert "Traceback" not in result.stdout
    assert not (tmp_path / "results").exists()


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
        ({"targets": {}, "simulations": {}}, "give targets, simulations or events"),
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
