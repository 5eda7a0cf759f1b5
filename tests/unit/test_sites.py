"""The file of computing sites."""

from __future__ import annotations

import re

import pytest
import yaml

from iactflow.campaign.sites import read_sites
from iactflow.errors import InputError

ELEMENT = {"medium": "disk", "xrootd": "root://a.org:1094//pnfs/a"}
QUEUE = {"max_wall_h": 72, "max_memory_mb": 2000, "max_jobs": 10, "max_cores": 5}
SITE = {
    "label": "A",
    "hs06_per_core": 10.5,
    "queue": QUEUE,
    "storage_elements": {"a-disk": ELEMENT},
}


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file of sites."""

    def write_sites(**sites):
        file = tmp_path / "sites.yaml"
        file.write_text(yaml.safe_dump({"sites": sites}))
        return file

    return write_sites


def test_the_examples_can_be_read(repository):
    sites = read_sites(repository / "config/sites.yaml")
    assert {"cc-in2p3", "grif", "pic", "cscs", "desy", "frascati"} <= set(sites.sites)
    # Examples say that they are; nothing is known of their free space.
    assert not any(site.confirmed for site in sites.sites.values())
    assert all(e.free_tb is None for e in sites.storage_elements.values())
    assert sites.site_of("pic-tape") == "pic"
    assert sites.storage_elements["pic-tape"].medium == "tape"


def test_no_secrets_stand_there(repository):
    text = (repository / "config/sites.yaml").read_text()
    assert not re.search(r"(?i)password|secret:|token:|://[^/]*@", text)


def test_endpoints_are_handed_out(write):
    sites = read_sites(write(a=SITE))
    assert sites.endpoint("a-disk", "c.yaml", "storage") == "root://a.org:1094//pnfs/a"
    with pytest.raises(InputError, match=r"c\.yaml: storage: got 'b-disk'; allowed: .*a-disk"):
        sites.endpoint("b-disk", "c.yaml", "storage")
    with pytest.raises(KeyError):
        sites.site_of("b-disk")


def test_an_unknown_endpoint_stops_whoever_needs_it(write):
    element = {"medium": "disk", "xrootd": None}
    sites = read_sites(write(a={**SITE, "storage_elements": {"a-disk": element}}))
    with pytest.raises(InputError, match="key xrootd"):
        sites.endpoint("a-disk", "c.yaml", "storage")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"hs06_per_core": "10"}, "sites.a.hs06_per_core"),
        ({"hs06_per_core": 0}, "sites.a.hs06_per_core"),
        ({"speed": 1}, "sites.a.speed"),
        ({"dirac_site": "CTAO PIC"}, "sites.a.dirac_site"),
        ({"queue": {**QUEUE, "max_jobs": 1.5}}, "sites.a.queue.max_jobs"),
        ({"queue": {"max_wall_h": 1}}, "sites.a.queue"),
        (
            {"storage_elements": {"a-disk": {**ELEMENT, "medium": "cloud"}}},
            "sites.a.storage_elements.a-disk.medium",
        ),
        (
            {"storage_elements": {"a-disk": {**ELEMENT, "xrootd": "https://a.org/x"}}},
            "sites.a.storage_elements.a-disk.xrootd",
        ),
        (
            {"storage_elements": {"a-disk": {**ELEMENT, "xrootd": "root://a.org//x"}}},
            "sites.a.storage_elements.a-disk.xrootd",
        ),
        (
            {"storage_elements": {"a-disk": {**ELEMENT, "free_tb": -1}}},
            "sites.a.storage_elements.a-disk.free_tb",
        ),
    ],
)
def test_a_wrong_value_is_one_error_that_names_its_key(write, change, key):
    with pytest.raises(InputError) as error:
        read_sites(write(a={**SITE, **change}))
    assert error.value.key.startswith(key)
    assert len(str(error.value).splitlines()) == 1


def test_a_storage_element_stands_at_one_site(write):
    with pytest.raises(InputError, match="a-disk stands at a and at b"):
        read_sites(write(a=SITE, b=SITE))


@pytest.mark.parametrize("text", ["", "sites: {}", "sites: [1]", "sites: {a: 1}\nsites: {}"])
def test_what_is_no_file_of_sites_is_refused(tmp_path, text):
    file = tmp_path / "sites.yaml"
    file.write_text(text)
    with pytest.raises(InputError):
        read_sites(file)
    with pytest.raises(InputError, match="file of sites"):
        read_sites(tmp_path / "none.yaml")
