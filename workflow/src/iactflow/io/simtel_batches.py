"""Batches made of array events of sim_telarray: samples decoded into the rows they stay in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import erfa
import numpy as np

from iactflow.io.batches import CameraBatch, Coefficients, EventBatch
from iactflow.io.simtel_charges import decode_charges
from iactflow.io.simtel_kernels import CHARGES, ERRORS, decode_photoelectrons, decode_samples
from iactflow.io.subarray import Subarray

__all__ = ["TRUTH_COLUMNS", "BatchBuilder", "RawEvent", "tai_quarters"]

#: Columns of ``simulated_events`` with what an event without truth has there.
TRUTH_COLUMNS = {
    "shower_id": (np.int64, 0),
    "reuse_id": (np.int32, 0),
    "particle_id": (np.int32, 0),
    "true_energy_tev": (np.float64, math.nan),
    "true_alt_deg": (np.float64, math.nan),
    "true_az_deg": (np.float64, math.nan),
    "true_h_first_int_m": (np.float32, math.nan),
    "true_x_max_g_cm2": (np.float32, math.nan),
    "true_core_x_m": (np.float64, math.nan),
    "true_core_y_m": (np.float64, math.nan),
}
QUARTERS = 4_000_000_000
DAY = 86_400
# Bits of a mode that say that counts were left out.
LEFT_OUT = 0x3FF
# Modified Julian days of the first day of Unix time, and of the first that TAI - UTC is known of.
UNIX_DAY, FIRST_DAY = 40_587, 36_934


def tai_quarters(seconds: np.ndarray, nanoseconds: np.ndarray) -> np.ndarray:
    """Unix times as quarters of nanoseconds of TAI.

    Parameters
    ----------
    seconds, nanoseconds : ndarray of int64, shape (n,)
        Unix time, which counts no leap seconds (UTC).

    Returns
    -------
    ndarray of int64, shape (n,)
        Quarters of nanoseconds since 1970-01-01 of TAI, leap seconds as of IAU's SOFA library.
    """
    # After the last leap second that is known there is none.
    year, month, _ = erfa.leap_seconds.get()[-1]
    last = erfa.cal2jd(int(year), int(month), 1)[1]
    day = np.clip(UNIX_DAY + seconds // DAY, FIRST_DAY, last)
    fraction = np.where(day == UNIX_DAY + seconds // DAY, seconds % DAY / DAY, 0.0)
    years, months, days, _ = erfa.jd2cal(2_400_000.5, day.astype(np.float64))
    offset = np.round(erfa.dat(years, months, days, fraction) * QUARTERS).astype(np.int64)
    return seconds * QUARTERS + nanoseconds * 4 + offset


@dataclass
class RawEvent:
    """An array event before its samples are decoded.

    Attributes
    ----------
    data : ndarray of uint8
        Bytes that the rows point into.
    fail : callable
        Makes an InputError of what is wrong and its place in the bytes.
    rows : ndarray of int64, shape (n, 8)
        Telescopes with data, ascending; columns as in `iactflow.io.simtel_kernels`.
    type_index : list of int
        Their types.
    pointing_rad : list of tuple of two float
        Altitude and azimuth of each.
    time_offset_ns : list of float
        Trigger time of each after the array's.
    obs_id, event_id, event_type : int
        Run, number, kind.
    time : tuple of two int
        Unix time: seconds, nanoseconds.
    array_rad : tuple of two float
        Altitude and azimuth of the array's pointing.
    truth : dict
        `TRUTH_COLUMNS`; empty: none.
    photoelectrons : tuple of ndarray and dict
        Bytes, and by telescope version, start and end in them.
    coefficients : dict of int to Coefficients
        Calibration.
    """

    data: np.ndarray
    fail: Callable
    rows: np.ndarray
    type_index: list
    pointing_rad: list
    time_offset_ns: list
    obs_id: int
    event_id: int
    event_type: int
    time: tuple
    array_rad: tuple
    truth: dict
    photoelectrons: tuple
    coefficients: dict[int, Coefficients]

    @property
    def n_bytes(self) -> int:
        """Size of its samples.

        Returns
        -------
        int
            Bytes.
        """
        rows = self.rows
        size = np.where(rows[:, 1] == CHARGES, 4, 2)
        return int((rows[:, 5] * rows[:, 6] * rows[:, 7] * size).sum())


class _Block:
    """Telescope events of a type and length, in room for as many as a batch can hold."""

    def __init__(self, row, batch_bytes, true_images):
        _, kind, *_, n_pixels, n_channels, n_samples = row.tolist()
        self.n = 0
        dtype = np.uint32 if kind == CHARGES else np.uint16
        row_bytes = n_channels * n_pixels * n_samples * np.dtype(dtype).itemsize
        capacity = max(1, batch_bytes // row_bytes)
        # Memory that is not written to is not taken.
        self.adc = np.empty((capacity, n_channels, n_pixels, n_samples), dtype=dtype)
        self.read_out = np.empty((capacity, n_channels, n_pixels), dtype=bool)
        self.partial = False
        self.true_image = np.empty((capacity, n_pixels), np.int32) if true_images else None
        self.columns = {"event_index": [], "tel_id": [], "pointing_rad": [], "offset_ns": []}

    def reserve(self):
        """Room for one more row."""
        if self.n < len(self.adc):
            return
        for name in ("adc", "read_out", "true_image"):
            old = getattr(self, name)
            if old is not None:
                new = np.empty((2 * len(old), *old.shape[1:]), dtype=old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)


class BatchBuilder:
    """Collects events until they fill a batch.

    Parameters
    ----------
    subarray : Subarray
        Telescopes.
    batch_bytes : int
        Size of the samples in a batch.
    true_images : bool
        Whether batches hold the true images.
    is_simulation : bool
        Whether they hold the truth.
    """

    def __init__(
        self, subarray: Subarray, batch_bytes: int, true_images: bool, is_simulation: bool
    ):
        self._subarray, self._bytes = subarray, batch_bytes
        self._true_images, self._is_simulation = true_images, is_simulation
        self._events: list[RawEvent] = []
        # By type, kind of counts and number of samples, which may differ between events.
        self._blocks: dict[tuple[int, int, int], _Block] = {}
        self._filled = 0

    def fits(self, event: RawEvent) -> bool:
        """Whether an event can join those that are here: size, calibration.

        Parameters
        ----------
        event : RawEvent
            Event.

        Returns
        -------
        bool
            Whether.
        """
        if not self._events:
            return True
        if event.coefficients is not self._events[0].coefficients:
            return False
        return self._filled + event.n_bytes <= self._bytes

    def add(self, event: RawEvent) -> None:
        """Decode the samples of an event.

        Parameters
        ----------
        event : RawEvent
            Event that fits.

        Raises
        ------
        InputError
            If the samples are damaged.
        """
        number = len(self._events)
        self._filled += event.n_bytes
        for i, row in enumerate(event.rows):
            form = event.type_index[i], int(row[1]), int(row[7])
            block = self._blocks.get(form)
            if block is None:
                block = self._blocks[form] = _Block(row, self._bytes, self._true_images)
            block.reserve()
            self._decode(event, row, block)
            columns = block.columns
            columns["event_index"].append(number)
            columns["tel_id"].append(int(row[0]))
            columns["pointing_rad"].append(event.pointing_rad[i])
            columns["offset_ns"].append(event.time_offset_ns[i])
            block.n += 1
        # Bytes are those of a buffer that the next event overwrites.
        event.data = event.photoelectrons = event.fail = None
        self._events.append(event)

    def _decode(self, event, row, block):
        tel_id, kind, start, end, mode = row[:5].tolist()
        out, read_out = block.adc[block.n], block.read_out[block.n]
        if kind == CHARGES:
            sums = out.reshape(out.shape[:2])
            error, place = decode_charges(event.data, start, end, mode, sums, read_out)
        else:
            error, place = decode_samples(event.data, start, end, mode, out, read_out)
        if error:
            raise event.fail(ERRORS[error], place)
        block.partial |= mode & LEFT_OUT != 0
        if block.true_image is not None:
            image = block.true_image[block.n]
            data, places = event.photoelectrons
            if tel_id not in places:
                image[:] = -1
                return
            version, start, end = places[tel_id]
            error, place = decode_photoelectrons(data, start, end, version, image)
            if error:
                raise event.fail(f"photoelectrons: {ERRORS[error]}", place)

    def take(self) -> EventBatch | None:
        """Batch of what is here, which is empty afterwards.

        Returns
        -------
        EventBatch or None
            Events; None if there are none.
        """
        events, blocks = self._events, self._blocks
        if not events:
            return None
        self._events, self._blocks, self._filled = [], {}, 0
        times = np.array([event.time for event in events], dtype=np.int64)
        quarters = tai_quarters(times[:, 0], times[:, 1])
        pointing = np.degrees(np.array([event.array_rad for event in events], dtype=np.float64))
        return EventBatch(
            obs_id=np.array([event.obs_id for event in events], dtype=np.int64),
            event_id=np.array([event.event_id for event in events], dtype=np.int64),
            time_s=quarters // QUARTERS,
            time_qns=(quarters % QUARTERS).astype(np.uint32),
            event_type=np.array([event.event_type for event in events], dtype=np.uint8),
            pointing_alt_deg=pointing[:, 0].copy(),
            pointing_az_deg=pointing[:, 1].copy(),
            cameras=tuple(_camera_batch(form[0], blocks[form]) for form in sorted(blocks)),
            coefficients=events[0].coefficients,
            truth=_truth(events) if self._is_simulation else {},
        )


def _camera_batch(index, block):
    n, columns = block.n, block.columns
    pointing = np.degrees(np.array(columns["pointing_rad"], dtype=np.float64).reshape(n, 2))
    return CameraBatch(
        type_index=index,
        event_index=np.array(columns["event_index"], dtype=np.int64),
        tel_id=np.array(columns["tel_id"], dtype=np.int64),
        adc=block.adc[:n],
        read_out=block.read_out[:n] if block.partial else None,
        pointing_alt_deg=pointing[:, 0].copy(),
        pointing_az_deg=pointing[:, 1].copy(),
        time_offset_ns=np.array(columns["offset_ns"], dtype=np.float64),
        true_image=None if block.true_image is None else block.true_image[:n],
    )


def _truth(events):
    return {
        name: np.array([event.truth.get(name, missing) for event in events], dtype=dtype)
        for name, (dtype, missing) in TRUTH_COLUMNS.items()
    }
