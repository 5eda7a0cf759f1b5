"""Draw a light curve."""

from iactflow.campaign.job import run_job
from iactflow.figures.light_curve import plot_light_curve

run_job(snakemake, plot_light_curve)
