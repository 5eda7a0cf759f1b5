"""Files that lie on tape: brought to disk before they are read."""

from __future__ import annotations

import time

from .errors import StorageError
from .server import Server

__all__ = ["wait_until_online"]

POLL_S = (2.0, 60.0)


def wait_until_online(server: Server, path: str, others: list[str], limit_s: float) -> None:
    """Bring a file from tape to disk before it is read, together with others of the same server.

    Parameters
    ----------
    server : Server
        The server.
    path : str
        Absolute path.
    others : list of str
        Further files that will be wanted; a tape library sorts what it is asked for at once.
    limit_s : float
        Seconds after which waiting is given up.

    Raises
    ------
    StorageError
        If the file does not come.
    """
    entry = server.stat(path)
    if entry is None or not entry.is_offline:
        return
    server.stage(sorted({path, *others}))
    start, pause = time.monotonic(), POLL_S[0]
    while time.monotonic() - start < limit_s:
        time.sleep(pause)
        pause = min(POLL_S[1], pause * 1.5)
        entry = server.stat(path)
        if entry is None or not entry.is_offline:
            return
    found = f"still on tape after {limit_s:.0f} s"
    raise StorageError(f"{server.endpoint}/{path}", "staging", found, "a file that comes to disk")
