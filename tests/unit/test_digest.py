"""Content digests: what is content changes them, what is not does not."""

from __future__ import annotations

import gzip
import json
import re

import awkward as ak
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from matplotlib.figure import Figure

from iactflow.campaign.column_digest import digest_columns
from iactflow.campaign.digest import config_sha256, content_digest
from iactflow.campaign.embed import embed
from iactflow.campaign.json_product import read_json
from iactflow.errors import InputError

SHORT = {"IFVERS": "0.1.0", "IFRULE": "make_é", "IFCODE": "0" * 32, "IFCONF": "f" * 64}


def write_fits(path, *, reverse=False, unit="TeV", energy=2.0, object_="Crab", date="2026-01-01"):
    """Image and table."""
    names = ["ENERGY", "NAME", "WAVE"]
    arrays = [np.array([1.0, energy]), np.array(["a", "bb"]), np.arange(6.0).reshape(2, 3)]
    columns = [
        fits.Column("ENERGY", "D", unit=unit, array=arrays[0]),
        fits.Column("NAME", "8A", array=arrays[1]),
        fits.Column("WAVE", "3E", array=arrays[2]),
    ]
    assert [c.name for c in columns] == names
    table = fits.BinTableHDU.from_columns(columns[::-1] if reverse else columns, name="EVENTS")
    table.header["OBJECT"] = object_
    table.header["DATE"] = date
    image = fits.ImageHDU(np.arange(12.0).reshape(3, 4), name="COUNTS")
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(path, overwrite=True, checksum=True)
    return path


def write_ecsv(path, *, flux=1e-11, unit="cm-2 s-1", meta=None):
    table = Table({"e_ref": [1.0, 2.0], "flux": [flux, 0.1]}, units={"flux": unit})
    table.meta.update(meta or {"time_scale": "tt"})
    table.write(path, format="ascii.ecsv", overwrite=True)
    return path


def write_png(path, *, level=6, line=(0, 1), **metadata):
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot(line)
    figure.savefig(path, metadata=metadata, pil_kwargs={"compress_level": level})
    return path


def write_json(path, **values):
    path.write_text(json.dumps(values))
    return path


def test_columns_are_independent_of_order_and_byte_order():
    columns = {"a": np.arange(3.0), "b": np.array([1, 2, 3], dtype="i4")}
    swapped = {"b": columns["b"].astype(">i4"), "a": columns["a"].astype(">f8")}
    assert digest_columns(columns) == digest_columns(swapped)
    strided = {"a": np.repeat(columns["a"], 2)[::2], "b": columns["b"]}
    assert digest_columns(columns) == digest_columns(strided)


@pytest.mark.parametrize(
    "other",
    [
        {"a": np.arange(4.0)},
        {"b": np.arange(3.0)},
        {"a": np.arange(3.0, dtype="f4")},
        {"a": np.arange(3)},
        {"a": np.arange(3.0).reshape(3, 1)},
        {"a": np.array([0.0, 1.0, np.nextafter(2.0, 3.0)])},
        {"a": np.array([0.0, 1.0, np.nan])},
        {"a": np.array(["0", "1", "2"])},
        {"a": ak.Array([[0.0], [1.0], [2.0]])},
    ],
)
def test_columns_differ(other):
    assert digest_columns(other) != digest_columns({"a": np.arange(3.0)})


def test_columns_of_text_and_jagged_values():
    assert digest_columns({"t": ["ab", "c"]}) != digest_columns({"t": ["a", "bc"]})
    assert digest_columns({"t": np.array(["ab", "c"], dtype="S9")}) == digest_columns(
        {"t": np.array(["ab", "c"], dtype=object)}
    )
    jagged = ak.Array([[1.0, 2.0], [], [3.0]])
    assert digest_columns({"j": jagged}) != digest_columns({"j": ak.Array([[1.0], [2.0], [3.0]])})
    assert digest_columns({"j": jagged}) == digest_columns(
        {"j": ak.Array([[9.0], [1.0, 2.0], [], [3.0]])[1:]}
    )


def test_every_not_a_number_is_the_same():
    bits = np.array([0x7FF8000000000000, 0x7FF8000000000001], dtype="u8").view("f8")
    assert digest_columns({"a": bits[:1]}) == digest_columns({"a": bits[1:]})


def test_objects_without_canonical_bytes_are_refused():
    with pytest.raises(TypeError, match="datetime64"):
        digest_columns({"a": np.array(["2026-01-01"], dtype="M8[D]")})


def test_fits_ignores_dates_checksums_order_and_compression(tmp_path):
    one = content_digest(write_fits(tmp_path / "a.fits"))
    assert content_digest(write_fits(tmp_path / "b.fits", date="2030-01-01", reverse=True)) == one
    packed = tmp_path / "c.fits.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes(), 1))
    assert content_digest(packed) == one


@pytest.mark.parametrize("change", [{"unit": "GeV"}, {"energy": 3.0}, {"object_": "Vela"}])
def test_fits_content(tmp_path, change):
    one = content_digest(write_fits(tmp_path / "a.fits"))
    assert content_digest(write_fits(tmp_path / "b.fits", **change)) != one


def test_fits_image_and_world_coordinates_are_content(tmp_path):
    path = write_fits(tmp_path / "a.fits")
    one = content_digest(path)
    with fits.open(path, mode="update") as hdus:
        hdus[1].header["CRVAL1"] = 83.6
    two = content_digest(path)
    with fits.open(path, mode="update") as hdus:
        hdus[1].data[0, 0] = 7.0
    assert len({one, two, content_digest(path)}) == 3


