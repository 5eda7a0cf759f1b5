"""The verdicts as a page: failures first, then every product."""

from __future__ import annotations

import math
from collections import Counter
from html import escape

__all__ = ["verdict_page"]

TITLES = {
    "sky_map": "Sky maps",
    "spectrum": "Spectra",
    "light_curve": "Light curves",
    "reconstruction": "Reconstruction",
    "responses": "Instrument responses",
    "truth": "Injected sources",
}
STYLE = """
body{font:15px/1.5 "DejaVu Sans",Helvetica,Arial,sans-serif;color:#1b1f24;margin:1.5rem;
max-width:68rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #1b1f24}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid #d9dee3}
td.n,th.n{text-align:right}
tr.failed td{background:#fdf0e7}.failed .v{color:#b34700;font-weight:600}
.note{color:#5b6570;max-width:46rem}
"""


def verdict_page(verdicts: list, tolerances: dict) -> str:
    """Write the verdicts as a self-contained HTML page.

    Parameters
    ----------
    verdicts : list of Verdict
        All verdicts.
    tolerances : dict
        Block of the campaign, stated at the end.

    Returns
    -------
    str
        HTML.
    """
    failed = [v for v in verdicts if not v.passed]
    parts = [f"<h1>{escape(_headline(len(failed), len(verdicts)))}</h1>"]
    parts.append(
        '<p class="note">Main: this package. Check: gammapy on the same runs, with regions, masks '
        "and data sets of its own. A number passes when the two differ by no more than the "
        "tolerance.</p>"
    )
    if any(v.product == "truth" for v in verdicts):
        parts.append(
            '<p class="note">Injected sources: main is what this package finds in mock data, check '
            "what went into them.</p>"
        )
    if failed:
        parts += ["<h2>Failed</h2>", _table(failed)]
    for product in dict.fromkeys(v.product for v in verdicts):
        rows = [v for v in verdicts if v.product == product]
        counts = Counter(v.passed for v in rows)
        title = f"{TITLES.get(product, product)}: {counts[True]} of {len(rows)} passed"
        parts += [f"<h2>{escape(title)}</h2>", _table(rows)]
    stated = "; ".join(f"{escape(k)} = {_format(v)}" for k, v in tolerances.items())
    parts.append(f'<p class="note">Tolerances of the campaign: {stated}.</p>')
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Verdicts</title>'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _headline(n_failed: int, n_all: int) -> str:
    if n_all == 0:
        return "Nothing was compared"
    if n_failed == 0:
        return f"All {n_all} numbers agree between the two chains"
    return f"{n_failed} of {n_all} numbers disagree between the two chains"


def _table(rows: list) -> str:
    head = "<tr><th>target</th><th>product</th><th>quantity</th>" + "".join(
        f'<th class="n">{name}</th>' for name in ("main", "check", "tolerance")
    )
    lines = [f"<table><thead>{head}<th>verdict</th></tr></thead><tbody>"]
    for v in rows:
        words = "".join(f"<td>{escape(text)}</td>" for text in (v.target, v.product, v.quantity))
        numbers = "".join(
            f'<td class="n">{_format(value)}</td>' for value in (v.main, v.check, v.tolerance)
        )
        kind, word = ("passed", "passed") if v.passed else ("failed", "FAILED")
        lines.append(f'<tr class="{kind}">{words}{numbers}<td class="v">{word}</td></tr>')
    return "\n".join([*lines, "</tbody></table>"])


def _format(value: float) -> str:
    if not math.isfinite(value):
        return "missing"
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.5g}"
