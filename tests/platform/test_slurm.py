"""The campaign ``ci`` on a real SLURM of three nodes, every job inside the image."""

from __future__ import annotations

import re

import pytest
from tests.platform.slurm_farm import QUICK
from tests.products import activities, differing, digests
from tests.workflow import snakemake

pytestmark = [pytest.mark.platform, pytest.mark.slow]


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
            "SLURM_CONF": farm.environment["SLURM_CONF"],
            "PATH": f"{farm.folder}/bin:{container_environment['PATH']}",
        },
        timeout=900,
    )
    assert result.returncode == 0, result.stdout
    return folder, result.stdout


def test_every_job_was_a_batch_job_and_they_ran_on_several_nodes(farm, submitted):
    folder, output = submitted
    numbers = re.findall(r"submitted with SLURM jobid (\d+)", output)
    # The collecting rule runs where Snakemake runs; every job with a product is in the queue.
    assert len(set(numbers)) == len(activities(folder))
    # SLURM's own account.
    ran = farm.nodes()
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
