"""Reader of DL3 files in the format GADF v0.3.

Format: Data formats for gamma-ray astronomy, version 0.3,
https://gamma-astro-data-formats.readthedocs.io (Zenodo, doi:10.5281/zenodo.7304668). One file
holds one run: its event list, its good time intervals and its responses. Tables are read through
fitsio; every column comes back in float64 and in the unit that its name carries.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fitsio
import numpy as np
from astropy.time import Time

from iactflow.errors import InputError
from iactflow.io.gadf_tables import READERS, Table, turn_x
from iactflow.io.observation import (
    Background3D,
    EffectiveArea,
    EnergyDispersion,
    Observation,
    PointSpread,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "HDUS",
    "Background3D",
    "EffectiveArea",
    "EnergyDispersion",
    "Observation",
    "PointSpread",
    "find_files",
    "read_hdu_index",
    "read_obs_index",
    "read_observation",
]

HDUS = ("events", "gti", "aeff", "edisp", "psf", "bkg")

_TIME_SYSTEMS = ("TT", "TAI", "UTC", "TDB")


def read_observation(path, *, hdus=HDUS) -> Observation:
    """Read one run.

    Parameters
    ----------
    path : str or Path
        A GADF file, plain or gzipped, that holds the tables asked for.
    hdus : sequence of str
        Tables to read, of `HDUS`; the EVENTS header is always read. Without ``events`` the event
        columns are empty; without ``gti`` the whole run, from TSTART to TSTOP, is one interval
        whose length is ONTIME.

    Returns
    -------
    Observation
        The run.

    Raises
    ------
    InputError
        When the file is missing, truncated or corrupt, or when a table, column, keyword or unit
        is missing or not understood; the message names file, table and column.
    """
    unknown = sorted(set(hdus) - set(HDUS))
    if unknown:
        raise InputError(path, "hdus", unknown[0], ", ".join(HDUS))
    if not Path(path).is_file():
        raise InputError(path, "file", "nothing", "an existing GADF file")
    try:
        with fitsio.FITS(str(path)) as fits:
            tables = {k: Table.find(path, fits, k, k in hdus) for k in {*hdus, "events"}}
    except InputError:
        raise
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split())
        raise InputError(path, "file", text, "a complete, uncorrupted GADF file") from error
    return _assemble(tables, hdus)


def read_obs_index(root) -> pd.DataFrame:
    """Read the observation index of a data store.

    Parameters
    ----------
    root : str or Path
        Folder that holds ``obs-index.fits.gz`` or ``obs-index.fits``.

    Returns
    -------
    DataFrame
        One row per run; columns as the format names them (OBS_ID, RA_PNT, ...).

    Raises
    ------
    InputError
        When the index is missing or unreadable, or has no OBS_ID.
    """
    return _read_index(root, "obs-index", ("OBS_ID",))


def read_hdu_index(root) -> pd.DataFrame:
    """Read the HDU index of a data store.

    Parameters
    ----------
    root : str or Path
        Folder that holds ``hdu-index.fits.gz`` or ``hdu-index.fits``.

    Returns
    -------
    DataFrame
        One row per table; columns as the format names them (OBS_ID, HDU_TYPE, FILE_NAME, ...).

    Raises
    ------
    InputError
        When the index is missing or unreadable, or lacks a mandatory column.
    """
    columns = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    return _read_index(root, "hdu-index", columns)


def find_files(root) -> dict[int, Path]:
    """Find the file of every run of a data store.

    Parameters
    ----------
    root : str or Path
        Folder that holds the HDU index.

    Returns
    -------
    dict of int to Path
        The file of each run's events, below ``root``, by run number in ascending order.

    Raises
    ------
    InputError
        When the HDU index is missing or unreadable.
    """
    index = read_hdu_index(root)
    events = index[index["HDU_TYPE"].str.lower() == "events"].sort_values("OBS_ID")
    parts = zip(events["OBS_ID"], events["FILE_DIR"], events["FILE_NAME"], strict=True)
    return {int(obs_id): Path(root) / folder / name for obs_id, folder, name in parts}


def _assemble(tables, hdus):
    events = tables["events"]
    reference, system = _time_reference(events)
    start, stop = events.keyword("TSTART"), events.keyword("TSTOP")
    gti_start, gti_stop, ontime = np.array([start]), np.array([stop]), events.keyword("ONTIME")
    if "gti" in hdus:
        gti_start, gti_stop = _read_gti(tables["gti"], reference)
        ontime = float(np.sum(gti_stop - gti_start))
    responses = {k: READERS[k](tables[k]) for k in hdus if k in READERS}
    # The exporter of H.E.S.S. DL3 DR1 counted DETX towards rising right ascension.
    old = events.header.get("CREATOR") == "SASH FITS::EventListWriter"
    if "bkg" in responses and old and events.header.get("HDUVERS") == "0.2":
        responses["bkg"] = turn_x(responses["bkg"])
    return Observation(
        obs_id=events.keyword("OBS_ID", int),
        ra_pnt_deg=events.keyword("RA_PNT"),
        dec_pnt_deg=events.keyword("DEC_PNT"),
        zenith_deg=90.0 - events.keyword("ALT_PNT"),
        livetime_s=ontime * events.keyword("DEADC"),
        ontime_s=ontime,
        time_ref_mjd=reference,
        time_system=system,
        tstart_s=start,
        tstop_s=stop,
        **_read_events(events, "events" in hdus),
        gti_start_s=gti_start,
        gti_stop_s=gti_stop,
        **responses,
    )


def _time_reference(table):
    system = table.keyword("TIMESYS", str, "TT").strip().upper()
    if system not in _TIME_SYSTEMS:
        raise InputError(table.path, table.key("TIMESYS"), system, ", ".join(_TIME_SYSTEMS))
    reference = table.keyword("MJDREFI") + table.keyword("MJDREFF")
    if system != "TT":
        reference = float(Time(reference, format="mjd", scale=system.lower()).tt.mjd)
    return reference, system


def _read_gti(table, reference):
    own_reference = _time_reference(table)[0] if "MJDREFI" in table.header else reference
    # Differences below a microsecond are rounding of MJDREFF, not another reference.
    shift = (own_reference - reference) * 86400.0
    shift = shift if abs(shift) > 1e-6 else 0.0
    start, stop = table.column("START", "s") + shift, table.column("STOP", "s") + shift
    order = np.argsort(start, kind="stable")
    start, stop = start[order], stop[order]
    if np.any(stop <= start) or np.any(start[1:] < stop[:-1]):
        raise InputError(table.path, table.key("STOP"), stop.tolist()[:3], "ascending intervals")
    return start, stop


def _read_events(table, read):
    columns = {"TIME": "s", "RA": "deg", "DEC": "deg", "ENERGY": "TeV"}
    names = {k: f"event_{k.lower()}_{unit.lower()}" for k, unit in columns.items()}
    return {names[k]: table.column(k, unit) if read else np.empty(0) for k, unit in columns.items()}


def _read_index(root, name, columns):
    paths = [p for s in (".fits.gz", ".fits") if (p := Path(root) / f"{name}{s}").is_file()]
    if not paths:
        raise InputError(Path(root) / f"{name}.fits.gz", "file", "nothing", "an existing index")
    try:
        rows = fitsio.read(str(paths[0]), ext=1)
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split())
        raise InputError(paths[0], "file", text, "a complete index table") from error
    missing = [c for c in columns if c not in rows.dtype.names]
    if missing:
        raise InputError(paths[0], missing[0], "nothing", "a column")
    # Jobs read runs, not indices: they need not pay for the import.
    import pandas as pd

    return pd.DataFrame({n: _plain(rows[n]) for n in rows.dtype.names})


def _plain(values):
    """A column as pandas takes it: machine byte order, text without padding."""
    if values.dtype.kind == "S":
        return np.char.strip(np.char.decode(values, "ascii")).astype(object)
    return values.astype(values.dtype.newbyteorder("="))
