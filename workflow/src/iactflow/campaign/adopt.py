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
        ``manifest``: as ``iactflow freeze`` wrote it.
    outputs : namespace
        ``manifest``: the same; ``jobs``: PROV-JSON with an activity per chunk.
    params : namespace
        ``folders``: where jobs see each chunk, by its path below the production.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If it is no manifest.
    """
    document = prov_of_production(read_manifest(inputs.manifest), params.folders)
    write_sidecar(outputs.jobs, document)
    shutil.copyfile(inputs.manifest, outputs.manifest)


def prov_of_production(manifest: Manifest, folders: Mapping[str, str]) -> dict:
    """Provenance of a frozen production, as of a sidecar, but with an activity per chunk.

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
    for i, chunk in enumerate(manifest.chunks):
        job, software = f"iactflow:job/{chunk.path}", f"iactflow:software/{chunk.path}"
        versions = {**manifest.software, **chunk.software}
        used = {**manifest.used, **chunk.used}
        made = f"iactflow:entity/{folders[chunk.path]}"
        found["activity"][job] = chunk.job
        found["agent"][software] = {
            "prov:type": "prov:SoftwareAgent",
            "iactflow:versions": versions,
        }
        found["entity"] |= {f"iactflow:entity/{path}": entity for path, entity in used.items()}
        found["entity"][made] = {
            "prov:location": folders[chunk.path],
            "prov:type": "iactflow:Folder",
            "iactflow:content_digest": chunk.content_digest,
            "iactflow:bytes": chunk.bytes,
        }
        found["used"] |= {
            f"_:used{i}_{j}": {"prov:activity": job, "prov:entity": f"iactflow:entity/{path}"}
            for j, path in enumerate(used)
        }
        found["wasGeneratedBy"][f"_:generated{i}"] = {"prov:entity": made, "prov:activity": job}
        found["wasAssociatedWith"][f"_:associated{i}"] = {
            "prov:activity": job,
            "prov:agent": software,
        }
    return {**found, "prefix": PREFIXES, "iactflow:sidecar_version": VERSION}
