"""Make the sky map of a target in one energy band."""

from iactflow.campaign.job import run_job
from iactflow.science.stages.sky_maps import make_sky_map

run_job(snakemake, make_sky_map)
