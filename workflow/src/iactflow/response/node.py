"""Responses of a node: one zenith and azimuth angle, night sky, throughput and type of events.

Signal is the part ``test_irfs`` of the showers of gamma rays, from points at several offsets or
from a cone; background the same part of hadrons and electrons, weighted to their fluxes, or real
events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow.discrimination.rows import files_of
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table
from iactflow.response.histograms import Background, Signal, fill_background, fill_signal
from iactflow.response.samples import read_sample
from iactflow.response.selection import Cuts, select
from iactflow.response.signal import AreaSums, Axes, add_run, no_area
from iactflow.response.spectra import PARTICLES, find_spectrum
from iactflow.response.thrown import thrown_of_runs
from iactflow.response.weights import event_weights

__all__ = [
    "SPLIT",
    "Node",
    "SignalEvents",
    "ThrownRun",
    "background_of",
    "in_type",
    "read_signal",
    "signal_of",
]

#: Part of the showers that responses are made of.
SPLIT = "test_irfs"
#: Tables that tell what was thrown, and the columns that are read; None: all.
OF_THROWN = {
    "simulation_runs": None,
    "thrown_events": None,
    "simulated_events": ("obs_id", "particle_id", "shower_id", "true_energy_tev"),
}


class Node(NamedTuple):
    """What a node's events have in common.

    Attributes
    ----------
    name : str
        Name.
    nsb_factor : float
        Level of the night sky of its files.
    zenith_deg : float
        Zenith angle of the pointing.
    energy, direction : str
        Estimators, as of `iactflow.response.samples.read_sample`.
    multiplicity_min, multiplicity_max : int or None
        Number of telescopes of its type of events.
    split : str
        Part of the showers that its events are of.
    """

    name: str
    nsb_factor: float
    zenith_deg: float
    energy: str = "tables"
    direction: str = "geometry"
    multiplicity_min: int | None = None
    multiplicity_max: int | None = None
    split: str = SPLIT


class ThrownRun(NamedTuple):
    """What was thrown in a run, in the part of the showers that responses are made of.

    Attributes
    ----------
    n_thrown, shower_variance : ndarray of float64, shape (k, m)
        As of `iactflow.response.thrown.ThrownPart`, of all its files.
    by : frozenset of str
        How it was found: ``shower``, ``share``.
    area_m2 : float
        Area of the cores.
    reuse : int
        Events per shower.
    """

    n_thrown: np.ndarray
    shower_variance: np.ndarray
    by: frozenset
    area_m2: float
    reuse: int


class SignalEvents(NamedTuple):
    """Signal events of a node, and what was thrown.

    Attributes
    ----------
    events : dict of str to ndarray, each of shape (n,)
        As of `iactflow.response.samples.SimulatedSample`, with ``cluster``; sorted by run and
        shower.
    thrown : dict of tuple of int to ThrownRun
        By run and particle.
    """

    events: dict[str, np.ndarray]
    thrown: dict[tuple[int, int], ThrownRun]

    @property
    def thrown_by(self) -> str:
        """How thrown events were found.

        Returns
        -------
        str
            ``shower``: all were counted; ``share``: all are expected; ``both``.
        """
        found = frozenset().union(*(run.by for run in self.thrown.values()))
        return "both" if len(found) > 1 else next(iter(found))


def in_type(events: Mapping, node: Node) -> np.ndarray:
    """Which events are of the type of a node.

    Parameters
    ----------
    events : mapping of str to ndarray, each of shape (n,)
        With ``multiplicity``.
    node : Node
        Node.

    Returns
    -------
    ndarray of bool, shape (n,)
        True inside its limits.
    """
    number = np.asarray(events["multiplicity"])
    inside = np.ones(len(number), dtype=bool)
    if node.multiplicity_min is not None:
        inside &= number >= node.multiplicity_min
    if node.multiplicity_max is not None:
        inside &= number <= node.multiplicity_max
    return inside


def _clustered(events: Mapping) -> dict[str, np.ndarray]:
    """Events sorted by particle, run and shower, with the number of their shower."""
    keys = [np.asarray(events[name]) for name in ("shower_id", "obs_id", "particle_id")]
    order = np.lexsort(keys)
    found = {name: np.asarray(values)[order] for name, values in events.items()}
    new = np.zeros(len(order), dtype=np.int64)
    for key in keys:
        new[1:] |= np.diff(key[order]) != 0
    return {**found, "cluster": np.cumsum(new)}


def _files(paths, nsb_factor: float) -> list[Path]:
    """Files of a level of the night sky."""
    return [
        file
        for file in files_of(paths)
        if float(read_metadata(file).get("nsb_factor", 1.0)) == nsb_factor
    ]


def read_signal(paths: Sequence[str | Path], node: Node, axes: Axes) -> SignalEvents:
    """Read the signal events of a node, and what was thrown.

    Parameters
    ----------
    paths : sequence of path
        ROOT files of ``reconstruct_events``, or folders of them.
    node : Node
        Node.
    axes : Axes
        Axes of its responses.

    Returns
    -------
    SignalEvents
        Events of the node's part of the showers.

    Raises
    ------
    InputError
        If a file is broken, or none has the level of the night sky.
    """
    sample = read_sample(paths, node.split, node.energy, node.direction, node.nsb_factor)
    thrown: dict = {}
    for file in _files(paths, node.nsb_factor):
        tables = {name: read_table(file, name, columns) for name, columns in OF_THROWN.items()}
        edges = axes.energy_edges_tev, axes.offset_edges_deg
        made = thrown_of_runs(file, tables, node.split, read_metadata(file), *edges)
        for key, run, found in made:
            radii = float(run["min_scatter_range_m"]), float(run["max_scatter_range_m"])
            area, reuse = np.pi * (radii[1] ** 2 - radii[0] ** 2), int(run["shower_reuse"])
            before = thrown.get(key, ThrownRun(0.0, 0.0, frozenset(), area, reuse))
            if before.area_m2 != area:
                raise InputError(file, f"simulation_runs, run {key[0]}", radii, "one area of a run")
            thrown[key] = ThrownRun(
                before.n_thrown + found.n_thrown,
                before.shower_variance + found.shower_variance,
                before.by | {found.by},
                area,
                reuse,
            )
    return SignalEvents(_clustered(sample.events), thrown)


def signal_of(
    found: SignalEvents, node: Node, cuts: Cuts, axes: Axes, with_direction: bool = False
) -> tuple[Signal, AreaSums, dict[str, np.ndarray]]:
    """Histograms of the signal events that pass cuts.

    Parameters
    ----------
    found : SignalEvents
        Events.
    node : Node
        Node.
    cuts : Cuts
        Cuts.
    axes : Axes
        Axes.
    with_direction : bool, optional
        Whether the cut on the distance from the source is made: point-like responses.

    Returns
    -------
    signal : Signal
        Histograms of all runs.
    sums : AreaSums
        Sums of the effective area.
    events : dict of str to ndarray
        The events that passed.
    """
    events = found.events
    keep = select(events, cuts, node.zenith_deg, with_direction) & in_type(events, node)
    keep &= np.isfinite(events["theta_deg"])
    passed = {name: values[keep] for name, values in events.items()}
    shape = len(axes.offset_edges_deg) - 1, len(axes.energy_edges_tev) - 1
    sums, total = no_area(*shape), None
    for (run, particle), thrown in sorted(found.thrown.items()):
        mine = (passed["obs_id"] == run) & (passed["particle_id"] == particle)
        part = fill_signal(
            *(passed[name][mine] for name in ("true_energy_tev", "energy_tev", "true_offset_deg")),
            passed["theta_deg"][mine],
            passed["cluster"][mine],
            axes.energy_edges_tev,
            axes.offset_edges_deg,
            axes.migra_edges,
            axes.rad_edges_deg,
        )
        numbers = thrown.n_thrown, thrown.area_m2, thrown.reuse, thrown.shower_variance
        sums = add_run(sums, part, *numbers)
        total = part if total is None else Signal(*map(np.add, total, part))
    return total, sums, passed


def background_of(
    samples: Mapping[str, Sequence], spectra: Mapping[str, str | None], node: Node, cuts: Cuts,
    energy_edges_tev, offset_edges_deg,
) -> Background:  # fmt: skip
    """Histograms of weighted background events that pass cuts.

    Parameters
    ----------
    samples : mapping of str to sequence of path
        Files of each sample.
    spectra : mapping of str to str or None
        Name of the spectrum that each is weighted to; None: that of its particle.
    node : Node
        Node.
    cuts : Cuts
        Cuts; that on the distance from a source is not made.
    energy_edges_tev : ndarray of float64, shape (n + 1,)
        Edges in reconstructed energy.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset.

    Returns
    -------
    Background
        Sums over all samples.

    Raises
    ------
    InputError
        If a file is broken, or a sample is thrown from a point.
    """
    columns: dict[str, list] = {"energy": [], "offset": [], "weight": [], "cluster": []}
    first = 0
    for name, paths in samples.items():
        found = read_sample(paths, node.split, node.energy, node.direction, node.nsb_factor)
        events = _clustered(found.events)
        keep = select(events, cuts, node.zenith_deg) & in_type(events, node)
        events = {key: values[keep] for key, values in events.items()}
        spectrum = _spectrum(name, spectra.get(name), found.thrown.particle_id)
        columns["weight"].append(event_weights(events, found.thrown, spectrum))
        columns["energy"].append(events["energy_tev"])
        columns["offset"].append(events["offset_deg"])
        columns["cluster"].append(events["cluster"] + first)
        first += len(keep)
    joined = {key: np.concatenate(values) for key, values in columns.items()}
    return fill_background(*joined.values(), energy_edges_tev, offset_edges_deg)


def _spectrum(sample: str, name: str | None, particles):
    if name is not None:
        return find_spectrum(name, f"responses.background.{sample}")
    kinds = np.unique(particles).tolist()
    if len(kinds) != 1 or kinds[0] not in PARTICLES:
        allowed = "the name of a spectrum: the particles do not tell one"
        raise InputError("responses", f"background.{sample}", kinds, allowed)
    return find_spectrum(PARTICLES[kinds[0]])
