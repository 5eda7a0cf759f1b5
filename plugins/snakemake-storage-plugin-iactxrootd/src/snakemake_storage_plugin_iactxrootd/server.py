"""One server, asked again through an outage until it answers or patience is out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .errors import StorageError, UnreachableError
from .pinned import client, flags

__all__ = ["Entry", "Patience", "Server"]

LOG = logging.getLogger(__name__)

REQUEST_S = 30
CHECKSUM_S = 3600  # of a large file, which the server reads once more
PAUSE_S = 1.0
REST_S = 60.0  # for which a server that was given up is not asked at all
# Codes of the client library: the server could not be asked, or did not answer.
PASSING_CODES = {1, 4, 5, 10, *range(102, 110), 206, 207, 208, 301}
SERVER_SAYS = 400
# Codes of the protocol: the server says to come back (at fault, no data server, in progress,
# overloaded, timed out).
PASSING_ERRORS = {3012, 3014, 3020, 3024, 3034, 3035}
NOT_OPEN, NOT_AUTHORISED, NOT_FOUND, EXISTS, UNSUPPORTED = 3004, 3010, 3011, 3018, 3013
AUTHENTICATION_FAILED = {203, 204}
KEY = (
    "a key that may do this: a keytab (XrdSecSSSKT), a grid proxy (X509_USER_PROXY) or a token "
    "(BEARER_TOKEN_FILE) in the environment"
)


class Patience(NamedTuple):
    """How long a silent server is asked again."""

    first_contact_s: float = 40.0
    outage_s: float = 150.0


class Entry(NamedTuple):
    """What a server says of a file or folder."""

    name: str
    size_bytes: int
    mtime: float
    is_folder: bool
    is_offline: bool
    is_pending: bool

    @classmethod
    def of(cls, name: str, stat: Any) -> Entry:
        """Read the answer to a stat request."""
        bits = flags.StatInfoFlags
        return cls(
            name,
            stat.size,
            float(stat.modtime),
            bool(stat.flags & bits.IS_DIR),
            bool(stat.flags & bits.OFFLINE),
            bool(stat.flags & bits.POSC_PENDING),
        )


def is_passing(status: Any) -> bool:
    """Tell whether an error may be another at the next attempt.

    Parameters
    ----------
    status : XRootDStatus
        Answer that is not ok.

    Returns
    -------
    bool
        True for a silent or busy server.
    """
    # Otherwise the number is that of a system call.
    if status.code == SERVER_SAYS:
        return status.errno in PASSING_ERRORS
    return status.code in PASSING_CODES


def spoken(status: Any) -> str:
    """Reduce the text of a status to one line without its brackets."""
    return " ".join(status.message.split()).removeprefix("[ERROR] ").removeprefix("[FATAL] ")


class Server:
    """A server and what is asked of it.

    A server that never answered is given up after ``first_contact_s``, so that a wrong or dead
    address is an error within a minute; one that did is asked again for ``outage_s``.

    Parameters
    ----------
    endpoint : str
        ``root://host:port``.
    patience : Patience
        How long it is asked again.
    """

    def __init__(self, endpoint: str, patience: Patience) -> None:
        self.endpoint, self.patience = endpoint, patience
        self.files = client.FileSystem(endpoint)
        self.has_answered = False
        self.given_up_at: float | None = None

    @property
    def limit_s(self) -> float:
        """Seconds for which a request is repeated."""
        if self.given_up_at is not None:
            return 0.0
        return self.patience.outage_s if self.has_answered else self.patience.first_contact_s

    def ask(
        self,
        what: str,
        path: str,
        request: Callable[[int], tuple[Any, Any]],
        *,
        may_lack: tuple[int, ...] = (),
        request_s: int = REQUEST_S,
    ) -> Any:
        """Ask until there is an answer.

        Parameters
        ----------
        what : str
            What is wanted, for errors.
        path : str
            Path that it is wanted of.
        request : callable
            Takes a time-out in seconds, returns status and answer.
        may_lack : tuple of int
            Errors of the server for which None is returned.
        request_s : int
            Time-out of one attempt, seconds.

        Returns
        -------
        object
            The answer.

        Raises
        ------
        UnreachableError
            If the server stays silent.
        StorageError
            If it refuses.
        """
        limit, start, warned = self.limit_s, time.monotonic(), False
        if self.given_up_at is not None and start - self.given_up_at < REST_S:
            found = "not asked: it did not answer a moment ago"
            url = f"{self.endpoint}/{path}"
            raise UnreachableError(url, what, found, "a server that answers")
        while True:
            left = max(2.0, limit - (time.monotonic() - start))
            # A server that never answered is not waited for longer than it is asked for.
            wait = request_s if self.has_answered else min(request_s, left)
            status, answer = request(int(wait))
            if status.ok:
                self.has_answered, self.given_up_at = True, None
                return answer
            if not is_passing(status):
                self.has_answered = self.has_answered or status.code == SERVER_SAYS
                if status.errno in may_lack:
                    return None
                raise self.refusal(what, path, status)
            elapsed = time.monotonic() - start
            if elapsed + PAUSE_S > limit:
                self.given_up_at = time.monotonic()
                raise self._silence(what, path, status, elapsed)
            if not warned:
                LOG.warning(
                    "%s/%s: %s: %s; asking again", self.endpoint, path, what, spoken(status)
                )
                warned = True
            time.sleep(PAUSE_S)

    def _silence(self, what: str, path: str, status: Any, elapsed: float) -> UnreachableError:
        found = f"no answer for {elapsed:.0f} s ({spoken(status)})"
        return UnreachableError(f"{self.endpoint}/{path}", what, found, "a server that answers")

    def refusal(self, what: str, path: str, status: Any) -> StorageError:
        """Make the error of an answer that will not change.

        Parameters
        ----------
        what : str
            What was wanted.
        path : str
            Path that it was wanted of.
        status : XRootDStatus
            The answer.

        Returns
        -------
        StorageError
            One line.
        """
        allowed = "what the server accepts"
        if status.errno in (NOT_AUTHORISED, 3030) or status.code in AUTHENTICATION_FAILED:
            allowed = KEY
        elif status.errno == NOT_FOUND:
            allowed = "an existing file"
        elif status.code == 101:
            allowed = "the name of a host"
        return StorageError(f"{self.endpoint}/{path}", what, spoken(status), allowed)

    def stat(self, path: str) -> Entry | None:
        """Look at a file or folder; None where there is none."""
        answer = self.ask(
            "stat", path, lambda t: self.files.stat(path, timeout=t), may_lack=(NOT_FOUND,)
        )
        return None if answer is None else Entry.of(path.rpartition("/")[2], answer)

    def list(self, path: str) -> list[Entry] | None:
        """List a folder; None where there is none."""
        found = self.ask(
            "list",
            path,
            lambda t: self.files.dirlist(path, flags.DirListFlags.STAT, timeout=t),
            may_lack=(NOT_FOUND,),
        )
        if found is None:
            return None
        return [Entry.of(entry.name, entry.statinfo) for entry in found if entry.statinfo]

    def walk(self, path: str) -> Iterator[str]:
        """Yield the paths of all files below a folder, or of the file itself."""
        entry = self.stat(path)
        if entry is not None and not entry.is_folder:
            yield path
        elif entry is not None:
            for below in self.list(path) or ():
                child = f"{path.rstrip('/')}/{below.name}"
                if below.is_folder:
                    yield from self.walk(child)
                else:
                    yield child

    def checksum(self, path: str) -> str | None:
        """Return the server's adler32 of a file, eight hexadecimal digits; None: it makes none.

        It may be what the server noted when the file was written: a page that changed on the disk
        under an unchanged time is only seen by whoever reads the bytes.
        """
        answer = self.ask(
            "checksum",
            path,
            lambda t: self.files.query(
                flags.QueryCode.CHECKSUM, f"{path}?cks.type=adler32", timeout=t
            ),
            may_lack=(UNSUPPORTED,),
            request_s=CHECKSUM_S,
        )
        if answer is None:
            return None
        words = answer.decode().strip("\0 \n").split()
        return words[1].zfill(8).lower() if len(words) == 2 and words[0] == "adler32" else None

    def rename(self, path: str, new: str) -> None:
        """Rename a file or folder; where the answer got lost in an outage, it may be done."""
        answer = self.ask(
            "rename",
            path,
            lambda t: self.files.mv(path, new, timeout=t),
            may_lack=(NOT_FOUND,),
        )
        if answer is None and self.stat(path) is None and self.stat(new) is None:
            raise StorageError(
                f"{self.endpoint}/{path}", "rename", "it is gone", "an existing file"
            )

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        make = flags.MkDirFlags.MAKEPATH
        mode = flags.AccessMode
        access = mode.UR | mode.UW | mode.UX | mode.GR | mode.GX | mode.OR | mode.OX
        self.ask(
            "make folder",
            path,
            lambda t: self.files.mkdir(path, make, access, timeout=t),
            may_lack=(EXISTS,),
        )

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with what is in it; nothing where there is none."""
        entry = self.stat(path)
        if entry is None:
            return
        if entry.is_folder:
            for below in self.list(path) or ():
                self.remove(f"{path.rstrip('/')}/{below.name}")
            self.ask(
                "remove",
                path,
                lambda t: self.files.rmdir(path, timeout=t),
                may_lack=(NOT_FOUND,),
            )
            return
        self.ask("remove", path, lambda t: self.files.rm(path, timeout=t), may_lack=(NOT_FOUND,))

    def stage(self, paths: list[str]) -> None:
        """Ask for files to be brought from tape to disk."""
        first = paths[0]
        self.ask(
            f"staging of {len(paths)} files",
            first,
            lambda t: self.files.prepare(paths, flags.PrepareFlags.STAGE, timeout=t),
        )
