"""The data model: tables, checks, documentation."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from astropy import units
from astropy.io import fits

from iactflow.campaign.runs import COLUMNS
from iactflow.errors import InputError
from iactflow.io.datamodel import LEVELS, Column, Table, render, validate
from iactflow.io.tables import DOCUMENT, TABLES, find_table

SUFFIXES = {
    "tev": "TeV",
    "deg": "deg",
    "m": "m",
    "ns": "ns",
    "s": "s",
    "nm": "nm",
    "deg2": "deg2",
    "adu": "adu",
    "mb": "Mbyte",
    "bytes": "byte",
}
T = Table(
    "t",
    "DL1",
    "A row.",
    (
        Column("obs_id", "i8", "", "run"),
        Column("x_m", "f8", "m", "position"),
        Column("name", "U", "", "name"),
        Column("image", "f4", "", "pixels", (None,)),
        Column("vector", "f4", "", "vector", (3,)),
        Column("ok", "?", "", "flag", (), True),
    ),
    ("obs_id",),
)


def columns(**changes):
    """Two rows of the table, with changes."""
    return {
        "obs_id": np.arange(2),
        "x_m": np.zeros(2),
        "name": np.array(["a", "b"]),
        "image": ak.values_astype(ak.Array([[1.0], [1.0, 2.0]]), "float32"),
        "vector": np.zeros((2, 3), dtype="f4"),
        **changes,
    }


def test_every_level_has_a_table():
    assert {table.level for table in TABLES.values()} == set(LEVELS)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_units_are_units_and_names_carry_them(table):
    for column in table.columns:
        units.Unit(column.unit, format="fits")
        assert column.description
        np.dtype(column.dtype)
        ending = column.name.rpartition("_")[2]
        if column.name.islower() and ending in SUFFIXES and "_per_" not in column.name:
            assert column.unit == SUFFIXES[ending], column.name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"x_m": np.zeros(2, dtype="f4")},
        {"obs_id": np.arange(2, dtype="u2")},
        {"obs_id": np.arange(2, dtype=">i4")},
        {"image": np.zeros((2, 5), dtype="f4")},
        {"name": np.array(["a", "b"], dtype=object)},
        {"name": ak.Array(["a", "b"])},
        {"ok": np.array([True, False])},
    ],
)
def test_fitting_columns_pass(changes):
    validate(T, columns(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_m": np.zeros(2, dtype=int)}, "x_m: got 'int64'; allowed: float64"),
        ({"x_m": np.array(["a", "b"])}, "x_m: got 'text'; allowed: float64"),
        ({"obs_id": np.zeros(2, dtype="u8")}, "obs_id: got 'uint64'; allowed: int64"),
        ({"name": np.zeros(2)}, "name: got 'float64'; allowed: text"),
        ({"vector": np.zeros((2, 4), dtype="f4")}, r"vector: got 'float32 \[4\]'; allowed: flo"),
        ({"vector": np.zeros((2, 3))}, r"got 'float64 \[3\]'; allowed: float32 \[3\]"),
        ({"image": np.zeros(2, dtype="f4")}, r"got 'float32'; allowed: float32 \[n\]"),
        ({"image": ak.Array([[1], [2]])}, r"got 'int64 \[n\]'"),
        ({"ok": np.zeros(2)}, "ok: got 'float64'; allowed: bool"),
        ({"x_m": np.zeros(3)}, "x_m: got '3 rows'; allowed: 2 rows"),
        ({"X": np.zeros(2)}, "X: got 'unknown column'; allowed: obs_id, x_m"),
    ],
)
def test_wrong_columns_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        validate(T, columns(**changes))


def test_missing_column_and_file_are_named():
    wrong = columns()
    del wrong["x_m"]
    with pytest.raises(
        InputError, match=r"a\.root: t\.x_m: got 'missing column'; allowed: float64"
    ):
        validate(T, wrong, "a.root")


def test_tables_are_checked_when_made():
    with pytest.raises(ValueError, match="no level"):
        Table("t", "DL9", "", ())
    with pytest.raises(ValueError, match="doubled"):
        Table("t", "DL1", "", (T.columns[0], T.columns[0]))
    with pytest.raises(ValueError, match="key without column"):
        Table("t", "DL1", "", T.columns, ("event_id",))


def test_tables_are_found_by_name():
    assert find_table("images", "f") is TABLES["images"]
    assert find_table(T, "f") is T
    with pytest.raises(InputError, match="f: table: got 'image'; allowed: simulation_runs"):
        find_table("image", "f")


def test_run_tables_are_those_of_the_campaign():
    required = [c.name for c in TABLES["runs"].columns if not c.optional]
    assert required == list(COLUMNS)


def test_document_does_not_drift(repository):
    assert (repository / DOCUMENT).read_text() == render(TABLES.values())


@pytest.mark.data
def test_real_dl3_fits_the_tables(dr1):
    path = sorted((dr1 / "data").glob("*.fits.gz"))[0]
    files = {
        "HDU_INDEX": (dr1 / "hdu-index.fits.gz", 1),
        "OBS_INDEX": (dr1 / "obs-index.fits.gz", 1),
        **{name: (path, name) for name in ("EVENTS", "GTI", "AEFF", "EDISP", "PSF", "BKG")},
    }
    for name, (file, hdu) in files.items():
        table = TABLES[name]
        known = {c.name: c for c in table.columns}
        with fits.open(file) as hdus:
            found = {c.name: c for c in hdus[hdu].columns if c.name in known}
            data = {key: np.array(hdus[hdu].data[key]) for key in found}
        validate(table, data, file)
        for key, column in found.items():
            want = units.Unit(known[key].unit, format="fits")
            assert units.Unit(column.unit or "", format="fits") == want, key
