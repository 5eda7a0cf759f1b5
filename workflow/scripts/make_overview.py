"""Write the overview page."""

from iactflow.campaign.job import run_job
from iactflow.report.overview import make_overview

run_job(snakemake, make_overview)
