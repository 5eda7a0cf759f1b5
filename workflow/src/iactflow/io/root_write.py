"""Writing of ROOT files: tables of the data model as RNTuples, whole or batch by batch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import awkward
import numpy as np
import uproot
from xxhash import xxh3_64

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.column_digest import ColumnDigest, digest_column
from iactflow.campaign.digest import json_sha256
from iactflow.errors import InputError
from iactflow.io.datamodel import Table, validate
from iactflow.io.tables import find_table

__all__ = ["RootWriter", "concatenate", "storable", "write_table"]

FORMAT = "iactflow"
VERSION = 3
HEADER = "_header"
# Of zstd: waveforms take half the time of level 5, and are 4 % larger.
COMPRESSION = uproot.ZSTD(2)
# Rows are collected up to this size before they are compressed: a cluster of the RNTuple.
CLUSTER_BYTES = 32 * 1024**2
Columns = dict[str, "np.ndarray | awkward.Array"]


def _ready(table: Table, columns: Mapping[str, object]) -> Columns:
    """Columns in the order and types of the table; variable lengths as awkward arrays."""
    ready: Columns = {}
    for column in table.columns:
        if column.name not in columns:
            continue
        values = columns[column.name]
        if column.jagged:
            if not hasattr(values, "layout"):
                values = np.asarray(values)
                size = values.shape[1]
                flat = np.ascontiguousarray(values.reshape(-1), dtype=column.dtype)
                values = awkward.unflatten(flat, np.full(len(values), size))
            values = awkward.to_packed(awkward.values_astype(values, np.dtype(column.dtype)))
        elif column.dtype == "U":
            values = np.asarray(values).astype(str)
        else:
            values = np.ascontiguousarray(values, dtype=column.dtype)
        ready[column.name] = values
    return ready


def storable(values: object) -> object:
    """Column as uproot writes it: text goes through awkward, which holds any length.

    Parameters
    ----------
    values : ndarray or awkward.Array
        Column.

    Returns
    -------
    ndarray or awkward.Array
        The same values.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        return awkward.Array(values.tolist()) if len(values) else awkward.Array([""])[:0]
    return values


def concatenate(parts: Sequence[Columns]) -> Columns:
    """Join the rows of parts of a table.

    Parameters
    ----------
    parts : sequence of dict of str to ndarray or awkward.Array
        Parts with the same columns; at least one.

    Returns
    -------
    dict of str to ndarray or awkward.Array
        All rows, in the order of the parts.
    """
    joined: Columns = {}
    for name in parts[0]:
        values = [part[name] for part in parts]
        jagged = any(hasattr(v, "layout") for v in values)
        joined[name] = awkward.concatenate(values) if jagged else np.concatenate(values)
    return joined


class _Pending:
    """Rows of one table that wait for their cluster, and what is known of those before."""

    def __init__(self, table: Table) -> None:
        self.table, self.rows, self.size = table, 0, 0
        self.parts: list[Columns] = []
        # A digest tells what a column is; a checksum tells damage, ten times as fast, of a cluster.
        self.digests: dict[str, ColumnDigest] | None = None
        self.checksums: dict[str, list[str]] = {}

    def add(self, columns: Columns, file: str | Path) -> None:
        if self.digests is None:
            self.digests = {name: ColumnDigest(name) for name in columns}
            self.checksums = {name: [] for name in columns}
        elif set(columns) != set(self.digests):
            name = min(set(columns) ^ set(self.digests))
            allowed = "the columns of the first rows"
            raise InputError(file, f"{self.table.name}.{name}", "another set of columns", allowed)
        rows = len(next(iter(columns.values())))
        if rows == 0 and (self.parts or self.rows):
            return
        self.parts.append(columns)
        self.rows += rows
        self.size += sum(values.nbytes for values in columns.values())

    def take(self) -> Columns:
        columns = concatenate(self.parts) if len(self.parts) > 1 else self.parts[0]
        for name, values in columns.items():
            self.digests[name].update(values)
            self.checksums[name].append(digest_column(name, values, xxh3_64))
        self.parts, self.size = [], 0
        return columns


