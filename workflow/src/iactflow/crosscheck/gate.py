"""The gate: fails when the two chains disagree."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from iactflow.errors import InputError

__all__ = ["GateClosed", "gate_products"]


class GateClosed(RuntimeError):
    """The two chains disagree; the text has one line per failed verdict."""


def gate_products(inputs, outputs, params, wildcards) -> None:
    """Fail when any verdict failed, or when there is none.

    Parameters
    ----------
    inputs : namespace
        ``verdicts``: TSV of the comparison.
    outputs : namespace
        ``gate``: a text that states what passed.
    params, wildcards : namespace
        Not used.

    Raises
    ------
    GateClosed
        Naming target, product, quantity, both numbers and the tolerance of each failed verdict.
    InputError
        When a column is missing.
    """
    words = {"target": str, "product": str, "quantity": str, "passed": str}
    table = pd.read_csv(inputs.verdicts, sep="\t", dtype=words)
    for column in (*words, "main", "check", "tolerance"):
        if column not in table.columns:
            raise InputError(inputs.verdicts, "column", column, "a table of compare_products")
    if table.empty:
        raise GateClosed(f"{inputs.verdicts}: no number was compared, so nothing is verified")
    failed = table[table["passed"] != "True"]
    if len(failed):
        raise GateClosed(
            "\n".join([_headline(len(failed), len(table)), *map(_line, _rows(failed))])
        )
    text = f"open: all {len(table)} numbers of the two chains agree within the tolerances\n"
    Path(outputs.gate).write_text(text, encoding="utf-8")


def _rows(table: pd.DataFrame) -> list[dict]:
    return table.to_dict("records")


def _headline(n_failed: int, n_all: int) -> str:
    return f"{n_failed} of {n_all} numbers disagree between the main chain and the check chain:"


def _line(row: dict) -> str:
    numbers = ", ".join(f"{key} {row[key]:.6g}" for key in ("main", "check", "tolerance"))
    return f"{row['target']}: {row['product']}: {row['quantity']}: {numbers}"
