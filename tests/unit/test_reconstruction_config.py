"""Blocks of the reconstruction: what is refused, how samples are cut, what a change reruns."""

from __future__ import annotations

import copy
from dataclasses import fields

import pytest
from tests.unit.reconstruction_samples import subarray

from iactflow.calibration.camera import CameraSettings
from iactflow.calibration.collect import Window
from iactflow.calibration.settings import ExtractionSettings
from iactflow.calibration.stages.calibrate_cameras import camera_settings
from iactflow.campaign.config import validate_campaign
from iactflow.campaign.digest import config_sha256
from iactflow.campaign.load import load_campaign
from iactflow.campaign.reconstruction import OF_THE_CLASS, chosen_parts
from iactflow.campaign.schema_reconstruction import (
    SPLITS,
    Calibration,
    Cleaning,
    Extraction,
    Forests,
    ShapeTables,
    Stereo,
)
from iactflow.campaign.targets import Targets
from iactflow.discrimination import splits
from iactflow.discrimination.shape_sums import ShapeTableSettings
from iactflow.discrimination.training import ForestSettings
from iactflow.errors import InputError
from iactflow.imaging.clean import CleaningSettings
from iactflow.stereo.chain import chain_settings
from iactflow.stereo.reconstruct import StereoSettings

GOOD = {
    "campaign": "good",
    "events": {
        "gamma": {"files": ["gamma_*.simtel.zst"]},
        "proton": {"files": ["proton.simtel.gz"]},
        "crab": {"files": ["crab.fits.fz"], "role": "data"},
    },
    "reconstruction": {},
}
RECONSTRUCTION = "reconstruction"

# Block, key, value, key that the message names, hint that it gives.
BAD = {
    "ending": ("events.gamma", "files", ["a.hdf5"], "events.gamma.files[0]", "simtel"),
    "no files": ("events.gamma", "files", [], "events.gamma.files", "at least 1"),
    "role": ("events.gamma", "role", "real", "events.gamma.role", "'data'"),
    "calibration of nothing": (
        "events.crab", "calibration", {"files": []}, "events.crab.calibration.files", "at least 1",
    ),
    "overlap": (
        "events.crab", "calibration", {"files": ["a.fits.fz"], "overlap_min_pe": 300.0},
        "events.crab.calibration", "must be below",
    ),
    "no throughput": (
        "events.crab", "throughput", {1: 0.0}, "events.crab.throughput[1]", "> 0",
    ),
    "typo": (RECONSTRUCTION, "clean", {}, "reconstruction.clean", "did you mean cleaning"),
    "method": (
        RECONSTRUCTION, "extraction", {"method": "peak"}, "reconstruction.extraction.method",
        "'local_peak'",
    ),
    "levels": (
        RECONSTRUCTION, "cleaning", {"boundary_threshold_pe": 11.0}, "reconstruction.cleaning",
        "must not exceed",
    ),
    "levels of a type": (
        RECONSTRUCTION, "cleaning", {"per_type": {"LST*": {"picture_threshold_pe": 1.0}}},
        "reconstruction.cleaning", "per_type.LST*",
    ),
    "one image": (
        RECONSTRUCTION, "stereo", {"min_telescopes": 1}, "reconstruction.stereo.min_telescopes",
        ">= 2",
    ),
    "splits": (RECONSTRUCTION, "splits", {"mock": 0.5}, "reconstruction.splits", "sum to 1.45"),
    "unknown sample": (RECONSTRUCTION, "samples", ["x"], "campaign file", "no sample 'x'"),
    "left out": (
        RECONSTRUCTION, "shape_tables", {"samples": ["muon"]}, "campaign file",
        "shape_tables: no sample 'muon'",
    ),
    "data teach nothing": (
        RECONSTRUCTION, "forests", {"energy": ["crab"]}, "campaign file", "without truth",
    ),
    "one class": (
        RECONSTRUCTION, "forests", {"signal": ["gamma"]}, "reconstruction.forests", "go together",
    ),
    "both classes": (
        RECONSTRUCTION, "forests", {"signal": ["gamma"], "background": ["gamma"]},
        "reconstruction.forests", "both signal and background",
    ),
}  # fmt: skip


