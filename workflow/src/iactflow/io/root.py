"""ROOT files: tables of the data model as RNTuples (zstd) through uproot, TTree for old ROOT.

A file holds one RNTuple per table and a string ``_header``: format and its version, rows and
column digests of every table, metadata of the writer. Reading verifies the digests: uproot does
not check those of RNTuple's pages, and a flipped bit must not become physics.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import awkward
import cramjam
import numpy as np
import uproot

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.digest import digest_column, json_sha256
from iactflow.errors import InputError
from iactflow.io.datamodel import Table, validate
from iactflow.io.tables import find_table

__all__ = [
    "list_tables",
    "read_file",
    "read_metadata",
    "read_table",
    "storable",
    "write_table",
]

FORMAT = "iactflow"
VERSION = 1
HEADER = "_header"
LEVEL = 5
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
    ready = {}
    for name, columns in tables.items():
        table = find_table(name, path)
        validate(table, columns, path)
        ready[table.name] = _ready(table, columns)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "tables": {
            name: {
                "rows": len(next(iter(columns.values()))),
                "columns": {key: digest_column(key, values) for key, values in columns.items()},
            }
            for name, columns in ready.items()
        },
        "metadata": dict(metadata or {}),
    }
    with (
        atomic_output(path) as temporary,
        uproot.recreate(temporary, compression=uproot.ZSTD(LEVEL)) as file,
    ):
        for name, columns in ready.items():
            file.mkrntuple(name, {key: storable(values) for key, values in columns.items()})
        file[HEADER] = json.dumps({**header, "sha256": json_sha256(header)})


def _open(path: str | Path) -> uproot.ReadOnlyDirectory:
    if not Path(path).is_file():
        raise InputError(path, "file", "missing", "a ROOT file")
    size = Path(path).stat().st_size
    if size == 0:
        raise InputError(path, "file", "empty", "a ROOT file")
    try:
        file = uproot.open(path)
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


def _read(
    path: str | Path, file: uproot.ReadOnlyDirectory, header: dict, name: str, wanted: list[str]
) -> Columns:
    expected = header["tables"][name]
    columns = {}
    try:
        arrays = file[name].arrays(wanted)
        for key in wanted:
            columns[key] = _from_awkward(arrays[key])
    except BROKEN as error:
        raise InputError(path, name, _first_line(error), "a readable table") from None
    for key, values in columns.items():
        if digest_column(key, values) != expected["columns"][key]:
            raise InputError(path, f"{name}.{key}", "damaged content", "what was written")
    return columns


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
        if name not in header["tables"]:
            raise InputError(path, "table", name, ", ".join(header["tables"]) or "none")
        present = list(header["tables"][name]["columns"])
        wanted = present if columns is None else list(columns)
        for key in wanted:
            if key not in present:
                raise InputError(path, f"{name} column", key, ", ".join(present))
        return _read(path, file, header, name, wanted)


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
