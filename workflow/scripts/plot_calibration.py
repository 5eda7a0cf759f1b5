"""Draw the calibration of cameras."""

from iactflow.campaign.job import run_job
from iactflow.figures.calibration import plot_calibration

run_job(snakemake, plot_calibration)
