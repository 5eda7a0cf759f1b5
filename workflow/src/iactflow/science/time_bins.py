"""Time bins of light curves: fixed, nightly, Bayesian blocks; overlap and livetime.

Times are MJD in terrestrial time (TT), the scale of the events; campaign times (UTC) are converted
on entry. Bins are half open: an event belongs to the bin with ``start <= t < stop``.

Bayesian blocks are those of Scargle, Norris, Jackson & Chiang (2013), ApJ 764, 167, section 3.1
(event data), computed by `astropy.stats.bayesian_blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from astropy.stats import bayesian_blocks
from astropy.time import Time

__all__ = [
    "SECONDS_PER_DAY",
    "Livetime",
    "block_bins",
    "fixed_bins",
    "nightly_bins",
    "overlap_s",
    "utc_to_mjd_tt",
]

SECONDS_PER_DAY = 86400.0


def utc_to_mjd_tt(utc: str) -> float:
    """Convert a UTC time to MJD in TT.

    Parameters
    ----------
    utc : str
        ISO 8601 time, UTC; an explicit offset from UTC is taken into account.

    Returns
    -------
    float
        MJD in TT, d.
    """
    moment = datetime.fromisoformat(utc)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return float(Time(moment, scale="utc").tt.mjd)


def fixed_bins(start_utc: str, step_min: float, n_bins: int) -> np.ndarray:
    """Make bins of equal width.

    Parameters
    ----------
    start_utc : str
        Start of the first bin, UTC, ISO 8601.
    step_min : float
        Width, minutes of elapsed (SI) time.
    n_bins : int
        Number of bins.

    Returns
    -------
    ndarray
        Starts and stops, MJD (TT), shape (n_bins, 2).
    """
    edges = utc_to_mjd_tt(start_utc) + np.arange(n_bins + 1) * step_min / (24.0 * 60.0)
    return np.column_stack([edges[:-1], edges[1:]])


def nightly_bins(start_mjd, stop_mjd) -> np.ndarray:
    """Make bins from noon to noon UTC that cover some intervals.

    Parameters
    ----------
    start_mjd, stop_mjd : array_like
        Intervals with data, MJD (TT), shape (k,) each.

    Returns
    -------
    ndarray
        Starts and stops, MJD (TT), shape (n, 2); nights without data are left out.
    """
    start_mjd, stop_mjd = np.asarray(start_mjd, float), np.asarray(stop_mjd, float)
    first = np.floor(Time(start_mjd, format="mjd", scale="tt").utc.mjd - 0.5).astype(int)
    last = np.floor(Time(stop_mjd, format="mjd", scale="tt").utc.mjd - 0.5).astype(int)
    days = sorted({d for a, b in zip(first, last, strict=True) for d in range(a, b + 1)})
    noons = np.array(days)[:, np.newaxis] + np.array([0.5, 1.5])
    bins = Time(noons, format="mjd", scale="utc").tt.mjd
    return bins[[overlap_s(*pair, start_mjd, stop_mjd).any() for pair in bins]]


def overlap_s(start_mjd: float, stop_mjd: float, gti_start_mjd, gti_stop_mjd) -> np.ndarray:
    """Length of the part of each good time interval inside a bin.

    Parameters
    ----------
    start_mjd, stop_mjd : float
        The bin, MJD (TT).
    gti_start_mjd, gti_stop_mjd : array_like
        Good time intervals, MJD (TT), shape (k,).

    Returns
    -------
    ndarray
        Overlap, s, shape (k,).
    """
    low = np.maximum(start_mjd, gti_start_mjd)
    high = np.minimum(stop_mjd, gti_stop_mjd)
    return np.maximum(high - low, 0.0) * SECONDS_PER_DAY


@dataclass(frozen=True)
class Livetime:
    """Livetime accumulated since the first good time interval, and its inverse.

    Parameters
    ----------
    start_mjd, stop_mjd : ndarray
        Good time intervals, MJD (TT), shape (k,); they may overlap.
    live_fraction : ndarray
        Live fraction of each interval, shape (k,).

    Notes
    -----
    A source of constant count rate is a homogeneous Poisson process in this time, whatever the
    gaps between the runs: gaps make no blocks.
    """

    start_mjd: np.ndarray
    stop_mjd: np.ndarray
    live_fraction: np.ndarray

    def at(self, mjd) -> np.ndarray:
        """Accumulate the livetime up to some times.

        Parameters
        ----------
        mjd : array_like
            Times, MJD (TT), shape (n,).

        Returns
        -------
        ndarray
            Livetime, s, shape (n,).
        """
        total = np.zeros(np.shape(mjd))
        for start, stop, fraction in zip(
            self.start_mjd, self.stop_mjd, self.live_fraction, strict=True
        ):
            total += fraction * (np.clip(mjd, start, stop) - start)
        return total * SECONDS_PER_DAY

    def mjd(self, livetime_s) -> np.ndarray:
        """Find the earliest times at which livetimes are reached.

        Parameters
        ----------
        livetime_s : array_like
            Accumulated livetime, s, shape (n,), between 0 and the total.

        Returns
        -------
        ndarray
            Times, MJD (TT), shape (n,).
        """
        knots = np.unique(np.concatenate([self.start_mjd, self.stop_mjd]))
        reached = self.at(knots)
        after = np.clip(np.searchsorted(reached, livetime_s, side="left"), 1, knots.size - 1)
        step = (livetime_s - reached[after - 1]) / (reached[after] - reached[after - 1])
        return knots[after - 1] + step * (knots[after] - knots[after - 1])


def block_bins(event_mjd, livetime: Livetime, false_alarm_probability: float) -> np.ndarray:
    """Make Bayesian blocks of the counting rate of events.

    Parameters
    ----------
    event_mjd : array_like
        Times of the events, MJD (TT), shape (n,), inside the good time intervals.
    livetime : Livetime
        Livetime of all runs.
    false_alarm_probability : float
        Probability of a change point where there is none.

    Returns
    -------
    ndarray
        Starts and stops, MJD (TT), shape (n_blocks, 2): contiguous, from the first good time
        interval to the last; a block spans the gaps inside it.

    Notes
    -----
    The change points are those of the events in accumulated livetime. The outer edges of the
    first and last block are the ends of the livetime, not the first and last event. Blocks follow
    the counting rate: an effective area that changes with zenith angle makes blocks, too.
    """
    event_mjd = np.asarray(event_mjd, float)
    inner = np.empty(0)
    if event_mjd.size > 1:
        edges = bayesian_blocks(
            np.sort(livetime.at(event_mjd)), fitness="events", p0=false_alarm_probability
        )
        inner = livetime.mjd(edges[1:-1])
    ends = np.min(livetime.start_mjd), np.max(livetime.stop_mjd)
    edges = np.concatenate([[ends[0]], inner, [ends[1]]])
    return np.column_stack([edges[:-1], edges[1:]])
