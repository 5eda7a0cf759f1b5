"""Targets of the reference analyses in the form of the campaign, and their runs."""

from __future__ import annotations

from functools import cache

import yaml

from iactflow.campaign.directions import separation_deg
from iactflow.io.gadf import find_files, read_obs_index

AXIS = {"min": 0.1, "max": 100, "bins": 72}
AXIS_TRUE = {"min": 0.05, "max": 150, "bins": 83}
SAFE_RANGE = {"file_threshold": True, "effective_area_min_fraction": 0.1}


def _axis(axis):
    return {
        "energy_min_tev": float(axis["min"]),
        "energy_max_tev": float(axis["max"]),
        "n_bins": axis["bins"],
    }


def _target(block):
    axis = block.get("energy_axis") or AXIS | {"true": AXIS_TRUE}
    exclusion = [] if block["exclusion"] == "none" else block["exclusion"]
    return {
        "position": {"ra_deg": block["centre"][0], "dec_deg": block["centre"][1]},
        "exclusion_regions": [
            {"ra_deg": e["centre"][0], "dec_deg": e["centre"][1], "radius_deg": e["radius"]}
            for e in exclusion
        ],
        "spectrum": {
            "on_radius_deg": block["on_radius"],
            "containment_correction": block["containment_correction"],
            "min_off_regions": 1,
            "energy_axis": _axis(axis),
            "energy_axis_true": _axis(axis.get("true", axis)),
            "safe_range": SAFE_RANGE,
            "models": [{"model": "pl", "name": None}],
        },
    }


@cache
def reference_targets(data_dir):
    """Targets by name."""
    blocks = yaml.safe_load((data_dir / "reference" / "targets.yaml").read_text())
    return {name: _target(block) | {"runs": block["runs"]} for name, block in blocks.items()}


def reference_runs(data_dir, dr1, name):
    """Files of a target's runs by run number."""
    target, files, index = reference_targets(data_dir)[name], find_files(dr1), read_obs_index(dr1)
    wanted = target["runs"]
    if not isinstance(wanted, list):
        position = target["position"]
        radius_deg = 2.0 if name == "pks2155_flare" else 2.5
        near = (
            separation_deg(
                index["RA_PNT"], index["DEC_PNT"], position["ra_deg"], position["dec_deg"]
            )
            < radius_deg
        )
        if name == "pks2155_flare":
            near &= index["DATE-OBS"].isin(["2006-07-29", "2006-07-30"])
        wanted = index["OBS_ID"][near]
    return {int(run): files[int(run)] for run in wanted}
