"""One Snakemake per campaign, without a lock that survives a kill."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["hold_campaign", "is_held"]

_held = []


def hold_campaign(root: str | Path) -> None:
    """Hold a campaign's folder until this process ends, however it ends.

    The lock is the kernel's (``flock``): it is gone with the process, so a relaunch after a kill
    needs no manual unlock.

    Parameters
    ----------
    root : path
        Folder of the campaign's results.

    Raises
    ------
    InputError
        If another process holds it.
    """
    path = Path(root) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - held until the process ends
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        holder = stream.read().strip() or "unknown"
        stream.close()
        raise InputError(
            path, "lock", f"held by process {holder}", "one Snakemake at a time on a campaign"
        ) from None
    os.set_inheritable(stream.fileno(), False)
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    _held.append(stream)


def is_held(root: str | Path) -> bool:
    """Whether a process holds a campaign's folder.

    Parameters
    ----------
    root : path
        Folder of the campaign's results.

    Returns
    -------
    bool
        True while a Snakemake works on it, on this machine or on one that shares its file locks.
    """
    path = Path(root) / ".lock"
    if not path.is_file():
        return False
    with path.open(encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
