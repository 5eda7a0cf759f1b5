"""Simulate a chunk of showers up to raw camera data."""

from iactflow.campaign.job import run_job
from iactflow.telescope.stages.events import simulate_events

run_job(snakemake, simulate_events)
