"""Folders to and from a server: with a manifest of their files, renamed as one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from .catalogue import MANIFEST, Replica, format_catalogue, parse_catalogue
from .errors import ReplicaError
from .server import Server
from .transfer import check_size, discard, download, replace, send_checked, temporary_name

__all__ = ["check_folder", "download_folder", "upload_folder"]


def upload_folder(server: Server, local: Path, path: str) -> None:
    """Copy a folder with a manifest of its files, then give it its name.

    Parameters
    ----------
    server : Server
        The server.
    local : Path
        The folder; hidden files of Snakemake are left out.
    path : str
        Absolute path at the server; what stands there is replaced.

    Raises
    ------
    StorageError
        As for a file; nothing stays of the folder.
    """
    part = temporary_name(path)
    names = [
        file.relative_to(local).as_posix()
        for file in sorted(local.rglob("*"))
        if file.is_file() and not file.name.startswith(".snakemake")
    ]
    try:
        server.make_folder(part)
        sent = [
            (name, send_checked(server, local / name, f"{part}/{name}", f"{path}/{name}"))
            for name in names
        ]
        _upload_text(server, format_catalogue(sent), f"{part}/{MANIFEST}", local)
        replace(server, part, path)
    except BaseException as error:
        discard(server, part, error)
        raise


def _upload_text(server: Server, text: str, path: str, local: Path) -> None:
    file = Path(temporary_name(str(local.absolute())))
    try:
        file.write_text(text, encoding="utf-8")
        send_checked(server, file, path, path)
    finally:
        file.unlink(missing_ok=True)


def download_folder(server: Server, path: str, local: Path) -> None:
    """Copy a folder and check every file against its manifest.

    Parameters
    ----------
    server : Server
        The server.
    path : str
        Absolute path there.
    local : Path
        Where the checked folder goes; what stands there is replaced.

    Raises
    ------
    ReplicaError
        If it has no manifest, or a file is not what its manifest says.
    StorageError
        If the server refuses or stays silent.
    """
    part = Path(temporary_name(str(local.absolute())))
    try:
        part.mkdir(parents=True)
        for name, expected in read_manifest(server, path, part).items():
            download(server, f"{path}/{name}", part / name, expected)
        if local.exists():
            shutil.rmtree(local)
        part.rename(local)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def read_manifest(server: Server, path: str, scratch: Path) -> dict[str, Replica]:
    """Return what belongs to a folder, as its manifest says.

    Parameters
    ----------
    server : Server
        The server.
    path : str
        Absolute path of the folder.
    scratch : Path
        Local folder for the manifest, which is removed again.

    Returns
    -------
    dict of str to Replica
        By path below the folder.

    Raises
    ------
    ReplicaError
        If the folder has none.
    """
    name = f"{path}/{MANIFEST}"
    if server.stat(name) is None:
        url = f"{server.endpoint}/{path}"
        raise ReplicaError(url, "read", "a folder without manifest", f"{MANIFEST} in it")
    file = scratch / MANIFEST
    download(server, name, file, None)
    text = file.read_text(encoding="utf-8")
    file.unlink()
    return parse_catalogue(text, f"{server.endpoint}/{name}")


def check_folder(server: Server, path: str) -> dict[str, Replica] | None:
    """Hold a stored folder against its manifest, without reading its files.

    Parameters
    ----------
    server : Server
        The server.
    path : str
        Absolute path of the folder.

    Returns
    -------
    dict of str to Replica or None
        What belongs to it, by path below it; None where there is no folder, or one that was not
        stored whole.

    Raises
    ------
    ReplicaError
        If a file is missing, of another size, or, where the server makes checksums, another one.
    StorageError
        If the server refuses or stays silent.
    """
    if server.stat(f"{path}/{MANIFEST}") is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        found = read_manifest(server, path, Path(scratch))
    for name, expected in found.items():
        check_size(server, f"{path}/{name}", expected)
        made = server.checksum(f"{path}/{name}")
        if made not in (None, expected.adler32):
            url = f"{server.endpoint}/{path}/{name}"
            raise ReplicaError(url, "checksum", f"adler32 {made}", f"adler32 {expected.adler32}")
    return found
