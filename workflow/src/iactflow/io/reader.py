"""Open a file of raw data, whatever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from iactflow.errors import InputError
from iactflow.io.batches import BATCH_BYTES, EventBatch
from iactflow.io.subarray import Subarray

__all__ = ["Reader", "open_reader"]


class Reader(Protocol):
    """What every reader of raw data offers; a context manager.

    Attributes
    ----------
    subarray : Subarray
        Telescopes of the file.
    is_simulation : bool
        Whether the file knows the truth.
    gain_threshold_adu : tuple of float, or None
        By type of telescope, set by who selects gains with it: low gains of events without a
        sample above it in the high gain may be left out, as if they had not been read. None: all
        that was read is there.
    """

    subarray: Subarray
    is_simulation: bool
    gain_threshold_adu: tuple[float, ...] | None

    def batches(self) -> Iterator[EventBatch]:
        """Read the events, batch by batch, in the order of the file.

        Yields
        ------
        EventBatch
            Whole events.

        Raises
        ------
        InputError
            Where the file is cut, damaged or of an unknown version; nothing of it may be used.
        """

    def run_tables(self) -> dict[str, dict]:
        """Tables of the run: what was thrown, state of the telescopes, known after the last event.

        Returns
        -------
        dict of str to dict
            Columns of ``simulation_runs``, ``thrown_events`` and others by table; empty for real
            data.
        """


def open_reader(
    path: str | Path,
    true_images: bool = False,
    batch_bytes: int = BATCH_BYTES,
    subarray: Subarray | None = None,
) -> Reader:
    """Open a file of raw data.

    Parameters
    ----------
    path : str or Path
        ROOT file of ours, sim_telarray's (``.simtel``, ``.simtel.gz``, ``.simtel.zst``), or raw
        camera data (``.fits.fz``).
    true_images : bool, optional
        Whether batches hold the true images.
    batch_bytes : int, optional
        Size of the samples in a batch.
    subarray : Subarray, optional
        Array that raw camera data belong to, whose files hold none; other files have their own.

    Returns
    -------
    Reader
        A context manager.

    Raises
    ------
    InputError
        If the file is missing, empty or of no known kind.
    """
    name = Path(path).name
    if name.endswith(".root"):
        from iactflow.io.r0_root import RootReader

        return RootReader(path, true_images, batch_bytes)
    if name.endswith(".fits.fz"):
        from iactflow.io.zfits import ZfitsReader

        return ZfitsReader(path, true_images, batch_bytes, subarray)
    if ".simtel" in name:
        from iactflow.io.simtel import SimtelReader

        return SimtelReader(path, true_images, batch_bytes)
    raise InputError(path, "file", name, "*.root, *.simtel, *.simtel.gz, *.simtel.zst or *.fits.fz")
