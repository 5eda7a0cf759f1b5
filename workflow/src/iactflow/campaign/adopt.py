"""What a campaign takes over of a frozen production: its manifest, and the jobs that made it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from iactflow.campaign.manifest import Manifest, read_manifest
from iactflow.campaign.provenance import BLOCKS, PREFIXES, VERSION, write_sidecar

__all__ = ["adopt_production", "prov_of_production"]


def adopt_production(inputs, outputs, params, wildcards) -> None:
    """Copy the manifest of a production, and write the provenance of the jobs that made it.

    Parameters
    ----------
    inputs : namespace
        None are used.
    outputs : namespace
        ``manifest``: the same; ``jobs``: PROV-JSON with the jobs of all chunks.
    params : namespace
        ``manifest``: file that ``iactflow freeze`` wrote; ``folders``: where jobs see each chunk,
        by its path below the production.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If it is no manifest.
    """
    document = prov_of_production(read_manifest(params.manifest), params.folders)
    write_sidecar(outputs.jobs, document)
    shutil.copyfile(params.manifest, outputs.manifest)


def prov_of_production(manifest: Manifest, folders: Mapping[str, str]) -> dict:
    """Provenance of a frozen production, as of a sidecar, but with the jobs of all chunks.

    Parameters
    ----------
    manifest : Manifest
        The production.
    folders : mapping of str to str
        Where jobs see each chunk, by its path below the production.

    Returns
    -------
    dict
        Blocks of a provenance sidecar.
    """
    found: dict = {block: {} for block in BLOCKS}
    for chunk in manifest.chunks:
        *before, last = chunk.jobs
        made = {**last["made"], "prov:location": folders[chunk.path]}
        for i, job in enumerate([*before, {**last, "made": made}]):
            used = {**manifest.used, **job["used"]}
            versions = {**manifest.software, **job["software"]}
            _add(found, f"{chunk.path}/{i}", {**job, "used": used, "software": versions})
    return {**found, "prefix": PREFIXES, "iactflow:sidecar_version": VERSION}


def _add(found: dict, name: str, job: Mapping) -> None:
    """Add a job to a document: activity, agent, entities, and what they are to each other."""
    activity, agent = f"iactflow:job/{name}", f"iactflow:software/{name}"
    found["activity"][activity] = job["activity"]
    found["agent"][agent] = {
        "prov:type": "prov:SoftwareAgent",
        "iactflow:versions": job["software"],
    }
    association = {"prov:activity": activity, "prov:agent": agent}
    found["wasAssociatedWith"][f"_:associated/{name}"] = association
    for block, entities in (("used", job["used"].values()), ("wasGeneratedBy", [job["made"]])):
        for i, entity in enumerate(entities):
            key = f"iactflow:entity/{entity['prov:location']}"
            found["entity"][key] = entity
            relation = {"prov:activity": activity, "prov:entity": key}
            found[block][f"_:{block}/{name}/{i}"] = relation
