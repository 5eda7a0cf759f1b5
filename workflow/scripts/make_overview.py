"""Write the overview page."""

from iactflow.report.overview import make_overview

from iactflow.campaign.job import run_job

run_job(snakemake, make_overview)
