"""Snakemake storage behind XRootD: every byte checked, nothing half-written, outages survived."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from snakemake_interface_storage_plugins.io import (
    IOCacheStorageInterface,
    Mtime,
    get_constant_prefix,
)
from snakemake_interface_storage_plugins.settings import StorageProviderSettingsBase
from snakemake_interface_storage_plugins.storage_object import (
    StorageObjectGlob,
    StorageObjectRead,
    StorageObjectWrite,
)
from snakemake_interface_storage_plugins.storage_provider import (
    ExampleQuery,
    Operation,
    QueryType,
    StorageProviderBase,
    StorageQueryValidationResult,
)

from .address import Address, parse_address
from .catalogue import MANIFEST, Replica, read_catalogue
from .errors import ReplicaError, StorageError, UnreachableError
from .folders import download_folder, upload_folder
from .server import Entry, Patience, Server
from .staging import wait_until_online
from .transfer import check_size, download, upload

__all__ = ["StorageObject", "StorageProvider", "StorageProviderSettings"]

LOG = logging.getLogger(__name__)

# A catalogued file is what its checksum says, whenever a site copied it: no time reruns a job.
FROZEN = 1.0


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text, "required": False, "env_var": False})


@dataclass
class StorageProviderSettings(StorageProviderSettingsBase):
    """Settings of one storage element, or of the replicas of one data set."""

    base: str | None = _setting(
        None, "Address of the folder that catalogue and fallbacks are relative to."
    )
    catalogue: str | None = _setting(
        None,
        "Tab-separated file, adler32 and size_bytes of every file below base: what is read must "
        "be that, to the byte.",
    )
    fallbacks: str | None = _setting(
        None, "Addresses, separated by commas, of folders that hold replicas of base."
    )
    first_contact_s: float = _setting(
        40.0, "Seconds for which a server that never answered is asked."
    )
    outage_s: float = _setting(150.0, "Seconds for which a server that did answer is asked again.")
    staging_s: float = _setting(86400.0, "Seconds for which a file on tape is waited for.")


class StorageProvider(StorageProviderBase):
    """Storage element behind XRootD."""

    def __post_init__(self) -> None:
        settings = self.settings
        self.patience = Patience(settings.first_contact_s, settings.outage_s)
        self.servers: dict[str, Server] = {}
        # What has been warned of.
        self.told: set[str] = set()
        # Wanted files on tape, by server: they are asked for together.
        self.offline: dict[str, set[str]] = {}
        self.base = self._folder(settings.base) if settings.base else None
        fallbacks = (settings.fallbacks or "").split(",")
        self.fallbacks = [self._folder(text.strip()) for text in fallbacks if text.strip()]
        self.catalogue = read_catalogue(settings.catalogue) if settings.catalogue else None
        if self.base is None and (self.fallbacks or self.catalogue is not None):
            raise StorageError(
                "settings", "base", "nothing", "the folder that they are relative to"
            )

    @staticmethod
    def _folder(text: str) -> Address:
        address = parse_address(text)
        if address is None:
            raise StorageError("settings", "address", repr(text), "root://host[:port]//path")
        return address

    def server(self, endpoint: str) -> Server:
        """Return the server of an endpoint, one for all files.

        Parameters
        ----------
        endpoint : str
            ``root://host:port``.

        Returns
        -------
        Server
            The server.
        """
        if endpoint not in self.servers:
            self.servers[endpoint] = Server(endpoint, self.patience)
        return self.servers[endpoint]

    def below_base(self, address: Address) -> str | None:
        """Return the path of a file relative to the base; None for what lies elsewhere.

        Parameters
        ----------
        address : Address
            The file.

        Returns
        -------
        str or None
            Relative path.
        """
        base = self.base
        if base is None or base.endpoint != address.endpoint:
            return None
        start = base.path.rstrip("/") + "/"
        return address.path[len(start) :] if address.path.startswith(start) else None

    @classmethod
    def example_queries(cls) -> list[ExampleQuery]:
        """Return an example."""
        example = "root://storage.example.org:1094//iact/raw/run1.root"
        return [ExampleQuery(query=example, description="A file.", type=QueryType.ANY)]

    def rate_limiter_key(self, query: str, operation: Operation) -> Any:
        """Limit requests server by server."""
        address = parse_address(query)
        return address.endpoint if address else query

    def default_max_requests_per_second(self) -> float:
        """Return what a site's door takes from one workflow."""
        return 100.0

    def use_rate_limiter(self) -> bool:
        """Limit them."""
        return True

    @classmethod
    def is_valid_query(cls, query: str) -> StorageQueryValidationResult:
        """Accept addresses of files behind XRootD."""
        reason = None if parse_address(query) else "not of the form root://host[:port]//path"
        return StorageQueryValidationResult(query=query, valid=reason is None, reason=reason)

    def postprocess_query(self, query: str) -> str:
        """Write an address with its port, and without double slashes in the path."""
        address = parse_address(query)
        return query if address is None else str(address)


