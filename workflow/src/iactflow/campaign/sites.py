"""Computing sites and their storage elements: ``config/sites.yaml``, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.config import read_yaml, validate
from iactflow.campaign.schema_base import Block, Name, Positive
from iactflow.errors import InputError

__all__ = ["Queue", "Site", "Sites", "StorageElement", "read_sites"]

NoneOrMore = Annotated[float, Field(ge=0, allow_inf_nan=False)]
XROOTD = r"^x?roots?://[A-Za-z0-9.-]+:[0-9]+/(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$"


class StorageElement(Block):
    """Disk or tape of a site."""

    medium: Literal["disk", "tape"] = Field(description="tape: staged before files are read")
    xrootd: str | None = Field(
        None,
        pattern=XROOTD,
        description="endpoint and base path, root://host:port//path; null: not known yet, the site "
        "must name it before a campaign uses this element",
    )
    writable: bool = Field(True, description="false: a door for reading alone")
    free_tb: NoneOrMore | None = Field(
        None, description="space free for the campaign, TB (1e12 bytes); null: ask the site"
    )
    dirac_se: str | None = Field(
        None, min_length=1, description="name of this storage element in DIRAC; null: none known"
    )
    max_requests_per_second: Positive = Field(
        100.0, description="requests that one workflow may send its door"
    )


class Queue(Block):
    """What a site's batch system grants one job, and one user."""

    max_wall_h: Positive = Field(description="longest job, hours of wall time")
    max_memory_mb: int = Field(gt=0, description="memory of one core, MB")
    max_jobs: int = Field(gt=0, description="jobs in the queue, waiting or running, at a time")
    max_cores: int = Field(gt=0, description="cores that run jobs of the campaign at a time")


class Site(Block):
    """A computing site."""

    label: str = Field(min_length=1, description="name for humans")
    confirmed: bool = Field(
        False, description="true: the site confirmed what stands here; false: an example"
    )
    dirac_site: str | None = Field(
        None, pattern=r"^[A-Z]+\.[A-Za-z0-9-]+\.[a-z]{2}$", description="name in DIRAC; null: none"
    )
    hs06_per_core: Positive = Field(
        description="speed of a core, HEP-SPEC06 (or HEPScore23, of the same scale)"
    )
    queue: Queue = Field(description="limits of the batch system")
    storage_elements: dict[Name, StorageElement] = Field(
        {}, description="storage elements by name; no other site may use the name"
    )


class Sites(Block):
    """Sites by name, and what lies where."""

    sites: dict[Name, Site] = Field(min_length=1, description="sites by name")

    @model_validator(mode="after")
    def _names_are_unique(self):
        owners: dict[str, str] = {}
        for site, block in self.sites.items():
            for name in block.storage_elements:
                if name in owners:
                    raise ValueError(
                        f"the storage element {name} stands at {owners[name]} and at {site}"
                    )
                owners[name] = site
        return self

    @property
    def storage_elements(self) -> dict[str, StorageElement]:
        """Storage elements of all sites, by name."""
        return {
            name: element
            for site in self.sites.values()
            for name, element in site.storage_elements.items()
        }

    def site_of(self, storage_element: str) -> str:
        """Site that a storage element stands at.

        Parameters
        ----------
        storage_element : str
            Name of the storage element.

        Returns
        -------
        str
            Name of the site.

        Raises
        ------
        KeyError
            If there is none of this name.
        """
        for name, site in self.sites.items():
            if storage_element in site.storage_elements:
                return name
        raise KeyError(storage_element)

    def endpoint(self, storage_element: str, file: str | Path, key: str) -> str:
        """Address of a storage element's base folder.

        Parameters
        ----------
        storage_element : str
            Name of the storage element.
        file : str or Path
            File that names it, for errors.
        key : str
            Key that names it, for errors.

        Returns
        -------
        str
            ``root://host:port//path``.

        Raises
        ------
        InputError
            If there is no such storage element, or its endpoint is not known.
        """
        known = self.storage_elements
        if storage_element not in known:
            allowed = f"a storage element of the sites: {', '.join(known) or 'none'}"
            raise InputError(file, key, storage_element, allowed)
        address = known[storage_element].xrootd
        if address is None:
            allowed = "a storage element whose key xrootd is given in the file of sites"
            raise InputError(file, key, storage_element, allowed)
        return address


def read_sites(path: str | Path) -> Sites:
    """Read the file of computing sites.

    Parameters
    ----------
    path : str or Path
        YAML file, as ``config/sites.yaml``.

    Returns
    -------
    Sites
        Sites by name, their storage elements, queues and speeds.

    Raises
    ------
    InputError
        If the file is missing, is no YAML mapping, or a key or value is wrong.
    """
    return validate(Sites, read_yaml(path, "file of sites"), path, "file of sites")
