"""The runs of a mock campaign: pointings and times, known before anything is sampled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from iactflow.campaign.runs import COLUMNS
from iactflow.errors import InputError

__all__ = [
    "CONDITIONS",
    "mock_run_file",
    "mock_run_table",
    "run_conditions",
    "run_span_s",
    "sources_of",
    "wobble_pointing_deg",
]

#: Keys of the block ``mock`` that runs take in turn.
CONDITIONS = ("zenith_deg", "azimuth_deg", "nsb_factor", "throughput")


def sources_of(settings: dict) -> list[dict]:
    """Injected sources.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.

    Returns
    -------
    list of dict
        The one of ``source``, or those of ``sources``.
    """
    return settings["sources"] or [settings["source"]]


def run_conditions(settings: dict, obs_id: int) -> dict:
    """Conditions of a run; where the campaign gives several, runs take them in turn.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int
        Number of the run, from 1.

    Returns
    -------
    dict
        ``zenith_deg``, ``azimuth_deg``, ``nsb_factor``, ``throughput``.
    """
    found = {}
    for key in CONDITIONS:
        value = settings[key]
        found[key] = float(value[(obs_id - 1) % len(value)] if isinstance(value, list) else value)
    return found


def run_span_s(settings: dict, obs_id) -> tuple:
    """Start and stop of runs since the start of the first.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int or ndarray of shape (n,)
        Numbers of the runs, from 1.

    Returns
    -------
    tuple of float or ndarray of shape (n,)
        Start and stop, s.
    """
    start_s = (obs_id - 1) * (settings["run_duration_s"] + settings["gap_s"])
    return start_s, start_s + settings["run_duration_s"]


def mock_run_file(obs_id: int) -> str:
    """Name of a run's file inside the folder of its chunk.

    Parameters
    ----------
    obs_id : int
        Number of the run.

    Returns
    -------
    str
        File name.
    """
    return f"run_{obs_id:06d}.fits.gz"


def wobble_pointing_deg(settings: dict, obs_id) -> tuple:
    """Pointing of a run: beside the source in declination, to either side in turn.

    Beside ``wobble_centre`` where the campaign gives one.

    Odd runs point to the north, even ones to the south, so that a reflected region of one run
    lies where the source stood in the camera in the next.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int or ndarray of shape (n,)
        Numbers of the runs, from 1.

    Returns
    -------
    tuple of float or ndarray of shape (n,)
        Right ascension and declination, ICRS, deg.

    Raises
    ------
    InputError
        If the wobble would step over a pole.
    """
    position = settings["wobble_centre"] or sources_of(settings)[0]["position"]
    offset = settings["wobble_offset_deg"]
    if abs(position["dec_deg"]) + offset > 90:
        raise InputError(
            "campaign", "mock.wobble_offset_deg", offset, "an offset that does not cross a pole"
        )
    north = np.asarray(obs_id) % 2 == 1
    dec_deg = position["dec_deg"] + np.where(north, offset, -offset)
    ra_deg = np.broadcast_to(float(position["ra_deg"]), dec_deg.shape)
    return (ra_deg, dec_deg) if dec_deg.ndim else (float(ra_deg), float(dec_deg))


def mock_run_table(settings: dict, runs_per_job: int) -> pd.DataFrame:
    """Table of all runs of a mock campaign.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    runs_per_job : int
        Runs in one chunk; decides the folder of a run's file and nothing else.

    Returns
    -------
    pandas.DataFrame
        One row per run, ``obs_id`` from 1 upwards; the columns of a run table, ``file`` relative
        to the root of the mock data.

    Raises
    ------
    InputError
        If the wobble would step over a pole.
    """
    obs_ids = np.arange(1, settings["n_runs"] + 1)
    ra_deg, dec_deg = wobble_pointing_deg(settings, obs_ids)
    period_s = settings["run_duration_s"] + settings["gap_s"]
    start = pd.Timestamp(settings["start"]) + pd.to_timedelta((obs_ids - 1) * period_s, unit="s")
    stop = start + pd.to_timedelta(settings["run_duration_s"], unit="s")
    columns = {
        "obs_id": obs_ids,
        "target_name": "mock source",
        "ra_pnt_deg": ra_deg,
        "dec_pnt_deg": dec_deg,
        "zenith_deg": [run_conditions(settings, i)["zenith_deg"] for i in obs_ids.tolist()],
        "start_utc": start.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3],
        "stop_utc": stop.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3],
        "livetime_s": settings["run_duration_s"] * (1.0 - settings["dead_time_fraction"]),
        "file": [f"{(i - 1) // runs_per_job:05d}/{mock_run_file(i)}" for i in obs_ids.tolist()],
    }
    return pd.DataFrame(columns)[list(COLUMNS)]
