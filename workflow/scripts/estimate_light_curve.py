"""Estimate a light curve."""

from iactflow.science.stages.light_curves import estimate_light_curve

from iactflow.campaign.job import run_job

run_job(snakemake, estimate_light_curve)
