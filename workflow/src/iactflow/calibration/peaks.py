"""Where the windows of a camera lie: peaks of pixels, of sums over neighbours, of sliding sums.

The peaks are those of ctapipe 0.28 (``image.extractor``): the first of equal samples; the sums over
neighbours in float64 of float32 samples, in the order of the pixels.

The peak of a sum over neighbours is sought in integers, whose sums and maxima the compiler turns
into vector instructions without leave to reorder floating-point numbers. Where the two largest
samples differ by less than the integers are good for, the sum is formed again in float64.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.calibration.bad_pixels import USABLE

__all__ = ["MAX_NEIGHBOURS", "find_local", "find_neighbour", "find_sliding", "integer_room"]

#: Neighbours of a pixel share a side of it: six at most.
MAX_NEIGHBOURS = 6
# The largest sample of an event as an integer: six of them fit into 31 bits.
_LARGEST = 2.0**28
# Each of six integers is off by less than five roundings of float32, of 16 at 2**28, and a cut.
_TIE = np.int32(2 * 6 * (5 * 16 + 1))
_LOWEST = np.int32(-(2**31))
_ZERO = np.float32(0.0)
# Rows of a multiple of this length leave no remainder to vector loops.
_MULTIPLE = 32
# What fills them: sums of six are less than what peaks, and the difference fits into 31 bits.
_PADDING = np.int32(-(2**26))
# More than the samples of a waveform.
_KEY = 2**16
_LOWEST_KEY = np.int64(-(2**62))


def integer_room(n_pixels: int, n_samples: int) -> np.ndarray:
    """Room for the samples of a camera as integers.

    Parameters
    ----------
    n_pixels, n_samples : int
        Size of the camera.

    Returns
    -------
    ndarray of int32, shape (n_pixels + 2, at least n_samples)
        A row for each pixel, one of zeros for neighbours that are not there, and one for their
        sum; what is longer than a waveform is filled.
    """
    length = -(-n_samples // _MULTIPLE) * _MULTIPLE
    room = np.full((n_pixels + 2, length), _PADDING, dtype=np.int32)
    room[:, :n_samples] = 0
    return room


@jit_leaf
def find_local(counts, gain, channel, peak):
    """First of the largest samples of each pixel; of the smallest where the gain is negative.

    Parameters
    ----------
    counts : ndarray of uint16 or uint32, shape (n_channels, n_pixels, n_samples)
        Counts.
    gain : ndarray of float32, shape (n_channels, n_pixels)
        Photoelectrons per count.
    channel : ndarray of int8, shape (n_pixels,)
        Gain channel.
    peak : ndarray of int64, shape (n_pixels,)
        Filled.
    """
    for pixel in range(counts.shape[1]):
        choice = channel[pixel]
        sign = np.int64(-1) if gain[choice, pixel] < 0.0 else np.int64(1)
        # count and sample in one number: the largest is the first of the largest
        top = _LOWEST_KEY
        for sample in range(counts.shape[2]):
            count = sign * np.int64(counts[choice, pixel, sample])
            top = max(top, count * _KEY - sample)
        peak[pixel] = -top & (_KEY - 1)


@jit_leaf
def find_sliding(counts, pedestal, gain, channel, width, sums, peak):
    """First sample of the window of the largest sum, of each pixel.

    Parameters
    ----------
    counts : ndarray of uint16 or uint32, shape (n_channels, n_pixels, n_samples)
        Counts.
    pedestal, gain : ndarray of float32, shape (n_channels, n_pixels)
        Pedestal in counts; photoelectrons per count.
    channel : ndarray of int8, shape (n_pixels,)
        Gain channel.
    width : int
        Samples of the window; all of them where there are fewer.
    sums : ndarray of float64, shape (n_samples,)
        Room for work.
    peak : ndarray of int64, shape (n_pixels,)
        Filled.
    """
    n_samples = counts.shape[2]
    width = min(width, n_samples)
    for pixel in range(counts.shape[1]):
        choice, total = channel[pixel], 0.0
        baseline, factor = pedestal[choice, pixel], gain[choice, pixel]
        for sample in range(n_samples):
            total += (np.float32(counts[choice, pixel, sample]) - baseline) * factor
            sums[sample] = total
        found, best = 0, sums[width - 1]
        for sample in range(1, n_samples - width + 1):
            inside = sums[sample + width - 1] - sums[sample - 1]
            if inside > best:
                found, best = sample, inside
        peak[pixel] = found


@jit_leaf
def _scale(pedestal, gain, status, channel, top):
    """Integers per photoelectron, from a bound of the size of the samples of the camera."""
    largest = 0.0
    for pixel in range(top.size):
        if status[pixel] == USABLE:
            choice = channel[pixel]
            baseline = float(pedestal[choice, pixel])
            size = max(abs(top[pixel] - baseline), abs(baseline))
            largest = max(largest, abs(gain[choice, pixel]) * size)
    return np.float32(_LARGEST / largest) if largest > 0.0 else _ZERO


@jit_leaf
def _fill_integers(counts, pedestal, gain, status, channel, scale, integers):
    """Samples of the usable pixels in integers; 0 for the others."""
    for pixel in range(counts.shape[1]):
        choice = channel[pixel]
        factor = gain[choice, pixel] * scale if status[pixel] == USABLE else _ZERO
        offset = -pedestal[choice, pixel] * factor
        for sample in range(counts.shape[2]):
            value = np.float32(counts[choice, pixel, sample]) * factor + offset
            integers[pixel, sample] = np.int32(value)


@jit_leaf
def _fast_peaks(integers, padded, peak):
    """Largest samples of the sums over neighbours in integers; -1 where another comes too close."""
    n_samples, total = integers.shape[1], integers[padded.shape[0] + 1]
    for pixel in range(padded.shape[0]):
        a, b, c = integers[padded[pixel, 0]], integers[padded[pixel, 1]], integers[padded[pixel, 2]]
        d, e, f = integers[padded[pixel, 3]], integers[padded[pixel, 4]], integers[padded[pixel, 5]]
        top = _LOWEST
        for s in range(n_samples):
            total[s] = np.int32(a[s] + b[s] + c[s] + d[s] + e[s] + f[s])
            top = max(top, total[s])
        close = np.int32(0)
        for s in range(n_samples):
            near = np.int32(np.int32(top - total[s]) <= _TIE)
            # samples that come close, and the sum of their numbers
            close = np.int32(close + np.int32(near * np.int32(_KEY + s)))
        peak[pixel] = close & (_KEY - 1) if close < 2 * _KEY else -1


@jit_leaf
def _exact_peak(
    counts, pedestal, gain, status, channel, first, neighbour, pixel, weight, sums
):  # fmt: skip
    """First of the largest samples of the neighbours' sum, in float64."""
    sums[:] = 0.0
    for i in range(first[pixel] - 1, first[pixel + 1]):
        own = i < first[pixel]
        other = pixel if own else neighbour[i]
        factor = float(weight) if own else 1.0
        if factor == 0.0 or status[other] != USABLE:
            continue
        choice = channel[other]
        baseline, scale = pedestal[choice, other], gain[choice, other]
        for sample in range(sums.size):
            value = (np.float32(counts[choice, other, sample]) - baseline) * scale
            sums[sample] += factor * value
    peak = 0
    for sample in range(1, sums.size):
        if sums[sample] > sums[peak]:
            peak = sample
    return peak


