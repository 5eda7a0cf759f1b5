"""What jobs cost: measured per unit of work, learnt from sidecars of finished campaigns.

CPU time of a job is a start, the same for all, and so much per unit of its rule: an event that is
thrown, an observation, or the job itself. Showers cost in proportion to their energy (followed
particle by particle), and a little for every telescope at every core:

    cpu = n_showers * (<E> * per_tev * f(n_telescopes) + n_cores * n_telescopes * per_telescope)
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import yaml

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.instrument_files import INSTRUMENT_FILE
from iactflow.campaign.job_list import Job, list_jobs
from iactflow.campaign.load import LoadedCampaign
from iactflow.campaign.provenance import read_sidecar
from iactflow.errors import InputError

__all__ = [
    "COSTS",
    "Costs",
    "job_cost",
    "keep_costs",
    "known_costs",
    "learn",
    "own_costs",
    "read_costs",
    "write_costs",
]

LOGGER = logging.getLogger("iactflow")
#: Measurements that come with the package's checkout.
COSTS = "config/costs.yaml"
KEYS = ("hs06_per_core", "start_s", "cpu_s_per_telescope", "showers", "rules")
SHOWER_RULES = ("simulate_events", "simulate_showers")
#: A run teaches what a rule costs where it did this share of the work that is known, or more: the
#: jobs of a test are mostly their own start.
LEAST_SHARE = 0.5
UNITS = ("event", "run", "job")
#: Showers with light for 51 telescopes over those for 4: bench/results.json.
MORE_TELESCOPES = (1.8 - 1.0) / (51 - 4)


class Costs:
    """Measured costs.

    Parameters
    ----------
    content : dict
        ``hs06_per_core``; ``start_s``, CPU time to start any job; ``cpu_s_per_telescope``, of one
        telescope at one core by instrument; ``showers``: CPU s per TeV by particle; ``rules``: by
        rule ``unit``, ``cpu_s`` and ``bytes`` per unit, ``memory_mb``; ``work``: units by rule, and
        CPU s by particle, that the measurements are of (optional).
    """

    def __init__(self, content: dict) -> None:
        self.content = content
        self.hs06_per_core = float(content["hs06_per_core"])

    def units(self, job: Job) -> float:
        """Units of work of a job.

        Parameters
        ----------
        job : Job
            Job.

        Returns
        -------
        float
            Events, observations, or 1.
        """
        known = self.content["rules"].get(job.rule, {})
        return {"event": job.n_events, "run": float(job.n_runs)}.get(known.get("unit"), 1.0)

    def cpu_s(self, job: Job, campaign: LoadedCampaign) -> float:
        """CPU time of a job.

        Parameters
        ----------
        job : Job
            Job.
        campaign : LoadedCampaign
            Its campaign.

        Returns
        -------
        float
            Seconds of the reference core, with the start of the job.
        """
        start = float(self.content["start_s"])
        if job.rule in SHOWER_RULES:
            return start + self._showers_s(job, campaign)
        known = self.content["rules"].get(job.rule, {})
        return start + self.units(job) * float(known.get("cpu_s", 0.0))

    def _showers_s(self, job: Job, campaign: LoadedCampaign) -> float:
        block = campaign.simulations.productions[job.wildcards[0]]
        n_telescopes = telescopes_of(campaign, block)
        per_tev = self.content["showers"]
        particle = per_tev.get(str(block.particle), per_tev["other"])
        showers = job.n_events / block.shower_reuse
        energy = showers * mean_energy_tev(block) * float(particle)
        per_telescope = self.content["cpu_s_per_telescope"]
        instrument = campaign.model.instrument.name
        per_telescope = per_telescope.get(instrument, per_telescope["other"])
        cores = job.n_events * n_telescopes * float(per_telescope)
        return energy * (1.0 + MORE_TELESCOPES * (n_telescopes - 4)) + cores

    def is_measured(self, rule: str) -> bool:
        """Whether the CPU time of a rule is known."""
        return rule in SHOWER_RULES or "cpu_s" in self.content["rules"].get(rule, {})

    def memory_mb(self, job: Job) -> float:
        """Largest memory of a job, MB; 0 where none was measured."""
        return float(self.content["rules"].get(job.rule, {}).get("memory_mb", 0.0))

    def bytes(self, job: Job) -> float:
        """Bytes that a job leaves."""
        known = self.content["rules"].get(job.rule, {})
        return self.units(job) * float(known.get("bytes", 0.0))


def telescopes_of(campaign: LoadedCampaign, block) -> int:
    """Telescopes of a production.

    Parameters
    ----------
    campaign : LoadedCampaign
        Campaign.
    block : Production
        Production.

    Returns
    -------
    int
        Number of its telescopes.
    """
    if block.tel_ids:
        return len(block.tel_ids)
    files = [f for f in campaign.simulations.instrument_files if Path(f).name == INSTRUMENT_FILE]
    return _telescopes_of(tuple(files))


@lru_cache(maxsize=16)
def _telescopes_of(files: tuple[str, ...]) -> int:
    """Telescopes of a version of an instrument, or of the first below it that names them."""
    for file in files:
        telescopes = read_campaign_file(file).get("telescopes")
        if telescopes is not None:
            return sum(isinstance(key, int) for key in telescopes)
    raise InputError(files[0], "telescopes", None, "telescopes, or extends")


def mean_energy_tev(block) -> float:
    """Mean energy of the thrown particles of a production.

    Parameters
    ----------
    block : Production
        Its range and the index of its power law.

    Returns
    -------
    float
        Mean energy, TeV.
    """
    low, high, index = block.energy_min_tev, block.energy_max_tev, block.spectral_index

    def moment(power):
        if math.isclose(power, -1.0):
            return math.log(high / low)
        return (high ** (power + 1.0) - low ** (power + 1.0)) / (power + 1.0)

    return low if high <= low else moment(1.0 - index) / moment(-index)


def read_costs(path: str | Path) -> Costs:
    """Read costs.

    Parameters
    ----------
    path : path
        YAML file.

    Returns
    -------
    Costs
        Costs.

    Raises
    ------
    InputError
        If the file is missing, a key is, or a unit is unknown.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "file", "missing", "measured costs, as of iactflow plan --learn")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    missing = [key for key in KEYS if not isinstance(content, dict) or key not in content]
    if missing:
        raise InputError(path, missing[0], None, f"keys {', '.join(KEYS)}")
    for rule, known in content["rules"].items():
        if known.get("unit") not in UNITS:
            raise InputError(path, f"rules.{rule}.unit", known.get("unit"), ", ".join(UNITS))
    return Costs(content)


