"""The rule that writes the run list of a target."""

from __future__ import annotations

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.load import open_run_table

__all__ = ["select_observations"]


def select_observations(inputs, outputs, params, wildcards) -> None:
    """Write the run list of a target, with the offset of each pointing from it.

    Parameters
    ----------
    inputs : namespace
        ``table``: run table; empty for mock runs.
    outputs : namespace
        ``observations``: TSV file.
    params : namespace
        ``settings``: the target; ``mock_source``: mock runs, or None; ``obs_ids``: the runs of
        the target, selected when the campaign was validated.
    wildcards : namespace
        ``target``.
    """
    table = open_run_table(inputs.table, params.mock_source).loc[params.obs_ids].copy()
    position = params.settings["position"]
    table["offset_deg"] = separation_deg(
        table["ra_pnt_deg"], table["dec_pnt_deg"], position["ra_deg"], position["dec_deg"]
    ).round(6)
    table.to_csv(outputs.observations, sep="\t", index=False)
