"""Files to and from a server: every byte summed here, nothing half-written in place.

A copy goes to a temporary name, in the folder of its final one. Size and adler32 of what went
through are held against those of the catalogue and of the server; then it is renamed.
"""

from __future__ import annotations

import logging
import os
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

from .catalogue import Replica
from .errors import ReplicaError, StorageError, UnreachableError
from .pinned import client, flags
from .server import NOT_FOUND, NOT_OPEN, Server, is_passing, spoken

__all__ = ["discard", "download", "replace", "send_checked", "temporary_name", "upload"]

LOG = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 24
ATTEMPTS = 2  # a bit may flip on the way; what is wrong twice is wrong at its source
RESTARTS = 5  # of a copy that outages interrupt, without progress


class _Interrupted(Exception):
    """A stream broke off: the server is to be asked anew."""


def temporary_name(path: str) -> str:
    """Return a hidden name, never used before, in the same folder."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.{uuid.uuid4().hex[:12]}.part"


def download(server: Server, path: str, local: Path, expected: Replica | None) -> Replica:
    """Copy a file from a server, and check it.

    Parameters
    ----------
    server : Server
        The server.
    path : str
        Absolute path there.
    local : Path
        Where the checked file goes; its folder is made.
    expected : Replica, optional
        What a catalogue says of the file; the server's checksum counts where nothing is known.

    Returns
    -------
    Replica
        Size and checksum of the file.

    Raises
    ------
    ReplicaError
        If the file has another size or checksum, or there is nothing to check it against.
    StorageError
        If the server refuses or stays silent.
    """
    url = f"{server.endpoint}/{path}"
    size = check_size(server, path, expected)
    wanted = expected.adler32 if expected else server.checksum(path)
    if wanted is None:
        allowed = "a server that makes adler32, or a catalogue that holds it"
        raise ReplicaError(url, "checksum", "none known", allowed)
    local.parent.mkdir(parents=True, exist_ok=True)
    part = Path(temporary_name(str(local.absolute())))
    try:
        for attempt in range(1, ATTEMPTS + 1):
            found = _fetch(server, path, part, size)
            if found == (size, wanted):
                os.replace(part, local)
                return found
            LOG.warning("%s: copy %d is %s, not %s", url, attempt, found, (size, wanted))
    finally:
        part.unlink(missing_ok=True)
    problem = f"adler32 {found.adler32} in {found.size_bytes} bytes"
    raise ReplicaError(url, "read", problem, f"adler32 {wanted} in {size} bytes")


def check_size(server: Server, path: str, expected: Replica | None) -> int:
    """Return the size of a whole file, or raise.

    Parameters
    ----------
    server : Server
        The server.
    path : str
        Absolute path there.
    expected : Replica, optional
        What a catalogue says.

    Returns
    -------
    int
        Size, bytes.

    Raises
    ------
    ReplicaError
        If it is not there, is being written, or has another size than the catalogue says.
    """
    url, entry = f"{server.endpoint}/{path}", server.stat(path)
    if entry is None or entry.is_folder:
        found = "missing" if entry is None else "a folder"
        raise ReplicaError(url, "read", found, "an existing file")
    if entry.is_pending:
        raise ReplicaError(url, "read", "still being written", "a finished file")
    if expected is not None and entry.size_bytes != expected.size_bytes:
        found = f"{entry.size_bytes} bytes: incomplete or another file"
        raise ReplicaError(url, "size", found, f"{expected.size_bytes} bytes (catalogue)")
    return entry.size_bytes


def _fetch(server: Server, path: str, part: Path, size: int) -> Replica:
    """Read a file through outages; its checksum is that of the bytes that came."""
    done, total, stalls = 0, zlib.adler32(b""), 0
    with part.open("wb") as stream:
        while done < size:
            before = done
            try:
                for block in _blocks(server, path, done, size):
                    stream.write(block)
                    total = zlib.adler32(block, total)
                    done += len(block)
                break
            except _Interrupted as error:
                LOG.warning("%s/%s: read at byte %d: %s", server.endpoint, path, done, error)
                stalls = 0 if done > before else stalls + 1
                if stalls == RESTARTS:
                    found = f"interrupted {stalls} times at byte {done}"
                    url = f"{server.endpoint}/{path}"
                    raise UnreachableError(url, "read", found, "a server that stays") from None
        stream.flush()
        os.fsync(stream.fileno())
    return Replica(done, f"{total:08x}")


def _blocks(server: Server, path: str, offset: int, size: int) -> Iterator[bytes]:
    """Read a file from an offset on, in blocks."""
    file = _open(server, path, flags.OpenFlags.READ)
    try:
        while offset < size:
            status, block = file.read(offset, min(BLOCK_BYTES, size - offset))
            if not status.ok:
                _passing(server, "read", path, status)
            if not block:
                return
            yield block
            offset += len(block)
    finally:
        file.close(timeout=5)


def _open(server: Server, path: str, mode: int):
    held = []

    def attempt(timeout: int):
        # A handle whose opening failed cannot be opened again.
        # No properties are set: File.set_property drops references to True (xrootd 6.2), and the
        # process dies of it after some hundred calls.
        file = client.File()
        status, _ = file.open(f"{server.endpoint}/{path}", mode, OPEN_ACCESS, timeout=timeout)
        held[:] = [file]
        return status, file

    what = "read" if mode == flags.OpenFlags.READ else "write"
    server.ask(what, path, attempt)
    return held[0]


OPEN_ACCESS = flags.AccessMode.UR | flags.AccessMode.UW | flags.AccessMode.GR | flags.AccessMode.OR


def _passing(server: Server, what: str, path: str, status) -> None:
    """Raise what an answer amounts to: the stream broke off, or the server refused."""
    # A server that came back knows nothing of files that were open, and has removed new ones.
    if is_passing(status) or status.errno in (NOT_OPEN, NOT_FOUND):
        raise _Interrupted(spoken(status))
    raise server.refusal(what, path, status)


def upload(server: Server, local: Path, path: str) -> Replica:
    """Copy a file to a server, check it there, then give it its name.

    Parameters
    ----------
    server : Server
        The server.
    local : Path
        The file.
    path : str
        Absolute path at the server; what stands there is replaced.

    Returns
    -------
    Replica
        Size and checksum of the file.

    Raises
    ------
    ReplicaError
        If what arrived is not what was sent; nothing stays of it.
    StorageError
        If the server refuses or stays silent.
    """
    part = temporary_name(path)
    try:
        sent = send_checked(server, local, part, path)
        replace(server, part, path)
    except BaseException as error:
        discard(server, part, error)
        raise
    return sent


def replace(server: Server, part: str, path: str) -> None:
    """Rename over what may stand there: that steps aside first, since servers refuse else.

    It comes back where the new one does not get the name: nothing is lost.
    """
    if server.stat(path) is None:
        server.rename(part, path)
        return
    aside = temporary_name(path)
    server.rename(path, aside)
    try:
        server.rename(part, path)
    except BaseException:
        LOG.warning("%s/%s: what stood there comes back from %s", server.endpoint, path, aside)
        server.rename(aside, path)
        raise
    server.remove(aside)


def send_checked(server: Server, local: Path, part: str, path: str) -> Replica:
    """Copy a file to a temporary name at a server, and check it there.

    Parameters
    ----------
    server : Server
        The server.
    local : Path
        The file.
    part : str
        Absolute path of the copy.
    path : str
        Final path, named in errors.

    Returns
    -------
    Replica
        Size and checksum of the file.

    Raises
    ------
    ReplicaError
        If what arrived is not what was sent.
    StorageError
        If the server refuses or stays silent.
    """
    url = f"{server.endpoint}/{path}"
    for attempt in range(1, ATTEMPTS + 1):
        sent = _send(server, local, part)
        arrived = _arrived(server, part)
        if arrived == sent:
            return sent
        LOG.warning("%s: copy %d arrived as %s, not %s", url, attempt, arrived, sent)
        server.remove(part)
    problem = f"adler32 {arrived.adler32} in {arrived.size_bytes} bytes arrived"
    raise ReplicaError(url, "write", problem, f"adler32 {sent.adler32} in {sent.size_bytes} bytes")


def _arrived(server: Server, part: str) -> Replica:
    """Size and checksum of a file at the server, read once more where the server makes none."""
    entry = server.stat(part)
    if entry is None:
        return Replica(0, "missing")
    made = server.checksum(part)
    if made is None:
        total, done = zlib.adler32(b""), 0
        for block in _blocks(server, part, 0, entry.size_bytes):
            total, done = zlib.adler32(block, total), done + len(block)
        return Replica(done, f"{total:08x}")
    return Replica(entry.size_bytes, made)


def _send(server: Server, local: Path, part: str) -> Replica:
    for attempt in range(1, RESTARTS + 1):
        try:
            return _send_once(server, local, part)
        except _Interrupted as error:
            LOG.warning("%s/%s: write: %s; attempt %d", server.endpoint, part, error, attempt)
            server.remove(part)
    found = f"interrupted {RESTARTS} times"
    raise UnreachableError(f"{server.endpoint}/{part}", "write", found, "a server that stays")


def _send_once(server: Server, local: Path, part: str) -> Replica:
    """Write a file from its start; the server keeps it only if it is closed."""
    mode = flags.OpenFlags
    file = _open(server, part, mode.DELETE | mode.WRITE | mode.MAKEPATH | mode.POSC)
    done, total, closed = 0, zlib.adler32(b""), False
    try:
        with local.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                status, _ = file.write(block, done)
                if not status.ok:
                    _passing(server, "write", part, status)
                total, done = zlib.adler32(block, total), done + len(block)
        status, _ = file.close(timeout=60)
        closed = True
        if not status.ok:
            _passing(server, "close", part, status)
    finally:
        if not closed:
            file.close(timeout=5)
    return Replica(done, f"{total:08x}")


def discard(server: Server, part: str, error: BaseException) -> None:
    """Remove what a failed copy left; a server that is gone cannot be asked to."""
    if isinstance(error, UnreachableError):
        LOG.warning("%s/%s may be left there: the server is gone", server.endpoint, part)
        return
    try:
        server.remove(part)
    except StorageError as another:
        LOG.warning("%s/%s may be left there: %s", server.endpoint, part, another)
