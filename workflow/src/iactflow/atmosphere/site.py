"""Standard atmospheres of sites, and the geomagnetic field in the frame of the telescopes.

A folder of ``config/atmospheres`` holds ``profile.ecsv``, ``extinction.ecsv`` and ``site.yaml``.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import yaml
from astropy.table import Table

from iactflow.atmosphere.extinction import ExtinctionTable
from iactflow.atmosphere.extinction_model import at_level
from iactflow.atmosphere.profile import AtmosphereProfile, read_ecsv, read_profile_ecsv
from iactflow.errors import InputError

__all__ = [
    "extinction_rows",
    "geographic_field",
    "load_atmosphere",
    "magnetic_field",
    "read_extinction_ecsv",
]

MAGNETIC_KEYS = ("horizontal_ut", "down_ut", "declination_deg")


def geographic_field(
    horizontal_ut: float, down_ut: float, declination_deg: float
) -> tuple[float, float, float]:
    """Geomagnetic field in the frame of the telescopes from CORSIKA's parameters.

    Parameters
    ----------
    horizontal_ut, down_ut : float
        CORSIKA's ``MAGNET``: component to magnetic north, component downward, in microtesla.
    declination_deg : float
        Direction of magnetic north, eastward of geographic north; CORSIKA's ``ARRANG`` when the
        telescopes' x axis points to geographic north.

    Returns
    -------
    tuple of three float
        Components to the geographic north, to the west and upward, in microtesla.
    """
    angle = math.radians(declination_deg)
    return horizontal_ut * math.cos(angle), -horizontal_ut * math.sin(angle), -down_ut


def magnetic_field(directory) -> tuple[float, float, float]:
    """Geomagnetic field of a standard atmosphere's site.

    Parameters
    ----------
    directory : str or Path
        Folder with ``site.yaml``.

    Returns
    -------
    tuple of three float
        Components to the geographic north, to the west and upward, in microtesla.

    Raises
    ------
    InputError
        If the file or a number is missing.
    """
    path = Path(directory) / "site.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(
            path, "file", str(error).splitlines()[0], "a readable YAML file"
        ) from error
    block = (content or {}).get("magnetic_field", {})
    for key in MAGNETIC_KEYS:
        if not isinstance(block.get(key), int | float):
            raise InputError(path, f"magnetic_field.{key}", block.get(key), "a number")
    return geographic_field(*(float(block[key]) for key in MAGNETIC_KEYS))


def extinction_rows(table: ExtinctionTable, name: str, source: str) -> Table:
    """Extinction as a table for ECSV: a row per wavelength, a column per height.

    Parameters
    ----------
    table : ExtinctionTable
        Table.
    name, source : str
        Name; where the numbers come from.

    Returns
    -------
    astropy.table.Table
        Columns ``wavelength_nm`` and ``tau_<height in m>m``.
    """
    rows = Table({"wavelength_nm": table.wavelengths_nm})
    for height, tau in zip(table.heights_m[1:], table.tau[1:], strict=True):
        rows[f"tau_{height:g}m"] = [float(f"{value:.5g}") for value in tau]
    rows.meta = {
        "name": name,
        "source": source,
        "observation_level_m": float(table.observation_level_m),
    }
    return rows


def read_extinction_ecsv(path) -> ExtinctionTable:
    """Read an extinction table in ECSV.

    Parameters
    ----------
    path : str or Path
        Written as `extinction_rows` lays it out.

    Returns
    -------
    ExtinctionTable
        The table.

    Raises
    ------
    InputError
        If the file, a column or the observation level is missing, or values cannot be.
    """
    rows = read_ecsv(path, ("wavelength_nm",), ("name", "source", "observation_level_m"))
    columns = [name for name in rows.colnames if name.startswith("tau_") and name.endswith("m")]
    level = float(rows.meta["observation_level_m"])
    try:
        heights = np.array([float(name[4:-1]) for name in columns])
    except ValueError as error:
        raise InputError(path, "columns", columns[:3], "tau_<height in m>m") from error
    if heights.size < 1 or heights[0] <= level or np.any(np.diff(heights) <= 0.0):
        raise InputError(path, "columns", columns[:3], f"heights ascending from {level} m")
    waves = np.ascontiguousarray(rows["wavelength_nm"], dtype=np.float64)
    tau = np.array([rows[name] for name in columns], dtype=np.float64)
    if waves.size < 2 or not np.allclose(np.diff(waves), waves[1] - waves[0]):
        raise InputError(path, "wavelength_nm", waves[:3].tolist(), "equal ascending steps")
    if not np.all(tau >= 0.0):
        raise InputError(path, "optical depth", float(np.nanmin(tau)), "not negative")
    tau = np.vstack([np.zeros((1, waves.size)), tau])
    return ExtinctionTable(np.append(level, heights), waves, np.ascontiguousarray(tau), level)


def load_atmosphere(
    directory, observation_level_m: float | None = None
) -> tuple[AtmosphereProfile, ExtinctionTable]:
    """A site's standard atmosphere.

    Parameters
    ----------
    directory : str or Path
        Folder of ``config/atmospheres``.
    observation_level_m : float, optional
        Height above sea level that light is followed to; by default that of the extinction table.

    Returns
    -------
    AtmosphereProfile
        Profile, for `iactflow.atmosphere.table.make_table`.
    ExtinctionTable
        Extinction to the observation level.

    Raises
    ------
    InputError
        If a file is missing or cannot be.
    """
    directory = Path(directory)
    profile = read_profile_ecsv(directory / "profile.ecsv")
    table = read_extinction_ecsv(directory / "extinction.ecsv")
    if observation_level_m is None or observation_level_m == table.observation_level_m:
        return profile, table
    level = float(observation_level_m)
    if not profile.height_m[0] <= level < table.heights_m[-1]:
        raise InputError(directory, "observation_level_m", level, "a height inside the profile")
    heights, tau = at_level(table.heights_m, table.tau, level)
    return profile, ExtinctionTable(heights, table.wavelengths_nm, tau, level)
