"""Add up what was reconstructed of a sample."""

from iactflow.campaign.job import run_job
from iactflow.report.reconstruction import summarise_reconstruction

run_job(snakemake, summarise_reconstruction)
