"""Compiled walk through an array event of sim_telarray: where its counts and directions lie.

The container is eventio; objects 2009 to 2016 and those numbered by telescope (2100, 2200 and so
on, hundreds of telescopes as thousands) are those of the hessio library that comes with
sim_telarray (K. Bernloehr, Astropart. Phys. 30 (2008) 149).

No kernel reads outside the bounds that it is given: errors are returned as a code and the place.
"""

from __future__ import annotations

from iactflow._jit import jit, jit_leaf
from iactflow.io.simtel_kernels import (
    BAD_TRACKING,
    CHARGES,
    FINE,
    FOREIGN,
    NO_HEADER,
    NO_OBJECTS,
    NO_TRIGGER,
    SAMPLES,
    TOO_LONG,
    TOO_MANY,
    TWICE,
    VERSION_4,
    read_vint,
    uint16,
    uint32,
)

__all__ = [
    "TELESCOPE_COLUMNS",
    "TRACKING_COLUMNS",
    "walk_array_event",
    "walk_telescope_data",
]

#: Telescope, kind of counts, start and end of the numbers, modes, pixels, channels, samples.
TELESCOPE_COLUMNS = ("tel_id", "kind", "start", "end", "mode", "pixels", "channels", "samples")
#: Telescope, start of the directions, which there are (1 raw, 2 corrected).
TRACKING_COLUMNS = ("tel_id", "start", "known")

TRIGGER, HEADER, SUMS, TRACES, PHOTOELECTRONS = 2009, 2011, 2012, 2013, 1208


@jit_leaf
def _header(data, pos, end):
    """Type, version, identifier, start and end of the content, flag; end -1 if out of bounds."""
    if pos + 12 > end:
        return 0, 0, 0, 0, -1, False
    word, second = uint32(data, pos), uint32(data, pos + 8)
    identifier = uint32(data, pos + 4)
    length, start = second & 0x3FFFFFFF, pos + 12
    if word & 0x20000:
        if start + 4 > end:
            return 0, 0, 0, 0, -1, False
        length += (uint32(data, start) & 0xFFF) << 30
        start += 4
    stop = start + length
    if stop > end:
        stop = -1
    return word & 0xFFFF, word >> 20, identifier, start, stop, second & 0x40000000 != 0


@jit_leaf
def _is_of(kind, base):
    """Whether a type is one of those numbered by telescope from a base on."""
    return kind >= base and (kind - base) % 1000 < 100


