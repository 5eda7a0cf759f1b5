"""Reader of sim_telarray's files against eventio and ctapipe, on every file that there is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.time import Time

from iactflow.io.batches import EventBatch
from iactflow.io.simtel import SimtelReader
from iactflow.io.tables import TABLES

FILES = (
    "aux_traces_2029.simtel.zst",
    "camsettings_v6.simtel.zst",
    "ff-1m_flasher.simtel.zst",
    "gamma_diffuse_run000010_za20deg_azm000deg_North_alpha_6.0.0_test_file.simtel.zst",
    "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst",
    "gamma_with_obslevel_particles.simtel.zst",
    "lst_muons_with_true_photons.simtel.zst",
    "proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst",
)
# Where single precision puts the zenith, ctapipe leaves directions of telescopes; we do not.
ROUNDED_ZENITH = 3e-6
# ctapipe's times are days in double precision: half a day's last bit, twice.
DAY_ROUNDED_NS = 0.01
CORSIKA = {0: 1, -1: 2, 1: 3, -2: 5, 2: 6, 101: 14}


@pytest.fixture(scope="module", params=FILES, ids=lambda name: name[:16])
def pair(request, data_dir):
    """Events of ctapipe, its subarray, and our reader of the same file, all read."""
    path = data_dir / "sim" / request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ctapipe.io import SimTelEventSource

        with SimTelEventSource(path, focal_length_choice=_focus(path)) as source:
            events = [_copied(event) for event in source]
            theirs = source.subarray, source.simulation_config, source
            histograms = source.file_.histograms
    reader = SimtelReader(path, true_images=True)
    with reader:
        batches = list(reader.batches())
        yield events, theirs, histograms, reader, batches


def _focus(path):
    return "EQUIVALENT" if path.name.startswith("lst_muons") else "EFFECTIVE"


def _copied(event):
    from copy import deepcopy

    return deepcopy(event)


def test_events_and_telescopes_are_those_of_ctapipe(pair):
    events, _, _, _, batches = pair
    assert _ids(batches) == [(e.index.obs_id, e.index.event_id, sorted(e.r0.tel)) for e in events]


def _ids(batches: list[EventBatch]):
    return [
        (
            batch.obs_id[i],
            batch.event_id[i],
            sorted(t for c in batch.cameras for t in c.tel_id[c.event_index == i].tolist()),
        )
        for batch in batches
        for i in range(len(batch))
    ]


def _rows(batches):
    """Telescope events: event, telescope -> batch, camera batch, row."""
    return {
        (int(batch.event_id[k]), int(t)): (batch, camera, row)
        for batch in batches
        for camera in batch.cameras
        for row, (k, t) in enumerate(zip(camera.event_index, camera.tel_id, strict=True))
    }


def test_counts_directions_times_and_true_images_are_those_of_ctapipe(pair):
    events, _, _, _, batches = pair
    rows = _rows(batches)
    for event in events:
        for tel_id, r0 in event.r0.tel.items():
            _, camera, row = rows[event.index.event_id, tel_id]
            np.testing.assert_array_equal(camera.adc[row], r0.waveform)
            pointing = event.monitoring.tel[tel_id].pointing
            altitude, azimuth = (q.to_value("deg") for q in (pointing.altitude, pointing.azimuth))
            assert camera.pointing_alt_deg[row] == pytest.approx(altitude, abs=ROUNDED_ZENITH)
            assert camera.pointing_az_deg[row] == pytest.approx(azimuth, abs=2e-5)
            delay = (event.trigger.tel[tel_id].time - event.trigger.time).to_value("ns")
            assert camera.time_offset_ns[row] == pytest.approx(delay, abs=DAY_ROUNDED_NS)
            true = event.simulation.tel[tel_id].true_image
            np.testing.assert_array_equal(camera.true_image[row], -1 if true is None else true)


def test_times_directions_and_truth_of_events_are_those_of_ctapipe(pair):
    events, _, _, _, batches = pair
    found = {int(batch.event_id[k]): (batch, k) for batch in batches for k in range(len(batch))}
    for event in events:
        batch, k = found[event.index.event_id]
        ours = Time(int(batch.time_s[k]), batch.time_qns[k] / 4e9, format="unix_tai", scale="tai")
        assert abs((ours - event.trigger.time).to_value("ns")) < 0.5
        assert batch.event_type[k] == event.trigger.event_type.value
        pointing = event.monitoring.pointing
        altitude = pointing.array_altitude.to_value("deg")
        assert batch.pointing_alt_deg[k] == pytest.approx(altitude, abs=ROUNDED_ZENITH)
        assert batch.pointing_az_deg[k] == pytest.approx(pointing.array_azimuth.to_value("deg"))
        shower, truth = event.simulation.shower, batch.truth
        assert truth["true_energy_tev"][k] == shower.energy.to_value("TeV")
        assert truth["true_alt_deg"][k] == pytest.approx(shower.alt.deg, abs=1e-12)
        assert truth["true_az_deg"][k] == pytest.approx(shower.az.deg, abs=1e-12)
        assert truth["true_core_x_m"][k] == shower.core_x.to_value("m")
        assert truth["true_core_y_m"][k] == shower.core_y.to_value("m")
        assert truth["true_h_first_int_m"][k] == np.float32(shower.h_first_int.to_value("m"))
        assert truth["true_x_max_g_cm2"][k] == np.float32(shower.x_max.to_value("g cm-2"))
        assert truth["particle_id"][k] == CORSIKA[shower.shower_primary_id]
        assert 100 * truth["shower_id"][k] + truth["reuse_id"][k] == event.index.event_id


def test_calibration_is_that_of_ctapipe(pair):
    """Pedestals and factors give ctapipe's calibrated waveforms; delays have our sign."""
    events, _, _, _, batches = pair
    rows = _rows(batches)
    for event in events:
        for tel_id, r1 in event.r1.tel.items():
            batch, camera, row = rows[event.index.event_id, tel_id]
            known = batch.coefficients[tel_id]
            waveforms = camera.adc[row] - known.pedestal_adu[..., None]
            waveforms = waveforms * known.pe_per_adu[..., None]
            selected = np.zeros(waveforms.shape[1], dtype=int)
            if r1.selected_gain_channel is not None:
                selected = r1.selected_gain_channel
            chosen = waveforms[selected, np.arange(waveforms.shape[1])]
            np.testing.assert_allclose(chosen, r1.waveform[0], rtol=1e-6, atol=1e-6)
            theirs = event.monitoring.tel[tel_id].camera.coefficients
            np.testing.assert_array_equal(known.time_shift_ns, -theirs.time_shift)
            np.testing.assert_array_equal(known.unusable, theirs.outlier_mask)


