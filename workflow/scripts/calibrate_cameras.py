"""Coefficients of cameras from their pedestal and flat-field events."""

from iactflow.calibration.stages.calibrate_cameras import calibrate_cameras
from iactflow.campaign.job import run_job

run_job(snakemake, calibrate_cameras)
