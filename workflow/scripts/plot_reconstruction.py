"""Draw the figures of a reconstructed sample."""

from iactflow.campaign.job import run_job
from iactflow.figures.reconstruction import plot_reconstruction

run_job(snakemake, plot_reconstruction)
