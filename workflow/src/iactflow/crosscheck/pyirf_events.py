"""DL2 events for pyirf: read through uproot, cut with numpy, in pyirf's names and units.

Nothing of the main chain is used; what was thrown is in `iactflow.crosscheck.pyirf_thrown`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import astropy.units as u
import numpy as np
import uproot
from astropy.coordinates import (
    SphericalRepresentation,
    UnitSphericalRepresentation,
    angular_separation,
)
from astropy.table import QTable, vstack

from iactflow.campaign.schema_reconstruction import SPLITS
from iactflow.crosscheck.pyirf_thrown import SPLIT, ThrownRun, thrown_in_file
from iactflow.errors import InputError

__all__ = ["CheckedSample", "cut_events", "read_sample"]

COLUMNS = (
    *("obs_id", "event_id", "is_valid", "energy_tev", "energy_forest_tev", "alt_deg", "az_deg"),
    *("alt_forest_deg", "az_forest_deg", "mean_scaled_width", "mean_scaled_length", "gammaness"),
    *("multiplicity", "split", "true_energy_tev", "true_alt_deg", "true_az_deg"),
)


class CheckedSample(NamedTuple):
    """Events and what was thrown.

    Attributes
    ----------
    events : QTable
        In pyirf's names: ``true_energy``, ``reco_energy``, ``theta``, ``true_source_fov_offset``,
        ``reco_source_fov_offset``; and the columns that cuts look at.
    runs : dict of tuple of int to ThrownRun
        By run and particle.
    """

    events: QTable
    runs: dict[tuple[int, int], ThrownRun]


def read_sample(folders: list[str], settings: Mapping) -> CheckedSample:
    """Read the events of a sample at a node.

    Parameters
    ----------
    folders : list of str
        Folders of DL2 events.
    settings : mapping
        ``level``, ``energy``, ``direction`` of the node; ``energy_edges_tev``,
        ``offset_edges_deg``, bins that thrown events are counted in.

    Returns
    -------
    CheckedSample
        Events of the split test_irfs.

    Raises
    ------
    InputError
        If no file has the level of the night sky.
    """
    tables, runs = [], {}
    for path in (p for folder in folders for p in sorted(Path(folder).glob("*.root"))):
        with uproot.open(path) as file:
            metadata = json.loads(str(file["_header"]))["metadata"]
            if float(metadata.get("nsb_factor", 1.0)) != settings["level"]:
                continue
            tables.append(_events(file, settings))
            truth = ("obs_id", "particle_id", "shower_id", "true_energy_tev")
            given = [_read(file, name) for name in ("simulation_runs", "thrown_events")]
            given.append(_read(file, "simulated_events", truth))
            for key, found in thrown_in_file(*given, metadata, settings).items():
                runs[key] = runs[key].plus(found) if key in runs else found
    if not tables:
        raise InputError("check of responses", "level", settings["level"], "a level of the files")
    return CheckedSample(vstack(tables, metadata_conflicts="silent"), runs)


def _read(file, name: str, columns=None) -> dict[str, np.ndarray]:
    present = file[name].keys()
    arrays = file[name].arrays([c for c in columns or present if c in present])
    return {field: np.asarray(arrays[field]) for field in arrays.fields}


def _events(file, settings: Mapping) -> QTable:
    found = _read(file, "events_dl2", COLUMNS)
    truth = _read(file, "simulated_events", ("obs_id", "event_id", "particle_id"))
    particle = dict(
        zip(
            zip(truth["obs_id"].tolist(), truth["event_id"].tolist(), strict=True),
            truth["particle_id"].tolist(),
            strict=True,
        )
    )
    keys = zip(found["obs_id"].tolist(), found["event_id"].tolist(), strict=True)
    found["particle_id"] = np.array([particle[key] for key in keys], dtype=int)
    mine = found["split"] == SPLITS.index(SPLIT)
    found = {name: values[mine] for name, values in found.items()}
    forest = "_forest" if settings["direction"] == "forest" else ""
    alt, az = found[f"alt{forest}_deg"] * u.deg, found[f"az{forest}_deg"] * u.deg
    true_alt, true_az = found["true_alt_deg"] * u.deg, found["true_az_deg"] * u.deg
    zenith, azimuth = _pointing(file, found["obs_id"])
    energy = "energy_forest_tev" if settings["energy"] == "forest" else "energy_tev"
    table = QTable()
    table["true_energy"] = found["true_energy_tev"] * u.TeV
    table["reco_energy"] = found[energy] * u.TeV
    table["theta"] = angular_separation(az, alt, true_az, true_alt).to(u.deg)
    here = azimuth, 90 * u.deg - zenith
    table["true_source_fov_offset"] = angular_separation(true_az, true_alt, *here).to(u.deg)
    table["reco_source_fov_offset"] = angular_separation(az, alt, *here).to(u.deg)
    shapes = ("mean_scaled_width", "mean_scaled_length", "gammaness")
    for name in ("obs_id", "particle_id", "is_valid", "multiplicity", *shapes):
        table[name] = found[name]
    table["zenith_deg"] = zenith.to_value(u.deg)
    return table


def _pointing(file, obs_id: np.ndarray):
    """Zenith angle and azimuth of the pointing in the runs of events: the mean of telescopes."""
    table = _read(file, "pointing", ("obs_id", "altitude_deg", "azimuth_deg"))
    alt, az = (table[name] * u.deg for name in ("altitude_deg", "azimuth_deg"))
    vectors = UnitSphericalRepresentation(az, alt).to_cartesian()
    zenith, azimuth = np.empty(len(obs_id)) * u.deg, np.empty(len(obs_id)) * u.deg
    for run in np.unique(obs_id):
        mean = vectors[table["obs_id"] == run].mean().represent_as(SphericalRepresentation)
        zenith[obs_id == run], azimuth[obs_id == run] = 90 * u.deg - mean.lat, mean.lon
    return zenith, azimuth


def cut_events(events: QTable, cuts: Mapping, settings: Mapping) -> QTable:
    """Events that pass cuts.

    Parameters
    ----------
    events : QTable
        Of `read_sample`.
    cuts : mapping
        ``bands``: list of limits, as the summary of the main chain states them.
    settings : mapping
        ``zenith_deg``, ``multiplicity_min``, ``multiplicity_max`` of the node.

    Returns
    -------
    QTable
        Rows.
    """
    energy = events["reco_energy"].to_value(u.TeV)
    keep = events["is_valid"] & np.isfinite(energy)
    lowest = max(
        (b.get("zenith_min_deg", 0.0) for b in cuts["bands"]
         if b.get("zenith_min_deg", 0.0) <= settings["zenith_deg"]),
        default=min(b.get("zenith_min_deg", 0.0) for b in cuts["bands"]),
    )  # fmt: skip
    bands = [b for b in cuts["bands"] if b.get("zenith_min_deg", 0.0) == lowest]
    inner = [band["energy_max_tev"] for band in bands[:-1]]
    place = np.searchsorted(inner, energy, side="right")
    passed = np.zeros(len(events), dtype=bool)
    for i, band in enumerate(bands):
        passed |= (place == i) & _inside(events, band)
    for name, sign in (("multiplicity_min", 1), ("multiplicity_max", -1)):
        if settings[name] is not None:
            keep &= sign * events["multiplicity"] >= sign * settings[name]
    return events[keep & passed]


def _inside(events: QTable, band: Mapping) -> np.ndarray:
    columns = {
        "mean_scaled_width": events["mean_scaled_width"],
        "mean_scaled_length": events["mean_scaled_length"],
        "gammaness": events["gammaness"],
        "multiplicity": events["multiplicity"],
        "offset": events["reco_source_fov_offset"].to_value(u.deg),
    }
    inside = np.ones(len(events), dtype=bool)
    for name, values in columns.items():
        low, high = band.get(f"{name}_min"), band.get(f"{name}_max", band.get(f"{name}_max_deg"))
        if low is not None:
            inside &= values >= low
        if high is not None:
            inside &= values <= high
    return inside
