"""Productions are frozen whole, or not at all."""

from __future__ import annotations

import json
import shutil
import zlib

import pytest
import yaml
from tests.unit.frozen_samples import PRODUCTION, finish, frozen, load, write_campaign

from iactflow.campaign.manifest import read_manifest
from iactflow.campaign.provenance import read_sidecar


@pytest.fixture
def file(tmp_path):
    """Campaign file."""
    return write_campaign(tmp_path / "campaign.yaml")


@pytest.fixture
def finished(file, tmp_path):
    """Working folder in which the campaign's production is finished."""
    finish(file, tmp_path / "run")
    return tmp_path / "run"


def test_a_finished_production_is_frozen(file, finished, tmp_path, capsys):
    out = tmp_path / "run" / "gamma.tsv"
    assert frozen(file, finished, out) == 0
    manifest = read_manifest(out)
    told = capsys.readouterr().out
    assert "2 chunks, 4 files" in told
    assert manifest.sha256 in told
    assert (manifest.campaign, manifest.production) == ("photons-ci", "gamma")
    # Data below the folder of the manifest move with it.
    assert manifest.folder == PRODUCTION
    for name, expected in manifest.files.items():
        content = (finished / PRODUCTION / name).read_bytes()
        assert expected == f"{len(content)}:{zlib.adler32(content):08x}"
    first, second = manifest.chunks
    assert (first.path, first.showers, second.showers) == ("run1/chunks/00000", [1, 15], [16, 30])
    sidecar = read_sidecar(finished / PRODUCTION / "run1/chunks/00001.prov.json")
    (job,) = second.jobs
    assert job["activity"] == sidecar["activity"]["iactflow:job"]
    assert list(manifest.used) == ["config/site.yaml"]
    assert (job["used"], job["software"]) == ({}, {})
    before = out.read_bytes()
    assert frozen(file, finished, out) == 0
    assert out.read_bytes() == before


def test_data_beside_the_manifest_are_named_from_the_root(file, finished, tmp_path):
    assert frozen(file, finished, tmp_path / "manifests" / "gamma.tsv") == 0
    assert read_manifest(tmp_path / "manifests/gamma.tsv").folder == str(finished / PRODUCTION)


def remove_chunk(folder):
    shutil.rmtree(folder / "run1/chunks/00001")


def remove_sidecar(folder):
    (folder / "run1/chunks/00001.prov.json").unlink()


def remove_level(folder):
    (folder / "run1/chunks/00001/nsb2.root").unlink()


def grow(folder):
    with (folder / "run1/chunks/00001/nsb2.root").open("a") as stream:
        stream.write("more")


def damage_sidecar(folder):
    (folder / "run1/chunks/00001.prov.json").write_text("{")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove_chunk, "1 of 2 chunks missing: run1/chunks/00001'; allowed: a whole production"),
        (remove_sidecar, "1 of 2 chunks missing: run1/chunks/00001"),
        (remove_level, "00001.prov.json: iactflow:bytes: got"),
        (grow, "00001.prov.json: iactflow:bytes: got"),
        (damage_sidecar, "00001.prov.json: content: got"),
    ],
)
def test_what_is_not_whole_is_refused_by_name(file, finished, tmp_path, capsys, change, message):
    change(finished / PRODUCTION)
    assert frozen(file, finished, tmp_path / "gamma.tsv") == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "gamma.tsv").exists()


def test_of_many_missing_chunks_some_are_named_and_all_are_counted(tmp_path, capsys):
    def cut(content):
        content["simulations"]["gamma"]["showers_per_job"] = 1

    file = write_campaign(tmp_path / "campaign.yaml", cut)
    assert frozen(file, tmp_path, tmp_path / "gamma.tsv") == 2
    error = capsys.readouterr().err
    assert "30 of 30 chunks missing: run1/chunks/00000, " in error
    assert "and 25 more" in error


def test_a_file_that_changed_after_its_job_is_refused(tmp_path, capsys):
    """Of the same size: the content tells, which is read as soon as a date does not fit."""

    def single(content):
        content["simulations"]["gamma"]["showers_per_job"] = 30
        content["simulations"]["gamma"]["nsb_levels"] = [1]

    file = write_campaign(tmp_path / "campaign.yaml", single)
    finish(file, tmp_path)
    chunk = tmp_path / PRODUCTION / "run1/chunks/00000"
    (chunk / "nsb1.root").rename(chunk / "nsb1.txt")
    (chunk / "nsb1.txt").write_text((chunk / "nsb1.txt").read_text().replace("gamma", "gamme"))
    assert frozen(file, tmp_path, tmp_path / "gamma.tsv") == 2
    assert "00000.prov.json: iactflow:content_digest: got" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"settings": {"particle": "gamma"}}, "iactflow:settings_sha256"),
        ({"seed": 3}, "iactflow:seed"),
    ],
)
def test_what_other_settings_made_is_refused(file, tmp_path, capsys, change, key):
    finish(file, tmp_path, **change)
    assert frozen(file, tmp_path, tmp_path / "gamma.tsv") == 2
    error = capsys.readouterr().err
    assert f"00000.prov.json: {key}: got" in error
    assert "run the target simulations first" in error


