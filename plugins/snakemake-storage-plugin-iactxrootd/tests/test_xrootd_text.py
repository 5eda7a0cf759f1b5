"""Addresses, catalogues, errors: what is text."""

from __future__ import annotations

import pytest
from XRootD.client import env

from snakemake_storage_plugin_iactxrootd import StorageProvider
from snakemake_storage_plugin_iactxrootd.address import parse_address
from snakemake_storage_plugin_iactxrootd.catalogue import (
    Replica,
    format_catalogue,
    parse_catalogue,
    read_catalogue,
)
from snakemake_storage_plugin_iactxrootd.errors import StorageError
from snakemake_storage_plugin_iactxrootd.pinned import PINNED


@pytest.mark.parametrize(
    ("text", "normal", "local"),
    [
        ("root://a.org//x/y", "root://a.org:1094//x/y", "a.org_1094/x/y"),
        ("root://a.org:7///x//./y/", "root://a.org:7//x/y", "a.org_7/x/y"),
        ("xroots://a/x", "xroots://a:1094//x", "a_1094/x"),
        ("root://[::1]:7//x", "root://[::1]:7//x", "--1_7/x"),
        ("root://a//x/{run}.root", "root://a:1094//x/{run}.root", "a_1094/x/{run}.root"),
    ],
)
def test_addresses_have_one_form(text, normal, local):
    address = parse_address(text)
    assert (str(address), address.local) == (normal, local)
    assert parse_address(str(address)) == address
    assert StorageProvider.is_valid_query(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://a//x",
        "root://a",
        "root://a//x/../y",
        "root://u@a//x",
        "/x",
        "",
        "root://a//x?k=secret",
    ],
)
def test_other_text_is_no_address(text):
    assert parse_address(text) is None
    assert not StorageProvider.is_valid_query(text)


def test_two_servers_never_share_a_local_copy():
    texts = ["root://a//x/y", "root://b//x/y", "root://a:7//x/y", "root://a//x/z"]
    assert len({parse_address(text).local for text in texts}) == 4


def test_a_catalogue_survives_writing_and_reading(tmp_path):
    replicas = {"b/c.root": Replica(5, "0000000f"), "a": Replica(0, "00000001")}
    text = format_catalogue(replicas.items())
    assert parse_catalogue(text, "t") == replicas
    (tmp_path / "t.tsv").write_text("# made by hand\n" + text)
    assert read_catalogue(tmp_path / "t.tsv") == replicas


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a\t1\tXYZ", "line"),
        ("a\t-1\t00000001", "line"),
        ("a\t1", "line"),
        ("../a\t1\t00000001", "line"),
        ("/a\t1\t00000001", "line"),
        ("ok\t1\t00000001", "file"),
    ],
)
def test_a_wrong_line_is_one_error(line, found):
    text = f"file\tsize_bytes\tadler32\nok\t1\t00000001\n{line}\n"
    with pytest.raises(StorageError, match=f"cat: {found}: ") as error:
        parse_catalogue(text, "cat")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "file size_bytes adler32\n"])
def test_a_catalogue_has_a_header(text):
    with pytest.raises(StorageError, match="header"):
        parse_catalogue(text, "cat")


def test_a_missing_catalogue_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"none\.tsv"):
        read_catalogue(tmp_path / "none.tsv")


def test_the_client_has_the_pinned_time_outs():
    names = {
        "XRD_REQUESTTIMEOUT": "RequestTimeout",
        "XRD_CONNECTIONWINDOW": "ConnectionWindow",
        "XRD_CONNECTIONRETRY": "ConnectionRetry",
        "XRD_STREAMERRORWINDOW": "StreamErrorWindow",
        "XRD_STREAMTIMEOUT": "StreamTimeout",
        "XRD_TIMEOUTRESOLUTION": "TimeoutResolution",
    }
    assert {name: env.EnvGetInt(key) for name, key in names.items()} == PINNED
