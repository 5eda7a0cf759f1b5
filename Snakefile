"""From air showers to raw camera data, and from DL3 event lists to sky maps by two chains."""

from snakemake.utils import min_version

from iactflow.campaign.paths import WILDCARDS
from iactflow.campaign.start import start_campaign
from iactflow.campaign.targets import Targets

min_version("9.14")

campaign = start_campaign(config, workflow)
targets = Targets(campaign)
P = campaign.paths


container: campaign.model.image


report: "workflow/report/overview.rst"


wildcard_constraints:
    **WILDCARDS,


rule all:
    """Everything, and the gate: fails when the two chains disagree."""
    input:
        targets.products,
        targets.gate,
    localrule: True


include: "workflow/rules/common.smk"
include: "workflow/rules/report.smk"


for name in campaign.simulations.rules:

    include: f"workflow/rules/{name}.smk"


if campaign.targets:

    include: "workflow/rules/select.smk"
    include: "workflow/rules/skymap.smk"
    include: "workflow/rules/spectrum.smk"
    include: "workflow/rules/lightcurve.smk"
    include: "workflow/rules/crosscheck.smk"


if campaign.is_mock:

    include: "workflow/rules/mock.smk"


if campaign.fetches:

    include: "workflow/rules/fetch.smk"
