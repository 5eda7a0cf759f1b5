"""How a server is asked, with scripted answers and a clock of our own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from XRootD.client.flags import StatInfoFlags

from snakemake_storage_plugin_iactxrootd import server as module
from snakemake_storage_plugin_iactxrootd import staging
from snakemake_storage_plugin_iactxrootd.errors import StorageError, UnreachableError
from snakemake_storage_plugin_iactxrootd.server import Patience, Server

OK = SimpleNamespace(ok=True, code=0, errno=0, message="[SUCCESS]")
# Connection refused: errno is that of the system call, not of the protocol.
REFUSED = SimpleNamespace(ok=False, code=108, errno=111, message="[FATAL] Connection error")
RESET = SimpleNamespace(ok=False, code=102, errno=104, message="[FATAL] Socket error")


def says(errno):
    """Answer of a server."""
    return SimpleNamespace(ok=False, code=400, errno=errno, message=f"[ERROR] [{errno}] so\n")


class Clock:
    """Time that passes only when somebody sleeps, or a request takes some."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    monkeypatch.setattr(staging, "time", found)
    return found


@pytest.fixture
def server(clock):
    return Server("root://localhost:1", Patience(first_contact_s=40, outage_s=150))


def up_from(clock, start, failure=REFUSED):
    """Return a request that fails until a time."""
    return lambda timeout: (OK, "here") if clock.now >= start else (failure, None)


def test_a_server_that_never_answered_is_given_up_within_a_minute(server, clock):
    with pytest.raises(UnreachableError, match=r"localhost:1//x: stat: no answer for (39|40) s"):
        server.ask("stat", "/x", up_from(clock, 1000))
    assert clock.now <= 40
    # Whoever asks next does not wait again; later a first attempt decides.
    start = clock.now
    with pytest.raises(UnreachableError, match="a moment ago"):
        server.ask("stat", "/y", up_from(clock, 0))
    assert clock.now == start
    clock.now += 61
    with pytest.raises(UnreachableError, match="no answer for 0 s"):
        server.ask("stat", "/y", up_from(clock, 1000))
    clock.now += 61
    assert server.ask("stat", "/y", up_from(clock, 0)) == "here"


@pytest.mark.parametrize("failure", [REFUSED, RESET, says(3024), says(3012)])
def test_an_outage_of_a_minute_is_waited_for(server, clock, failure):
    server.ask("stat", "/x", up_from(clock, 0))
    assert server.ask("stat", "/x", up_from(clock, 60, failure)) == "here"
    assert 60 <= clock.now < 62


def test_an_outage_of_minutes_is_an_error(server, clock):
    server.ask("stat", "/x", up_from(clock, 0))
    with pytest.raises(UnreachableError):
        server.ask("stat", "/x", up_from(clock, 1000))
    assert 140 < clock.now <= 150


def test_a_silent_server_is_not_waited_for_longer_than_it_is_asked(server, clock):
    asked = []

    def silent(timeout):
        asked.append(timeout)
        clock.now += timeout
        return SimpleNamespace(ok=False, code=206, errno=0, message="expired"), None

    with pytest.raises(UnreachableError):
        server.ask("stat", "/x", silent)
    assert sum(asked) <= 42


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (says(3010), "XrdSecSSSKT"),
        (says(3030), "X509_USER_PROXY"),
        (SimpleNamespace(ok=False, code=204, errno=0, message="[FATAL] Auth failed"), "BEARER"),
        (says(3011), "an existing file"),
        (SimpleNamespace(ok=False, code=101, errno=0, message="[FATAL] Invalid"), "name of a host"),
    ],
)
def test_a_refusal_is_told_at_once_in_one_line(server, clock, status, hint):
    with pytest.raises(StorageError, match=hint) as error:
        server.ask("write", "/x", lambda timeout: (status, None))
    assert clock.now == 0
    assert len(str(error.value).splitlines()) == 1
    assert not isinstance(error.value, UnreachableError)


def test_what_may_lack_is_none(server):
    assert server.ask("stat", "/x", lambda t: (says(3011), None), may_lack=(3011,)) is None


class Tape:
    """A server whose files come from tape some time after they are asked for."""

    def __init__(self, clock, delay_s):
        self.clock, self.delay_s, self.asked, self.staged = clock, delay_s, [], None

    def stat(self, path, timeout):
        online = self.staged is not None and self.clock.now - self.staged >= self.delay_s
        flags = 0 if online else StatInfoFlags.OFFLINE
        return OK, SimpleNamespace(size=5, modtime=0, flags=flags)

    def prepare(self, paths, flags, timeout):
        self.asked.append(paths)
        self.staged = self.clock.now
        return OK, b"1"


def test_files_on_tape_are_asked_for_together_and_waited_for(server, clock):
    server.files = Tape(clock, 1000)
    staging.wait_until_online(server, "/b", ["/a", "/b", "/c"], 86400)
    assert server.files.asked == [["/a", "/b", "/c"]]
    assert 1000 <= clock.now <= 1061
    # What is on disk is read at once.
    staging.wait_until_online(server, "/b", [], 86400)
    assert len(server.files.asked) == 1


def test_a_file_that_stays_on_tape_is_an_error(server, clock):
    server.files = Tape(clock, 1e9)
    with pytest.raises(StorageError, match="still on tape after 600 s"):
        staging.wait_until_online(server, "/b", [], 600)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"adler32 9a3f\x00", "00009a3f"),
        (b"adler32 0000ABCD", "0000abcd"),
        (b"md5 00", None),
        (b"", None),
    ],
)
def test_checksums_have_eight_digits(server, answer, found):
    server.files = SimpleNamespace(query=lambda code, path, timeout: (OK, answer))
    assert server.checksum("/x") == found
