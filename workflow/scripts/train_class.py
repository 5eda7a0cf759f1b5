"""Train classifiers of gamma rays."""

from iactflow.campaign.job import run_job
from iactflow.discrimination.stages.train_class import train_class

run_job(snakemake, train_class)
