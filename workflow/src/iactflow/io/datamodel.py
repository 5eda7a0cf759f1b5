"""Tables of every data level: columns, units, types, keys; checking and documentation.

Names follow ctapipe where it has one, with the unit appended, and the GADF v0.3 and gammapy
conventions unchanged for DL3 and for flux tables. Units are FITS unit strings. The tables
themselves stand in `iactflow.io.tables`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iactflow.errors import InputError

__all__ = ["LEVELS", "Column", "Table", "render", "validate"]

LEVELS = {
    "simulation": "Simulation: truth, and what was thrown",
    "photons": "Photons: Cherenkov photon bunches at the telescopes",
    "R0": "R0: uncalibrated waveforms and trigger",
    "R1": "R1: calibrated waveforms and calibration coefficients",
    "DL1": "DL1: images and image parameters",
    "DL2": "DL2: direction, energy and gammaness",
    "DL3": "DL3: event lists and responses (GADF v0.3, FITS)",
    "DL4": "DL4: binned data sets",
    "DL5": "DL5: fluxes",
    "campaign": "Campaign: runs, verdicts and costs",
}
KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "float", "U": "text"}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Name in the file.
    dtype : str
        numpy type of the values, such as ``"f4"``; ``"U"`` for text. A column may hold any type
        of the same kind that fits into it without loss.
    unit : str
        FITS unit; empty for a number without unit.
    description : str
        What it holds.
    shape : tuple of (int or None), optional
        Shape of one value: () for a number, None for a length that differs between rows or
        files. A variable-length column has shape ``(None,)``.
    optional : bool, optional
        Whether a table may lack it.
    """

    name: str
    dtype: str
    unit: str
    description: str
    shape: tuple[int | None, ...] = ()
    optional: bool = False

    @property
    def jagged(self) -> bool:
        """Whether the length of a value may differ from row to row.

        Returns
        -------
        bool
            True for the shape ``(None,)``.
        """
        return self.shape == (None,)

    def type_text(self) -> str:
        """Type for a human reader.

        Returns
        -------
        str
            Such as ``float32 [n]``.
        """
        text = "text" if self.dtype == "U" else np.dtype(self.dtype).name
        sizes = ", ".join("n" if size is None else str(size) for size in self.shape)
        return f"{text} [{sizes}]" if self.shape else text


@dataclass(frozen=True)
class Table:
    """A table of the data model.

    Attributes
    ----------
    name : str
        Name in the file.
    level : str
        Data level, one of `LEVELS`.
    description : str
        What a row is.
    columns : tuple of Column
        Columns, in the order in which they are written.
    key : tuple of str, optional
        Columns that identify a row: merges sort by them and refuse doubles. Empty for a table
        that must be the same in every file of a merge.
    adds : tuple of str, optional
        Columns that a merge adds up where a key comes from several files: counts of disjoint
        parts of a run.
    shared : bool, optional
        Whether several files may hold the same row, which stands once in their merge: what is
        true of a run, repeated in every part of it.
    packed : bool, optional
        Whether a column holds numbers that are packed already: files do not compress the table.
    """

    name: str
    level: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    shared: bool = False
    packed: bool = False

    def __post_init__(self):
        names = [column.name for column in self.columns]
        if self.level not in LEVELS:
            raise ValueError(f"{self.name}: no level {self.level}")
        if len(set(names)) != len(names) or not set(self.key) <= set(names):
            raise ValueError(f"{self.name}: doubled column, or key without column")

    def __getitem__(self, name: str) -> Column:
        return {column.name: column for column in self.columns}[name]


def _describe(values: object) -> tuple[str, tuple[int | None, ...]]:
    """Kind of type and shape of one value of an array, None where it varies."""
    if hasattr(values, "layout"):
        parts = [part.strip() for part in str(values.type).split(" * ")]
        kind = "U" if parts[-1] == "string" else np.dtype(parts[-1].lstrip("?")).str.lstrip("<>|=")
        return kind, tuple(int(p) if p.isdigit() else None for p in parts[1:-1])
    values = np.asarray(values)
    if values.dtype.kind in "OUS":
        return "U", values.shape[1:]
    return values.dtype.str.lstrip("<>|="), values.shape[1:]


def _fits_type(got: str, wanted: str) -> bool:
    if "U" in (got, wanted):
        return got == wanted
    have, want = np.dtype(got), np.dtype(wanted)
    return KINDS.get(have.kind) == KINDS[want.kind] and np.can_cast(have, want, "safe")


def _fits_shape(got: tuple, wanted: tuple) -> bool:
    return len(got) == len(wanted) and all(
        w is None or g == w for g, w in zip(got, wanted, strict=True)
    )


def validate(table: Table, columns: Mapping[str, object], file: str | Path | None = None) -> None:
    """Check columns against a table of the data model.

    Parameters
    ----------
    table : Table
        The table.
    columns : mapping of str to array
        numpy arrays of shape (rows, ...), or awkward arrays for variable lengths.
    file : str or Path, optional
        Named in the error; by default the table.

    Raises
    ------
    InputError
        If a column is missing, unknown, of another type or shape, or of another length than the
        others.
    """
    file = f"table {table.name}" if file is None else file
    known = {column.name: column for column in table.columns}
    where = f"{table.name}." if str(file) != f"table {table.name}" else ""
    for name in columns:
        if name not in known:
            raise InputError(file, f"{where}{name}", "unknown column", ", ".join(known))
    rows = None
    for name, column in known.items():
        if name not in columns:
            if not column.optional:
                raise InputError(file, f"{where}{name}", "missing column", column.type_text())
            continue
        kind, shape = _describe(columns[name])
        if not _fits_type(kind, column.dtype) or not _fits_shape(shape, column.shape):
            got = Column(name, kind, "", "", shape).type_text()
            raise InputError(file, f"{where}{name}", got, column.type_text())
        rows = len(columns[name]) if rows is None else rows
        if len(columns[name]) != rows:
            raise InputError(
                file, f"{where}{name}", f"{len(columns[name])} rows", f"{rows} rows, as the others"
            )


def render(tables: Iterable[Table]) -> str:
    """Write the data model as Markdown.

    Parameters
    ----------
    tables : iterable of Table
        Tables.

    Returns
    -------
    str
        Content of ``docs/data-model.md``.
    """
    tables = list(tables)
    lines = [
        "# Data model",
        "",
        "Generated from `iactflow.io.tables` by `python -m iactflow.io.tables`; do not edit.",
        "Units are FITS unit strings. `[n]` is a length that differs from row to row or from",
        "file to file. Key columns identify a row; columns in parentheses are optional.",
    ]
    for level, title in LEVELS.items():
        chosen = [table for table in tables if table.level == level]
        if chosen:
            lines += ["", f"## {title}"]
        for table in chosen:
            key = ", ".join(f"`{name}`" for name in table.key) or "none"
            merge = [f"Adds up in a merge: {', '.join(f'`{n}`' for n in table.adds)}."] * bool(
                table.adds
            ) + ["Equal rows of several files are one in a merge."] * table.shared
            lines += ["", f"### {table.name}", "", table.description, f"Key: {key}.", *merge, ""]
            lines += ["| column | type | unit | content |", "|---|---|---|---|"]
            for column in table.columns:
                name = f"(`{column.name}`)" if column.optional else f"`{column.name}`"
                cells = (name, column.type_text(), column.unit, column.description)
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