@jit_leaf
def find_neighbour(
    counts, pedestal, gain, status, channel, first, neighbour, padded, weight, top, integers,
    sums, peak,
):  # fmt: skip
    """First of the largest samples of the sum over the usable neighbours, of each pixel.

    Parameters
    ----------
    counts : ndarray of uint16 or uint32, shape (n_channels, n_pixels, n_samples)
        Counts.
    pedestal, gain : ndarray of float32, shape (n_channels, n_pixels)
        Pedestal in counts; photoelectrons per count.
    status, channel : ndarray of int8, shape (n_pixels,)
        Which pixels are usable (0); gain channel.
    first, neighbour, padded : ndarray of int64, int64, uint64
        Neighbours: `iactflow.calibration.extraction.Constants`.
    weight : int
        Weight of the pixel itself.
    top : ndarray of float32, shape (n_pixels,)
        Largest count of each pixel.
    integers, sums : ndarray
        Room for work: `iactflow.calibration.extraction.Scratch`.
    peak : ndarray of int64, shape (n_pixels,)
        Filled.
    """
    if weight == 0:
        scale = _scale(pedestal, gain, status, channel, top)
        _fill_integers(counts, pedestal, gain, status, channel, scale, integers)
        _fast_peaks(integers, padded, peak)
    else:
        peak[:] = -1
    for pixel in range(peak.size):
        # Sums that are all below those of the filling have their peak there.
        if peak[pixel] < 0 or peak[pixel] >= sums.size:
            peak[pixel] = _exact_peak(
                counts, pedestal, gain, status, channel, first, neighbour, pixel, weight, sums
            )
