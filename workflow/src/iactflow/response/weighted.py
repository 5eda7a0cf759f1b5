"""Signal and background of several samples as one set of weighted events.

Samples of one particle that were thrown at the same pointing are one production: their densities
add up. Gamma rays from points at several offsets, and pointings at several zenith angles, stand for
the mean over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.response.samples import SimulatedSample
from iactflow.response.spectra import PARTICLES, Spectrum, find_spectrum
from iactflow.response.thrown_density import ThrownRuns
from iactflow.response.weights import cluster_numbers, event_weights

__all__ = ["WeightedEvents", "weigh_background", "weigh_signal"]

GAMMA = 1
#: Pointings are told apart by their zenith angle to this precision.
_SAME_DEG = 0.01


class WeightedEvents(NamedTuple):
    """Events with the rates that they stand for.

    Attributes
    ----------
    events : dict of str to ndarray, each of shape (n,)
        As of `iactflow.response.samples.SimulatedSample`.
    weight : ndarray of float64, shape (n,)
        Rates, s-1.
    cluster : ndarray of int64, shape (n,)
        Showers, numbered over all samples.
    """

    events: dict[str, np.ndarray]
    weight: np.ndarray
    cluster: np.ndarray

    def take(self, chosen) -> WeightedEvents:
        """Some of the events.

        Parameters
        ----------
        chosen : array_like of bool or int
            Which.

        Returns
        -------
        WeightedEvents
            These events.
        """
        events = {name: values[chosen] for name, values in self.events.items()}
        return WeightedEvents(events, self.weight[chosen], self.cluster[chosen])


def _join(samples: Sequence[SimulatedSample]) -> tuple[dict, np.ndarray, ThrownRuns]:
    """Events, clusters and runs of all samples; runs of one number stay apart."""
    names = samples[0].events
    events = {name: np.concatenate([s.events[name] for s in samples]) for name in names}
    clusters, first = [], 0
    for sample in samples:
        number = cluster_numbers(sample.events)
        clusters.append(number + first)
        first += int(number.max()) + 1 if len(number) else 0
    columns = []
    for parts in zip(*(s.thrown for s in samples), strict=True):
        joined = sum(parts, ()) if isinstance(parts[0], tuple) else np.concatenate(parts)
        columns.append(joined)
    return events, np.concatenate(clusters), ThrownRuns(*columns)


def _nodes(zenith_deg: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(zenith_deg) / _SAME_DEG).astype(np.int64)


def _groups(events, thrown: ThrownRuns) -> list[tuple[np.ndarray, ThrownRuns]]:
    """Events and runs by pointing; of points also by offset."""
    offset = np.where(
        thrown.viewcone_min_deg == thrown.viewcone_max_deg, thrown.viewcone_max_deg, -1.0
    )
    runs = np.stack([_nodes(thrown.zenith_deg), _nodes(offset)])
    place = _nodes(events["zenith_deg"])
    angle = _nodes(events["true_offset_deg"])
    found = []
    for node in np.unique(runs, axis=1).T:
        mine = place == node[0]
        if node[1] >= 0:
            # Rounding: events of a point lie at its offset or beside it.
            mine &= np.abs(angle - node[1]) <= 1
        found.append((mine, thrown.take((runs == node[:, None]).all(axis=0))))
    return found


def weigh_signal(
    samples: Sequence[SimulatedSample],
    spectrum: Spectrum,
    offset_deg: tuple[float, float] | None = None,
) -> WeightedEvents:
    """Gamma rays of a point source, averaged over the offsets and pointings that were simulated.

    Parameters
    ----------
    samples : sequence of SimulatedSample
        Gamma rays from points, or from a cone.
    spectrum : Spectrum
        Of the source.
    offset_deg : tuple of two float, optional
        True offsets that are taken; by default all.

    Returns
    -------
    WeightedEvents
        Events at these offsets; the sum of weights is the rate of the source.

    Raises
    ------
    InputError
        If nothing was thrown at these offsets, points and cones are mixed, or as of
        `iactflow.response.weights.event_weights`.
    """
    events, cluster, thrown = _join(samples)
    low, high = offset_deg or (0.0, np.inf)
    is_point = thrown.viewcone_min_deg == thrown.viewcone_max_deg
    if is_point.any() and not is_point.all():
        raise InputError("signal", "samples", "points and cones", "gamma rays of one kind")
    if is_point.any():
        thrown = thrown.take((thrown.viewcone_max_deg >= low) & (thrown.viewcone_max_deg <= high))
    if not len(thrown.obs_id):
        raise InputError("signal", "offset_deg", (low, high), "offsets that were simulated")
    groups = _groups(events, thrown)
    weight, taken = np.zeros(len(cluster)), np.zeros(len(cluster), dtype=bool)
    for mine, runs in groups:
        span = None
        if not is_point.any():
            reach = float(runs.viewcone_min_deg.min()), float(runs.viewcone_max_deg.max())
            span = max(low, reach[0]), min(high, reach[1])
            if span[0] >= span[1]:
                raise InputError("signal", "offset_deg", (low, high), f"inside {reach}")
            offset = events["true_offset_deg"]
            mine = mine & (offset >= span[0]) & (offset <= span[1])
        part = {name: values[mine] for name, values in events.items()}
        weight[mine] = event_weights(part, runs, spectrum, span) / len(groups)
        taken |= mine
    return WeightedEvents(events, weight, cluster).take(taken)


def weigh_background(
    samples: Iterable[tuple[SimulatedSample, str | None]],
) -> WeightedEvents:
    """Background of several kinds of particles, averaged over the pointings simulated.

    Parameters
    ----------
    samples : iterable of (SimulatedSample, str or None)
        Samples, each with the name of its spectrum; None: that of its particle.

    Returns
    -------
    WeightedEvents
        All events; the sum of weights is the rate of all kinds.

    Raises
    ------
    InputError
        If a particle has no spectrum, samples of a particle have several, or as of
        `iactflow.response.weights.event_weights`.
    """
    samples = list(samples)
    events, cluster, thrown = _join([sample for sample, _ in samples])
    named: dict[int, str] = {}
    for sample, name in samples:
        for kind in np.unique(sample.thrown.particle_id).tolist():
            chosen = name or PARTICLES.get(kind, "")
            find_spectrum(chosen, f"background, particle {kind}")
            if named.setdefault(kind, chosen) != chosen:
                allowed = f"one spectrum of a particle, not also {named[kind]}"
                raise InputError("background", f"particle {kind}", chosen, allowed)
    weight = np.zeros(len(cluster))
    for kind, name in named.items():
        runs = thrown.take(thrown.particle_id == kind)
        nodes = _nodes(runs.zenith_deg)
        for node in np.unique(nodes):
            mine = (events["particle_id"] == kind) & (_nodes(events["zenith_deg"]) == node)
            part = {key: values[mine] for key, values in events.items()}
            found = event_weights(part, runs.take(nodes == node), find_spectrum(name))
            weight[mine] = found / len(np.unique(nodes))
    return WeightedEvents(events, weight, cluster)
