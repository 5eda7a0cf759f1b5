"""Write the input card of CORSIKA for a chunk of showers."""

from iactflow.campaign.job import run_job
from iactflow.telescope.stages.corsika import render_corsika_card

run_job(snakemake, render_corsika_card)
