"""Collect every headline number."""

from iactflow.campaign.job import run_job
from iactflow.report.summary import summarise

run_job(snakemake, summarise)
