"""Train forests for the energy."""

from iactflow.campaign.job import run_job
from iactflow.discrimination.stages.train_energy import train_energy

run_job(snakemake, train_energy)
