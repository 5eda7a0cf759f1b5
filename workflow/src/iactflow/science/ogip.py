"""Spectral data sets as OGIP files: PHA, background PHA, ARF and RMF.

Formats: OGIP memo 92-007 (PHA) and CAL/GEN memo 92-002 (ARF, RMF), NASA HEASARC; the columns are
those that gammapy 2.1 reads. Numbers stand in double precision, energies in TeV. The safe energy
range is the column QUALITY, the relative exposure of the regions the column BACKSCAL. Rows of the
RMF hold one group that spans all channels; F_CHAN and N_CHAN have a second, unused element, so
that readers find arrays.
"""

from __future__ import annotations

from pathlib import Path

import fitsio
import numpy as np

from iactflow.errors import InputError
from iactflow.science.dataset import SpectrumDataset

__all__ = ["read_ogip", "write_ogip"]

_BAD = 1
_EXTENSIONS = {
    "pha": ("SPECTRUM", "EBOUNDS", "GTI"),
    "bkg": ("SPECTRUM",),
    "arf": ("SPECRESP",),
    "rmf": ("MATRIX",),
}


def write_ogip(dataset, directory) -> Path:
    """Write a data set.

    Parameters
    ----------
    dataset : SpectrumDataset
        The data set; its counts are whole numbers, its livetime is above zero.
    directory : str or Path
        Folder; it is made. The files are ``pha_obs<name>.fits`` and the same with bkg, arf, rmf.

    Returns
    -------
    Path
        The PHA file, which names the others.

    Raises
    ------
    InputError
        When a count is not a whole number or the livetime is zero.
    """
    directory = Path(directory)
    names = {kind: f"{kind}_obs{dataset.name}.fits" for kind in _EXTENSIONS}
    if not dataset.livetime_s > 0:
        raise InputError(directory / names["pha"], "EXPOSURE", dataset.livetime_s, "above 0 s")
    directory.mkdir(parents=True, exist_ok=True)
    _write_counts(directory / names["pha"], dataset, names, "TOTAL")
    _write_counts(directory / names["bkg"], dataset, names, "BKG")
    _write_arf(directory / names["arf"], dataset)
    _write_rmf(directory / names["rmf"], dataset)
    return directory / names["pha"]


def read_ogip(path) -> SpectrumDataset:
    """Read a data set.

    Parameters
    ----------
    path : str or Path
        The PHA file; the files that it names lie beside it.

    Returns
    -------
    SpectrumDataset
        The data set.

    Raises
    ------
    InputError
        When a file, table, column or keyword is missing or unreadable.
    """
    path = Path(path)
    pha, header = _read(path, "pha")
    linked = {}
    for kind, key in (("bkg", "BACKFILE"), ("arf", "ANCRFILE"), ("rmf", "RESPFILE")):
        if not header.get(key):
            raise InputError(path, key, header.get(key), "the name of a file beside this one")
        linked[kind] = _read(path.parent / header[key].strip(), kind)[0]
    on, off, area = pha["SPECTRUM"], linked["bkg"]["SPECTRUM"], linked["arf"]["SPECRESP"]
    channels = pha["EBOUNDS"]
    try:
        livetime_s = float(header["EXPOSURE"])
        start_s, stop_s = _native(pha["GTI"]["START"]), _native(pha["GTI"]["STOP"])
        return SpectrumDataset(
            name=str(header["OBS_ID"]).strip(),
            energy_edges_tev=_native(np.append(channels["E_MIN"], channels["E_MAX"][-1])),
            energy_true_edges_tev=_native(np.append(area["ENERG_LO"], area["ENERG_HI"][-1])),
            n_on=_native(on["COUNTS"]),
            n_off=_native(off["COUNTS"]),
            acceptance=_native(on["BACKSCAL"]),
            acceptance_off=_native(off["BACKSCAL"]),
            exposure_cm2_s=_native(area["SPECRESP"]) * livetime_s,
            edisp=_native(linked["rmf"]["MATRIX"]["MATRIX"]),
            mask_safe=on["QUALITY"] == 0,
            livetime_s=livetime_s,
            ontime_s=float(np.sum(stop_s - start_s)),
            time_ref_mjd=float(header["MJDREFI"]) + float(header["MJDREFF"]),
            gti_start_s=start_s,
            gti_stop_s=stop_s,
        )
    except (KeyError, ValueError) as error:
        raise InputError(path, str(error), "nothing", "a keyword or column of OGIP") from error


