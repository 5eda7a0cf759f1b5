"""Vertical profiles of the atmosphere: CORSIKA's ``atmprof`` tables, ECSV, five-layer fits.

Formats: D. Heck and J. Knapp, *Extensive Air Shower Simulation with CORSIKA: A User's Guide*,
section 4.22 and appendix D (five layers, ``T(h) = a + b exp(-h / c)``, the topmost linear), and the
tables of the IACT/ATMO package (Bernlöhr, Astropart. Phys. 12 (2000) 255): height in km, density
in g/cm3, thickness in g/cm2, refractivity n - 1 at 400 nm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

from iactflow.errors import InputError

__all__ = [
    "AtmosphereProfile",
    "from_columns",
    "from_corsika_layers",
    "layer_boundaries_m",
    "read_atmprof",
    "read_profile_ecsv",
    "write_atmprof",
]

COLUMNS = ("height_m", "density_g_cm3", "thickness_g_cm2", "refractivity")
ATMPROF_COLUMNS = ("Alt [km]", "rho [g/cm^3]", "thick [g/cm^2]", "n-1")
CORSIKA_BOUNDARIES_M = (0.0, 4.0e3, 10.0e3, 40.0e3, 100.0e3)
# CORSIKA's refractivity at sea level where no table gives one (User's Guide, section 2.13).
SEA_LEVEL_REFRACTIVITY = 2.83e-4
LAYER_STEP_M = 100.0
MAX_ATMPROF_ROWS = 100


@dataclass(frozen=True)
class AtmosphereProfile:
    """State of the air against height.

    Attributes
    ----------
    height_m : ndarray of float64, shape (n,)
        Height above sea level, ascending.
    density_g_cm3, thickness_g_cm2, refractivity : ndarray of float64, shape (n,)
        Density; vertical column density above; n - 1 at 400 nm. All fall with height.
    name, source : str
        Name; where the numbers come from.
    """

    height_m: np.ndarray
    density_g_cm3: np.ndarray
    thickness_g_cm2: np.ndarray
    refractivity: np.ndarray
    name: str
    source: str


def from_columns(columns, names, file, name, source) -> AtmosphereProfile:
    """Profile from four columns, checked.

    Parameters
    ----------
    columns : sequence of four array_like
        Height in m, density in g/cm3, thickness in g/cm2, refractivity.
    names : sequence of four str
        What the columns are called in the file, for messages.
    file : str or Path
        File, for messages.
    name, source : str
        Name and origin of the profile.

    Returns
    -------
    AtmosphereProfile
        float64 arrays.

    Raises
    ------
    InputError
        If heights do not rise, a column does not fall with height, or a number is not positive
        (the thickness may be zero at the top).
    """
    arrays = [np.ascontiguousarray(column, dtype=np.float64) for column in columns]
    height = arrays[0]
    if height.size < 2:
        raise InputError(file, names[0], f"{height.size} heights", "at least 2")
    rising = np.flatnonzero(~(np.diff(height) > 0.0))
    if rising.size:
        raise InputError(file, names[0], height[rising[0] + 1], "heights in ascending order")
    for array, column in zip(arrays[1:], names[1:], strict=True):
        least = 0.0 if column == names[2] else np.nextafter(0.0, 1.0)
        bad = np.flatnonzero(~(np.isfinite(array) & (array >= least)))
        if bad.size:
            raise InputError(file, column, array[bad[0]], "positive numbers")
        bad = np.flatnonzero(~(np.diff(array) <= 0.0))
        if bad.size:
            raise InputError(file, column, array[bad[0] + 1], "values that do not rise with height")
    if np.any(arrays[2][:-1] <= 0.0):
        raise InputError(file, names[2], 0.0, "positive below the topmost height")
    return AtmosphereProfile(*arrays, name=name, source=source)


def read_atmprof(path, name: str = "") -> AtmosphereProfile:
    """Read a CORSIKA ``atmprof`` table.

    Parameters
    ----------
    path : str or Path
        Text file; lines that start with ``#`` are comments, columns after the fourth are ignored.
    name : str, optional
        Name of the profile; by default the file's.

    Returns
    -------
    AtmosphereProfile
        Heights converted from km to m.

    Raises
    ------
    InputError
        If the file is missing, has lines without four numbers, or values that cannot be.
    """
    path = Path(path)
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            rows.append([float(word) for word in words[:4]])
        except ValueError as error:
            raise InputError(path, f"line {number}", line.strip(), "four numbers") from error
        if len(rows[-1]) < 4:
            raise InputError(path, f"line {number}", line.strip(), "four numbers")
    if not rows:
        raise InputError(path, "table", "no rows", "lines of four numbers")
    columns = np.array(rows).T
    columns[0] *= 1.0e3
    return from_columns(columns, ATMPROF_COLUMNS, path, name or path.name, str(path.name))


def _lines(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(path, "file", error.strerror, "a readable text file") from error


def write_atmprof(profile: AtmosphereProfile, path) -> None:
    """Write a profile as a CORSIKA ``atmprof`` table.

    Parameters
    ----------
    profile : AtmosphereProfile
        Profile; at most 100 heights, the number that CORSIKA's ATMEXT option takes.
    path : str or Path
        File to write.

    Raises
    ------
    InputError
        If the profile has more than 100 heights.
    """
    if profile.height_m.size > MAX_ATMPROF_ROWS:
        allowed = f"at most {MAX_ATMPROF_ROWS}"
        raise InputError(profile.name, "heights", profile.height_m.size, allowed)
    lines = [f"# {profile.name}: {profile.source}", f"# {'  '.join(ATMPROF_COLUMNS)}"]
    for row in zip(*(getattr(profile, column) for column in COLUMNS), strict=True):
        lines.append(f"{row[0] / 1.0e3:10.4f}  {row[1]:.6e}  {row[2]:.6e}  {row[3]:.6e}")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_profile_ecsv(path) -> AtmosphereProfile:
    """Read a profile in ECSV.

    Parameters
    ----------
    path : str or Path
        ECSV with columns ``height_m``, ``density_g_cm3``, ``thickness_g_cm2``, ``refractivity``
        and the keys ``name`` and ``source`` in its metadata.

    Returns
    -------
    AtmosphereProfile
        The profile.

    Raises
    ------
    InputError
        If the file or a column is missing, or values cannot be.
    """
    table = read_ecsv(path, COLUMNS)
    return from_columns(
        [table[column] for column in COLUMNS],
        COLUMNS,
        path,
        str(table.meta["name"]),
        str(table.meta["source"]),
    )


def read_ecsv(path, columns, keys=("name", "source")) -> Table:
    """Read an ECSV table that must have certain columns and metadata.

    Parameters
    ----------
    path : str or Path
        File.
    columns, keys : sequence of str
        Names of columns and of metadata that must be there.

    Returns
    -------
    astropy.table.Table
        The table.

    Raises
    ------
    InputError
        If the file cannot be read or something is missing.
    """
    try:
        table = Table.read(path, format="ascii.ecsv")
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(path, "file", reason, "a readable ECSV table") from error
    for column in columns:
        if column not in table.colnames:
            raise InputError(path, column, "missing", f"columns {', '.join(columns)}")
    for key in keys:
        if key not in table.meta:
            raise InputError(path, f"meta {key}", "missing", f"metadata {', '.join(keys)}")
    return table


def layer_boundaries_m(aatm, batm, catm) -> tuple[float, ...]:
    """Lower boundaries of five layers, where a file does not name them.

    CORSIKA's usual ones if neighbouring layers meet there within 1e-3 of the thickness; else where
    they do, nearest to the usual ones.

    Parameters
    ----------
    aatm, batm, catm : ndarray of float64, shape (5,)
        Parameters as in the run header.

    Returns
    -------
    tuple of five float
        Heights in m.
    """
    grid = np.arange(0.0, 120.0e3, 10.0)
    boundaries = [0.0]
    for layer, usual in enumerate(CORSIKA_BOUNDARIES_M[1:]):
        below, above = (
            _layer_thickness(grid, aatm[i], batm[i], catm[i], i == 4) for i in (layer, layer + 1)
        )
        step = above - below
        if abs(step[int(usual / 10.0)]) <= 1.0e-3 * abs(below[int(usual / 10.0)]):
            boundaries.append(usual)
            continue
        crossings = np.flatnonzero(np.sign(step[1:]) != np.sign(step[:-1]))
        meet = grid[crossings[crossings * 10.0 > boundaries[-1]]]
        boundaries.append(float(meet[np.argmin(np.abs(meet - usual))]) if meet.size else usual)
    return tuple(boundaries)


def _layer_thickness(height_m, a, b, c, linear):
    scaled = height_m * 100.0 / c
    return a - b * scaled if linear else a + b * np.exp(-scaled)


def from_corsika_layers(
    aatm,
    batm,
    catm,
    boundaries_m=None,
    name="CORSIKA layers",
    source="run header",
    refractivity_per_density=None,
) -> AtmosphereProfile:
    """Profile from CORSIKA's five layers.

    ``T(h) = a + b exp(-h / c)`` in the four lower layers and ``a - b h / c`` in the fifth (User's
    Guide, appendix D). The refractivity is proportional to the density.

    Parameters
    ----------
    aatm, batm, catm : array_like, shape (5,)
        Parameters in g/cm2, g/cm2 and cm, as in the run header.
    boundaries_m : sequence of five float, optional
        Lower boundaries of the layers; by default `layer_boundaries_m`.
    name, source : str, optional
        Name and origin.
    refractivity_per_density : float, optional
        n - 1 per g/cm3; by default CORSIKA's own choice, 2.83e-4 at sea level.

    Returns
    -------
    AtmosphereProfile
        Every 100 m up to where the thickness vanishes.

    Raises
    ------
    InputError
        If a scale height is not positive, or the profile that follows cannot be.
    """
    a, b, c = (np.asarray(values, dtype=np.float64) for values in (aatm, batm, catm))
    if a.shape != (5,) or b.shape != (5,) or c.shape != (5,) or not np.all(c > 0.0):
        raise InputError(source, "catm", c.tolist(), "five positive scale heights in cm")
    if not b[4] > 0.0:
        raise InputError(source, "batm", b.tolist(), "positive")
    if boundaries_m is None:
        boundaries_m = layer_boundaries_m(a, b, c)
    top = a[4] * c[4] / b[4] / 100.0
    height = np.append(np.arange(0.0, top, LAYER_STEP_M), top)
    layer = np.clip(np.searchsorted(boundaries_m, height, side="right") - 1, 0, 4)
    scaled = height * 100.0 / c[layer]
    linear = layer == 4
    decay = np.exp(-np.where(linear, 0.0, scaled))
    thickness = a[layer] + np.where(linear, -b[layer] * scaled, b[layer] * decay)
    thickness[-1] = 0.0
    density = b[layer] / c[layer] * decay
    # Where two layers meet, the fit's density may step up, and its thickness by rounding.
    density, thickness = np.minimum.accumulate(density), np.minimum.accumulate(thickness)
    if refractivity_per_density is None:
        refractivity_per_density = SEA_LEVEL_REFRACTIVITY / density[0]
    refractivity = refractivity_per_density * density
    return from_columns((height, density, thickness, refractivity), COLUMNS, source, name, source)
