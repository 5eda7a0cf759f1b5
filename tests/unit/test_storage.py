"""What of a campaign lies at sites."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from tests.workflow import REPOSITORY, snakemake

from iactflow.campaign.catalogue import read_catalogue
from iactflow.campaign.costs import COSTS, read_costs
from iactflow.campaign.job_list import list_jobs
from iactflow.campaign.load import load_campaign
from iactflow.campaign.plan_places import HERE, bytes_by_place, full_places
from iactflow.cli import main
from iactflow.errors import InputError

CATALOGUE = """file\tsize_bytes\tadler32
raw/gamma_2.root\t20\t00000002
raw/gamma_1.root\t10\t00000001
raw/proton_1.root\t30\t00000003
"""
QUEUE = {"max_wall_h": 72, "max_memory_mb": 2000, "max_jobs": 10, "max_cores": 5}
ELEMENTS = {
    "a-disk": {"medium": "disk", "xrootd": "root://a.org:1094//base"},
    "a-tape": {"medium": "tape", "xrootd": "root://a.org:1095//tape", "writable": False},
    "a-new": {"medium": "disk", "xrootd": None},
}
SITE = {"label": "A", "hs06_per_core": 10, "queue": QUEUE, "storage_elements": ELEMENTS}
INPUTS = {"storage_elements": ["a-disk", "a-tape"], "folder": "hess", "catalogue": "c.tsv"}
OUTPUTS = {"storage_element": "a-disk", "folder": "iact/flow"}
EVENTS = {
    "campaign": "stored",
    "events": {"gamma": {"files": ["raw/gamma_*.root"], "files_per_job": 2}},
    "reconstruction": {},
}


@pytest.fixture
def load(tmp_path):
    """Return a function that writes and loads a campaign beside a file of sites."""
    (tmp_path / "sites.yaml").write_text(yaml.safe_dump({"sites": {"a": SITE}}))
    (tmp_path / "c.tsv").write_text(CATALOGUE)

    def load_it(content, **storage):
        file = tmp_path / "stored.yaml"
        content = {**content, "storage": {"sites": "sites.yaml", **storage}}
        file.write_text(yaml.safe_dump(content))
        return load_campaign(content, [str(file)], REPOSITORY)

    return load_it


def photons(**changes):
    """Campaign photons-ci."""
    content = yaml.safe_load((REPOSITORY / "config/campaigns/photons-ci.yaml").read_text())
    return {**content, **changes}


def test_raw_data_are_found_in_the_catalogue(load):
    campaign = load(EVENTS, inputs=INPUTS)
    addresses = [f"root://a.org:1094//base/hess/raw/gamma_{n}.root" for n in (1, 2)]
    assert campaign.samples.raw("gamma", "files-00000") == addresses
    assert campaign.storage.checksums(addresses) == ["10:00000001", "20:00000002"]
    assert campaign.storage.checksums(["local.root"]) == []
    settings = campaign.storage.settings["se_a_disk_inputs"]
    assert settings["base"] == "root://a.org:1094//base/hess"
    assert settings["fallbacks"] == "root://a.org:1095//tape/hess"


def test_a_pattern_keeps_within_its_folder(load):
    content = {**EVENTS, "events": {"gamma": {"files": ["*.root"]}}}
    with pytest.raises(InputError, match="files"):
        load(content, inputs=INPUTS)


def test_files_that_no_catalogue_has_are_looked_for_here(load, tmp_path):
    (tmp_path / "own.root").write_text("x")
    content = {**EVENTS, "events": {"gamma": {"files": ["own.root"]}}}
    campaign = load(content, inputs=INPUTS)
    assert campaign.samples.raw("gamma", "files-00000") == [str(tmp_path / "own.root")]


def test_chosen_products_are_stored_and_others_are_not(load):
    campaign = load(photons(), outputs=OUTPUTS)
    plan, paths = campaign.storage, campaign.paths
    chunk = paths.simulated_chunk.format(production="gamma", run=1, chunk="00000")
    assert plan.output_folder == "root://a.org:1094//base/iact/flow"
    assert plan.is_stored(paths.simulated_chunk)
    assert plan.is_stored(chunk)
    for path in (paths.sidecar(chunk), paths.photons, paths.summary, f"{chunk}/nsb1.root"):
        assert not plan.is_stored(path)


def test_where_products_lie_changes_no_result(load):
    assert load(photons(), outputs=OUTPUTS).config_sha256 == load_here(photons()).config_sha256


def load_here(content):
    """Load a campaign without the block."""
    file = REPOSITORY / "config/campaigns/photons-ci.yaml"
    return load_campaign(content, [str(file)], REPOSITORY)


def test_without_the_block_nothing_lies_at_sites():
    plan = load_here(photons()).storage
    assert plan.settings == {}
    assert plan.matching("*") == []
    assert not plan.is_stored(plan.paths.simulated_chunk)


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ({}, "give inputs, outputs or frozen"),
        ({"outputs": {**OUTPUTS, "storage_element": "b"}}, r"storage\.outputs.*'b'.*a-disk"),
        ({"outputs": {**OUTPUTS, "storage_element": "a-tape"}}, "writable"),
        ({"outputs": {**OUTPUTS, "storage_element": "a-new"}}, "xrootd"),
        ({"outputs": {**OUTPUTS, "folder": "../up"}}, "folder"),
        ({"outputs": {**OUTPUTS, "products": ["everything"]}}, "products"),
        ({"inputs": {**INPUTS, "storage_elements": ["a-disk", "a-disk"]}}, "twice"),
        ({"inputs": {**INPUTS, "storage_elements": ["a-disk", "b"]}}, r"elements\[1\]"),
        ({"inputs": {**INPUTS, "catalogue": "none.tsv"}}, r"none\.tsv"),
        ({"outputs": OUTPUTS, "sites": "none.yaml"}, r"none\.yaml"),
    ],
)
def test_a_wrong_block_is_one_error_before_any_job(load, storage, message):
    with pytest.raises(InputError, match=message) as error:
        load(photons(), **storage)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    ["", "file\tsize\n", CATALOGUE + "raw/gamma_1.root\t10\t00000001\n", CATALOGUE + "a\tb\tc\n"],
)
def test_a_wrong_catalogue_is_refused(tmp_path, text):
    (tmp_path / "c.tsv").write_text(text)
    with pytest.raises(InputError, match=r"c\.tsv"):
        read_catalogue(tmp_path / "c.tsv")


def test_the_catalogue_of_a_folder_is_written(tmp_path, capsys):
    (tmp_path / "d/raw").mkdir(parents=True)
    (tmp_path / "d/raw/b.root").write_bytes(b"Wikipedia")
    (tmp_path / "d/a").write_bytes(b"")
    (tmp_path / "d/.hidden").write_bytes(b"x")
    assert main(["catalogue", str(tmp_path / "d"), str(tmp_path / "c.tsv")]) == 0
    assert "2 files" in capsys.readouterr().out
    # The example of the encyclopaedia's article on Adler-32.
    assert read_catalogue(tmp_path / "c.tsv") == {"a": "0:00000001", "raw/b.root": "9:11e60398"}
    assert main(["catalogue", str(tmp_path / "none"), str(tmp_path / "c.tsv")]) == 2


def test_snakemake_says_it_in_one_line(tmp_path):
    (tmp_path / "sites.yaml").write_text(yaml.safe_dump({"sites": {"a": SITE}}))
    outputs = {**OUTPUTS, "storage_element": "nowhere"}
    content = photons(storage={"sites": "sites.yaml", "outputs": outputs})
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("-n", "--configfile", tmp_path / "c.yaml", folder=tmp_path)
    assert result.returncode != 0
    assert "'nowhere'" in result.stdout
    assert "Traceback" not in result.stdout


def test_bytes_are_planned_by_storage_element(load, tmp_path, capsys):
    full = {**ELEMENTS, "a-disk": {**ELEMENTS["a-disk"], "free_tb": 1e-9}}
    sites = {"sites": {"a": {**SITE, "storage_elements": full}}}
    (tmp_path / "sites.yaml").write_text(yaml.safe_dump(sites))
    events = {"recorded": EVENTS["events"]["gamma"]}
    content = {**photons(), "campaign": "stored", "events": events, "reconstruction": {}}
    campaign = load(content, inputs=INPUTS, outputs=OUTPUTS)
    costs = read_costs(REPOSITORY / COSTS)
    jobs = list(list_jobs(campaign))
    here, disk = bytes_by_place(campaign, jobs, costs)
    assert (here.storage_element, here.site, here.read, here.free) == (HERE, "", 0, None)
    # Both gamma files, not the proton's, which no sample reads.
    assert (disk.storage_element, disk.site, disk.read) == ("a-disk", "A", 30)
    assert disk.free == pytest.approx(1e3)
    stored = [costs.bytes(job) for job in jobs if job.rule == "simulate_events"]
    assert disk.written == pytest.approx(sum(stored))
    assert here.written + disk.written == pytest.approx(sum(costs.bytes(job) for job in jobs))
    assert full_places([here, disk])[0].startswith("a-disk: ")
    assert main(["plan", str(tmp_path / "stored.yaml"), "--json", str(tmp_path / "p.json")]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^a-disk +A +0 kB +\S+ [kM]B +1 kB$", printed, re.MULTILINE), printed
    assert "warning: a-disk: " in printed
    places = json.loads((tmp_path / "p.json").read_text())["places"]
    assert [place["storage_element"] for place in places] == [HERE, "a-disk"]


def test_without_sites_all_bytes_are_here():
    campaign = load_here(photons())
    jobs = list(list_jobs(campaign))
    (here,) = bytes_by_place(campaign, jobs, read_costs(REPOSITORY / COSTS))
    assert here.written > 0
    assert full_places([here]) == []
