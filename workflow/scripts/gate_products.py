"""Fail when the two chains disagree."""

from iactflow.campaign.job import run_job
from iactflow.crosscheck.gate import gate_products

run_job(snakemake, gate_products)
