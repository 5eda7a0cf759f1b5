"""Conditions of a run: where the telescopes looked, which took part, in what state.

A table of conditions has one row per run and telescope, tab-separated, comments with ``#``:

| column | meaning |
|---|---|
| `obs_id`, `tel_id` | run; telescope |
| `altitude_deg`, `azimuth_deg` | mean pointing, azimuth from north through east; one per run |
| `start_utc` | start of the run, ISO 8601 without a zone; one per run; empty: no date |
| `participating` | 1 or 0; default 1 |
| `throughput` | factor on all efficiencies, from muons; default 1 |
| `nsb_factor` | night sky relative to the description's; default 1 |
| `nsb_rate_ghz` | or its photoelectrons per ns and pixel at this pointing; empty: by the factor |
| `broken_pixels` | pixels without signal: ``3,17,800-803``; empty: none |

A telescope without a row does not take part.
"""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["COLUMNS", "Conditions", "TelescopeConditions", "conditions_digest", "read_conditions"]

REQUIRED = ("obs_id", "tel_id", "altitude_deg", "azimuth_deg")
OPTIONAL = (
    "start_utc",
    "participating",
    "throughput",
    "nsb_factor",
    "nsb_rate_ghz",
    "broken_pixels",
)
COLUMNS = REQUIRED + OPTIONAL
"""Columns of a table of conditions, the required ones first."""
RANGES = {
    "obs_id": (0, 10**8 - 1),
    "tel_id": (1, 10**4),
    "altitude_deg": (0.0, 90.0),
    "azimuth_deg": (0.0, 360.0),
    "participating": (0, 1),
    "throughput": (0.01, 10.0),
    "nsb_factor": (0.0, 1000.0),
    "nsb_rate_ghz": (0.0, 100.0),
}
WHOLE = frozenset({"obs_id", "tel_id", "participating"})


@dataclass(frozen=True)
class TelescopeConditions:
    """State of a telescope in a run.

    Attributes
    ----------
    tel_id : int
        Telescope.
    participating : bool
        Whether it took part.
    throughput : float
        Factor on all efficiencies.
    nsb_factor : float
        Night sky relative to the description's.
    nsb_rate_ghz : float or None
        Night-sky photoelectrons per ns and pixel at this pointing; None: by the factor.
    broken_pixels : tuple of int
        Pixels without signal, ascending.
    """

    tel_id: int
    participating: bool = True
    throughput: float = 1.0
    nsb_factor: float = 1.0
    nsb_rate_ghz: float | None = None
    broken_pixels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Conditions:
    """Conditions of a run.

    Attributes
    ----------
    obs_id : int
        Run.
    altitude_deg, azimuth_deg : float
        Pointing; azimuth from north through east.
    start_utc : str or None
        Start of the run, ISO 8601 in UTC; None: a run of no date.
    telescopes : dict of int to TelescopeConditions
        Telescopes by their number.
    """

    obs_id: int
    altitude_deg: float
    azimuth_deg: float
    start_utc: str | None
    telescopes: dict[int, TelescopeConditions]

    @property
    def tel_ids(self) -> tuple[int, ...]:
        """Telescopes that took part, ascending.

        Returns
        -------
        tuple of int
            Numbers.
        """
        return tuple(sorted(i for i, t in self.telescopes.items() if t.participating))


