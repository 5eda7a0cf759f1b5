"""From Snakemake's jobs to submissions: what each needs, computes and carries."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_dirac.jdl import (
    Requirements,
    group_by_requirements,
    parametric_jdl,
)
from snakemake_executor_plugin_dirac.metadata import collect_metadata
from snakemake_executor_plugin_dirac.products import expand
from snakemake_executor_plugin_dirac.sandbox import digest, key_of, write_archive, write_sandbox

__all__ = ["PlannedJob", "Submission", "plan_job", "prepare_submission", "submissions"]


@dataclass
class PlannedJob:
    """One Snakemake job, ready to be described.

    Parameters
    ----------
    job : object
        Snakemake's job.
    key : str
        What it makes, as a name.
    fingerprint : str
        What it computes: sources, settings, inputs.
    requirements : Requirements
        What it asks of a site.
    spec : dict
        What the worker reads: command, inputs, outputs, logs, metadata.
    local_files : list of str
        Inputs that are not in the catalogue.
    """

    job: Any
    key: str
    fingerprint: str
    requirements: Requirements
    spec: dict
    local_files: list

    @property
    def name(self):
        """Name of the job in DIRAC."""
        return f"{self.job.name[:60]}-{self.key[:12]}"


@dataclass
class Submission:
    """One call: jobs of equal requirements.

    Parameters
    ----------
    requirements : Requirements
        Of all of them.
    planned : list of PlannedJob
        The jobs.
    """

    requirements: Requirements
    planned: list

    def jdl(self, sandbox, job_group, job_type):
        """JDL of the submission.

        Parameters
        ----------
        sandbox : list of str
            Files.
        job_group : str
            Name of the submission.
        job_type : str
            DIRAC's job type.

        Returns
        -------
        str
            JDL.
        """
        jobs = [
            {
                "index": number,
                "name": planned.name,
                "lfns": [entry["lfn"] for entry in planned.spec["inputs"]],
            }
            for number, planned in enumerate(self.planned)
        ]
        return parametric_jdl(self.requirements, jobs, sandbox, job_group, job_type)


def members(job):
    """Jobs of a group, or the job itself.

    Parameters
    ----------
    job : object
        Snakemake's job or group of jobs.

    Returns
    -------
    list
        Jobs.
    """
    return list(job.jobs) if job.is_group() else [job]


def plan_job(job, command, context, missing_ok=False):
    """Plan one job.

    Parameters
    ----------
    job : object
        Snakemake's job.
    command : str
        Command that runs it.
    context : Context
        ``settings``, ``ledger``, ``inputs``, ``config``, ``metadata_rules``, ``sources_digest``.
    missing_ok : bool
        Inputs that no job has made yet are named, not read.

    Returns
    -------
    PlannedJob
        The plan.
    """
    outputs = [os.path.relpath(str(path)) for one in members(job) for path in one.output]
    made_inside = set(outputs)
    wanted = [
        path
        for one in members(job)
        for path in one.input
        if os.path.relpath(str(path)) not in made_inside
    ]
    if missing_ok:
        wanted = [path for path in wanted if os.path.exists(str(path))]
    files, folders = expand(wanted)
    files = [file for file in files if file not in context.sources]
    full = [file for file in files if os.path.getsize(file)]
    entries = {file: context.inputs.catalogued(file) for file in full}
    inputs = [entry for entry in entries.values() if entry]
    local_files = [file for file, entry in entries.items() if entry is None]
    key = key_of(outputs)
    one = members(job)[0]
    fingerprint = digest(
        {
            "key": key,
            "sources": context.sources_digest,
            "config": context.config,
            "params": [sorted((k, str(v)) for k, v in m.params.items()) for m in members(job)],
            "inputs": {file: context.inputs.checksum(file) for file in full},
        }
    )
    return PlannedJob(
        job=job,
        key=key,
        fingerprint=fingerprint,
        requirements=Requirements.from_resources(
            dict(job.resources.items()),
            job.threads,
            failed_sites=context.ledger.failed_sites(key, fingerprint),
            has_inputs=bool(inputs),
            cpu_power=context.settings.cpu_power,
        ),
        spec={
            "command": command,
            "inputs": inputs,
            "empty": [file for file in files if file not in entries],
            "folders": folders,
            "outputs": outputs,
            "logs": log_files(job),
            "fingerprint": fingerprint,
            "metadata": {
                "rule": one.name,
                **collect_metadata(
                    context.metadata_rules,
                    context.config,
                    one.wildcards_dict,
                    dict(one.params.items()),
                ),
            },
        },
        local_files=local_files,
    )


def log_files(job):
    """Files that a job writes beside its products: logs and benchmarks.

    Parameters
    ----------
    job : object
        Snakemake's job.

    Returns
    -------
    list of str
        Paths relative to the working folder.
    """
    paths = []
    for one in members(job):
        paths.extend(map(str, one.log))
        if one.benchmark:
            paths.append(str(one.benchmark))
    return [os.path.relpath(path) for path in paths]


def submissions(planned, max_size):
    """Group planned jobs into submissions.

    Parameters
    ----------
    planned : iterable of PlannedJob
        Jobs.
    max_size : int
        Jobs per submission.

    Returns
    -------
    list of Submission
        One per call.
    """
    grouped = group_by_requirements(((one.requirements, one) for one in planned), max_size)
    return [Submission(requirements, jobs) for requirements, jobs in grouped]


def prepare_submission(submission, folder, context):
    """Write the sandbox of a submission.

    Parameters
    ----------
    submission : Submission
        Its jobs.
    folder : path
        Folder for its files.
    context : Context
        As for `plan_job`, with ``sources_archive``.

    Returns
    -------
    list of str
        Files of the sandbox.
    """
    folder = Path(folder)
    archives = [context.sources_archive]
    local_files = sorted({file for one in submission.planned for file in one.local_files})
    if local_files:
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder.resolve() / "inputs.tar.gz"
        write_archive(archive, local_files)
        archives.append(archive)
    common = {
        "setup": context.settings.setup or "",
        "lfn_base": context.settings.lfn_base.rstrip("/"),
        "storage_elements": context.storage_elements,
    }
    jobs = {str(number): planned.spec for number, planned in enumerate(submission.planned)}
    return write_sandbox(folder, common, jobs, archives, os.environ)
