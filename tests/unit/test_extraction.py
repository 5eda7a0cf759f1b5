"""Images from waveforms: a slow twin, pulses that are known, pixels that cannot be used."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from ctapipe.image.extractor import integration_correction as correction_of_ctapipe
from hypothesis import given, settings
from hypothesis import strategies as st
from waveform_samples import (
    make_batch,
    make_coefficients,
    random_batch,
    slow_images,
    waveform_telescope,
)

from iactflow.calibration.apply import calibrate
from iactflow.calibration.settings import METHODS, ExtractionSettings, integration_correction
from iactflow.errors import InputError
from iactflow.instrument.neighbours import camera_neighbours

KINDS = {
    (channels, shape): waveform_telescope(channels, 30, shape)
    for channels in (1, 2)
    for shape in ("hexagon", "square")
}
PLAIN = ExtractionSettings(integration_correction=False)


def neighbour_lists(camera):
    """Neighbours, a list for each pixel."""
    first, neighbour = camera_neighbours(camera)
    return [list(neighbour[a:b]) for a, b in pairwise(first)]


def flat(kind, n=1, level=400):
    """A batch of pedestals, and a camera without noise."""
    camera = kind.camera
    shape = (n, camera.n_channels, camera.n_pixels, camera.n_samples)
    return make_batch(np.full(shape, level, dtype=np.uint16)), make_coefficients(camera)


def agree_with_twin(kind, batch, coefficients, chosen):
    """Charges and times of the kernel and of its twin."""
    correction = integration_correction(kind.camera, chosen)
    lists = neighbour_lists(kind.camera)
    slow = slow_images(batch, kind, coefficients, chosen, lists, correction)
    ours = calibrate(batch, kind, coefficients, chosen)
    for one, other in zip(ours, slow, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from([None, 0.0, 0.4]),
    st.integers(1, 40),
    st.integers(-3, 9),
    st.integers(0, 2),
)
def test_kernels_agree_with_their_twin(method, seed, key, dropped, width, shift, weight):
    random = np.random.default_rng(seed)
    kind = KINDS[key]
    batch = random_batch(kind, random, dropped=dropped)
    coefficients = {t: make_coefficients(kind.camera, random, broken=0.15) for t in (1, 2)}
    chosen = ExtractionSettings(
        method, width, shift, peak_index=int(random.integers(0, 30)), local_weight=weight,
        gain_threshold_adu=3000.0,
    )  # fmt: skip
    agree_with_twin(kind, batch, coefficients, chosen)


def test_counts_of_32_bits():
    kind = KINDS[2, "hexagon"]
    batch = random_batch(kind, np.random.default_rng(3), dtype=np.uint32)
    batch = replace(batch, adc=batch.adc * np.uint32(70000))
    coefficients = {t: make_coefficients(kind.camera, np.random.default_rng(t)) for t in (1, 2)}
    for method in METHODS:
        chosen = ExtractionSettings(method, gain_threshold_adu=2e8)
        agree_with_twin(kind, batch, coefficients, chosen)


def test_equal_sums_over_neighbours_give_the_first_sample():
    kind = KINDS[1, "hexagon"]
    batch, coefficients = flat(kind)
    batch.adc[:, :, :, [9, 17, 25]] += 50
    chosen = replace(PLAIN, window_width=1, window_shift=0)
    images = calibrate(batch, kind, {1: coefficients}, chosen)
    assert np.all(images.peak_time_ns == 9.0)


def test_the_last_bit_of_a_sum_over_neighbours_decides():
    """Gains whose sum differs by one rounding: integers cannot tell, float64 can."""
    kind = KINDS[1, "hexagon"]
    batch, coefficients = flat(kind)
    centre = int(np.argmin(np.hypot(kind.camera.pixel_x_m, kind.camera.pixel_y_m)))
    one, other = neighbour_lists(kind.camera)[centre][:2]
    coefficients.pe_per_adu[0, other] = np.nextafter(np.float32(0.02), np.float32(1.0))
    batch.adc[0, 0, one, 9] += 1000
    batch.adc[0, 0, other, 17] += 1000
    images = calibrate(batch, kind, {1: coefficients}, replace(PLAIN, window_shift=0))
    assert images.peak_time_ns[0, centre] == 17.0


def test_negative_pedestals_do_not_overflow():
    kind = KINDS[1, "hexagon"]
    batch = random_batch(kind, np.random.default_rng(5))
    coefficients = make_coefficients(kind.camera)
    coefficients.pedestal_adu[:] = -4000.0
    agree_with_twin(kind, batch, {1: coefficients, 2: coefficients}, PLAIN)


@pytest.mark.parametrize("method", METHODS)
def test_a_delta_pulse_comes_back(method):
    kind = waveform_telescope(rate_ghz=2.0)
    batch, coefficients = flat(kind)
    batch.adc[:, 0, :, 11] += 250
    coefficients.time_shift_ns[0] += 0.25
    chosen = replace(PLAIN, method=method, peak_index=12)
    images = calibrate(batch, kind, {1: coefficients}, chosen)
    np.testing.assert_allclose(images.image_pe, 5.0, rtol=1e-6)
    np.testing.assert_allclose(images.peak_time_ns, 11 / 2.0 + 0.25, rtol=1e-6)
    assert not images.unusable.any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channel", [0, 1])
def test_known_charges_come_back_whatever_the_window(method, channel):
    """Binned pulses, as the correction has them, of a charge known beforehand, on fine counts."""
    kind = KINDS[2, "hexagon"]
    camera = kind.camera
    samples = camera.pulse[channel].reshape(-1, 10).sum(axis=1)[: camera.n_samples]
    batch, coefficients = flat(kind, level=0)
    batch = replace(batch, adc=batch.adc.astype(np.uint32))
    batch.adc[0, channel] += np.round(samples / samples.sum() * 1e8).astype(np.uint32)
    batch.adc[0, 0, :, 0] += 10**9 * channel
    coefficients.pedestal_adu[:] = 0.0
    coefficients.pe_per_adu[:] = 1e-6
    for width, shift in ((3, 1), (5, 2), (7, 3)):
        chosen = ExtractionSettings(method, width, shift, peak_index=12, gain_threshold_adu=9e8)
        images = calibrate(batch, kind, {1: coefficients}, chosen)
        assert np.all(images.channel == channel)
        # a sliding window is corrected by the best phase of the pulse, which samples need not have
        best = 0.12 if method == "sliding_window" else 1e-5
        np.testing.assert_allclose(images.image_pe, 100.0, rtol=best)
        np.testing.assert_allclose(images.peak_time_ns, 11.5, atol=0.6)


@pytest.mark.parametrize(("width", "shift"), [(7, 3), (3, 0), (1, -2), (5, 40), (200, 3)])
def test_correction_is_that_of_ctapipe(width, shift):
    camera = replace(KINDS[2, "hexagon"].camera, sampling_rate_ghz=1.0 / 0.9765625)
    chosen = ExtractionSettings("local_peak", width, shift)
    theirs = correction_of_ctapipe(camera.pulse, 0.1, 0.9765625, width, shift)
    np.testing.assert_allclose(integration_correction(camera, chosen), theirs, rtol=1e-12)


def test_no_correction_without_a_pulse():
    camera = KINDS[2, "hexagon"].camera
    unknown = replace(camera, pulse=np.zeros((2, 0)))
    charges = replace(camera, n_samples=1, sampling_rate_ghz=np.nan)
    for chosen, its in (
        (ExtractionSettings(), unknown),
        (ExtractionSettings(), charges),
        (ExtractionSettings("full_window"), camera),
        (ExtractionSettings(window_shift=-40), camera),
        (PLAIN, camera),
    ):
        assert np.all(integration_correction(its, chosen) == 1.0)
    assert np.all(integration_correction(camera, ExtractionSettings(window_width=3)) > 1.05)


@pytest.mark.parametrize("method", METHODS)
def test_charges_are_taken_as_they_are(method):
    kind = waveform_telescope(n_samples=1, rate_ghz=np.nan)
    batch, coefficients = flat(kind)
    batch.adc[0, 0, 5], batch.adc[0, 1, 5] = 4001, 640
    chosen = ExtractionSettings(method, window_shift=-2, peak_index=11)
    images = calibrate(batch, kind, {1: coefficients}, chosen)
    assert images.image_pe[0, 5] == pytest.approx(240 * 0.3)
    assert np.all(np.delete(images.image_pe[0], 5) == 0.0)
    assert np.isnan(images.peak_time_ns).all()
    assert images.channel[0].sum() == 1


def test_the_threshold_itself_keeps_the_high_gain():
    kind = KINDS[2, "hexagon"]
    batch, coefficients = flat(kind)
    batch.adc[0, 0, 3, 7], batch.adc[0, 0, 4, 7] = 4000, 4001
    images = calibrate(batch, kind, {1: coefficients}, ExtractionSettings())
    assert images.channel[0, 3] == 0
    assert images.channel[0, 4] == 1


def test_broken_pixels_take_the_mean_of_those_around():
    kind = KINDS[1, "hexagon"]
    batch, coefficients = flat(kind)
    lists = neighbour_lists(kind.camera)
    centre = int(np.argmin(np.hypot(kind.camera.pixel_x_m, kind.camera.pixel_y_m)))
    ring = lists[centre]
    batch.adc[0, 0, ring, 10] += np.arange(100, 700, 100, dtype=np.uint16)
    batch.adc[0, 0, centre, 20] = 4000
    coefficients.unusable[0, [centre, ring[0]]] = True
    chosen = replace(PLAIN, method="local_peak")
    images = calibrate(batch, kind, {1: coefficients}, chosen)
    assert images.image_pe[0, centre] == pytest.approx(0.02 * np.mean(np.arange(200, 700, 100)))
    assert images.peak_time_ns[0, centre] == pytest.approx(10.0)
    assert images.unusable[0, [centre, ring[0]]].all()
    assert images.unusable.sum() == 2


def test_broken_pixels_among_nothing():
    kind = KINDS[1, "hexagon"]
    batch, coefficients = flat(kind)
    centre = int(np.argmin(np.hypot(kind.camera.pixel_x_m, kind.camera.pixel_y_m)))
    ring = neighbour_lists(kind.camera)[centre]
    coefficients.unusable[0, [centre, *ring]] = True
    alone = calibrate(batch, kind, {1: coefficients}, PLAIN)
    assert alone.image_pe[0, centre] == 0.0
    assert np.isnan(alone.peak_time_ns[0, centre])
    # dropped neighbours were faint: charges of 0, and no times
    read_out = np.ones(batch.adc.shape[:3], dtype=bool)
    read_out[0, 0, ring[1:]] = False
    batch.adc[0, 0, ring[0], 10] += 600
    coefficients.unusable[0, ring] = False
    images = calibrate(
        replace(batch, read_out=read_out),
        kind,
        {1: coefficients},
        replace(PLAIN, method="local_peak"),
    )
    assert images.image_pe[0, centre] == pytest.approx(0.02 * 600 / 6)
    assert images.peak_time_ns[0, centre] == pytest.approx(10.0)
    assert np.isnan(images.peak_time_ns[0, ring[1:]]).all()
    assert images.unusable[0, ring[1:]].all()


def test_coefficients_that_are_no_numbers_break_a_pixel():
    kind = KINDS[1, "hexagon"]
    batch, coefficients = flat(kind, level=410)
    coefficients.pe_per_adu[0, 3], coefficients.pedestal_adu[0, 30] = np.nan, np.inf
    images = calibrate(batch, kind, {1: coefficients}, ExtractionSettings("full_window"))
    assert list(np.flatnonzero(images.unusable[0])) == [3, 30]
    np.testing.assert_allclose(images.image_pe, 30 * 10 * 0.02, rtol=1e-5)


def test_one_batch_or_many_give_the_same():
    kind = KINDS[2, "hexagon"]
    random = np.random.default_rng(8)
    batch = random_batch(kind, random, n=6)
    coefficients = {t: make_coefficients(kind.camera, random, broken=0.1) for t in (1, 2)}
    whole = calibrate(batch, kind, coefficients, ExtractionSettings())
    for row in range(6):
        part = make_batch(batch.adc[row : row + 1], batch.tel_id[row : row + 1])
        images = calibrate(part, kind, coefficients, ExtractionSettings())
        for one, all_ in zip(images, whole, strict=True):
            np.testing.assert_array_equal(one[0], all_[row])


def test_an_empty_batch():
    kind = KINDS[2, "hexagon"]
    batch = make_batch(np.zeros((0, 2, kind.camera.n_pixels, 30), dtype=np.uint16))
    assert calibrate(batch, kind, {}, ExtractionSettings()).image_pe.shape == (
        0,
        kind.camera.n_pixels,
    )


def test_errors_say_what_is_missing():
    kind = KINDS[2, "hexagon"]
    batch, coefficients = flat(kind)
    with pytest.raises(InputError, match="calibration of telescope 1"):
        calibrate(batch, kind, {2: coefficients}, ExtractionSettings())
    short = replace(coefficients, pe_per_adu=coefficients.pe_per_adu[:1])
    with pytest.raises(InputError, match="telescope 1: pe_per_adu"):
        calibrate(batch, kind, {1: short}, ExtractionSettings())
    with pytest.raises(InputError, match="shape of counts"):
        calibrate(make_batch(batch.adc[:, :1]), kind, {1: coefficients}, ExtractionSettings())
    for key, value in (("method", "best"), ("window_width", 0), ("local_weight", -1)):
        with pytest.raises(InputError, match=key):
            ExtractionSettings(**{key: value})
