"""Draw the performance of a node."""

from iactflow.campaign.job import run_job
from iactflow.figures.performance import plot_performance

run_job(snakemake, plot_performance)
