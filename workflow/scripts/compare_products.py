"""Compare the two chains."""

from iactflow.campaign.job import run_job
from iactflow.crosscheck.compare import compare_products

run_job(snakemake, compare_products)
