"""Make the instrument responses of a node."""

from iactflow.campaign.job import run_job
from iactflow.response.stages.make_responses import make_responses

run_job(snakemake, make_responses)
