"""Compiled decoding of the samples and photoelectrons of sim_telarray.

The container and its numbers of variable length are eventio's; objects 2013, 1208 and their
layout are those of sim_telarray's hessio library (K. Bernloehr, Astropart. Phys. 30 (2008) 149).
Samples are differences to the sample before, starting from zero in every trace,
as zigzag numbers: a byte ``0xxxxxxx`` holds 7 bits, ``10xxxxxx`` starts two bytes of 14 bits, and
so on up to five bytes. Sums over samples: `iactflow.io.simtel_charges`.

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
    "VERSION_4",
    "at_end",
    "decode_photoelectrons",
    "decode_samples",
    "read_trace",
    "read_vint",
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
#: Bit of a mode, above those of the file: the object is of version 4.
VERSION_4 = 1 << 11
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
def read_vint(data, pos, end):
    """Read a signed number of variable length.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Bytes.
    pos, end : int
        Place, and where the object ends.

    Returns
    -------
    tuple of two int
        Value, and the place after it; -1: out of bounds.
    """
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
def read_trace(data, pos, end, out, n):
    """Read differences into one trace.

    Indices are unsigned because Numba otherwise asks of each whether it counts from the end.

    Parameters
    ----------
    data : ndarray of uint8, shape (n_bytes,)
        Bytes.
    pos, end : int
        Place, and where the object ends.
    out : ndarray, shape (at least n,)
        Filled.
    n : int
        Values.

    Returns
    -------
    tuple of two int
        The place after them (-1: out of bounds), and all bits of the values.
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
        step, after = read_vint(data, np.int64(place), end)
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
    """Traces of listed pixels of a channel; place and error code."""
    for k in range(n_ranges):
        for pixel in range(ranges[k, 0], ranges[k, 1]):
            pos, bits = read_trace(data, pos, end, out[pixel], out.shape[1])
            if pos < 0:
                return pos, CUT
            if bits & ~limit:
                return pos, RANGE
    return pos, FINE


@jit_leaf
def at_end(pos, end):
    """Tell whether nothing but padding is left.

    Parameters
    ----------
    pos, end : int
        Place, and where the object ends.

    Returns
    -------
    int
        Error code (0: none).
    """
    return FINE if end - pos < PADDING else LEFT_OVER


@jit_leaf
def _listed(data, pos, end, ranges):
    """Ranges of pixels, a single one as its complement; how many, place, error code."""
    n_pixels = len(ranges)
    n, pos = read_vint(data, pos, end)
    if pos < 0 or n < 0 or n > n_pixels:
        return 0, pos, PIXELS
    for i in range(n):
        first, pos = read_vint(data, pos, end)
        if pos < 0:
            return 0, pos, CUT
        last = -first - 1
        if first < 0:
            first = last
        else:
            last, pos = read_vint(data, pos, end)
        if pos < 0 or last < first or last >= n_pixels:
            return 0, pos, PIXELS
        ranges[i, 0], ranges[i, 1] = first, last + 1
    return n, pos, FINE


@jit
def decode_samples(data, start, end, mode, out, read_out):
    """Decode samples (object 2013, versions 3 and 4), whole or zero-suppressed.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Content of the array event.
    start, end : int
        Place of the numbers.
    mode : int
        Bits 0-4 zero suppression, 5-9 reduction (1: the low gain has a list of its own), 10 not
        used for samples, 11 `VERSION_4`.
    out : ndarray of uint16, shape (n_channels, n_pixels, n_samples)
        Filled; zero in pixels that are not in the data.
    read_out : ndarray of bool, shape (n_channels, n_pixels)
        Filled: pixels in the data.

    Returns
    -------
    tuple of two int
        Error code (0: none), its place.
    """
    n_channels, n_pixels = out.shape[:2]
    suppressed, reduced = mode & 0x1F, mode >> 5 & 0x1F
    if reduced > 1 or (reduced and (not suppressed or n_channels > 2)):
        return FOREIGN, start
    ranges = np.empty((n_pixels, 2), dtype=np.int64)
    low = np.empty((n_pixels, 2), dtype=np.int64)
    ranges[0, 0], ranges[0, 1] = 0, n_pixels
    n, n_low, pos, error = 1, 1, start, FINE
    if suppressed:
        out[:] = 0
        n, pos, error = _listed(data, start, end, ranges)
        low[:n], n_low = ranges[:n], n
        if error == FINE and reduced and n_channels > 1:
            n_low, pos, error = _listed(data, pos, end, low)
        if error != FINE:
            return error, start
    read_out[:] = False
    for channel in range(n_channels):
        chosen, n_chosen = (low, n_low) if channel and suppressed else (ranges, n)
        for k in range(n_chosen):
            read_out[channel, chosen[k, 0] : chosen[k, 1]] = True
        pos, error = _traces(data, pos, end, out[channel], chosen, n_chosen, 0xFFFF)
        if error != FINE:
            return error, start
    return at_end(pos, end), start


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
            pixel, pos = read_vint(data, pos, end)
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
