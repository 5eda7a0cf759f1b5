"""ROOT files: tables of the data model as RNTuples (zstd) through uproot, TTree for old ROOT.

A file holds one RNTuple per table and a string ``_header``: format and its version, rows and
column digests of every table, metadata of the writer. Reading verifies the digests: uproot does
not check those of RNTuple's pages, and a flipped bit must not become physics.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import awkward
import cramjam
import numpy as np
import uproot

from iactflow.campaign.column_digest import ColumnDigest
from iactflow.campaign.digest import json_sha256
from iactflow.errors import InputError
from iactflow.io.datamodel import Table
from iactflow.io.root_write import (
    FORMAT,
    HEADER,
    VERSION,
    Columns,
    RootWriter,
    concatenate,
    write_table,
)

__all__ = [
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
# What uproot and the decompressor raise on a file that is cut or overwritten.
BROKEN = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    StopIteration,
    MemoryError,
    struct.error,
    cramjam.DecompressionError,
    uproot.DeserializationError,
)


def _open(path: str | Path) -> uproot.ReadOnlyDirectory:
    if not Path(path).is_file():
        raise InputError(path, "file", "missing", "a ROOT file")
    size = Path(path).stat().st_size
    if size == 0:
        raise InputError(path, "file", "empty", "a ROOT file")
    try:
        # No cache: what was read once is not read again, and would stay in memory.
        file = uproot.open(path, array_cache=None)
    except BROKEN as error:
        raise InputError(path, "file", _first_line(error), "a whole ROOT file") from None
    if size < file.file.fEND:
        end = file.file.fEND
        file.close()
        raise InputError(path, "file", f"cut off after {size} bytes", f"{end} bytes")
    return file


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _header(path: str | Path, file: uproot.ReadOnlyDirectory) -> dict:
    try:
        header = json.loads(str(file[HEADER])) if HEADER in file else None
    except BROKEN as error:
        raise InputError(path, HEADER, _first_line(error), "JSON") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(path, HEADER, "missing", f"a ROOT file of the format {FORMAT}")
    if header.get("version") != VERSION:
        raise InputError(path, f"{HEADER}.version", header.get("version"), str(VERSION))
    if header.pop("sha256", None) != json_sha256(header):
        raise InputError(path, HEADER, "damaged content", "what was written")
    return header


def _from_awkward(values: awkward.Array) -> np.ndarray | awkward.Array:
    """Numbers and text as numpy arrays; only variable lengths stay awkward."""
    _, *sizes, kind = str(values.type).split(" * ")
    if kind == "string":
        return np.array(awkward.to_list(values), dtype=str)
    return values if "var" in sizes else awkward.to_numpy(values)


def _batches(
    path: str | Path, file: uproot.ReadOnlyDirectory, header: dict, name: str, wanted: list[str]
) -> Iterator[Columns]:
    """Rows of a table, cluster by cluster; after the last one their digests are compared."""
    expected = header["tables"][name]
    digests = {key: ColumnDigest(key) for key in wanted}
    try:
        source = file[name]
        clusters = source.ntuple.cluster_summaries
        cuts = [(c.num_first_entry, c.num_first_entry + c.num_entries) for c in clusters]
        cuts = [cut for cut in cuts if cut[1] > cut[0]] or [(0, 0)]
        for start, stop in cuts:
            arrays = source.arrays(wanted, entry_start=start, entry_stop=stop)
            columns = {key: _from_awkward(arrays[key]) for key in wanted}
            for key, values in columns.items():
                digests[key].update(values)
            yield columns
    except BROKEN as error:
        raise InputError(path, name, _first_line(error), "a readable table") from None
    for key, digest in digests.items():
        if digest.hexdigest() != expected["columns"][key]:
            raise InputError(path, f"{name}.{key}", "damaged content", "what was written")


def _read(
    path: str | Path, file: uproot.ReadOnlyDirectory, header: dict, name: str, wanted: list[str]
) -> Columns:
    parts = list(_batches(path, file, header, name, wanted))
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
    name = name.name if isinstance(name, Table) else name
    with _open(path) as file:
        header = _header(path, file)
        wanted = _wanted(path, header, name, columns)
        return _read(path, file, header, name, wanted)


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
        As for `read_table`; damage is found after the last batch.
    """
    name = name.name if isinstance(name, Table) else name
    with _open(path) as file:
        header = _header(path, file)
        wanted = _wanted(path, header, name, columns)
        yield from _batches(path, file, header, name, wanted)


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
    with _open(path) as file:
        header = _header(path, file)
        for name, entry in header["tables"].items():
            for _ in _batches(path, file, header, name, list(entry["columns"])):
                continue
    digests = {name: entry["columns"] for name, entry in header["tables"].items()}
    return digests, header["metadata"]


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
    with _open(path) as file:
        return {name: entry["rows"] for name, entry in _header(path, file)["tables"].items()}


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
    with _open(path) as file:
        tables = _header(path, file)["tables"]
    return {name: list(entry["columns"]) for name, entry in tables.items()}


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
    with _open(path) as file:
        return _header(path, file)["metadata"]


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
    with _open(path) as file:
        header = _header(path, file)
        tables = {
            name: _read(path, file, header, name, list(entry["columns"]))
            for name, entry in header["tables"].items()
        }
    return tables, header["metadata"]
