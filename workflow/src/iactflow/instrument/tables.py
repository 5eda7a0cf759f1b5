"""Tables of instrument descriptions: ECSV with numbers and a source, and lists of pixel groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from iactflow.errors import InputError

__all__ = ["read_groups", "read_table", "write_groups", "write_table"]


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Read an ECSV table of numbers.

    A subset of astropy's ECSV 1.0: blanks between columns, numbers only, and a ``source`` in the
    metadata. Any ECSV reader reads the same.

    Parameters
    ----------
    path : Path
        File.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        Columns by name, in their order.

    Raises
    ------
    InputError
        No such file, no source, or something else than numbers in it.
    """
    lines = _lines(path)
    header = [line[2:] for line in lines if line.startswith("# ")]
    if not header or header[0] != "%ECSV 1.0":
        raise InputError(path, "first line", lines[0] if lines else "", "# %ECSV 1.0")
    try:
        meta = yaml.safe_load("\n".join(header[2:]))
    except yaml.YAMLError as error:
        raise InputError(
            path, "header", str(error).split("\n")[0], "YAML, as ECSV has it"
        ) from None
    if not isinstance(meta, dict) or not (meta.get("meta") or {}).get("source"):
        raise InputError(path, "meta", None, "meta: {source: ...}, where the numbers come from")
    names = [column["name"] for column in meta.get("datatype", ())]
    body = [line.split() for line in lines if line and not line.startswith("#")]
    if not body or body[0] != names:
        raise InputError(
            path, "column names", body[0] if body else "", f"{names}, as in the header"
        )
    values = _numbers(path, names, body[1:])
    return {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(names)}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(path, "table", "no such file", "an existing table") from None


def _numbers(path, names, rows) -> np.ndarray:
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise InputError(path, f"row {number}", " ".join(row), f"{len(names)} numbers")
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    except ValueError as error:
        raise InputError(path, "rows", str(error), "numbers") from None


def write_table(path: Path, columns: dict[str, np.ndarray], source: str, decimals: int = 9) -> None:
    """Write a table that `read_table` reads.

    Parameters
    ----------
    path : Path
        File.
    columns : dict of str to array_like, shape (n,)
        Columns by name; integer arrays stay integers.
    source : str
        Where the numbers come from.
    decimals : int, optional
        Significant digits.
    """
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    kinds = {n: "int64" if a.dtype.kind in "iu" else "float64" for n, a in arrays.items()}
    head = ["%ECSV 1.0", "---", "datatype:"]
    head += [f"- {{name: {name}, datatype: {kind}}}" for name, kind in kinds.items()]
    head += yaml.safe_dump({"meta": {"source": source}}, width=90).splitlines()
    lines = [f"# {line}" for line in head] + [" ".join(arrays)]
    for row in zip(*arrays.values(), strict=True):
        lines.append(" ".join(f"{value:.{decimals}g}" for value in row))
    path.write_text("\n".join(lines) + "\n", "utf-8")


def read_groups(path: Path) -> np.ndarray:
    """Read groups of pixels: a line of pixel numbers per group, comments with ``#``.

    Parameters
    ----------
    path : Path
        File; one comment begins with ``# source:``.

    Returns
    -------
    ndarray of int64, shape (n_groups, n_max)
        Pixels of each group, padded with -1.

    Raises
    ------
    InputError
        No such file, no source, no group, or something else than pixel numbers.
    """
    lines = _lines(path)
    if not any(line.startswith("# source: ") for line in lines):
        raise InputError(path, "source", None, "a line '# source: ...'")
    try:
        rows = [[int(p) for p in line.split()] for line in lines if line and line[0] != "#"]
    except ValueError as error:
        raise InputError(path, "group", str(error), "numbers of pixels") from None
    if not rows or min(map(min, rows)) < 0:
        raise InputError(path, "groups", len(rows), "at least one group of pixel numbers >= 0")
    groups = np.full((len(rows), max(map(len, rows))), -1, dtype=np.int64)
    for row, pixels in enumerate(rows):
        groups[row, : len(pixels)] = pixels
    return groups


def write_groups(path: Path, groups: list[list[int]], source: str) -> None:
    """Write groups of pixels that `read_groups` reads.

    Parameters
    ----------
    path : Path
        File.
    groups : list of list of int
        Pixels of each group.
    source : str
        Where the groups come from, one line.
    """
    lines = [f"# source: {source}", *(" ".join(map(str, group)) for group in groups)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
