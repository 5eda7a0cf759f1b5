"""Extract the spectra of a chunk of runs."""

from iactflow.campaign.job import run_job
from iactflow.science.stages.extract_spectra import extract_spectra

run_job(snakemake, extract_spectra)
