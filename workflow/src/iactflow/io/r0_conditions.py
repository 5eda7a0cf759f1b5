"""Calibration and pointing of our raw data: what is valid at the time of an event."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from iactflow.errors import InputError
from iactflow.io.batches import Coefficients
from iactflow.io.coefficients import arrange_coefficients
from iactflow.io.subarray import Subarray

__all__ = ["Calibration", "Pointing", "quarter_ns"]


def quarter_ns(time_s: np.ndarray, time_qns: np.ndarray) -> np.ndarray:
    """Times as one number.

    Parameters
    ----------
    time_s : ndarray of int64, shape (n,)
        Seconds, below 2.3e9.
    time_qns : ndarray of uint32, shape (n,)
        Quarters of a nanosecond after them.

    Returns
    -------
    ndarray of int64, shape (n,)
        Quarters of a nanosecond.
    """
    return np.asarray(time_s, np.int64) * 4_000_000_000 + np.asarray(time_qns, np.int64)


class Calibration:
    """Calibration coefficients by run and time.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Table ``calibration``, rows in any order.
    subarray : Subarray
        Array.
    file : str or Path
        Named in errors.

    Raises
    ------
    InputError
        If rows name telescopes, channels or pixels that the array does not have.
    """

    def __init__(self, columns: Mapping, subarray: Subarray, file: str | Path) -> None:
        self.subarray, self.file = subarray, file
        time = quarter_ns(columns["time_s"], columns["time_qns"])
        order = np.lexsort([columns["pixel_id"], columns["channel"], time, columns["obs_id"]])
        self.time = time[order]
        self.columns = {name: np.asarray(values)[order] for name, values in columns.items()}
        self._check()
        self._known: tuple[tuple, dict[int, Coefficients]] = ((), {})
        runs = self.columns["obs_id"]
        self._starts = {int(run): np.unique(self.time[runs == run]) for run in np.unique(runs)}

    def _check(self) -> None:
        for name in ("tel_id", "channel", "pixel_id"):
            allowed = {tel: self._allowed(int(tel), name) for tel in self.subarray.tel_ids}
            for tel in np.unique(self.columns["tel_id"]):
                limit = allowed.get(int(tel), 0)
                values = self.columns[name][self.columns["tel_id"] == tel]
                wrong = values[(values < 0) | (values >= limit)]
                if len(wrong):
                    where = f"calibration.{name}, telescope {tel}"
                    raise InputError(self.file, where, int(wrong[0]), f"0 to below {limit}")

    def _allowed(self, tel_id: int, name: str) -> int:
        camera = self.subarray.telescope_type(tel_id).camera
        limits = {"tel_id": tel_id + 1, "channel": camera.n_channels, "pixel_id": camera.n_pixels}
        return limits[name]

    def epochs(self, obs_id: int, time: np.ndarray) -> np.ndarray:
        """Which events are under one calibration.

        Parameters
        ----------
        obs_id : int
            Run.
        time : ndarray of int64, shape (n,)
            Times of events, of `quarter_ns`.

        Returns
        -------
        ndarray of int64, shape (n,)
            Number of sets of coefficients that have become valid in the run until then.
        """
        starts = self._starts.get(obs_id, np.empty(0, dtype=np.int64))
        return np.searchsorted(starts, time, side="right")

    def at(self, obs_id: int, time: int) -> dict[int, Coefficients]:
        """Coefficients that are valid at a time.

        Parameters
        ----------
        obs_id : int
            Run.
        time : int
            Time, of `quarter_ns`.

        Returns
        -------
        dict of int to Coefficients
            By telescope; pixels that no row names are unusable. Telescopes without any are left
            out.
        """
        epoch = (obs_id, int(self.epochs(obs_id, np.array([time]))[0]))
        if self._known[0] != epoch:
            rows = np.flatnonzero((self.columns["obs_id"] == obs_id) & (self.time <= time))
            tel_ids = self.columns["tel_id"][rows]
            found = {
                int(tel): self._coefficients(int(tel), rows[tel_ids == tel])
                for tel in np.unique(tel_ids)
            }
            self._known = (epoch, found)
        return self._known[1]

    def _coefficients(self, tel_id: int, rows: np.ndarray) -> Coefficients:
        """Coefficients of a telescope; rows ascend in time, so that the last ones stay."""
        camera = self.subarray.telescope_type(tel_id).camera
        shape = camera.n_channels, camera.n_pixels
        return arrange_coefficients(self.columns, rows, shape)


class Pointing:
    """Pointing of the telescopes by run and time: the last entry before an event is valid.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Table ``pointing``, rows in any order.
    file : str or Path
        Named in errors.
    """

    def __init__(self, columns: Mapping, file: str | Path) -> None:
        self.file = file
        time = quarter_ns(columns["time_s"], columns["time_qns"])
        order = np.lexsort([time, columns["tel_id"], columns["obs_id"]])
        self.time = time[order]
        self.columns = {name: np.asarray(values)[order] for name, values in columns.items()}

    def first(self, obs_id: int) -> int:
        """Telescope whose pointing is that of the array: all of a run point alike.

        Parameters
        ----------
        obs_id : int
            Run.

        Returns
        -------
        int
            The first one.

        Raises
        ------
        InputError
            If there is none.
        """
        tel_ids = self.columns["tel_id"][self.columns["obs_id"] == obs_id]
        if not len(tel_ids):
            raise InputError(self.file, f"pointing, run {obs_id}", "no rows", "a telescope's")
        return int(tel_ids.min())

    def at(
        self, obs_id: int, tel_id: np.ndarray, time: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pointing of telescopes at events of a run.

        Parameters
        ----------
        obs_id : int
            Run.
        tel_id : ndarray of int64, shape (n,)
            Telescope.
        time : ndarray of int64, shape (n,)
            Time of the event, of `quarter_ns`.

        Returns
        -------
        altitude_deg, azimuth_deg : ndarray of float64, shape (n,)
            Directions.

        Raises
        ------
        InputError
            If a telescope has no entry until then.
        """
        altitude, azimuth = np.empty(len(tel_id)), np.empty(len(tel_id))
        for tel in np.unique(tel_id):
            rows = np.flatnonzero(
                (self.columns["obs_id"] == obs_id) & (self.columns["tel_id"] == tel)
            )
            wanted = np.flatnonzero(tel_id == tel)
            last = np.searchsorted(self.time[rows], time[wanted], side="right") - 1
            if np.any(last < 0):
                where = f"pointing, run {obs_id}, telescope {tel}"
                raise InputError(self.file, where, "no entry", "one before the first event")
            altitude[wanted] = self.columns["altitude_deg"][rows[last]]
            azimuth[wanted] = self.columns["azimuth_deg"][rows[last]]
        return altitude, azimuth
