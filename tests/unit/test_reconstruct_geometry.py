"""From batches of any reader to the geometry of events: what is written, and when nothing is."""

from __future__ import annotations

from types import SimpleNamespace

import awkward
import numpy as np
import pytest
from tests.unit.reconstruction_samples import POINTING, FakeReader

from iactflow.campaign.digest import content_digest
from iactflow.errors import InputError
from iactflow.imaging.clean import clean_images
from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.root import list_tables, read_metadata, read_table
from iactflow.io.tables import find_table
from iactflow.stereo.chain import chain_settings, extraction_of_type, reconstruct_events
from iactflow.stereo.stages import reconstruct_geometry as stage

SETTINGS = {"cleaning": {"picture_threshold_pe": 4.0, "boundary_threshold_pe": 2.0}}


@pytest.fixture
def fake(monkeypatch):
    """Return a function that makes `reconstruct_file` read invented events."""

    def use(**keywords):
        monkeypatch.setattr(stage, "open_reader", lambda path, **_: FakeReader(**keywords))

    return use


def test_axes_meet_where_they_should(fake, tmp_path):
    fake()
    assert stage.reconstruct_file("a.simtel", tmp_path / "a.root", SETTINGS) == 12
    geometry = read_table(tmp_path / "a.root", "geometry")
    seen = np.arange(12) % 5 != 4
    assert geometry["is_valid"].tolist() == seen.tolist()
    assert np.all(geometry["multiplicity"][seen] == 4)
    assert np.all(geometry["multiplicity"][~seen] == 0)
    # Pixels of a quarter of a degree; images lie symmetrically.
    assert np.abs(geometry["alt_deg"][seen] - POINTING[0]).max() < 0.02
    assert np.abs(geometry["core_x_m"][seen]).max() < 5.0
    assert np.isnan(geometry["alt_deg"][~seen]).all()


def test_rows_of_all_cameras_follow_event_and_telescope(fake, tmp_path):
    fake()
    stage.reconstruct_file("a.simtel", tmp_path / "a.root", SETTINGS)
    for name in ("parameters", "telescope_geometry"):
        rows = read_table(tmp_path / "a.root", name)
        keys = list(zip(rows["event_id"].tolist(), rows["tel_id"].tolist(), strict=True))
        assert keys == sorted(keys)
        assert len(keys) == 4 * 10
    trigger = read_table(tmp_path / "a.root", "trigger")
    assert awkward.num(trigger["tels_with_trigger"]).tolist() == [4, 4, 4, 4, 0] * 2 + [4, 4]
    parameters = read_table(tmp_path / "a.root", "parameters")
    first = parameters["hillas_intensity"][:4]
    assert np.allclose(first, first[0], rtol=0.1)


def test_nothing_depends_on_the_batches(fake, tmp_path):
    digests = set()
    for size in (1, 5, 100):
        fake(batch_size=size)
        stage.reconstruct_file("a.simtel", tmp_path / "a.root", {**SETTINGS, "keep_images": True})
        digests.add(content_digest(tmp_path / "a.root"))
    assert len(digests) == 1


def test_images_are_written_when_asked_for(fake, tmp_path):
    fake()
    stage.reconstruct_file("a.simtel", tmp_path / "a.root", {**SETTINGS, "keep_images": True})
    tables = list_tables(tmp_path / "a.root")
    assert tables["images"] == tables["true_images"] == tables["parameters"]
    assert {"camera_pixels", "camera_readouts"} <= set(tables)
    images = read_table(tmp_path / "a.root", "images")
    parameters = read_table(tmp_path / "a.root", "parameters")
    assert awkward.num(images["image"])[:4].tolist() == [256, 256, 400, 400]
    kept = awkward.sum(images["image"][images["image_mask"]], axis=1)
    assert np.allclose(kept, parameters["hillas_intensity"])
    stage.reconstruct_file("a.simtel", tmp_path / "b.root", SETTINGS)
    assert not {"images", "true_images", "camera_pixels"} & set(list_tables(tmp_path / "b.root"))


def test_what_was_thrown_and_the_array_travel(fake, tmp_path):
    fake()
    stage.reconstruct_file("a.simtel", tmp_path / "a.root", SETTINGS)
    assert read_table(tmp_path / "a.root", "thrown_events")["n_thrown"].tolist() == [12]
    assert read_table(tmp_path / "a.root", "array_telescopes")["tel_id"].tolist() == [1, 2, 3, 5]
    pointing = read_table(tmp_path / "a.root", "pointing")
    assert pointing["tel_id"].tolist() == [1, 2, 3, 5]
    assert pointing["altitude_deg"].tolist() == [POINTING[0]] * 4
    assert read_metadata(tmp_path / "a.root")["reconstruction"] == SETTINGS


