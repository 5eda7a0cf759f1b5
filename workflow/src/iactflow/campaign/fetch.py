"""Download of DL3 files: checked, resumable, one error that says what went wrong.

A file is written under a temporary name, its size and SHA-256 are compared with the table of
checksums, and only then it is renamed. Verified files wait in a hidden folder below the data root
until all are there, so that a job that failed half-way (whose outputs Snakemake removes) goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from iactflow.campaign.atomic import atomic_output
from iactflow.errors import InputError

__all__ = ["fetch_dl3", "fetch_file", "is_verified"]

LOG = logging.getLogger(__name__)

ATTEMPTS = 4
BACKOFF_S = 2.0
TIMEOUT_S = 60.0
BLOCK_BYTES = 1 << 20
STAGING = ".fetched"
# Answers that may be another at the next attempt: time-out, too many requests, server at fault.
PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
TEMPORARY_NAME = re.compile(r"^\.tmp-\d+-[0-9a-f]+-")


class _Truncated(OSError):
    """The body ended before the size that the table of checksums gives."""


# Other OSErrors, as a full disk, are no matter of the address and go through.
NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    _Truncated,
)


def fetch_dl3(inputs, outputs, params, wildcards) -> None:
    """Download the files of a run table.

    Parameters
    ----------
    inputs : namespace
        Not used: nothing local is read.
    outputs : namespace
        ``files``: paths below ``params.root``, final or with the temporary prefix of a job.
    params : namespace
        ``url``: folder of the release, http(s):// or file://; ``root``: the local data root;
        ``checksums``: ``{file below root: {"sha256": hex digits, "size_bytes": int}}``.
    wildcards : namespace
        Not used.

    Raises
    ------
    InputError
        When a file has no checksum, does not exist at the address, cannot be reached after some
        attempts, or has another size or checksum; the message names address and file.
    """
    root = Path(params.root)
    wanted = {_relative(path, root): Path(path) for path in map(str, outputs.files)}
    for name in wanted:
        if name not in params.checksums:
            raise InputError(
                root, "checksum", name, "files of the run table whose checksum is known"
            )
    staging, verified = root / STAGING, {}
    for name in wanted:
        expected = params.checksums[name]
        places = (root / name, staging / name)
        verified[name] = next((p for p in places if is_verified(p, **expected)), None)
        if verified[name] is None:
            verified[name] = staging / name
            fetch_file(f"{params.url.rstrip('/')}/{name}", staging / name, **expected)
    for name, destination in wanted.items():
        _hand_over(verified[name], destination, staging)
    if staging.exists():
        shutil.rmtree(staging)
    LOG.info("%d files of %s are in %s", len(wanted), params.url, root)


def fetch_file(url: str, path: Path, *, sha256: str, size_bytes: int) -> None:
    """Download one file and verify it.

    Parameters
    ----------
    url : str
        Address, http(s):// or file://.
    path : Path
        Where the verified file goes; its folder is made.
    sha256 : str
        Expected SHA-256, hexadecimal.
    size_bytes : int
        Expected size, bytes.

    Raises
    ------
    InputError
        When the file is not there, stays unreachable or truncated, or is another file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with atomic_output(path) as temporary:
                _download(url, temporary, sha256, size_bytes)
            LOG.info("fetched %s (%d bytes)", url, size_bytes)
            return
        except urllib.error.HTTPError as error:
            failure = f"HTTP status {error.code} ({error.reason})"
            error.close()
            passing = error.code in PASSING_STATUS
        except NETWORK_ERRORS as error:
            reason = getattr(error, "reason", error)
            failure = " ".join(str(reason).split()) or repr(reason)
            passing = not isinstance(reason, NOT_THERE)
        if not passing or attempt == ATTEMPTS:
            allowed = "an address that serves the file; see data.fetch.url, or put the file there"
            raise InputError(url, "download", failure, allowed)
        LOG.warning("%s: attempt %d of %d: %s", url, attempt, ATTEMPTS, failure)
        time.sleep(BACKOFF_S * 2 ** (attempt - 1))


def is_verified(path: Path, *, sha256: str, size_bytes: int) -> bool:
    """Tell whether a file is there with the expected content.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Expected SHA-256, hexadecimal.
    size_bytes : int
        Expected size, bytes.

    Returns
    -------
    bool
        True for a file of this size and checksum.
    """
    if not path.is_file() or path.stat().st_size != size_bytes:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _download(url, path, sha256, size_bytes):
    """One attempt; nothing stays of a file that is too long, too short or another."""
    digest, size = hashlib.sha256(), 0
    address = urllib.parse.quote(url, safe=":/%?=&")
    with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer, path.open("wb") as stream:
        while block := answer.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            if size > size_bytes:
                raise InputError(url, "size", f"more than {size_bytes} bytes", size_bytes)
            stream.write(block)
    if size < size_bytes:
        raise _Truncated(f"{size} of {size_bytes} bytes")
    if digest.hexdigest() != sha256:
        raise InputError(url, "sha256", digest.hexdigest(), sha256)


def _relative(path, root):
    """Name below the data root, without the temporary prefix of a job."""
    path = Path(path)
    final = path.with_name(TEMPORARY_NAME.sub("", path.name))
    try:
        return final.relative_to(root).as_posix()
    except ValueError:
        raise InputError(path, "output", str(final), f"a path below {root}") from None


def _hand_over(verified, destination, staging):
    """Put a verified file in its place: moved from the staging folder, copied from elsewhere."""
    if verified == destination:
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    if staging in verified.parents:
        os.replace(verified, destination)
    else:
        shutil.copyfile(verified, destination)
