"""Make the spectrum of a target by gammapy."""

from iactflow.campaign.job import run_job
from iactflow.crosscheck.gammapy_spectrum import check_spectrum

run_job(snakemake, check_spectrum)
