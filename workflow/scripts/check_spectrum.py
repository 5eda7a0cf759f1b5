"""Make the spectrum of a target by gammapy."""

from iactflow.crosscheck.gammapy_spectrum import check_spectrum

from iactflow.campaign.job import run_job

run_job(snakemake, check_spectrum)
