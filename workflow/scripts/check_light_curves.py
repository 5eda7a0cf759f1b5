"""Make the light curves of a target by gammapy."""

from iactflow.campaign.job import run_job
from iactflow.crosscheck.gammapy_light_curve import check_light_curves

run_job(snakemake, check_light_curves)
