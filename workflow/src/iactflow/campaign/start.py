"""What the Snakefile does first: a checked campaign, or one line and no job."""

from __future__ import annotations

import sys
from pathlib import Path

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
                check_image(campaign)
            hold_campaign(campaign.paths.root)
    except InputError as error:
        sys.exit(f"iactflow: {error}")
    return campaign


def check_image(campaign: LoadedCampaign) -> None:
    """Check that a local image exists; a missing one would fail in every job.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.

    Raises
    ------
    InputError
        If the image is a path, not an address, and nothing is there.
    """
    image = campaign.model.image
    if "://" not in image and not Path(image).exists():
        allowed = "an existing image (make image builds containers/iactflow.sif) or its address"
        raise InputError(campaign.file, "image", image, allowed)
