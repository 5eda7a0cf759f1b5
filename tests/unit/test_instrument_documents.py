"""Documents of instruments: what is read, what is refused, how versions extend others."""

from __future__ import annotations

import numpy as np
import pytest
from instrument_samples import SOURCE, change, write, write_small

from iactflow.errors import InputError
from iactflow.instrument.documents import Leaf, read_type, read_version
from iactflow.instrument.load import find_instrument, load_instrument
from iactflow.instrument.tables import read_groups, read_table, write_table


@pytest.fixture
def version(tmp_path):
    return write_small(tmp_path)


def test_all_that_is_written_is_read(version):
    instrument = load_instrument(version)
    assert (instrument.name, instrument.version) == ("small", "1")
    assert [t.x_m for t in instrument.telescopes] == [100.0, 200.0, 300.0]
    optics, camera = instrument.telescopes[0].type.optics, instrument.telescopes[0].type.camera
    assert optics.facets.shape.tolist() == [0, 1, 2]
    assert np.isnan(optics.facets.z_m).all()
    assert optics.align_vertical.cosine_deg == 0.02
    assert camera.readout.pulse_low.x.tolist() == [0.0, 2.0, 6.0]
    assert camera.trigger.groups.tolist() == [[0, 1, 2], [2, 3, -1]]
    assert camera.window is None
    assert camera.light_guide_wavelength is None
    assert instrument.triggers[0].hard_stereo is True


WRONG = [
    ("Small.yaml", "optics.shape", "cassegrain", "davies_cotton"),
    ("Small.yaml", "optics.focal_length_m", "10 m", "a number from 0.1 to 100"),
    ("Small.yaml", "optics.focal_length_m", 1000.0, "a number from 0.1 to 100"),
    ("Small.yaml", "optics.focal_length_m", ..., "a number from 0.1 to 100"),
    ("Small.yaml", "optics.focal_lenght_m", 10.0, "focal_length_m"),
    ("Small.yaml", "optics.align_vertical.sigma_deg", -0.1, "from 0 to 1"),
    ("Small.yaml", "optics.align_vertical", 0.1, "a block with sigma_deg"),
    ("Small.yaml", "optics.focal_length_m", {"metres": 10.0}, "a number"),
    ("Small.yaml", "optics.reflectivity", {"points": [[300, 0.8], [300, 0.9]]}, "ascending"),
    ("Small.yaml", "optics.reflectivity", {"points": [[300, 0.8], [400, 80]]}, "from 0 to 1"),
    ("Small.yaml", "optics.reflectivity", {"table": "tables/none.ecsv"}, "an existing table"),
    ("Small.yaml", "optics.reflectivity", {"table": "tables/facets.ecsv"}, "two columns"),
    ("Small.yaml", "camera.readout.n_samples", 16.5, "a whole number"),
    ("Small.yaml", "camera.nsb_airmass", [1.0], "a list of 2 numbers"),
    ("Small.yaml", "camera.qe_variation", 0.34, "from 0 to 0.33"),
    ("Small.yaml", "camera.gain_variation", 0.34, "from 0 to 0.33"),
    ("Small.yaml", "camera.trigger.groups", {"table": "tables/pixels.ecsv"}, "source"),
    ("instrument.yaml", "telescopes.2.type", "Large", "Large.yaml"),
    ("instrument.yaml", "telescopes.2.x_m", None, "a number"),
    ("instrument.yaml", "triggers.all.tel_ids", [1, 4], "[1, 2, 3]"),
    ("instrument.yaml", "site.altitude_m", 18000.0, "from 0 to 6000"),
    ("instrument.yaml", "weather", "fine", "dead_time_s"),
    ("instrument.yaml", "version", 1, "a text"),
]