def _write_counts(path, dataset, names, kind):
    total = kind == "TOTAL"
    counts = dataset.n_on if total else dataset.n_off
    if np.any(counts != np.rint(counts)):
        bad = counts[counts != np.rint(counts)][0]
        raise InputError(path, "COUNTS", bad, "whole numbers")
    n = len(counts)
    columns = {
        "CHANNEL": np.arange(n, dtype=np.int32),
        "COUNTS": counts.astype(np.int32),
        "QUALITY": np.where(dataset.mask_safe, 0, _BAD).astype(np.int16),
        "BACKSCAL": (dataset.acceptance if total else dataset.acceptance_off).astype(float),
    }
    day = int(np.floor(dataset.time_ref_mjd))
    time = {"MJDREFI": day, "MJDREFF": dataset.time_ref_mjd - day, "TIMESYS": "TT"}
    header = {
        **_ogip("SPECTRUM", kind, "1.2.1"),
        "HDUCLAS3": "COUNT",
        "CHANTYPE": "PHA",
        "DETCHANS": n,
        "TLMIN1": 0,
        "TLMAX1": n - 1,
        "POISSERR": True,
        "GROUPING": 0,
        "AREASCAL": 1.0,
        "CORRSCAL": 0.0,
        "CORRFILE": "none",
        "EXPOSURE": dataset.livetime_s,
        "OBS_ID": dataset.name,
        "BACKFILE": names["bkg"] if total else "none",
        "ANCRFILE": names["arf"],
        "RESPFILE": names["rmf"],
        **time,
    }
    intervals = {"START": dataset.gti_start_s, "STOP": dataset.gti_stop_s}
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        _write_table(fits, "SPECTRUM", columns, header)
        _write_table(fits, "EBOUNDS", _channels(dataset), _ogip("RESPONSE", "EBOUNDS", "1.2.0"))
        gti = {**_ogip("GTI", "STANDARD", "1.0.0"), **time, "TIMEUNIT": "s"}
        _write_table(fits, "GTI", intervals, gti, ["s", "s"])


def _write_arf(path, dataset):
    columns = {
        **_true_energies(dataset),
        "SPECRESP": dataset.exposure_cm2_s / dataset.livetime_s,
    }
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        header = _ogip("RESPONSE", "SPECRESP", "1.1.0")
        _write_table(fits, "SPECRESP", columns, header, ["TeV", "TeV", "cm2"])


def _write_rmf(path, dataset):
    m, n = dataset.edisp.shape
    columns = {
        **_true_energies(dataset),
        "N_GRP": np.ones(m, dtype=np.int16),
        "F_CHAN": np.zeros((m, 2), dtype=np.int16),
        "N_CHAN": np.repeat(np.array([[n, 0]], dtype=np.int16), m, axis=0),
        "MATRIX": dataset.edisp,
    }
    header = {
        **_ogip("RESPONSE", "RSP_MATRIX", "1.3.0"),
        "HDUCLAS3": "REDIST",
        "CHANTYPE": "PHA",
        "DETCHANS": n,
        "NUMGRP": m,
        "TLMIN4": 0,
        "TLMAX4": n - 1,
    }
    with fitsio.FITS(str(path), "rw", clobber=True) as fits:
        _write_table(fits, "MATRIX", columns, header, ["TeV", "TeV", "", "", "", ""])
        _write_table(fits, "EBOUNDS", _channels(dataset), _ogip("RESPONSE", "EBOUNDS", "1.2.0"))


def _channels(dataset):
    edges = dataset.energy_edges_tev
    channel = np.arange(len(edges) - 1, dtype=np.int32)
    return {"CHANNEL": channel, "E_MIN": edges[:-1], "E_MAX": edges[1:]}


def _true_energies(dataset):
    edges = dataset.energy_true_edges_tev
    return {"ENERG_LO": edges[:-1], "ENERG_HI": edges[1:]}


def _ogip(clas1, clas2, version):
    return {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": clas1,
        "HDUCLAS2": clas2,
        "HDUVERS": version,
        "TELESCOP": "IACT",
        "INSTRUME": "IACT",
        "FILTER": "none",
    }


def _write_table(fits, name, columns, header, units=None):
    if units is None:
        units = ["TeV" if c.startswith("E_") else "" for c in columns]
    keys = [{"name": key, "value": value} for key, value in header.items()]
    fits.write(list(columns.values()), names=list(columns), extname=name, units=units, header=keys)


def _read(path, kind):
    """The tables of one file by name, and the header of the first."""
    if not path.is_file():
        raise InputError(path, "file", "nothing", f"an existing OGIP file ({kind.upper()})")
    try:
        with fitsio.FITS(str(path)) as fits:
            present = {hdu.get_extname().upper() for hdu in fits}
            for name in _EXTENSIONS[kind]:
                if name not in present:
                    raise InputError(path, f"HDU {name}", "nothing", "a table")
            tables = {name: fits[name].read() for name in _EXTENSIONS[kind]}
            return tables, fits[_EXTENSIONS[kind][0]].read_header()
    except InputError:
        raise
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split())
        raise InputError(path, "file", text, "a complete, uncorrupted OGIP file") from error


def _native(values):
    return np.ascontiguousarray(values, dtype=np.float64)
