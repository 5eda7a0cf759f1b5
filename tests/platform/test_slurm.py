"""The campaign ``ci`` on a real SLURM of three nodes, every job inside the image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.products import activities, differing, digests
from tests.workflow import REPOSITORY, snakemake

pytestmark = [pytest.mark.platform, pytest.mark.slow]

SCRIPT = REPOSITORY / "tests/platform/slurm.sh"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
# The shipped profile waits for a busy farm and for its file system; this farm is idle and local.
QUICK = (
    *("--slurm-init-seconds-before-status-checks", "2"),
    *("--seconds-between-status-checks", "2"),
    *("--latency-wait", "10"),
    *("--default-resources", "mem_mb=2000*attempt", "runtime=30*attempt"),
)


@pytest.fixture(scope="module")
def farm():
    """Return environment variables that lead to a running SLURM."""
    for program in ("munged", "slurmctld", "slurmd", "sbatch"):
        if shutil.which(program, path=PATH) is None:
            missing(f"{program} is not installed (tests/platform/setup.sh installs SLURM)")
    # A short path: a socket's name has at most 107 characters.
    folder = tempfile.mkdtemp(prefix="slurm-")
    command = ["bash", str(SCRIPT)]
    subprocess.run([*command, "start", folder, "3", "2"], check=True, timeout=120)
    yield {"SLURM_CONF": f"{folder}/slurm.conf", "SLURM_FOLDER": folder}
    subprocess.run([*command, "stop", folder], check=True, timeout=120)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def submitted(farm, image_campaign, container_environment, run_folder):
    """Return the working folder, and what Snakemake said."""
    folder = run_folder("slurm")
    result = snakemake(
        *("all", "--jobs", "6", *QUICK, "--configfile", image_campaign),
        folder=folder,
        profile="slurm",
        environment={
            **container_environment,
            "SLURM_CONF": farm["SLURM_CONF"],
            "PATH": f"{farm['SLURM_FOLDER']}/bin:{container_environment['PATH']}",
        },
        timeout=900,
    )
    assert result.returncode == 0, result.stdout
    return folder, result.stdout


def _finished_jobs(folder):
    """SLURM's own account: node and exit of every batch job, from the log of its nodes."""
    jobs = {}
    for log in Path(folder, "log").glob("slurmd-node?.log"):
        for number in re.findall(r"\[(\d+)\.batch\] done with job", log.read_text()):
            jobs[number] = log.stem.removeprefix("slurmd-")
    return jobs


def test_every_job_was_a_batch_job_and_they_ran_on_several_nodes(farm, submitted):
    folder, output = submitted
    numbers = re.findall(r"submitted with SLURM jobid (\d+)", output)
    # The collecting rule runs where Snakemake runs; every job with a product is in the queue.
    assert len(set(numbers)) == len(activities(folder))
    ran = _finished_jobs(farm["SLURM_FOLDER"])
    assert set(numbers) <= ran.keys()
    assert len({ran[number] for number in numbers}) >= 2


def test_every_job_ran_in_the_image(submitted, image):
    jobs = activities(submitted[0])
    assert {job["iactflow:container"] for job in jobs} == {str(image)}
    assert all(job["iactflow:checkout_modules"] == [] for job in jobs)


def test_products_have_the_same_content_as_on_this_machine(submitted, without_image):
    assert not differing(digests(submitted[0]), digests(without_image))


def test_the_shipped_profile_asks_squeue(repository):
    # sacct without its accounting database hangs Snakemake for ever.
    assert "slurm-status-command: squeue" in (repository / "profiles/slurm/config.yaml").read_text()
