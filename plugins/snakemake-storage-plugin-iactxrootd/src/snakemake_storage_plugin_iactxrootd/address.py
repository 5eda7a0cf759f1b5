"""Addresses of files: ``root://host[:port]//absolute/path``."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Address", "parse_address"]

DEFAULT_PORT = 1094
# Braces in the path are wildcards; a user's name before the host has no place in a workflow.
PATTERN = re.compile(
    r"(?P<scheme>roots?|xroots?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:(?P<port>[0-9]+))?"
    r"/+(?P<path>[^?#\s][^?#]*)"
)


class Address(NamedTuple):
    """A file or folder at a server."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def endpoint(self) -> str:
        """Server as ``scheme://host:port``."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.endpoint}/{self.path}"

    @property
    def local(self) -> str:
        """Path that no other server's file has: ``host_port/path``."""
        return f"{self.host.strip('[]').replace(':', '-')}_{self.port}{self.path}"

    def with_path(self, path: str) -> Address:
        """Return another path at the same server.

        Parameters
        ----------
        path : str
            Absolute path.

        Returns
        -------
        Address
            Its address.
        """
        return self._replace(path=path)


def parse_address(text: str) -> Address | None:
    """Read an address; slashes are made one, port 1094 is added where none stands.

    Parameters
    ----------
    text : str
        Address, wildcards in braces allowed in the path.

    Returns
    -------
    Address or None
        None for what is no address of a file behind XRootD, or has ``..`` in its path.
    """
    match = PATTERN.fullmatch(text)
    if match is None:
        return None
    parts = [part for part in match["path"].split("/") if part not in ("", ".")]
    if ".." in parts:
        return None
    port = int(match["port"] or DEFAULT_PORT)
    return Address(match["scheme"], match["host"], port, "/" + "/".join(parts))
