"""Runs of reconstructed data as DL3: selected events on the sky, good time intervals, live time.

Directions on the sky are made here, where the place of the array and real times meet; DL2 tables
keep horizontal ones. Live time follows from the times of all triggers of a run: with a dead time d
after each of n triggers it is the time of the intervals less n d, as for a detector that no event
extends the dead time of (Leo 1994, Techniques for Nuclear and Particle Physics Experiments,
sec. 5.7).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.mock_truth import TIME_REFERENCE_MJD
from iactflow.dl3.rotation import unit_vectors, vector_angles_deg
from iactflow.dl3.sky_frames import horizontal_to_icrs_deg, tai_seconds
from iactflow.errors import InputError
from iactflow.io.observation import Observation
from iactflow.response.selection import Cuts, select

__all__ = ["Pointing", "good_intervals", "live_fraction", "make_observation", "pointing_at"]


class Pointing(NamedTuple):
    """Pointing of an array.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n,)
        TAI seconds since 1970-01-01, ascending.
    alt_deg, az_deg : ndarray of float64, shape (n,)
        Direction.
    """

    time_s: np.ndarray
    alt_deg: np.ndarray
    az_deg: np.ndarray


def good_intervals(time_s: np.ndarray, gap_max_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Intervals in which an array triggered without a long pause.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,)
        Times of all triggers, ascending.
    gap_max_s : float
        A longer pause ends an interval.

    Returns
    -------
    start_s, stop_s : ndarray of float64
        First and last trigger of every interval with two triggers at different times.
    """
    if not len(time_s):
        return np.zeros(0), np.zeros(0)
    ends = np.flatnonzero(np.diff(time_s) > gap_max_s)
    first = np.concatenate([[0], ends + 1]).astype(int)
    last = np.concatenate([ends, [len(time_s) - 1]]).astype(int)
    several = time_s[last] > time_s[first]
    return time_s[first[several]], time_s[last[several]]


def live_fraction(time_s, start_s, stop_s, dead_time_s: float | None) -> float:
    """Live time over the time of the intervals.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,)
        Times of all triggers, ascending.
    start_s, stop_s : ndarray of float64
        Intervals.
    dead_time_s : float or None
        Dead time after a trigger; None: the least difference of two times.

    Returns
    -------
    float
        Fraction; 0 where the dead time covers everything.
    """
    start_s, stop_s = np.asarray(start_s), np.asarray(stop_s)
    if dead_time_s is None:
        steps = np.diff(time_s)
        dead_time_s = float(steps[steps > 0.0].min())
    inside = np.zeros(len(time_s), dtype=bool)
    for start, stop in zip(start_s, stop_s, strict=True):
        # The trigger that ends an interval is dead after it.
        inside |= (time_s >= start) & (time_s < stop)
    return float(max(1.0 - inside.sum() * dead_time_s / np.sum(stop_s - start_s), 0.0))


def pointing_at(pointing: Pointing, time_s: np.ndarray) -> np.ndarray:
    """Place of the pointing that holds at times: the last that is not later, or the first.

    Parameters
    ----------
    pointing : Pointing
        Pointings.
    time_s : ndarray of float64, shape (n,)
        Times.

    Returns
    -------
    ndarray of int, shape (n,)
        Rows.
    """
    return np.maximum(np.searchsorted(pointing.time_s, time_s, side="right") - 1, 0)


def _run_pointing(pointing, triggers_s, settings, site, file):
    """Pointing on the sky, and its zenith angle and azimuth: means over the run."""
    rows = pointing_at(pointing, triggers_s)
    age_s = np.abs(triggers_s - pointing.time_s[rows]).max()
    if age_s > settings["pointing_age_max_s"]:
        allowed = f"at most {settings['pointing_age_max_s']:g} s: dl3.pointing_age_max_s"
        raise InputError(file, "pointing, age at an event", f"{age_s:.4g} s", allowed)
    used = np.unique(rows)
    alt, az = pointing.alt_deg[used], pointing.az_deg[used]
    ra, dec = horizontal_to_icrs_deg(alt, az, tai_seconds(*_split(pointing.time_s[used])), site)
    mean = vector_angles_deg(unit_vectors(ra, dec).mean(axis=0))
    spread_deg = float(np.max(separation_deg(ra, dec, *mean)))
    if spread_deg > settings["pointing_spread_max_deg"]:
        allowed = f"at most {settings['pointing_spread_max_deg']:g} deg: pointing_spread_max_deg"
        raise InputError(file, "pointing, distance from its mean", f"{spread_deg:.4g}", allowed)
    longitude, altitude = vector_angles_deg(unit_vectors(az, alt).mean(axis=0))
    return float(mean[0]), float(mean[1]), 90.0 - float(altitude), float(longitude)


