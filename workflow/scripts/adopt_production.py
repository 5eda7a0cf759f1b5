"""Take over a frozen production."""

from iactflow.campaign.adopt import adopt_production
from iactflow.campaign.job import run_job

run_job(snakemake, adopt_production, verbatim=True)
