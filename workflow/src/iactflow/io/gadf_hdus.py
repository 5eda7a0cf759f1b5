"""Tables of GADF files as FITS extensions, and files of them.

Format: Data formats for gamma-ray astronomy, version 0.3,
https://gamma-astro-data-formats.readthedocs.io (Zenodo, doi:10.5281/zenodo.7304668). The bytes
follow from the content alone: no dates, no host, no time in the gzip header.
"""

from __future__ import annotations

import gzip
import io
from functools import singledispatch
from pathlib import Path

import numpy as np
from astropy.io import fits

from iactflow.io.observation import (
    Background2D,
    Background3D,
    EffectiveArea,
    EnergyDispersion,
    PointSpread,
    PointSpread3Gauss,
    PointSpreadKing,
    RadMax,
)

__all__ = ["fits_column", "response_hdu", "table_hdu", "write_tables"]

_FORMAT = {
    "HDUCLASS": "GADF",
    "HDUDOC": "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats",
    "HDUVERS": "0.3",
}
_RATE = "s-1 MeV-1 sr-1"
FULL, POINT_LIKE = "FULL-ENCLOSURE", "POINT-LIKE"


def response_hdu(table, point_like: bool = False) -> fits.BinTableHDU:
    """Extension of one response.

    Parameters
    ----------
    table : EffectiveArea, EnergyDispersion, PointSpread, Background3D or another response
        Any of `iactflow.io.observation`.
    point_like : bool, optional
        Whether events were cut in their distance from the source.

    Returns
    -------
    BinTableHDU
        Named AEFF, EDISP, PSF, BKG or RAD_MAX.
    """
    hdu = _build(table)
    hdu.header["HDUCLAS3"] = POINT_LIKE if point_like else FULL
    return hdu


@singledispatch
def _build(table):
    raise TypeError(f"{type(table).__name__} is no response")


@_build.register
def _aeff(aeff: EffectiveArea):
    columns = _edges("ENERG", aeff.energy_edges_tev, "TeV") + _offsets(aeff)
    hdu = _response("AEFF", "EFF_AREA", "AEFF_2D", columns, "EFFAREA", aeff.area_m2, "m2")
    for key, value in (("LO_THRES", aeff.lo_thres_tev), ("HI_THRES", aeff.hi_thres_tev)):
        if value is not None:
            hdu.header[key] = (value, "[TeV] end of the safe energies")
    return hdu


@_build.register
def _edisp(edisp: EnergyDispersion):
    columns = _edges("ENERG", edisp.energy_edges_tev, "TeV")
    columns += _edges("MIGRA", edisp.migra_edges, None) + _offsets(edisp)
    return _response("EDISP", "EDISP", "EDISP_2D", columns, "MATRIX", edisp.matrix, None)


@_build.register
def _psf(psf: PointSpread):
    columns = _edges("ENERG", psf.energy_edges_tev, "TeV") + _offsets(psf)
    columns += _edges("RAD", psf.rad_edges_deg, "deg")
    return _response("PSF", "RPSF", "PSF_TABLE", columns, "RPSF", psf.value_per_sr, "sr-1")


@_build.register(PointSpread3Gauss)
@_build.register(PointSpreadKing)
def _parametric_psf(psf):
    columns = _edges("ENERG", psf.energy_edges_tev, "TeV") + _offsets(psf)
    for name, (column, unit) in psf.COLUMNS.items():
        columns.append(_values(column, getattr(psf, name), unit))
    classes = {"HDUCLAS1": "RESPONSE", "HDUCLAS2": "RPSF", "HDUCLAS3": FULL}
    return table_hdu("PSF", columns, **classes, HDUCLAS4=psf.HDU_CLASS)


