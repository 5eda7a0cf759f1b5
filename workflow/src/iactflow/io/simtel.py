"""Files of sim_telarray (``.simtel``, ``.simtel.gz``, ``.simtel.zst``) in batches.

Counts, telescopes, directions, times, truth and calibration are those that eventio and ctapipe's
``SimTelEventSource`` read. More than these reads: several runs of the same telescopes in one file,
several frames of zstd, corrected pedestals of files that hold sums over samples. Calibration
events come too; their ``event_type`` tells them from showers.

What is checked: the container (markers, lengths, versions, nothing behind the counts), numbers of
pixels and channels against the descriptions, counts within their range, telescopes against the
trigger's list, events against their shower, finite directions and energies, and whole frames of
the compression with their checksums. eventio itself has no checksum: in a file that is not
compressed, or was compressed without one, a bit that flips inside a count, a factor or an energy
gives another valid number, and cannot be found.

Sources: K. Bernloehr, Astropart. Phys. 30 (2008) 149 (sim_telarray) and the manual of his eventio
and hessio libraries for the layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from iactflow.io.batches import BATCH_BYTES, EventBatch
from iactflow.io.simtel_batches import BatchBuilder
from iactflow.io.simtel_scan import SimtelScan
from iactflow.io.tables import TABLES

__all__ = ["SimtelReader"]


class SimtelReader:
    """Reader of sim_telarray's files; a context manager.

    Parameters
    ----------
    path : str or Path
        File.
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

    Raises
    ------
    InputError
        If the file is missing, empty, no file of sim_telarray, cut or damaged before its first
        event.
    """

    def __init__(self, path: str | Path, true_images: bool = False, batch_bytes: int = BATCH_BYTES):
        self._path, self._true_images, self._batch_bytes = path, true_images, batch_bytes
        self._finished = False
        self._open()
        self.subarray = self._scan.subarray
        self.is_simulation = self._scan.simulation is not None

    def _open(self):
        self._scan = SimtelScan(self._path, self._true_images)
        self._events = self._scan.events()
        try:
            # The first event tells which telescopes give sums instead of samples.
            self._first = next(self._events, None)
        except BaseException:
            self._scan.stream.close()
            raise
        self._fresh = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._events.close()
        self._scan.stream.close()

    def batches(self) -> Iterator[EventBatch]:
        """Read the events, batch by batch, in the order of the file.

        Yields
        ------
        EventBatch
            Whole events under one calibration.

        Raises
        ------
        InputError
            Where the file is cut, damaged or of an unknown version; nothing of it may be used.
        """
        if not self._fresh:
            self._scan.stream.close()
            self._open()
        self._fresh = False
        builder = BatchBuilder(
            self.subarray, self._batch_bytes, self._true_images, self.is_simulation
        )
        event, self._first = self._first, None
        while event is not None:
            if not builder.fits(event):
                yield builder.take()
            builder.add(event)
            event = next(self._events, None)
        self._finished = True
        last = builder.take()
        if last is not None:
            yield last

    def run_tables(self) -> dict[str, dict]:
        """What was thrown, known after the last event.

        Returns
        -------
        dict of str to dict
            Columns of ``simulation_runs`` and ``thrown_events``; empty for files without a
            simulation's header.

        Raises
        ------
        RuntimeError
            If not all batches have been read.
        """
        if not self._finished:
            raise RuntimeError("the tables of a run are known after its last batch")
        tables: dict[str, dict] = {}
        for thrown in self._scan.thrown:
            for name, columns in thrown.tables().items():
                known = tables.setdefault(name, {column: [] for column in columns})
                for column, values in columns.items():
                    known[column] += values
        return _typed(tables)


def _typed(tables):
    """Columns with the types of the data model."""
    result = {}
    for name, columns in tables.items():
        kinds = {column.name: column.dtype for column in TABLES[name].columns}
        result[name] = {key: np.array(values, kinds[key]) for key, values in columns.items()}
    return result
