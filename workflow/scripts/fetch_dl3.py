"""Fetch the public data release."""

from iactflow.campaign.fetch import fetch_dl3
from iactflow.campaign.job import run_job

run_job(snakemake, fetch_dl3, verbatim=True)
