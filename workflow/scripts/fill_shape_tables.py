"""Fill tables of shapes and energies."""

from iactflow.campaign.job import run_job
from iactflow.discrimination.stages.fill_shape_tables import fill_shape_tables

run_job(snakemake, fill_shape_tables)
