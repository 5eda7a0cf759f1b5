"""Coefficients of telescopes and the table ``calibration`` that carries them between files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from iactflow.errors import InputError
from iactflow.io.batches import Coefficients
from iactflow.io.coefficients import arrange_coefficients
from iactflow.io.root import read_table

__all__ = ["coefficients_of_table", "read_coefficients"]

COLUMNS = (
    *("tel_id", "channel", "pixel_id", "time_s", "time_qns", "pedestal_adu", "pedestal_std_adu"),
    *("pe_per_adu", "flatfield", "time_shift_ns", "status"),
)


def read_coefficients(path: str | Path, time_s: int | None = None) -> dict[int, Coefficients]:
    """Read the calibration of all telescopes of a file.

    Parameters
    ----------
    path : str or Path
        ROOT file with the table ``calibration``.
    time_s : int, optional
        TAI seconds since 1970 at which it must be valid; None: the latest of each pixel.

    Returns
    -------
    dict of int to Coefficients
        By telescope.

    Raises
    ------
    InputError
        If the file cannot be read, or a pixel of a telescope has no row that is valid then.
    """
    return coefficients_of_table(read_table(path, "calibration", COLUMNS), path, time_s)


def coefficients_of_table(
    columns: Mapping[str, np.ndarray], path: str | Path, time_s: int | None = None
) -> dict[int, Coefficients]:
    """Arrange the rows of the table ``calibration`` by telescope, channel and pixel.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Columns of the table, in any order of rows.
    path : str or Path
        File, for messages.
    time_s : int, optional
        As for `read_coefficients`.

    Returns
    -------
    dict of int to Coefficients
        By telescope, ascending, of `iactflow.io.coefficients.arrange_coefficients`.

    Raises
    ------
    InputError
        If a pixel of a telescope has no row that is valid at the time.
    """
    valid = np.ones(len(columns["tel_id"]), dtype=bool)
    if time_s is not None:
        valid &= columns["time_s"] <= time_s
    found = {}
    for tel_id in np.unique(columns["tel_id"]):
        rows = np.flatnonzero(valid & (columns["tel_id"] == tel_id))
        # Later rows overwrite earlier ones.
        rows = rows[np.lexsort((columns["time_qns"][rows], columns["time_s"][rows]))]
        found[int(tel_id)] = _of_telescope(columns, rows, int(tel_id), path)
    return found


def _of_telescope(columns, rows, tel_id, path) -> Coefficients:
    key = f"calibration of telescope {tel_id}"
    if not rows.size:
        raise InputError(path, key, "no row", "rows that are valid at this time")
    channel, pixel = columns["channel"][rows], columns["pixel_id"][rows]
    shape = int(channel.max()) + 1, int(pixel.max()) + 1
    present = np.zeros(shape, dtype=bool)
    present[channel, pixel] = True
    if not present.all():
        missing = int(np.flatnonzero(~present.all(axis=0))[0])
        raise InputError(path, key, f"no row for pixel {missing}", f"{shape} channels and pixels")
    return arrange_coefficients(columns, rows, shape)
