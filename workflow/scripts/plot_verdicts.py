"""Draw the verdicts."""

from iactflow.figures.verdicts import plot_verdicts

from iactflow.campaign.job import run_job

run_job(snakemake, plot_verdicts)
