"""Campaign plan: jobs, CPU time, memory and bytes by stage, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from iactflow.campaign.costs import Costs
from iactflow.campaign.job_list import Job, list_jobs
from iactflow.campaign.load import LoadedCampaign

__all__ = ["SHORT_S", "Stage", "make_plan", "planned_costs", "wall_s", "warnings_of"]

#: Below this a job's start, and a scheduler's, is no longer small: docs/running/plan.md.
SHORT_S = 1200.0
#: Warned of where a rule has as many jobs: short ones of few are nobody's loss.
MANY = 50


@dataclass
class Stage:
    """Jobs of a rule.

    Attributes
    ----------
    rule : str
        Rule.
    jobs : int
        Their number.
    cpu_s, longest_s : float
        CPU time of all, of the longest, s.
    memory_mb : float
        Largest memory, MB.
    bytes : float
        What they leave, bytes.
    """

    rule: str
    jobs: int = 0
    cpu_s: float = 0.0
    longest_s: float = 0.0
    memory_mb: float = 0.0
    bytes: float = 0.0


def make_plan(campaign: LoadedCampaign, jobs: Iterable[Job], costs: Costs) -> list[Stage]:
    """Add up jobs by rule.

    Parameters
    ----------
    campaign : LoadedCampaign
        Campaign.
    jobs : iterable of Job
        Its jobs, or those that are left.
    costs : Costs
        Measured costs.

    Returns
    -------
    list of Stage
        Rules in the order of the chain.
    """
    stages: dict[str, Stage] = {}
    for job in jobs:
        stage = stages.setdefault(job.rule, Stage(job.rule))
        cpu_s = costs.cpu_s(job, campaign)
        stage.jobs += 1
        stage.cpu_s += cpu_s
        stage.longest_s = max(stage.longest_s, cpu_s)
        stage.memory_mb = max(stage.memory_mb, costs.memory_mb(job))
        stage.bytes += costs.bytes(job)
    return list(stages.values())


def planned_costs(campaign: LoadedCampaign, costs: Costs) -> dict[str, dict]:
    """Plan of a campaign in the terms of the summary's measured cost.

    Parameters
    ----------
    campaign : LoadedCampaign
        Campaign.
    costs : Costs
        Measured costs.

    Returns
    -------
    dict
        Per rule whose CPU time is known: jobs, cpu_s without the start of jobs, which their
        sidecars do not count either, max_rss_mb, output_bytes.
    """
    start_s = float(costs.content["start_s"])
    return {
        stage.rule: {
            "jobs": stage.jobs,
            "cpu_s": round(stage.cpu_s - stage.jobs * start_s, 3),
            "max_rss_mb": stage.memory_mb,
            "output_bytes": round(stage.bytes),
        }
        for stage in make_plan(campaign, list_jobs(campaign), costs)
        if costs.is_measured(stage.rule)
    }


def wall_s(stages: Iterable[Stage], slots: int) -> float:
    """Time that a number of slots needs, stages one after another.

    Parameters
    ----------
    stages : iterable of Stage
        Plan.
    slots : int
        Jobs that run at the same time.

    Returns
    -------
    float
        Seconds: of a stage the larger of its share per slot and its longest job. Stages that
        overlap need less, queues more.
    """
    return sum(max(stage.cpu_s / slots, stage.longest_s) for stage in stages)


def warnings_of(
    stages: Iterable[Stage], queue_s: float | None = None, space_bytes: float | None = None
) -> list[str]:
    """Name what will go badly.

    Parameters
    ----------
    stages : iterable of Stage
        Plan.
    queue_s : float, optional
        Longest time that a queue allows, s.
    space_bytes : float, optional
        Free space of the storage.

    Returns
    -------
    list of str
        A sentence for each.
    """
    found = []
    for stage in stages:
        mean_s = stage.cpu_s / stage.jobs
        if stage.jobs >= MANY and mean_s < SHORT_S:
            found.append(
                f"{stage.rule}: {stage.jobs} jobs of {mean_s / 60:.1f} min; on a farm or the grid "
                f"at least {SHORT_S / 60:.0f} min each"
            )
        if queue_s is not None and stage.longest_s > queue_s:
            found.append(
                f"{stage.rule}: {stage.longest_s / 3600:.1f} h for a job, longer than the queue "
                f"({queue_s / 3600:.1f} h)"
            )
    total = sum(stage.bytes for stage in stages)
    if space_bytes is not None and total > space_bytes:
        found.append(f"storage: {total / 1e9:.3g} GB are made, {space_bytes / 1e9:.3g} GB are free")
    return found
