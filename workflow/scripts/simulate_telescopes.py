"""Simulate telescopes, cameras and triggers for kept photons."""

from iactflow.campaign.job import run_job
from iactflow.telescope.stages.events import simulate_telescopes

run_job(snakemake, simulate_telescopes)
