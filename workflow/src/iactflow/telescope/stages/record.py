"""Tables of simulated showers and events, written in batches: memory does not grow with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import awkward
import numpy as np

from iactflow.io.root import RootWriter
from iactflow.io.tables import TABLES

__all__ = ["Recorder", "empty_columns", "thrown_columns"]

# Rows are joined into arrays and written when a table holds this many of them, or of numbers in
# their lists: a row of plain numbers takes far more room than what it says.
BATCH_ROWS, BATCH_VALUES = 10_000, 4_000_000
BINS_PER_DECADE = 10
VIEWCONE_BINS = 10


def empty_columns(name: str) -> dict:
    """Columns of a table without rows.

    Parameters
    ----------
    name : str
        Table of the data model.

    Returns
    -------
    dict of str to array
        Of length zero.
    """
    columns = {}
    for column in TABLES[name].columns:
        empty = np.empty(0, dtype=column.dtype)
        columns[column.name] = (
            awkward.unflatten(empty, np.empty(0, dtype=np.int64)) if column.jagged else empty
        )
    return columns


class Recorder:
    """Collects rows and hands them to a writer in batches.

    Parameters
    ----------
    writer : RootWriter
        Writer, entered.
    tables : sequence of str
        Tables that it writes; each gets an empty batch, so that it exists without rows.
    """

    def __init__(self, writer: RootWriter, tables: Sequence[str]) -> None:
        self.writer = writer
        self.rows: dict[str, list[tuple]] = {name: [] for name in tables}
        self.size = dict.fromkeys(tables, 0)
        for name in tables:
            writer.append(name, empty_columns(name))

    def add(self, name: str, *values: object) -> None:
        """Add a row.

        Parameters
        ----------
        name : str
            Table.
        *values : object
            Values in the order of the table's columns; arrays for variable lengths.
        """
        self.rows[name].append(values)
        self.size[name] += sum(v.size for v in values if isinstance(v, np.ndarray))
        if self.size[name] >= BATCH_VALUES or len(self.rows[name]) >= BATCH_ROWS:
            self.flush(name)

    def extend(self, name: str, columns: Mapping[str, object]) -> None:
        """Add rows as columns.

        Parameters
        ----------
        name : str
            Table.
        columns : mapping of str to array
            Columns; numbers stand for all rows.
        """
        rows = max(np.size(value) for value in columns.values())
        if rows:
            self.flush(name)
            full = {
                column.name: np.broadcast_to(
                    np.asarray(columns[column.name], dtype=column.dtype), rows
                )
                for column in TABLES[name].columns
            }
            self.writer.append(name, full)

    def flush(self, name: str | None = None) -> None:
        """Write the rows collected so far.

        Parameters
        ----------
        name : str, optional
            Table; all if left out.
        """
        for table in [name] if name else list(self.rows):
            rows = self.rows[table]
            if not rows:
                continue
            columns = {}
            for column, values in zip(TABLES[table].columns, zip(*rows, strict=True), strict=True):
                if column.jagged:
                    flat = np.concatenate([np.ravel(v) for v in values])
                    sizes = [np.size(v) for v in values]
                    columns[column.name] = awkward.unflatten(flat.astype(column.dtype), sizes)
                else:
                    columns[column.name] = np.array(values, dtype=column.dtype)
            self.rows[table], self.size[table] = [], 0
            self.writer.append(table, columns)


def thrown_columns(
    settings: Mapping, run: int, particle_id: int, energies_tev: np.ndarray, offsets_deg: np.ndarray
) -> dict[str, np.ndarray]:
    """Histogram of what was thrown, re-uses counted.

    Energy bins are tenths of a decade, the same for all productions; so are, for diffuse
    particles, ten bins of angle up to the largest. A point source has one angle.

    Parameters
    ----------
    settings : mapping
        Block of a production.
    run, particle_id : int
        Run; particle in CORSIKA's numbers.
    energies_tev, offsets_deg : ndarray of float64, shape (n,)
        Energies of the showers, and their angles from the pointing.

    Returns
    -------
    dict of str to ndarray
        Columns of the table ``thrown_events``; empty bins are left out.
    """
    energy_bin = np.floor(np.log10(energies_tev) * BINS_PER_DECADE + 1e-9).astype(int)
    viewcone = settings["viewcone_deg"]
    if viewcone > 0.0:
        width = viewcone / VIEWCONE_BINS
        angle_bin = np.minimum((offsets_deg / width).astype(int), VIEWCONE_BINS - 1)
    else:
        angle_bin = np.zeros(len(energies_tev), dtype=int)
    bins, counts = np.unique(np.stack([energy_bin, angle_bin]), axis=1, return_counts=True)
    lowest = bins[1] * width if viewcone > 0.0 else np.full(len(counts), settings["offset_deg"])
    highest = (bins[1] + 1) * width if viewcone > 0.0 else lowest
    n = len(counts)
    return {
        "obs_id": np.full(n, run),
        "particle_id": np.full(n, particle_id, dtype=np.int32),
        "energy_min_tev": 10.0 ** (bins[0] / BINS_PER_DECADE),
        "energy_max_tev": 10.0 ** ((bins[0] + 1) / BINS_PER_DECADE),
        "viewcone_min_deg": lowest,
        "viewcone_max_deg": highest,
        "n_thrown": counts * settings["shower_reuse"],
    }