def changed(block, key, value):
    content = copy.deepcopy(GOOD)
    place = content
    for part in block.split("."):
        place = place[part]
    place[key] = value
    return content


@pytest.mark.parametrize("name", BAD)
def test_bad_keys_are_named(name):
    block, key, value, where, hint = BAD[name]
    with pytest.raises(InputError) as caught:
        validate_campaign(changed(block, key, value), "file.yaml")
    assert (caught.value.file, caught.value.key) == ("file.yaml", where)
    assert hint in str(caught.value)


def test_events_need_the_block_and_a_name_of_their_own():
    content = {key: value for key, value in GOOD.items() if key != RECONSTRUCTION}
    with pytest.raises(InputError, match="events need the block reconstruction"):
        validate_campaign(content, "file.yaml")
    with pytest.raises(InputError, match="give targets, simulations or events"):
        validate_campaign({"campaign": "x"}, "file.yaml")


@pytest.mark.parametrize(
    ("block", "settings"),
    [
        (Extraction(), ExtractionSettings()),
        (Cleaning(), CleaningSettings()),
        (Stereo(), StereoSettings()),
        (ShapeTables(samples=["x"]), ShapeTableSettings()),
    ],
)
def test_defaults_are_those_of_the_code(block, settings):
    code = {field.name: getattr(settings, field.name) for field in fields(settings)}
    given = block.model_dump(exclude={"per_type", "samples"})
    assert given == code


def test_forests_and_splits_are_those_of_the_code():
    given = Forests().model_dump(exclude={"energy", "direction", "signal", "background"})
    edges = {key.removeprefix("class_"): tuple(given.pop(key)) for key in OF_THE_CLASS}
    assert {**given, "features": (), **edges} == ForestSettings()._asdict()
    assert SPLITS == splits.SPLITS


@pytest.fixture
def raw_files(tmp_path, monkeypatch):
    """Return a folder with the raw files of the campaign."""
    monkeypatch.delenv("IACTFLOW_DATA", raising=False)
    names = ("gamma_1", "gamma_2", "gamma_3")
    for name in (*(f"{n}.simtel.zst" for n in names), "proton.simtel.gz", "crab.fits.fz"):
        (tmp_path / name).touch()
    (tmp_path / "good.yaml").write_text("campaign: good\n")
    return tmp_path


def load(folder, content):
    return load_campaign(content, [folder / "good.yaml"], folder)


def test_files_are_cut_into_parts(raw_files):
    content = changed("events.gamma", "files_per_job", 2)
    samples = load(raw_files, content).samples
    parts = {name: list(map(len, p.values())) for name, p in samples.parts.items()}
    assert parts == {"gamma": [2, 1], "proton": [1], "crab": [1]}
    assert samples.raw("gamma", "files-00001") == [str(raw_files / "gamma_3.simtel.zst")]
    assert samples.is_simulation("gamma")
    assert not samples.is_simulation("crab")


def test_cutting_into_jobs_changes_no_identity():
    def digest(content):
        return config_sha256(validate_campaign(content, "f").model_dump(mode="json"))

    assert digest(changed("events.gamma", "files_per_job", 9)) == digest(GOOD)
    assert digest(changed(RECONSTRUCTION, "keep_images", True)) != digest(GOOD)


def test_missing_and_doubled_files_stop_before_any_job(raw_files):
    with pytest.raises(InputError, match=r"events.gamma.files\[0\]: got 'none"):
        load(raw_files, changed("events.gamma", "files", ["none*.simtel"]))
    with pytest.raises(InputError, match="each file once"):
        load(raw_files, changed("events.gamma", "files", ["gamma_1.simtel.zst"] * 2))
    (raw_files / "other").mkdir()
    (raw_files / "other/gamma_1.simtel.zst").touch()
    files = ["gamma_1.simtel.zst", "other/gamma_1.simtel.zst"]
    with pytest.raises(InputError, match="products are named after raw files"):
        load(raw_files, changed("events.gamma", "files", files))


