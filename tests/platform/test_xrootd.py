"""Storage elements behind real XRootD servers: what is wrong is refused, outages are survived."""

from __future__ import annotations

import os
import shutil
import time

import pytest
from tests.platform.storage_servers import local_copy, write_catalogue

pytestmark = [pytest.mark.platform, pytest.mark.slow]

MARKER = "corrupt-me-on-the-way"
CONTENT = os.urandom(100_000) + MARKER.encode() + os.urandom(3_000_000)


@pytest.fixture(scope="module")
def servers(storage_servers):
    """Two storage elements."""
    return storage_servers


@pytest.fixture
def stored(servers, request):
    """Path of a file at the storage element ``one``, named after its test."""
    path = f"/data/{request.node.name.partition('[')[0]}/file.root"
    servers.put("one", path, CONTENT)
    return path


def leftovers(folder):
    """Temporary files of copies below a folder."""
    return [str(path) for path in folder.rglob(".*.part")]


def test_a_file_arrives_whole_below_its_host(servers, stored, tmp_path):
    address = servers.address("one", stored)
    status, _, errors = servers.client("retrieve_object", address, tmp_path, key=False)
    assert status == 0, errors
    assert local_copy(tmp_path, address).read_bytes() == CONTENT
    assert f"localhost_{servers.port('one')}" in str(local_copy(tmp_path, address))
    # The same path at the other site is another file, here a missing one.
    status, output, _ = servers.client("exists", servers.address("two", stored), tmp_path)
    assert (status, output) == (0, "False")


def test_files_and_folders_are_stored_and_come_back(servers, tmp_path):
    address = servers.address("one", "/data/stored/folder")
    local = local_copy(tmp_path, address)
    (local / "below").mkdir(parents=True)
    (local / "a.root").write_bytes(CONTENT)
    (local / "below/empty").write_bytes(b"")
    for _ in range(2):  # the second time over what is there
        status, output, errors = servers.client("store_object", address, tmp_path)
        assert status == 0, output + errors
    shutil.rmtree(local)
    assert servers.client("retrieve_object", address, tmp_path, key=False)[0] == 0
    assert (local / "a.root").read_bytes() == CONTENT
    names = sorted(path.relative_to(local).as_posix() for path in local.rglob("*"))
    assert names == ["a.root", "below", "below/empty"]
    assert not leftovers(servers.disk("one"))
    assert not leftovers(tmp_path)
    assert servers.client("remove", address, tmp_path)[0] == 0
    assert servers.client("exists", address, tmp_path)[1] == "False"


def test_a_folder_of_which_a_file_was_lost_is_refused(servers, tmp_path):
    address = servers.address("one", "/data/lost/folder")
    local = local_copy(tmp_path, address)
    local.mkdir(parents=True)
    (local / "a.root").write_bytes(CONTENT)
    (local / "b.root").write_bytes(CONTENT)
    assert servers.client("store_object", address, tmp_path)[0] == 0
    shutil.rmtree(local)
    servers.disk("one", "/data/lost/folder/b.root").unlink()
    status, output, _ = servers.client("retrieve_object", address, tmp_path)
    assert status == 1
    assert "b.root: read: missing" in output
    assert not local.exists()
    # Without its manifest a folder is not known to be whole: it is made again.
    servers.disk("one", "/data/lost/folder/.manifest.adler32.tsv").unlink()
    assert servers.client("exists", address, tmp_path)[1] == "False"


def test_a_source_that_rotted_on_its_disk_is_refused(servers, stored, tmp_path):
    address, file = servers.address("one", stored), servers.disk("one", stored)
    # Now the server has noted the checksum, which it keeps while the file's time stays.
    assert servers.client("checksum", address, tmp_path)[0] == 0
    times = file.stat()
    with file.open("r+b") as stream:
        stream.seek(1234)
        stream.write(bytes([CONTENT[1234] ^ 1]))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    status, output, _ = servers.client("retrieve_object", address, tmp_path)
    assert status == 1
    assert "read: adler32" in output
    assert len(output.splitlines()) == 1
    assert not local_copy(tmp_path, address).exists()
    assert not leftovers(tmp_path)


def test_a_source_that_is_not_the_catalogued_one_is_refused(servers, stored, tmp_path):
    address = servers.address("one", stored)
    folder, _, name = stored.rpartition("/")
    catalogue = write_catalogue(tmp_path / "catalogue.tsv", {name: CONTENT})
    other = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    servers.put("one", stored, other)  # whose checksum the server will vouch for
    settings = (f"base={servers.address('one', folder)}", f"catalogue={catalogue}")
    status, output, _ = servers.client("retrieve_object", address, tmp_path, *settings)
    assert status == 1
    assert "adler32" in output
    assert not local_copy(tmp_path, address).exists()