@pytest.mark.parametrize(("document", "key", "value", "allowed"), WRONG)
def test_bad_values_are_refused(version, document, key, value, allowed):
    change(version, document, key, value)
    with pytest.raises(InputError) as raised:
        load_instrument(version)
    assert allowed in str(raised.value)
    # The error of a bad table names the table.
    table = value.get("table") if isinstance(value, dict) else None
    assert key.rpartition(".")[2] in str(raised.value) or (table and table in str(raised.value))


@pytest.mark.parametrize(
    ("table", "column"), [("facets", "x_m"), ("facets", "focal_length_m"), ("pixels", "y_m")]
)
def test_columns_that_are_not_finite_are_refused(version, table, column):
    path = version / f"tables/{table}.ecsv"
    columns = read_table(path)
    columns[column][1] = np.nan
    path.unlink()
    write_table(path, columns, SOURCE)
    with pytest.raises(InputError, match=rf"{column}.*finite numbers"):
        load_instrument(version)


@pytest.mark.parametrize(
    ("document", "key"), [("Small.yaml", "optics.shape"), ("instrument.yaml", "site.name")]
)
def test_a_value_without_source_is_refused(version, document, key):
    change(version, document, "source", ...)
    with pytest.raises(InputError, match=r"source: beside it") as raised:
        load_instrument(version)
    assert raised.value.key == key


def test_a_block_or_value_names_its_own_source(version):
    change(version, "Small.yaml", "sources", {"paper": "Somebody (2003)"})
    change(version, "Small.yaml", "optics.source", "{paper}, table 2")
    change(version, "Small.yaml", "optics.focal_length_m", {"value": 9.0, "source": "ruler"})
    blocks, chain = read_version(version)
    assert isinstance(blocks["dead_time_s"], Leaf)
    optics = read_type("Small", chain)["optics"]
    assert optics["shape"].source == "Somebody (2003), table 2"
    assert optics["focal_length_m"].source == "ruler"
    assert optics["align_vertical"]["sigma_deg"].source == "Somebody (2003), table 2"
    assert read_type("Small", chain)["camera"]["transmission"].source == SOURCE
    change(version, "Small.yaml", "optics.source", "{thesis}")
    with pytest.raises(InputError, match="labels paper"):
        load_instrument(version)


def test_pixels_of_groups_exist(version):
    (version / "tables/groups.txt").write_text("# source: here\n0 1 9\n")
    with pytest.raises(InputError, match="pixel numbers below 4"):
        load_instrument(version)


def test_a_version_holds_only_what_differs(version):
    second = version.parent / "2"
    write(second, "instrument.yaml", {
        "name": "small", "version": "2", "extends": "1", "source": "second look",
        "telescopes": {3: {"x_m": 310.0}}, "dead_time_s": 2e-4,
    })  # fmt: skip
    write(second, "Small.yaml", {"source": "re-aligned", "optics": {
        "align_vertical": {"sigma_deg": 0.02},
        "reflectivity": {"table": "tables/reflectivity.ecsv"},
    }})  # fmt: skip
    (second / "tables").mkdir()
    table = {"wavelength_nm": [300, 400, 600], "reflectivity": [0.7, 0.75, 0.8]}
    write_table(second / "tables/reflectivity.ecsv", table, "measured")
    old, new = load_instrument(version), load_instrument(second)
    assert [t.x_m for t in new.telescopes] == [100.0, 200.0, 310.0]
    assert new.telescopes[2].name == "T3"
    assert new.dead_time_s == 2e-4
    optics = new.telescopes[0].type.optics
    assert optics.align_vertical.sigma_deg == 0.02
    assert optics.align_vertical.cosine_deg == 0.02
    assert optics.align_horizontal == old.telescopes[0].type.optics.align_horizontal
    assert optics.reflectivity.y.tolist() == [0.7, 0.75, 0.8]
    assert optics.facets.x_m.tolist() == [0.0, 0.5, 1.0]
    kept = read_type("Small", read_version(second)[1])["optics"]
    assert kept["align_vertical"]["sigma_deg"].source == "re-aligned"
    assert kept["align_vertical"]["cosine_deg"].source == SOURCE


