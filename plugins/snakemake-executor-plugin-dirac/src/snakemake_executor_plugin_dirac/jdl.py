"""Job descriptions: what jobs ask for, jobs that ask for the same, and one JDL for all of them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

__all__ = ["InvalidResource", "Requirements", "group_by_requirements", "parametric_jdl"]

# Names of files in the sandboxes of every job; the first two of the output are DIRAC's own names.
EXECUTABLE = "run.sh"
OUTPUT_SANDBOX = ("std.out", "std.err", "report.json", "logs.tar.gz")
# What the server takes when a JDL does not say. It checks every attribute of every job of a bulk
# submission anew, which is most of what submitting costs: what says no more is left out.
DEFAULT_PROCESSORS = 1
# More inputs than this do not choose a site any better, and make a JDL slow to handle.
MAX_STEERING_INPUTS = 100


class InvalidResource(ValueError):
    """A resource of a rule that cannot be written into a JDL."""


@dataclass(frozen=True, order=True)
class Requirements:
    """What a job asks of a site; jobs with equal requirements are submitted in one call.

    Parameters
    ----------
    cpu_time_s : int
        CPU time in DIRAC's reference seconds, over all processors.
    processors : int
        Number of processors.
    sites : tuple of str
        Sites that may run it; empty for any.
    banned_sites : tuple of str
        Sites that may not.
    tags : tuple of str
        Tags that a queue must carry.
    has_inputs : bool
        Whether catalogued inputs choose among the sites.
    """

    cpu_time_s: int
    processors: int
    sites: tuple[str, ...] = ()
    banned_sites: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    has_inputs: bool = False

    @classmethod
    def from_resources(cls, resources, threads, failed_sites=(), has_inputs=False, cpu_power=1.0):
        """Read the resources of a Snakemake job.

        Parameters
        ----------
        resources : mapping
            ``runtime`` in minutes or ``cpu_time_s``, ``dirac_sites``, ``dirac_banned_sites`` and
            ``dirac_tags``, the last three as words separated by commas or blanks.
        threads : int
            Processors.
        failed_sites : iterable of str
            Sites where the job has failed: they are banned.
        has_inputs : bool
            Whether the job has catalogued inputs.
        cpu_power : float
            Reference seconds per second of wall time on one core.

        Returns
        -------
        Requirements
            With sorted sites and tags, so that equal requests are equal.

        Raises
        ------
        InvalidResource
            If a number is not positive, or every site asked for is banned.
        """
        seconds = resources.get("cpu_time_s")
        if seconds is None:
            seconds = 60 * _positive("runtime", resources.get("runtime", 60)) * threads * cpu_power
        banned = set(_words("dirac_banned_sites", resources))
        wanted = _words("dirac_sites", resources)
        allowed = [site for site in wanted if site not in banned]
        if wanted and not allowed:
            raise InvalidResource(f"dirac_sites: every one of {', '.join(wanted)} is banned")
        # When all that were asked for have failed, they are tried once more from the beginning.
        if not wanted or set(allowed) - set(failed_sites):
            banned |= set(failed_sites)
        sites = tuple(site for site in wanted if site not in banned)
        return cls(
            cpu_time_s=int(_positive("cpu_time_s", seconds)),
            processors=int(_positive("threads", threads)),
            sites=sites,
            banned_sites=tuple(sorted(banned)),
            tags=_words("dirac_tags", resources),
            has_inputs=has_inputs,
        )


def _positive(name, value):
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InvalidResource(f"{name}: {value!r} is not a number") from error
    if not 0 < number < float("inf"):
        raise InvalidResource(f"{name}: {value!r} is not a positive number")
    return number


def _words(name, resources):
    text = resources.get(name) or ""
    words = sorted(set(str(text).replace(",", " ").split()))
    for word in words:
        if not all(letter.isalnum() or letter in "._-+:" for letter in word):
            raise InvalidResource(f"{name}: {word!r} holds a character that no name has")
    return tuple(words)


def group_by_requirements(entries, max_size):
    """Group jobs that ask for the same, in bulk submissions of limited size.

    Parameters
    ----------
    entries : iterable of (Requirements, object)
        Jobs with what they ask for.
    max_size : int
        Largest number of jobs of one submission (the server's ``MaxParametricJobs``).

    Returns
    -------
    list of (Requirements, list)
        In a fixed order; jobs keep theirs.
    """
    groups = defaultdict(list)
    for requirements, job in entries:
        groups[requirements].append(job)
    return [
        (requirements, jobs[first : first + max_size])
        for requirements, jobs in sorted(groups.items(), key=lambda item: item[0])
        for first in range(0, len(jobs), max_size)
    ]


def parametric_jdl(requirements, jobs, sandbox, job_group, job_type="User", output_sandbox=()):
    """Write the JDL of one bulk submission.

    Parameters
    ----------
    requirements : Requirements
        What all of them ask for.
    jobs : sequence of dict
        Each with ``name``, ``index`` (which entry of the sandbox's job list it is) and ``lfns``.
    sandbox : sequence of str
        Files that every job receives.
    job_group : str
        Name of the submission, at most 32 characters: ids are found by it after a crash.
    job_type : str
        DIRAC's job type.
    output_sandbox : sequence of str
        Further files to return.

    Returns
    -------
    str
        JDL; its parameters expand to one job each, in order.

    Raises
    ------
    InvalidResource
        If there is no job, or the name of the group is too long.
    """
    if not jobs:
        raise InvalidResource("a submission of no jobs")
    if len(job_group) > 32:
        raise InvalidResource(f"job group {job_group!r} has more than 32 characters")
    attributes = {
        "Executable": json.dumps(EXECUTABLE),
        "Arguments": '"%(index)s"',
        "JobName": '"%(name)s"',
        "JobGroup": json.dumps(job_group),
        "JobType": json.dumps(job_type),
        "InputSandbox": _list(sandbox),
        "OutputSandbox": _list([*OUTPUT_SANDBOX, *output_sandbox]),
        "CPUTime": str(requirements.cpu_time_s),
    }
    if requirements.processors != DEFAULT_PROCESSORS:
        attributes["NumberOfProcessors"] = str(requirements.processors)
    if requirements.sites:
        attributes["Site"] = _list(requirements.sites)
    if requirements.banned_sites:
        attributes["BannedSites"] = _list(requirements.banned_sites)
    if requirements.tags:
        attributes["Tags"] = _list(requirements.tags)
    attributes["Parameters"] = str(len(jobs))
    attributes["Parameters.index"] = _list(str(job["index"]) for job in jobs)
    attributes["Parameters.name"] = _list(job["name"] for job in jobs)
    if requirements.has_inputs:
        attributes["InputData"] = "{%(inputs)s}"
        attributes["Parameters.inputs"] = (
            "{" + ", ".join(_list(steering_inputs(job["lfns"])) for job in jobs) + "}"
        )
    body = "\n".join(f"  {name} = {value};" for name, value in attributes.items())
    return f"[\n{body}\n]"


def steering_inputs(lfns):
    """Choose catalogued inputs that DIRAC itself handles: no two with the same base name.

    DIRAC puts all of them into one folder, where two files of one name would be one file; the rest
    is fetched by the job.

    Parameters
    ----------
    lfns : iterable of str
        Logical file names.

    Returns
    -------
    list of str
        At most ``MAX_STEERING_INPUTS`` of them.
    """
    chosen = {}
    for lfn in lfns:
        chosen.setdefault(lfn.rpartition("/")[2], lfn)
    return list(chosen.values())[:MAX_STEERING_INPUTS]


def _list(values):
    return "{" + ", ".join(json.dumps(str(value)) for value in values) + "}"