def test_telescopes_are_those_of_ctapipe(pair):
    _, (theirs, *_), _, reader, _ = pair
    ours = reader.subarray
    assert ours.tel_ids.tolist() == sorted(theirs.tel)
    for tel_id in ours.tel_ids.tolist():
        position = theirs.positions[tel_id].to_value("m")
        row = ours.positions_m[ours.tel_ids == tel_id][0]
        np.testing.assert_array_equal(row, position)
        _compare_types(ours.telescope_type(tel_id), theirs.tel[tel_id])
    height = theirs.reference_location.geodetic.height.to_value("m")
    assert ours.height_m == pytest.approx(height, abs=1e-6)
    if np.isfinite(ours.latitude_deg):
        assert ours.latitude_deg == pytest.approx(theirs.reference_location.lat.deg)
        assert ours.longitude_deg == pytest.approx(theirs.reference_location.lon.deg)
    assert len({str(t) for t in theirs.telescope_types}) <= len(ours.types)


def _compare_types(ours, theirs):
    geometry, readout, optics = theirs.camera.geometry, theirs.camera.readout, theirs.optics
    assert ours.name == str(theirs)
    np.testing.assert_allclose(ours.camera.pixel_x_m, geometry.pix_x.to_value("m"), atol=1e-12)
    np.testing.assert_allclose(ours.camera.pixel_y_m, geometry.pix_y.to_value("m"), atol=1e-12)
    np.testing.assert_array_equal(ours.camera.pixel_area_m2, geometry.pix_area.to_value("m2"))
    assert ours.camera.pixel_shape == geometry.pix_type.value
    assert ours.camera.n_channels == readout.n_channels
    assert ours.camera.n_samples == readout.n_samples
    assert ours.camera.sampling_rate_ghz == readout.sampling_rate.to_value("GHz")
    np.testing.assert_array_equal(ours.camera.pulse, readout.reference_pulse_shape)
    assert ours.camera.pulse_step_ns == readout.reference_pulse_sample_width.to_value("ns")
    assert ours.focal_length_m == geometry.frame.focal_length.to_value("m")
    assert ours.nominal_focal_length_m == optics.equivalent_focal_length.to_value("m")
    assert ours.mirror_area_m2 == optics.mirror_area.to_value("m2")


def test_corners_of_hexagons_lie_between_neighbours(pair):
    """A corner is 30 deg off the direction of every neighbour."""
    for kind in pair[3].subarray.types:
        camera = kind.camera
        if camera.pixel_shape != "hexagon":
            continue
        x, y = camera.pixel_x_m - camera.pixel_x_m[0], camera.pixel_y_m - camera.pixel_y_m[0]
        nearest = np.argsort(np.hypot(x, y))[1]
        side = np.degrees(np.arctan2(y[nearest], x[nearest]))
        difference = (side + 30.0 - camera.pixel_rotation_deg + 30.0) % 60.0 - 30.0
        assert abs(difference) < 1.0


def test_thrown_events_are_those_of_the_file(pair):
    _, (_, configuration, _), histograms, reader, _ = pair
    (settings,) = configuration.values()
    tables = reader.run_tables()
    run, thrown = tables["simulation_runs"], tables["thrown_events"]
    for name in tables:
        assert {c.name for c in TABLES[name].columns} == tables[name].keys()
    listed = sum(h["entries"] for h in histograms if h["id"] == 3)
    assert thrown["n_thrown"].sum() == listed
    assert run["n_showers"][0] * run["shower_reuse"][0] == listed
    assert run["n_showers"][0] == max(settings.n_showers, 1)
    np.testing.assert_array_equal(_by_energy(thrown), _of_histogram(histograms, listed))
    assert run["max_viewcone_radius_deg"][0] == settings.max_viewcone_radius.value
    assert thrown["viewcone_max_deg"].max() <= settings.max_viewcone_radius.value + 0.2


TENTHS = np.arange(-30, 40)


def _by_energy(thrown):
    """Events in tenths of a decade above 1 GeV."""
    tenth = np.round(10.0 * np.log10(thrown["energy_min_tev"])).astype(int)
    return np.array([thrown["n_thrown"][tenth == t].sum() for t in TENTHS])


def _of_histogram(histograms, listed):
    """The same of sim_telarray's own histogram; the flasher's energy is below its range."""
    (found,) = (h for h in histograms if h["id"] == 6)
    counts = found["data"].sum(axis=1)
    edges = np.linspace(found["lower_y"], found["upper_y"], len(counts) + 1)
    tenth = np.floor(5.0 * (edges[1:] + edges[:-1]) + 1e-6).astype(int)
    assert counts.sum() in (listed, 0)
    return np.array([counts[tenth == t].sum() for t in TENTHS])
