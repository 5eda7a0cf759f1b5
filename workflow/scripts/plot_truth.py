"""Draw the results of mock data against what was injected."""

from iactflow.campaign.job import run_job
from iactflow.figures.truth import plot_truth

run_job(snakemake, plot_truth)
