"""What the rule of event lists of reconstructed data calls."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from iactflow.discrimination.rows import files_of
from iactflow.dl3.mock_cards import array_cards
from iactflow.dl3.real_events import Pointing, make_observation
from iactflow.dl3.rotation import unit_vectors, vector_angles_deg
from iactflow.dl3.run_responses import run_responses
from iactflow.errors import InputError
from iactflow.io.gadf_write import write_indices, write_observation
from iactflow.io.root import read_table
from iactflow.response.samples import DIRECTIONS, ENERGIES
from iactflow.response.selection import cuts_from_settings, read_cuts

__all__ = ["select_events"]

COLUMNS = (
    *("obs_id", "event_id", "time_s", "time_qns", "is_valid"),
    *("mean_scaled_width", "mean_scaled_length", "gammaness", "multiplicity"),
)


def select_events(inputs, outputs, params, wildcards) -> None:
    """Write the event lists of a sample of reconstructed data, a file per run, and their indices.

    Parameters
    ----------
    inputs : namespace
        ``events``: folders of DL2 events; ``responses``: GADF files; ``cuts``: JSON file, or none.
    outputs : namespace
        ``dl3``: folder to make.
    params : namespace
        ``settings``: block ``dl3`` of the campaign; ``cuts``: block of the campaign's cuts, where
        there is no file; ``estimators``: ``energy`` and ``direction``, as of
        `iactflow.response.samples.read_sample`.
    wildcards : namespace
        ``sample``.

    Raises
    ------
    InputError
        If the runs are no data on the sky, or lack a place, a pointing or responses.
    """
    folder, settings = Path(outputs.dl3), params.settings
    folder.mkdir(parents=True, exist_ok=True)
    given = getattr(inputs, "cuts", None) or []
    given = [given] if isinstance(given, str | Path) else given
    cuts = read_cuts(given[0]) if given else cuts_from_settings(params.cuts)
    files, written = files_of(inputs.events), []
    nodes = inputs.responses
    nodes = [nodes] if isinstance(nodes, str | Path) else nodes
    responses = partial(_responses, nodes, settings["responses_reach_deg"])
    array = array_cards(files[0], "iactflow")
    site = array["GEOLON"], array["GEOLAT"], array["ALTITUDE"]
    runs = _runs(files, **params.estimators)
    for obs_id, (events, pointing) in sorted(runs.items()):
        observation, cards = make_observation(
            events, pointing, site, cuts, settings, responses, f"run {obs_id}"
        )
        cards = {**array, "OBJECT": settings["target_name"], **cards}
        cards |= {"TELESCOP": settings["telescope"], "INSTRUME": array["TELESCOP"]}
        written.append(folder / f"run_{obs_id:06d}.fits.gz")
        write_observation(observation, written[-1], cards)
    write_indices(folder, written)


def _responses(files, reach_deg, conditions):
    return run_responses(files, conditions, reach_deg)


def _runs(files: list[Path], energy: str, direction: str) -> dict[int, tuple[dict, Pointing]]:
    """Events and pointings by run; a run may stand in several files."""
    alt, az = DIRECTIONS[direction]
    estimated = {"energy_tev": ENERGIES[energy], "alt_deg": alt, "az_deg": az}
    events: dict[int, list] = {}
    pointings: dict[int, list] = {}
    for file in files:
        columns = read_table(file, "events_dl2", (*COLUMNS, *estimated.values()))
        columns |= {name: columns.pop(own) for name, own in estimated.items()}
        if len(columns["time_s"]) and not np.all(columns["time_s"] > 0):
            raise InputError(file, "events_dl2.time_s", 0, "real times: simulations have none")
        table = read_table(file, "pointing")
        for run in np.unique(columns["obs_id"]):
            mine, rows = columns["obs_id"] == run, table["obs_id"] == run
            if not rows.any():
                raise InputError(file, "pointing", f"none of run {run}", "a pointing of every run")
            events.setdefault(int(run), []).append({k: v[mine] for k, v in columns.items()})
            pointings.setdefault(int(run), []).append({k: v[rows] for k, v in table.items()})
    return {run: (_joined(parts), _pointing(pointings[run])) for run, parts in events.items()}


def _joined(parts: list[dict]) -> dict:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _pointing(parts: list[dict]) -> Pointing:
    """Mean direction of the telescopes at every time that any of them reports."""
    table = _joined(parts)
    time_s = table["time_s"] + table["time_qns"] * 0.25e-9
    times, place = np.unique(time_s, return_inverse=True)
    vectors = unit_vectors(table["azimuth_deg"], table["altitude_deg"])
    total = np.stack([np.bincount(place, weights=v) for v in vectors.T], axis=-1)
    az_deg, alt_deg = vector_angles_deg(total)
    return Pointing(times, alt_deg, az_deg)
