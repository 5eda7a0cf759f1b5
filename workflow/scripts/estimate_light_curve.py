"""Estimate a light curve."""

from iactflow.campaign.job import run_job
from iactflow.science.stages.light_curves import estimate_light_curve

run_job(snakemake, estimate_light_curve)