def test_a_type_extends_another(version):
    write(version, "Other.yaml", {
        "source": "one more", "extends": "Small", "optics": {"focal_length_m": 11.0},
    })  # fmt: skip
    change(version, "instrument.yaml", "telescopes.2.type", "Other")
    first, second, _ = (t.type for t in load_instrument(version).telescopes)
    assert (first.name, second.name) == ("Small", "Other")
    assert (first.optics.focal_length_m, second.optics.focal_length_m) == (10.0, 11.0)
    assert second.optics.dish_shape_length_m == 10.0
    change(version, "Small.yaml", "extends", "Other")
    with pytest.raises(InputError, match="not met before"):
        load_instrument(version)


def test_versions_that_extend_each_other_are_refused(version):
    change(version, "instrument.yaml", "extends", "2")
    write(version.parent / "2", "instrument.yaml", {"extends": "1"})
    with pytest.raises(InputError, match="not met before"):
        load_instrument(version)


def test_instruments_that_extend_each_other_are_refused(version):
    change(version, "instrument.yaml", "extends", "../other/1")
    other = version.parents[1] / "other/1"
    other.mkdir(parents=True)
    write(other, "instrument.yaml", {"extends": f"../{version.parent.name}/1"})
    with pytest.raises(InputError, match="not met before"):
        load_instrument(version)


def test_find_by_name_version_or_directory(version, tmp_path):
    digest = load_instrument(version).digest
    assert find_instrument("small", root=tmp_path).digest == digest
    assert find_instrument("small", "1", root=tmp_path).digest == digest
    assert find_instrument("small/1", root=tmp_path).digest == digest
    assert find_instrument(version).digest == digest
    write(version.parent / "2", "instrument.yaml", {
        "name": "small", "version": "2", "extends": "1", "source": SOURCE,
    })  # fmt: skip
    with pytest.raises(InputError, match="allowed: 1, 2"):
        find_instrument("small", root=tmp_path)
    with pytest.raises(InputError, match="allowed: 1, 2"):
        find_instrument("small", "3", root=tmp_path)
    with pytest.raises(InputError, match="allowed: small"):
        find_instrument("large", root=tmp_path)


def test_tables_are_ecsv(tmp_path):
    from astropy.table import Table

    path = tmp_path / "t.ecsv"
    long = "somebody, " * 30 + "1: a colon, a 'quote'"
    write_table(path, {"x_m": [0.1, 1 / 3], "n": np.array([3, 4])}, long)
    table = Table.read(path, format="ascii.ecsv")
    assert table.meta["source"] == long
    assert table["n"].dtype == np.int64
    ours = read_table(path)
    assert ours["x_m"].tolist() == pytest.approx(table["x_m"].tolist(), abs=0)
    assert ours["x_m"][1] == pytest.approx(1 / 3, rel=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("# %ECSV 1.0", "# CSV", "# %ECSV 1.0"),
        ("0.8", "eight", "numbers"),
        ("2 0.8", "2", "2 numbers"),
        ("source", "origin", "meta: {source"),
        ("x y", "x z", "['x', 'y'], as in the header"),
    ],
)
def test_bad_tables_are_refused(tmp_path, old, new, allowed):
    path = tmp_path / "t.ecsv"
    write_table(path, {"x": [1.0, 2.0], "y": [0.5, 0.8]}, "here")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError) as raised:
        read_table(path)
    assert allowed in str(raised.value)


@pytest.mark.parametrize(
    "text", ["0 1\n", "# source: a\n", "# source: a\n0 x\n", "# source: a\n0 -1\n"]
)
def test_bad_groups_are_refused(tmp_path, text):
    (tmp_path / "g.txt").write_text(text)
    with pytest.raises(InputError):
        read_groups(tmp_path / "g.txt")
