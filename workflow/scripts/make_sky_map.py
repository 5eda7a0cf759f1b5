"""Make the sky map of a target in one energy band."""

from iactflow.science.stages.sky_maps import make_sky_map

from iactflow.campaign.job import run_job

run_job(snakemake, make_sky_map)
