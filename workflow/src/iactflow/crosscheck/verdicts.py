"""The verdict: one number of both chains, and the table that holds them."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import NamedTuple

from iactflow.errors import InputError

__all__ = ["COLUMNS", "Verdict", "read_verdicts", "write_verdicts"]


class Verdict(NamedTuple):
    """One number of both chains; passed when ``|main - check| <= tolerance``."""

    target: str
    product: str
    quantity: str
    main: float
    check: float
    tolerance: float
    passed: bool


COLUMNS = Verdict._fields
NUMBERS = ("main", "check", "tolerance")


def write_verdicts(path: str | Path, verdicts: list[Verdict]) -> None:
    """Write the table of the comparison.

    Parameters
    ----------
    path : str or Path
        TSV file to write.
    verdicts : list of Verdict
        Rows; numbers that are missing are NaN.
    """
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for verdict in verdicts:
            row = verdict._asdict()
            row |= {name: "" for name in NUMBERS if math.isnan(row[name])}
            writer.writerow(row.values())


def read_verdicts(path: str | Path) -> list[dict]:
    """Read the table of the comparison.

    Parameters
    ----------
    path : str or Path
        TSV file.

    Returns
    -------
    list of dict
        Rows with target, product, quantity, main, check, tolerance, passed.

    Raises
    ------
    InputError
        When a column is missing.
    """
    with open(path, newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        names = reader.fieldnames or []
        for column in COLUMNS:
            if column not in names:
                raise InputError(path, "column", column, "one of " + ", ".join(names))
        rows = [{column: row[column] for column in COLUMNS} for row in reader]
    for row in rows:
        row |= {name: float(row[name] or "nan") for name in NUMBERS}
        row["passed"] = row["passed"] == "True"
    return rows
