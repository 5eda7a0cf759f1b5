"""What the Snakefile does first: a checked campaign, or one line and no job."""

from __future__ import annotations

import sys

from iactflow.campaign.image import check_image
from iactflow.campaign.load import LoadedCampaign, load_campaign
from iactflow.campaign.lock import hold_campaign
from iactflow.errors import InputError

__all__ = ["start_campaign"]


def start_campaign(config: dict, workflow) -> LoadedCampaign:
    """Load a campaign for a Snakemake run, and hold its folder until the process ends.

    Parameters
    ----------
    config : dict
        Merged configuration.
    workflow : snakemake.workflow.Workflow
        Read from it: ``configfiles``, ``basedir``, ``is_main_process``, ``dryrun`` and
        ``deployment_settings``.

    Returns
    -------
    LoadedCampaign
        The campaign.

    Raises
    ------
    SystemExit
        With one line and status 1 for bad input: no traceback, no job.
    """
    try:
        campaign = load_campaign(config, workflow.configfiles, workflow.basedir)
        if workflow.is_main_process and not workflow.dryrun:
            methods = workflow.deployment_settings.deployment_method
            if "apptainer" in {str(method).lower() for method in methods}:
                check_image(campaign.model.image, campaign.file)
            hold_campaign(campaign.paths.root)
    except InputError as error:
        sys.exit(f"iactflow: {error}")
    return campaign
