"""Compiled decoding of the sums over samples of sim_telarray (object 2012, versions 3 and 4).

Laid out as in sim_telarray's hessio library (K. Bernloehr, Astropart. Phys. 30 (2008) 149):
pixels may be suppressed (all there, a bit for each, or a list), and of those that are there the
low gain may be left out, and high gains of faint pixels be scaled to eight bits. Where anything is
left out, the low gain stands before the high one.

No kernel reads outside the bounds that it is given: errors are returned as a code and the place.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.io.simtel_kernels import (
    CUT,
    FOREIGN,
    PIXELS,
    RANGE,
    VERSION_4,
    at_end,
    read_trace,
    read_vint,
    uint16,
)

__all__ = ["decode_charges"]

WHOLE, GROUPS, LIST = 0, 1, 2
# Pixels of a group that share one word of bits.
GROUP = 16
LOW, HIGH, NARROW = 1, 0, 2
# Marks of a listed pixel, at these places of its word: no low gain, eight bits.
MARKS_3, MARKS_4 = 13, 21


@jit
def decode_charges(data, start, end, mode, out, read_out):
    """Decode sums: whole, by groups of 16 pixels, or by a list.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Content of the array event.
    start, end : int
        Place of the numbers.
    mode : int
        Bits 0-4 zero suppression (0 none, 1 groups, 2 list), 5-9 reduction (1 low gains left out,
        2 also narrow high gains), 10 whether a list is known, 11 `VERSION_4`.
    out : ndarray of uint32, shape (n_channels, n_pixels)
        Filled; zero in pixels that are not in the data.
    read_out : ndarray of bool, shape (n_channels, n_pixels)
        Filled: pixels in the data.

    Returns
    -------
    tuple of two int
        Error code (0: none), its place.
    """
    suppressed, reduced = mode & 0x1F, mode >> 5 & 0x1F
    pos, bits, offset, scale = start, 0, 0, 1
    if suppressed > LIST or reduced > 2 or (mode & 0x3FF and len(out) > 2):
        return FOREIGN, start
    if reduced == 2:
        if pos + 4 > end:
            return CUT, start
        offset, scale = uint16(data, pos), max(uint16(data, pos + 2), 1)
        pos += 4
    if suppressed == WHOLE and reduced == 0:
        read_out[:] = True
        for channel in range(len(out)):
            pos, more = read_trace(data, pos, end, out[channel], out.shape[1])
            if pos < 0:
                return CUT, start
            bits |= more
    else:
        read_out[:] = False
        out[:] = 0
        room = max(out.shape[1], GROUP)
        pixels, forms = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        work = pixels, forms, np.empty(room, dtype=np.uint32)
        if suppressed == LIST:
            pos, bits = _by_list(data, pos, end, mode, out, read_out, offset, scale, work)
        else:
            pos, bits = _by_group(data, pos, end, mode, out, read_out, offset, scale, work)
        if pos < 0:
            return (PIXELS if pos == -2 else CUT), start
    return (RANGE, start) if bits & ~0xFFFFFFFF else (at_end(pos, end), start)


@jit_leaf
def _fill(data, pos, end, n, out, read_out, offset, scale, work):
    """Sums of pixels whose forms are known; place (-1: cut) and all bits of the values."""
    bits = 0
    pixels, forms, values = work
    for channel in range(len(out) - 1, -1, -1):
        m = 0
        for i in range(n):
            m += forms[i] == LOW or (channel == HIGH and forms[i] == HIGH)
        pos, more = read_trace(data, pos, end, values, m)
        if pos < 0:
            return -1, bits
        bits |= more
        m = 0
        for i in range(n):
            if forms[i] == LOW or (channel == HIGH and forms[i] == HIGH):
                out[channel, pixels[i]] = values[m]
                read_out[channel, pixels[i]] = True
                m += 1
    for i in range(n):
        if forms[i] == NARROW:
            if pos >= end:
                return -1, bits
            out[HIGH, pixels[i]] = np.int64(data[pos]) * scale + offset
            read_out[HIGH, pixels[i]] = True
            pos += 1
    return pos, bits


@jit_leaf
def _by_group(data, pos, end, mode, out, read_out, offset, scale, work):
    """Groups of 16 pixels: bits of what is there, has a low gain, is narrow; then the sums."""
    n_pixels, bits = out.shape[1], 0
    suppressed, reduced = mode & 0x1F, mode >> 5 & 0x1F
    pixels, forms, _ = work
    for group in range(0, n_pixels, GROUP):
        there, low, narrow = 0xFFFF, 0xFFFF, 0
        size = min(GROUP, n_pixels - group)
        if suppressed:
            if pos + 2 > end:
                return -1, bits
            there, pos = uint16(data, pos), pos + 2
            if there >> size:
                return -2, bits
        if there and reduced:
            if pos + 2 * reduced > end:
                return -1, bits
            low, pos = uint16(data, pos), pos + 2
            if reduced == 2:
                narrow, pos = uint16(data, pos), pos + 2
        n = 0
        for j in range(size):
            if there >> j & 1:
                pixels[n], forms[n] = group + j, HIGH
                if low >> j & 1:
                    forms[n] = LOW
                elif narrow >> j & 1:
                    forms[n] = NARROW
                n += 1
        pos, more = _fill(data, pos, end, n, out, read_out, offset, scale, work)
        if pos < 0:
            return pos, bits
        bits |= more
    return pos, bits


@jit_leaf
def _by_list(data, pos, end, mode, out, read_out, offset, scale, work):
    """Listed pixels, some without low gain, some narrow; then the sums."""
    n_pixels, marks, n = out.shape[1], MARKS_3, 0
    if mode & VERSION_4:
        marks = MARKS_4
        n, pos = _count(data, pos, end)
    elif pos + 2 <= end:
        n, pos = uint16(data, pos), pos + 2
    else:
        pos = -1
    if pos < 0 or n > n_pixels:
        return -2, 0
    # Without reduction no pixel is marked, and large cameras need the bits for their numbers.
    if marks == MARKS_3 and n_pixels > 1 << MARKS_3 and mode >> 5 & 0x1F == 0:
        marks = GROUP
    pixels, forms, _ = work
    for i in range(n):
        if mode & VERSION_4:
            word, pos = read_vint(data, pos, end)
        elif pos + 2 <= end:
            word, pos = uint16(data, pos), pos + 2
        else:
            pos = -1
        if pos < 0:
            return -1, 0
        pixels[i] = word & ((1 << marks) - 1)
        if word < 0 or pixels[i] >= n_pixels or word >> marks > 3:
            return -2, 0
        forms[i] = HIGH if word >> marks & 1 else LOW
        if word >> marks & 2:
            forms[i] = NARROW
    return _fill(data, pos, end, n, out, read_out, offset, scale, work)


@jit_leaf
def _count(data, pos, end):
    """Count of variable length (not zigzag) of up to three bytes, and the place after it."""
    if pos >= end:
        return 0, -1
    first = np.int64(data[pos])
    if first < 0x80:
        return first, pos + 1
    more = 1 if first < 0xC0 else 2
    if first >= 0xE0 or pos + more >= end:
        return 0, -1
    value = first & (0x3F >> (more - 1))
    for i in range(1, more + 1):
        value = value << 8 | np.int64(data[pos + i])
    return value, pos + more + 1
