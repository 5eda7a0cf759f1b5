"""Verdicts on instrument responses: largest differences of the main chain from pyirf."""

from __future__ import annotations

from collections.abc import Mapping

from iactflow.crosscheck.verdicts import Verdict

__all__ = ["response_verdicts"]

# Responses, and the tolerances that they are held to.
TOLERANCES = {
    "effective_area": "effective_area_fraction",
    "energy_dispersion": "energy_dispersion_fraction",
    "point_spread": "point_spread_fraction",
    "angular_resolution": "point_spread_fraction",
    "background": "background_fraction",
}


def response_verdicts(node: str, found: Mapping, tolerances: Mapping) -> list[Verdict]:
    """Judge what `iactflow.crosscheck.pyirf_responses.check_responses` found.

    Parameters
    ----------
    node : str
        Name of the node.
    found : mapping
        Its JSON; empty where it is missing, which fails.
    tolerances : mapping
        Block of the campaign.

    Returns
    -------
    list of Verdict
        Events of both chains; differences against 0. A response without a filled bin fails.
    """
    if not found:
        return [Verdict(node, "responses", "made", 0.0, 1.0, 0.0, False)]
    events = found["n_events"]
    counts = float(events["main"]), float(events["check"])
    rows = [Verdict(node, "responses", "n_events", *counts, 0.0, counts[0] == counts[1])]
    for name, key in TOLERANCES.items():
        if name not in found:
            continue
        difference, limit = float(found[name]["difference"]), float(tolerances[key])
        # Few events give no resolution: that is no failure of one of the chains.
        filled = found[name]["n_bins"] > 0 or name == "angular_resolution"
        passed = bool(filled and difference <= limit)
        quantity = f"{name}, largest of {found[name]['n_bins']} relative differences"
        rows.append(Verdict(node, "responses", quantity, difference, 0.0, limit, passed))
    return rows
