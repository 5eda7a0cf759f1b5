"""Rows of a table event by event, in the order of the file, whatever clusters they lie in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import awkward
import numpy as np

from iactflow.errors import InputError
from iactflow.io.root import RootFile

__all__ = ["EventStream", "Jagged"]


class Jagged(NamedTuple):
    """A column of variable length.

    Attributes
    ----------
    values : ndarray, shape (n_values,)
        Values of this and maybe other rows.
    start : ndarray of int64, shape (n_rows + 1,)
        First value of each row, and the one after the last.
    """

    values: np.ndarray
    start: np.ndarray

    def rows(self, first: int, stop: int) -> Jagged:
        """Some of the rows.

        Parameters
        ----------
        first, stop : int
            First row, and the one after the last.

        Returns
        -------
        Jagged
            They, without a copy.
        """
        return Jagged(self.values, self.start[first : stop + 1])

    @property
    def lengths(self) -> np.ndarray:
        """Lengths of the rows.

        Returns
        -------
        ndarray of int64, shape (n_rows,)
            Numbers of values.
        """
        return np.diff(self.start)


def _plain(values: np.ndarray | awkward.Array) -> np.ndarray | Jagged:
    if not hasattr(values, "layout"):
        return values
    lengths = awkward.to_numpy(awkward.num(values, axis=1))
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    return Jagged(awkward.to_numpy(awkward.flatten(values, axis=1)), start)


class EventStream:
    """Rows of a table whose key begins with run and event, taken event by event.

    Parameters
    ----------
    file : RootFile
        File, open.
    name : str
        Table.
    key : tuple of str
        Its key: ``obs_id``, ``event_id`` and maybe ``tel_id``, in which rows ascend.
    columns : iterable of str, optional
        Columns wanted beside the key; by default all.
    """

    def __init__(
        self,
        file: RootFile,
        name: str,
        key: tuple[str, ...],
        columns: Iterable[str] | None = None,
    ) -> None:
        self.file, self.name, self.key = file, name, key
        wanted = None if columns is None else list(dict.fromkeys((*key, *columns)))
        self._clusters = file.iterate(name, wanted)
        self._parts: deque[dict] = deque()
        self._last: tuple | None = None
        self._none: dict = {}

    def clusters(self) -> Iterable[dict[str, np.ndarray | Jagged]]:
        """Read all rows, a cluster at a time.

        Yields
        ------
        dict of str to (ndarray or Jagged)
            Columns of consecutive rows.

        Raises
        ------
        InputError
            If the table is damaged, or rows do not ascend in their key.
        """
        while self._load():
            yield self._parts.pop()

    def take(self, obs_id: int, event_id: int) -> list[dict[str, np.ndarray | Jagged]]:
        """Rows up to an event, without those taken before.

        Parameters
        ----------
        obs_id, event_id : int
            Last event.

        Returns
        -------
        list of dict of str to (ndarray or Jagged)
            Columns: one part, which may be empty; more, where rows lie in several clusters.

        Raises
        ------
        InputError
            If the table is damaged, or rows do not ascend in their key.
        """
        taken = []
        while self._parts or self._load():
            part = self._parts[0]
            rows = len(part["obs_id"])
            first, last = np.searchsorted(part["obs_id"], [obs_id, obs_id + 1])
            stop = int(first + np.searchsorted(part["event_id"][first:last], event_id, "right"))
            taken.append(_rows(part, 0, stop))
            if stop < rows:
                self._parts[0] = _rows(part, stop, rows)
                break
            self._parts.popleft()
        return [part for part in taken if len(part["obs_id"])] or [self._none]

    def finish(self) -> None:
        """Make sure that every row was taken, and the table was not damaged.

        Raises
        ------
        InputError
            If rows are left: they belong to no event.
        """
        while self._parts or self._load():
            part = self._parts.popleft()
            if len(part["obs_id"]):
                found = {key: int(part[key][0]) for key in self.key}
                raise InputError(self.file.path, self.name, found, "rows of events in `trigger`")

    def _load(self) -> bool:
        """Read one more cluster."""
        cluster = next(self._clusters, None)
        if cluster is None:
            return False
        part = {name: _plain(values) for name, values in cluster.items()}
        self._check_order(part)
        self._none = _rows(part, 0, 0)
        self._parts.append(part)
        return True

    def _check_order(self, part: dict) -> None:
        """Keys ascend, within the part and from the one before: none stands twice."""
        keys = [np.asarray(part[name], dtype=np.int64) for name in self.key]
        if self._last is not None:
            keys = [np.append(np.int64(k), key) for k, key in zip(self._last, keys, strict=True)]
        ascends = np.zeros(max(len(keys[0]) - 1, 0), dtype=bool)
        for key in keys[::-1]:
            step = np.diff(key)
            ascends = (step > 0) | ((step == 0) & ascends)
        if not ascends.all():
            row = int(np.flatnonzero(~ascends)[0]) + 1
            found = {name: int(key[row]) for name, key in zip(self.key, keys, strict=True)}
            raise InputError(self.file.path, self.name, found, "each key once, ascending")
        if len(keys[0]):
            self._last = tuple(int(key[-1]) for key in keys)


def _rows(part: dict, first: int, stop: int) -> dict:
    return {
        name: values.rows(first, stop) if isinstance(values, Jagged) else values[first:stop]
        for name, values in part.items()
    }