def write_costs(costs: Costs, path: str | Path) -> None:
    """Write costs.

    Parameters
    ----------
    costs : Costs
        Costs.
    path : path
        YAML file; its folder is made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(path) as temporary:
        text = yaml.safe_dump(costs.content, sort_keys=True)
        Path(temporary).write_text(text, encoding="utf-8")


def job_cost(sidecar: str | Path) -> dict:
    """What a finished job has cost.

    Parameters
    ----------
    sidecar : path
        Its provenance sidecar.

    Returns
    -------
    dict
        Fields of `iactflow.campaign.cost.CostRecord`.
    """
    (activity,) = read_sidecar(sidecar)["activity"].values()
    return activity["iactflow:cost"]


def own_costs() -> Path:
    """File of the costs that the user's own campaigns have taught.

    Returns
    -------
    Path
        What ``IACTFLOW_COSTS`` names, or ``iactflow/costs.yaml`` in the user's folder of
        configurations.
    """
    if named := os.environ.get("IACTFLOW_COSTS"):
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "iactflow" / "costs.yaml"


def known_costs(campaign: LoadedCampaign) -> Costs:
    """Read the user's own costs, or the shipped ones where there are none.

    Parameters
    ----------
    campaign : LoadedCampaign
        Campaign, whose checkout ships costs.

    Returns
    -------
    Costs
        Costs.

    Raises
    ------
    InputError
        As of `read_costs`.
    """
    own = own_costs()
    return read_costs(own if own.is_file() else campaign.base / COSTS)


def keep_costs(campaign: LoadedCampaign, folder: str | Path = ".") -> None:
    """Take over what the jobs of a finished run have cost, for later plans.

    Parameters
    ----------
    campaign : LoadedCampaign
        Campaign.
    folder : path, optional
        Folder that its results lie below.
    """
    try:
        costs = known_costs(campaign)
        found = learn(costs, campaign, list_jobs(campaign), Path(folder), LEAST_SHARE)
        write_costs(found, own_costs())
    except (InputError, OSError) as error:
        LOGGER.warning("costs of this run are not kept for later plans: %s", error)


def learn(
    costs: Costs,
    campaign: LoadedCampaign,
    jobs: Iterable[Job],
    folder: Path,
    least_share: float = 0.0,
) -> Costs:
    """Take over what the finished jobs of a campaign have cost.

    Parameters
    ----------
    costs : Costs
        Costs before: kept for rules and particles that the campaign has not.
    campaign : LoadedCampaign
        Campaign.
    jobs : iterable of Job
        Its jobs.
    folder : Path
        Folder that its results lie below.
    least_share : float, optional
        Share of the work that the costs before are of: rules and particles with less are left as
        they were; by default all are taken over.

    Returns
    -------
    Costs
        Costs per unit of the finished jobs together; of the largest job for the memory.
    """
    sums: dict[str, dict] = {}
    showers: dict[str, list[float]] = {}
    for job in jobs:
        path = folder / campaign.paths.sidecar(job.output)
        if not path.is_file():
            continue
        cost = job_cost(path)
        found = sums.setdefault(job.rule, dict.fromkeys(("cpu_s", "units", "bytes", "mb"), 0.0))
        found["cpu_s"] += cost["cpu_s"]
        found["units"] += costs.units(job)
        found["bytes"] += cost["output_bytes"]
        found["mb"] = max(found["mb"], cost["max_rss_mb"])
        if job.rule in SHOWER_RULES:
            particle = str(campaign.simulations.productions[job.wildcards[0]].particle)
            model_s = costs.cpu_s(job, campaign) - float(costs.content["start_s"])
            both = showers.setdefault(particle, [0.0, 0.0])
            both[0], both[1] = both[0] + cost["cpu_s"], both[1] + model_s
    rules = {rule: dict(known) for rule, known in costs.content["rules"].items()}
    work = dict(costs.content.get("work", {}))
    for rule, found in sums.items():
        if found["units"] < least_share * work.get(rule, 0.0):
            continue
        work[rule] = round(found["units"], 1)
        known = rules.setdefault(rule, {"unit": "job"})
        units = found["units"] or 1.0
        known["bytes"] = round(found["bytes"] / units, 1)
        known["memory_mb"] = round(found["mb"], 1)
        if rule not in SHOWER_RULES:
            known["cpu_s"] = float(f"{found['cpu_s'] / units:.4g}")
    per_tev = dict(costs.content["showers"])
    for particle, (measured_s, model_s) in showers.items():
        if measured_s < least_share * work.get(particle, 0.0):
            continue
        work[particle] = round(measured_s, 1)
        # Light takes nearly all: the telescopes' share is left as it is in proportion.
        before = per_tev.get(particle, per_tev["other"])
        per_tev[particle] = float(f"{before * measured_s / model_s:.4g}")
    return Costs({**costs.content, "rules": rules, "showers": per_tev, "work": work})
