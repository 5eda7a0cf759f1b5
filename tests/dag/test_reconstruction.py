"""Which rules enter the DAG for the reconstruction."""

from __future__ import annotations

import pytest
from tests.workflow import job_counts, snakemake

GEOMETRY = {"reconstruct_geometry", "reconstruct_events"}
REPORT = {"summarise_reconstruction", "plot_reconstruction"}
TABLES = {"fill_shape_tables", "merge_shape_tables"}
CHECK = {"check_reconstruction", "compare_products", "plot_verdicts", "gate_products"}
RESPOND = {"optimise_cuts", "make_responses", "plot_performance", "check_responses"}
TRAIN = {"train_energy", "train_direction", "train_class"}
COLLECT = {"summarise", "make_overview", "plot_rule_graph", "all"}


def dry_run(file, tmp_path, *arguments):
    """Jobs by rule of a dry run."""
    result = snakemake(*arguments, "-n", "--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode == 0, result.stdout
    return job_counts(result.stdout)


@pytest.fixture
def simtel(campaign, tmp_path):
    """Return a function that writes a campaign of raw files from elsewhere, with changes."""

    def write(change=None, n_files=3):
        for i in range(n_files):
            (tmp_path / f"gamma_{i}.simtel.zst").touch()

        def changed(content):
            content["events"] = {"gamma": {"files": ["gamma_*.simtel.zst"]}}
            if change is not None:
                change(content)

        return campaign("simtel-reconstruction", changed)

    return write


def test_raw_files_need_no_simulation(simtel, tmp_path):
    counts = dry_run(simtel(), tmp_path)
    assert set(counts) == GEOMETRY | REPORT | CHECK | COLLECT
    assert counts["reconstruct_geometry"] == counts["check_reconstruction"] == 3
    assert counts["summarise_reconstruction"] == 1


def test_without_ctapipe_there_is_no_gate(simtel, tmp_path):
    counts = dry_run(simtel(lambda c: c.update(cross_check={"ctapipe_fraction": 0})), tmp_path)
    assert set(counts) == GEOMETRY | REPORT | COLLECT


def test_named_targets(simtel, tmp_path):
    assert set(dry_run(simtel(), tmp_path, "dl2")) == GEOMETRY | {"dl2"}
    wanted = GEOMETRY | REPORT | {"reconstruction"}
    assert set(dry_run(simtel(), tmp_path, "reconstruction")) == wanted


def test_simulations_are_reconstructed(campaign, tmp_path):
    checked = {"ctapipe_fraction": 0.4}
    file = campaign("reconstruction-ci", lambda content: content.update(cross_check=checked))
    counts = dry_run(file, tmp_path)
    simulate = {"simulate_events", "summarise_simulation", "plot_simulation", "plot_optics"}
    tables = TABLES | {"plot_shape_tables"}
    models = tables | TRAIN
    assert set(counts) == simulate | GEOMETRY | REPORT | CHECK | COLLECT | models | RESPOND
    assert counts["reconstruct_geometry"] == counts["simulate_events"] == 3
    assert counts["fill_shape_tables"] == 1


def test_models_enter_when_they_are_asked_for(campaign, tmp_path):
    def change(content):
        content["reconstruction"]["forests"] = {
            "energy": ["gamma"],
            "direction": ["gamma"],
            "signal": ["gamma"],
            "background": ["electron"],
        }
        content["execution"] = {"parts_per_job": 1}

    counts = dry_run(campaign("reconstruction-ci", change), tmp_path, "dl2")
    assert {"train_energy", "train_direction", "train_class"} <= set(counts)
    # Two parts of gammas, each a job; the sums are added up once.
    assert counts["fill_shape_tables"] == 2
    assert counts["merge_shape_tables"] == 1


def test_missing_raw_files_are_one_message_and_no_job(campaign, tmp_path):
    def change(content):
        content["events"] = {"gamma": {"files": ["nowhere_*.simtel.zst"]}}

    file = campaign("simtel-reconstruction", change)
    result = snakemake("--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode != 0
    assert "events.gamma.files[0]: got 'nowhere_*.simtel.zst'; allowed: existing" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "results").exists()


CALIBRATE = {"calibrate_cameras", "plot_calibration"}


def calibrated(tmp_path, **settings):
    """Change of a campaign: its events have a calibration run."""
    (tmp_path / "flat.simtel.zst").touch()

    def change(content):
        block = {"files": ["flat.simtel.zst"], **settings}
        content["events"]["gamma"]["calibration"] = block

    return change


def test_cameras_are_calibrated_when_it_is_asked_for(simtel, tmp_path):
    file = simtel(calibrated(tmp_path))
    # ctapipe has no other calibration than that of the files: nothing is compared.
    counts = dry_run(file, tmp_path)
    assert set(counts) == CALIBRATE | GEOMETRY | REPORT | COLLECT
    assert counts["calibrate_cameras"] == counts["plot_calibration"] == 1
    assert counts["reconstruct_geometry"] == 3
    assert set(dry_run(file, tmp_path, "calibration")) == CALIBRATE | {"calibration"}
    wanted = {"calibrate_cameras", "dl2"} | GEOMETRY
    assert set(dry_run(file, tmp_path, "dl2")) == wanted


def touched(file, tmp_path):
    """Make all files of the target dl2 as if their jobs had run."""
    result = snakemake("dl2", "--touch", "--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode == 0, result.stdout


def test_settings_of_the_calibration_rerun_the_geometry(simtel, tmp_path):
    file = simtel(calibrated(tmp_path, excess_noise=1.2))
    folder = tmp_path / "results" / "simtel-reconstruction"
    products = ["calibration/gamma/calibration.root", "calibration/gamma/summary.json"]
    for i in range(3):
        for kind in ("geometry", "events"):
            (folder / f"reconstruction/gamma/{kind}/files-{i:05d}").mkdir(parents=True)
            products.append(f"reconstruction/gamma/{kind}/files-{i:05d}.prov.json")
    products.append("calibration/gamma/calibration.root.prov.json")
    for name in products:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    touched(file, tmp_path)
    assert dry_run(file, tmp_path, "dl2") == {}
    other = dry_run(simtel(calibrated(tmp_path, excess_noise=1.4)), tmp_path, "dl2")
    assert other["calibrate_cameras"] == 1
    assert other["reconstruct_geometry"] == 3


def test_with_a_throughput_of_its_own_no_calibration_runs_and_nothing_is_compared(simtel, tmp_path):
    def change(content):
        content["events"]["gamma"]["throughput"] = {1: 0.8}

    counts = dry_run(simtel(change), tmp_path)
    assert set(counts) == GEOMETRY | REPORT | COLLECT
