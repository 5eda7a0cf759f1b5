"""Draw the figures of a production."""

from iactflow.campaign.job import run_job
from iactflow.figures.simulation import plot_simulation

run_job(snakemake, plot_simulation)
