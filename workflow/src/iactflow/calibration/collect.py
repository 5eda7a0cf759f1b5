"""What a calibration run holds of each telescope: mean waveforms, then charges in windows.

Two passes over the files: the first finds the pedestals and where the pulses of light are, the
second takes the charges there. Charges are kept for as many events as fit the memory given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from iactflow.calibration.camera import CameraEvents
from iactflow.calibration.moments import charge_moments, window_sums
from iactflow.calibration.pedestal import pedestals
from iactflow.errors import InputError
from iactflow.io.batches import CameraBatch, EventBatch

__all__ = ["DARK", "LIGHT", "SINGLE", "Window", "collect_events"]

#: CTAO's numbers of calibration events: flat field, single photoelectrons, pedestal.
LIGHT, SINGLE, DARK = 0, 1, 2
KINDS = (LIGHT, SINGLE, DARK)


class Window(NamedTuple):
    """Window around the peak of the mean pulse of a pixel.

    Attributes
    ----------
    before_ns, after_ns : float
        Its part before and after the sample of the peak.
    """

    before_ns: float = 5.0
    after_ns: float = 11.0


class _Sums:
    """Sums of the samples of a telescope by kind of event, counts of what was read out."""

    def __init__(self, shape):
        self.samples = {kind: np.zeros(shape) for kind in KINDS}
        self.squares = np.zeros(shape[:2])
        self.n = {kind: np.zeros(shape[:2], dtype=np.int64) for kind in KINDS}
        self.events = dict.fromkeys(KINDS, 0)

    def add(self, kind, adc, read_out):
        self.events[kind] += len(adc)
        self.samples[kind] += adc.sum(axis=0, dtype=np.float64)
        self.n[kind] += len(adc) if read_out is None else read_out.sum(axis=0)
        if kind == DARK:
            for event in adc:
                self.squares += (event.astype(np.float64) ** 2).sum(axis=-1)

    def mean(self, kind):
        """Mean waveform; not a number in pixels that were never read out."""
        n = self.n[kind].astype(np.float64)
        n[n == 0] = np.nan
        return self.samples[kind] / n[..., None]


class _Place(NamedTuple):
    """Pedestal, window and what it holds of a telescope's pulses."""

    baseline: np.ndarray
    first: np.ndarray
    width: int
    part: np.ndarray


def _rows(batches: Iterable[EventBatch]) -> Iterator[tuple[int, int, CameraBatch, np.ndarray]]:
    """Kind, telescope, camera batch and its rows of every group of calibration events."""
    for batch in batches:
        for camera in batch.cameras:
            kinds = batch.event_type[camera.event_index]
            for tel_id in np.unique(camera.tel_id):
                for kind in KINDS:
                    rows = np.flatnonzero((camera.tel_id == tel_id) & (kinds == kind))
                    if rows.size:
                        yield kind, int(tel_id), camera, rows


def _first_pass(batches) -> dict[int, _Sums]:
    sums = {}
    for kind, tel_id, camera, rows in _rows(batches):
        found = sums.setdefault(tel_id, _Sums(camera.adc.shape[1:]))
        if found.samples[kind].shape != camera.adc.shape[1:]:
            allowed = f"{found.samples[kind].shape}, as in the other events"
            raise InputError("calibration", f"telescope {tel_id}", camera.adc.shape[1:], allowed)
        read_out = None if camera.read_out is None else camera.read_out[rows]
        found.add(kind, camera.adc[rows], read_out)
    if not sums:
        allowed = "events of the types 0 (flat field) and 2 (pedestal)"
        raise InputError("calibration", "events", "none", allowed)
    return dict(sorted(sums.items()))


