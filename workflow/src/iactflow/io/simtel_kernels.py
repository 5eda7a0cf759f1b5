"""Compiled decoding of the counts and photoelectrons of sim_telarray.

The container and its numbers of variable length are eventio's; objects 2012, 2013, 1208 and their
layout are those of sim_telarray's hessio library (K. Bernloehr, Astropart. Phys. 30 (2008) 149).
Samples are differences to the sample before, starting from zero in every trace,
as zigzag numbers: a byte ``0xxxxxxx`` holds 7 bits, ``10xxxxxx`` starts two bytes of 14 bits, and
so on up to five bytes.

No kernel reads outside the bounds that it is given: errors are returned as a code and the place.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = [
    "CHARGES",
    "ERRORS",
    "NO_ADC",
    "SAMPLES",
    "decode_charges",
    "decode_photoelectrons",
    "decode_samples",
    "uint16",
    "uint32",
]

#: What an error code means.
ERRORS = (
    "fine",
    "an object that is longer than what holds it",
    "a first object that is no trigger information",
    "more telescopes than the run has",
    "a telescope twice",
    "a telescope event without its header first, or with that of another telescope",
    "counts of another telescope, version or kind",
    "a tracking position that does not know its telescope or direction",
    "numbers that end before they should",
    "counts out of range",
    "pixels out of range",
    "bytes left over",
    "a telescope event that holds no objects",
)
FINE, TOO_LONG, NO_TRIGGER, TOO_MANY, TWICE, NO_HEADER, FOREIGN = range(7)
BAD_TRACKING, CUT, RANGE, PIXELS, LEFT_OVER, NO_OBJECTS = range(7, 13)

NO_ADC, SAMPLES, CHARGES = 0, 1, 2
# Objects are padded to multiples of four bytes.
PADDING = 4

_ZERO, _ONE, _EIGHT = np.uint64(0), np.uint64(1), np.uint64(8)
_TWO_BYTES, _THREE_BYTES, _LOW6 = np.uint64(0x80), np.uint64(0xC0), np.uint64(0x3F)


@jit_leaf
def uint32(data, pos):
    """Number of four bytes; the caller has looked at the bounds.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Bytes.
    pos : int
        Place.

    Returns
    -------
    int
        Value.
    """
    return (
        np.int64(data[pos])
        | np.int64(data[pos + 1]) << 8
        | np.int64(data[pos + 2]) << 16
        | np.int64(data[pos + 3]) << 24
    )


@jit_leaf
def uint16(data, pos):
    """Number of two bytes; the caller has looked at the bounds.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Bytes.
    pos : int
        Place.

    Returns
    -------
    int
        Value.
    """
    return np.int64(data[pos]) | np.int64(data[pos + 1]) << 8


@jit_leaf
def _vint(data, pos, end):
    """Signed number of variable length and the place after it; -1: out of bounds."""
    if pos >= end:
        return 0, -1
    first = np.int64(data[pos])
    more, mask = 0, 0x80
    while more < 8 and first & mask:
        more += 1
        mask >>= 1
    if pos + more >= end or more > 7:
        return 0, -1
    value = first & (0x7F >> more)
    for i in range(1, more + 1):
        value = value << 8 | np.int64(data[pos + i])
    value = -(value >> 1) - 1 if value & 1 else value >> 1
    return value, pos + more + 1


@jit_leaf
def _trace(data, pos, end, out, n):
    """Differences into one trace; the place after them, and all bits of the values.

    Indices are unsigned because Numba otherwise asks of each whether it counts from the end.
    """
    place, i, size = np.uint64(pos), _ZERO, np.uint64(n)
    value, bits = _ZERO, _ZERO
    # Nearly all differences take one or two bytes: where those of a whole trace are there, no
    # bound needs to be looked at.
    short = end - pos >= 2 * n
    while short and i < size:
        number = np.uint64(data[place])
        place += _ONE
        if number >= _TWO_BYTES:
            if number >= _THREE_BYTES:
                place -= _ONE
                break
            number = (number & _LOW6) << _EIGHT | np.uint64(data[place])
            place += _ONE
        value += (number >> _ONE) ^ (_ZERO - (number & _ONE))
        bits |= value
        out[i] = value
        i += _ONE
    while i < size:
        step, after = _vint(data, np.int64(place), end)
        if after < 0:
            return after, np.int64(bits)
        place = np.uint64(after)
        value += np.uint64(step)
        bits |= value
        out[i] = value
        i += _ONE
    return np.int64(place), np.int64(bits)


@jit_leaf
def _traces(data, pos, end, out, ranges, n_ranges, limit):
    """Traces of listed pixels of all channels; place and error code."""
    n_samples = out.shape[2]
    for channel in range(out.shape[0]):
        for k in range(n_ranges):
            for pixel in range(ranges[k, 0], ranges[k, 1]):
                pos, bits = _trace(data, pos, end, out[channel, pixel], n_samples)
                if pos < 0:
                    return pos, CUT
                if bits & ~limit:
                    return pos, RANGE
    return pos, FINE


@jit_leaf
def _end(pos, end):
    """Whether nothing but padding is left."""
    return FINE if end - pos < PADDING else LEFT_OVER


@jit
def decode_samples(data, start, end, mode, out, read_out):
    """Decode samples (object 2013, version 3), whole or zero-suppressed.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Content of the array event.
    start, end : int
        Place of the numbers.
    mode : int
        Bits 0-4 zero suppression, 5-9 reduction, 10 whether the pixels are listed elsewhere.
    out : ndarray of uint16, shape (n_channels, n_pixels, n_samples)
        Filled; zero in pixels that are not in the data.
    read_out : ndarray of bool, shape (n_channels, n_pixels)
        Filled: pixels in the data.

    Returns
    -------
    tuple of two int
        Error code (0: none), its place.
    """
    n_pixels = out.shape[1]
    ranges = np.empty((n_pixels, 2), dtype=np.int64)
    if mode >> 5:
        return FOREIGN, start
    read_out[:] = True
    if mode == 0:
        ranges[0, 0], ranges[0, 1] = 0, n_pixels
        pos, error = _traces(data, start, end, out, ranges, 1, 0xFFFF)
    else:
        read_out[:] = False
        out[:] = 0
        n, pos = _vint(data, start, end)
        if pos < 0 or n < 0 or n > n_pixels:
            return PIXELS, start
        for i in range(n):
            first, pos = _vint(data, pos, end)
            if pos < 0:
                return CUT, start
            last = -first - 1
            if first < 0:
                first = last
            else:
                last, pos = _vint(data, pos, end)
            if pos < 0 or last < first or last >= n_pixels:
                return PIXELS, start
            ranges[i, 0], ranges[i, 1] = first, last + 1
            read_out[:, first : last + 1] = True
        pos, error = _traces(data, pos, end, out, ranges, n, 0xFFFF)
    return (error, start) if error != FINE else (_end(pos, end), start)


@jit
def decode_charges(data, start, end, mode, out, read_out):
    """Decode sums (object 2012, version 3): whole, by groups of 16 pixels, or by a list.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Content of the array event.
    start, end : int
        Place of the numbers.
    mode : int
        Bits 0-4 zero suppression, 5-9 reduction, 10 whether the pixels are listed elsewhere.
    out : ndarray of uint32, shape (n_channels, n_pixels)
        Filled; zero in pixels that are not in the data.
    read_out : ndarray of bool, shape (n_channels, n_pixels)
        Filled: pixels in the data.

    Returns
    -------
    tuple of two int
        Error code (0: none), its place.
    """
    if mode > 2:
        return FOREIGN, start
    pos, bits, limit = start, 0, np.int64(0xFFFFFFFF)
    if mode == 0:
        read_out[:] = True
        for channel in range(len(out)):
            pos, more = _trace(data, pos, end, out[channel], out.shape[1])
            if pos < 0:
                return CUT, start
            bits |= more
    else:
        read_out[:] = False
        out[:] = 0
        values = np.zeros(out.shape[1], dtype=np.uint32)
        if mode == 1:
            pos, bits = _charges_by_group(data, pos, end, out, read_out, values)
        else:
            pos, bits = _charges_by_list(data, pos, end, out, read_out, values)
        if pos < 0:
            return (PIXELS if pos == -2 else CUT), start
    return (RANGE, start) if bits & ~limit else (_end(pos, end), start)


@jit_leaf
def _charges_by_group(data, pos, end, out, read_out, values):
    """Groups of 16 pixels: a bit for each pixel, then low gain, then high gain."""
    n_pixels, bits = out.shape[1], 0
    for group in range(0, n_pixels, 16):
        if pos + 2 > end:
            return -1, bits
        marks, n = uint16(data, pos), 0
        pos += 2
        for j in range(16):
            if marks >> j & 1:
                if group + j >= n_pixels:
                    return -2, bits
                n += 1
        for channel in range(len(out) - 1, -1, -1):
            pos, more = _trace(data, pos, end, values, n)
            if pos < 0:
                return -1, bits
            bits |= more
            k = 0
            for j in range(16):
                if marks >> j & 1:
                    out[channel, group + j] = values[k]
                    read_out[channel, group + j] = True
                    k += 1
    return pos, bits


@jit_leaf
def _charges_by_list(data, pos, end, out, read_out, values):
    """Listed pixels, some without low gain (0x2000), some with 8 bits only (0x4000)."""
    if pos + 2 > end:
        return -1, 0
    n, n_pixels, bits = uint16(data, pos), out.shape[1], 0
    first, pos = pos + 2, pos + 2 + 2 * n
    if pos > end or n > n_pixels:
        return -2, 0
    for channel in range(len(out) - 1, -1, -1):
        m = 0
        for i in range(n):
            word = uint16(data, first + 2 * i)
            if not word & (0x6000 if channel else 0x4000):
                m += 1
        pos, more = _trace(data, pos, end, values, m)
        if pos < 0:
            return -1, bits
        bits |= more
        m = 0
        for i in range(n):
            word = uint16(data, first + 2 * i)
            pixel = word & 0x1FFF
            if pixel >= n_pixels:
                return -2, bits
            if not word & (0x6000 if channel else 0x4000):
                out[channel, pixel] = values[m]
                read_out[channel, pixel] = True
                m += 1
    for i in range(n):
        word = uint16(data, first + 2 * i)
        if word & 0x4000:
            if pos >= end:
                return -1, bits
            out[0, word & 0x1FFF] = data[pos]
            read_out[0, word & 0x1FFF] = True
            pos += 1
    return pos, bits


@jit
def decode_photoelectrons(data, start, end, version, out):
    """Count photoelectrons of pixels (object 1208, versions 1 to 3).

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Bytes.
    start, end : int
        Place of the object's content.
    version : int
        Its version: 1 and 2 name pixels by 16 bits, 3 by numbers of variable length.
    out : ndarray of int32, shape (n_pixels,)
        Filled.

    Returns
    -------
    tuple of two int
        Error code (0: none), its place.
    """
    out[:] = 0
    size = 14 if version > 1 else 12
    if version < 1 or version > 3:
        return FOREIGN, start
    if start + size > end:
        return CUT, start
    if uint32(data, start + 4) != len(out):
        return PIXELS, start
    flags = uint16(data, start + 8) if version > 1 else 0
    n, pos = uint32(data, start + size - 4), start + size
    for _ in range(n):
        if version > 2:
            pixel, pos = _vint(data, pos, end)
        elif pos + 2 <= end:
            pixel, pos = uint16(data, pos), pos + 2
        else:
            pos = -1
        if pos < 0 or pos + 4 > end:
            return CUT, start
        if pixel < 0 or pixel >= len(out):
            return PIXELS, start
        count = uint32(data, pos)
        # A time for each, and an amplitude where bit 0 is set.
        pos += 4 + count * (8 if flags & 1 else 4)
        if pos > end:
            return CUT, start
        out[pixel] = count
    return FINE, pos
