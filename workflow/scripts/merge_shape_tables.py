"""Add tables of shapes up."""

from iactflow.campaign.job import run_job
from iactflow.discrimination.stages.merge_shape_tables import merge_shape_tables

run_job(snakemake, merge_shape_tables)
