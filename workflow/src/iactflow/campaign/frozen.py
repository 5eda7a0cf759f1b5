"""Productions that a campaign reads as their manifest says: where files lie, what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from iactflow.campaign.config import validate
from iactflow.campaign.manifest import Chunk, Manifest, read_manifest
from iactflow.campaign.schema import Campaign, Instrument, Production, Shower
from iactflow.campaign.sites import Sites
from iactflow.errors import InputError

__all__ = ["FrozenProduction", "Place", "check_settings", "check_surroundings"]


class Place(NamedTuple):
    """Folders that hold replicas of the same files.

    Attributes
    ----------
    folders : tuple of str
        A local folder, or addresses of folders at storage elements, the preferred one first.
    storage_element : str or None
        Storage element of the first; None: local.
    """

    folders: tuple[str, ...]
    storage_element: str | None


class FrozenProduction:
    """A production that is read instead of simulated.

    Parameters
    ----------
    name : str
        Name of the production.
    file : Path
        Its manifest.
    campaign_file : str
        Campaign file, named in errors.
    sites : callable
        Returns the computing sites; asked only where files lie at sites.
    """

    def __init__(self, name: str, file: Path, campaign_file: str, sites) -> None:
        self.name, self.file, self.campaign_file = name, file, campaign_file
        self._sites = sites
        self.manifest: Manifest = read_manifest(file)

    @cached_property
    def chunks(self) -> dict[int, dict[str, Chunk]]:
        """Chunks by run and name."""
        found: dict[int, dict[str, Chunk]] = {}
        for chunk in self.manifest.chunks:
            found.setdefault(chunk.run, {})[chunk.name] = chunk
        return found

    def place(self, chunk: Chunk) -> Place:
        """Folders that hold the replicas of a chunk's files.

        Parameters
        ----------
        chunk : Chunk
            The chunk.

        Returns
        -------
        Place
            Local folder, or addresses.
        """
        folder = self.manifest.folder
        if not chunk.storage_elements:
            return Place((os.path.normpath(self.file.parent / folder),), None)
        sites: Sites = self._sites()
        key = f"storage.frozen.{self.name}"
        bases = [sites.endpoint(name, self.file, key) for name in chunk.storage_elements]
        return Place(tuple(f"{base}/{folder}" for base in bases), chunk.storage_elements[0])

    def files(self, run: int | str, chunk: str) -> list[str]:
        """Paths or addresses of the files of a chunk.

        Parameters
        ----------
        run : int or str
            Run.
        chunk : str
            Name of the chunk.

        Returns
        -------
        list of str
            In the order of their names.
        """
        found = self.chunks[int(run)][chunk]
        first = self.place(found).folders[0]
        return [f"{first}/{name}" for name in self.manifest.files_of[found.path]]

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where each file lies, by its path or address."""
        return {path: place for path, place, _ in self._each()}

    @cached_property
    def checksums(self) -> dict[str, str]:
        """``size_bytes:adler32`` by path or address."""
        return {path: self.manifest.files[name] for path, _, name in self._each()}

    def _each(self) -> Iterator[tuple[str, Place, str]]:
        """Path or address, place, and path below the folder, of each file."""
        for chunk in self.manifest.chunks:
            place = self.place(chunk)
            for name in self.manifest.files_of[chunk.path]:
                yield f"{place.folders[0]}/{name}", place, name

    def check_files(self) -> None:
        """Check that files in local folders are there, with their size; jobs check every byte.

        Raises
        ------
        InputError
            For the first one that is not.
        """
        for path, place in self.places.items():
            if place.storage_element is not None:
                continue
            size = int(self.checksums[path].partition(":")[0])
            found = Path(path).stat().st_size if Path(path).is_file() else "missing"
            if found != size:
                raise InputError(path, "size_bytes", found, f"{size}, as frozen in {self.file}")

    def refusal(self, key: str, found: object, allowed: str) -> InputError:
        """Make the error of a campaign that asks for something else than what was frozen.

        Parameters
        ----------
        key : str
            Key of the campaign.
        found : object
            What it says.
        allowed : str
            What was frozen.

        Returns
        -------
        InputError
            One line.
        """
        told = f"{allowed}, as frozen in {self.file}"
        return InputError(self.campaign_file, key, found, told)

    @property
    def facts(self) -> dict:
        """What the report says of it."""
        keys = ("campaign", "seed", "sha256")
        return {"manifest": str(self.file), **{k: getattr(self.manifest, k) for k in keys}}


def check_settings(frozen: FrozenProduction, model: Campaign, selected) -> None:
    """Check that a campaign asks for the very production that was frozen.

    Keys that the schema has learnt since have their defaults in what was frozen.

    Parameters
    ----------
    frozen : FrozenProduction
        The production.
    model : Campaign
        The campaign.
    selected : callable
        Takes blocks of a campaign as plain values, returns those settings that a product depends
        on, as `iactflow.campaign.simulations.product_settings`.

    Raises
    ------
    InputError
        For the first key that differs.
    """
    name, blocks = frozen.name, frozen.manifest.settings
    schemas = {"production": Production, "shower": Shower, "instrument": Instrument}
    then = {
        key: validate(schema, blocks[key], frozen.file, f"block {key}")
        for key, schema in schemas.items()
    }
    now = {
        "production": model.simulations[name],
        "shower": model.shower,
        "instrument": model.instrument,
    }
    here, there = (
        selected({key: block.model_dump(mode="json") for key, block in side.items()})
        for side in (now, then)
    )
    for key, found, allowed in _differences(here, there):
        # Where the instrument's files lie changes no event; its digest is compared.
        if key != "instrument.path":
            key = key.replace("production", f"simulations.{name}", 1)
            raise frozen.refusal(key, found, repr(allowed))


def check_surroundings(
    frozen: FrozenProduction, instrument_digest: str, conditions: dict[str, str]
) -> None:
    """Check that instrument and observations are those of the production that was frozen.

    Parameters
    ----------
    frozen : FrozenProduction
        The production.
    instrument_digest : str
        Digest of the campaign's instrument.
    conditions : dict
        Digest of the conditions by run, where the production follows observations.

    Raises
    ------
    InputError
        If one is another.
    """
    then = frozen.manifest
    if instrument_digest != then.instrument_digest:
        raise frozen.refusal("instrument", instrument_digest, then.instrument_digest)
    for run, found, allowed in _differences(conditions, then.conditions):
        key = f"simulations.{frozen.name}.observations, run {run}"
        raise frozen.refusal(key, found, repr(allowed))


def _differences(here, there, key: str = "") -> Iterator[tuple[str, object, object]]:
    """Keys at which two trees of plain values differ, with both values."""
    if isinstance(here, dict) and isinstance(there, dict):
        for name in [*here, *(other for other in there if other not in here)]:
            below = f"{key}.{name}" if key else name
            yield from _differences(here.get(name), there.get(name), below)
    elif here != there:
        yield key, here, there
