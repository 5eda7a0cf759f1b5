"""ROOT files: tables of the data model as RNTuples (zstd) through uproot, TTree for old ROOT.

A file holds one RNTuple per table and a string ``_header``: format and its version, metadata of the
writer, and of every table the rows, digests (SHA-256) and checksums (XXH3, as in RNTuple's own
specification, of each cluster) of the columns. Reading verifies the checksums: uproot neither
writes nor checks those of RNTuple's pages, and a flipped bit must not become physics. `verify_file`
verifies the digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import awkward
import numpy as np
from xxhash import xxh3_64

from iactflow.campaign.column_digest import ColumnDigest, digest_column
from iactflow.errors import InputError
from iactflow.io.buffers import BufferPool
from iactflow.io.datamodel import Table
from iactflow.io.root_open import BROKEN, first_line, open_file, read_header
from iactflow.io.root_pages import read_words
from iactflow.io.root_write import Columns, RootWriter, concatenate, write_table
from iactflow.io.tables import TABLES

__all__ = [
    "RootFile",
    "RootWriter",
    "iterate_table",
    "list_columns",
    "list_tables",
    "read_file",
    "read_metadata",
    "read_table",
    "verify_file",
    "write_table",
]


def _from_awkward(values: awkward.Array) -> np.ndarray | awkward.Array:
    """Numbers and text as numpy arrays; only variable lengths stay awkward."""
    _, *sizes, kind = str(values.type).split(" * ")
    if kind == "string":
        return np.array(awkward.to_list(values), dtype=str)
    return values if "var" in sizes else awkward.to_numpy(values)


def _batches(root: RootFile, name: str, wanted: list[str]) -> Iterator[Columns]:
    """Rows of a table, cluster by cluster, each verified by its checksums."""
    path, checksums = root.path, root.header["tables"][name]["checksums"]
    try:
        source = root.file[name]
        clusters = source.ntuple.cluster_summaries
        cuts = [(c.num_first_entry, c.num_first_entry + c.num_entries) for c in clusters]
    except BROKEN as error:
        raise InputError(path, name, first_line(error), "a readable table") from None
    filled = [i for i, (start, stop) in enumerate(cuts) if stop > start]
    for key in wanted:
        if len(checksums[key]) != max(len(filled), 1):
            allowed = f"{len(checksums[key])}, as written"
            raise InputError(path, f"{name}.{key}", f"{len(filled)} clusters", allowed)
    for number, cluster in enumerate(filled or [None]):
        start, stop = cuts[cluster] if filled else (0, 0)
        direct = _packed_columns(name, wanted) if filled else ()
        try:
            plain = [key for key in wanted if key not in direct]
            arrays = source.arrays(plain, entry_start=start, entry_stop=stop)
            columns = {key: _from_awkward(arrays[key]) for key in plain}
            for key in direct:
                columns[key] = read_words(root.descriptor, source.ntuple, key, cluster, root.pool)
            found = {key: digest_column(key, columns[key], xxh3_64) for key in wanted}
        except BROKEN as error:
            raise InputError(path, name, first_line(error), "a readable table") from None
        for key in wanted:
            if found[key] != checksums[key][number]:
                raise InputError(path, f"{name}.{key}", "damaged content", "what was written")
        yield {key: columns[key] for key in wanted}


def _packed_columns(name: str, wanted: list[str]) -> list[str]:
    """Columns that files store as they are."""
    table = TABLES.get(name)
    packed = table is not None and table.packed
    return [c.name for c in table.columns if c.jagged and c.name in wanted] if packed else []


def _verify(root: RootFile, name: str) -> None:
    """Read a table, and compare the digests of its columns."""
    expected = root.header["tables"][name]["columns"]
    digests = {key: ColumnDigest(key) for key in expected}
    for columns in _batches(root, name, list(expected)):
        for key, values in columns.items():
            digests[key].update(values)
    for key, digest in digests.items():
        if digest.hexdigest() != expected[key]:
            raise InputError(root.path, f"{name}.{key}", "damaged content", "what was written")


def _read(root: RootFile, name: str, wanted: list[str]) -> Columns:
    parts = list(_batches(root, name, wanted))
    return parts[0] if len(parts) == 1 else concatenate(parts)


def _wanted(path: str | Path, header: dict, name: str, columns: Iterable[str] | None) -> list[str]:
    if name not in header["tables"]:
        raise InputError(path, "table", name, ", ".join(header["tables"]) or "none")
    present = list(header["tables"][name]["columns"])
    wanted = present if columns is None else list(columns)
    for key in wanted:
        if key not in present:
            raise InputError(path, f"{name} column", key, ", ".join(present))
    return wanted


class RootFile(AbstractContextManager):
    """A file that is read table by table, opened once; a context manager.

    Parameters
    ----------
    path : str or Path
        The file.

    Attributes
    ----------
    tables : dict of str to int
        Rows by table.
    metadata : dict
        As given to `write_table`.
    header : dict
        Digests and checksums as well.
    file : uproot.ReadOnlyDirectory
        The file, open.
    descriptor : int
        Its descriptor.
    pool : BufferPool
        Memory of packed columns.

    Raises
    ------
    InputError
        If the file is missing, empty, cut off, damaged, or of another format or version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self.pool = path, BufferPool()
        with ExitStack() as stack:
            self.file = stack.enter_context(open_file(path))
            self.descriptor = stack.enter_context(open(path, "rb")).fileno()
            self.header = read_header(path, self.file)
            self._stack = stack.pop_all()
        self.tables = {name: entry["rows"] for name, entry in self.header["tables"].items()}
        self.metadata = self.header["metadata"]

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def iterate(self, name: str, columns: Iterable[str] | None = None) -> Iterator[Columns]:
        """Read a table in batches, as `iterate_table`.

        Parameters
        ----------
        name : str
            The table.
        columns : iterable of str, optional
            Columns wanted; by default all.

        Yields
        ------
        dict of str to ndarray or awkward.Array
            Columns of consecutive rows; at least one batch, which may be empty.

        Raises
        ------
        InputError
            If the file lacks the table or a column, or is damaged.
        """
        yield from _batches(self, name, _wanted(self.path, self.header, name, columns))

    def read(self, name: str, columns: Iterable[str] | None = None) -> Columns:
        """Read a table, as `read_table`.

        Parameters
        ----------
        name : str
            The table.
        columns : iterable of str, optional
            Columns wanted; by default all.

        Returns
        -------
        dict of str to ndarray or awkward.Array
            Columns of all rows.

        Raises
        ------
        InputError
            If the file lacks the table or a column, or is damaged.
        """
        return _read(self, name, _wanted(self.path, self.header, name, columns))


