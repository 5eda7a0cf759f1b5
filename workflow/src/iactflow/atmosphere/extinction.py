"""Extinction of light between a height and the observation level.

Tables are those of sim_telarray (``atm_trans_*.dat``, made with MODTRAN): optical depth of the
vertical path, per wavelength and height of emission; 99999 marks opaque air. The transmission of a
path at zenith angle z is ``exp(-tau / cos z)``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.errors import InputError

__all__ = ["OPAQUE", "ExtinctionTable", "read_modtran", "thinned", "transmission"]

# An optical depth beyond which nothing arrives; finite, so that it can be interpolated.
OPAQUE = 50.0


class ExtinctionTable(NamedTuple):
    """Vertical optical depths for kernels.

    Attributes
    ----------
    heights_m : ndarray of float64, shape (n_h,)
        Heights of emission above sea level, ascending; the first is the observation level.
    wavelengths_nm : ndarray of float64, shape (n_w,)
        Wavelengths, ascending in equal steps.
    tau : ndarray of float64, shape (n_h, n_w)
        Optical depth to the observation level, at most `OPAQUE`; 0 in the first row.
    observation_level_m : float
        Where the light arrives, above sea level.
    """

    heights_m: np.ndarray
    wavelengths_nm: np.ndarray
    tau: np.ndarray
    observation_level_m: float


def read_modtran(path) -> ExtinctionTable:
    """Read an extinction table of sim_telarray.

    Parameters
    ----------
    path : str or Path
        Text: a comment line ``# H2= <observation level>, H1= <heights>`` in km, then lines of a
        wavelength in nm and one optical depth per height.

    Returns
    -------
    ExtinctionTable
        Optical depths, those beyond `OPAQUE` set to it.

    Raises
    ------
    InputError
        If the file, its line of heights or a number is missing, or wavelengths are not in equal
        ascending steps.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(path, "file", error.strerror, "a readable text file") from error
    level_m, heights = _heights(path, lines)
    rows = []
    for number, line in enumerate(lines, start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            row = [float(word) for word in words]
        except ValueError as error:
            raise InputError(path, f"line {number}", line[:40], "numbers") from error
        if len(row) != heights.size + 1:
            raise InputError(
                path, f"line {number}", f"{len(row)} numbers", f"{heights.size + 1} numbers"
            )
        rows.append(row)
    data = np.array(rows).reshape(len(rows), heights.size + 1)
    return _table(path, level_m, heights, data[:, 0], data[:, 1:].T)


def _heights(path, lines):
    """Observation level and heights, in m, from the comment that names them."""
    for line in lines:
        if line.startswith("#") and "H2=" in line and "H1=" in line:
            level, heights = line.split("H2=")[1].split("H1=")
            try:
                level_km = float(level.strip().rstrip(","))
                heights_km = np.array([float(word) for word in heights.split()])
            except ValueError as error:
                raise InputError(path, "H1", line[:60], "heights in km") from error
            return level_km * 1.0e3, heights_km * 1.0e3
    raise InputError(path, "H1", "missing", "a line '# H2= ..., H1= ...' of heights in km")


def _table(path, level_m, heights_m, wavelengths_nm, tau) -> ExtinctionTable:
    """Table with a row of zeros at the observation level, checked."""
    if not (heights_m.size and heights_m[0] > level_m and np.all(np.diff(heights_m) > 0.0)):
        raise InputError(path, "H1", heights_m[:3].tolist(), f"heights ascending from {level_m} m")
    step = np.diff(wavelengths_nm)
    if wavelengths_nm.size < 2 or not (step[0] > 0.0 and np.allclose(step, step[0])):
        raise InputError(path, "wavelength", wavelengths_nm[:3].tolist(), "equal ascending steps")
    if not np.all(tau >= 0.0):
        raise InputError(path, "optical depth", float(np.nanmin(tau)), "not negative")
    tau = np.vstack([np.zeros((1, wavelengths_nm.size)), np.minimum(tau, OPAQUE)])
    return ExtinctionTable(
        np.ascontiguousarray(np.append(level_m, heights_m), dtype=np.float64),
        np.ascontiguousarray(wavelengths_nm, dtype=np.float64),
        np.ascontiguousarray(tau, dtype=np.float64),
        float(level_m),
    )


def thinned(table: ExtinctionTable, wavelengths_nm) -> ExtinctionTable:
    """The table at other wavelengths.

    Parameters
    ----------
    table : ExtinctionTable
        Table.
    wavelengths_nm : array_like, shape (m,)
        Equal ascending steps inside those of the table.

    Returns
    -------
    ExtinctionTable
        Linear between the wavelengths of the table.
    """
    grid = np.ascontiguousarray(wavelengths_nm, dtype=np.float64)
    tau = np.array([np.interp(grid, table.wavelengths_nm, row) for row in table.tau])
    return table._replace(wavelengths_nm=grid, tau=np.ascontiguousarray(tau))


@jit_leaf
def transmission(table, wavelength_nm, height_m, cos_zenith):
    """Fraction of light that reaches the observation level.

    Parameters
    ----------
    table : ExtinctionTable
        Table.
    wavelength_nm : float
        Wavelength; outside the table its nearest wavelength counts.
    height_m : float
        Height of emission above sea level.
    cos_zenith : float
        Cosine of the zenith angle of the light's path, positive.

    Returns
    -------
    float
        ``exp(-tau / cos z)``; 1 at and below the observation level.
    """
    heights = table.heights_m
    if height_m <= heights[0]:
        return 1.0
    waves = table.wavelengths_nm
    last = waves.size - 1
    position = (wavelength_nm - waves[0]) / (waves[1] - waves[0])
    position = min(max(position, 0.0), float(last))
    column = min(int(position), last - 1)
    part = position - column
    row, beyond = 1, heights.size - 1
    while row < beyond:
        middle = (row + beyond) // 2
        if heights[middle] < height_m:
            row = middle + 1
        else:
            beyond = middle
    above = min((height_m - heights[row - 1]) / (heights[row] - heights[row - 1]), 1.0)
    lower = table.tau[row - 1, column]
    lower += part * (table.tau[row - 1, column + 1] - lower)
    upper = table.tau[row, column]
    upper += part * (table.tau[row, column + 1] - upper)
    return np.exp(-(lower + above * (upper - lower)) / cos_zenith)
