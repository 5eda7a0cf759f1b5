"""Draw tables of shapes and energies."""

from iactflow.campaign.job import run_job
from iactflow.figures.shape_tables import plot_shape_tables

run_job(snakemake, plot_shape_tables)
