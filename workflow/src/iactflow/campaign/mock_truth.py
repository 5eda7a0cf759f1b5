"""What is known of mock data: spectrum and variation of the sources, when runs begin.

A source is the product of a spectrum, a shape and a factor of time, all with known integrals: an
extended source has one spectrum, a variable one the same at all times.
"""

from __future__ import annotations

import numpy as np
from astropy.time import Time

from iactflow.campaign.mock_runs import run_span_s
from iactflow.errors import InputError

__all__ = [
    "TIME_REFERENCE_MJD",
    "factor_integral_s",
    "factor_mean",
    "factor_mean_between",
    "flux_per_cm2_s_tev",
    "run_start_s",
]

TIME_REFERENCE_MJD = 51910.00074287037
"""2001-01-01T00:00:00 UTC as MJD in TT: the reference of H.E.S.S. event times."""


def flux_per_cm2_s_tev(source: dict, energy_tev):
    """Spectrum of the source outside its flare, or the mean over its period.

    Parameters
    ----------
    source : dict
        Block ``mock.source`` of the campaign.
    energy_tev : ndarray of shape (n,)
        Energies, TeV.

    Returns
    -------
    ndarray of shape (n,)
        dN/dE, cm-2 s-1 TeV-1: ``amplitude (E/E0)^-index``; times ``exp(-E/E_cutoff)`` for ecpl;
        index + curvature ln(E/E0) in the exponent for lp. That of the whole of an extended source.

    Raises
    ------
    InputError
        If ecpl is asked for without a cut-off.
    """
    ratio = np.asarray(energy_tev) / source["reference_tev"]
    index = source["index"]
    if source["model"] == "lp":
        index = index + source["curvature"] * np.log(ratio)
    flux = source["amplitude"] * ratio**-index
    if source["model"] == "ecpl":
        cutoff_tev = source["energy_cutoff_tev"]
        if cutoff_tev is None:
            raise InputError(
                "campaign", "mock.source.energy_cutoff_tev", None, "an energy in TeV, for ecpl"
            )
        flux = flux * np.exp(-np.asarray(energy_tev) / cutoff_tev)
    return flux


def factor_integral_s(source: dict, time_s):
    """Integral of the factor of time from the start of the first run.

    Parameters
    ----------
    source : dict
        Block ``mock.source`` of the campaign.
    time_s : float or ndarray
        Time since the start of the first run, s.

    Returns
    -------
    float or ndarray
        Integral, s: the time itself for a constant source; with a flare
        ``(flare_factor - 1)`` times the part of the flare that is over is added; with a period P,
        fraction f and phase p ``f P / (2 pi) (sin(2 pi (t / P - p)) + sin(2 pi p))``.
    """
    time_s = np.asarray(time_s, dtype=np.float64)
    over_s = np.clip(time_s - source["flare_start_s"], 0.0, source["flare_duration_s"])
    total_s = time_s + (source["flare_factor"] - 1.0) * over_s
    period = source["periodic"]
    if period is not None:
        angle = 2.0 * np.pi * (time_s / period["period_s"] - period["phase"])
        sine = np.sin(angle) + np.sin(2.0 * np.pi * period["phase"])
        total_s = total_s + period["fraction"] * period["period_s"] / (2.0 * np.pi) * sine
    return total_s


def factor_mean_between(source: dict, start_s, stop_s) -> float:
    """Mean of the factor of time over some intervals together.

    Parameters
    ----------
    source : dict
        Block ``mock.source`` of the campaign.
    start_s, stop_s : array_like, shape (n,)
        Intervals since the start of the first run, s.

    Returns
    -------
    float
        Factor; one for a constant source.
    """
    start_s, stop_s = np.asarray(start_s, dtype=float), np.asarray(stop_s, dtype=float)
    total_s = np.sum(factor_integral_s(source, stop_s) - factor_integral_s(source, start_s))
    return float(total_s / np.sum(stop_s - start_s))


def factor_mean(settings: dict, source: dict, obs_ids) -> float:
    """Mean of the factor of time over the time on source of some runs.

    The injected spectrum of these runs taken together is that of the campaign file times this
    number: what a fit of all of them must find.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    source : dict
        One of its sources.
    obs_ids : sequence of int
        Numbers of the runs.

    Returns
    -------
    float
        Factor; one for a constant source.
    """
    return factor_mean_between(source, *run_span_s(settings, np.asarray(obs_ids)))


def run_start_s(settings: dict, obs_id: int) -> float:
    """Start of a run.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int
        Number of the run, from 1.

    Returns
    -------
    float
        Seconds in TT since `TIME_REFERENCE_MJD`.
    """
    first = Time(settings["start"], scale="utc").tt
    days = (first.jd1 - 2400000.5 - int(TIME_REFERENCE_MJD)) + first.jd2
    # Whole microseconds: MJDREF carries no more in a double.
    first_s = round((days - TIME_REFERENCE_MJD % 1) * 86400.0, 6)
    return first_s + run_span_s(settings, obs_id)[0]