class StorageObject(StorageObjectRead, StorageObjectWrite, StorageObjectGlob):
    """A file or folder at a storage element."""

    def __post_init__(self) -> None:
        address = parse_address(self.query)
        if address is None:
            raise StorageError(self.query, "address", "cannot be read", "root://host[:port]//path")
        self.address = address

    @property
    def server(self) -> Server:
        """Server of the file."""
        return self.provider.server(self.address.endpoint)

    @property
    def path(self) -> str:
        """Absolute path at the server."""
        return self.address.path

    @cached_property
    def expected(self) -> Replica | None:
        """What the catalogue says of the file; None where there is no catalogue."""
        catalogue = self.provider.catalogue
        if catalogue is None:
            return None
        name = self.provider.below_base(self.address)
        if name not in catalogue:
            allowed = f"files of {self.provider.settings.catalogue}"
            raise ReplicaError(self.query, "catalogue", "not in it", allowed)
        return catalogue[name]

    @property
    def replicas(self) -> list[tuple[Server, str]]:
        """Servers and paths where the file may be read, the first one preferred."""
        found = [(self.server, self.path)]
        name = self.provider.below_base(self.address)
        if name is not None:
            for folder in self.provider.fallbacks:
                server = self.provider.server(folder.endpoint)
                found.append((server, f"{folder.path.rstrip('/')}/{name}"))
        return found

    def _first_good(self, use: Callable[[Server, str], Any]) -> Any:
        """Return what the first good replica gives; the first error where there is none."""
        first: StorageError | None = None
        for server, path in self.replicas:
            try:
                return use(server, path)
            except StorageError as error:
                # Once for a server that is gone, once for every replica that is wrong.
                told = server.endpoint if isinstance(error, UnreachableError) else str(error)
                if len(self.replicas) > 1 and told not in self.provider.told:
                    self.provider.told.add(told)
                    LOG.warning("not used: %s", error)
                # A replica that is wrong tells more than one that is not there.
                if first is None or (isinstance(error, ReplicaError) and first.found == "missing"):
                    first = error
        raise first

    def _whole(self, server: Server, path: str) -> Entry:
        """Return what a server says of a replica that is there, and whole as far as it says."""
        entry = server.stat(path)
        if entry is not None and entry.is_folder:
            if server.stat(f"{path}/{MANIFEST}") is None:
                url, allowed = f"{server.endpoint}/{path}", f"{MANIFEST} in it"
                raise ReplicaError(url, "read", "missing manifest of a folder", allowed)
            return entry
        check_size(server, path, self.expected)
        if entry.is_offline:
            self.provider.offline.setdefault(server.endpoint, set()).add(path)
        return entry

    def entry(self) -> Entry | None:
        """Return the entry of the first replica that is whole; None where there is none at all.

        Returns
        -------
        Entry or None
            What its server says.

        Raises
        ------
        ReplicaError
            If there are replicas, all of them incomplete.
        UnreachableError
            If no server answers.
        """
        try:
            return self._first_good(self._whole)
        except ReplicaError as error:
            # An output that is not whole is made again; an input of a catalogue cannot be.
            if self.expected is None or error.found == "missing":
                return None
            raise

    async def inventory(self, cache: IOCacheStorageInterface) -> None:
        """Learn of all files of a folder in one request.

        Parameters
        ----------
        cache : IOCacheStorageInterface
            Where existence, time and size are kept.
        """
        # Catalogued files, and replicas, are looked at one by one.
        if self.provider.catalogue is not None or self.provider.fallbacks:
            return
        folder = self.path.rpartition("/")[0]
        for entry in self.server.list(folder or "/") or ():
            # Whether a folder is whole is not told by its name.
            if entry.is_folder or entry.is_pending or entry.is_offline:
                continue
            address = self.address.with_path(f"{folder}/{entry.name}")
            key = self.cache_key(address.local)
            cache.exists_in_storage[key] = True
            cache.mtime[key] = Mtime(storage=entry.mtime)
            cache.size[key] = entry.size_bytes

    def get_inventory_parent(self) -> str | None:
        """Return nothing: an inventory is not complete for folders."""
        return None

    def local_suffix(self) -> str:
        """Return ``host_port/path``: no two servers share a local copy."""
        return self.address.local

    def cleanup(self) -> None:
        """Nothing stays beside the local copy."""

    def exists(self) -> bool:
        """Whether there is a whole replica."""
        return self.entry() is not None

    def mtime(self) -> float:
        """Return when the file was written, seconds; the same for all catalogued files."""
        if self.expected is not None:
            return FROZEN
        return self._first_good(self._whole).mtime

    def size(self) -> int:
        """Return the size, bytes; 0 for folders."""
        if self.expected is not None:
            return self.expected.size_bytes
        entry = self._first_good(self._whole)
        return 0 if entry.is_folder else entry.size_bytes

    def checksum(self) -> str | None:
        """Return the checksum without reading the file; None where nobody knows it."""
        if self.expected is not None:
            return f"adler32:{self.expected.adler32}"
        entry = self._first_good(self._whole)
        made = None if entry.is_folder else self.server.checksum(self.path)
        return None if made is None else f"adler32:{made}"

    def retrieve_object(self) -> None:
        """Copy the file from the first replica that is what it should be."""
        self._first_good(self._retrieve)

    def _retrieve(self, server: Server, path: str) -> None:
        entry = self._whole(server, path)
        if entry.is_folder:
            download_folder(server, path, self.local_path())
            return
        others = self.provider.offline.pop(server.endpoint, set())
        wait_until_online(server, path, sorted(others), self.provider.settings.staging_s)
        download(server, path, self.local_path(), self.expected)

    def store_object(self) -> None:
        """Copy the local file or folder to the storage element."""
        if self.provider.catalogue is not None:
            raise StorageError(self.query, "write", "a catalogued data set", "another place")
        local = self.local_path()
        (upload_folder if local.is_dir() else upload)(self.server, local, self.path)

    def remove(self) -> None:
        """Remove the file or folder from the storage element."""
        if self.provider.catalogue is not None:
            raise StorageError(self.query, "remove", "a catalogued data set", "nothing")
        self.server.remove(self.path)

    def list_candidate_matches(self) -> Iterable[str]:
        """Return addresses of all files below the part of the path that has no wildcard."""
        prefix = get_constant_prefix(self.path, strip_incomplete_parts=True).rstrip("/") or "/"
        return [str(self.address.with_path(path)) for path in self.server.walk(prefix)]
