"""Freezing a production: every chunk with provenance and checksums, or what is missing by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


class _Making(NamedTuple):
    """A chunk, and where the sidecars of the jobs that make it are."""

    run: int
    name: str
    showers: list[int]
    place: str
    path: str
    sidecars: list[Path]


class _Job(NamedTuple):
    """What the sidecar of a job says."""

    sidecar: Path
    activity: dict
    made: dict
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
    plan = campaign.simulations
    making = list(_making(campaign, production, Path(directory)))
    _refuse_missing(campaign.file, production, making, source)
    jobs = [[_read_job(sidecar) for sidecar in chunk.sidecars] for chunk in making]
    every = [job for of in jobs for job in of]
    software, used = _same_versions(every), _same_content(every)
    settings = [plan.shower_settings(production), plan.settings(production)][-len(jobs[0]) :]
    files, chunks = {}, []
    for chunk, of in zip(making, jobs, strict=True):
        for job, first, wanted in zip(of, jobs[0], settings, strict=True):
            _check_job(job, first, wanted, campaign.seed)
        stored = source.look_up(chunk.place)
        _check_files(of[-1], stored)
        files |= {f"{chunk.path}/{name}": value for name, value in stored.files.items()}
        written = [_written(job, software, used) for job in of]
        elements = list(stored.storage_elements)
        chunks.append(Chunk(chunk.run, chunk.name, chunk.path, chunk.showers, elements, written))
    return Manifest(
        campaign=campaign.name,
        production=production,
        seed=campaign.seed,
        settings=_blocks(plan.blocks(production)),
        instrument_digest=plan.instrument.digest,
        conditions=plan.observed.digests.get(production, {}),
        folder=source.folder,
        software=software,
        used=used,
        chunks=chunks,
        files=files,
    )


def _making(campaign: LoadedCampaign, production: str, directory: Path) -> Iterator[_Making]:
    """Chunks of a production, and the sidecars of the jobs that make them."""
    plan, p = campaign.simulations, campaign.paths
    root = p.production.format(production=production)
    # Photons that were kept have jobs of their own.
    kept = plan.split and plan.backend == "iactflow"
    for run in plan.runs[production]:
        for name, showers in plan.chunks[production][run].items():
            values = {"production": production, "run": run, "chunk": name}
            place = p.simulated_chunk.format(**values)
            made = [*([p.photons.format(**values)] if kept else []), place]
            sidecars = [directory / p.sidecar(path) for path in made]
            path = place.removeprefix(f"{root}/")
            yield _Making(run, name, list(showers), place, path, sidecars)


def _refuse_missing(file: str, production: str, making: list[_Making], source: Source) -> None:
    """Name the chunks that are missing, or whose provenance is."""
    missing = [
        chunk.path
        for chunk in making
        if not all(sidecar.is_file() for sidecar in chunk.sidecars) or not source.has(chunk.place)
    ]
    if missing:
        named = ", ".join(missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        value = f"{len(missing)} of {len(making)} chunks missing: {named}{more}"
        raise InputError(file, f"simulations.{production}", value, "a whole production")


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


def _same_versions(jobs: list[_Job]) -> dict[str, str]:
    """Versions that all jobs ran with."""
    first, *others = (job.software.items() for job in jobs)
    return dict(sorted(set(first).intersection(*others)))


def _same_content(jobs: list[_Job]) -> dict[str, dict]:
    """What all jobs read, wherever it lay: on the grid each has a folder of its own."""
    read = [{_digest(entity) for entity in job.used.values()} for job in jobs]
    common = set.intersection(*read)
    return {place: e for place, e in jobs[0].used.items() if _digest(e) in common}


def _digest(entity: dict) -> str:
    return entity["iactflow:content_digest"]


def _written(job: _Job, software: dict, used: dict) -> dict:
    """Entry of a job in the manifest."""
    shared = {_digest(entity) for entity in used.values()}
    return {
        "activity": job.activity,
        "made": job.made,
        "software": {k: v for k, v in job.software.items() if k not in software},
        "used": {place: e for place, e in job.used.items() if _digest(e) not in shared},
    }


def _check_job(job: _Job, first: _Job, settings: dict, seed: int) -> None:
    """Check that a job is one of this campaign, and of one code with the others."""
    again = "the campaign's: run the target simulations first"
    for key, wanted, of in (
        ("iactflow:settings_sha256", json_sha256(settings), again),
        ("iactflow:seed", seed, again),
        ("iactflow:code", first.activity["iactflow:code"], f"as in {first.sidecar}"),
    ):
        if job.activity[key] != wanted:
            raise InputError(job.sidecar, key, job.activity[key], f"{wanted}, {of}")


def _check_files(job: _Job, stored: Stored) -> None:
    """Check that files are what their job made."""
    size = sum(int(value.partition(":")[0]) for value in stored.files.values())
    if size != job.made["iactflow:bytes"]:
        allowed = f"{size}, the bytes of its files: {', '.join(sorted(stored.files))}"
        raise InputError(job.sidecar, "iactflow:bytes", job.made["iactflow:bytes"], allowed)
    made = job.made["iactflow:content_digest"]
    if stored.digest is not None and (found := stored.digest()) != made:
        allowed = f"{found}, the content of its files: they are not what the job made"
        raise InputError(job.sidecar, "iactflow:content_digest", made, allowed)


def _blocks(blocks: dict[str, dict]) -> dict[str, dict]:
    """Blocks of a production, as its schema takes them back."""
    production = blocks["production"]
    # What headers of CORSIKA files say is not to be given beside them.
    left_out = OF_THE_FILES if production["iact_files"] is not None else ()
    kept = {key: value for key, value in production.items() if key not in left_out}
    return {**blocks, "production": kept}