def test_a_change_reruns_only_what_depends_on_it(raw_files):
    def settings(content):
        samples = load(raw_files, content).samples
        models = ("shape_tables", "energy")
        return samples.geometry_settings, *(samples.model_settings(m) for m in models)

    tables = {"samples": ["gamma"]}
    base = changed(RECONSTRUCTION, "shape_tables", tables)

    def differs(key, value):
        other = copy.deepcopy(base)
        other[RECONSTRUCTION][key] = value
        pairs = zip(settings(base), settings(other), strict=True)
        return [one != two for one, two in pairs]

    assert differs("cleaning", {"picture_threshold_pe": 8.0}) == [True, False, False]
    assert differs("shape_tables", {**tables, "n_size_bins": 30}) == [False, True, False]
    assert differs("shape_tables", {"samples": ["gamma", "proton"]}) == [False, False, False]
    assert differs("forests", {"n_trees": 7}) == [False, False, True]


def test_calibration_and_throughput_are_those_of_their_sample(raw_files):
    (raw_files / "flat.fits.fz").touch()
    content = changed("events.crab", "calibration", {"files": ["flat.fits.fz"]})
    content["events"]["gamma"]["throughput"] = {3: 0.8}
    campaign = load(raw_files, content)
    samples = campaign.samples
    assert samples.rules[:2] == ["calibrate", "reconstruct"]
    assert samples.calibrated == {"crab": [str(raw_files / "flat.fits.fz")]}
    path = "results/good/calibration/crab/calibration.root"
    assert [samples.calibration(name) for name in samples.names] == [[], [], [path]]
    assert samples.settings_of("crab") == samples.settings_of("proton") == samples.geometry_settings
    assert samples.settings_of("gamma")["throughput"] == {"3": 0.8}
    # What ctapipe cannot be told is not compared with it.
    assert set(samples.checked) == {"proton"}
    assert f"{path}.prov.json" in Targets(campaign).sidecars
    missing = changed("events.crab", "calibration", {"files": ["none.fits.fz"]})
    with pytest.raises(InputError, match=r"events.crab.calibration.files\[0\]"):
        load(raw_files, missing)


def test_defaults_of_the_calibration_are_those_of_the_code():
    block = Calibration(files=["a.root"]).model_dump(exclude={"files"})
    assert camera_settings(block) == (CameraSettings(), Window())


def test_keys_of_types_reach_the_kernels(raw_files):
    per_type = {"wave*": {"picture_threshold_pe": 20.0}}
    content = changed(RECONSTRUCTION, "cleaning", {"per_type": per_type})
    block = load(raw_files, content).samples.geometry_settings
    chain = {key: block[key] for key in ("extraction", "cleaning", "stereo")}
    found = chain_settings(chain, subarray()).cleaning
    assert [s.picture_threshold_pe for s in found] == [10.0, 20.0]
    assert [s.boundary_threshold_pe for s in found] == [5.0, 5.0]


def test_the_check_chain_repeats_a_fraction(raw_files):
    campaign = load(raw_files, {**GOOD, "cross_check": {"ctapipe_fraction": 0.01}})
    # At least one part of each sample; zfits files are none of ctapipe's.
    assert {name: len(p) for name, p in campaign.samples.checked.items()} == {
        "gamma": 1,
        "proton": 1,
    }
    targets = Targets(campaign)
    assert targets.gate == [campaign.paths.gate]
    assert "verdicts" in targets.rules
    none = Targets(load(raw_files, {**GOOD, "cross_check": {"ctapipe_fraction": 0.0}}))
    assert none.gate == []
    assert not {"verdicts", "check_reconstruction"} & set(none.rules)


def test_chosen_parts_stay_chosen():
    parts = [f"files-{i:05d}" for i in range(1000)]
    chosen = chosen_parts(parts, 0.1, "key")
    assert 70 < len(chosen) < 130
    assert chosen_parts(parts[:500], 0.1, "key") == [p for p in chosen if p in parts[:500]]
    assert chosen_parts(parts, 1.0, "key") == parts
    assert len(chosen_parts(parts, 1e-9, "key")) == 1
    assert chosen_parts(parts, 0.1, "other") != chosen
    assert chosen_parts([], 0.5, "key") == []
