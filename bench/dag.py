"""CPU time of the dry run of a campaign of ten thousand jobs."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

import yaml
from tests.workflow import REPOSITORY, job_counts, snakemake

RUNS_PER_JOB = 32
N_CHUNKS = 3330


def run() -> list[dict]:
    """Dry-run a mock campaign of some 100 000 runs in some 10 000 jobs."""
    content = yaml.safe_load((REPOSITORY / "config/campaigns/ci.yaml").read_text())
    content["mock"]["n_runs"] = RUNS_PER_JOB * N_CHUNKS
    content["execution"] = {"runs_per_job": RUNS_PER_JOB}
    for target in content["targets"].values():
        target["observations"] = {"radius_deg": 3.0}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.yaml"
        file.write_text(yaml.safe_dump(content))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = snakemake(
            "-n", "--quiet", "rules", "--configfile", file, folder=folder, profile="ci", check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = sum(job_counts(result.stdout).values())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [
        {"name": "dry run: jobs", "value": jobs, "unit": "jobs"},
        {"name": "dry run: CPU time", "value": cpu, "unit": "s"},
        {"name": "dry run: memory", "value": after.ru_maxrss / 1024, "unit": "MB"},
    ]
