"""Sample a chunk of mock runs."""

from iactflow.campaign.job import run_job
from iactflow.dl3.stages import simulate_dl3

run_job(snakemake, simulate_dl3)
