"""Sample a chunk of mock runs."""

from iactflow.dl3.stages import simulate_dl3

from iactflow.campaign.job import run_job

run_job(snakemake, simulate_dl3)
