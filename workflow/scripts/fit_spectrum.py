"""Fit the spectrum of a target."""

from iactflow.science.stages.fit_spectrum import fit_spectrum

from iactflow.campaign.job import run_job

run_job(snakemake, fit_spectrum)
