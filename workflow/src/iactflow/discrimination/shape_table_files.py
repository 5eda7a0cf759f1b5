"""Tables of shapes in a file: the sums, so that files of parts merge exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from iactflow.discrimination.shape_sums import Node, ShapeSums, ShapeTableSettings
from iactflow.discrimination.shape_tables import ShapeTables
from iactflow.discrimination.table_kernels import N_SUMS, QUANTITIES
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table, write_table

__all__ = ["SUM_COLUMNS", "read_shape_sums", "read_shape_tables", "write_shape_sums"]

BINNING, SUMS = "shape_table_binning", "shape_table_sums"
#: Columns of the sums in the order of their axis.
SUM_COLUMNS = (
    *("n_images", "sum_weight", "sum_weight_squared"),
    *(
        f"sum_{name.removesuffix('_deg')}{power}"
        for name in QUANTITIES
        for power in ("", "_squared")
    ),
)
SETTINGS = "shape_table_settings"


def write_shape_sums(path: str | Path, sums: ShapeSums, metadata: Mapping | None = None) -> None:
    """Write sums.

    Parameters
    ----------
    path : str or Path
        ROOT file.
    sums : ShapeSums
        Sums.
    metadata : mapping, optional
        What else the file shall say.
    """
    rows = []
    for node in sorted(sums.sums):
        a, b = np.nonzero(sums.sums[node][..., 0])
        rows.append((node, a, b, sums.sums[node][a, b]))
    sizes = [len(row[1]) for row in rows]
    columns = {
        name: np.repeat(np.array([row[0][i] for row in rows], dtype=kind), sizes)
        for i, (name, kind) in enumerate(
            [("telescope_type", str), *((name, np.float64) for name in Node._fields[1:])]
        )
    }
    parts = [row[3] for row in rows] or [np.zeros((0, N_SUMS), dtype=np.int64)]
    whole = np.concatenate(parts)
    for i, name in enumerate(("size_bin", "impact_bin")):
        columns[name] = np.concatenate(
            [row[1 + i].astype(np.int32) for row in rows] or [np.zeros(0, dtype=np.int32)]
        )
    columns |= {name: np.ascontiguousarray(whole[:, i]) for i, name in enumerate(SUM_COLUMNS)}
    binning = {k: np.array([v]) for k, v in sums.settings.binning._asdict().items()}
    write_table(
        path,
        {BINNING: binning, SUMS: columns},
        {**(metadata or {}), SETTINGS: asdict(sums.settings)},
    )


def read_shape_sums(path: str | Path) -> ShapeSums:
    """Read sums.

    Parameters
    ----------
    path : str or Path
        ROOT file of `write_shape_sums`, or a merge of such files.

    Returns
    -------
    ShapeSums
        Sums; images left out are not known any more.

    Raises
    ------
    InputError
        If the file is broken, its settings are unknown ones, or bins do not exist.
    """
    metadata = read_metadata(path)
    given = metadata.get(SETTINGS)
    known = ShapeTableSettings.__dataclass_fields__
    if not isinstance(given, dict) or set(given) != set(known):
        raise InputError(path, SETTINGS, given, ", ".join(known))
    sums = ShapeSums(ShapeTableSettings(**given))
    binning = sums.settings.binning
    written = read_table(path, BINNING)
    for name, value in binning._asdict().items():
        if written[name].tolist() != [value]:
            raise InputError(path, f"{BINNING}.{name}", written[name].tolist(), f"{value}")
    columns = read_table(path, SUMS)
    for name, size in (("size_bin", binning.n_size), ("impact_bin", binning.n_impact)):
        bad = (columns[name] < 0) | (columns[name] >= size)
        if bad.any():
            raise InputError(path, f"{SUMS}.{name}", int(columns[name][bad][0]), f"0 to {size - 1}")
    whole = np.column_stack([columns[name] for name in SUM_COLUMNS])
    keys = list(zip(*(columns[name].tolist() for name in Node._fields), strict=True))
    for node in sorted(set(keys)):
        sums.sums[Node(*node)] = np.zeros((binning.n_size, binning.n_impact, N_SUMS), np.int64)
    for row, key in enumerate(keys):
        place = columns["size_bin"][row], columns["impact_bin"][row]
        sums.sums[Node(*key)][place] = whole[row]
    return sums


def read_shape_tables(path: str | Path) -> ShapeTables:
    """Read tables: sums, smoothed as their settings say.

    Parameters
    ----------
    path : str or Path
        ROOT file of `write_shape_sums`.

    Returns
    -------
    ShapeTables
        Tables.

    Raises
    ------
    InputError
        As for `read_shape_sums`, and if the nodes of a type do not fill a grid.
    """
    return ShapeTables(read_shape_sums(path), path)