class RootWriter(AbstractContextManager):
    """Write tables of the data model to one ROOT file in batches, whole or not at all.

    A context manager: the file appears under its name when the block ends without an error. What
    it says does not depend on the batches.

    Parameters
    ----------
    path : str or Path
        The file.
    tables : iterable of str or Table
        Tables; those that get no rows must be given an empty batch.
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    InputError
        If the data model has no such table.
    """

    def __init__(
        self,
        path: str | Path,
        tables: Iterable[str | Table],
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        self.path, self.metadata = path, dict(metadata or {})
        found = [find_table(name, path) for name in tables]
        self.pending = {table.name: _Pending(table) for table in found}
        self.written: set[str] = set()

    def __enter__(self) -> RootWriter:
        self.stack = ExitStack()
        with self.stack as stack:
            temporary = stack.enter_context(atomic_output(self.path))
            self.file = stack.enter_context(uproot.recreate(temporary, compression=COMPRESSION))
            self.stack = stack.pop_all()
        return self

    def add_table(self, name: str | Table) -> None:
        """Take one more table, for those that are known only when others are written.

        Parameters
        ----------
        name : str or Table
            The table; one that the writer already has stays as it is.

        Raises
        ------
        InputError
            If the data model has no such table.
        """
        table = find_table(name, self.path)
        self.pending.setdefault(table.name, _Pending(table))

    def append(self, name: str | Table, columns: Mapping[str, object]) -> None:
        """Add rows to a table.

        Parameters
        ----------
        name : str or Table
            One of the tables that the writer was made for.
        columns : mapping of str to array
            numpy arrays of shape (rows, ...); for variable lengths awkward arrays, or arrays of
            shape (rows, n).

        Raises
        ------
        InputError
            If columns do not fit the table, or are not those of the rows before.
        """
        name = name.name if isinstance(name, Table) else name
        if name not in self.pending:
            raise InputError(self.path, "table", name, ", ".join(self.pending))
        pending = self.pending[name]
        validate(pending.table, columns, self.path)
        pending.add(_ready(pending.table, columns), self.path)
        if pending.size >= CLUSTER_BYTES:
            self._write(pending)

    def _write(self, pending: _Pending) -> None:
        columns = {key: storable(values) for key, values in pending.take().items()}
        name = pending.table.name
        self.file.compression = None if pending.table.packed else COMPRESSION
        if name in self.written:
            self.file[name].extend(columns)
        else:
            self.file.mkrntuple(name, columns)
            self.written.add(name)

    def _finish(self) -> None:
        for name, pending in self.pending.items():
            if pending.digests is None:
                raise InputError(self.path, name, "no rows", "at least an empty batch")
            if pending.parts:
                self._write(pending)
        header = {
            "format": FORMAT,
            "version": VERSION,
            "tables": {
                name: {
                    "rows": pending.rows,
                    "columns": {key: d.hexdigest() for key, d in pending.digests.items()},
                    "checksums": pending.checksums,
                }
                for name, pending in self.pending.items()
            },
            "metadata": self.metadata,
        }
        self.file[HEADER] = json.dumps({**header, "sha256": json_sha256(header)})

    def __exit__(self, kind, error, trace):
        if kind is not None:
            return self.stack.__exit__(kind, error, trace)
        with self.stack:
            self._finish()
        return None


def write_table(
    path: str | Path,
    tables: Mapping[str | Table, Mapping[str, object]],
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write tables of the data model to one ROOT file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        The file.
    tables : mapping of str or Table to mapping of str to array
        Columns by table. numpy arrays of shape (rows, ...); for variable lengths awkward arrays,
        or arrays of shape (rows, n).
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    InputError
        If the data model has no such table, or columns do not fit it.
    """
    for name, columns in tables.items():
        validate(find_table(name, path), columns, path)
    with RootWriter(path, tables, metadata) as writer:
        for name, columns in tables.items():
            writer.append(name, columns)