def _split(time_s):
    whole = np.floor(time_s)
    return whole.astype(np.int64), np.round((time_s - whole) * 4e9).astype(np.int64)


def make_observation(
    events: dict, pointing: Pointing, site: tuple, cuts: Cuts, settings: dict, responses, file: str
) -> tuple[Observation, dict]:
    """Make a run.

    Parameters
    ----------
    events : dict of str to ndarray, each of shape (n,)
        All events of the run: columns of ``events_dl2``.
    pointing : Pointing
        Pointing of the array.
    site : tuple of three float
        Longitude and latitude in deg, height in m.
    cuts : Cuts
        Cuts; that on the distance from a source is not made.
    settings : dict
        Block ``dl3`` of the campaign.
    responses : callable
        Responses of a run by its conditions (`iactflow.dl3.run_responses.run_responses`).
    file : str
        Named in errors.

    Returns
    -------
    observation : Observation
        The run.
    cards : dict
        Further keywords: pointing in azimuth, triggers, dead time.

    Raises
    ------
    InputError
        If the run has no interval of good time, its pointing is old or wanders, or there are no
        responses for it.
    """
    order = np.lexsort([events["time_qns"], events["time_s"]])
    events = {name: np.asarray(values)[order] for name, values in events.items()}
    triggers_s = events["time_s"] + events["time_qns"] * 0.25e-9
    start_s, stop_s = good_intervals(triggers_s, settings["gap_max_s"])
    if not len(start_s):
        raise InputError(file, "events_dl2", f"{len(triggers_s)} events", "two close in time")
    ra_pnt, dec_pnt, zenith_deg, azimuth_deg = _run_pointing(
        pointing, triggers_s, settings, site, file
    )
    at = pointing_at(pointing, triggers_s)
    offset = separation_deg(
        events["az_deg"], events["alt_deg"], pointing.az_deg[at], pointing.alt_deg[at]
    )
    good = np.any((triggers_s >= start_s[:, None]) & (triggers_s <= stop_s[:, None]), axis=0)
    # A forest may know no direction of an event that it knows the energy of.
    kept = good & np.isfinite(offset) & select({**events, "offset_deg": offset}, cuts, zenith_deg)
    time = tai_seconds(events["time_s"][kept], events["time_qns"][kept])
    ra, dec = horizontal_to_icrs_deg(events["alt_deg"][kept], events["az_deg"][kept], time, site)
    conditions = {"zenith_deg": zenith_deg, "azimuth_deg": azimuth_deg}
    tables = responses({**conditions, "nsb_factor": 1.0, "throughput": 1.0})
    live = live_fraction(triggers_s, start_s, stop_s, settings["dead_time_per_event_s"])
    start_s, stop_s = (_since_reference_s(t) for t in (start_s, stop_s))
    ontime_s = float(np.sum(stop_s - start_s))
    observation = Observation(
        obs_id=int(events["obs_id"][0]),
        ra_pnt_deg=ra_pnt,
        dec_pnt_deg=dec_pnt,
        zenith_deg=zenith_deg,
        livetime_s=live * ontime_s,
        ontime_s=ontime_s,
        time_ref_mjd=TIME_REFERENCE_MJD,
        time_system="TT",
        tstart_s=float(start_s[0]),
        tstop_s=float(stop_s[-1]),
        event_time_s=_since_reference_s(triggers_s[kept]),
        event_ra_deg=ra,
        event_dec_deg=dec,
        event_energy_tev=events["energy_tev"][kept],
        gti_start_s=start_s,
        gti_stop_s=stop_s,
        aeff=tables.aeff,
        edisp=tables.edisp,
        psf=tables.psf,
        bkg=tables.bkg,
    )
    return observation, {"AZ_PNT": (azimuth_deg, "[deg]"), "N_TRIG": len(triggers_s)}


def _since_reference_s(time_s):
    """TT seconds since the reference of TAI seconds since 1970."""
    reference = tai_seconds(0)
    tt_s = (reference.tt.jd1 - 2400000.5 - int(TIME_REFERENCE_MJD)) + reference.tt.jd2
    offset_s = round((tt_s - TIME_REFERENCE_MJD % 1) * 86400.0, 6)
    return np.asarray(time_s) + offset_s
