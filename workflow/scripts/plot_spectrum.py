"""Draw the spectrum of a target."""

from iactflow.figures.spectrum import plot_spectrum

from iactflow.campaign.job import run_job

run_job(snakemake, plot_spectrum)
