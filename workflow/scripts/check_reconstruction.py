"""Repeat a part with ctapipe, and compare."""

from iactflow.campaign.job import run_job
from iactflow.crosscheck.reconstruction import check_reconstruction

run_job(snakemake, check_reconstruction)
