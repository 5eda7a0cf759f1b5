"""Fill the maps of a chunk of runs."""

from iactflow.campaign.job import run_job
from iactflow.science.stages.sky_maps import fill_sky_map

run_job(snakemake, fill_sky_map)
