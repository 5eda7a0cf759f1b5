"""Draw the verdicts."""

from iactflow.campaign.job import run_job
from iactflow.figures.verdicts import plot_verdicts

run_job(snakemake, plot_verdicts)
