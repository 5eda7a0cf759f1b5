"""Draw a sky map."""

from iactflow.campaign.job import run_job
from iactflow.figures.sky_map import plot_sky_map

run_job(snakemake, plot_sky_map)
