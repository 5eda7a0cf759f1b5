"""Simulate a chunk of showers up to the photons at the telescopes."""

from iactflow.campaign.job import run_job
from iactflow.telescope.stages.showers import simulate_showers

run_job(snakemake, simulate_showers)
