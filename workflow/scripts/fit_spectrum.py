"""Fit the spectrum of a target."""

from iactflow.campaign.job import run_job
from iactflow.science.stages.fit_spectrum import fit_spectrum

run_job(snakemake, fit_spectrum)
