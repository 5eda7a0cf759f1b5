"""The rule that writes the run list of a target."""

from __future__ import annotations

import pandas as pd

from iactflow.campaign.runs import angular_separation_deg

__all__ = ["select_observations"]


def select_observations(inputs, outputs, params, wildcards) -> None:
    """Write the run list of a target, with the offset of each pointing from it.

    Parameters
    ----------
    inputs : namespace
        Empty: the runs were selected when the campaign was validated.
    outputs : namespace
        ``observations``: TSV file.
    params : namespace
        ``settings``: the target; ``runs``: rows of the run table.
    wildcards : namespace
        ``target``.
    """
    table = pd.DataFrame(params.runs)
    position = params.settings["position"]
    table["offset_deg"] = angular_separation_deg(
        table["ra_pnt_deg"], table["dec_pnt_deg"], position["ra_deg"], position["dec_deg"]
    ).round(6)
    table.to_csv(outputs.observations, sep="\t", index=False)