def _place(tel_id: int, sums: _Sums, window: Window, rate_ghz: float) -> _Place:
    """Where the pulses of a telescope are: around the peak of each pixel's mean waveform."""
    for kind, name in ((DARK, "pedestal"), (LIGHT, "flat field")):
        if sums.events[kind] < 4:
            key = f"{name} events of telescope {tel_id}"
            raise InputError("calibration", key, sums.events[kind], "at least 4")
    dark = sums.mean(DARK)
    baseline = dark.mean(axis=-1)
    n_samples = dark.shape[-1]
    if n_samples == 1:
        return _Place(baseline, np.zeros(baseline.shape, np.int64), 1, np.ones(len(baseline)))
    pulse = np.nan_to_num(sums.mean(LIGHT) - dark)
    before, after = (round(length * rate_ghz) for length in window)
    width = before + after
    if not 0 < width <= n_samples:
        raise InputError("calibration", "window", tuple(window), f"at most {n_samples} samples")
    # One peak for the camera where a pixel has no light: its own would be one of noise.
    common = int(pulse[0].sum(axis=0).argmax())
    own = pulse[0].argmax(axis=1)
    own = np.where(np.abs(own - common) <= before, own, common)
    first = np.clip(own - before, 0, n_samples - width)
    first = np.ascontiguousarray(np.broadcast_to(first, baseline.shape))
    inside = np.take_along_axis(pulse, first[..., None] + np.arange(width), axis=2)
    part = inside.sum(axis=(1, 2)) / pulse.sum(axis=(1, 2))
    return _Place(baseline, first, width, part)


class _Charges:
    """Charges of a telescope, as many events of each kind as fit."""

    def __init__(self, place: _Place, most: int, rate_ghz: float):
        self.place, self.most, self.rate_ghz = place, most, rate_ghz
        self.parts = {kind: [] for kind in (*KINDS, "whole", "time")}
        self.n = dict.fromkeys(KINDS, 0)

    def add(self, kind, camera: CameraBatch, rows):
        rows = rows[: self.most - self.n[kind]]
        if not rows.size:
            return
        self.n[kind] += rows.size
        adc = np.ascontiguousarray(camera.adc[rows])
        place = self.place
        charge, centre = window_sums(adc, place.baseline, place.first, place.width)
        missing = None if camera.read_out is None else ~camera.read_out[rows]
        self._keep(kind, charge, missing)
        if kind == LIGHT:
            lit = None if missing is None else missing[:, 0]
            self._keep("time", centre[:, 0] / self.rate_ghz, lit)
        if kind == DARK:
            self._keep("whole", adc.sum(axis=-1, dtype=np.float64), missing)

    def _keep(self, name, values, missing):
        values = values.astype(np.float32)
        if missing is not None:
            values[missing] = np.nan
        self.parts[name].append(values)

    def events(self, sums: _Sums, n_samples: int) -> CameraEvents:
        found = {name: np.concatenate(parts) for name, parts in self.parts.items() if parts}
        square = sums.squares / (np.maximum(sums.n[DARK], 1) * n_samples)
        dark = pedestals(
            charge_moments(found["whole"]), square, charge_moments(found[DARK]), n_samples
        )
        times = found["time"] if n_samples > 1 else np.full_like(found["time"], np.nan)
        return CameraEvents(dark, found[LIGHT], times, self.place.part, found.get(SINGLE))


def collect_events(
    read: Callable[[], Iterable[EventBatch]],
    rates_ghz: dict[int, float],
    window: Window,
    room_bytes: int,
) -> tuple[dict[int, CameraEvents], dict[int, dict[int, int]]]:
    """Read a calibration run.

    Parameters
    ----------
    read : callable
        Gives all batches of events anew; it is called twice.
    rates_ghz : dict of int to float
        Samples per ns by telescope; not a number for cameras that read charges.
    window : Window
        Window of the pulses' charges.
    room_bytes : int
        Memory for charges.

    Returns
    -------
    events : dict of int to CameraEvents
        By telescope.
    used : dict of int to dict of int to int
        Events used by telescope and kind.

    Raises
    ------
    InputError
        If there are no calibration events, too few of a telescope, its cameras differ in shape or
        the window does not fit.
    """
    sums = _first_pass(read())
    # Charges of both channels, times or sums over all samples: at most 4 numbers per pixel.
    row_bytes = sum(16 * found.squares.shape[1] for found in sums.values())
    most = max(room_bytes // (row_bytes * len(KINDS)), 4)
    charges = {
        tel_id: _Charges(_place(tel_id, found, window, rates_ghz[tel_id]), most, rates_ghz[tel_id])
        for tel_id, found in sums.items()
    }
    for kind, tel_id, camera, rows in _rows(read()):
        charges[tel_id].add(kind, camera, rows)
    events = {
        tel_id: charges[tel_id].events(found, found.samples[DARK].shape[-1])
        for tel_id, found in sums.items()
    }
    return events, {tel_id: found.n for tel_id, found in charges.items()}