def read_table(
    path: str | Path, name: str | Table, columns: Iterable[str] | None = None
) -> Columns:
    """Read a table, and verify that its content is what was written.

    Parameters
    ----------
    path : str or Path
        The file.
    name : str or Table
        The table.
    columns : iterable of str, optional
        Columns wanted; by default all.

    Returns
    -------
    dict of str to ndarray or awkward.Array
        Columns of shape (rows, ...); awkward where the length differs between rows.

    Raises
    ------
    InputError
        If the file is missing, empty, cut off, damaged, of another format or version, or lacks
        the table or a column.
    """
    with RootFile(path) as file:
        return file.read(name.name if isinstance(name, Table) else name, columns)


def iterate_table(
    path: str | Path, name: str | Table, columns: Iterable[str] | None = None
) -> Iterator[Columns]:
    """Read a table in batches, for tables that are larger than memory.

    Parameters
    ----------
    path : str or Path
        The file.
    name : str or Table
        The table.
    columns : iterable of str, optional
        Columns wanted; by default all.

    Yields
    ------
    dict of str to ndarray or awkward.Array
        Columns of consecutive rows; at least one batch, which may be empty.

    Raises
    ------
    InputError
        As for `read_table`; no batch is damaged, but those before one may be yielded.
    """
    with RootFile(path) as file:
        yield from file.iterate(name.name if isinstance(name, Table) else name, columns)


def verify_file(path: str | Path) -> tuple[dict[str, dict[str, str]], dict]:
    """Read a file in batches and verify that its content is what was written.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    digests : dict of str to dict of str to str
        Digests of the columns by table.
    metadata : dict
        As given to `write_table`.

    Raises
    ------
    InputError
        As for `read_table`.
    """
    with RootFile(path) as file:
        for name in file.tables:
            _verify(file, name)
        digests = {name: entry["columns"] for name, entry in file.header["tables"].items()}
        return digests, file.metadata


def list_tables(path: str | Path) -> dict[str, int]:
    """List the tables of a file and their numbers of rows, without reading them.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict of str to int
        Rows by table.

    Raises
    ------
    InputError
        As for `read_table`.
    """
    with RootFile(path) as file:
        return file.tables


def list_columns(path: str | Path) -> dict[str, list[str]]:
    """List the columns of the tables of a file, without reading them.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict of str to list of str
        Columns by table.

    Raises
    ------
    InputError
        As for `read_table`.
    """
    with RootFile(path) as file:
        return {n: list(entry["columns"]) for n, entry in file.header["tables"].items()}


def read_metadata(path: str | Path) -> dict:
    """Read the metadata of a file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict
        As given to `write_table`.

    Raises
    ------
    InputError
        As for `read_table`.
    """
    with RootFile(path) as file:
        return file.metadata


def read_file(path: str | Path) -> tuple[dict[str, Columns], dict]:
    """Read all tables and the metadata of a file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    tables : dict of str to dict of str to ndarray or awkward.Array
        Columns by table.
    metadata : dict
        As given to `write_table`.

    Raises
    ------
    InputError
        As for `read_table`.
    """
    with RootFile(path) as file:
        return {name: file.read(name) for name in file.tables}, file.metadata
