"""Numbers and tables as HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["fraction", "measured", "number", "table", "unit_html"]

ABSENT = "–"


def number(value, decimals: int | None = None) -> str:
    """Format a number; powers of ten beyond 10^-3 and 10^5.

    Parameters
    ----------
    value : int, float or None
        The number; None and NaN are absent.
    decimals : int, optional
        Decimals; three significant digits by default.

    Returns
    -------
    str
        HTML.
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if isinstance(value, int) or (decimals is None and float(value).is_integer()):
        return f"{value:.0f}".replace("-", "−")
    if decimals is not None:
        return f"{value:.{decimals}f}".replace("-", "−")
    exponent = math.floor(math.log10(abs(value)))
    if -3 <= exponent < 5:
        return f"{value:.{max(2 - exponent, 0)}f}".replace("-", "−")
    return f"{value / 10.0**exponent:.2f} × 10{_power(exponent)}".replace("-", "−")


def measured(value, error) -> str:
    """Format a value with its error, the error to two digits.

    Parameters
    ----------
    value, error : float or None
        The value and its standard error.

    Returns
    -------
    str
        HTML.
    """
    if value is None or error is None or not error > 0 or not math.isfinite(error):
        return number(value)
    largest = max(abs(value), error)
    exponent = math.floor(math.log10(largest))
    plain = -3 <= exponent < 5
    scale = 1.0 if plain else 10.0**exponent
    decimals = max(0, 1 - math.floor(math.log10(error / scale)))
    text = f"{value / scale:.{decimals}f} ± {error / scale:.{decimals}f}".replace("-", "−")
    return text if plain else f"({text}) × 10{_power(exponent)}"


def fraction(value, ndf: int) -> str:
    """Format a chi-square over its degrees of freedom.

    Parameters
    ----------
    value : float or None
        Chi-square.
    ndf : int
        Degrees of freedom.

    Returns
    -------
    str
        HTML.
    """
    return ABSENT if value is None or not ndf else f"{number(value, 1)} / {ndf}"


def unit_html(unit: str) -> str:
    """Write the exponents of a unit as superscripts.

    Parameters
    ----------
    unit : str
        Such as ``cm-2 s-1 TeV-1``.

    Returns
    -------
    str
        HTML.
    """
    return re.sub(r"-(\d+)", r"<sup>−\1</sup>", escape(unit))


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Iterable[int] = (),
    foot: Sequence[str] = (),
) -> str:
    """Write a table.

    Parameters
    ----------
    head : sequence of str
        Column names; without any, the first cell of a row is its name.
    rows : iterable of sequences of str
        Cells, HTML.
    numeric : iterable of int
        Columns aligned to the right.
    foot : sequence of str
        A closing row.

    Returns
    -------
    str
        HTML.
    """
    numeric = set(numeric)

    def row(cells: Sequence[str], tag: str) -> str:
        parts = []
        for i, cell in enumerate(cells):
            name = "th" if tag == "th" or (not head and i == 0) else "td"
            kind = ' class="n"' if i in numeric else ""
            parts.append(f"<{name}{kind}>{cell}</{name}>")
        return "<tr>" + "".join(parts) + "</tr>"

    header = f"<thead>{row(head, 'th')}</thead>" if head else ""
    footer = f"<tfoot>{row(foot, 'td')}</tfoot>" if foot else ""
    body = "\n".join(row(cells, "td") for cells in rows)
    return f'<div class="scroll"><table>{header}<tbody>{body}</tbody>{footer}</table></div>'


def _power(exponent: int) -> str:
    return f"<sup>{exponent}</sup>".replace("-", "−")
