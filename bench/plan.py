"""CPU time and memory of the plan of a campaign of a hundred thousand jobs; no DAG is built."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import yaml
from tests.workflow import REPOSITORY

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.costs import COSTS, read_costs
from iactflow.campaign.job_list import list_jobs
from iactflow.campaign.load import load_campaign
from iactflow.campaign.plan import make_plan

CHUNKS = 16700


def run() -> list[dict]:
    """Plan the demonstration with some 17 000 chunks of each production."""
    content = yaml.safe_load((REPOSITORY / "config/campaigns/demo.yaml").read_text())
    for block in content["simulations"].values():
        block["n_showers"] = CHUNKS * block["showers_per_job"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.yaml"
        file.write_text(yaml.safe_dump(content))
        start = time.process_time()
        campaign = load_campaign(read_campaign_file(file), [file], REPOSITORY)
        stages = make_plan(campaign, list_jobs(campaign), read_costs(REPOSITORY / COSTS))
        cpu_s = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    jobs = sum(stage.jobs for stage in stages)
    return [
        {"name": "campaign plan: jobs", "value": jobs, "unit": "jobs"},
        {"name": "campaign plan: CPU time", "value": cpu_s, "unit": "s"},
        {"name": "campaign plan: memory", "value": memory, "unit": "MB"},
    ]
