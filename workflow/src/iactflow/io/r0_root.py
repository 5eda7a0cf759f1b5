"""Raw data of ours, read in batches: R0 in ROOT files, with calibration, pointing and truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import numpy as np

from iactflow.errors import InputError
from iactflow.io.batches import BATCH_BYTES, CameraBatch, EventBatch
from iactflow.io.buffers import BufferPool
from iactflow.io.event_stream import EventStream, Jagged
from iactflow.io.merge import check_thrown
from iactflow.io.r0_conditions import Calibration, Pointing, quarter_ns
from iactflow.io.r0_rows import (
    TelescopeRows,
    check_rows,
    join_parts,
    read_samples,
    read_true_images,
)
from iactflow.io.root import RootFile
from iactflow.io.subarray import TelescopeType
from iactflow.io.subarray_tables import SUBARRAY, build_subarray
from iactflow.io.tables import TABLES

__all__ = ["RootReader"]

RUN_TABLES = ("simulation_runs", "thrown_events", "telescope_states")
CHARGES, WAVEFORMS = "charges_r0", "waveforms_r0"
NEEDED = ("trigger", "telescope_trigger", "pointing", *SUBARRAY)
SAMPLE_BYTES = 2


class RootReader(AbstractContextManager):
    """Reader of our raw data; see `iactflow.io.reader.Reader`.

    Parameters
    ----------
    path : str or Path
        ROOT file with raw data.
    true_images : bool, optional
        Whether batches hold the true images.
    batch_bytes : int, optional
        Size of the samples in a batch.

    Attributes
    ----------
    subarray : Subarray
        Telescopes of the file.
    is_simulation : bool
        Whether the file knows the truth.
    metadata : dict
        What the file says of its making.
    gain_threshold_adu : tuple of float, or None
        As `iactflow.io.reader.Reader`.

    Raises
    ------
    InputError
        If the file is missing, damaged, or lacks a table; if what was thrown is not complete.
    """

    def __init__(
        self, path: str | Path, true_images: bool = False, batch_bytes: int = BATCH_BYTES
    ) -> None:
        self.path, self.batch_bytes = path, batch_bytes
        self.gain_threshold_adu: tuple[float, ...] | None = None
        # A batch may be held while the next one is made, by type of telescope.
        self._pools: dict[int, BufferPool] = defaultdict(BufferPool)
        with ExitStack() as stack:
            self._file = stack.enter_context(RootFile(path))
            self._open(true_images)
            stack.pop_all()

    def _open(self, true_images: bool) -> None:
        tables = self._file.tables
        raw = [name for name in (CHARGES, WAVEFORMS) if name in tables]
        missing = [name for name in NEEDED if name not in tables]
        if missing or not raw:
            problem = f"no {missing[0] if missing else 'charges_r0 or waveforms_r0'}"
            raise InputError(self.path, "table", problem, "raw data (R0)")
        self.metadata = self._file.metadata
        self.is_simulation = "simulated_events" in tables
        array = {name: self._file.read(name) for name in SUBARRAY}
        self.subarray = build_subarray(array, self.path)
        self._run_tables = {name: self._file.read(name) for name in RUN_TABLES if name in tables}
        check_thrown(self.path, self._run_tables)
        self._pointing = Pointing(self._file.read("pointing"), self.path)
        self._calibration = None
        if "calibration" in tables:
            columns = self._file.read("calibration")
            self._calibration = Calibration(columns, self.subarray, self.path)
        self._raw = raw
        extra = ["simulated_events"] * self.is_simulation
        extra += ["true_images"] * (true_images and "true_images" in tables)
        self._followers = ("telescope_trigger", *raw, *extra)

    def __exit__(self, *_):
        self._file.close()

    def run_tables(self) -> dict[str, dict]:
        """Tables of the run.

        Returns
        -------
        dict of str to dict
            Columns of ``simulation_runs``, ``thrown_events``, ``telescope_states``, where the file
            has them.
        """
        return self._run_tables

    def batches(self) -> Iterator[EventBatch]:
        """Read the events, batch by batch, in the order of the file.

        Yields
        ------
        EventBatch
            Whole events of one run under one calibration.

        Raises
        ------
        InputError
            Where the file is damaged, or its tables do not belong together.
        """
        streams = {name: self._stream(name) for name in self._followers}
        for events in self._stream("trigger").clusters():
            self._check_telescopes(events["tels_with_trigger"])
            for first, stop in self._cuts(events):
                part = {k: v[first:stop] for k, v in events.items() if not isinstance(v, Jagged)}
                tels = events["tels_with_trigger"].rows(first, stop)
                yield self._batch(part, tels, streams)
        for stream in streams.values():
            stream.finish()

    def _stream(self, name: str) -> EventStream:
        return EventStream(self._file, name, TABLES[name].key)

    def _check_telescopes(self, tels: Jagged) -> None:
        unknown = np.setdiff1d(tels.values, self.subarray.tel_ids)
        if len(unknown):
            allowed = ", ".join(map(str, self.subarray.tel_ids))
            raise InputError(self.path, "trigger.tels_with_trigger", int(unknown[0]), allowed)

    def _cuts(self, events: dict) -> list[tuple[int, int]]:
        """Ranges of events of a run under one calibration, of no more samples than asked for."""
        n, tels = len(events["event_id"]), events["tels_with_trigger"]
        size = np.array([self._bytes(kind) for kind in self.subarray.types])
        place = np.searchsorted(self.subarray.tel_ids, tels.values)
        running = np.concatenate([[0], np.cumsum(size[self.subarray.type_index[place]])])
        total = running[tels.start]
        time = quarter_ns(events["time_s"], events["time_qns"])
        changes = np.zeros(n + 1, dtype=bool)
        changes[[0, n]] = True
        changes[1:n] = np.diff(events["obs_id"]) != 0
        if self._calibration is not None:
            for obs_id in np.unique(events["obs_id"]):
                mine = np.flatnonzero(events["obs_id"] == obs_id)
                epochs = self._calibration.epochs(int(obs_id), time[mine])
                changes[mine[1:]] |= np.diff(epochs) != 0
        cuts, first = [], 0
        for end in np.flatnonzero(changes)[1:]:
            while first < end:
                after = np.searchsorted(total, total[first] + self.batch_bytes, side="right")
                stop = min(max(int(after) - 1, first + 1), int(end))
                cuts.append((first, stop))
                first = stop
        return cuts

    @staticmethod
    def _bytes(kind: TelescopeType) -> int:
        camera = kind.camera
        return SAMPLE_BYTES * camera.n_channels * camera.n_pixels * camera.n_samples

    def _batch(self, events: dict, tels: Jagged, streams: dict[str, EventStream]) -> EventBatch:
        obs_id, last = int(events["obs_id"][0]), int(events["event_id"][-1])
        taken = {name: stream.take(obs_id, last) for name, stream in streams.items()}
        rows = self._rows(events, tels)
        trigger = join_parts(taken["telescope_trigger"], ("tel_id", "time_offset_ns"))
        check_rows(self.path, "telescope_trigger", trigger, rows)
        time = quarter_ns(events["time_s"], events["time_qns"])
        pointing = self._pointing.at(obs_id, rows.tel_id, time[rows.event_index])
        array = self._pointing.at(obs_id, np.full(len(time), self._pointing.first(obs_id)), time)
        numbers = (*pointing, trigger["time_offset_ns"].astype(np.float64))
        calibration = self._calibration
        return EventBatch(
            obs_id=events["obs_id"].astype(np.int64),
            event_id=events["event_id"].astype(np.int64),
            time_s=events["time_s"].astype(np.int64),
            time_qns=events["time_qns"].astype(np.uint32),
            event_type=events["event_type"].astype(np.uint8),
            pointing_alt_deg=array[0],
            pointing_az_deg=array[1],
            cameras=tuple(self._cameras(rows, taken, numbers)),
            coefficients={} if calibration is None else calibration.at(obs_id, int(time[0])),
            truth=self._truth(taken, events) if self.is_simulation else {},
        )

    def _rows(self, events: dict, tels: Jagged) -> TelescopeRows:
        """Telescope events of a batch, by event and telescope."""
        event_index = np.repeat(np.arange(len(tels.lengths)), tels.lengths)
        tel_id = tels.values[tels.start[0] : tels.start[-1]].astype(np.int64)
        tel_id = tel_id[np.lexsort([tel_id, event_index])]
        place = np.searchsorted(self.subarray.tel_ids, tel_id)
        event_id = events["event_id"].astype(np.int64)[event_index]
        return TelescopeRows(event_index, event_id, tel_id, self.subarray.type_index[place])

    def _cameras(self, rows: TelescopeRows, taken: dict, numbers: tuple) -> Iterator[CameraBatch]:
        altitude_deg, azimuth_deg, offset_ns = numbers
        charges = np.array([kind.camera.n_samples == 1 for kind in self.subarray.types])
        in_charges = charges[rows.type_index]
        images = taken.get("true_images")
        if images is not None:
            check_rows(self.path, "true_images", join_parts(images, ("tel_id",)), rows)
        for name, mine in ((CHARGES, in_charges), (WAVEFORMS, ~in_charges)):
            if name not in self._raw and mine.any():
                raise InputError(self.path, "table", f"no {name}", "raw data of every camera")
            if name in self._raw:
                found = join_parts(taken[name], ("tel_id",))
                check_rows(self.path, name, found, rows.select(mine))
        for index, kind in enumerate(self.subarray.types):
            chosen = np.flatnonzero(rows.type_index == index)
            if not len(chosen):
                continue
            name, mine = (CHARGES, in_charges) if charges[index] else (WAVEFORMS, ~in_charges)
            place = np.flatnonzero(rows.type_index[mine] == index)
            pool, thresholds = self._pools[index], self.gain_threshold_adu
            threshold = None if thresholds is None else thresholds[index]
            adc, read_out = read_samples(
                self.path, name, taken[name], place, kind.camera, pool, threshold
            )
            yield CameraBatch(
                type_index=index,
                event_index=rows.event_index[chosen],
                tel_id=rows.tel_id[chosen],
                adc=adc,
                read_out=read_out,
                pointing_alt_deg=altitude_deg[chosen],
                pointing_az_deg=azimuth_deg[chosen],
                time_offset_ns=offset_ns[chosen],
                true_image=None
                if images is None
                else read_true_images(self.path, images, chosen, kind.camera.n_pixels),
            )

    def _truth(self, taken: dict, events: dict) -> dict[str, np.ndarray]:
        names = [column.name for column in TABLES["simulated_events"].columns]
        truth = join_parts(taken["simulated_events"], names)
        n_events = len(events["event_id"])
        rows = TelescopeRows(np.arange(n_events), events["event_id"], None, None)
        check_rows(self.path, "simulated_events", truth, rows)
        return {name: truth[name] for name in names if name not in ("obs_id", "event_id")}
