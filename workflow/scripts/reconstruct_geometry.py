"""Calibrated images and geometry of a part of a sample."""

from iactflow.campaign.job import run_job
from iactflow.stereo.stages.reconstruct_geometry import reconstruct_geometry

run_job(snakemake, reconstruct_geometry)
