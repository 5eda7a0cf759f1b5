"""Bytes of a campaign by storage element, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from iactflow.campaign.costs import Costs
from iactflow.campaign.job_list import Job
from iactflow.campaign.load import LoadedCampaign

__all__ = ["HERE", "PlaceBytes", "bytes_by_place", "full_places"]

HERE = "working folder"


@dataclass
class PlaceBytes:
    """What a campaign reads from and writes to a storage element.

    Attributes
    ----------
    storage_element : str
        Its name; ``working folder`` for what lies at no site.
    site : str
        Site of it; empty for the working folder.
    read, written : float
        Bytes of raw data and frozen productions, each file once; bytes of products.
    free : float or None
        Free space, bytes, where the site states it.
    """

    storage_element: str
    site: str = ""
    read: float = 0.0
    written: float = 0.0
    free: float | None = None


def bytes_by_place(campaign: LoadedCampaign, jobs: Iterable[Job], costs: Costs) -> list[PlaceBytes]:
    """Add up bytes by storage element.

    What the executor of a grid stores is not the campaign's choice and counts as written here.

    Parameters
    ----------
    campaign : LoadedCampaign
        Campaign.
    jobs : iterable of Job
        Its jobs.
    costs : Costs
        Measured costs.

    Returns
    -------
    list of PlaceBytes
        The working folder first, storage elements in the order of their names.
    """
    storage = campaign.storage
    found = {HERE: PlaceBytes(HERE)}

    def place(element: str | None) -> PlaceBytes:
        if element is None:
            return found[HERE]
        if element not in found:
            free_tb = storage.sites.storage_elements[element].free_tb
            free = None if free_tb is None else 1e12 * free_tb
            site = storage.sites.sites[storage.sites.site_of(element)].label
            found[element] = PlaceBytes(element, site, free=free)
        return found[element]

    output = storage.block.outputs.storage_element if storage.output_folder else None
    for job in jobs:
        element = output if storage.is_stored(job.output) else None
        place(element).written += costs.bytes(job)
    for file in _read(campaign):
        known = storage.checksums([file])
        if known:
            element = storage.element_of(file)
            place(element).read += int(known[0].partition(":")[0])
    return [found.pop(HERE), *(found[name] for name in sorted(found))]


def _read(campaign: LoadedCampaign) -> dict[str, None]:
    """Raw files of all samples and frozen productions, each once."""
    samples = campaign.samples
    parts = [files for sample in samples.parts.values() for files in sample.values()]
    parts += samples.calibrated.values()
    parts.append(list(campaign.storage.frozen_files))
    return dict.fromkeys(file for files in parts for file in files)


def full_places(places: Iterable[PlaceBytes]) -> list[str]:
    """Name storage elements that are too small for what is written to them.

    Parameters
    ----------
    places : iterable of PlaceBytes
        Bytes by storage element.

    Returns
    -------
    list of str
        A sentence for each.
    """
    return [
        f"{p.storage_element}: {p.written / 1e9:.3g} GB are made, {p.free / 1e9:.3g} GB are free"
        for p in places
        if p.free is not None and p.written > p.free
    ]
