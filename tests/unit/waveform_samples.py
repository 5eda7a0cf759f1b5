"""Waveforms of invented cameras, and a slow way to take images from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from image_samples import telescope_type

from iactflow.io.batches import CameraBatch, Coefficients


def waveform_telescope(n_channels=2, n_samples=30, shape="hexagon", n_pixels=61, rate_ghz=1.0):
    """A telescope whose camera sends waveforms; Gaussian pulses, wider in the low gain."""
    kind = telescope_type(shape, n_pixels)
    time_ns = np.arange(0.0, 40.0, 0.1)
    pulse = [np.exp(-0.5 * ((time_ns - 12.0) / width) ** 2) for width in (1.3, 1.9)]
    camera = replace(
        kind.camera, n_channels=n_channels, n_samples=n_samples, sampling_rate_ghz=rate_ghz,
        pulse=np.array(pulse[:n_channels]), pulse_step_ns=0.1,
    )  # fmt: skip
    return replace(kind, camera=camera)


def make_batch(adc, tel_id=None, read_out=None):
    """A batch of the counts."""
    n = len(adc)
    tel_id = np.ones(n, dtype=np.int64) if tel_id is None else np.asarray(tel_id)
    numbers = np.zeros(n)
    return CameraBatch(0, np.arange(n), tel_id, adc, read_out, numbers, numbers, numbers)


def make_coefficients(camera, random=None, broken=0.0):
    """Pedestals near 400, 0.02 photoelectrons per count, 15 times as many in the low gain."""
    shape = (camera.n_channels, camera.n_pixels)
    pedestal, gain = np.full(shape, 400.0), np.full(shape, 0.02)
    gain[1:] *= 15.0
    shift, unusable = np.zeros(shape), np.zeros(shape, dtype=bool)
    if random is not None:
        pedestal += random.normal(0.0, 5.0, shape)
        gain *= random.normal(1.0, 0.1, shape)
        shift += random.normal(0.0, 0.5, shape)
        unusable |= random.random(shape) < broken
    single = (values.astype(np.float32) for values in (pedestal, gain, shift))
    return Coefficients(*single, unusable, np.full(shape, np.nan, dtype=np.float32))


def random_batch(kind, random, n=3, dtype=np.uint16, dropped=None):
    """Noise and pulses of all sizes, of two telescopes."""
    camera = kind.camera
    shape = (n, camera.n_channels, camera.n_pixels, camera.n_samples)
    sample = np.arange(camera.n_samples)
    peak = random.uniform(-2.0, camera.n_samples + 2.0, (n, 1, camera.n_pixels, 1))
    size = 10.0 ** random.uniform(0.0, 4.5, peak.shape)
    signal = size * np.exp(-0.5 * ((sample - peak) / 1.5) ** 2)
    gains = np.array([1.0, 1.0 / 15.0])[: camera.n_channels, None, None]
    adc = np.clip(random.normal(400.0, 4.0, shape) + signal * gains, 0.0, 4095.0)
    read_out = None
    if dropped is not None:
        read_out = random.random(shape[:3]) >= dropped
        adc *= read_out[..., None]
    return make_batch(adc.astype(dtype), random.integers(1, 3, n), read_out)


def slow_images(batch, kind, coefficients, settings, neighbour_lists, correction):
    """Images, times, unusable pixels and channels, pixel by pixel."""
    shape = batch.adc.shape[0], batch.adc.shape[2]
    image, time = np.zeros(shape, dtype=np.float32), np.full(shape, np.nan, dtype=np.float32)
    unusable, channel = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int8)
    for row, tel_id in enumerate(batch.tel_id):
        c = coefficients[tel_id]
        read = None if batch.read_out is None else batch.read_out[row]
        state, channel[row], waveform = _slow_waveforms(batch.adc[row], read, c, settings)
        for pixel in np.flatnonzero(state == "usable"):
            own = channel[row, pixel]
            charge, centroid = _slow_pixel(pixel, waveform, state, settings, neighbour_lists)
            image[row, pixel] = np.float32(charge) * correction[own]
            ns = np.float32(np.float32(centroid) / kind.camera.sampling_rate_ghz)
            time[row, pixel] = ns + c.time_shift_ns[own, pixel]
        if batch.adc.shape[3] == 1:
            time[row] = np.nan
        _slow_neighbours(state, neighbour_lists, image[row], time[row])
        unusable[row] = state != "usable"
    return image, time, unusable, channel


def _slow_waveforms(adc, read, coefficients, settings):
    """What can be used, by which channel, and as photoelectrons."""
    n_channels, n_pixels, _ = adc.shape
    read = np.ones((n_channels, n_pixels), dtype=bool) if read is None else read
    state, channel = np.full(n_pixels, "usable"), np.zeros(n_pixels, dtype=np.int8)
    waveform = np.zeros(adc.shape[1:], dtype=np.float32)
    for pixel in range(n_pixels):
        if n_channels == 2 and read[1, pixel]:
            above = (adc[0, pixel] > settings.gain_threshold_adu).any()
            channel[pixel] = above or not read[0, pixel]
        own = channel[pixel], pixel
        samples = adc[own].astype(np.float32) - coefficients.pedestal_adu[own]
        waveform[pixel] = samples * coefficients.pe_per_adu[own]
        if not read[:, pixel].any() or coefficients.pe_per_adu[own] == 0.0:
            state[pixel] = "silent"
        if coefficients.unusable[own]:
            state[pixel] = "broken"
    return state, channel, waveform


def _slow_pixel(pixel, waveform, state, settings, neighbour_lists):
    """Charge, and time in samples."""
    samples, width = waveform[pixel].astype(np.float64), settings.window_width
    n_samples = len(samples)
    shift, fallback = settings.window_shift, 0.0
    if settings.method == "full_window":
        peak, width, shift = 0, n_samples, 0
    elif settings.method == "fixed_window":
        peak = settings.peak_index
    elif settings.method == "local_peak":
        peak = int(np.argmax(samples))
    elif settings.method == "sliding_window":
        width, shift = min(width, n_samples), 0
        sums = np.cumsum(np.concatenate([[0.0], samples]))
        peak = int(np.argmax(sums[width:] - sums[:-width]))
        fallback = 0.5 * width
    else:
        total = samples * settings.local_weight
        for other in neighbour_lists[pixel]:
            if state[other] == "usable":
                total = total + waveform[other]
        peak = int(np.argmax(total))
    window = np.arange(max(peak - shift, 0), max(min(peak - shift + width, n_samples), 0))
    inside = samples[window]
    positive = np.clip(inside, 0.0, None)
    charge = float(np.add.accumulate(inside)[-1]) if len(inside) else 0.0
    if positive.sum() == 0.0:
        return charge, peak + fallback
    moments = np.add.accumulate(positive * window)[-1]
    return charge, moments / np.add.accumulate(positive)[-1]


def _slow_neighbours(state, neighbour_lists, image, time):
    for pixel in np.flatnonzero(state == "broken"):
        others = [other for other in neighbour_lists[pixel] if state[other] != "broken"]
        timed = [other for other in others if np.isfinite(time[other])]
        image[pixel], time[pixel] = _mean(image[others], 0.0), _mean(time[timed], np.nan)


def _mean(values, none):
    """Mean of the sum in float32, one after the other."""
    return float(np.add.accumulate(values)[-1]) / len(values) if len(values) else none
