"""Raw camera data in zfits: real files, files written here, files that are not what they say."""

from __future__ import annotations

import numpy as np
import protozfits
import pytest
from protozfits import FlatProtobufZOFits, numpy_to_any_array
from protozfits.ProtoDataModel_pb2 import CameraEvent
from protozfits.R1v1_pb2 import CameraConfiguration, Event, TelescopeDataStream
from tests.unit.r0_samples import camera, make_subarray

from iactflow.errors import InputError
from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.reader import open_reader
from iactflow.io.subarray import Subarray, TelescopeType
from iactflow.io.zfits import ZfitsReader
from iactflow.io.zfits_check import check_zfits
from iactflow.io.zfits_events import decode_event, read_layout

N_PIXELS, N_SAMPLES, N_EVENTS = 37, 30, 8
REAL = {
    "example_9evts_NectarCAM": ((2, 84, 60), 0, np.arange(1, 10), 32),
    "example_LST_R1_10_evts": ((2, 14, 40), 0, np.arange(1, 11), 255),
    "example_10evts": ((1, 1296, 50), 1, np.arange(97750287, 97750297), 255),
}


def real_file(data_dir, name):
    return data_dir / "raw" / f"{name}.fits.fz"


def only_batch(reader):
    (batch,) = reader.batches()
    return batch, batch.cameras[0]


@pytest.mark.parametrize("name", REAL)
def test_real_files(data_dir, name):
    shape, tel_id, events, event_type = REAL[name]
    with open_reader(real_file(data_dir, name)) as reader:
        batch, group = only_batch(reader)
        assert not reader.is_simulation
        assert reader.level == "R0"
        assert reader.run_tables() == {}
    assert group.adc.shape == (len(events), *shape)
    assert group.adc.dtype == np.uint16
    np.testing.assert_array_equal(batch.event_id, events)
    assert set(group.tel_id) == {tel_id}
    assert set(batch.event_type) == {event_type}
    assert np.isnan(batch.pointing_alt_deg).all()
    assert batch.coefficients == {}


def test_nectarcam_is_what_protozfits_says(data_dir):
    path = real_file(data_dir, "example_9evts_NectarCAM")
    with open_reader(path) as reader:
        batch, group = only_batch(reader)
    with protozfits.File(str(path)) as file:
        for i, event in enumerate(file.Events):
            for c, gain in enumerate((event.hiGain, event.loGain)):
                expected = gain.waveforms.samples.reshape(84, 60)
                np.testing.assert_array_equal(group.adc[i, c], expected)
    assert set(batch.obs_id) == {1}
    assert group.read_out is None
    # 19 March 2018, 13:23 to 13:24: the header says that the file was closed at 13:38.
    assert np.all(np.diff(batch.time_s) >= 0)
    assert 1521466590 == batch.time_s[0] <= batch.time_s[-1] < 1521467000
    with pytest.raises(InputError, match="pixel_x_m, pixel_y_m: got 'unknown'"):
        camera_neighbours(reader.subarray.types[0].camera)


def test_modules_of_lst_that_were_not_read_out(data_dir):
    with open_reader(real_file(data_dir, "example_LST_R1_10_evts")) as reader:
        _, group = only_batch(reader)
    # Of two modules of seven pixels the first has status 0, the other both gains.
    np.testing.assert_array_equal(group.read_out, np.tile(np.arange(14) >= 7, (10, 2, 1)))
    assert group.adc[:, :, :7].max() == 0
    assert group.adc[:, :, 7:].any(axis=3).all()


def test_pixels_of_the_first_data_model_are_sorted(data_dir):
    path = real_file(data_dir, "example_10evts")
    with open_reader(path) as reader:
        batch, group = only_batch(reader)
    with protozfits.File(str(path)) as file:
        event = file.Events[3]
        waveforms = event.hiGain.waveforms
        for k in (0, 17, 1295):
            expected = waveforms.samples[50 * k : 50 * (k + 1)]
            np.testing.assert_array_equal(group.adc[3, 0, waveforms.pixelsIndices[k]], expected)
        # UTC in the file; 37 leap seconds in 2017.
        assert batch.time_s[3] == event.local_time_sec + 37
        assert batch.time_qns[3] == 4 * event.local_time_nanosec


def small_batches(reader, n):
    batches = list(reader.batches())
    assert [len(b) for b in batches[:-1]] == [n] * (len(batches) - 1)
    return np.concatenate([b.cameras[0].adc for b in batches])


