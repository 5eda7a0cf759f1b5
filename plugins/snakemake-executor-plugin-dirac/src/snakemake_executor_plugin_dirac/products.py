"""Inputs of a job as the grid can get them, and outputs as they come back."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from snakemake_executor_plugin_dirac.sandbox import adler32

__all__ = ["LocalInputs", "collect_report", "expand", "unpack_logs"]


def expand(paths):
    """Files and folders of a job's inputs.

    Parameters
    ----------
    paths : iterable of str
        Files or folders, relative to the working folder.

    Returns
    -------
    files, folders : list of str
        Sorted; folders with those inside.

    Raises
    ------
    FileNotFoundError
        If one is missing here, or lies outside the working folder.
    """
    files, folders = set(), set()
    for path in map(str, paths):
        relative = os.path.relpath(path)
        if relative.startswith(".."):
            raise FileNotFoundError(
                f"input {path} lies outside the working folder: no job elsewhere could find it"
            )
        if os.path.isdir(relative):
            folders.add(relative)
            for folder, inside, names in os.walk(relative):
                folders.update(os.path.join(folder, name) for name in inside)
                files.update(os.path.join(folder, name) for name in names)
        elif os.path.exists(relative):
            files.add(relative)
        else:
            raise FileNotFoundError(f"input {path} is missing in {os.getcwd()}")
    return sorted(files), sorted(folders)


class LocalInputs:
    """Which files here are in the catalogue already, as the ledger knows and their dates confirm.

    Parameters
    ----------
    ledger : Ledger
        Its products: ``lfn``, ``adler32``, ``size``, ``replicas``, ``mtime_ns`` by path.
    """

    def __init__(self, ledger):
        self.ledger = ledger
        self._checksums = {}

    def checksum(self, path):
        """Checksum of a file here, computed once as long as its size and date stay.

        Parameters
        ----------
        path : str
            File.

        Returns
        -------
        str
            Its adler32.
        """
        status = os.stat(path)
        stamp = (path, status.st_size, status.st_mtime_ns)
        if stamp not in self._checksums:
            self._checksums[stamp] = adler32(path)
        return self._checksums[stamp]

    def catalogued(self, path):
        """Catalogue entry of a file here, if it is the very file that was catalogued.

        Parameters
        ----------
        path : str
            File.

        Returns
        -------
        dict or None
            ``path``, ``lfn``, ``adler32``.
        """
        entry = self.ledger.products.get(path)
        if entry is None or os.path.getsize(path) != entry["size"]:
            return None
        # Snakemake touches outputs: the date alone proves no change.
        if os.stat(path).st_mtime_ns != entry.get("mtime_ns"):
            if self.checksum(path) != entry["adler32"]:
                return None
            entry["mtime_ns"] = os.stat(path).st_mtime_ns
        return {"path": path, "lfn": entry["lfn"], "adler32": entry["adler32"]}

    def register(self, entries):
        """Remember files that were catalogued and are here now.

        Parameters
        ----------
        entries : iterable of dict
            ``path``, ``lfn``, ``size``, ``adler32``, ``replicas`` (storage elements; a job that
            left before they were noted does not tell).
        """
        for entry in entries:
            self.ledger.products[entry["path"]] = {
                "lfn": entry["lfn"],
                "size": entry["size"],
                "adler32": entry["adler32"],
                "replicas": entry.get("replicas", []),
                "mtime_ns": os.stat(entry["path"]).st_mtime_ns,
            }


def collect_report(report, allowed):
    """What a job's report asks to fetch, if it names nothing but the job's own outputs.

    Parameters
    ----------
    report : dict
        ``report.json`` of the worker.
    allowed : iterable of str
        Outputs of the job, files or folders.

    Returns
    -------
    list of dict
        Files to fetch: ``lfn``, ``path`` (absolute), ``adler32``.

    Raises
    ------
    ValueError
        If the report names another path.
    """
    roots = [os.path.normpath(str(path)) for path in allowed]

    def own(path):
        normal = os.path.normpath(path)
        if not any(normal == root or normal.startswith(root + os.sep) for root in roots):
            raise ValueError(f"the job reports {path}, which is not one of its outputs")
        return normal

    for folder in report["folders"]:
        os.makedirs(own(folder), exist_ok=True)
    for path in report["empty"]:
        os.makedirs(os.path.dirname(own(path)) or ".", exist_ok=True)
        Path(own(path)).write_bytes(b"")
    return [
        {
            "lfn": entry["lfn"],
            "path": os.path.abspath(own(entry["path"])),
            "adler32": entry["adler32"],
        }
        for entry in report["outputs"]
    ]


def remove_outputs(outputs):
    """Remove what an earlier run left, so that nothing old mixes with what arrives.

    Parameters
    ----------
    outputs : iterable of str
        Files or folders.
    """
    for path in map(str, outputs):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.remove(path)


def unpack_logs(folder, logs):
    """Put the logs of a job where its rule names them.

    Parameters
    ----------
    folder : path
        Folder of its output sandbox.
    logs : iterable of str
        Paths that may be written.

    Returns
    -------
    list of str
        Files that hold what the job said beside its logs: its error and its output.
    """
    archive = Path(folder, "logs.tar.gz")
    wanted = {os.path.normpath(str(path)) for path in logs}
    if archive.exists():
        with tarfile.open(archive) as stream:
            for member in stream.getmembers():
                path = os.path.normpath(member.name)
                if member.isfile() and path in wanted:
                    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
                    Path(path).write_bytes(stream.extractfile(member).read())
    output = [Path(folder, name) for name in ("std.err", "std.out")]
    return [str(file) for file in output if file.exists() and file.stat().st_size]
