"""Rows of raw data as arrays: parts of tables joined, checked and unpacked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.io.buffers import BufferPool
from iactflow.io.event_stream import Jagged
from iactflow.io.subarray import Camera
from iactflow.io.waveform_packing import gather_rows, unpack_waveforms

__all__ = ["TelescopeRows", "check_rows", "join_parts", "read_samples", "read_true_images"]

Part = dict[str, "np.ndarray | Jagged"]
SIZES = ("n_channels", "n_pixels", "n_samples")


class TelescopeRows(NamedTuple):
    """Telescope events of a batch by event and telescope, or its events.

    Attributes
    ----------
    event_index : ndarray of int64, shape (n,)
        Row of the event in the batch.
    event_id : ndarray of int64, shape (n,)
        Event.
    tel_id : ndarray of int64, shape (n,), or None
        Telescope; None: these are events of the array.
    type_index : ndarray of int64, shape (n,), or None
        Type of the telescope.
    """

    event_index: np.ndarray
    event_id: np.ndarray
    tel_id: np.ndarray | None
    type_index: np.ndarray | None

    def select(self, mask: np.ndarray) -> TelescopeRows:
        """Some of the telescope events.

        Parameters
        ----------
        mask : ndarray of bool, shape (n,)
            Those wanted.

        Returns
        -------
        TelescopeRows
            They.
        """
        return TelescopeRows(*(values[mask] for values in self))


def join_parts(parts: Sequence[Part], columns: Iterable[str]) -> dict[str, np.ndarray]:
    """Columns of all parts of a table, and its events.

    Parameters
    ----------
    parts : sequence of dict of str to (ndarray or Jagged)
        Parts, of `iactflow.io.event_stream.EventStream.take`.
    columns : iterable of str
        Columns of numbers.

    Returns
    -------
    dict of str to ndarray
        The columns, ``obs_id`` and ``event_id``.
    """
    names = dict.fromkeys(("obs_id", "event_id", *columns))
    if len(parts) == 1:
        return {name: parts[0][name] for name in names}
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def check_rows(file: str | Path, name: str, found: dict, rows: TelescopeRows) -> None:
    """Check that the rows of a table are those of the events: none is missing, none alone.

    Parameters
    ----------
    file : str or Path
        Named in the error.
    name : str
        Table.
    found : dict of str to ndarray
        Its keys.
    rows : TelescopeRows
        What the table ``trigger`` says.

    Raises
    ------
    InputError
        If they differ.
    """
    keys = [(np.asarray(found["event_id"]), rows.event_id)]
    if rows.tel_id is not None:
        keys.append((np.asarray(found["tel_id"]), rows.tel_id))
    n = min(len(found["event_id"]), len(rows.event_id))
    differs = np.zeros(n, dtype=bool)
    for have, want in keys:
        differs |= have[:n] != want[:n]
    if not differs.any() and len(found["event_id"]) == len(rows.event_id):
        return
    row = int(np.argmax(differs)) if differs.any() else n
    have, want = (
        ", ".join(str(int(key[side][row])) for key in keys) if row < len(keys[0][side]) else "none"
        for side in (0, 1)
    )
    what = "event, tel_id" if rows.tel_id is not None else "event"
    raise InputError(file, f"{name}: {what}", have, f"{want}, as in trigger")


def _places(parts: Sequence[Part], rows: np.ndarray):
    """For each part: which of the wanted rows it holds, and their numbers in it."""
    first = 0
    for part in parts:
        stop = first + len(part["event_id"])
        begin, end = np.searchsorted(rows, [first, stop])
        yield part, slice(int(begin), int(end)), rows[begin:end] - first
        first = stop


def read_samples(
    file: str | Path,
    name: str,
    parts: Sequence[Part],
    rows: np.ndarray,
    camera: Camera,
    pool: BufferPool,
    gain_threshold_adu: float | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Counts of telescope events of one type.

    Parameters
    ----------
    file : str or Path
        Named in errors.
    name : str
        Table, ``charges_r0`` or ``waveforms_r0``.
    parts : sequence of dict of str to (ndarray or Jagged)
        Its rows.
    rows : ndarray of int64, shape (n,)
        Rows that are wanted, ascending.
    camera : Camera
        Camera of these telescopes.
    pool : BufferPool
        Where the counts go.
    gain_threshold_adu : float, optional
        Low gains of events without a sample above it in the high gain may be left out.

    Returns
    -------
    adc : ndarray of uint16, shape (n, n_channels, n_pixels, n_samples)
        Counts.
    read_out : ndarray of bool, shape (n, n_channels, n_pixels), or None
        Pixels that the reduction of the data volume kept, without what was left out; None: all.

    Raises
    ------
    InputError
        If a row has other sizes than the camera.
    """
    shape = (camera.n_channels, camera.n_pixels, camera.n_samples)
    n_values = shape[0] * shape[1] * shape[2]
    adc = pool.take(len(rows) * n_values, np.uint16).reshape(len(rows), n_values)
    kept = np.empty((len(rows), shape[0] * shape[1]), dtype=bool)
    # Without a threshold no row is left out.
    n_high = shape[1] if gain_threshold_adu is not None else shape[0] * shape[1]
    threshold = float(gain_threshold_adu or 0.0)
    for part, where, mine in _places(parts, rows):
        for size, expected in zip(SIZES, shape, strict=True):
            if size in part and np.any(part[size][mine] != expected):
                found = part[size][mine][part[size][mine] != expected][0]
                raise InputError(file, f"{name}.{size}", int(found), f"{expected}, as the camera")
        if name == "charges_r0":
            _gather(file, name, "charge_adc", part, mine, adc[where])
            kept[where] = adc[where] != 0
        else:
            packed = part["waveform_packed"]
            bounds = np.column_stack([packed.start[mine], packed.start[mine + 1]])
            bad = unpack_waveforms(
                packed.values, bounds, shape[2], n_high, threshold, adc[where], kept[where]
            )
            if bad >= 0:
                key = f"{name}.waveform_packed, event {int(part['event_id'][mine[bad]])}"
                raise InputError(file, key, "other words", f"{kept.shape[1]} packed waveforms")
    read_out = None if kept.all() else kept.reshape(-1, *shape[:2])
    return adc.reshape(-1, *shape), read_out


def _gather(file, table: str, column: str, part: Part, rows: np.ndarray, out: np.ndarray) -> None:
    values = part[column]
    lengths = values.lengths[rows]
    if np.any(lengths != out.shape[1]):
        row = int(np.argmax(lengths != out.shape[1]))
        key = f"{table}.{column}, event {int(part['event_id'][rows[row]])}"
        raise InputError(file, key, f"{int(lengths[row])} values", str(out.shape[1]))
    gather_rows(np.ascontiguousarray(values.values, out.dtype), values.start[rows], out)


def read_true_images(
    file: str | Path, parts: Sequence[Part], rows: np.ndarray, n_pixels: int
) -> np.ndarray:
    """True images of telescope events of one type.

    Parameters
    ----------
    file : str or Path
        Named in errors.
    parts : sequence of dict of str to (ndarray or Jagged)
        Rows of the table ``true_images``.
    rows : ndarray of int64, shape (n,)
        Rows that are wanted, ascending.
    n_pixels : int
        Pixels of the camera.

    Returns
    -------
    ndarray of int32, shape (n, n_pixels)
        Photoelectrons of the shower.

    Raises
    ------
    InputError
        If a row has another length.
    """
    images = np.empty((len(rows), n_pixels), dtype=np.int32)
    for part, where, mine in _places(parts, rows):
        _gather(file, "true_images", "true_image", part, mine, images[where])
    return images
