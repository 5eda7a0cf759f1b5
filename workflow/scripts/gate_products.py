"""Fail when the two chains disagree."""

from iactflow.crosscheck.gate import gate_products

from iactflow.campaign.job import run_job

run_job(snakemake, gate_products)
