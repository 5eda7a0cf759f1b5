"""Index the mock runs."""

from iactflow.dl3.stages import index_dl3

from iactflow.campaign.job import run_job

run_job(snakemake, index_dl3)
