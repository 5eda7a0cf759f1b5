"""Make the sky maps of a target by gammapy."""

from iactflow.campaign.job import run_job
from iactflow.crosscheck.gammapy_maps import check_sky_maps

run_job(snakemake, check_sky_maps)
