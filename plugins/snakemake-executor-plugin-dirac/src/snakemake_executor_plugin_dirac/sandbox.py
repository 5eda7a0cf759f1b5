"""What travels with a bulk submission: sources, job list, the worker's own code."""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from pathlib import Path

__all__ = [
    "SecretInSandbox",
    "adler32",
    "key_of",
    "refuse_secrets",
    "sources_digest",
    "write_archive",
    "write_sandbox",
]

DIRAC_SIDE = Path(__file__).parent / "dirac_side"
MAX_SOURCE_BYTES = 10_000_000
# A name with one of these words holds what nobody else may read.
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE", re.I)
SECRET_TEXT = re.compile(r"-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----")
RUN = """#!/bin/bash
# DIRAC's Python of this site runs the job; the software of the payload is set up inside it.
set -u
for python in "${DIRAC_PYTHON:-}" python3 python; do
  [ -n "$python" ] && "$python" -c "import DIRAC" 2>/dev/null && exec "$python" -u worker.py "$1"
done
echo "run.sh: no Python of this site imports DIRAC" >&2
exit 71
"""


class SecretInSandbox(Exception):
    """A secret that would have left this machine in clear text."""


def adler32(path):
    """Compute the checksum that DIRAC's catalogue holds.

    Parameters
    ----------
    path : path
        File.

    Returns
    -------
    str
        Eight hexadecimal digits.
    """
    value = 1
    with open(path, "rb") as stream:
        while block := stream.read(1 << 22):
            value = zlib.adler32(block, value)
    return f"{value:08x}"


def key_of(outputs):
    """Name of a job that stays the same from one launch to the next: what it makes.

    Parameters
    ----------
    outputs : iterable of str
        Its outputs.

    Returns
    -------
    str
        Twenty hexadecimal digits.
    """
    return hashlib.sha256("\0".join(sorted(map(str, outputs))).encode()).hexdigest()[:20]


def digest(document):
    """Digest of a JSON document, whatever the order of its keys.

    Parameters
    ----------
    document : object
        JSON; other values by their text.

    Returns
    -------
    str
        Forty hexadecimal digits.
    """
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def usable_sources(files, excluded=()):
    """Files of the workflow that a job needs: below this folder, of moderate size.

    Parameters
    ----------
    files : iterable of str
        Paths relative to the working folder.
    excluded : sequence of str
        Patterns of files that jobs do not need.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    FileNotFoundError
        If one lies outside: no job could find it.
    """
    chosen = []
    for file in sorted(set(files)):
        if any(fnmatch.fnmatch(file, pattern) for pattern in excluded):
            continue
        if file.startswith("..") or os.path.isabs(file):
            raise FileNotFoundError(
                f"{file} lies outside the working folder {os.getcwd()}: jobs elsewhere could not "
                "find it. Start Snakemake in the folder that holds Snakefile and configuration."
            )
        if os.path.isfile(file) and os.path.getsize(file) <= MAX_SOURCE_BYTES:
            chosen.append(file)
    return chosen


def sources_digest(files):
    """Digest of names and content.

    Parameters
    ----------
    files : iterable of str
        Sources.

    Returns
    -------
    str
        Forty hexadecimal digits.
    """
    return digest({f: hashlib.sha256(Path(f).read_bytes()).hexdigest() for f in files})


def write_archive(archive, files):
    """Pack files, byte for byte the same for the same content.

    Parameters
    ----------
    archive : path
        A ``.tar.gz``.
    files : iterable of str
        Paths relative to the working folder.
    """
    with (
        open(archive, "wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w") as stream,
    ):
        for file in sorted(files):
            content = Path(file).read_bytes()
            entry = tarfile.TarInfo(file)
            entry.size = len(content)
            entry.mode = 0o755 if os.access(file, os.X_OK) else 0o644
            stream.addfile(entry, io.BytesIO(content))


def refuse_secrets(text, environment):
    """Refuse a text that holds a secret of this environment, a key or a certificate.

    Parameters
    ----------
    text : str
        What would be sent.
    environment : mapping
        Variables of this process.

    Raises
    ------
    SecretInSandbox
        Naming the variable, never its value.
    """
    for name, value in environment.items():
        if SECRET_NAME.search(name) and len(value) >= 6 and value in text:
            raise SecretInSandbox(
                f"the value of the environment variable {name} would stand in a job script; give "
                "secrets to jobs through the site's setup, not through Snakemake's arguments"
            )
    if SECRET_TEXT.search(text):
        raise SecretInSandbox("a private key or certificate would stand in a job script")


def write_sandbox(folder, common, jobs, archives, environment):
    """Write the files that every job of a submission receives.

    Parameters
    ----------
    folder : path
        Folder of the submission; made if it is missing.
    common : dict
        What all jobs share.
    jobs : dict
        Job by index.
    archives : list of path
        Archives to unpack on the worker.
    environment : mapping
        Variables of this process, none of whose secrets may be in there.

    Returns
    -------
    list of str
        Paths of the files.

    Raises
    ------
    SecretInSandbox
        If a secret would be sent.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [Path(archive).name for archive in archives]
    text = json.dumps(
        {"common": {**common, "archives": names}, "jobs": jobs}, indent=0, sort_keys=True
    )
    refuse_secrets(text, environment)
    (folder / "jobs.json").write_text(text)
    (folder / "run.sh").write_text(RUN)
    (folder / "run.sh").chmod(0o755)
    for name in ("worker.py", "catalogue.py"):
        shutil.copy(DIRAC_SIDE / name, folder / name)
    own = ("run.sh", "worker.py", "catalogue.py", "jobs.json")
    return [*(str(folder.resolve() / name) for name in own), *map(str, archives)]
