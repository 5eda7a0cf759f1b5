"""Collect every headline number."""

from iactflow.report.summary import summarise

from iactflow.campaign.job import run_job

run_job(snakemake, summarise)
