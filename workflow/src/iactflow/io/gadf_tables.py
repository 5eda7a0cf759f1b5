"""Tables of GADF files: checked access to keywords and columns, and the responses they hold.

Format: Data formats for gamma-ray astronomy, version 0.3,
https://gamma-astro-data-formats.readthedocs.io (Zenodo, doi:10.5281/zenodo.7304668).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from astropy import units

from iactflow.errors import InputError
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

__all__ = ["CLASSES", "READERS", "RESPONSE_CLASSES", "Table", "turn_x"]

_FULL = ("FULL-ENCLOSURE",)
# HDUCLAS1, HDUCLAS2, and the HDUCLAS3 and HDUCLAS4 that are understood, of each kind of table.
CLASSES = {
    "events": ("EVENTS", None, (), ()),
    "gti": ("GTI", None, (), ()),
    "aeff": ("RESPONSE", "EFF_AREA", _FULL, ("AEFF_2D",)),
    "edisp": ("RESPONSE", "EDISP", _FULL, ("EDISP_2D",)),
    "psf": ("RESPONSE", "RPSF", _FULL, ("PSF_TABLE",)),
    "bkg": ("RESPONSE", "BKG", _FULL, ("BKG_3D",)),
}
"""What a run may hold."""
_BOTH = ("FULL-ENCLOSURE", "POINT-LIKE")
RESPONSE_CLASSES = {
    "aeff": ("RESPONSE", "EFF_AREA", _BOTH, ("AEFF_2D",)),
    "edisp": ("RESPONSE", "EDISP", _BOTH, ("EDISP_2D",)),
    "psf": ("RESPONSE", "RPSF", _FULL, ("PSF_TABLE", "PSF_3GAUSS", "PSF_KING")),
    "bkg": ("RESPONSE", "BKG", _BOTH, ("BKG_3D", "BKG_2D")),
    "rad_max": ("RESPONSE", "RAD_MAX", ("POINT-LIKE",), ("RAD_MAX_2D",)),
}
"""What a file of responses may hold."""
_PARAMETRIC = {"PSF_3GAUSS": PointSpread3Gauss, "PSF_KING": PointSpreadKing}


class Table:
    """A table of a FITS file: checked access to keywords and columns."""

    def __init__(self, path, kind, header, rows):
        self.path, self.name, self.header, self.rows = path, kind.upper(), header, rows
        self.units = {
            header[f"TTYPE{i}"]: header.get(f"TUNIT{i}", "")
            for i in range(1, int(header["TFIELDS"]) + 1)
        }

    @classmethod
    def find(cls, path, fits, kind, read=True, classes=CLASSES):
        """The table of a kind: by name first, which spares reading every header, then by class."""
        clas1, clas2, allowed3, allowed4 = classes[kind]
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
        for key, allowed in (("HDUCLAS3", allowed3), ("HDUCLAS4", allowed4)):
            if allowed and header.get(key, allowed[0]) not in allowed:
                raise InputError(path, table.key(key), header[key], " or ".join(allowed))
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

    def _row(self, name, unit):
        """First row of a column of arrays; one of a single element is read as a number."""
        return np.atleast_1d(self.column(name, unit)[0])

    def edges(self, name, unit):
        """Bin edges from the columns ``<name>_LO`` and ``<name>_HI`` of the first row."""
        low, high = self._row(f"{name}_LO", unit), self._row(f"{name}_HI", unit)
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
        low, high = self._row("THETA_LO", "deg"), self._row("THETA_HI", "deg")
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
    kind = table.header.get("HDUCLAS4", "PSF_TABLE")
    if kind != "PSF_TABLE":
        return _read_parametric_psf(table, _PARAMETRIC[kind])
    energy, (offset, nodes) = table.edges("ENERG", "TeV"), table.offsets()
    rad = table.edges("RAD", "deg")
    density = table.cube("RPSF", "sr-1", rad, offset, energy)
    return PointSpread(energy, offset, rad, density, offset_nodes_deg=nodes)


def _read_parametric_psf(table, kind):
    energy, (offset, nodes) = table.edges("ENERG", "TeV"), table.offsets()
    values = {
        name: table.cube(column, unit, offset, energy)
        for name, (column, unit) in kind.COLUMNS.items()
    }
    return kind(energy, offset, **values, offset_nodes_deg=nodes)


def _read_rad_max(table):
    energy, (offset, nodes) = table.edges("ENERG", "TeV"), table.offsets()
    return RadMax(energy, offset, table.cube("RAD_MAX", "deg", offset, energy), nodes)


def _read_bkg(table):
    """Background model; the array is filed as (energy, x, y) or, transposed, as (y, x, energy)."""
    energy = table.edges("ENERG", "TeV")
    if table.header.get("HDUCLAS4") == "BKG_2D":
        offset = table.edges("THETA", "deg")
        rate = table.cube("BKG", "s-1 MeV-1 sr-1", offset, energy).T
        return Background2D(energy, offset, np.ascontiguousarray(rate))
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


def turn_x(bkg):
    """Background model with DETX counted the other way."""
    rate = np.ascontiguousarray(bkg.rate_per_s_mev_sr[:, :, ::-1])
    return replace(bkg, x_edges_deg=-bkg.x_edges_deg[::-1], rate_per_s_mev_sr=rate)


READERS = {
    "aeff": _read_aeff,
    "edisp": _read_edisp,
    "psf": _read_psf,
    "bkg": _read_bkg,
    "rad_max": _read_rad_max,
}
"""What makes a response from a `Table`, by kind."""
