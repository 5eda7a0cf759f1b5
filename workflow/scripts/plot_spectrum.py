"""Draw the spectrum of a target."""

from iactflow.campaign.job import run_job
from iactflow.figures.spectrum import plot_spectrum

run_job(snakemake, plot_spectrum)
