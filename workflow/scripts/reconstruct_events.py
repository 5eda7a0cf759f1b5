"""Energies and classes of events: DL2."""

from iactflow.campaign.job import run_job
from iactflow.discrimination.stages.reconstruct_events import reconstruct_events

run_job(snakemake, reconstruct_events)
