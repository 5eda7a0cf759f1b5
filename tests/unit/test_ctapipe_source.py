"""Our raw data in ctapipe: the same array, truth and calibrated samples as through our reader."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from tests.unit.r0_samples import SHAPES, TYPE_OF, make_events, write_sample

from iactflow.crosscheck.raw_tables import is_raw_file, unpack
from iactflow.errors import InputError
from iactflow.io.r0_root import RootReader
from iactflow.io.waveform_packing import pack_waveforms

pytest.importorskip("ctapipe")

import astropy.units as u
from ctapipe.calib import CameraCalibrator
from ctapipe.core import run_tool
from ctapipe.io import EventSource, read_table
from ctapipe.tools.process import ProcessorTool

from iactflow.crosscheck.ctapipe_source import RootEventSource

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.mark.parametrize(("rows", "samples"), [(1, 1), (74, 30), (64, 16), (37, 60)])
@pytest.mark.parametrize("bits", [0, 3, 16])
def test_two_ways_to_unpack(rows, samples, bits):
    adc = np.random.default_rng(bits).integers(0, 2**bits, (rows, samples)).astype(np.uint16)
    words = pack_waveforms(adc)
    np.testing.assert_array_equal(unpack(words, rows, samples), adc)
    with pytest.raises(InputError, match="waveform_packed"):
        unpack(words[:-1], rows, samples)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "events.root"
    adc = make_events()
    # One pixel above the threshold of the gain, one that was not read out.
    first = next(key for key in adc if TYPE_OF[key[1]] == 0)
    adc[first][0, 4, 7] = 4100
    adc[first][:, 9] = 0
    write_sample(path, adc)
    return path


def test_which_files_are_ours(file, tmp_path):
    assert is_raw_file(file)
    assert RootEventSource.is_compatible(file)
    for name, content in (
        ("a.root", b"no"),
        ("b.txt", file.read_bytes()),
        ("c.root", b"root" * 99),
    ):
        (tmp_path / name).write_bytes(content)
        assert not is_raw_file(tmp_path / name)
    assert not is_raw_file(tmp_path / "none.root")


def test_the_array_is_that_of_the_file(file):
    with RootReader(file) as reader, EventSource(file) as source:
        assert isinstance(source, RootEventSource)
        theirs, ours = source.subarray, reader.subarray
        assert list(theirs.tel_ids) == ours.tel_ids.tolist()
        for i, tel_id in enumerate(ours.tel_ids):
            position = theirs.positions[tel_id].to_value(u.m)
            np.testing.assert_allclose(position, ours.positions_m[i])
            kind, telescope = ours.telescope_type(tel_id), theirs.tel[tel_id]
            assert telescope.optics.effective_focal_length.to_value(u.m) == kind.focal_length_m
            geometry, readout = telescope.camera.geometry, telescope.camera.readout
            np.testing.assert_array_equal(geometry.pix_x.to_value(u.m), kind.camera.pixel_x_m)
            np.testing.assert_array_equal(readout.reference_pulse_shape, kind.camera.pulse)
            assert (readout.n_channels, readout.n_pixels, readout.n_samples) == (
                SHAPES[TYPE_OF[int(tel_id)]]
            )
        lon, lat, height = theirs.reference_location.geodetic
        assert (lon.deg, lat.deg, height.to_value(u.m)) == pytest.approx((-17.0, 28.0, 2000.0))


def test_events_are_those_of_our_reader(file):
    events = {}
    with RootReader(file, true_images=True) as reader:
        for batch in reader.batches():
            for group in batch.cameras:
                for i, row in enumerate(group.event_index):
                    events[int(batch.event_id[row]), int(group.tel_id[i])] = (batch, row, group, i)
    seen = set()
    with EventSource(file) as source:
        assert source.is_simulation
        config = source.simulation_config[5]
        assert (config.n_showers, config.spectral_index) == (12, -2.0)
        for event in source:
            shower = event.simulation.shower
            assert list(event.trigger.tels_with_trigger) == sorted(event.r1.tel)
            for tel_id, r1 in event.r1.tel.items():
                key = (event.index.event_id, tel_id)
                seen.add(key)
                batch, row, group, i = events[key]
                np.testing.assert_array_equal(event.r0.tel[tel_id].waveform, group.adc[i])
                assert shower.energy.to_value(u.TeV) == batch.truth["true_energy_tev"][row]
                assert shower.shower_primary_id == 0
                pointing = event.monitoring.tel[tel_id].pointing
                assert pointing.altitude.to_value(u.deg) == group.pointing_alt_deg[i]
                assert event.trigger.time.unix_tai == pytest.approx(batch.time_s[row], abs=1e-6)
                truth = event.simulation.tel[tel_id]
                np.testing.assert_array_equal(truth.true_image, group.true_image[i])
                constants = batch.coefficients[tel_id]
                channel, pixels = r1.selected_gain_channel, np.arange(group.adc.shape[2])
                expected = (group.adc[i] - constants.pedestal_adu[..., None]) * (
                    constants.pe_per_adu[..., None]
                )
                expected[~group.adc[i].any(axis=2)] = 0.0
                expected = expected[channel, pixels]
                np.testing.assert_allclose(r1.waveform[0], expected, rtol=2e-5, atol=1e-4)
                np.testing.assert_array_equal(channel, (group.adc[i, 0] > 4000).any(axis=1))
                found = event.monitoring.tel[tel_id].camera.coefficients
                np.testing.assert_allclose(found.time_shift, -constants.time_shift_ns)
                np.testing.assert_array_equal(found.outlier_mask, constants.unusable)
    assert seen == events.keys()


def test_charges_go_through_the_calibrator(file):
    with EventSource(file, max_events=5) as source:
        calibrator = CameraCalibrator(source.subarray)
        for event in source:
            calibrator(event)
            for tel_id, dl1 in event.dl1.tel.items():
                assert dl1.image.shape == (SHAPES[TYPE_OF[tel_id]][1],)
                if TYPE_OF[tel_id] == 1:
                    usable = np.arange(19) != 3
                    samples = event.r1.tel[tel_id].waveform[0, :, 0]
                    np.testing.assert_array_equal(dl1.image[usable], samples[usable])


def test_chosen_telescopes_alone(file):
    with EventSource(file, allowed_tels={1, 7}) as source:
        assert list(source.subarray.tel_ids) == [1, 7]
        for event in source:
            assert set(event.r1.tel) <= {1, 7}


def test_the_process_tool_writes_dl2(file, tmp_path):
    output = tmp_path / "out.h5"
    argv = [f"--input={file}", f"--output={output}", "--write-showers", "--quiet",
            f"--provenance-log={tmp_path / 'log'}"]  # fmt: skip
    run_tool(ProcessorTool(), argv=argv, raises=True)
    trigger = read_table(output, "/dl1/event/subarray/trigger")
    with RootReader(file) as reader:
        expected = np.concatenate([b.event_id for b in reader.batches()])
    np.testing.assert_array_equal(trigger["event_id"], expected)
    runs = read_table(output, "/configuration/simulation/run")
    assert ak.to_list(runs["obs_id"]) == [5]
