"""Freezing a production: every chunk with provenance and checksums, or what is missing by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from iactflow.campaign.digest import json_sha256
from iactflow.campaign.load import LoadedCampaign
from iactflow.campaign.manifest import Chunk, Manifest
from iactflow.campaign.provenance import read_sidecar
from iactflow.campaign.schema_simulation import OF_THE_FILES
from iactflow.errors import InputError

__all__ = ["Source", "Stored", "freeze"]

NAMED = 5  # of chunks that are missing; the others are counted


class Stored(NamedTuple):
    """Files of a chunk, as they are stored.

    Attributes
    ----------
    files : dict of str to str
        ``size_bytes:adler32`` by name.
    storage_elements : tuple of str
        Where replicas lie; empty: in the local folder.
    digest : callable or None
        Returns the content digest, where the files can be read here.
    """

    files: dict[str, str]
    storage_elements: tuple[str, ...] = ()
    digest: Callable[[], str] | None = None


class Source(NamedTuple):
    """Where the files of a production are, and what they are.

    Attributes
    ----------
    folder : str
        Folder that they lie below, as `iactflow.campaign.manifest.Manifest` has it.
    has : callable
        Takes the path of a chunk in the working folder; returns whether it is stored.
    look_up : callable
        Takes the same; returns what is stored, a `Stored`.
    """

    folder: str
    has: Callable[[str], bool]
    look_up: Callable[[str], Stored]


class _Job(NamedTuple):
    """What a sidecar says of a chunk."""

    sidecar: Path
    activity: dict
    entity: dict
    used: dict
    software: dict


def freeze(
    campaign: LoadedCampaign, production: str, directory: str | Path, source: Source
) -> Manifest:
    """Put together the manifest of a finished production.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign that made it.
    production : str
        Name of the production.
    directory : str or Path
        Working folder of the campaign, where its provenance lies.
    source : Source
        Where the files are.

    Returns
    -------
    Manifest
        The production, not yet written.

    Raises
    ------
    InputError
        If a chunk, or its provenance, is missing; if it is not what its job made, or was made by
        other settings or other code than the others.
    """
    plan, root = campaign.simulations, campaign.paths.production.format(production=production)
    paths = {
        (run, name): campaign.paths.simulated_chunk.format(
            production=production, run=run, chunk=name
        )
        for run in plan.runs[production]
        for name in plan.chunks[production][run]
    }
    sidecars = {key: Path(directory) / campaign.paths.sidecar(p) for key, p in paths.items()}
    whole = {key for key, path in paths.items() if sidecars[key].is_file() and source.has(path)}
    missing = [path.removeprefix(f"{root}/") for key, path in paths.items() if key not in whole]
    if missing:
        named = ", ".join(missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        value = f"{len(missing)} of {len(paths)} chunks missing: {named}{more}"
        raise InputError(campaign.file, f"simulations.{production}", value, "a whole production")
    jobs = {key: _read_job(sidecar) for key, sidecar in sidecars.items()}
    first = next(iter(jobs.values()))
    settings, files, chunks = json_sha256(plan.settings(production)), {}, []
    for (run, name), job in jobs.items():
        stored, below = source.look_up(paths[run, name]), paths[run, name].removeprefix(f"{root}/")
        _check(job, stored, first, settings, campaign.seed)
        files |= {f"{below}/{file}": value for file, value in stored.files.items()}
        showers = list(plan.chunks[production][run][name])
        chunks.append(_chunk(run, name, below, showers, stored, job, first))
    return Manifest(
        campaign=campaign.name,
        production=production,
        seed=campaign.seed,
        settings=_blocks(plan.blocks(production)),
        instrument_digest=plan.instrument.digest,
        conditions=plan.observed.digests.get(production, {}),
        folder=source.folder,
        software=first.software,
        used=first.used,
        chunks=chunks,
        files=files,
    )


def _read_job(sidecar: Path) -> _Job:
    document = read_sidecar(sidecar)
    ((_, activity),) = document["activity"].items()
    ((_, agent),) = document["agent"].items()
    ((_, generated),) = document["wasGeneratedBy"].items()
    entities = [
        document["entity"][relation["prov:entity"]] for relation in document["used"].values()
    ]
    used = {entity["prov:location"]: entity for entity in entities}
    made = document["entity"][generated["prov:entity"]]
    return _Job(sidecar, activity, made, used, agent["iactflow:versions"])


def _check(job: _Job, stored: Stored, first: _Job, settings: str, seed: int) -> None:
    """Check that a chunk is what its job made, and that its job is one of this production."""
    size = sum(int(value.partition(":")[0]) for value in stored.files.values())
    if size != job.entity["iactflow:bytes"]:
        allowed = f"{size}, the bytes of its files: {', '.join(sorted(stored.files))}"
        raise InputError(job.sidecar, "iactflow:bytes", job.entity["iactflow:bytes"], allowed)
    made = job.entity["iactflow:content_digest"]
    if stored.digest is not None and (found := stored.digest()) != made:
        allowed = f"{found}, the content of its files: they are not what the job made"
        raise InputError(job.sidecar, "iactflow:content_digest", made, allowed)
    for key, wanted, of in (
        ("iactflow:settings_sha256", settings, "the campaign's: run the target simulations first"),
        ("iactflow:seed", seed, "the campaign's: run the target simulations first"),
        ("iactflow:code", first.activity["iactflow:code"], f"as in {first.sidecar}"),
    ):
        if job.activity[key] != wanted:
            raise InputError(job.sidecar, key, job.activity[key], f"{wanted}, {of}")


def _chunk(
    run: int, name: str, path: str, showers: list[int], stored: Stored, job: _Job, first: _Job
) -> Chunk:
    return Chunk(
        run=run,
        name=name,
        path=path,
        showers=showers,
        storage_elements=list(stored.storage_elements),
        content_digest=job.entity["iactflow:content_digest"],
        bytes=job.entity["iactflow:bytes"],
        job=job.activity,
        software={k: v for k, v in job.software.items() if first.software.get(k) != v},
        used={k: v for k, v in job.used.items() if first.used.get(k) != v},
    )


def _blocks(blocks: dict[str, dict]) -> dict[str, dict]:
    """Blocks of a production, as its schema takes them back."""
    production = blocks["production"]
    # What headers of CORSIKA files say is not to be given beside them.
    left_out = OF_THE_FILES if production["iact_files"] is not None else ()
    kept = {key: value for key, value in production.items() if key not in left_out}
    return {**blocks, "production": kept}
