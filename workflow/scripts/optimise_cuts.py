"""Write the cuts on events."""

from iactflow.campaign.job import run_job
from iactflow.response.stages.optimise_cuts import optimise_cuts

run_job(snakemake, optimise_cuts)
