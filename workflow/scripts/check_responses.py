"""Repeat the responses of a node with pyirf, and compare."""

from iactflow.campaign.job import run_job
from iactflow.crosscheck.pyirf_responses import check_responses

run_job(snakemake, check_responses)
