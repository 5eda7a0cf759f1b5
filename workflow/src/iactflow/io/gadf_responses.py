"""Files of instrument responses in the format GADF v0.3: a node's, without a run.

Full-enclosure and point-like responses, point spread functions as tables or parameters, background
in the field of view or against the offset; gammapy opens them unchanged.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import fitsio

from iactflow.errors import InputError
from iactflow.io.gadf_hdus import response_hdu, write_tables
from iactflow.io.gadf_tables import READERS, RESPONSE_CLASSES, Table
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

__all__ = ["CONDITIONS", "ResponseFile", "read_responses", "write_responses"]

#: Keywords of a node's conditions: value of the file, what it is.
CONDITIONS = {
    "ZENITH": "[deg] zenith angle of pointing",
    "AZIMUTH": "[deg] azimuth of the pointing",
    "NSB": "factor on the night-sky background",
    "THROUGH": "throughput of the telescopes",
}


class ResponseFile(NamedTuple):
    """Responses of a file; None where it has none.

    Attributes
    ----------
    aeff : EffectiveArea or None
        Effective area.
    edisp : EnergyDispersion or None
        Energy dispersion.
    psf : PointSpread, PointSpread3Gauss, PointSpreadKing or None
        Point spread function.
    bkg : Background3D, Background2D or None
        Background.
    rad_max : RadMax or None
        Cut in the distance from the source.
    point_like : bool
        Whether this cut was made.
    cards : dict
        Keywords of `CONDITIONS` that the file has.
    """

    aeff: EffectiveArea | None
    edisp: EnergyDispersion | None
    psf: PointSpread | PointSpread3Gauss | PointSpreadKing | None
    bkg: Background3D | Background2D | None
    rad_max: RadMax | None = None
    point_like: bool = False
    cards: dict | None = None


def write_responses(path, responses: ResponseFile, cards: dict) -> None:
    """Write a file of responses.

    Parameters
    ----------
    path : str or Path
        File to write.
    responses : ResponseFile
        What it holds; None is left out.
    cards : dict
        Keywords of all extensions, a value or a pair of value and comment each.
    """
    tables = []
    for kind in RESPONSE_CLASSES:
        table = getattr(responses, kind)
        if table is not None:
            hdu = response_hdu(table, responses.point_like and kind != "psf")
            for key, card in cards.items():
                hdu.header[key] = card
            tables.append(hdu)
    write_tables(path, tables)


def read_responses(path) -> ResponseFile:
    """Read a file of responses.

    Parameters
    ----------
    path : str or Path
        A GADF file, plain or gzipped.

    Returns
    -------
    ResponseFile
        What it holds.

    Raises
    ------
    InputError
        If the file is missing, corrupt or holds no response, or a table, column, keyword or unit
        is missing or not understood.
    """
    if not Path(path).is_file():
        raise InputError(path, "file", "nothing", "an existing GADF file")
    try:
        with fitsio.FITS(str(path)) as fits:
            headers = [dict(fits[i].read_header()) for i in range(1, len(fits))]
            present = {(h.get("HDUCLAS1"), h.get("HDUCLAS2")) for h in headers}
            tables = {
                kind: Table.find(path, fits, kind, classes=RESPONSE_CLASSES)
                for kind, classes in RESPONSE_CLASSES.items()
                if classes[:2] in present
            }
    except InputError:
        raise
    except (OSError, ValueError) as error:
        text = " ".join(str(error).split())
        raise InputError(path, "file", text, "a complete, uncorrupted GADF file") from error
    if not tables:
        raise InputError(path, "HDUCLAS1", "no RESPONSE", "a file with instrument responses")
    found = {kind: READERS[kind](table) for kind, table in tables.items()}
    header = next(iter(tables.values())).header
    return ResponseFile(
        **{kind: found.get(kind) for kind in RESPONSE_CLASSES},
        point_like=any(t.header.get("HDUCLAS3") == "POINT-LIKE" for t in tables.values()),
        cards={key: header[key] for key in CONDITIONS if key in header},
    )
