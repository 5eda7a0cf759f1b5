"""Write the run list of a target."""

from iactflow.campaign.job import run_job
from iactflow.dl3.select import select_observations

run_job(snakemake, select_observations)
