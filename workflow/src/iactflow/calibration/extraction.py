"""Charges and times of pulses in the waveforms of a camera, event by event in one pass.

A sample is ``(adc - pedestal) * pe_per_adu`` in the gain channel of the pixel. The charge is the
sum over a window, the time the centroid of the samples above zero in it. Windows and roundings are
those of ctapipe 0.28 (``image.extractor``, ``calib.camera.gainselection``): samples are float32,
sums over them float64, results float32 again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.calibration.bad_pixels import BROKEN, SILENT, USABLE, interpolate_broken
from iactflow.calibration.peaks import find_local, find_neighbour, find_sliding

__all__ = ["Constants", "Output", "Scratch", "Window", "extract_images"]

# The numbers of `settings.METHODS`; 0 is the full window.
_FULL, _FIXED, _LOCAL, _NEIGHBOUR, _SLIDING = range(5)


class Constants(NamedTuple):
    """Calibration of the telescopes of a batch, and the camera that they share.

    Attributes
    ----------
    pedestal, gain, time_shift : ndarray of float32, shape (n_telescopes, n_channels, n_pixels)
        ``pedestal_adu``, ``pe_per_adu`` and ``time_shift_ns`` of
        `iactflow.io.batches.Coefficients`.
    unusable : ndarray of bool, shape (n_telescopes, n_channels, n_pixels)
        Pixels whose signal is not to be used.
    correction : ndarray of float64, shape (n_channels,)
        Factor of the charges.
    first, neighbour : ndarray of int64, shapes (n_pixels + 1,) and (k,)
        Neighbours of pixel p: ``neighbour[first[p]:first[p + 1]]``.
    padded : ndarray of uint64, shape (n_pixels, 6)
        The same, filled with n_pixels.
    """

    pedestal: np.ndarray
    gain: np.ndarray
    time_shift: np.ndarray
    unusable: np.ndarray
    correction: np.ndarray
    first: np.ndarray
    neighbour: np.ndarray
    padded: np.ndarray


class Window(NamedTuple):
    """`settings.ExtractionSettings` as kernels take them, and samples per nanosecond."""

    method: int
    width: int
    shift: int
    peak_index: int
    local_weight: int
    gain_threshold_adu: float
    sampling_rate_ghz: float


class Scratch(NamedTuple):
    """Room for one camera.

    Attributes
    ----------
    peak : ndarray of int64, shape (n_pixels,)
        Sample of the peak.
    top : ndarray of float32, shape (n_pixels,)
        Largest count.
    integers : ndarray of int32
        Samples of the camera: `iactflow.calibration.peaks.integer_room`.
    sums : ndarray of float64, shape (n_samples,)
        Sums of a pixel.
    """

    peak: np.ndarray
    top: np.ndarray
    integers: np.ndarray
    sums: np.ndarray


class Output(NamedTuple):
    """What is filled; each of shape (n, n_pixels).

    Attributes
    ----------
    image : ndarray of float32
        Photoelectrons.
    peak_time_ns : ndarray of float32
        Times from the beginning of the waveform; not a number where there is none.
    status : ndarray of int8
        0 usable, 1 interpolated, 2 without signal.
    channel : ndarray of int8
        Gain channel.
    """

    image: np.ndarray
    peak_time_ns: np.ndarray
    status: np.ndarray
    channel: np.ndarray


@jit_leaf
def _largest_count(samples):
    top = samples[0]
    for sample in range(1, samples.size):
        top = max(top, samples[sample])
    return top


@jit_leaf
def _select_channels(counts, read_out, gain, unusable, threshold, status, channel, top):
    """Channel, status and largest count of the pixels of a camera.

    The low gain where a sample of the high gain passes the threshold, or where it alone was read.
    """
    n_channels, n_pixels = counts.shape[:2]
    for pixel in range(n_pixels):
        high = read_out.size == 0 or read_out[0, pixel]
        low = n_channels == 2 and (read_out.size == 0 or read_out[1, pixel])
        choice = 0
        top[pixel] = _largest_count(counts[0, pixel])
        if low and (top[pixel] > threshold or not high):
            choice = 1
            top[pixel] = _largest_count(counts[1, pixel])
        channel[pixel] = choice
        if unusable[choice, pixel]:
            status[pixel] = BROKEN
        elif not (high or low) or gain[choice, pixel] == 0.0:
            status[pixel] = SILENT
        else:
            status[pixel] = USABLE


@jit_leaf
def _integrate(counts, pedestal, gain, status, channel, peak, window, image, centroid):
    """Sums over windows, and centroids in samples of what is above zero in them.

    Where nothing is, the centroid is the peak; the middle of a sliding window.
    """
    n_samples = counts.shape[2]
    width, shift, middle = window.width, window.shift, 0.0
    if window.method == _FULL:
        width, shift = n_samples, 0
    elif window.method == _SLIDING:
        width, shift = min(width, n_samples), 0
        middle = 0.5 * width
    for pixel in range(counts.shape[1]):
        image[pixel] = 0.0
        centroid[pixel] = np.nan
        if status[pixel] != USABLE:
            continue
        choice = channel[pixel]
        baseline, factor = pedestal[choice, pixel], gain[choice, pixel]
        start = peak[pixel] - shift
        stop = min(start + width, n_samples)
        total, moment, weight = 0.0, 0.0, 0.0
        for sample in range(max(start, 0), stop):
            value = np.float64((np.float32(counts[choice, pixel, sample]) - baseline) * factor)
            positive = max(value, 0.0)
            total += value
            moment += positive * sample
            weight += positive
        image[pixel] = total
        centroid[pixel] = moment / weight if weight > 0.0 else peak[pixel] + middle


@jit_leaf
def _finish(correction, time_shift, rate_ghz, channel, image, time_ns):
    """Integration correction; samples to nanoseconds; time shift."""
    for pixel in range(image.size):
        choice = channel[pixel]
        image[pixel] = image[pixel] * correction[choice]
        time = np.float32(time_ns[pixel] / rate_ghz)
        time_ns[pixel] = time + time_shift[choice, pixel]


@jit_leaf
def extract_images(adc, read_out, telescope, constants, window, output, scratch):
    """Images and times of the telescope events of a batch.

    Parameters
    ----------
    adc : ndarray of uint16 or uint32, shape (n, n_channels, n_pixels, n_samples)
        Counts; at most two channels.
    read_out : ndarray of bool, shape (n, n_channels, n_pixels) or (n, 0, 0)
        What was read out; empty: everything.
    telescope : ndarray of int64, shape (n,)
        Row of the telescope in ``constants``.
    constants : Constants
        Calibration and neighbours.
    window : Window
        Settings.
    output : Output
        Filled.
    scratch : Scratch
        Room for work.
    """
    first, neighbour, peak = constants.first, constants.neighbour, scratch.peak
    for event in range(adc.shape[0]):
        tel, counts = telescope[event], adc[event]
        pedestal, gain = constants.pedestal[tel], constants.gain[tel]
        status, channel = output.status[event], output.channel[event]
        image, time_ns = output.image[event], output.peak_time_ns[event]
        _select_channels(
            counts, read_out[event], gain, constants.unusable[tel], window.gain_threshold_adu,
            status, channel, scratch.top,
        )  # fmt: skip
        if window.method == _LOCAL:
            find_local(counts, gain, channel, peak)
        elif window.method == _NEIGHBOUR:
            find_neighbour(
                counts, pedestal, gain, status, channel, first, neighbour, constants.padded,
                window.local_weight, scratch.top, scratch.integers, scratch.sums, peak,
            )  # fmt: skip
        elif window.method == _SLIDING:
            find_sliding(counts, pedestal, gain, channel, window.width, scratch.sums, peak)
        else:
            peak[:] = window.peak_index if window.method == _FIXED else 0
        _integrate(counts, pedestal, gain, status, channel, peak, window, image, time_ns)
        shift_ns = constants.time_shift[tel]
        rate_ghz = window.sampling_rate_ghz
        _finish(constants.correction, shift_ns, rate_ghz, channel, image, time_ns)
        if adc.shape[3] == 1:
            time_ns[:] = np.nan
        interpolate_broken(status, first, neighbour, image, time_ns)
