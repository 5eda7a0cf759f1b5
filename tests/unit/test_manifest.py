"""Manifests of frozen productions, written and read."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from iactflow.campaign.catalogue import read_catalogue
from iactflow.campaign.manifest import Chunk, Manifest, read_manifest, write_manifest
from iactflow.errors import InputError


def chunk(run, name, **changes):
    keys = {
        "showers": [1, 15],
        "storage_elements": ["one-disk"],
        "jobs": [{"activity": {"text": "tab\there, line\nbreak, \u2028, µ"}, "used": {}}],
    }
    return Chunk(run, name, f"run{run}/chunks/{name}", **{**keys, **changes})


MANIFEST = Manifest(
    campaign="photons-ci",
    production="gamma",
    seed=7,
    settings={"production": {"particle": "gamma", "energy_min_tev": 0.05}, "shower": {}},
    instrument_digest="f" * 64,
    conditions={},
    folder="iactflow/results",
    software={"numpy": "2"},
    used={"config/site.yaml": {"prov:location": "config/site.yaml"}},
    chunks=[chunk(1, "00000"), chunk(1, "00001"), chunk(12, "00000")],
    files={f"run{r}/chunks/{c}/nsb1.root": f"{r}:0000000{c[-1]}" for r, c in
           ((1, "00000"), (1, "00001"), (12, "00000"))},
)  # fmt: skip


@pytest.fixture
def file(tmp_path):
    """Manifest on the disk."""
    write_manifest(MANIFEST, tmp_path / "gamma.tsv")
    return tmp_path / "gamma.tsv"


def test_what_is_written_is_read(file):
    found = read_manifest(file)
    assert dataclasses.replace(found, sha256="") == MANIFEST
    assert found.files_of["run12/chunks/00000"] == ["run12/chunks/00000/nsb1.root"]
    *above, last = file.read_text().splitlines(keepends=True)
    assert last == f"# sha256: {found.sha256}\n"
    assert hashlib.sha256("".join(above).encode()).hexdigest() == found.sha256


def test_it_is_a_catalogue(file):
    from snakemake_storage_plugin_iactxrootd.catalogue import read_catalogue as of_the_provider

    assert read_catalogue(file) == MANIFEST.files
    assert of_the_provider(file)["run1/chunks/00001/nsb1.root"] == (1, "00000001")


def test_the_same_production_gives_the_same_bytes(file, tmp_path):
    files = dict(reversed(MANIFEST.files.items()))
    other = dataclasses.replace(MANIFEST, chunks=MANIFEST.chunks[::-1], files=files)
    digest = write_manifest(other, tmp_path / "other.tsv")
    assert (tmp_path / "other.tsv").read_bytes() == file.read_bytes()
    assert digest == read_manifest(file).sha256
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def damages():
    yield "cut in the middle", lambda text: text[: len(text) // 2]
    yield "without its last line", lambda text: text[: text.rindex("# sha256")]
    yield "with another checksum", lambda text: text.replace("00000001", "00000003")
    yield "with another setting", lambda text: text.replace("0.05", "0.06")
    yield "with a line more", lambda text: text + "run2/chunks/00000/nsb1.root\t1\t00000001\n"
    yield "empty", lambda text: ""
    yield "another file", lambda text: "file\tsize_bytes\tadler32\n"
    yield "of another version", lambda text: text.replace("version 1", "version 2")


@pytest.mark.parametrize("damage", [d for _, d in damages()], ids=[name for name, _ in damages()])
def test_a_damaged_manifest_is_one_error(file, damage):
    file.write_text(damage(file.read_text()))
    with pytest.raises(InputError, match=r"gamma\.tsv") as error:
        read_manifest(file)
    assert len(str(error.value).splitlines()) == 1


def test_what_is_missing_or_no_text_is_one_error(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_manifest(tmp_path / "none.tsv")
    (tmp_path / "binary.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="utf-8"):
        read_manifest(tmp_path / "binary.tsv")
