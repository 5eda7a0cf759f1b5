"""Where the chunks of a production are, for freezing: a local folder, a site, DIRAC's catalogue."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

from iactflow.campaign.catalogue import sum_file
from iactflow.campaign.digest import files_of
from iactflow.campaign.freeze import Source, Stored
from iactflow.campaign.load import LoadedCampaign
from iactflow.campaign.provenance import input_digest
from iactflow.campaign.sites import Sites
from iactflow.errors import InputError

__all__ = ["in_ledger", "in_local_folder", "in_storage_element"]


def in_local_folder(
    campaign: LoadedCampaign, production: str, directory: Path, out: Path
) -> Source:
    """Chunks below a working folder; every file is read.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.
    production : str
        Name of the production.
    directory : Path
        Working folder.
    out : Path
        Manifest that will be written.

    Returns
    -------
    Source
        Its folder is relative where it lies below that of the manifest, so that both may move
        together.
    """

    def has(path: str) -> bool:
        return (directory / path).is_dir()

    def look_up(path: str) -> Stored:
        folder = directory / path
        files = {file.relative_to(folder).as_posix(): sum_file(file) for file in files_of(folder)}
        return Stored(files, digest=lambda: input_digest(folder))

    here = os.path.abspath(out.parent)
    there = os.path.abspath(directory / _root(campaign, production))
    inside = os.path.commonpath([here, there]) == here
    return Source(os.path.relpath(there, here) if inside else there, has, look_up)


def in_storage_element(campaign: LoadedCampaign, production: str) -> Source:
    """Chunks that ``storage.outputs`` sent to a site, as the manifests of their folders say.

    Sizes, and checksums where the server makes them, are held against what it says now.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.
    production : str
        Name of the production.

    Returns
    -------
    Source
        Its folder is below the base path of the storage element.
    """
    from snakemake_storage_plugin_iactxrootd.address import parse_address
    from snakemake_storage_plugin_iactxrootd.errors import StorageError
    from snakemake_storage_plugin_iactxrootd.folders import check_folder
    from snakemake_storage_plugin_iactxrootd.server import Patience, Server

    outputs = campaign.storage.block.outputs
    address = parse_address(campaign.storage.output_folder)
    server = Server(address.endpoint, Patience())

    def checked(path: str) -> dict | None:
        try:
            return check_folder(server, f"{address.path}/{path}")
        except StorageError as error:
            raise InputError(error.url, error.what, error.found, error.allowed) from None

    # Asked once: what is whole is kept for the second look.
    found = functools.cache(checked)

    def look_up(path: str) -> Stored:
        files = {name: f"{file.size_bytes}:{file.adler32}" for name, file in found(path).items()}
        return Stored(files, (outputs.storage_element,))

    folder = f"{outputs.folder}/{_root(campaign, production)}"
    return Source(folder, lambda path: found(path) is not None, look_up)


def in_ledger(campaign: LoadedCampaign, production: str, ledger: str | Path) -> Source:
    """Chunks that DIRAC's catalogue holds, as the executor's ledger says; no file is read.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.
    production : str
        Name of the production.
    ledger : str or Path
        ``.dirac/ledger.json`` of the launch.

    Returns
    -------
    Source
        Its folder is that of the logical file names: below the base path of every storage element.

    Raises
    ------
    InputError
        If the ledger cannot be read, or names storage elements that the file of sites has not.
    """
    try:
        products = json.loads(Path(ledger).read_text(encoding="utf-8"))["products"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(ledger, "ledger", str(error), "a ledger of the executor dirac") from None
    root = _root(campaign, production)
    entries: dict[str, dict[str, dict]] = {}
    for path, entry in products.items():
        folder, _, name = path.rpartition("/")
        # Snakemake leaves a hidden time stamp in folders.
        if path.startswith(f"{root}/") and not name.startswith("."):
            entries.setdefault(folder, {})[name] = entry
    names = _by_dirac_name(campaign.storage.sites)
    bases = {e["lfn"].removesuffix(path) for path, e in products.items() if path.startswith(root)}
    if len(bases) > 1:
        raise InputError(ledger, "products", ", ".join(sorted(bases)), "one folder of LFNs")

    def look_up(path: str) -> Stored:
        found = entries[path]
        files = {name: f"{entry['size']}:{entry['adler32']}" for name, entry in found.items()}
        replicas = [set(entry.get("replicas", ())) for entry in found.values()]
        common = sorted(set.intersection(*replicas))
        known = [names[name] for name in common if name in names]
        if not known:
            allowed = f"a storage element whose dirac_se stands in {campaign.storage.sites_file}"
            raise InputError(ledger, f"{path}: replicas", common, allowed)
        return Stored(files, tuple(known))

    return Source("".join(bases).strip("/") + f"/{root}", entries.__contains__, look_up)


def _by_dirac_name(sites: Sites) -> dict[str, str]:
    """Storage elements by their name in DIRAC."""
    elements = sites.storage_elements.items()
    return {block.dirac_se: name for name, block in elements if block.dirac_se is not None}


def _root(campaign: LoadedCampaign, production: str) -> str:
    """Folder of a production in the working folder."""
    return campaign.paths.production.format(production=production)
