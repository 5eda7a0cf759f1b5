"""Extract the spectra of a chunk of runs."""

from iactflow.science.stages.extract_spectra import extract_spectra

from iactflow.campaign.job import run_job

run_job(snakemake, extract_spectra)