def test_data_have_no_truth(fake, tmp_path):
    fake(is_simulation=False)
    stage.reconstruct_file("a.simtel", tmp_path / "a.root", {"keep_images": True})
    tables = list_tables(tmp_path / "a.root")
    assert not {"simulated_events", "thrown_events", "true_images"} & set(tables)


def test_a_file_without_events_is_a_product_without_rows(fake, tmp_path):
    fake(n_events=0)
    assert stage.reconstruct_file("a.simtel", tmp_path / "a.root", {"keep_images": True}) == 0
    assert list_tables(tmp_path / "a.root")["geometry"] == 0


def test_a_cut_file_leaves_nothing(fake, tmp_path):
    fake(cut_after=1)
    with pytest.raises(InputError, match="byte 100"):
        stage.reconstruct_file("a.simtel", tmp_path / "a.root", SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_part_makes_a_file_per_raw_file(fake, tmp_path):
    fake()
    chunk = tmp_path / "chunk"
    chunk.mkdir()
    (chunk / "nsb1.simtel.gz").touch()
    inputs = SimpleNamespace(raw=[str(chunk / "nsb1.simtel.gz"), "b.fits.fz"])
    outputs = SimpleNamespace(geometry=str(tmp_path / "out"))
    params = SimpleNamespace(settings=SETTINGS)
    stage.reconstruct_geometry(inputs, outputs, params, None)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["b.root", "nsb1.root"]


def test_folders_stand_for_their_files(tmp_path):
    for name in ("nsb2.root", "nsb1.root", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in stage.raw_files(str(tmp_path))] == ["nsb1.root", "nsb2.root"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files"):
        stage.raw_files([str(tmp_path / "empty")])


def test_settings_of_types(fake):
    block = {
        "extraction": {"window_width": 5, "per_type": {"wave*": {"method": "local_peak"}}},
        "cleaning": {"per_type": {"charges": {"picture_threshold_pe": 20.0}}},
        "stereo": {"min_telescopes": 3},
    }
    settings = chain_settings(block, FakeReader().subarray)
    assert [s.method for s in settings.extraction] == ["neighbour_peak", "local_peak"]
    assert [s.window_width for s in settings.extraction] == [5, 5]
    assert [s.picture_threshold_pe for s in settings.cleaning] == [20.0, 10.0]
    assert settings.stereo.min_telescopes == 3
    with pytest.raises(InputError, match="breadth"):
        extraction_of_type({"breadth": 3}, "charges")


def test_masks_are_those_of_the_kernel():
    reader = FakeReader(n_events=2)
    settings = chain_settings(SETTINGS, reader.subarray)
    batch = next(reader.batches())
    for camera in reconstruct_events(batch, reader.subarray, settings).cameras:
        kind = reader.subarray.types[camera.batch.type_index]
        cleaning = settings.cleaning[camera.batch.type_index]
        images = camera.images
        neighbours = camera_neighbours(kind.camera)
        mask = clean_images(images.image_pe, images.peak_time_ns, neighbours, cleaning)
        assert np.array_equal(mask, camera.mask)
        assert 0 < mask.sum() < mask.size


def test_the_state_of_a_telescope_is_that_of_its_corrected_images(fake, tmp_path, monkeypatch):
    states = {
        "obs_id": np.full(4, 7),
        "tel_id": np.array([1, 2, 3, 5], np.int16),
        "throughput": np.array([0.8, 0.8, 1.0, 1.0]),
        **{
            f"{name}_deg": np.full(4, value)
            for name, value in zip(("altitude", "azimuth"), POINTING, strict=True)
        },
        "nsb_rate_ghz": np.full(4, 0.1),
        "n_broken_pixels": np.zeros(4, np.int32),
    }
    for column in find_table("telescope_states", "").columns:
        states.setdefault(column.name, np.zeros(4, column.dtype))
    run = FakeReader.run_tables
    monkeypatch.setattr(FakeReader, "run_tables", lambda s: {**run(s), "telescope_states": states})
    fake()
    settings = {**SETTINGS, "throughput": {"1": 0.8}}
    stage.reconstruct_file("a.simtel", tmp_path / "a.root", settings)
    found = read_table(tmp_path / "a.root", "telescope_states")
    # Telescope 1 shows images as those of throughput 1; that of 2 is left to the tables.
    assert found["throughput"].tolist() == [1.0, 0.8, 1.0, 1.0]
    assert states["throughput"][0] == 0.8
