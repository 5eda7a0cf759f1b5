"""Draw the figures of the telescopes' optics."""

from iactflow.campaign.job import run_job
from iactflow.figures.optics_of_production import plot_optics

run_job(snakemake, plot_optics)
