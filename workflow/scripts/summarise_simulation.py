"""Add up what a production threw and what triggered."""

from iactflow.campaign.job import run_job
from iactflow.report.simulation import summarise_simulation

run_job(snakemake, summarise_simulation)
