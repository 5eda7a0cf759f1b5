"""What can go wrong at a storage element, each in one line."""

from __future__ import annotations

from snakemake_interface_common.exceptions import WorkflowError

__all__ = ["ReplicaError", "StorageError", "UnreachableError"]


class StorageError(WorkflowError):
    """A storage element refused a request, or holds what cannot be used.

    Parameters
    ----------
    url : str
        Address at fault.
    what : str
        What was wanted, as ``write`` or ``checksum``.
    found : str
        What happened or was found.
    allowed : str
        What would have been accepted, for a human reader.
    """

    def __init__(self, url: str, what: str, found: str, allowed: str) -> None:
        self.url, self.what, self.found, self.allowed = url, what, found, allowed
        super().__init__(f"{url}: {what}: {found}; allowed: {allowed}")


class UnreachableError(StorageError):
    """A server did not answer for longer than an outage may last."""


class ReplicaError(StorageError):
    """A replica is not what it should be: incomplete, corrupted or unknown."""