@jit_leaf
def _tel_id(kind, base):
    return 100 * ((kind - base) // 1000) + (kind - base) % 1000


@jit_leaf
def _adc_header(data, row, kind, version, identifier, start, stop):
    """Dimensions of the counts of a telescope, into its row; an error code."""
    size = 8 if kind == TRACES else 6
    if version == 4 and kind == SUMS and identifier >> 5 & 0x1F == 2:
        # Threshold, offset and scale of the reduction; the two that matter stand behind again.
        for _ in range(3):
            if start >= 0:
                _, start = read_vint(data, start, stop)
    if version not in (3, 4) or (identifier >> 12) & 0xFFFF != row[0]:
        return FOREIGN
    if start < 0 or stop < start + size:
        return FOREIGN
    row[1] = SAMPLES if kind == TRACES else CHARGES
    row[2], row[3], row[4] = start + size, stop, identifier & 0x7FF
    row[4] |= VERSION_4 if version == 4 else 0
    row[5], row[6] = uint32(data, start), uint16(data, start + 4)
    row[7] = uint16(data, start + 6) if kind == TRACES else 1
    return FINE


@jit_leaf
def _walk_telescope(data, start, stop, row):
    """Objects of a telescope event, into its row; error code and place."""
    pos, first = start, True
    while pos < stop:
        kind, version, identifier, begin, end, _ = _header(data, pos, stop)
        if end < 0:
            return TOO_LONG, pos
        if first and (kind != HEADER or identifier != row[0]):
            return NO_HEADER, pos
        first = False
        # Traces win over sums where a file holds both.
        if kind == TRACES or (kind == SUMS and row[1] != SAMPLES):
            error = _adc_header(data, row, kind, version, identifier, begin, end)
            if error != FINE:
                return error, pos
        pos = end
    return (NO_HEADER, pos) if first else (FINE, pos)


@jit_leaf
def _known(rows, n, tel_id):
    known = False
    for i in range(n):
        known |= rows[i, 0] == tel_id
    return known


@jit_leaf
def _new_telescope(rows, n, tel_id, nested):
    """Whether there is room for a telescope event that was not there yet."""
    if not nested:
        return NO_OBJECTS
    if n == len(rows):
        return TOO_MANY
    return TWICE if _known(rows, n, tel_id) else FINE


@jit_leaf
def _walk_tracking(row, kind, version, identifier, start, stop):
    """Telescope, place and kind of directions, into their row; an error code."""
    tel_id, known = _tel_id(kind, 2100), (identifier >> 8) & 3
    named = (identifier & 0xFF) | ((identifier & 0x3F000000) >> 16)
    size = 8 * ((known & 1) + (known >> 1))
    if named != tel_id or version != 0 or size == 0 or stop < start + size:
        return BAD_TRACKING
    row[0], row[1], row[2] = tel_id, start, known
    return FINE


@jit
def walk_array_event(data, telescopes, tracking, trigger):
    """Find what an array event holds.

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Content of the object 2010.
    telescopes : ndarray of int64, shape (n_tel, 8)
        Filled: `TELESCOPE_COLUMNS` of the telescope events.
    tracking : ndarray of int64, shape (n_tel, 3)
        Filled: `TRACKING_COLUMNS` of the tracking positions.
    trigger : ndarray of int64, shape (4,)
        Filled: start, end, version, identifier of the trigger information.

    Returns
    -------
    tuple of four int
        Telescope events, tracking positions, error code (0: none), its place.
    """
    pos, end, first = 0, len(data), True
    n_tel, n_tracking = 0, 0
    while pos < end:
        kind, version, identifier, start, stop, nested = _header(data, pos, end)
        if stop < 0:
            return n_tel, n_tracking, TOO_LONG, pos
        if first:
            if kind != TRIGGER:
                return n_tel, n_tracking, NO_TRIGGER, pos
            trigger[0], trigger[1], trigger[2], trigger[3] = start, stop, version, identifier
        elif _is_of(kind, 2200):
            tel_id = _tel_id(kind, 2200)
            error = _new_telescope(telescopes, n_tel, tel_id, nested)
            if error != FINE:
                return n_tel, n_tracking, error, pos
            row = telescopes[n_tel]
            row[:] = 0
            row[0] = tel_id
            error, place = _walk_telescope(data, start, stop, row)
            if error != FINE:
                return n_tel, n_tracking, error, place
            n_tel += 1
        elif _is_of(kind, 2100):
            if n_tracking == len(tracking):
                return n_tel, n_tracking, TOO_MANY, pos
            error = _walk_tracking(tracking[n_tracking], kind, version, identifier, start, stop)
            if error != FINE:
                return n_tel, n_tracking, error, pos
            n_tracking += 1
        first = False
        pos = stop
    return n_tel, n_tracking, (NO_TRIGGER if first else FINE), pos


@jit
def walk_telescope_data(data, rows):
    """Find the photoelectrons of telescopes (objects 1208 in 1204 or 2034).

    Parameters
    ----------
    data : ndarray of uint8, shape (n,)
        Content of the object 1204.
    rows : ndarray of int64, shape (n_tel, 4)
        Filled: telescope counted from 0, version, start, end.

    Returns
    -------
    tuple of three int
        Rows, error code (0: none), its place.
    """
    pos, n = 0, 0
    while pos < len(data):
        kind, version, identifier, start, stop, _ = _header(data, pos, len(data))
        if stop < 0:
            return n, TOO_LONG, pos
        if kind == PHOTOELECTRONS:
            if n == len(rows):
                return n, TOO_MANY, pos
            rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3] = identifier % 1000, version, start, stop
            n += 1
        pos = stop
    return n, FINE, pos
