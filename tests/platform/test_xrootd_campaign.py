"""A small campaign whose products and raw data lie at storage elements behind real servers."""

from __future__ import annotations

import re
import shutil
import time
import zlib
from pathlib import Path

import pytest
import yaml
from tests.platform.storage_servers import Servers
from tests.products import differing, digests, sidecars
from tests.workflow import REPOSITORY, snakemake

pytestmark = [pytest.mark.platform, pytest.mark.slow]

# Part of photons-ci, so that a run takes half a minute.
LESS = {"n_showers": 4, "showers_per_job": 2, "energy_min_tev": 0.3, "energy_max_tev": 1}
STORED = re.compile(r"\.snakemake/storage/[^/]+/[^/]+/base/iactflow/")
CORES = ("--cores", "2")


@pytest.fixture(scope="module")
def servers(storage_servers):
    """Two storage elements, and a file of sites that says so."""
    return storage_servers


def write_sites(file: Path, servers: Servers, **ports: int) -> Path:
    """Write a file of sites for the test's servers, and for what is at other ports."""
    queue = {"max_wall_h": 1, "max_memory_mb": 2000, "max_jobs": 2, "max_cores": 2}
    ports = {name: servers.port(name) for name in servers.names} | ports
    sites = {
        name: {
            "label": name,
            "hs06_per_core": 10,
            "queue": queue,
            "storage_elements": {
                f"{name}-disk": {"medium": "disk", "xrootd": f"root://localhost:{port}//base"}
            },
        }
        for name, port in ports.items()
    }
    file.write_text(yaml.safe_dump({"sites": sites}))
    return file


def photons(folder: Path, **changes) -> Path:
    """Write the first part of the campaign: showers, raw data, images and geometry."""
    content = yaml.safe_load((REPOSITORY / "config/campaigns/photons-ci.yaml").read_text())
    content["simulations"]["gamma"] |= {**LESS, "nsb_levels": [1]}
    content["reconstruction"] = {}
    content["shower"] = {"keep_photons": True}
    file = folder / "photons-ci.yaml"
    file.write_text(yaml.safe_dump({**content, **changes}))
    return file


def run(folder: Path, campaign: Path, servers: Servers, *options: str, key=True, check=True):
    """Run the campaign up to DL2 in a folder of its own."""
    given = {k: v for k, v in servers.environment(key).items() if k.startswith("Xrd")}
    arguments = ("dl2", *CORES, *options, "--configfile", campaign)
    return snakemake(*arguments, folder=folder, environment=given, timeout=1500, check=check)


def by_product(folder: Path) -> dict[str, str]:
    """Content digests by product, wherever it lies."""
    return {STORED.sub("", path): digest for path, digest in digests(folder).items()}


@pytest.fixture(scope="module")
def local(servers, tmp_path_factory) -> Path:
    """Working folder of the campaign with everything on this machine."""
    folder = tmp_path_factory.mktemp("local")
    run(folder, photons(folder), servers)
    return folder


def test_products_at_a_site_are_the_same(servers, local, tmp_path):
    sites = write_sites(tmp_path / "sites.yaml", servers)
    outputs = {"storage_element": "one-disk", "folder": "iactflow"}
    outputs["products"] = ["photons", "simulations"]
    campaign = photons(tmp_path, storage={"sites": str(sites), "outputs": outputs})
    run(tmp_path, campaign, servers)
    assert not differing(by_product(local), by_product(tmp_path))
    stored = servers.disk("one", "/base/iactflow/results/photons-ci/simulations/gamma/run1")
    assert sorted(path.name for path in (stored / "photons").iterdir()) == [
        "00000.root",
        "00001.root",
    ]
    assert (stored / "chunks/00000/.manifest.adler32.tsv").is_file()
    # Neither raw data nor photons stay in the working folder.
    assert not list(tmp_path.glob("results/*/simulations/**/*.root"))
    assert not [path for path in tmp_path.glob(".snakemake/storage/**/*") if path.is_file()]
    again = run(tmp_path, campaign, servers, "-n")
    assert "Nothing to be done" in again.stdout
    # A chunk that lost its manifest at the site is not there any more.
    dry = ("simulations", "-n", *CORES, "--configfile", campaign)
    assert "Telescopes of gamma" not in snakemake(*dry, folder=tmp_path, check=True).stdout
    (stored / "chunks/00001/.manifest.adler32.tsv").unlink()
    told = snakemake(*dry, folder=tmp_path, check=True).stdout
    assert "Telescopes of gamma, run 1, chunk 00001" in told
    assert "Telescopes of gamma, run 1, chunk 00000" not in told


