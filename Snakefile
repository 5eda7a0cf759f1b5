"""From air showers to reconstructed events, and from event lists to sky maps, by two chains."""

from snakemake.utils import min_version

from iactflow.campaign.costs import keep_costs
from iactflow.campaign.image import image_path
from iactflow.campaign.paths import WILDCARDS
from iactflow.campaign.start import start_campaign
from iactflow.campaign.storage import register_storage
from iactflow.campaign.targets import Targets

min_version("9.14")

campaign = start_campaign(config, workflow)
targets = Targets(campaign)
P = campaign.paths
placed = register_storage(campaign, workflow)


container: image_path(campaign.model.image)


report: "workflow/report/overview.rst"


wildcard_constraints:
    **WILDCARDS,


rule all:
    """Everything, and the gate: fails when the two chains disagree."""
    input:
        placed(targets.products),
        targets.gate,
    localrule: True


include: "workflow/rules/common.smk"
include: "workflow/rules/report.smk"


for name in targets.rules:

    include: f"workflow/rules/{name}.smk"


onsuccess:
    keep_costs(campaign)
