"""Train forests for the direction."""

from iactflow.campaign.job import run_job
from iactflow.discrimination.stages.train_direction import train_direction

run_job(snakemake, train_direction)
