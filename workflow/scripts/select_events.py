"""Write the event lists of a sample of reconstructed data."""

from iactflow.campaign.job import run_job
from iactflow.dl3.event_lists import select_events

run_job(snakemake, select_events)
