"""Index the mock runs."""

from iactflow.campaign.job import run_job
from iactflow.dl3.stages import index_dl3

run_job(snakemake, index_dl3)
