"""Compare the two chains."""

from iactflow.crosscheck.compare import compare_products

from iactflow.campaign.job import run_job

run_job(snakemake, compare_products)
