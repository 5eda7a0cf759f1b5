"""Tables of comparisons: ours, reference, difference, tolerance, verdict."""

from __future__ import annotations

import math
from typing import NamedTuple

PASS, FAIL, NONE = "pass", "FAIL", "information"


class Row(NamedTuple):
    """A line of a table, as it is printed."""

    quantity: str
    ours: str
    reference: str
    difference: str
    tolerance: str
    verdict: str


def number(value) -> str:
    """Print a number with five digits; whole numbers in full, what is no number as a dash."""
    if isinstance(value, str):
        return value
    if value is None or not math.isfinite(value):
        return "-"
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value)}"
    return f"{value:.5g}"


def compare(quantity, ours, reference, tolerance, *, error=None, unit="") -> Row:
    """Compare a number with its reference.

    Parameters
    ----------
    quantity : str
        What is compared.
    ours, reference : float
        Numbers; one that is missing or not finite fails.
    tolerance : float or None
        Largest absolute difference; None: the row is information.
    error : float, optional
        Unit of the difference, such as the error of the reference.
    unit : str
        Name of that unit.

    Returns
    -------
    Row
        The line.
    """
    difference = math.nan
    if ours is not None and reference is not None:
        difference = (ours - reference) / (1.0 if error is None else error)
    verdict = NONE
    if tolerance is not None:
        # Written so that NaN fails.
        verdict = PASS if abs(difference) <= tolerance else FAIL
    shown = f"{difference:.2g} {unit}".strip() if math.isfinite(difference) else "-"
    if difference == 0:
        shown = "0"
    allowed = "-" if tolerance is None else f"{tolerance:.3g} {unit}".strip()
    return Row(quantity, number(ours), number(reference), shown, allowed, verdict)


def all_equal(quantity, ours: dict, reference: dict) -> Row:
    """Compare two dictionaries of counts, which must be identical."""
    keys = sorted(set(ours) | set(reference))
    wrong = [key for key in keys if ours.get(key) != reference.get(key)]
    text = [f"{sum(x.values()):.0f} in {len(x)}" for x in (ours, reference)]
    shown = f"differs: {', '.join(map(str, wrong[:5]))}" if wrong else "0"
    return Row(quantity, *text, shown, "identical", FAIL if wrong else PASS)


def worst(quantity, ours, reference, errors, tolerance, unit="sigma") -> Row:
    """Compare two series by their largest difference in units of the errors."""
    if len(ours) != len(reference):
        text = [f"{len(x)} points" for x in (ours, reference)]
        return Row(quantity, *text, "-", f"{tolerance:.3g} {unit}", FAIL)
    pulls = [(a - b) / e for a, b, e in zip(ours, reference, errors, strict=True)]
    at = max(range(len(pulls)), key=lambda i: abs(pulls[i]) if pulls[i] == pulls[i] else math.inf)
    label = f"{quantity}, worst of {len(pulls)}"
    return compare(label, ours[at], reference[at], tolerance, error=errors[at], unit=unit)


def table(rows) -> str:
    """Make a table in Markdown."""
    head = ("quantity", "ours", "reference", "difference", "tolerance", "verdict")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def counted(rows) -> str:
    """Say how many comparisons of a page pass."""
    rows = [row for row in rows if row.verdict != NONE]
    failed = [row.quantity for row in rows if row.verdict == FAIL]
    text = f"{len(rows) - len(failed)} of {len(rows)} comparisons pass."
    return text + (f" {FAIL}: " + "; ".join(failed) + "." if failed else "")