def read_conditions(path: str | Path) -> dict[int, Conditions]:
    """Read a table of conditions.

    Parameters
    ----------
    path : str or Path
        Tab-separated table, see the module.

    Returns
    -------
    dict of int to Conditions
        Runs by number, ascending.

    Raises
    ------
    InputError
        Missing file, unknown or missing column, value out of range, telescope twice in a run, or
        two pointings of one run.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "conditions", "missing file", "a TSV file of run conditions")
    with path.open(encoding="utf-8", newline="") as stream:
        lines = [(n, line) for n, line in enumerate(stream, 1) if line.strip() and line[0] != "#"]
    rows = csv.DictReader((line for _, line in lines), delimiter="\t", restkey="more columns")
    names = rows.fieldnames or []
    for name in REQUIRED:
        if name not in names:
            raise InputError(path, name, "missing column", "columns " + ", ".join(COLUMNS))
    for name in names:
        if name not in COLUMNS:
            raise InputError(path, name, "unknown column", "columns " + ", ".join(COLUMNS))
    runs: dict[int, Conditions] = {}
    for (number, _), row in zip(lines[1:], rows, strict=True):
        _add(runs, _row(row, path, number), path, number)
    if not runs:
        raise InputError(path, "rows", 0, "at least one run")
    return dict(sorted(runs.items()))


def _row(row: dict, path: Path, line: int) -> dict:
    """Values of a row; empty optional ones are left out."""
    if "more columns" in row:
        raise InputError(path, f"line {line}", row["more columns"], "as many values as columns")
    values = {}
    for name, (low, high) in RANGES.items():
        text = (row.get(name) or "").strip()
        if not text and name in OPTIONAL:
            continue
        value = _parse(text, int if name in WHOLE else float)
        if value is None or not low <= value <= high:
            kind = "a whole number" if name in WHOLE else "a number"
            raise InputError(path, f"{name}, line {line}", text, f"{kind} from {low} to {high}")
        values[name] = value
    if "nsb_factor" in values and "nsb_rate_ghz" in values:
        raise InputError(path, f"nsb_factor, line {line}", values["nsb_factor"], "factor or rate")
    values["broken_pixels"] = _pixels(row.get("broken_pixels") or "", path, line)
    values["start_utc"] = _start((row.get("start_utc") or "").strip(), path, line)
    return values


def _parse(text: str, kind):
    try:
        value = kind(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _start(text: str, path: Path, line: int) -> str | None:
    if not text:
        return None
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = "none can be read"
    if zone is not None:
        raise InputError(path, f"start_utc, line {line}", text, "2006-07-29T21:00:00, no zone")
    return text


def _pixels(text: str, path: Path, line: int) -> tuple[int, ...]:
    """Numbers and ranges, ``3,17,800-803``."""
    found: set[int] = set()
    for part in filter(None, text.replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        ends = _parse(first, int), _parse(last or first, int)
        if None in ends or not 0 <= ends[0] <= ends[1] < 10**5:
            raise InputError(
                path, f"broken_pixels, line {line}", text, "numbers and ranges: 3,17,800-803"
            )
        found |= set(range(ends[0], ends[1] + 1))
    return tuple(sorted(found))


def _add(runs: dict, values: dict, path: Path, line: int) -> None:
    obs_id, tel_id = values.pop("obs_id"), values["tel_id"]
    shared = tuple(values.pop(name) for name in ("altitude_deg", "azimuth_deg", "start_utc"))
    if "participating" in values:
        values["participating"] = bool(values["participating"])
    run = runs.setdefault(obs_id, Conditions(obs_id, *shared, {}))
    if tel_id in run.telescopes:
        raise InputError(path, f"tel_id, line {line}", tel_id, f"each telescope once in {obs_id}")
    first = run.altitude_deg, run.azimuth_deg, run.start_utc
    if shared != first:
        key = f"altitude_deg, azimuth_deg, start_utc, line {line}"
        raise InputError(path, key, shared, f"{first}, as the first row of run {obs_id}")
    run.telescopes[tel_id] = TelescopeConditions(**values)


def conditions_digest(conditions: Conditions) -> str:
    """Digest of the conditions of a run, whatever the order of its rows.

    Parameters
    ----------
    conditions : Conditions
        Of the run.

    Returns
    -------
    str
        Hexadecimal digits of a SHA-256.
    """
    by_telescope = dict(sorted(conditions.telescopes.items()))
    return hashlib.sha256(repr(replace(conditions, telescopes=by_telescope)).encode()).hexdigest()
