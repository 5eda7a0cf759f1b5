"""Writer of DL3 files and their indices in the format GADF v0.3.

Format: Data formats for gamma-ray astronomy, version 0.3,
https://gamma-astro-data-formats.readthedocs.io (Zenodo, doi:10.5281/zenodo.7304668). The bytes
follow from the content alone: no dates, no host, no time in the gzip header.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import fitsio
import numpy as np
from astropy.time import Time

import iactflow
from iactflow.errors import InputError
from iactflow.io.gadf_hdus import fits_column, response_hdu, table_hdu, write_tables
from iactflow.io.observation import Observation

__all__ = ["REQUIRED_CARDS", "write_indices", "write_observation"]

REQUIRED_CARDS = ("OBJECT", "TELESCOP", "INSTRUME", "ORIGIN", "GEOLON", "GEOLAT", "ALTITUDE")
"""Keywords of the EVENTS header that the format demands and an `Observation` does not hold."""

_COMMON_CARDS = (
    *("MJDREFI", "MJDREFF", "TIMEUNIT", "TIMESYS", "TIMEREF"),
    *("TELESCOP", "INSTRUME", "GEOLON", "GEOLAT", "ALTITUDE"),
)
_KINDS = {"EFF_AREA": "aeff", "EDISP": "edisp", "RPSF": "psf", "BKG": "bkg"}
_OBS_COLUMNS = {
    "OBS_ID": ("K", None),
    "RA_PNT": ("D", "deg"),
    "DEC_PNT": ("D", "deg"),
    "ZEN_PNT": ("D", "deg"),
    "ALT_PNT": ("D", "deg"),
    "AZ_PNT": ("D", "deg"),
    "OBJECT": ("A", None),
    "RA_OBJ": ("D", "deg"),
    "DEC_OBJ": ("D", "deg"),
    "ONTIME": ("D", "s"),
    "LIVETIME": ("D", "s"),
    "DEADC": ("D", None),
    "TSTART": ("D", "s"),
    "TSTOP": ("D", "s"),
    "DATE-OBS": ("A", None),
    "TIME-OBS": ("A", None),
    "DATE-END": ("A", None),
    "TIME-END": ("A", None),
    "N_TELS": ("K", None),
    "TELLIST": ("A", None),
    "TELESCOP": ("A", None),
    "OBS_MODE": ("A", None),
    "EVENT_COUNT": ("K", None),
    "SAFE_ENERGY_LO": ("D", "TeV"),
    "SAFE_ENERGY_HI": ("D", "TeV"),
}
_HDU_COLUMNS = {
    "OBS_ID": "K",
    "HDU_TYPE": "A",
    "HDU_CLASS": "A",
    "FILE_DIR": "A",
    "FILE_NAME": "A",
    "HDU_NAME": "A",
    "SIZE": "K",
}


def write_observation(
    observation: Observation, path, cards: dict, columns: dict | None = None
) -> None:
    """Write one run: EVENTS, GTI, AEFF, EDISP, PSF and BKG, those that it holds.

    Parameters
    ----------
    observation : Observation
        The run; its event times ascend and count from ``time_ref_mjd`` (TT). Events are numbered
        from 1 in this order.
    path : str or Path
        File to write; gzipped when its name ends in ``.gz``.
    cards : dict
        Further keywords of the EVENTS header, a value or a pair of value and comment each: those
        of `REQUIRED_CARDS`, and whatever tells where the run comes from.
    columns : dict of str to ndarray of int64, optional
        Further columns of the events, in their order.

    Raises
    ------
    InputError
        If a required keyword is missing, or events do not ascend in time.
    """
    missing = [key for key in REQUIRED_CARDS if key not in cards]
    if missing:
        raise InputError(path, missing[0], None, "a value for " + ", ".join(REQUIRED_CARDS))
    backwards = np.flatnonzero(np.diff(observation.event_time_s) < 0)
    if len(backwards):
        raise InputError(path, "TIME", f"backwards after event {backwards[0] + 1}", "ascending")
    tables = [_events(observation, cards, columns or {}), _gti(observation)]
    for name in ("aeff", "edisp", "psf", "bkg"):
        table = getattr(observation, name)
        if table is not None:
            hdu = response_hdu(table)
            hdu.header["OBS_ID"] = observation.obs_id
            tables.append(hdu)
    write_tables(path, tables)


def write_indices(root, files, obs_index=None, hdu_index=None) -> None:
    """Write the observation index and the HDU index of a data store.

    Parameters
    ----------
    root : str or Path
        Folder that the indices belong to; the files are named relative to it.
    files : sequence of path
        GADF files below ``root``, one run each.
    obs_index, hdu_index : str or Path, optional
        Where to write; default: ``obs-index.fits.gz`` and ``hdu-index.fits.gz`` in ``root``.

    Raises
    ------
    InputError
        If there are no files, a file cannot be read or holds no run, or a run comes twice.
    """
    if not files:
        raise InputError(root, "files", "nothing", "at least one DL3 file")
    runs = sorted((_read_headers(root, Path(file)) for file in files), key=lambda r: r[0]["OBS_ID"])
    obs_ids = [run["OBS_ID"] for run, _, _ in runs]
    doubles = [a for a, b in pairwise(obs_ids) if a == b]
    if doubles:
        raise InputError(root, "OBS_ID", doubles[0], "each run in one file")
    rows = [run for run, _, _ in runs]
    columns = [
        fits_column(name, form, [_cell(row.get(name), form) for row in rows], unit)
        for name, (form, unit) in _OBS_COLUMNS.items()
    ]
    observations = table_hdu("OBS_INDEX", columns, HDUCLAS1="INDEX", HDUCLAS2="OBS", **runs[0][2])
    entries = [entry for _, tables, _ in runs for entry in tables]
    columns = [fits_column(n, f, [entry[n] for entry in entries]) for n, f in _HDU_COLUMNS.items()]
    write_tables(obs_index or Path(root) / "obs-index.fits.gz", [observations])
    tables = table_hdu("HDU_INDEX", columns, HDUCLAS1="INDEX", HDUCLAS2="HDU")
    write_tables(hdu_index or Path(root) / "hdu-index.fits.gz", [tables])


def _events(observation, cards, further):
    o = observation
    columns = [
        fits_column("EVENT_ID", "K", np.arange(1, len(o.event_time_s) + 1)),
        fits_column("TIME", "D", o.event_time_s, "s"),
        fits_column("RA", "D", o.event_ra_deg, "deg"),
        fits_column("DEC", "D", o.event_dec_deg, "deg"),
        fits_column("ENERGY", "D", o.event_energy_tev, "TeV"),
        *(fits_column(name, "K", values) for name, values in further.items()),
    ]
    hdu = table_hdu("EVENTS", columns, HDUCLAS1="EVENTS", **_time_cards(o))
    start, stop = (
        Time(o.time_ref_mjd, (t / 86400.0), format="mjd", scale="tt", precision=3).isot.split("T")
        for t in (o.tstart_s, o.tstop_s)
    )
    own = {
        "CREATOR": f"iactflow {iactflow.__version__}",
        "EV_CLASS": "ALL",
        "OBS_ID": o.obs_id,
        "DATE-OBS": (start[0], "start of the run, TT"),
        "TIME-OBS": start[1],
        "DATE-END": (stop[0], "end of the run, TT"),
        "TIME-END": stop[1],
        "TELAPSE": (o.tstop_s - o.tstart_s, "[s]"),
        "ONTIME": (o.ontime_s, "[s] sum of the good time intervals"),
        "LIVETIME": (o.livetime_s, "[s] corrected for dead time"),
        "DEADC": (o.livetime_s / o.ontime_s, "LIVETIME / ONTIME"),
        "OBS_MODE": "POINTING",
        "RA_PNT": (o.ra_pnt_deg, "[deg]"),
        "DEC_PNT": (o.dec_pnt_deg, "[deg]"),
        "ALT_PNT": (90.0 - o.zenith_deg, "[deg]"),
        "AZ_PNT": (0.0, "[deg]"),
        "RADECSYS": "ICRS",
        "EQUINOX": 2000.0,
    }
    for key, card in {**own, **cards}.items():
        hdu.header[key] = card
    return hdu


def _gti(observation):
    columns = [
        fits_column("START", "D", observation.gti_start_s, "s"),
        fits_column("STOP", "D", observation.gti_stop_s, "s"),
    ]
    return table_hdu("GTI", columns, HDUCLAS1="GTI", **_time_cards(observation))


def _time_cards(observation):
    day = int(observation.time_ref_mjd)
    return {
        "TSTART": observation.tstart_s,
        "TSTOP": observation.tstop_s,
        "MJDREFI": day,
        "MJDREFF": observation.time_ref_mjd - day,
        "TIMEUNIT": "s",
        "TIMESYS": "TT",
        "TIMEREF": "LOCAL",
    }


def _read_headers(root, path):
    """Row of the observation index, rows of the HDU index, and what all runs have in common."""
    try:
        with fitsio.FITS(str(path)) as file:
            headers = [dict(hdu.read_header()) for hdu in file[1:]]
    except OSError as error:
        text = " ".join(str(error).split())
        raise InputError(path, "file", text, "a complete GADF file") from error
    events = next((h for h in headers if h.get("HDUCLAS1") == "EVENTS"), None)
    if events is None:
        raise InputError(path, "HDUCLAS1", "no EVENTS", "a file that holds a run")
    areas = [h for h in headers if h.get("HDUCLAS4") == "AEFF_2D"]
    row = {name: events.get(name) for name in _OBS_COLUMNS}
    row["ZEN_PNT"] = 90.0 - events["ALT_PNT"]
    row["EVENT_COUNT"] = events["NAXIS2"]
    for name, key in (("SAFE_ENERGY_LO", "LO_THRES"), ("SAFE_ENERGY_HI", "HI_THRES")):
        row[name] = areas[0].get(key) if areas else None
    place = Path(os.path.relpath(path, root))
    entries = [
        {
            "OBS_ID": row["OBS_ID"],
            "HDU_TYPE": _KINDS.get(header.get("HDUCLAS2"), header["HDUCLAS1"].lower()),
            "HDU_CLASS": header.get("HDUCLAS4", header["HDUCLAS1"]).lower(),
            "FILE_DIR": str(place.parent),
            "FILE_NAME": place.name,
            "HDU_NAME": header["EXTNAME"],
            "SIZE": header["NAXIS1"] * header["NAXIS2"],
        }
        for header in headers
    ]
    return row, entries, {key: events[key] for key in _COMMON_CARDS if key in events}


def _cell(value, form):
    if value is not None:
        return value
    return {"K": -1, "D": np.nan, "A": "NOT AVAILABLE"}[form]