def test_batches_change_nothing(data_dir):
    path = real_file(data_dir, "example_9evts_NectarCAM")
    with ZfitsReader(path) as reader:
        whole = only_batch(reader)[1].adc
    with ZfitsReader(path, batch_bytes=2 * 2 * 2 * 84 * 60) as reader:
        np.testing.assert_array_equal(small_batches(reader, 2), whole)


@pytest.fixture
def counts():
    shape = (N_EVENTS, 2, N_PIXELS, N_SAMPLES)
    return np.random.default_rng(2).integers(0, 60000, shape).astype(np.uint16)


def write_r1(path, counts, pixels=None, scale=80.0, status=12, event_id=None):
    """A file of the data model R1v1."""
    pixels = np.arange(N_PIXELS)[::-1] if pixels is None else pixels
    n_channels, n_pixels, n_samples = counts.shape[1:]
    file = FlatProtobufZOFits(n_tiles=4, rows_per_tile=3, default_compression="zrice")
    file.open(str(path))
    file.move_to_new_table("DataStream")
    file.write_message(
        TelescopeDataStream(tel_id=1, obs_id=20, waveform_scale=scale, waveform_offset=5.0)
    )
    file.move_to_new_table("CameraConfiguration")
    ids = numpy_to_any_array(np.ascontiguousarray(pixels, dtype=np.uint16))
    file.write_message(
        CameraConfiguration(tel_id=1, num_pixels=n_pixels, num_channels=n_channels,
                            num_samples_nominal=n_samples, pixel_id_map=ids)
    )  # fmt: skip
    file.move_to_new_table("Events")
    for i, waveforms in enumerate(counts):
        file.write_message(
            Event(
                event_id=i + 1 if event_id is None else event_id[i], tel_id=1, event_type=32,
                event_time_s=100 + i, event_time_qns=3 * i, num_channels=n_channels,
                num_samples=n_samples, num_pixels=n_pixels,
                waveform=numpy_to_any_array(waveforms.ravel()),
                pixel_status=numpy_to_any_array(np.full(n_pixels, status, dtype=np.uint8)),
            )
        )  # fmt: skip
    file.close()
    return path


def test_r1_with_its_own_calibration(tmp_path, counts):
    path = write_r1(tmp_path / "a.fits.fz", counts)
    with open_reader(path, subarray=make_subarray()) as reader:
        batch, group = only_batch(reader)
        assert reader.level == "R1"
    np.testing.assert_array_equal(group.adc, counts[:, :, ::-1])
    assert set(batch.obs_id) == {20}
    assert set(batch.event_type) == {32}
    np.testing.assert_array_equal(batch.time_s, 100 + np.arange(N_EVENTS))
    np.testing.assert_array_equal(batch.time_qns, 3 * np.arange(N_EVENTS))
    found = batch.coefficients[1]
    value = (group.adc - found.pedestal_adu[..., None]) * found.pe_per_adu[..., None]
    np.testing.assert_allclose(value, group.adc / 80.0 - 5.0, rtol=1e-5, atol=1e-3)


def test_pixels_go_where_the_camera_has_them(tmp_path, counts):
    pixels = np.array([30, 2, 7])
    path = write_r1(tmp_path / "a.fits.fz", counts[:, :, :3], pixels)
    with ZfitsReader(path, subarray=make_subarray(), tel_id=4) as reader:
        _, group = only_batch(reader)
        assert reader.subarray.telescope_type(4).camera.n_pixels == N_PIXELS
    assert set(group.tel_id) == {4}
    np.testing.assert_array_equal(group.adc[:, :, pixels], counts[:, :, :3])
    expected = np.isin(np.arange(N_PIXELS), pixels)
    np.testing.assert_array_equal(group.read_out, np.tile(expected, (N_EVENTS, 2, 1)))


@pytest.mark.parametrize(("status", "expected"), [(4, (True, False)), (8, (False, True))])
def test_gains_that_were_stored(tmp_path, counts, status, expected):
    path = write_r1(tmp_path / "a.fits.fz", counts, status=status)
    with open_reader(path) as reader:
        _, group = only_batch(reader)
    assert tuple(group.read_out.all(axis=(0, 2))) == expected
    assert tuple(group.read_out.any(axis=(0, 2))) == expected