def test_ecsv(tmp_path):
    one = content_digest(write_ecsv(tmp_path / "a.ecsv"))
    volatile = {"time_scale": "tt", "created": "now"}
    assert content_digest(write_ecsv(tmp_path / "b.ecsv", meta=volatile)) == one
    others = [{"flux": 1.1e-11}, {"unit": "m-2 s-1"}, {"meta": {"time_scale": "utc"}}]
    for i, change in enumerate(others):
        assert content_digest(write_ecsv(tmp_path / f"{i}.ecsv", **change)) != one


def test_ecsv_masked_values_are_not_their_fill_value(tmp_path):
    table = Table({"a": np.ma.array([1.0, 0.0], mask=[False, True])})
    table.write(tmp_path / "a.ecsv")
    Table({"a": [1.0, 0.0]}).write(tmp_path / "b.ecsv")
    assert content_digest(tmp_path / "a.ecsv") != content_digest(tmp_path / "b.ecsv")


def test_tsv(tmp_path):
    frame = pd.DataFrame({"obs_id": [2, 1], "file": ["b", ""]})
    frame.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    frame[["file", "obs_id"]].to_csv(tmp_path / "b.tsv", sep="\t", index=False)
    frame[::-1].to_csv(tmp_path / "c.tsv", sep="\t", index=False)
    digests = [content_digest(tmp_path / f"{n}.tsv") for n in "abc"]
    assert digests[0] == digests[1] != digests[2]


def test_json_without_times_and_costs(tmp_path):
    one = content_digest(write_json(tmp_path / "a.json", n_on=3, fit={"wall_s": 1.0, "index": 2.6}))
    two = write_json(
        tmp_path / "b.json", fit={"index": 2.6, "wall_s": 2.0}, n_on=3, cost={}, _provenance={}
    )
    assert content_digest(two) == one
    assert content_digest(write_json(tmp_path / "c.json", n_on=4, fit={"index": 2.6})) != one


def test_png_is_its_pixels(tmp_path):
    with mpl.rc_context({"svg.hashsalt": "x"}):
        one = content_digest(write_png(tmp_path / "a.png", Software="one"))
        assert content_digest(write_png(tmp_path / "b.png", Software="two", level=1)) == one
        assert content_digest(write_png(tmp_path / "c.png", line=(1, 0))) != one


def test_folder_is_names_and_contents(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        write_fits(tmp_path / name / "sub" / "x.fits", date=name)
        (tmp_path / name / "y.txt").write_text("y")
    one = content_digest(tmp_path / "a")
    assert content_digest(tmp_path / "b") == one
    (tmp_path / "b" / ".snakemake_timestamp").write_text("now")
    assert content_digest(tmp_path / "b") == one
    (tmp_path / "b" / "y.txt").rename(tmp_path / "b" / "z.txt")
    assert content_digest(tmp_path / "b") != one


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.fits", b"no FITS"),
        ("a.json", b"{"),
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.root", b"root"),
        ("a.ecsv", b"# %ECSV 1.0\n# ---\n# datatype: [\n"),
        ("a.fits.gz", b"\x1f\x8b\x08\x00"),
        ("a.tsv", b""),
        ("missing", None),
    ],
)
def test_broken_files_are_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(name)):
        content_digest(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.fits", write_fits),
        ("a.ecsv", write_ecsv),
        ("a.png", write_png),
        ("a.json", lambda path: write_json(path, n_on=3, x=0.1 + 0.2)),
    ],
)
def test_embedded_provenance_is_there_and_is_no_content(tmp_path, name, write):
    path = write(tmp_path / name)
    before = content_digest(path)
    embed(path, SHORT)
    assert content_digest(path) == before
    for value in SHORT.values():
        assert value.encode("ascii", "ignore")[:30] in path.read_bytes().replace(b"\n#     ", b"")


def test_embedding_in_fits_keeps_it_valid(tmp_path):
    path = write_fits(tmp_path / "a.fits")
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    before = content_digest(packed)
    for file in (path, packed):
        embed(file, {"IFVERS": "0.1.0", "IFCONF": "f" * 64})
        with fits.open(file, checksum=True) as hdus:
            assert hdus[0].header["IFCONF"] == "f" * 64
            assert hdus["EVENTS"].header["OBJECT"] == "Crab"
            assert hdus["EVENTS"].data["ENERGY"].tolist() == [1.0, 2.0]
    assert content_digest(packed) == content_digest(path) == before


def test_embedding_reaches_into_folders_and_skips_other_kinds(tmp_path):
    folder = tmp_path / "ogip"
    folder.mkdir()
    write_fits(folder / "a.fits")
    (folder / "notes.txt").write_text("x")
    embed(folder, {"IFVERS": "0.1.0"})
    assert fits.getheader(folder / "a.fits")["IFVERS"] == "0.1.0"
    assert (folder / "notes.txt").read_text() == "x"


def test_json_is_read_without_provenance(tmp_path):
    path = write_json(tmp_path / "a.json", n_on=3)
    embed(path, SHORT)
    assert "_provenance" in json.loads(path.read_text())
    assert read_json(path) == {"n_on": 3}
    with pytest.raises(InputError, match="missing"):
        read_json(tmp_path / "b.json")


def test_config_digest_leaves_out_where_and_how():
    campaign = {
        "campaign": "demo",
        "image": "a.sif",
        "data": {"source": "dl3", "dl3_root": "/a", "fetch": {"enabled": True}},
        "execution": {"runs_per_job": 3},
    }
    moved = {
        "execution": {"runs_per_job": 4},
        "data": {"dl3_root": None, "source": "dl3"},
        "campaign": "demo",
    }
    assert config_sha256(campaign) == config_sha256(moved)
    assert campaign["data"]["dl3_root"] == "/a"
    moved["data"]["source"] = "mock"
    assert config_sha256(campaign) != config_sha256(moved)