@_build.register
def _bkg(bkg: Background3D):
    columns = _edges("DETX", bkg.x_edges_deg, "deg") + _edges("DETY", bkg.y_edges_deg, "deg")
    columns += _edges("ENERG", bkg.energy_edges_tev, "TeV")
    rate = bkg.rate_per_s_mev_sr.transpose(0, 2, 1)
    hdu = _response("BKG", "BKG", "BKG_3D", columns, "BKG", rate, _RATE)
    hdu.header["FOVALIGN"] = bkg.fov_alignment
    return hdu


@_build.register
def _bkg_2d(bkg: Background2D):
    columns = _edges("ENERG", bkg.energy_edges_tev, "TeV")
    columns += _edges("THETA", bkg.offset_edges_deg, "deg")
    return _response("BKG", "BKG", "BKG_2D", columns, "BKG", bkg.rate_per_s_mev_sr.T, _RATE)


@_build.register
def _rad_max(rad_max: RadMax):
    columns = _edges("ENERG", rad_max.energy_edges_tev, "TeV") + _offsets(rad_max)
    return _response(
        "RAD_MAX", "RAD_MAX", "RAD_MAX_2D", columns, "RAD_MAX", rad_max.rad_max_deg, "deg"
    )


def _response(name, clas2, clas4, columns, value_name, values, unit):
    columns.append(_values(value_name, values, unit))
    classes = {"HDUCLAS1": "RESPONSE", "HDUCLAS2": clas2, "HDUCLAS3": FULL}
    return table_hdu(name, columns, **classes, HDUCLAS4=clas4)


def _values(name, values, unit):
    dim = "(" + ",".join(str(n) for n in reversed(values.shape)) + ")"
    array = values.astype(np.float32)[np.newaxis]
    return fits.Column(name, f"{values.size}E", unit=unit, dim=dim, array=array)


def _edges(name, edges, unit):
    return _low_high(name, edges[:-1], edges[1:], unit)


def _offsets(table):
    """Columns of the offset axis: bins, or points where the values do not belong to bins."""
    edges, nodes = table.offset_edges_deg, table.offset_nodes_deg
    centred = np.allclose(nodes, 0.5 * (edges[1:] + edges[:-1]), rtol=0.0, atol=1e-9)
    if centred and edges[0] >= 0.0:
        return _edges("THETA", edges, "deg")
    return _low_high("THETA", nodes, nodes, "deg")


def _low_high(name, low, high, unit):
    form = f"{len(low)}D"
    return [
        fits.Column(f"{name}_{end}", form, unit=unit, array=np.asarray(values)[np.newaxis])
        for end, values in (("LO", low), ("HI", high))
    ]


def fits_column(name: str, form: str, values, unit: str | None = None) -> fits.Column:
    """Column of a table with many rows.

    Parameters
    ----------
    name : str
        Name.
    form : str
        Letter of the FITS format; ``A``: as wide as the longest text.
    values : array_like, shape (n,)
        Values.
    unit : str, optional
        Unit.

    Returns
    -------
    Column
        The column.
    """
    if form == "A":
        form = f"{max([1, *map(len, values)])}A"
    return fits.Column(name, form, unit=unit, array=np.asarray(values))


def table_hdu(name: str, columns: list, **cards) -> fits.BinTableHDU:
    """Table with the keywords of the format.

    Parameters
    ----------
    name : str
        Name of the extension.
    columns : list of Column
        Columns.
    **cards
        Further keywords.

    Returns
    -------
    BinTableHDU
        The table.
    """
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    for key, value in {**_FORMAT, **cards}.items():
        hdu.header[key] = value
    return hdu


def write_tables(path, tables: list) -> None:
    """Write a file of tables, the same bytes for the same content.

    Parameters
    ----------
    path : str or Path
        File to write; gzipped when its name ends in ``.gz``.
    tables : list of BinTableHDU
        Tables.
    """
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(buffer)
    content = buffer.getvalue()
    if str(path).endswith(".gz"):
        # Level 4 writes twice as fast as 9 and takes 10 % more space; no time stamp.
        content = gzip.compress(content, compresslevel=4, mtime=0)
    Path(path).write_bytes(content)
