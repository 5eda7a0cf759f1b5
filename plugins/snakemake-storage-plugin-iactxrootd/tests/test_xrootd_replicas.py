"""Which replica is used, and what a data set allows; servers are dictionaries here."""

from __future__ import annotations

import logging

import pytest

import snakemake_storage_plugin_iactxrootd as plugin
from snakemake_storage_plugin_iactxrootd.errors import (
    ReplicaError,
    StorageError,
    UnreachableError,
)
from snakemake_storage_plugin_iactxrootd.server import Entry
from snakemake_storage_plugin_iactxrootd.transfer import replace

NAMES = ("one", "two", "three")


class FakeServer:
    """What a server says of its files: size by path; None: it is gone."""

    def __init__(self, endpoint, sizes):
        self.endpoint, self.sizes = endpoint, sizes

    def stat(self, path):
        if self.sizes is None:
            raise UnreachableError(self.endpoint, "stat", "no answer for 40 s", "an answer")
        if path not in self.sizes:
            return None
        return Entry(path.rpartition("/")[2], self.sizes[path], 7.0, False, False, False)


@pytest.fixture
def provider(tmp_path):
    """Return a function that makes a provider for three servers, with a catalogue of a file."""

    def make(*sizes, catalogue="file\tsize_bytes\tadler32\nf\t10\t00000001\n"):
        (tmp_path / "c.tsv").write_text(catalogue)
        settings = plugin.StorageProviderSettings(
            base="root://one//d",
            fallbacks="root://two//e, root://three//f/g",
            catalogue=str(tmp_path / "c.tsv"),
        )
        found = plugin.StorageProvider(
            local_prefix=tmp_path / "local", logger=logging.getLogger("test"), settings=settings
        )
        folders = ("/d", "/e", "/f/g")
        for name, folder, size in zip(NAMES, folders, sizes, strict=True):
            held = size if size is None else {f"{folder}/f": n for n in size}
            found.servers[f"root://{name}:1094"] = FakeServer(f"root://{name}:1094", held)
        return found

    return make


@pytest.mark.parametrize(
    ("sizes", "used"),
    [
        (([10], [10], [10]), "one"),
        (([5], [10], [10]), "two"),
        ((None, [10], [10]), "two"),
        ((None, [], [10]), "three"),
        (([], [11], [10]), "three"),
    ],
)
def test_the_first_whole_replica_is_used(provider, sizes, used):
    found = provider(*sizes).object("root://one//d/f")
    server, _ = found._first_good(lambda s, p: (s, found._whole(s, p)))
    assert server.endpoint == f"root://{used}:1094"
    assert found.exists()
    assert found.size() == 10
    assert found.checksum() == "adler32:00000001"
    # Whichever replica is taken, and whenever it was copied: no job reruns.
    assert found.mtime() == plugin.FROZEN


def test_incomplete_replicas_alone_are_an_error_not_a_missing_file(provider):
    found = provider([5], [], [9]).object("root://one//d/f")
    with pytest.raises(ReplicaError, match="5 bytes: incomplete"):
        found.exists()


def test_a_file_that_no_site_has_does_not_exist(provider):
    assert not provider([], [], []).object("root://one//d/f").exists()


def test_sites_that_are_all_gone_are_an_error(provider):
    with pytest.raises(UnreachableError):
        provider(None, None, None).object("root://one//d/f").exists()


def test_files_outside_the_catalogue_are_refused(provider):
    with pytest.raises(ReplicaError, match="not in it"):
        provider([10], [], []).object("root://one//d/other").exists()


def test_a_catalogued_data_set_is_not_written(provider):
    found = provider([10], [], []).object("root://one//d/f")
    for action in (found.store_object, found.remove):
        with pytest.raises(StorageError, match="a catalogued data set"):
            action()


def test_a_catalogue_needs_its_folder(tmp_path):
    settings = plugin.StorageProviderSettings(fallbacks="root://two//e")
    with pytest.raises(StorageError, match="base"):
        plugin.StorageProvider(tmp_path, logging.getLogger("test"), settings=settings)


def test_requests_are_limited_by_server(provider):
    found = provider([], [], [])
    assert found.default_max_requests_per_second() >= 100
    keys = {found.rate_limiter_key(f"root://{name}//x", None) for name in NAMES}
    assert len(keys) == 3


class Names:
    """Names at a server; one of its answers to a rename may be a refusal."""

    endpoint = "root://one"

    def __init__(self, refused=None):
        self.content, self.refused, self.calls = {"/d/f": "old", "/d/.part": "new"}, refused, 0

    def stat(self, path):
        return self.content.get(path)

    def rename(self, path, new):
        self.calls += 1
        if self.calls == self.refused:
            raise StorageError(path, "rename", "refused", "a rename")
        self.content[new] = self.content.pop(path)

    def remove(self, path):
        del self.content[path]


def test_a_new_file_takes_the_name_of_the_old():
    server = Names()
    replace(server, "/d/.part", "/d/f")
    assert server.content == {"/d/f": "new"}


@pytest.mark.parametrize("refused", [1, 2])
def test_the_old_file_stays_where_the_new_one_gets_no_name(refused):
    server = Names(refused)
    with pytest.raises(StorageError):
        replace(server, "/d/.part", "/d/f")
    assert server.content == {"/d/f": "old", "/d/.part": "new"}