@pytest.mark.parametrize("action", ["retrieve_object", "store_object"])
def test_a_bit_that_flips_on_the_way_is_found(servers, stored, tmp_path, action):
    target = stored if action == "retrieve_object" else f"{stored}.up"
    address = servers.through_network(target)
    local = local_copy(tmp_path, address)
    if action == "store_object":
        local.parent.mkdir(parents=True)
        local.write_bytes(CONTENT)
    with servers.network("one", marker=MARKER):
        status, output, _ = servers.client(action, address, tmp_path)
    assert status == 1
    assert "adler32" in output
    assert len(output.splitlines()) == 1
    place = local if action == "retrieve_object" else servers.disk("one", target)
    assert not place.exists()
    assert not leftovers(servers.disk("one"))
    assert not leftovers(tmp_path)
    # The same network without the fault lets it through.
    with servers.network("one"):
        assert servers.client(action, address, tmp_path)[0] == 0
    assert place.read_bytes() == CONTENT


def test_a_write_without_key_is_refused(servers, tmp_path):
    address = servers.address("one", "/data/forbidden/file")
    local = local_copy(tmp_path, address)
    local.parent.mkdir(parents=True)
    local.write_bytes(CONTENT)
    start = time.monotonic()
    status, output, _ = servers.client("store_object", address, tmp_path, key=False)
    assert status == 1
    assert "permission denied" in output
    assert "XrdSecSSSKT" in output
    assert len(output.splitlines()) == 1
    assert time.monotonic() - start < 20
    assert not servers.disk("one", "/data/forbidden").exists()


def test_a_half_transferred_replica_is_never_used(servers, stored, tmp_path):
    folder, _, name = stored.rpartition("/")
    catalogue = write_catalogue(tmp_path / "catalogue.tsv", {name: CONTENT})
    servers.put("one", stored, CONTENT[: len(CONTENT) // 2])
    address = servers.address("one", stored)
    base = (f"base={servers.address('one', folder)}", f"catalogue={catalogue}")
    for action in ("exists", "retrieve_object"):
        status, output, _ = servers.client(action, address, tmp_path, *base)
        assert status == 1
        assert f"size: {len(CONTENT) // 2} bytes: incomplete" in output
    assert not local_copy(tmp_path, address).exists()
    # A whole one at another site stands in for it.
    servers.put("two", stored, CONTENT)
    settings = (*base, f"fallbacks={servers.address('two', folder)}")
    status, _, errors = servers.client("retrieve_object", address, tmp_path, *settings)
    assert status == 0, errors
    assert "not used" in errors
    assert local_copy(tmp_path, address).read_bytes() == CONTENT


def test_a_replica_at_a_dead_site_is_taken_from_another(servers, stored, tmp_path):
    folder, _, name = stored.rpartition("/")
    catalogue = write_catalogue(tmp_path / "catalogue.tsv", {name: CONTENT})
    dead = f"root://localhost:{servers.dead_port}/{folder}"
    settings = (
        *(f"base={dead}", f"catalogue={catalogue}", "first_contact_s=4"),
        f"fallbacks={servers.address('one', folder)}",
    )
    status, _, errors = servers.client("retrieve_object", f"{dead}/{name}", tmp_path, *settings)
    assert status == 0, errors
    assert local_copy(tmp_path, f"{dead}/{name}").read_bytes() == CONTENT


def test_a_dead_server_is_one_error_within_a_minute(servers, tmp_path):
    start = time.monotonic()
    address = f"root://localhost:{servers.dead_port}//data/file"
    status, output, _ = servers.client("exists", address, tmp_path)
    assert status == 1
    assert 30 < time.monotonic() - start < 60
    assert len(output.splitlines()) == 1
    assert f"localhost:{servers.dead_port}" in output
    assert "no answer for" in output


@pytest.mark.parametrize("outage_s", [15, 60])
def test_an_outage_is_survived_both_ways(servers, stored, tmp_path, outage_s):
    """Network and server go away while files are on their way, and come back."""
    large = os.urandom(30_000_000)
    servers.put("one", stored, large)
    down, up = servers.through_network(stored), servers.through_network(f"{stored}.up")
    local = local_copy(tmp_path, up)
    local.parent.mkdir(parents=True)
    local.write_bytes(large)
    network = servers.start_network("one", 4_000_000)
    clients = [
        servers.start_client("retrieve_object", down, tmp_path),
        servers.start_client("store_object", up, tmp_path),
    ]
    try:
        time.sleep(3)
        assert all(client.poll() is None for client in clients)
        network.kill()
        servers.down("one")
        time.sleep(outage_s)
        assert all(client.poll() is None for client in clients)
        servers.up("one")
        network.communicate()
        network = servers.start_network("one")
        for client in clients:
            output, errors = client.communicate(timeout=120)
            assert client.returncode == 0, output + errors
            assert "asking again" in errors or "attempt" in errors or "at byte" in errors
    finally:
        for process in (*clients, network):
            process.kill()
            process.communicate()
    assert local_copy(tmp_path, down).read_bytes() == large
    assert servers.disk("one", f"{stored}.up").read_bytes() == large
    assert not leftovers(tmp_path)
    assert not leftovers(servers.disk("one"))


def test_many_requests_go_per_second(servers, tmp_path):
    """As Snakemake asks, rate limiter included: a hundred a second, not one."""
    for number in range(200):
        servers.put("one", f"/data/many/{number}", b"x")
    address = servers.address("one", "/data/many")
    start = time.monotonic()
    status, output, errors = servers.client("managed_exists", address, tmp_path, "below=200")
    assert (status, output) == (0, "200"), errors
    assert time.monotonic() - start < 30