def test_products_are_not_stored_without_key(servers, tmp_path):
    sites = write_sites(tmp_path / "sites.yaml", servers)
    outputs = {"storage_element": "two-disk", "folder": "forbidden", "products": ["photons"]}
    campaign = photons(tmp_path, storage={"sites": str(sites), "outputs": outputs})
    result = run(tmp_path, campaign, servers, key=False, check=False)
    assert result.returncode != 0
    assert "permission denied" in result.stdout
    assert "XrdSecSSSKT" in result.stdout
    assert not servers.disk("two", "/base/forbidden").exists()


@pytest.fixture(scope="module")
def raw(servers, local) -> dict[str, bytes]:
    """Raw data of the campaign, by the name that they have at the sites."""
    chunks = sorted(local.glob("results/photons-ci/simulations/gamma/run1/chunks/*/nsb1.root"))
    assert len(chunks) == 2
    return {f"raw/gamma_{file.parent.name}.root": file.read_bytes() for file in chunks}


def of_raw(folder: Path, raw: dict[str, bytes], storage: dict | None) -> Path:
    """Write the second part: from raw data, beside the campaign file or at sites."""
    content = {"campaign": "raw-ci", "reconstruction": {}, "cross_check": {"ctapipe_fraction": 0}}
    content["events"] = {"gamma": {"files": ["raw/gamma_*.root"]}}
    if storage is None:
        for name, data in raw.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
    else:
        rows = [f"{n}\t{len(d)}\t{zlib.adler32(d):08x}" for n, d in sorted(raw.items())]
        table = "\n".join(["file\tsize_bytes\tadler32", *rows]) + "\n"
        (folder / "catalogue.tsv").write_text(table)
        content["storage"] = storage
    file = folder / "raw-ci.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def stored_inputs(folder: Path, servers: Servers, elements: list[str], **ports: int) -> dict:
    """Block ``storage`` of the second part."""
    sites = write_sites(folder / "sites.yaml", servers, **ports)
    inputs = {"storage_elements": elements, "folder": "hess", "catalogue": "catalogue.tsv"}
    return {"sites": str(sites), "inputs": inputs}


def test_raw_data_at_sites_give_the_same_products(servers, raw, tmp_path):
    """One site has half a file, another one whole copies: what is read is whole."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    run(here, of_raw(here, raw, None), servers)
    for number, (name, data) in enumerate(raw.items()):
        servers.put("one", f"/base/hess/{name}", data if number else data[: len(data) // 2])
        servers.put("two", f"/base/hess/{name}", data)
    storage = stored_inputs(there, servers, ["one-disk", "two-disk"])
    result = run(there, of_raw(there, raw, storage), servers, key=False)
    assert "incomplete" in result.stdout
    assert by_product(here) == by_product(there)
    assert len(by_product(there)) >= 4
    # What was read is named by the site's server.
    used = str([document["entity"] for document in sidecars(there)])
    assert f"localhost_{servers.port('one')}/base/hess/raw/gamma_00001.root" in used
    shutil.rmtree(servers.disk("two", "/base/hess"))
    shutil.rmtree(servers.disk("one", "/base/hess"))


def test_a_dead_site_is_one_error_within_a_minute(servers, raw, tmp_path):
    storage = stored_inputs(tmp_path, servers, ["dead-disk"], dead=servers.dead_port)
    campaign = of_raw(tmp_path, raw, storage)
    start = time.monotonic()
    result = run(tmp_path, campaign, servers, key=False, check=False)
    assert result.returncode != 0
    # Snakemake's own start, slow on a busy machine, comes on top.
    assert time.monotonic() - start < 120
    told = [line for line in result.stdout.splitlines() if "no answer for" in line]
    assert len(told) == 1
    assert f"localhost:{servers.dead_port}" in told[0]
    assert int(re.search(r"no answer for (\d+) s", told[0])[1]) < 60
    assert "Traceback" not in result.stdout
