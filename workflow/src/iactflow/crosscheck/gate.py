"""The gate: fails when the two chains disagree."""

from __future__ import annotations

from pathlib import Path

from iactflow.campaign.job_error import JobError
from iactflow.crosscheck.verdicts import read_verdicts

__all__ = ["GateClosed", "gate_products"]


class GateClosed(JobError):
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
    verdicts = read_verdicts(inputs.verdicts)
    if not verdicts:
        raise GateClosed(f"{inputs.verdicts}: no number was compared, so nothing is verified")
    failed = [row for row in verdicts if not row["passed"]]
    if failed:
        lines = [_headline(len(failed), len(verdicts)), *map(_line, failed)]
        raise GateClosed("\n".join(lines))
    text = f"open: all {len(verdicts)} numbers of the two chains agree within the tolerances\n"
    Path(outputs.gate).write_text(text, encoding="utf-8")


def _headline(n_failed: int, n_all: int) -> str:
    return f"{n_failed} of {n_all} numbers disagree between the main chain and the check chain:"


def _line(row: dict) -> str:
    numbers = ", ".join(f"{key} {row[key]:.6g}" for key in ("main", "check", "tolerance"))
    return f"{row['target']}: {row['product']}: {row['quantity']}: {numbers}"
