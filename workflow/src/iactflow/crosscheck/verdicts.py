"""The verdict: one number of both chains, and the table that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

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


def write_verdicts(path: str | Path, verdicts: list[Verdict]) -> None:
    """Write the table of the comparison.

    Parameters
    ----------
    path : str or Path
        TSV file to write.
    verdicts : list of Verdict
        Rows; numbers that are missing are NaN.
    """
    pd.DataFrame(verdicts, columns=list(COLUMNS)).to_csv(path, sep="\t", index=False)


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
    words = {"target": str, "product": str, "quantity": str, "passed": str}
    table = pd.read_csv(path, sep="\t", dtype=words, keep_default_na=False, na_values=[""])
    for column in COLUMNS:
        if column not in table.columns:
            raise InputError(path, column, "missing column", "columns " + ", ".join(COLUMNS))
    rows = table[list(COLUMNS)].to_dict("records")
    return [row | {"passed": row["passed"] == "True"} for row in rows]