def other_camera(shape):
    types = (TelescopeType("other", camera("other", shape), 16.0, 16.0, 100.0),)
    one = np.zeros(1, dtype=np.int64)
    return Subarray("other", one + 1, np.zeros((1, 3)), types, one, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("options", "keywords", "message"),
    [
        ({"pixels": np.arange(N_PIXELS) + 9}, {"subarray": make_subarray()}, "pixels: got 45"),
        ({"pixels": np.zeros(N_PIXELS)}, {"subarray": make_subarray()}, "at most once"),
        ({"event_id": [1, 2, 3, 3, 4, 5, 6, 7]}, {}, "event_id: got 3; allowed: above 3"),
        ({}, {"subarray": make_subarray(), "tel_id": 3}, "tel_id: got 3; allowed: 1, 2, 4, 7"),
        ({}, {"subarray": other_camera((2, 37, 40))}, "waveforms: got '2 channels, 30 samples'"),
        ({}, {"subarray": other_camera((1, 37, 30))}, "allowed: 1 channels, 30 samples of other"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, counts, options, keywords, message):
    path = write_r1(tmp_path / "a.fits.fz", counts, **options)
    with pytest.raises(InputError, match=message) as caught, ZfitsReader(path, **keywords) as r:
        list(r.batches())
    assert str(caught.value.file) == str(path)


def test_a_camera_without_pixel_numbers_must_be_whole(data_dir):
    path = real_file(data_dir, "example_9evts_NectarCAM")
    with pytest.raises(InputError, match="pixels: got 84; allowed: 1855, all of other"):
        ZfitsReader(path, subarray=other_camera((2, 1855, 60)), tel_id=1)


def old_event(number, samples):
    event = CameraEvent(telescopeID=2, eventNumber=number)
    event.hiGain.waveforms.samples.CopyFrom(numpy_to_any_array(samples))
    event.hiGain.waveforms.num_samples = 4
    return event


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.full(12, -5, dtype=np.int16), "event 9: waveforms: got 'int16'"),
        (np.full(12, 70000, dtype=np.uint32), "event 9: waveforms: got 70000"),
        (np.full(11, 5, dtype=np.int16), "event 9: waveforms: got '11 samples'"),
        (np.full(12, 5.0, dtype=np.float32), "event 9: waveforms: got 'float32'"),
    ],
)
def test_what_is_no_count_is_refused(samples, message):
    first = old_event(1, np.arange(12, dtype=np.int16))
    layout = read_layout("a.fits.fz", "DataModel.CameraEvent", {}, first)
    assert (layout.shape, layout.tel_id, layout.obs_id) == ((1, 3, 4), 2, 0)
    good = decode_event("a.fits.fz", layout, first)
    np.testing.assert_array_equal(good.adc.ravel(), np.arange(12))
    with pytest.raises(InputError, match=message):
        decode_event("a.fits.fz", layout, old_event(9, samples))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: b"", "file: got 'empty'"),
        (lambda d: b"no FITS at all" * 300, "no FITS header"),
        (lambda d: d[: len(d) // 2], "cut off after"),
        (lambda d: d[:2000], "cut off after 2000 bytes"),
        (lambda d: d + bytes(2880), "header without END"),
        (lambda d: d.replace(b"DATASUM =", b"DATASUN =", 1), "DATASUM: got 'missing'"),
        (lambda d: d[:-3000] + bytes([d[-3000] ^ 4]) + d[-2999:], "Events: DATASUM"),
        (lambda d: d.replace(b"rows per tile", b"rows per file"), "CHECKSUM: got 'damaged unit'"),
    ],
)
def test_damaged_files_are_named(tmp_path, counts, change, message):
    data = write_r1(tmp_path / "whole.fits.fz", counts).read_bytes()
    path = tmp_path / "a.fits.fz"
    path.write_bytes(change(data))
    with pytest.raises(InputError, match=message) as caught:
        check_zfits(path)
    assert str(caught.value.file) == str(path)


def test_a_file_of_nothing_or_of_other_messages(tmp_path, counts):
    with pytest.raises(InputError, match="missing"):
        open_reader(tmp_path / "no.fits.fz")
    file = FlatProtobufZOFits(n_tiles=2, rows_per_tile=2, default_compression="raw")
    file.open(str(tmp_path / "b.fits.fz"))
    file.move_to_new_table("Events")
    file.write_message(TelescopeDataStream(tel_id=1, obs_id=20))
    file.close()
    with pytest.raises(InputError, match=r"Events: PBFHEAD: got 'R1v1.TelescopeDataStream'"):
        open_reader(tmp_path / "b.fits.fz")
    file = FlatProtobufZOFits(n_tiles=2, rows_per_tile=2, default_compression="raw")
    file.open(str(tmp_path / "c.fits.fz"))
    file.move_to_new_table("Others")
    file.write_message(TelescopeDataStream(tel_id=1, obs_id=20))
    file.close()
    with pytest.raises(InputError, match="Events: got 'no events'"):
        open_reader(tmp_path / "c.fits.fz")
