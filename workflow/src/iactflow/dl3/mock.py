"""Mock runs: pointing, times, events of all sources and of the background, responses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from iactflow.campaign.mock_runs import (
    run_conditions,
    sources_of,
    wobble_pointing_deg,
)
from iactflow.campaign.mock_truth import TIME_REFERENCE_MJD, run_start_s
from iactflow.campaign.streams import StreamKey
from iactflow.dl3.from_responses import sample_background, sample_source
from iactflow.dl3.sky_model import to_sky_deg
from iactflow.io.observation import Observation
from iactflow.response.parametrised import responses

__all__ = [
    "assemble",
    "background_columns",
    "run_livetime_s",
    "sample_observation",
]

STAGE = "dl3_mock"


def sample_observation(settings: dict, seed: int, obs_id: int, tables=None) -> Observation:
    """Draw one run from responses, and from its own random streams.

    A single source is drawn from the stream of the run, before the background; each of several
    has a stream of its own, so that another one changes nothing of the rest.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    seed : int
        Seed of the campaign.
    obs_id : int
        Number of the run, from 1.
    tables : Responses, optional
        Responses of the run; by default those of the published parametrisations.

    Returns
    -------
    Observation
        Events sorted by time, one good time interval, responses; times in TT. It depends on the
        arguments alone, whatever runs are drawn beside it.

    Raises
    ------
    InputError
        If the source has no cut-off where its model needs one, or the wobble offset leaves the
        field of view.
    """
    run_random = StreamKey(campaign_seed=seed, stage=STAGE, run=obs_id).generator()
    if tables is None:
        tables = responses(run_conditions(settings, obs_id)["zenith_deg"])
    parts = []
    for source in sources_of(settings):
        random = run_random
        if settings["sources"]:
            random = StreamKey(seed, STAGE, particle=source["name"], run=obs_id).generator()
        parts.append(sample_source(settings, source, obs_id, tables, random))
    parts.append(background_columns(settings, obs_id, tables, run_random))
    return assemble(settings, obs_id, tables, parts)[0]


def background_columns(settings: dict, obs_id: int, tables, random) -> tuple:
    """Draw the background of a run from its responses.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int
        Number of the run, from 1.
    tables : Responses
        Responses of the run.
    random : numpy.random.Generator
        Random stream.

    Returns
    -------
    tuple of ndarray, each of shape (n,)
        Time since the start of the run (s), right ascension, declination (deg) and reconstructed
        energy (TeV).
    """
    livetime_s = run_livetime_s(settings)
    x_deg, y_deg, energy_tev = sample_background(tables.bkg, livetime_s, random)
    ra_deg, dec_deg = to_sky_deg(x_deg, y_deg, *wobble_pointing_deg(settings, obs_id))
    time_s = random.uniform(0.0, settings["run_duration_s"], len(energy_tev))
    return time_s, ra_deg, dec_deg, energy_tev


def assemble(
    settings: dict, obs_id: int, tables, parts: Iterable[tuple], extra: Iterable[dict] = ()
) -> tuple[Observation, dict]:
    """Put the events of a run together.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int
        Number of the run, from 1.
    tables : Responses
        Responses of the run.
    parts : iterable of tuple of ndarray
        Of each source and of the background: time since the start of the run (s), right ascension,
        declination (deg), reconstructed energy (TeV).
    extra : iterable of dict of str to ndarray
        Further columns of the same parts.

    Returns
    -------
    observation : Observation
        The run, its events sorted by time.
    columns : dict of str to ndarray
        The further columns in the same order.
    """
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    time_s, ra_deg, dec_deg, energy_tev = (column[order] for column in columns)
    extra = list(extra)
    names = extra[0] if extra else ()
    sorted_extra = {name: np.concatenate([e[name] for e in extra])[order] for name in names}
    ra_pnt_deg, dec_pnt_deg = wobble_pointing_deg(settings, obs_id)
    start_s, ontime_s = run_start_s(settings, obs_id), settings["run_duration_s"]
    observation = Observation(
        obs_id=obs_id,
        ra_pnt_deg=ra_pnt_deg,
        dec_pnt_deg=dec_pnt_deg,
        zenith_deg=run_conditions(settings, obs_id)["zenith_deg"],
        livetime_s=run_livetime_s(settings),
        ontime_s=ontime_s,
        time_ref_mjd=TIME_REFERENCE_MJD,
        time_system="TT",
        tstart_s=start_s,
        tstop_s=start_s + ontime_s,
        event_time_s=start_s + time_s,
        event_ra_deg=ra_deg,
        event_dec_deg=dec_deg,
        event_energy_tev=energy_tev,
        gti_start_s=np.array([start_s]),
        gti_stop_s=np.array([start_s + ontime_s]),
        aeff=tables.aeff,
        edisp=tables.edisp,
        psf=tables.psf,
        # Events of the background were placed along right ascension and declination.
        bkg=replace(tables.bkg, fov_alignment="RADEC"),
    )
    return observation, sorted_extra


def run_livetime_s(settings: dict) -> float:
    """Live time of a run.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.

    Returns
    -------
    float
        Seconds.
    """
    return settings["run_duration_s"] * (1.0 - settings["dead_time_fraction"])