def test_chunks_of_two_codes_are_refused(file, finished, tmp_path, capsys):
    sidecar = finished / PRODUCTION / "run1/chunks/00001.prov.json"
    sidecar.write_text(sidecar.read_text().replace("c" * 32, "a" * 32))
    assert frozen(file, finished, tmp_path / "gamma.tsv") == 2
    assert "00001.prov.json: iactflow:code: got 'aaaa" in capsys.readouterr().err


def test_of_several_productions_one_is_named(tmp_path, capsys):
    file = write_campaign(tmp_path / "campaign.yaml", name="chain-ci")
    finish(file, tmp_path)
    assert frozen(file, tmp_path, tmp_path / "m.tsv") == 2
    assert "--production: got None; allowed: a production that the campaign simulates: gamma, " in (
        capsys.readouterr().err
    )
    assert frozen(file, tmp_path, tmp_path / "m.tsv", "--production", "proton") == 0
    assert read_manifest(tmp_path / "m.tsv").settings["production"]["particle"] == "proton"


SITES = {
    "one": {
        "label": "one",
        "hs06_per_core": 10,
        "queue": {"max_wall_h": 1, "max_memory_mb": 2000, "max_jobs": 2, "max_cores": 2},
        "storage_elements": {
            "one-disk": {
                "medium": "disk",
                "xrootd": "root://one.org:1094//base",
                "dirac_se": "ONE-USER",
            },
            "two-disk": {
                "medium": "disk",
                "xrootd": "root://two.org:1094//store",
                "dirac_se": "TWO-USER",
            },
        },
    }
}


def write_ledger(folder, finished, replicas):
    """Ledger of a launch on the grid that made the production."""
    products = {}
    for number, file in enumerate(sorted(finished.rglob("*"))):
        path = file.relative_to(finished).as_posix()
        if file.is_file() and file.name != "ledger.json":
            products[path] = {
                "lfn": f"/hess/user/i/{path}",
                "size": file.stat().st_size,
                "adler32": f"{zlib.adler32(file.read_bytes()):08x}",
                "replicas": replicas(path),
                "mtime_ns": number,
            }
    ledger = folder / "ledger.json"
    ledger.write_text(json.dumps({"version": 1, "jobs": {}, "products": products}))
    return ledger


def test_files_in_diracs_catalogue_are_frozen_unread(tmp_path):
    file = write_campaign(tmp_path / "campaign.yaml")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/sites.yaml").write_text(yaml.safe_dump({"sites": SITES}))
    finish(file, tmp_path / "run")
    places = {"00000": ["ONE-USER", "TWO-USER"], "00001": ["TWO-USER"]}
    ledger = write_ledger(tmp_path, tmp_path / "run", lambda path: places[path.split("/")[6][:5]])
    shutil.rmtree(tmp_path / "run" / PRODUCTION / "run1/chunks/00000")
    out = tmp_path / "gamma.tsv"
    assert frozen(file, tmp_path / "run", out, "--ledger", ledger) == 0
    manifest = read_manifest(out)
    assert manifest.folder == f"hess/user/i/{PRODUCTION}"
    first, second = (chunk.storage_elements for chunk in manifest.chunks)
    assert (first, second) == (["one-disk", "two-disk"], ["two-disk"])
    # The file of sites turns storage elements into addresses.

    def change(content):
        content["storage"] = {"frozen": {"gamma": "gamma.tsv"}}

    simulations = load(write_campaign(tmp_path / "later.yaml", change)).simulations
    assert simulations.raw("gamma", 1, "00001")[0] == (
        f"root://two.org:1094//store/hess/user/i/{PRODUCTION}/run1/chunks/00001/nsb1.root"
    )
    settings = simulations.storage.settings
    assert sorted(settings) == ["se_one_disk_frozen_gamma_0", "se_two_disk_frozen_gamma_1"]
    both = settings["se_one_disk_frozen_gamma_0"]
    assert both["base"] == f"root://one.org:1094//base/hess/user/i/{PRODUCTION}"
    assert both["fallbacks"] == f"root://two.org:1094//store/hess/user/i/{PRODUCTION}"
    assert both["catalogue"] == str(out)


def test_a_ledger_that_does_not_tell_is_refused(tmp_path, capsys):
    file = write_campaign(tmp_path / "campaign.yaml")
    finish(file, tmp_path / "run")
    ledger = write_ledger(tmp_path, tmp_path / "run", lambda path: ["NO-SUCH-SE"])
    out = tmp_path / "gamma.tsv"
    assert frozen(file, tmp_path / "run", out, "--ledger", ledger) == 2
    assert "replicas: got ['NO-SUCH-SE']; allowed: a storage element whose dirac_se" in (
        capsys.readouterr().err
    )
    ledger.write_text('{"jobs": ')
    assert frozen(file, tmp_path / "run", out, "--ledger", ledger) == 2
    assert "a ledger of the executor dirac" in capsys.readouterr().err
