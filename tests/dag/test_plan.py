"""The plan counts the jobs that a dry run counts."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.workflow import job_counts, snakemake

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.job_list import list_jobs
from iactflow.campaign.load import load_campaign

CAMPAIGNS = (
    *("demo", "hess1-crab-mock", "photons-ci", "hess-dl3-dr1"),
    *("chain-ci", "reconstruction-ci", "ci", "proton-ci"),
)


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_as_many_jobs_as_a_dry_run(campaign, repository, tmp_path, name):
    file = campaign(name)
    loaded = load_campaign(read_campaign_file(file), [file], repository)
    jobs = list(list_jobs(loaded))
    result = snakemake("all", "-n", "--configfile", file, folder=tmp_path, check=True)
    counts = job_counts(result.stdout)
    counts.pop("all")
    assert Counter(job.rule for job in jobs) == counts
    assert len({job.output for job in jobs}) == len(jobs)
