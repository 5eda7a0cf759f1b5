"""What of a campaign lies at computing sites: addresses, catalogue, objects of Snakemake."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from iactflow.campaign.catalogue import read_catalogue
from iactflow.campaign.paths import WILDCARDS, Paths
from iactflow.campaign.schema import Campaign
from iactflow.campaign.sites import Sites, read_sites
from iactflow.errors import InputError

__all__ = ["StoragePlan", "register_storage"]

PROVIDER = "iactxrootd"
SCHEME = re.compile(r"^x?roots?://")


class StoragePlan:
    """What the rules ask of the block ``storage``; every list is empty without it.

    Parameters
    ----------
    model : Campaign
        Validated configuration.
    paths : Paths
        Path patterns of the campaign.
    file : str
        Campaign file, named in errors; where its relative paths start.
    base : Path
        Root of the repository.
    """

    def __init__(self, model: Campaign, paths: Paths, file: str, base: Path) -> None:
        self.block, self.paths, self.file, self.base = model.storage, paths, file, base

    @property
    def sites_file(self) -> Path:
        """File of computing sites."""
        beside = Path(self.file).parent / self.block.sites
        return beside if beside.is_file() else self.base / self.block.sites

    @cached_property
    def sites(self) -> Sites:
        """Computing sites."""
        return read_sites(self.sites_file)

    def _folder(self, storage_element: str, folder: str, key: str) -> str:
        return f"{self.sites.endpoint(storage_element, self.file, key)}/{folder}"

    @cached_property
    def input_folders(self) -> list[str]:
        """Addresses of the folders that hold raw data, the preferred one first."""
        inputs = None if self.block is None else self.block.inputs
        if inputs is None:
            return []
        key = "storage.inputs.storage_elements"
        names = enumerate(inputs.storage_elements)
        return [self._folder(name, inputs.folder, f"{key}[{i}]") for i, name in names]

    @property
    def catalogue_file(self) -> Path:
        """Catalogue of the raw data."""
        return Path(self.file).parent / self.block.inputs.catalogue

    @cached_property
    def catalogue(self) -> dict[str, str]:
        """Size and checksum of raw data by path below their folder."""
        return read_catalogue(self.catalogue_file) if self.input_folders else {}

    @cached_property
    def output_folder(self) -> str | None:
        """Address of the folder that products are stored in."""
        outputs = None if self.block is None else self.block.outputs
        if outputs is None:
            return None
        key = "storage.outputs.storage_element"
        name = outputs.storage_element
        address = self._folder(name, outputs.folder, key)
        if not self.sites.storage_elements[name].writable:
            raise InputError(self.file, key, name, "a storage element that is writable")
        return address

    def matching(self, pattern: str) -> list[str]:
        """Raw data that a pattern names.

        Parameters
        ----------
        pattern : str
            Path below the folder, ``*`` and ``?`` within its parts.

        Returns
        -------
        list of str
            Addresses at the preferred storage element, in the order of the names.
        """
        return [
            f"{self.input_folders[0]}/{name}" for name in self.catalogue if _matches(name, pattern)
        ]

    def checksums(self, files: list[str]) -> list[str]:
        """What the catalogue says of files: a job reruns when it changes.

        Parameters
        ----------
        files : list of str
            Addresses, or local paths, which are left out.

        Returns
        -------
        list of str
            ``size_bytes:adler32``.
        """
        start = f"{self.input_folders[0]}/" if self.input_folders else None
        return [
            self.catalogue[file.removeprefix(start)]
            for file in files
            if start is not None and file.startswith(start)
        ]

    @cached_property
    def _stored(self) -> list[tuple[str, re.Pattern]]:
        """Patterns of products that are stored, and what their paths look like."""
        if self.output_folder is None:
            return []
        p = self.paths
        patterns = {"photons": p.photons, "simulations": p.simulated_chunk}
        chosen = [patterns[name] for name in self.block.outputs.products]
        return [(pattern, _expression(pattern)) for pattern in chosen]

    def is_stored(self, path: str) -> bool:
        """Whether a product is stored at a site.

        Parameters
        ----------
        path : str
            Path or pattern of a product.

        Returns
        -------
        bool
            True for products that the campaign names.
        """
        return any(path == pattern or found.fullmatch(path) for pattern, found in self._stored)

    def check(self) -> None:
        """Check sites, storage elements and catalogue.

        Raises
        ------
        InputError
            If any of them cannot be used.
        """
        self.catalogue, self.output_folder  # noqa: B018

    @property
    def settings(self) -> dict[str, dict]:
        """Settings of the storage provider by tag, one tag per storage element and use."""
        found: dict[str, dict] = {}
        elements = self.sites.storage_elements if self.block is not None else {}
        if self.input_folders:
            name, (base, *fallbacks) = self.block.inputs.storage_elements[0], self.input_folders
            found[self.input_tag] = {
                "base": base,
                "fallbacks": ",".join(fallbacks) or None,
                "catalogue": str(self.catalogue_file.absolute()),
                "max_requests_per_second": elements[name].max_requests_per_second,
            }
        if self.output_folder is not None:
            name = self.block.outputs.storage_element
            found[self.output_tag] = {
                "max_requests_per_second": elements[name].max_requests_per_second
            }
        return found

    @property
    def input_tag(self) -> str:
        """Tag of the raw data's storage element."""
        return _tag(self.block.inputs.storage_elements[0]) + "_inputs"

    @property
    def output_tag(self) -> str:
        """Tag of the products' storage element."""
        return _tag(self.block.outputs.storage_element) + "_outputs"


def register_storage(campaign, workflow) -> Callable:
    """Make storage elements known to Snakemake.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.
    workflow : snakemake.workflow.Workflow
        Its storage registry is used.

    Returns
    -------
    callable
        Takes a path or a list of paths; what lies at a site becomes a storage object, the rest
        stays as it is.
    """
    from snakemake.io import get_flag_value
    from snakemake.storage import flag_with_storage_object

    plan, registry = campaign.storage, workflow.storage_registry
    for tag, settings in plan.settings.items():
        registry.register_storage(provider=PROVIDER, tag=tag, **settings)

    def stored(path, tag, query):
        found = get_flag_value(getattr(registry, tag)(query), "storage_object")
        # As for a default storage provider: the path keeps its flags, `directory` among them.
        return flag_with_storage_object(path, found)

    def placed(paths):
        if not isinstance(paths, str):
            return [placed(path) for path in paths]
        if SCHEME.match(paths):
            return stored(paths, plan.input_tag, paths)
        if plan.is_stored(paths):
            return stored(paths, plan.output_tag, f"{plan.output_folder}/{paths}")
        return paths

    return placed


def _matches(name: str, pattern: str) -> bool:
    """Whether a path has the form of a pattern, part by part as in a shell."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _expression(pattern: str) -> re.Pattern:
    """Regular expression of the paths of a pattern with wildcards."""
    pieces = re.split(r"\{(\w+)\}", pattern)
    texts = [re.escape(p) if i % 2 == 0 else f"(?:{WILDCARDS[p]})" for i, p in enumerate(pieces)]
    return re.compile("".join(texts))


def _tag(name: str) -> str:
    return "se_" + name.replace("-", "_")
