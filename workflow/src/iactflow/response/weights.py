"""Rates of simulated events: what a flux makes of showers that were thrown along another law.

An event of a run that threw showers with a density n(E) (`iactflow.response.thrown_density`) stands
for the rate flux(E) / n(E): as pyirf's ``calculate_event_weights`` has it, but with the number that
really was thrown, summed from the histograms that travel with the events (table ``thrown_events``),
of the part of the showers that the events are of.

Given what was thrown, a rate is a sum over showers, each with all its re-uses and levels of the
night sky: showers are independent, the events of one are not. The variance of the sum over a
fixed number of independent showers gives its error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.response.spectra import Spectrum
from iactflow.response.thrown_density import ThrownRuns, solid_angle_sr, thrown_density

__all__ = [
    "Rate",
    "add_rates",
    "cluster_numbers",
    "clustered_rate",
    "event_weights",
    "trigger_rate",
]

_CM2_PER_M2 = 1e4


class Rate(NamedTuple):
    """A rate with its error.

    Attributes
    ----------
    value, error : float
        Rate and standard error, in s-1.
    n_events, n_showers : int
        Events that it rests on, and different showers among them.
    n_effective : float
        Number of showers of equal weight that would have the same relative error, (sum of the
        weights of showers)^2 over the sum of their squares.
    """

    value: float
    error: float
    n_events: int
    n_showers: int
    n_effective: float


def event_weights(
    events: Mapping[str, np.ndarray],
    thrown: ThrownRuns,
    spectrum: Spectrum,
    offset_deg: tuple[float, float] | None = None,
) -> np.ndarray:
    """Rate that every simulated event stands for.

    Parameters
    ----------
    events : mapping of str to ndarray, each of shape (n,)
        As of `thrown_density`.
    thrown : ThrownRuns
        What was thrown in the part of the showers that the events are of.
    spectrum : Spectrum
        Flux.
    offset_deg : tuple of two float, optional
        For point sources and events from a cone: the events are those with true offsets between
        these two, and their sum is the rate of a source that lies anywhere between them. By
        default the whole cone.

    Returns
    -------
    ndarray of float64, shape (n,)
        Rates in s-1; the sum over selected events is their rate.

    Raises
    ------
    InputError
        If a diffuse flux meets events of a point source, or as for `thrown_density`.
    """
    density = thrown_density(events, thrown)
    flux_per_m2 = spectrum(events["true_energy_tev"]) * _CM2_PER_M2
    kinds = np.isin(thrown.particle_id, np.unique(events["particle_id"]))
    cone = thrown.viewcone_min_deg[kinds], thrown.viewcone_max_deg[kinds]
    is_point = bool((cone[0] == cone[1]).any())
    if spectrum.is_diffuse and is_point:
        allowed = "a spectrum of a point source, for events from one direction"
        raise InputError("weights", "spectrum", spectrum.name, allowed)
    if spectrum.is_diffuse or is_point or not len(density):
        return flux_per_m2 / density
    low, high = offset_deg or (float(cone[0].min()), float(cone[1].max()))
    return flux_per_m2 / density / solid_angle_sr(low, high)


def cluster_numbers(events: Mapping[str, np.ndarray]) -> np.ndarray:
    """Number the showers of events.

    Parameters
    ----------
    events : mapping of str to ndarray, each of shape (n,)
        ``particle_id``, ``obs_id``, ``shower_id``.

    Returns
    -------
    ndarray of int64, shape (n,)
        The same for all events of a shower: re-uses, levels of the night sky.
    """
    keys = np.stack([np.asarray(events[k]) for k in ("particle_id", "obs_id", "shower_id")])
    return np.unique(keys, axis=1, return_inverse=True)[1].reshape(-1)


def clustered_rate(weights, cluster, n_showers: int | None = None) -> Rate:
    """Sum of weights with the error that independent showers give it.

    Parameters
    ----------
    weights : array_like, shape (n,)
        Rates of events, s-1.
    cluster : array_like of int, shape (n,)
        Shower of each event.
    n_showers : int, optional
        Showers thrown, most of them without an event: their number is fixed. By default it is taken
        as large.

    Returns
    -------
    Rate
        Sum and error.
    """
    weights = np.asarray(weights, dtype=np.float64)
    of_shower = np.zeros(0)
    if len(weights):
        of_shower = np.bincount(np.unique(cluster, return_inverse=True)[1], weights=weights)
    total, square = float(of_shower.sum()), float(np.sum(of_shower**2))
    variance = square
    if n_showers is not None and n_showers > 1:
        # Sum over n independent showers, those without events are zeros.
        variance = n_showers / (n_showers - 1.0) * max(square - total**2 / n_showers, 0.0)
    return Rate(
        total,
        float(np.sqrt(variance)),
        len(weights),
        len(of_shower),
        total**2 / square if square > 0.0 else 0.0,
    )


def add_rates(rates) -> Rate:
    """Add rates of independent samples.

    Parameters
    ----------
    rates : iterable of Rate
        Rates, such as of different particles.

    Returns
    -------
    Rate
        Sum; errors add in squares, effective numbers of showers as those of the summed weights.
    """
    rates = list(rates)
    value = float(sum(rate.value for rate in rates))
    squares = sum(rate.value**2 / rate.n_effective for rate in rates if rate.n_effective > 0.0)
    return Rate(
        value,
        float(np.sqrt(sum(rate.error**2 for rate in rates))),
        sum(rate.n_events for rate in rates),
        sum(rate.n_showers for rate in rates),
        value**2 / squares if squares > 0.0 else 0.0,
    )


def trigger_rate(events: Mapping[str, np.ndarray], thrown: ThrownRuns, spectrum: Spectrum) -> Rate:
    """Rate of the array's triggers that a flux makes.

    Particles outside the energies, cores and angles that were thrown are missing: these must reach
    as far as particles trigger.

    Parameters
    ----------
    events : mapping of str to ndarray, each of shape (n,)
        All events that triggered; as of `event_weights`, with ``obs_id`` and ``shower_id``.
    thrown : ThrownRuns
        What was thrown.
    spectrum : Spectrum
        Flux.

    Returns
    -------
    Rate
        Rate in s-1.

    Raises
    ------
    InputError
        As for `event_weights`.
    """
    weights = event_weights(events, thrown, spectrum)
    return clustered_rate(weights, cluster_numbers(events), int(thrown.n_showers.sum()))
