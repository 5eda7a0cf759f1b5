"""Generate interactions of hadrons with air, and their cross-sections."""

from iactflow.campaign.job import run_job
from iactflow.shower.hadrons.stages import make_hadron_pool

run_job(snakemake, make_hadron_pool)
