"""ctapipe's process tool and our chain on the same files, with the same settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import zstandard
from simtel_samples import pack

from iactflow.cli import main
from iactflow.crosscheck.agreement import reconstruction_verdicts
from iactflow.crosscheck.ctapipe_process import process, read_processed
from iactflow.crosscheck.ctapipe_settings import ctapipe_settings
from iactflow.crosscheck.reconstruction import check_reconstruction
from iactflow.errors import InputError
from iactflow.io.root import read_table
from iactflow.io.simtel_scan import ARRAY_EVENT, CALIBRATION_EVENT
from iactflow.io.simtel_stream import SimtelStream
from iactflow.report import compare_ctapipe as module
from iactflow.report.compare_ctapipe import compare_ctapipe, compare_files
from iactflow.stereo.stages.reconstruct_geometry import reconstruct_geometry

FOUR_LSTS = "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst"
MIXED = "proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst"
TYPES = {1: "LST", 2: "LST", 5: "MST"}
TOLERANCES = {
    "telescope_events": 0,
    "charge": 1.0,
    "mask_fraction": 0.0,
    "hillas_fraction": 1e-4,
    "hillas_angle_deg": 1e-3,
    "direction_deg": 0.01,
}
# Every step off its default, differently by type.
OTHER = {
    "extraction": {"method": "local_peak", "window_width": 6, "window_shift": 2,
                   "per_type": {"MST*": {"method": "sliding_window", "window_width": 8}}},
    "cleaning": {"method": "mars", "picture_threshold_pe": 7.5, "boundary_threshold_pe": 4.0,
                 "time_limit_ns": 5.0, "islands": "brightest",
                 "per_type": {"LST*": {"method": "tailcuts", "min_picture_neighbors": 1}}},
    "stereo": {"min_size_pe": 60.0, "min_pixels": 6, "max_distance_deg": 3.0, "max_leakage": 0.8},
}  # fmt: skip
TIMED = {
    "extraction": {"integration_correction": False},
    "cleaning": {"method": "time_constrained", "picture_threshold_pe": 8.0,
                 "boundary_threshold_pe": 4.0},
}  # fmt: skip


@pytest.fixture(autouse=True)
def timed_once(monkeypatch):
    """Agreement is tested here, not speed."""
    monkeypatch.setattr(module, "REPEATS", 1)


def _sim(data_dir, name):
    return data_dir / "sim" / name


def simtel_files():
    """Names of the files, known when tests are collected."""
    folder = Path(os.environ.get("IACTFLOW_DATA", "/nowhere")) / "sim"
    return sorted(path.name for path in folder.glob("*.simtel.*"))


def test_settings_in_the_words_of_ctapipe():
    config = ctapipe_settings(
        {
            "extraction": {"window_width": 5, "per_type": {"M*": {"method": "fixed_window"}}},
            "cleaning": {"picture_threshold_pe": 8.0, "per_type": {"LST": {"islands": None}}},
            "stereo": {"min_size_pe": 80.0, "min_telescopes": 2},
        },
        TYPES,
    )
    extractor = [["id", 1, "NeighborPeakWindowSum"], ["id", 2, "NeighborPeakWindowSum"]]
    assert config["CameraCalibrator"]["image_extractor_type"] == [
        *extractor,
        ["id", 5, "FixedWindowSum"],
    ]
    assert config["FixedWindowSum"] == {"window_width": [["id", tel, 5] for tel in TYPES]}
    assert config["ImageProcessor"]["image_cleaner_type"] == "TailcutsImageCleaner"
    picture = config["TailcutsImageCleaner"]["picture_threshold_pe"]
    assert picture == [["id", tel, 8.0] for tel in TYPES]
    cuts = dict(config["StereoQualityQuery"]["quality_criteria"])
    assert cuts["size"] == "parameters.hillas.intensity > 80.0"
    assert config["ThresholdGainSelector"] == {"threshold": 4000.0}


def test_cleaning_that_ctapipe_has_not_in_one_piece():
    config = ctapipe_settings(OTHER, TYPES)
    assert config["ImageProcessor"]["image_cleaner_type"] == "ComposedImageCleaner"
    by_telescope = config["ComposedImageCleaner"]["settings"]
    assert by_telescope["1"]["method"] == "tailcuts"
    assert by_telescope["5"]["method"] == "mars"
    assert by_telescope["5"]["islands"] == "brightest"


def test_what_ctapipe_cannot_do_is_refused():
    settings = {"extraction": {"per_type": {"MST": {"gain_threshold_adu": 3000.0}}}}
    with pytest.raises(InputError, match="gain_threshold_adu"):
        ctapipe_settings(settings, TYPES)
    with pytest.raises(InputError, match="dilations: got 1; allowed: 0"):
        ctapipe_settings({"cleaning": {"dilations": 1}}, TYPES)


@pytest.mark.data
@pytest.mark.parametrize("name", simtel_files())
def test_all_within_the_marks(data_dir, name):
    found = compare_ctapipe(_sim(data_dir, name))
    assert [row for row in found["judged"] if not row["passed"]] == []
    assert found["passed"]
    assert found["chains"]["n_events"]["main"] > 0
    assert found["chains"]["charge_within"] == 1.0
    # the whole chains agree, too, not only step by step
    verdicts = reconstruction_verdicts("all", found["chains"], TOLERANCES)
    assert [v.quantity for v in verdicts if not v.passed] == []
    assert found["cpu_ms"]["ours"]["all"] > 0.0
    assert found["cpu_ms"]["ctapipe"]["all"] > 0.0


@pytest.mark.data
def test_calibration_events_in_the_file_are_left_out_of_both_chains(data_dir, tmp_path):
    source = _sim(data_dir, FOUR_LSTS)
    with source.open("rb") as file:
        packed = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        data = packed.read()
    parts, start, n_events = [], 0, 0
    with SimtelStream(source) as stream:
        while (header := stream.next_header()) is not None:
            stream.skip(header)
            part, start = data[start : stream.position], stream.position
            n_events += header.type == ARRAY_EVENT
            if header.type == ARRAY_EVENT and n_events == 2:
                # The same event without its marker, as a pedestal event.
                part = pack(CALIBRATION_EVENT, part[4:], 0, 1, nested=True)
            parts.append(part)
    path = tmp_path / "with_pedestal.simtel"
    path.write_bytes(b"".join(parts))
    found = compare_ctapipe(path)
    assert found["passed"]
    assert found["chains"]["n_events"]["main"] == n_events - 1
    # The rule's product holds the event, its comparison does not.
    raw = SimpleNamespace(raw=[str(path)])
    folder = tmp_path / "geometry"
    settings = {"extraction": {}, "cleaning": {}, "stereo": {}}
    params = SimpleNamespace(settings=settings)
    reconstruct_geometry(raw, SimpleNamespace(geometry=folder), params, None)
    assert len(read_table(folder / "with_pedestal.root", "trigger")["event_id"]) == n_events
    out = SimpleNamespace(check=tmp_path / "check.json")
    check_reconstruction(SimpleNamespace(raw=raw.raw, geometry=folder), out, params, None)
    assert json.loads(out.check.read_text())["n_events"]["alone"] == 0


@pytest.mark.data
@pytest.mark.parametrize("settings", [OTHER, TIMED], ids=["other", "timed"])
def test_other_settings_in_both_chains(data_dir, settings):
    found = compare_ctapipe(_sim(data_dir, MIXED), settings)
    assert [row for row in found["judged"] if not row["passed"]] == []
    verdicts = reconstruction_verdicts("all", found["chains"], TOLERANCES)
    assert [v.quantity for v in verdicts if not v.passed] == []


@pytest.mark.data
def test_the_rule_and_what_another_setting_does(data_dir, tmp_path):
    raw = str(_sim(data_dir, FOUR_LSTS))
    inputs = SimpleNamespace(raw=[raw], geometry=str(tmp_path / "geometry"))
    outputs = SimpleNamespace(geometry=inputs.geometry, check=str(tmp_path / "check.json"))
    for keep in (True, False):
        settings = {**TIMED, "keep_images": keep}
        params = SimpleNamespace(settings=settings)
        reconstruct_geometry(inputs, outputs, params, None)
        check_reconstruction(inputs, outputs, params, None)
        found = json.loads(Path(outputs.check).read_text())
        verdicts = reconstruction_verdicts("lst", found, TOLERANCES)
        assert [v.quantity for v in verdicts if not v.passed] == []
        assert found["n_telescope_events"] == {"main": 13, "check": 13, "alone": 0}
        check_reconstruction(inputs, outputs, SimpleNamespace(settings={}), None)
        found = json.loads(Path(outputs.check).read_text())
        failed = {v.quantity for v in reconstruction_verdicts("lst", found, TOLERANCES)
                  if not v.passed}  # fmt: skip
        assert {"charge", "mask_fraction"} & failed
        for path in Path(inputs.geometry).iterdir():
            path.unlink()
        Path(inputs.geometry).rmdir()


@pytest.mark.data
def test_a_product_that_is_missing(data_dir, tmp_path):
    inputs = SimpleNamespace(raw=[str(_sim(data_dir, FOUR_LSTS))], geometry=str(tmp_path))
    with pytest.raises(InputError, match="product"):
        check_reconstruction(inputs, SimpleNamespace(check="x"), SimpleNamespace(settings={}), None)


@pytest.mark.data
def test_tables_of_ctapipe(data_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    types = dict.fromkeys(range(1, 5), "LST")
    clock = process(_sim(data_dir, FOUR_LSTS), tmp_path / "a.h5", {}, types)
    assert clock["all"] == pytest.approx(sum(v for k, v in clock.items() if k != "all"))
    tables = read_processed(tmp_path / "a.h5")
    assert len(tables.images["tel_id"]) == len(tables.pixels["image"]) == 13
    assert np.all(np.isfinite(tables.events["alt_deg"]) == tables.events["is_valid"])
    measured = np.isfinite(tables.images["hillas_intensity"])
    sums = [
        image[mask].sum()
        for image, mask in zip(tables.pixels["image"], tables.pixels["image_mask"], strict=True)
    ]
    np.testing.assert_allclose(
        tables.images["hillas_intensity"][measured], np.array(sums)[measured], rtol=1e-6
    )
    # nothing is left where the process runs
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "a.h5.provenance.log"}


@pytest.mark.data
def test_command(data_dir, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out.json"
    path = str(_sim(data_dir, FOUR_LSTS))
    assert main(["compare-ctapipe", path, "--json", str(out), "--max-events", "2"]) == 0
    text = capsys.readouterr().out
    assert "all within the marks" in text
    assert json.loads(out.read_text())["files"][0]["chains"]["n_events"]["main"] == 2
    monkeypatch.setitem(module.MARKS, "direction_deg", 0.0)
    assert main(["compare-ctapipe", path]) == 1
    assert "BEYOND" in capsys.readouterr().out


def test_a_broken_file_is_one_line(tmp_path, capsys):
    path = tmp_path / "broken.simtel.zst"
    path.write_bytes(b"nothing")
    assert main(["compare-ctapipe", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(InputError):
        compare_files([tmp_path / "missing.simtel.zst"])
    with pytest.raises(SystemExit):
        main(["compare-ctapipe", str(path), "--max-events", "0"])
