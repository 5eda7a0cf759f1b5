"""Reader of DL3 files in the format GADF v0.3.

Format: Data formats for gamma-ray astronomy, version 0.3,
https://gamma-astro-data-formats.readthedocs.io (Zenodo, doi:10.5281/zenodo.7304668). One file
holds one run: its event list, its good time intervals and its responses. Tables are read through
fitsio; every column comes back in float64 and in the unit that its name carries.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import fitsio
import numpy as np
from astropy import units
from astropy.time import Time

from iactflow.errors import InputError
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

# HDUCLAS1, HDUCLAS2 and the one HDUCLAS4 that is understood, of each kind of table.
_CLASSES = {
    "events": ("EVENTS", None, None),
    "gti": ("GTI", None, None),
    "aeff": ("RESPONSE", "EFF_AREA", "AEFF_2D"),
    "edisp": ("RESPONSE", "EDISP", "EDISP_2D"),
    "psf": ("RESPONSE", "RPSF", "PSF_TABLE"),
    "bkg": ("RESPONSE", "BKG", "BKG_3D"),
}
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
            tables = {k: _Table.find(path, fits, k, k in hdus) for k in {*hdus, "events"}}
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


class _Table:
    """A table of a FITS file: checked access to keywords and columns."""

    def __init__(self, path, kind, header, rows):
        self.path, self.name, self.header, self.rows = path, kind.upper(), header, rows
        self.units = {
            header[f"TTYPE{i}"]: header.get(f"TUNIT{i}", "")
            for i in range(1, int(header["TFIELDS"]) + 1)
        }

    @classmethod
    def find(cls, path, fits, kind, read):
        """The table of a kind: by name first, which spares reading every header, then by class."""
        clas1, clas2, clas4 = _CLASSES[kind]
        found = sorted(range(1, len(fits)), key=lambda i: fits[i].get_extname().lower() != kind)
        for i in found:
            header = fits[i].read_header()
            named = fits[i].get_extname().lower() == kind and "HDUCLAS1" not in header
            classed = header.get("HDUCLAS1") == clas1 and header.get("HDUCLAS2") in (clas2, None)
            if named or classed:
                break
        else:
            raise InputError(path, f"HDU {kind.upper()}", "nothing", f"a table of class {clas1}")
        table = cls(path, kind, header, fits[i].read() if read else np.empty(0))
        for key, allowed in (("HDUCLAS3", "FULL-ENCLOSURE"), ("HDUCLAS4", clas4)):
            if clas4 and header.get(key, allowed) != allowed:
                raise InputError(path, table.key(key), header[key], allowed)
        if read and len(table.rows) == 0 and kind != "events":
            raise InputError(path, f"HDU {table.name}", "no rows", "at least one row")
        return table

    def key(self, name):
        """How messages name a keyword or column."""
        return f"HDU {self.name}: {name}"

    def keyword(self, name, kind=float, default=None):
        """A header keyword as a number or text."""
        value = self.header.get(name, default)
        if value is None and default is None:
            raise InputError(self.path, self.key(name), "nothing", "a header keyword")
        try:
            value = kind(value)
        except (TypeError, ValueError):
            raise InputError(self.path, self.key(name), value, f"a {kind.__name__}") from None
        if kind is float and not np.isfinite(value):
            raise InputError(self.path, self.key(name), value, "a finite number")
        return value

    def column(self, name, unit):
        """A column in float64 and in ``unit``."""
        if name not in (self.rows.dtype.names or ()):
            raise InputError(self.path, self.key(name), "nothing", f"a column in {unit or '1'}")
        factor = _factor(str(self.units[name]).strip(), unit)
        if factor is None:
            raise InputError(self.path, self.key(name), f"unit {self.units[name]}", unit or "none")
        values = self.rows[name].astype(np.float64)
        if not np.all(np.isfinite(values)):
            bad = values[~np.isfinite(values)][0]
            raise InputError(self.path, self.key(name), bad, "finite numbers")
        return values * factor if factor != 1.0 else values

    def edges(self, name, unit):
        """Bin edges from the columns ``<name>_LO`` and ``<name>_HI`` of the first row."""
        low, high = self.column(f"{name}_LO", unit)[0], self.column(f"{name}_HI", unit)[0]
        edges = np.append(low, high[-1])
        width = np.diff(edges)
        gap = np.any(np.abs(high[:-1] - low[1:]) > 1e-3 * width[:-1]) if len(low) > 1 else False
        if np.any(width <= 0) or gap:
            raise InputError(
                self.path, self.key(f"{name}_LO"), low.tolist()[:3], "ascending bins without gaps"
            )
        return edges

    def offsets(self):
        """Edges and nodes in offset; a file that gives points has THETA_LO equal to THETA_HI."""
        low, high = self.column("THETA_LO", "deg")[0], self.column("THETA_HI", "deg")[0]
        if len(low) == 1 or np.any(np.abs(high - low) > 1e-6):
            edges = self.edges("THETA", "deg")
            return edges, 0.5 * (edges[1:] + edges[:-1])
        if np.any(np.diff(low) <= 0):
            raise InputError(self.path, self.key("THETA_LO"), low.tolist()[:3], "ascending offsets")
        half = 0.5 * np.diff(low)
        return np.r_[low[0] - half[0], low[:-1] + half, low[-1] + half[-1]], low

    def cube(self, name, unit, *axes):
        """The response in the first row, its shape checked against the edges of its axes."""
        values = np.ascontiguousarray(self.column(name, unit)[0])
        shape = tuple(len(edges) - 1 for edges in axes)
        if values.shape != shape:
            raise InputError(self.path, self.key(name), values.shape, f"the shape {shape}")
        return values


@lru_cache(maxsize=256)
def _factor(text, unit):
    """Factor from the unit of a file to ours; None where they do not fit."""
    try:
        return units.Unit(text).to(units.Unit(unit))
    except (ValueError, TypeError, units.UnitsError):
        return None


def _assemble(tables, hdus):
    events = tables["events"]
    reference, system = _time_reference(events)
    start, stop = events.keyword("TSTART"), events.keyword("TSTOP")
    gti_start, gti_stop, ontime = np.array([start]), np.array([stop]), events.keyword("ONTIME")
    if "gti" in hdus:
        gti_start, gti_stop = _read_gti(tables["gti"], reference)
        ontime = float(np.sum(gti_stop - gti_start))
    responses = {k: _READERS[k](tables[k]) for k in hdus if k in _READERS}
    # The exporter of H.E.S.S. DL3 DR1 counted DETX towards rising right ascension.
    old = events.header.get("CREATOR") == "SASH FITS::EventListWriter"
    if "bkg" in responses and old and events.header.get("HDUVERS") == "0.2":
        responses["bkg"] = _turn_x(responses["bkg"])
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


def _read_aeff(table):
    energy, (offset, nodes) = table.edges("ENERG", "TeV"), table.offsets()
    limits = [table.keyword(k) if k in table.header else None for k in ("LO_THRES", "HI_THRES")]
    area = table.cube("EFFAREA", "m2", offset, energy)
    return EffectiveArea(energy, offset, area, *limits, offset_nodes_deg=nodes)


def _read_edisp(table):
    energy, migra = table.edges("ENERG", "TeV"), table.edges("MIGRA", "")
    offset, nodes = table.offsets()
    matrix = table.cube("MATRIX", "", offset, migra, energy)
    return EnergyDispersion(energy, migra, offset, matrix, offset_nodes_deg=nodes)


def _read_psf(table):
    energy, (offset, nodes) = table.edges("ENERG", "TeV"), table.offsets()
    rad = table.edges("RAD", "deg")
    density = table.cube("RPSF", "sr-1", rad, offset, energy)
    return PointSpread(energy, offset, rad, density, offset_nodes_deg=nodes)


def _read_bkg(table):
    """Background model; the array is filed as (energy, x, y) or, transposed, as (y, x, energy)."""
    energy = table.edges("ENERG", "TeV")
    x, y = table.edges("DETX", "deg"), table.edges("DETY", "deg")
    alignment = table.keyword("FOVALIGN", str, "RADEC").strip().upper()
    if alignment not in ("RADEC", "ALTAZ"):
        raise InputError(table.path, table.key("FOVALIGN"), alignment, "RADEC or ALTAZ")
    unit = "s-1 MeV-1 sr-1"
    if table.column("BKG", unit).shape[-1] == len(energy) - 1 != len(y) - 1:
        rate = np.moveaxis(table.cube("BKG", unit, y, x, energy), -1, 0)
    else:
        rate = table.cube("BKG", unit, energy, x, y).transpose(0, 2, 1)
    return Background3D(energy, x, y, np.ascontiguousarray(rate), alignment)


def _turn_x(bkg):
    """Background model with DETX counted the other way."""
    rate = np.ascontiguousarray(bkg.rate_per_s_mev_sr[:, :, ::-1])
    return replace(bkg, x_edges_deg=-bkg.x_edges_deg[::-1], rate_per_s_mev_sr=rate)


_READERS = {"aeff": _read_aeff, "edisp": _read_edisp, "psf": _read_psf, "bkg": _read_bkg}


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
