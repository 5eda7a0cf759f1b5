"""Draw the graph of the rules as they ran."""

from iactflow.campaign.job import run_job
from iactflow.figures.rule_graph import plot_rule_graph

run_job(snakemake, plot_rule_graph)
