"""Sampled waveforms: pulses of photoelectrons, noise, saturation, digitisation.

The signal of a pixel is the sum of the pulses of its photoelectrons from shower and night sky; see
`iactflow.telescope.readout` for the pulse, the coupling and the phases. A pixel is finished before
the next is begun, so that its samples stay in the fastest memory.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.campaign import philox

__all__ = ["read_waveforms"]

_WORD16 = np.uint64(0xFFFF)
_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)


@jit
def _by_pixel(pixel, n_pixels):
    """First entry of each pixel, and photoelectrons ordered by pixel (a stable counting sort)."""
    start = np.zeros(n_pixels + 1, dtype=np.int64)
    for i in range(pixel.size):
        start[pixel[i] + 1] += 1
    for k in range(n_pixels):
        start[k + 1] += start[k]
    fill = start.copy()
    order = np.empty(pixel.size, dtype=np.int64)
    for i in range(pixel.size):
        order[fill[pixel[i]]] = i
        fill[pixel[i]] += 1
    return start, order


@jit_leaf
def _add_pulses(electrons, order, first, last, start_ns, table, trace):
    """Add the pulses of photoelectrons first ... last of the order to a pixel's samples."""
    n_gains, n_phases, n_points = table.pulse.shape
    scale = 1.0 / table.sample_ns
    for index in range(first, last):
        i = order[index]
        u = (electrons.time_ns[i] - start_ns) * scale
        k = int(np.floor(u))
        # The trace has n_points more samples at either end, so that no pulse is cut inside.
        place = k + table.first_point + n_points
        if place < 0 or place > table.n_samples + n_points:
            continue
        phase = min(int((u - k) * n_phases), n_phases - 1)
        amplitude = electrons.amplitude[i]
        for gain in range(n_gains):
            pulse = table.pulse[gain, phase]
            row = trace[gain, place : place + n_points]
            for j in range(n_points):
                row[j] += amplitude * pulse[j]


@jit
def read_waveforms(shower, night_sky, mean_rate_ghz, trigger_ns, table, state):
    """Read the waveforms of a triggered telescope.

    Parameters
    ----------
    shower, night_sky : PhotoElectrons
        Photoelectrons; those of the night sky in a window that holds that of the read-out and the
        length of a pulse before it.
    mean_rate_ghz : ndarray of float64, shape (n_pixels,)
        Mean current of the night sky that the AC coupling takes off: rate times mean amplitude.
    trigger_ns : float
        Trigger, on the clock of the photoelectrons; the first sample is ``offset_ns`` before it.
    table : ReadoutTable
        Electronics in mode ``waveform``.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place: a word for four samples.

    Returns
    -------
    ndarray of uint16, shape (n_gains, n_pixels, n_samples)
        Counts.
    """
    n_gains, n_pixels = table.counts.shape
    n_samples, n_points = table.n_samples, table.pulse.shape[2]
    start_ns = trigger_ns - table.offset_ns
    shower_start, shower_order = _by_pixel(shower.pixel, n_pixels)
    sky_start, sky_order = _by_pixel(night_sky.pixel, n_pixels)
    adc = np.empty((n_gains, n_pixels, n_samples), dtype=np.uint16)
    trace = np.empty((n_gains, n_samples + 2 * n_points), dtype=np.float32)
    for pixel in range(n_pixels):
        trace[:] = _ZERO
        _add_pulses(
            shower, shower_order, shower_start[pixel], shower_start[pixel + 1],
            start_ns, table, trace,
        )  # fmt: skip
        _add_pulses(
            night_sky, sky_order, sky_start[pixel], sky_start[pixel + 1],
            start_ns, table, trace,
        )  # fmt: skip
        for gain in range(n_gains):
            mean = np.float32(mean_rate_ghz[pixel]) * table.mean_per_rate[gain]
            counts = table.counts[gain, pixel]
            base = table.pedestal[gain, pixel] - counts * mean + _HALF
            row = trace[gain, n_points : n_points + n_samples]
            _digitise(row, counts, base, gain, table, state, adc[gain, pixel])
    return adc


@jit_leaf
def _digitise(signal, counts, base, gain, table, state, adc):
    """Counts of a pixel's samples in one gain: noise added, saturated, rounded."""
    noise, largest = table.noise[gain], table.max_signal[gain]
    word = np.uint64(0)
    for s in range(signal.size):
        if s % 4 == 0:
            word = philox.next_uint64(state)
        deviate = table.quantile[np.int64(word & _WORD16)]
        word = word >> np.uint64(16)
        count = base + counts * signal[s] + noise * deviate
        adc[s] = np.uint16(min(max(count, _ZERO), largest))
