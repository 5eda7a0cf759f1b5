"""Events of mock runs drawn one by one from reconstructed simulations.

A selected simulated event i stands for the rate flux(E_i) / n(E_i), with n the density of what was
thrown (`iactflow.response.weights`). In a run it is detected mu_i times on average, the rate times
the live time weighted with the factor of time, and copied as often as a Poisson number of that
mean says: sums over copies are Poisson in every bin, as far as there are events in it. One event
may be drawn more than once, in a run or in several: it is then used again, as its shower may be
with another core. `Drawn` counts what a run rests on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.mock_runs import run_span_s, wobble_pointing_deg
from iactflow.campaign.mock_truth import factor_integral_s, flux_per_cm2_s_tev
from iactflow.dl3.rotation import place_components, unit_vectors, vector_angles_deg
from iactflow.dl3.simulated_events import Events
from iactflow.dl3.sky_model import (
    draw_directions_deg,
    draw_distance_deg,
    draw_times_s,
    source_radius_deg,
)
from iactflow.errors import InputError
from iactflow.response.samples import SimulatedSample
from iactflow.response.spectra import PARTICLES, SPECTRA, Spectrum
from iactflow.response.weighted import weigh_background
from iactflow.response.weights import event_weights

__all__ = ["Drawn", "Node", "background_means", "draw_background", "draw_source", "source_nodes"]

# Offsets of point sources that differ by less are one offset.
_SAME_OFFSET_DEG = 1e-6


class Node(NamedTuple):
    """Simulated events that stand for photons of some offsets.

    Attributes
    ----------
    low_deg, high_deg : float
        Offsets of the photons.
    window_deg : tuple of two float or None
        True offsets of the events where they come from a cone; None: from one direction.
    events : Events
        Events.
    """

    low_deg: float
    high_deg: float
    window_deg: tuple[float, float] | None
    events: Events


class Drawn(NamedTuple):
    """Events of a run from one source, or from the background.

    Attributes
    ----------
    columns : tuple of ndarray, each of shape (n,)
        Time since the start of the run (s), right ascension, declination (deg), reconstructed
        energy (TeV).
    identity : dict of str to ndarray, each of shape (n,)
        ``MC_RUN``, ``MC_EVENT``, ``MC_SHOWER``, ``MULTIP`` (telescopes).
    n_expected : float
        Mean number of events.
    sum_squares : float
        Sum of the squares of the means of single simulated events.
    n_available : int
        Simulated events that could have been drawn.
    """

    columns: tuple
    identity: dict[str, np.ndarray]
    n_expected: float
    sum_squares: float
    n_available: int

    @property
    def n_effective(self) -> float:
        """Number of simulated events of equal weight with the same relative error."""
        return self.n_expected**2 / self.sum_squares if self.sum_squares > 0.0 else 0.0


def source_nodes(source: dict, offset_deg: float, samples: list[Events], largest_deg: float):
    """Simulated events for the offsets of a source.

    Events from one direction stand for photons whose offset differs by at most ``largest_deg``,
    those of the nearest such direction. Where there are none, events from a cone are taken:
    of a point source those within ``largest_deg`` of its offset, of an extended one in rings
    twice as wide.

    Parameters
    ----------
    source : dict
        Source of the block ``mock``.
    offset_deg : float
        Offset of its position from the pointing.
    samples : list of Events
        Gamma rays.
    largest_deg : float
        Largest difference of simulated and injected offset.

    Returns
    -------
    list of Node
        Nodes whose offsets do not overlap.

    Raises
    ------
    InputError
        If some of the source has an offset that nothing was simulated near.
    """
    reach_deg = source_radius_deg(source["extension"])
    wanted = max(offset_deg - reach_deg, 0.0), offset_deg + reach_deg
    nodes = _point_nodes(samples, largest_deg)
    nodes = [n for n in nodes if n.high_deg > wanted[0] and n.low_deg <= wanted[1]]
    if not _covers(nodes, wanted):
        nodes = _ring_nodes(samples, wanted, offset_deg, reach_deg, largest_deg)
    if not _covers(nodes, wanted):
        known = sorted({round(o, 4) for e in samples for o in e.thrown.viewcone_max_deg})
        raise InputError(
            "campaign",
            f"mock, offsets of {source['name']}",
            f"{wanted[0]:.4g} to {wanted[1]:.4g} deg",
            f"within {largest_deg:g} deg of gamma rays from one direction, or inside a cone; "
            f"simulated: {known} deg",
        )
    return nodes


def _covers(nodes: list[Node], wanted: tuple[float, float]) -> bool:
    """Whether nodes leave no offset out."""
    at = wanted[0]
    for node in sorted(nodes, key=lambda n: n.low_deg):
        if node.low_deg > at + _SAME_OFFSET_DEG:
            return False
        at = max(at, node.high_deg)
    return bool(nodes) and at >= wanted[1] - _SAME_OFFSET_DEG


def _point_nodes(samples: list[Events], largest_deg: float) -> list[Node]:
    found: list[tuple[float, Events]] = []
    for events in samples:
        thrown = events.thrown
        is_point = thrown.viewcone_min_deg == thrown.viewcone_max_deg
        offsets = np.unique(np.round(thrown.viewcone_max_deg[is_point], 6))
        for offset in offsets:
            runs = is_point & (np.abs(thrown.viewcone_max_deg - offset) < _SAME_OFFSET_DEG)
            rows = np.isin(events.columns["obs_id"], thrown.obs_id[runs])
            found.append((float(offset), events.take(rows, runs)))
    found.sort(key=lambda pair: pair[0])
    offsets = [offset for offset, _ in found]
    doubles = [a for a, b in pairwise(offsets) if a == b]
    if doubles:
        raise InputError(
            "campaign", "mock.simulations.signal", doubles, "each offset in one sample"
        )
    nodes = []
    for i, (offset, events) in enumerate(found):
        low = max(offset - largest_deg, 0.0)
        high = offset + largest_deg
        if i > 0:
            low = max(low, 0.5 * (offsets[i - 1] + offset))
        if i + 1 < len(found):
            high = min(high, 0.5 * (offset + offsets[i + 1]))
        nodes.append(Node(low, high, None, events))
    return nodes


def _ring_nodes(samples, wanted, offset_deg, reach_deg, largest_deg) -> list[Node]:
    cones = []
    for events in samples:
        thrown = events.thrown
        runs = thrown.viewcone_max_deg > thrown.viewcone_min_deg
        if runs.any():
            rows = np.isin(events.columns["obs_id"], thrown.obs_id[runs])
            cones.append(events.take(rows, runs))
    if len(cones) > 1:
        raise InputError(
            "campaign", "mock.simulations.signal", len(cones), "one sample of diffuse gamma rays"
        )
    if not cones:
        return []
    edge_deg = float(cones[0].thrown.viewcone_max_deg.max())
    inner_deg = float(cones[0].thrown.viewcone_min_deg.min())
    if reach_deg == 0.0:
        edges = [offset_deg - largest_deg, offset_deg + largest_deg]
        if not inner_deg <= offset_deg <= edge_deg:
            return []
    else:
        n = max(int(np.ceil((wanted[1] - wanted[0]) / (2.0 * largest_deg))), 1)
        edges = np.linspace(*wanted, n + 1)
    edges = np.clip(edges, inner_deg, edge_deg)
    true_deg = cones[0].columns["true_offset_deg"]
    every = np.ones(len(cones[0].thrown.obs_id), dtype=bool)
    nodes = []
    for low, high in pairwise(edges):
        if high > low:
            rows = (true_deg >= low) & (true_deg < high)
            events = cones[0].take(rows, every)
            nodes.append(Node(float(low), float(high), (float(low), float(high)), events))
    return nodes


def draw_source(settings: dict, source: dict, obs_id: int, nodes: list[Node], random) -> Drawn:
    """Draw the events of a source in a run.

    The whole flux is drawn from the events of every node, each copy at a true direction of the
    source's shape; those whose offset belongs to the node are kept. This thinning leaves Poisson
    numbers with the right means, without an integral of the shape.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    source : dict
        One of its sources.
    obs_id : int
        Number of the run, from 1.
    nodes : list of Node
        Of `source_nodes`.
    random : numpy.random.Generator
        Random stream.

    Returns
    -------
    Drawn
        Events.
    """
    start_s, stop_s = run_span_s(settings, obs_id)
    weighted_s = float(np.diff(factor_integral_s(source, np.array([start_s, stop_s])))[0])
    live_s = weighted_s * (1.0 - settings["dead_time_fraction"])
    spectrum = Spectrum(source["name"], False, "campaign", _Flux(source))
    parts, identities, expected, squares = [], [], 0.0, 0.0
    for node in nodes:
        events = node.events
        weights = event_weights(events.columns, events.thrown, spectrum, node.window_deg)
        means = live_s * weights
        rows = np.repeat(np.arange(len(events)), random.poisson(means))
        true, pointing, kept = _true_directions(settings, source, obs_id, node, len(rows), random)
        share = kept.mean() if len(rows) else 1.0
        rows = rows[kept]
        time_s = draw_times_s(source, start_s, stop_s, len(rows), random)
        angle = random.uniform(0.0, 2.0 * np.pi, len(rows))
        placed = place_components(events.components[rows], true, pointing, angle)
        energy_tev = events.columns["energy_tev"][rows]
        parts.append((time_s, *vector_angles_deg(placed), energy_tev))
        identities.append(_identity(events, rows))
        expected += share * means.sum()
        squares += share**2 * np.sum(means**2)
    columns = tuple(np.concatenate(column) for column in zip(*parts, strict=True))
    names = identities[0]
    identity = {name: np.concatenate([i[name] for i in identities]) for name in names}
    available = sum(len(node.events) for node in nodes)
    return Drawn(columns, identity, float(expected), float(squares), available)


class _Flux:
    """Spectrum of a source as a function of energy."""

    def __init__(self, source: dict) -> None:
        self.source = source

    def __call__(self, energy_tev):
        return flux_per_cm2_s_tev(self.source, energy_tev)


def _true_directions(settings, source, obs_id, node, n, random):
    """True directions of copies and the pointing, as vectors; which copies the node holds."""
    position, pointing_deg = source["position"], wobble_pointing_deg(settings, obs_id)
    ra_deg, dec_deg = np.full(n, position["ra_deg"]), np.full(n, position["dec_deg"])
    kept = np.ones(n, dtype=bool)
    if source["extension"] is not None:
        distance_deg = draw_distance_deg(source["extension"], n, random)
        ra_deg, dec_deg = draw_directions_deg(distance_deg, ra_deg, dec_deg, random)
        offset_deg = separation_deg(ra_deg, dec_deg, *pointing_deg)
        kept = (offset_deg >= node.low_deg) & (offset_deg < node.high_deg)
    true = unit_vectors(ra_deg[kept], dec_deg[kept])
    return true, np.broadcast_to(unit_vectors(*pointing_deg), true.shape), kept


def _identity(events: Events, rows: np.ndarray) -> dict[str, np.ndarray]:
    columns = {"MC_RUN": "obs_id", "MC_EVENT": "event_id", "MC_SHOWER": "shower_id"}
    columns["MULTIP"] = "multiplicity"
    return {name: events.columns[c][rows].astype(np.int64) for name, c in columns.items()}


def background_means(samples: list[Events], live_s: float) -> list[np.ndarray]:
    """Mean number of detections of the events of background samples.

    Parameters
    ----------
    samples : list of Events
        Diffuse samples; one or more.
    live_s : float
        Live time, s.

    Returns
    -------
    list of ndarray, each of shape (n,)
        Of each sample, with the spectrum of its particle in `iactflow.response.spectra`; their
        sum over all samples is that of this flux.

    Raises
    ------
    InputError
        If a particle has no spectrum, or a sample is not diffuse.
    """
    for events in samples:
        for particle in np.unique(events.columns["particle_id"]):
            spectrum = SPECTRA.get(PARTICLES.get(int(particle), ""))
            if spectrum is None or not spectrum.is_diffuse:
                allowed = ", ".join(str(k) for k, v in PARTICLES.items() if SPECTRA[v].is_diffuse)
                raise InputError("campaign", "mock.simulations.background", int(particle), allowed)
    # Together: samples of one particle, with other energies or pointings, share its flux.
    weighted = weigh_background((SimulatedSample(e.columns, e.thrown), None) for e in samples)
    ends = np.cumsum([len(events) for events in samples])
    return np.split(live_s * weighted.weight, ends[:-1])


def draw_background(settings: dict, obs_id: int, samples: list[Events], random) -> Drawn:
    """Draw background events, each turned about the pointing by a random angle.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int
        Number of the run, from 1.
    samples : list of Events
        Diffuse samples.
    random : numpy.random.Generator
        Random stream.

    Returns
    -------
    Drawn
        Events.

    Raises
    ------
    InputError
        As of `background_means`.
    """
    live_s = settings["run_duration_s"] * (1.0 - settings["dead_time_fraction"])
    means = background_means(samples, live_s)
    rows = [np.repeat(np.arange(len(m)), random.poisson(m)) for m in means]
    offset_deg = _gathered(samples, rows, "offset_deg")
    pointing = wobble_pointing_deg(settings, obs_id)
    ra_deg, dec_deg = draw_directions_deg(offset_deg, *pointing, random)
    time_s = random.uniform(0.0, settings["run_duration_s"], len(offset_deg))
    identities = [_identity(events, r) for events, r in zip(samples, rows, strict=True)]
    return Drawn(
        (time_s, ra_deg, dec_deg, _gathered(samples, rows, "energy_tev")),
        {name: np.concatenate([i[name] for i in identities]) for name in identities[0]},
        float(sum(m.sum() for m in means)),
        float(sum(np.sum(m**2) for m in means)),
        sum(len(m) for m in means),
    )


def _gathered(samples, rows, name):
    return np.concatenate([s.columns[name][r] for s, r in zip(samples, rows, strict=True)])
