"""Detector: streams, night sky, early exits and where a source's light lands."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from detector_samples import front

from iactflow.campaign.philox import new_state
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.instrument.description import ArrayTrigger
from iactflow.instrument.load import load_instrument
from iactflow.telescope.camera import PhotoElectrons, no_photoelectrons
from iactflow.telescope.detector import Detector, EventKey
from iactflow.telescope.detector_tables import light_responses, readout_function
from iactflow.telescope.frames import camera_position
from iactflow.telescope.night_sky import draw_night_sky
from iactflow.telescope.stages.events import calibration_columns
from iactflow.telescope.trigger import fire_trigger

POINTING = (65.0, 170.0)
KEY = EventKey(5, "gamma", 1, 2, 0)


@pytest.fixture(scope="module")
def hess(repository):
    return load_instrument(repository / "config/instruments/hess1/2006", check=False)


@pytest.fixture(scope="module")
def nectarcam(repository):
    """One MST, triggering alone."""
    array = load_instrument(repository / "config/instruments/ctao-north-alpha/6.0.0", check=False)
    telescope = next(t for t in array.telescopes if t.name == "MSTN-15")
    group = ArrayTrigger((telescope.tel_id,), 1, 10.0)
    return replace(array, telescopes=(telescope,), triggers=(group,))


@pytest.fixture(scope="module")
def detector(hess):
    return Detector(hess, *POINTING, nsb_levels=(1.0, 3.0))


@pytest.fixture(scope="module")
def photons(hess):
    return front(hess, *POINTING, 800)


def assert_same(event, other):
    assert event.time_ns == other.time_ns
    for ours, theirs in zip(event.telescopes, other.telescopes, strict=True):
        assert ours[:3] == theirs[:3]
        np.testing.assert_array_equal(ours.adc, theirs.adc)
        np.testing.assert_array_equal(ours.true_image, theirs.true_image)


def test_event_has_what_is_recorded(detector, photons):
    event = detector.respond(photons, KEY)[0]
    assert [t.tel_id for t in event.telescopes] == [1, 2, 3, 4]
    for telescope in event.telescopes:
        assert telescope.adc.shape == (2, 960)
        assert telescope.adc.dtype == np.uint16
        assert telescope.true_image.dtype == np.int32
        assert telescope.n_photons == 800
        # 107 m2 of 177 m2, less shadows, gaps between facets, cones and pixels.
        assert 150 < telescope.true_image.sum() < 450
        assert telescope.n_trigger_pixels >= 3
        # The window of 16 ns holds the charge: counts over pedestal, 80 a photoelectron.
        charge = (telescope.adc[0].astype(float) - 1000.0)[telescope.true_image > 10].sum() / 80
        true = telescope.true_image[telescope.true_image > 10].sum()
        assert charge == pytest.approx(true, rel=0.15)


def test_trigger_of_photoelectrons_is_that_of_the_event(detector, photons):
    event = detector.respond(photons, KEY)[1]
    electrons = {tel: detector.photoelectrons(tel, photons[tel], KEY) for tel in photons}
    fired, decision = detector.trigger(electrons, KEY, level=1)
    assert decision.time_ns == event.time_ns
    assert decision.tel_ids == tuple(t.tel_id for t in event.telescopes)
    for telescope in event.telescopes:
        assert fired[telescope.tel_id].time_ns == telescope.trigger_time_ns
    assert detector.trigger({1: electrons[1]}, KEY)[1] is None


def test_same_key_same_event_and_other_key_another(detector, photons):
    assert_same(detector.respond(photons, KEY)[0], detector.respond(photons, KEY)[0])
    other = detector.respond(photons, KEY._replace(reuse=1))[0]
    first = detector.respond(photons, KEY)[0]
    assert not np.array_equal(first.telescopes[0].true_image, other.telescopes[0].true_image)


def test_another_telescope_changes_nothing(detector, photons):
    whole = detector.respond(photons, KEY)[0]
    part = detector.respond({tel: photons[tel] for tel in (4, 2)}, KEY)[0]
    assert [t.tel_id for t in part.telescopes] == [2, 4]
    for telescope in part.telescopes:
        same = next(t for t in whole.telescopes if t.tel_id == telescope.tel_id)
        np.testing.assert_array_equal(telescope.adc, same.adc)
        assert telescope[:3] == same[:3]


def test_another_level_changes_nothing(hess, detector, photons):
    dark, bright = detector.respond(photons, KEY)
    assert_same(Detector(hess, *POINTING).respond(photons, KEY)[0], dark)
    assert bright.nsb_level == 1
    for a, b in zip(dark.telescopes, bright.telescopes, strict=True):
        np.testing.assert_array_equal(a.true_image, b.true_image)
        empty = a.true_image == 0
        # Three times the night sky: widths of pedestals grow by nearly the square root of 3.
        ratio = np.std(b.adc[0][empty]) / np.std(a.adc[0][empty])
        assert 1.45 < ratio < 1.8
        assert np.mean(b.adc[0][empty]) == pytest.approx(np.mean(a.adc[0][empty]), abs=15.0)


def test_place_of_a_level_changes_nothing(hess, detector, photons):
    dark, bright = detector.respond(photons, KEY)
    assert_same(Detector(hess, *POINTING, nsb_levels=(3.0,)).respond(photons, KEY)[0], bright)
    turned = Detector(hess, *POINTING, nsb_levels=(3.0, 1.0)).respond(photons, KEY)
    assert [event.nsb_level for event in turned] == [0, 1]
    assert_same(turned[0], bright)
    assert_same(turned[1], dark)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.8, 0.0), (0.0, 1.5), (-0.5, -1.0)])
def test_source_appears_where_the_sky_says(hess, detector, shift):
    alt, az = POINTING[0] + shift[0], POINTING[1] + shift[1]
    optics, pixels = hess.telescopes[0].type.optics, hess.telescopes[0].type.camera.pixels
    expected = camera_position(alt, az, *POINTING, optics.effective_focal_length_m)
    photons = front(hess, alt, az, 3000, spread_rad=0.0005)
    for tel_id in (1, 3):
        electrons = detector.photoelectrons(tel_id, photons[tel_id], KEY)
        centre = pixels.x_m[electrons.pixel].mean(), pixels.y_m[electrons.pixel].mean()
        # A pixel is 4.2 cm; the tilts of facets move an image by up to some millimetres.
        assert np.hypot(*np.subtract(centre, expected)) < 0.012


def test_too_little_light_makes_no_event(hess, detector, photons):
    assert detector.respond({1: photons[1]}, KEY) == [None, None]
    assert detector.respond({tel: p[:4] for tel, p in photons.items()}, KEY) == [None, None]
    assert detector.respond({tel: p[:0] for tel, p in photons.items()}, KEY) == [None, None]
    assert detector.respond({}, KEY) == [None, None]


def test_light_below_the_least_does_not_trigger(detector):
    # Three quarters of what three pixels ask for, in three neighbours at once, under a dark sky:
    # what leaving such groups out may lose.
    tables = detector.tables[1]
    near = np.argsort(np.hypot(tables.camera.x_m - 0.5, tables.camera.y_m))[:3]
    n = int(0.75 * 3 * 4.0)
    shower = PhotoElectrons(
        np.resize(near, n).astype(np.int32), np.zeros(n, np.float32), np.ones(n, np.float32)
    )
    sky = tables.skies[0]._replace(least=np.zeros(len(tables.trigger.groups)))
    fired = 0
    for shower_id in range(300):
        state = new_state(StreamKey(1, "night_sky", shower=shower_id).words())
        dark = draw_night_sky(tables.rates_ghz[0], -30.0, 60.0, tables.afterpulsing, state)
        fired += fire_trigger(tables.trigger, sky, shower, dark, 0.0, 20.0).fired
    assert fired <= 3


def test_night_sky_fills_the_whole_readout(nectarcam):
    detector = Detector(nectarcam, *POINTING)
    photons = front(nectarcam, *POINTING, 1500)
    sums = np.zeros((2, 60))
    for shower in range(4):
        telescope = detector.respond(photons, KEY._replace(shower=shower))[0].telescopes[0]
        assert telescope.adc.shape == (2, 1855, 60)
        dark = telescope.adc[0][telescope.true_image == 0].astype(float) - 250.0
        sums += dark.mean(axis=0), dark.std(axis=0)
    mean, width = sums / 4
    assert width.min() > 10.0
    # Edges see as much night sky as the middle, on both sides of the trigger.
    assert np.ptp(width) / width.mean() < 0.12
    assert np.abs(mean).max() < 0.1 * width.mean()


def test_types_of_telescopes_are_in_time(repository):
    # Light needs 49 ns longer through an LST than through a MST.
    array = load_instrument(repository / "config/instruments/ctao-north-alpha/6.0.0", check=False)
    chosen = tuple(t for t in array.telescopes if t.name in ("LSTN-01", "MSTN-15"))
    group = ArrayTrigger(tuple(t.tel_id for t in chosen), 2, 20.0)
    array = replace(array, telescopes=chosen, triggers=(group,))
    detector = Detector(array, *POINTING)
    event = detector.respond(front(array, *POINTING, 4000), KEY)[0]
    assert len(event.telescopes) == 2
    assert np.ptp([t.trigger_time_ns for t in event.telescopes]) > 20.0
    # The front reaches the reference point at time zero.
    assert event.time_ns == pytest.approx(0.0, abs=6.0)


def test_clocks_are_compared_at_the_centres_of_the_spheres(hess):
    # Light is 45 ns earlier at 15 m above the telescope.
    optics = replace(hess.telescopes[0].type.optics, sphere_height_m=15.0)
    high = replace(
        hess.telescopes[0], type=replace(hess.telescopes[0].type, name="high", optics=optics)
    )
    array = replace(hess, telescopes=(high, *hess.telescopes[1:]))
    detector = Detector(array, *POINTING)
    event = detector.respond(front(array, *POINTING, 4000), KEY)[0]
    assert len(event.telescopes) == 4
    clocks = [t.trigger_time_ns - detector.delays_ns[t.tel_id] for t in event.telescopes]
    assert np.ptp(clocks) < 6.0


def test_reduction_drops_dark_pixels(nectarcam):
    telescope = nectarcam.telescopes[0]
    camera = telescope.type.camera
    reduction = {"method": "two_level", "picture_pe": 10.0, "boundary_pe": 5.0}
    reduction |= {"width_samples": 8, "coincidence_ns": 8.0, "dilations": 1}
    reduced = replace(camera, readout=replace(camera.readout, reduction=reduction))
    telescope = replace(telescope, type=replace(telescope.type, camera=reduced))
    photons = front(nectarcam, *POINTING, 1500)
    whole = Detector(nectarcam, *POINTING).respond(photons, KEY)[0].telescopes[0].adc
    array = replace(nectarcam, telescopes=(telescope,))
    part = Detector(array, *POINTING).respond(photons, KEY)[0].telescopes[0]
    kept = part.adc[0].any(axis=1)
    assert 10 < kept.sum() < 200
    np.testing.assert_array_equal(part.adc[:, kept], whole[:, kept])
    assert part.true_image[kept].sum() > 0.7 * part.true_image.sum()


def test_throughput_scales_the_light(hess):
    poor = replace(hess.telescopes[1], throughput=0.5)
    array = replace(hess, telescopes=(hess.telescopes[0], poor, *hess.telescopes[2:]))
    kinds, responses = light_responses(array)
    assert set(kinds.values()) == {0}
    np.testing.assert_array_equal(responses[0].y, light_responses(hess)[1][0].y)
    photons = front(array, *POINTING, 4000)
    detector = Detector(array, *POINTING)
    n = [detector.photoelectrons(tel, photons[tel], KEY).pixel.size for tel in (1, 2)]
    assert n[1] / n[0] == pytest.approx(0.5, abs=0.05)
    assert detector.tables[2].rates_ghz[0].mean() == pytest.approx(
        0.5 * detector.tables[1].rates_ghz[0].mean(), rel=0.02
    )


def test_broken_pixels_are_dark(hess, photons):
    broken = np.flatnonzero(np.abs(hess.telescopes[0].type.camera.pixels.x_m) < 0.02)
    detector = Detector(hess, *POINTING, broken_pixels={1: broken})
    pixels = detector.photoelectrons(1, photons[1], KEY).pixel
    assert pixels.size > 0
    assert not np.isin(pixels, broken).any()
    assert np.isin(detector.photoelectrons(2, photons[2], KEY).pixel, broken).any()


def test_calibration_makes_pixels_equal_in_uniform_light(hess):
    detector = Detector(hess, *POINTING, broken_pixels={1: [5]})
    tables = detector.tables[1]
    readout, qe = tables.readout, tables.camera.qe
    # As many photoelectrons as the quantum efficiency makes of the same light, at the best time.
    best_ns = readout.first_ns + readout.step_ns * readout.pulse[0, 0].argmax()
    light = PhotoElectrons(
        np.arange(960, dtype=np.int32),
        np.full(960, best_ns - readout.offset_ns, dtype=np.float32),
        (100.0 * qe).astype(np.float32),
    )
    state = new_state(StreamKey(1, "night_sky").words())
    read = [
        readout_function(tables)(light, no_photoelectrons(), np.zeros(960), 0.0, readout, state)
        for _ in range(50)
    ]
    setup = SimpleNamespace(run=1, start_s=0)
    for columns in calibration_columns(setup, detector):
        if columns["tel_id"] != 1:
            continue
        charge = np.mean(read, axis=0)[columns["channel"]] - columns["pedestal_adu"]
        charge *= columns["pe_per_adu"] * columns["flatfield"]
        live = columns["status"] == 0
        np.testing.assert_array_equal(np.flatnonzero(~live), [5])
        # Noise of 50 readings and a digit: 0.1 to 0.6 % of a pixel.
        assert charge[live].std() < 0.007 * charge[live].mean()
        assert charge[live].mean() == pytest.approx(100.0 * qe[live].mean(), rel=2e-3)
        assert columns["flatfield"][live].mean() == pytest.approx(1.0, abs=1e-9)


def test_calibrated_samples_of_a_pulse_add_up_to_its_photoelectrons(nectarcam):
    detector = Detector(nectarcam, *POINTING)
    tel_id, tables = next(iter(detector.tables.items()))
    readout, qe = tables.readout, tables.camera.qe
    n = len(qe)
    # Ten photoelectrons at all phases of a sample; the whole pulse fits into the window.
    time_ns = 10.0 * readout.sample_ns - readout.offset_ns + np.arange(10) * readout.sample_ns / 10
    light = PhotoElectrons(
        np.repeat(np.arange(n, dtype=np.int32), 10),
        np.tile(time_ns, n).astype(np.float32),
        np.repeat(6.0 * qe, 10).astype(np.float32),
    )
    state = new_state(StreamKey(1, "night_sky").words())
    adc = readout_function(tables)(light, no_photoelectrons(), np.zeros(n), 0.0, readout, state)
    seen = 0
    for columns in calibration_columns(SimpleNamespace(run=1, start_s=0), detector):
        factor = columns["pe_per_adu"] * columns["flatfield"]
        samples = adc[columns["channel"]] - columns["pedestal_adu"][:, None].astype(float)
        photoelectrons = samples.sum(axis=1) * factor
        assert photoelectrons.mean() == pytest.approx(60.0 * qe.mean(), rel=3e-3)
        # Electronic noise and digits of 60 samples.
        noise = np.sqrt(60.0 * (columns["pedestal_std_adu"] ** 2 + 1.0 / 12.0)) * factor.mean()
        assert photoelectrons.std() == pytest.approx(noise, rel=0.1)
        np.testing.assert_array_equal(columns["time_shift_ns"], -tables.camera.transit_time_ns)
        assert (columns["tel_id"], columns["channel"]) == (tel_id, seen)
        seen += 1
    assert seen == 2


def test_bad_input_is_refused(hess, detector, photons):
    blank = photons[1].copy()
    blank[:, 6] = 0.0
    with pytest.raises(InputError, match="wavelength_nm"):
        detector.photoelectrons(1, blank, KEY)
    with pytest.raises(InputError, match="nsb_levels"):
        Detector(hess, *POINTING, nsb_levels=())
    with pytest.raises(InputError, match="telescope 1"):
        Detector(hess, *POINTING, nsb_levels=({2: 1.0},))
    dead = replace(hess, telescopes=(replace(hess.telescopes[0], throughput=0.0),))
    with pytest.raises(InputError, match="throughput"):
        Detector(dead, *POINTING)
