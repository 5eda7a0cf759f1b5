"""Trigger information of an array event of sim_telarray (object 2009)."""

from __future__ import annotations

import numpy as np

from iactflow.io.simtel_fields import Fields
from iactflow.io.simtel_stream import ObjectHeader

__all__ = ["read_trigger"]

TRIGGER = 2009


def read_trigger(fields: Fields, place: np.ndarray) -> dict:
    """Trigger of an event.

    Parameters
    ----------
    fields : Fields
        Array event.
    place : ndarray of int64, shape (4,)
        Start, end, version, identifier of the object in it.

    Returns
    -------
    dict
        ``event`` (number), ``time`` (Unix seconds, nanoseconds), ``offset_ns`` (of the telescopes
        that triggered, after the array), ``data`` (telescopes that were read out).

    Raises
    ------
    InputError
        If it is damaged or of an unknown version.
    """
    start, end, version, identifier = place.tolist()
    header = ObjectHeader(TRIGGER, version, identifier, fields.header.offset, end - start)
    fields = Fields(fields.path, header, fields.data, start, end)
    fields.need_version(1, 2, 3)
    fields.skip(8)
    time = fields.int32(), fields.int32()
    fields.skip(8)
    n = fields.short_count(1000)
    triggered = fields.array("i2", n).tolist()
    offsets = fields.array("f4", n).astype(np.float64).tolist()
    n = fields.short_count(1000)
    read_out = fields.array("i2", n).tolist()
    if len(set(triggered)) != len(triggered) or len(set(read_out)) != len(read_out):
        raise fields.fail(f"telescopes {triggered}, {read_out}", "each once")
    event = identifier - (1 << 32) if identifier >> 31 else identifier
    return {
        "event": event,
        "time": time,
        "offset_ns": dict(zip(triggered, offsets, strict=True)),
        "data": read_out,
    }
