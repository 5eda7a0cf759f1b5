"""What of a campaign lies elsewhere: addresses, catalogue, manifests, objects of Snakemake."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from iactflow.campaign.catalogue import read_catalogue
from iactflow.campaign.frozen import FrozenProduction, Place
from iactflow.campaign.paths import WILDCARDS, Paths
from iactflow.campaign.schema import Campaign, Storage
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
        default = Storage.model_fields["sites"].default
        named = default if self.block is None else self.block.sites
        beside = Path(self.file).parent / named
        return beside if beside.is_file() else self.base / named

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
    def frozen(self) -> dict[str, FrozenProduction]:
        """Productions that are read instead of simulated, by name."""
        named = {} if self.block is None else self.block.frozen
        folder = Path(self.file).parent
        files = {name: Path(os.path.normpath(folder / file)) for name, file in named.items()}
        return {
            name: FrozenProduction(name, file, self.file, lambda: self.sites)
            for name, file in files.items()
        }

    @cached_property
    def frozen_files(self) -> dict[str, tuple[str, Place]]:
        """Production and place of each of their files, by path or address."""
        return {
            path: (name, place)
            for name, production in self.frozen.items()
            for path, place in production.places.items()
        }

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

    def checksums(self, files: list[str]) -> list[str | None]:
        """What catalogue and manifests say of files: a job reruns when it changes.

        Parameters
        ----------
        files : list of str
            Addresses or paths.

        Returns
        -------
        list of str or None
            ``size_bytes:adler32`` by file, None for one that nothing is said of; empty where
            nothing is said of any.
        """
        found = [self._checksum(file) for file in files]
        return found if any(found) else []

    def _checksum(self, file: str) -> str | None:
        if file in self.frozen_files:
            return self.frozen[self.frozen_files[file][0]].checksums[file]
        start = f"{self.input_folders[0]}/" if self.input_folders else None
        inside = start is not None and file.startswith(start)
        return self.catalogue[file.removeprefix(start)] if inside else None

    def element_of(self, file: str) -> str | None:
        """Storage element that a file of a catalogue or a manifest is read from.

        Parameters
        ----------
        file : str
            Address or path.

        Returns
        -------
        str or None
            Name; None for a file that lies at no site.
        """
        if file in self.frozen_files:
            return self.frozen_files[file][1].storage_element
        return self.block.inputs.storage_elements[0]

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
        """Check sites, storage elements, catalogue and manifests.

        Raises
        ------
        InputError
            If any of them cannot be used.
        """
        self.catalogue, self.output_folder, self.frozen_files  # noqa: B018

    @property
    def settings(self) -> dict[str, dict]:
        """Settings of the storage provider by tag, one tag per storage element and use."""
        found: dict[str, dict] = {}
        if self.input_folders:
            place = Place(tuple(self.input_folders), self.block.inputs.storage_elements[0])
            found[self.input_tag] = self._replicas(place, self.catalogue_file)
        for (name, place), tag in self.frozen_tags.items():
            found[tag] = self._replicas(place, self.frozen[name].file)
        if self.output_folder is not None:
            found[self.output_tag] = self._requests(self.block.outputs.storage_element)
        return found

    def _replicas(self, place: Place, catalogue: Path) -> dict:
        """Settings of the provider for files that a catalogue knows."""
        base, *fallbacks = place.folders
        return {
            "base": base,
            "fallbacks": ",".join(fallbacks) or None,
            "catalogue": str(catalogue.absolute()),
            **self._requests(place.storage_element),
        }

    def _requests(self, storage_element: str) -> dict:
        element = self.sites.storage_elements[storage_element]
        return {"max_requests_per_second": element.max_requests_per_second}

    def frozen_folders(self, name: str, placed: Callable) -> dict[str, str]:
        """Where jobs see each chunk of a frozen production.

        Parameters
        ----------
        name : str
            Name of the production.
        placed : callable
            From `register_storage`.

        Returns
        -------
        dict of str to str
            Folder, of local copies for what lies at a site, by path below the production.
        """
        from snakemake.io import get_flag_value

        found = {}
        for chunk in self.frozen[name].manifest.chunks:
            file = placed(self.frozen[name].files(chunk.run, chunk.name)[0])
            stored = get_flag_value(file, "storage_object")
            seen = str(file) if stored is None else str(stored.local_path())
            found[chunk.path] = seen.rpartition("/")[0]
        return found

    @cached_property
    def frozen_tags(self) -> dict[tuple[str, Place], str]:
        """Tag of each place at sites that files of frozen productions lie at, by production."""
        places = dict.fromkeys(self.frozen_files.values())
        at_sites = [key for key in places if key[1].storage_element is not None]
        return {
            (name, place): f"se_{_tag(place.storage_element)}_frozen_{_tag(name)}_{i}"
            for i, (name, place) in enumerate(at_sites)
        }

    @property
    def input_tag(self) -> str:
        """Tag of the raw data's storage element."""
        return f"se_{_tag(self.block.inputs.storage_elements[0])}_inputs"

    @property
    def output_tag(self) -> str:
        """Tag of the products' storage element."""
        return f"se_{_tag(self.block.outputs.storage_element)}_outputs"


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
        Takes a path or a list of paths; what lies at a site becomes a storage object, a file of a
        frozen production one whose date reruns nothing, the rest stays as it is.
    """
    from snakemake.io import ancient, get_flag_value
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
        if paths in plan.frozen_files:
            tag = plan.frozen_tags.get(plan.frozen_files[paths])
            return ancient(paths) if tag is None else stored(paths, tag, paths)
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
    return name.replace("-", "_")
