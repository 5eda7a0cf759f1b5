"""What may stand in an instrument description: every key with its kind and range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.instrument.description import Curve, Cylinder
from iactflow.instrument.documents import Leaf
from iactflow.instrument.tables import read_groups, read_table

__all__ = ["Rule", "columns", "convert", "curve", "number", "switch", "text", "vector", "whole"]

CYLINDER = ["start_x_m", "start_y_m", "start_z_m", "end_x_m", "end_y_m", "end_z_m", "diameter_m"]


class Rule(NamedTuple):
    """What a value may be.

    Attributes
    ----------
    kind : str
        ``number``, ``whole``, ``text``, ``choice``, ``switch``, ``vector``, ``whole_vector``,
        ``curve``, ``columns``, ``groups``, ``cylinders`` or ``mapping``.
    low, high : float
        Range of numbers, of the ordinate of curves.
    choices : tuple of str
        Texts of a choice; columns of a table.
    length : int
        Length of a vector; 0: any.
    optional : bool
        The key may be missing or null.
    """

    kind: str
    low: float = -np.inf
    high: float = np.inf
    choices: tuple[str, ...] = ()
    length: int = 0
    optional: bool = False

    def allowed(self) -> str:
        """What is allowed, for a human reader."""
        span = (
            "" if np.isinf([self.low, self.high]).all() else f" from {self.low:g} to {self.high:g}"
        )
        texts = {
            "number": f"a number{span}",
            "whole": f"a whole number{span}",
            "choice": " or ".join(self.choices),
            "switch": "true or false",
            "text": "a text",
            "vector": f"a list of {self.length or 'any number of'} numbers{span}",
            "whole_vector": "a list of whole numbers",
            "mapping": "a mapping",
            "curve": f"a table or points, abscissa ascending, values{span}",
            "columns": f"a table with the columns {', '.join(self.choices)}",
            "cylinders": "a table of cylinders, all numbers finite, or an empty list",
            "groups": "a table of pixel groups",
        }
        return texts[self.kind] + (" or null" if self.optional else "")


def number(low: float = -np.inf, high: float = np.inf) -> Rule:
    """A number in a range."""
    return Rule("number", low, high)


def whole(low: int = 0, high: int = 2**31) -> Rule:
    """A whole number in a range."""
    return Rule("whole", low, high)


def text(*choices: str) -> Rule:
    """A text, one of the choices if there are any."""
    return Rule("choice" if choices else "text", choices=choices)


def switch() -> Rule:
    """True or false."""
    return Rule("switch")


def vector(length: int = 0, low: float = -np.inf, high: float = np.inf) -> Rule:
    """A list of numbers."""
    return Rule("vector", low, high, length=length)


def curve(low: float = 0.0, high: float = np.inf, optional: bool = False) -> Rule:
    """A tabulated function with ordinates in a range."""
    return Rule("curve", low, high, optional=optional)


def columns(*names: str) -> Rule:
    """Named columns of a table."""
    return Rule("columns", choices=names)


def convert(leaf: Leaf, rule: Rule):
    """Value of a leaf, checked.

    Parameters
    ----------
    leaf : Leaf
        From a document.
    rule : Rule
        What it may be.

    Returns
    -------
    object
        Number, text, bool, tuple, dict of columns, `Curve`, groups or tuple of `Cylinder`.

    Raises
    ------
    InputError
        What the rule does not allow.
    """
    if leaf.value is None and rule.optional:
        return None
    converted = CONVERTERS[rule.kind](leaf, rule)
    if converted is None:
        raise InputError(leaf.file, leaf.key, leaf.value, rule.allowed())
    return converted


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)


def _number(leaf, rule):
    if _is_number(leaf.value) and rule.low <= leaf.value <= rule.high:
        return float(leaf.value)
    return None


def _whole(leaf, rule):
    value = leaf.value
    good = isinstance(value, int) and not isinstance(value, bool)
    return value if good and rule.low <= value <= rule.high else None


def _text(leaf, rule):
    good = isinstance(leaf.value, str) and leaf.value.strip()
    return leaf.value if good and (not rule.choices or leaf.value in rule.choices) else None


def _switch(leaf, rule):
    return leaf.value if isinstance(leaf.value, bool) else None


def _vector(leaf, rule):
    values = leaf.value
    if not isinstance(values, list) or (rule.length and len(values) != rule.length):
        return None
    if not all(_is_number(v) and rule.low <= v <= rule.high for v in values):
        return None
    if rule.kind == "whole_vector":
        return tuple(values) if all(isinstance(v, int) for v in values) else None
    return tuple(float(v) for v in values)


def _mapping(leaf, rule):
    return leaf.value if isinstance(leaf.value, dict) else None


def _table(leaf, names=()) -> dict[str, np.ndarray] | None:
    """Columns of the table that a leaf names: those asked for, or those that it chooses."""
    value = leaf.value
    if not isinstance(value, dict) or not isinstance(value.get("table"), str):
        return None
    path = leaf.file.parent / value["table"]
    table = read_table(path)
    wanted = value.get("columns") or list(names) or list(table)
    missing = [name for name in wanted if name not in table]
    if missing:
        raise InputError(path, "columns", list(table), f"among them {missing[0]}")
    return {name: table[name] for name in wanted}


def _columns(leaf, rule):
    return _table(leaf, rule.choices)


def _curve(leaf, rule):
    value = leaf.value
    if isinstance(value, dict) and "points" in value:
        points = np.array(value["points"], dtype=np.float64)
        x, y = points.T if points.ndim == 2 and points.shape[1] == 2 else (np.empty(0),) * 2
    else:
        table = _table(leaf)
        if table is None:
            return None
        if len(table) != 2:
            raise InputError(leaf.file, f"{leaf.key}.columns", list(table), "two columns: x and y")
        x, y = table.values()
    ascending = len(x) > 1 and bool((np.diff(x) > 0).all())
    if not ascending or not ((y >= rule.low) & (y <= rule.high)).all():
        return None
    return Curve(np.ascontiguousarray(x), np.ascontiguousarray(y))


def _cylinders(leaf, rule):
    if leaf.value == []:
        return ()
    table = _table(leaf, (*CYLINDER, "transparency"))
    if table is None:
        return None
    rows = np.column_stack(list(table.values()))
    if not np.isfinite(rows).all():
        return None
    return tuple(Cylinder(tuple(r[:3]), tuple(r[3:6]), r[6], r[7]) for r in rows.tolist())


def _groups(leaf, rule):
    value = leaf.value
    if not isinstance(value, dict) or not isinstance(value.get("table"), str):
        return None
    return read_groups(leaf.file.parent / value["table"])


CONVERTERS = {
    "number": _number,
    "whole": _whole,
    "text": _text,
    "choice": _text,
    "switch": _switch,
    "vector": _vector,
    "whole_vector": _vector,
    "mapping": _mapping,
    "columns": _columns,
    "curve": _curve,
    "cylinders": _cylinders,
    "groups": _groups,
}
