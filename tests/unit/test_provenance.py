"""Provenance sidecars."""

from __future__ import annotations

import copy
import json
import os

import numpy as np
import pytest

from iactflow.campaign import provenance
from iactflow.campaign.digest import content_digest
from iactflow.campaign.provenance import (
    Activity,
    entity,
    input_digest,
    package_versions,
    prov_document,
    read_sidecar,
    short_provenance,
    write_sidecar,
)
from iactflow.errors import InputError

ACTIVITY = Activity(
    rule="fit_spectrum",
    code="0" * 32,
    function="iactflow.science.stages.fit_spectrum",
    wildcards={"target": "crab"},
    config_sha256="f" * 64,
    settings={"models": ["pl"]},
    seed=7,
    start="2026-01-01T00:00:00+00:00",
    end="2026-01-01T00:01:00+00:00",
)


def make_product(folder, name="a.json", sidecar=None):
    """A product and the sidecar of the job that made it."""
    path = folder / name
    path.write_text('{"n_on": 3}')
    generated = {str(path): entity(path, path, content_digest(path))}
    sidecar = folder / f"{sidecar or name}.prov.json"
    write_sidecar(sidecar, prov_document(ACTIVITY, {}, generated))
    return path, sidecar


def test_document_speaks_prov(tmp_path):
    used, made = tmp_path / "in.tsv", tmp_path / "out.json"
    used.write_text("a\n1\n")
    made.write_text("{}")
    document = prov_document(
        ACTIVITY,
        {"in.tsv": entity(used, "in.tsv", content_digest(used))},
        {"out.json": entity(made, "out.json", content_digest(made))},
    )
    (job,) = document["activity"].values()
    assert job["iactflow:wildcards"] == {"target": "crab"}
    assert job["iactflow:cost"]["cpu_s"] == 0.0
    assert document["entity"]["iactflow:entity/in.tsv"]["iactflow:bytes"] == 4
    (relation,) = document["used"].values()
    assert relation == {"prov:activity": "iactflow:job", "prov:entity": "iactflow:entity/in.tsv"}
    (agent,) = document["agent"].values()
    assert agent["iactflow:versions"]["numpy"] == np.__version__
    write_sidecar(tmp_path / "p.json", document)
    assert read_sidecar(tmp_path / "p.json") == document


def test_short_provenance_fits_fits():
    short = short_provenance(ACTIVITY)
    assert short["IFRULE"] == "fit_spectrum"
    assert short["IFSEED"] == "7"
    assert len(short["IFSETT"]) == 64
    assert "IFIMAG" not in short
    assert all(len(key) <= 8 and len(value) <= 68 for key, value in short.items())


def test_versions_name_what_computes():
    assert {"python", "iactflow", "numpy", "numba", "uproot"} <= set(package_versions())


@pytest.mark.parametrize("sidecar", [None, "other.fits"])
def test_input_digest_comes_from_the_sidecar(tmp_path, monkeypatch, sidecar):
    path, _ = make_product(tmp_path, sidecar=sidecar)
    expected = content_digest(path)

    def fail(path):
        raise AssertionError("the content was read")

    monkeypatch.setattr(provenance, "content_digest", fail)
    assert input_digest(path) == expected


def test_input_digest_reads_what_changed_after_the_sidecar(tmp_path):
    path, sidecar = make_product(tmp_path)
    old = content_digest(path)
    path.write_text('{"n_on": 4}')
    later = sidecar.stat().st_mtime_ns + 10
    os.utime(path, ns=(later, later))
    assert input_digest(path) == content_digest(path) != old
    path.write_text('{"n_on": 44}')
    os.utime(path, ns=(1, 1))
    assert input_digest(path) == content_digest(path)


def test_input_digest_of_a_folder(tmp_path):
    folder = tmp_path / "ogip"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    old = content_digest(folder)
    write_sidecar(
        tmp_path / "ogip.prov.json",
        prov_document(ACTIVITY, {}, {"ogip": entity(folder, "ogip", "from the sidecar")}),
    )
    (folder / ".snakemake_timestamp").touch()
    assert input_digest(folder) == "from the sidecar"
    (folder / "b.txt").write_text("b")
    assert input_digest(folder) == content_digest(folder) != old


def test_input_without_a_sidecar_is_read(tmp_path):
    (tmp_path / "raw.txt").write_text("x")
    assert input_digest(tmp_path / "raw.txt") == content_digest(tmp_path / "raw.txt")
    with pytest.raises(InputError, match="missing"):
        input_digest(tmp_path / "none.txt")


def drop(*keys):
    def change(document):
        *above, last = keys
        for key in above:
            document = document[key]
        del document[last]

    return change


def rename_used(document):
    document["wasGeneratedBy"]["_:generated0"]["prov:entity"] = "iactflow:entity/other"


def other_job(document):
    document["wasGeneratedBy"]["_:generated0"]["prov:activity"] = "iactflow:other"


def bad_size(document):
    next(iter(document["entity"].values()))["iactflow:bytes"] = "many"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("agent"), "agent"),
        (drop("iactflow:sidecar_version"), "sidecar_version: got None; allowed: 1"),
        (drop("activity", "iactflow:job", "iactflow:cost"), "iactflow:cost"),
        (rename_used, "wasGeneratedBy: got 'iactflow:entity/other'"),
        (other_job, "wasGeneratedBy: got 'iactflow:other'"),
        (bad_size, "iactflow:bytes: got 'many'; allowed: int"),
    ],
)
def test_incomplete_sidecars_are_named(tmp_path, change, message):
    _, sidecar = make_product(tmp_path)
    document = copy.deepcopy(read_sidecar(sidecar))
    change(document)
    sidecar.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        read_sidecar(sidecar)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_what_is_no_sidecar_is_named(tmp_path, text):
    (tmp_path / "a.prov.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.prov\.json"):
        read_sidecar(tmp_path / "a.prov.json")
    with pytest.raises(InputError, match="missing"):
        read_sidecar(tmp_path / "b.prov.json")
