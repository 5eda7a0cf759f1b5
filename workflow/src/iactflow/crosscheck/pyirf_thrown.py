"""What was thrown in a part of the showers, for pyirf: counted, or spread over bins by pyirf.

Nothing of the main chain is used. numpy's Philox generator draws the primaries of our simulations
again from the keys of their showers; where all of them together are not the histogram of thrown
events in the file, or its events have other energies, the part has its share of that histogram.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import astropy.units as u
import numpy as np
from pyirf.simulations import SimulatedEventsInfo

from iactflow.campaign.schema_reconstruction import SPLITS
from iactflow.campaign.shower_keys import shower_keys
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError

__all__ = ["SPLIT", "ThrownRun", "law_of", "thrown_in_bins", "thrown_in_file"]

SPLIT = "test_irfs"
# Showers drawn at a time.
BLOCK = 200_000
UNIT = 2.0**-53


class ThrownRun(NamedTuple):
    """What was thrown in a run, in the part of its showers that is looked at.

    Attributes
    ----------
    run : mapping
        Row of the table ``simulation_runs``.
    n_events : float
        All events thrown.
    counted : ndarray of float64, shape (m, k)
        Events counted in the bins of the response.
    bins : list of SimulatedEventsInfo
        Events of files that cannot be counted, in bins of energy and angle.
    """

    run: Mapping
    n_events: float
    counted: np.ndarray
    bins: list[SimulatedEventsInfo]

    @property
    def max_impact(self):
        """Radius of the area of cores, as pyirf reads it."""
        return self.run["max_scatter_range_m"] * u.m

    def plus(self, other: ThrownRun) -> ThrownRun:
        """The same run with what another file holds of it."""
        number = self.n_events + other.n_events
        return ThrownRun(self.run, number, self.counted + other.counted, self.bins + other.bins)


def law_of(thrown: ThrownRun) -> SimulatedEventsInfo:
    """Law of a run, with all events thrown.

    Parameters
    ----------
    thrown : ThrownRun
        Run.

    Returns
    -------
    SimulatedEventsInfo
        Law.
    """
    run = thrown.run
    return SimulatedEventsInfo(
        n_showers=thrown.n_events,
        energy_min=run["energy_range_min_tev"] * u.TeV,
        energy_max=run["energy_range_max_tev"] * u.TeV,
        max_impact=run["max_scatter_range_m"] * u.m,
        spectral_index=float(run["spectral_index"]),
        viewcone_min=run["min_viewcone_radius_deg"] * u.deg,
        viewcone_max=run["max_viewcone_radius_deg"] * u.deg,
    )


def thrown_in_file(
    runs: Mapping, bins: Mapping, truth: Mapping, metadata: Mapping, settings: Mapping
) -> dict[tuple[int, int], ThrownRun]:
    """What was thrown in the runs of a file.

    Parameters
    ----------
    runs, bins, truth : mapping of str to ndarray
        Tables ``simulation_runs``, ``thrown_events`` and ``simulated_events``.
    metadata : mapping
        Metadata of the file.
    settings : mapping
        ``energy_edges_tev``, ``offset_edges_deg`` of the response.

    Returns
    -------
    dict of tuple of int to ThrownRun
        By run and particle.

    Raises
    ------
    InputError
        If cores were thrown on a ring, which pyirf does not know.
    """
    edges = np.array(settings["energy_edges_tev"]), np.array(settings["offset_edges_deg"])
    found = {}
    for key in sorted(set(zip(runs["obs_id"].tolist(), runs["particle_id"].tolist(), strict=True))):
        rows = _rows(_of(runs, key))
        mine, events = _of(bins, key), _of(truth, key)
        if rows[0]["min_scatter_range_m"] != 0.0:
            allowed = "0: pyirf's discs"
            raise InputError("check of responses", "min_scatter_range_m", "above 0", allowed)
        share = np.mean(np.concatenate([_of_part(metadata, key, row) for row in rows]))
        number = share * float(mine["n_thrown"].sum())
        counted = _count(rows, mine, events, metadata, key, edges)
        if counted is not None:
            found[key] = ThrownRun(rows[0], number, counted, [])
            continue
        spread = [_bin(row, rows[0], share) for row in _rows(mine)]
        none = np.zeros((len(edges[0]) - 1, len(edges[1]) - 1))
        found[key] = ThrownRun(rows[0], number, none, spread)
    return found


def _of(table: Mapping, key: tuple[int, int]) -> dict[str, np.ndarray]:
    mine = (table["obs_id"] == key[0]) & (table["particle_id"] == key[1])
    return {name: values[mine] for name, values in table.items()}


def _rows(table: Mapping) -> list[dict]:
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


def _bin(row: Mapping, run: Mapping, share: float) -> SimulatedEventsInfo:
    limits = run["energy_range_min_tev"], run["energy_range_max_tev"]
    return SimulatedEventsInfo(
        n_showers=row["n_thrown"] * share,
        energy_min=max(row["energy_min_tev"], limits[0]) * u.TeV,
        energy_max=min(row["energy_max_tev"], limits[1]) * u.TeV,
        max_impact=run["max_scatter_range_m"] * u.m,
        spectral_index=float(run["spectral_index"]),
        viewcone_min=row["viewcone_min_deg"] * u.deg,
        viewcone_max=row["viewcone_max_deg"] * u.deg,
    )


def _of_part(metadata: Mapping, key: tuple[int, int], row: Mapping) -> np.ndarray:
    """Which showers of a range are of the part."""
    edges = np.cumsum([metadata["splits"].get(name, 0.0) for name in SPLITS])
    part, words = SPLITS.index(SPLIT), StreamKey(metadata["seed"], "split", str(key[1]), key[0])
    low = edges[part - 1]
    high = edges[part] if metadata["splits"].get("mock", 0.0) > 0.0 else np.inf
    first, last = int(row["shower_id_min"]), int(row["shower_id_max"])
    # numpy counts up before it draws: the block of a shower is the one after its number - 1.
    generator = np.random.Philox(key=words.words(), counter=(first - 1) % 2**256)
    inside = []
    for start in range(first, last + 1, BLOCK):
        raw = generator.random_raw(4 * min(BLOCK, last + 1 - start))[::4]
        uniform = (raw >> np.uint64(11)) * UNIT
        inside.append((uniform >= low) & (uniform < high))
    return np.concatenate(inside)


def _uniforms(keys: np.ndarray) -> np.ndarray:
    """First two uniform numbers of streams, from one generator that is set to each of them."""
    generator = np.random.Philox(key=0, counter=0)
    # Nothing drawn yet: a state that is set again begins its stream.
    state = generator.state
    raw = np.empty((len(keys), 2), dtype=np.uint64)
    for i, key in enumerate(keys):
        state["state"]["key"] = key
        generator.state = state
        raw[i] = generator.random_raw(2)
    return (raw >> np.uint64(11)) * UNIT


def _drawn(name: str, run: Mapping, number: int, first: int, last: int):
    """Energies and angles of showers: the integral of the power law, solid angle, turned around."""
    chance = _uniforms(shower_keys(int(run["seed"]), "primary", name, number, first, last)).T
    low, high = run["energy_range_min_tev"], run["energy_range_max_tev"]
    slope = 1.0 + run["spectral_index"]
    if slope == 0.0:
        energy = np.exp(np.log(low) + chance[0] * np.log(high / low))
    else:
        below, above = np.power([low, high], slope)
        energy = np.power(below * (1.0 - chance[0]) + above * chance[0], 1.0 / slope)
    outer = np.radians(run["max_viewcone_radius_deg"])
    angle = 2.0 * np.arcsin(np.sin(0.5 * outer) * np.sqrt(chance[1]))
    return energy, np.degrees(angle)


class _Histogram:
    """Showers of a file in its own bins of energy and angle."""

    def __init__(self, thrown: Mapping, is_point: bool) -> None:
        self.thrown = thrown
        names = ["energy"] if is_point else ["energy", "viewcone"]
        units = {"energy": "tev", "viewcone": "deg"}
        ends = [[thrown[f"{n}_{end}_{units[n]}"] for end in ("min", "max")] for n in names]
        self.edges = [np.unique(np.concatenate(pair)) for pair in ends]
        lower = zip(self.edges, ends, strict=True)
        self.places = tuple(np.searchsorted(edges, pair[0]) for edges, pair in lower)
        self.found = np.zeros([len(edges) - 1 for edges in self.edges])

    def add(self, *values: np.ndarray) -> None:
        """Add showers."""
        self.found += np.histogramdd(np.column_stack(values[: len(self.edges)]), self.edges)[0]

    def agrees(self, n_showers: int, reuse: int) -> bool:
        """Whether all showers lie where the file has them."""
        rows = self.found[self.places] * reuse
        return np.array_equal(rows, self.thrown["n_thrown"]) and rows.sum() == n_showers * reuse


def _count(rows, thrown, events, metadata, key, edges) -> np.ndarray | None:
    """Events of the part in the bins of a response; None if showers cannot be drawn again."""
    run = rows[0]
    inner, outer = run["min_viewcone_radius_deg"], run["max_viewcone_radius_deg"]
    law = [run[k] for k in ("energy_range_min_tev", "energy_range_max_tev", "spectral_index")]
    is_point = inner == outer
    if "particle" not in metadata or not np.isfinite(law).all() or not (is_point or inner == 0.0):
        return None
    histogram, n_showers = _Histogram(thrown, is_point), 0
    counted = np.zeros((len(edges[0]) - 1, len(edges[1]) - 1))
    for row in rows:
        first, last = int(row["shower_id_min"]), int(row["shower_id_max"])
        inside, n_showers = _of_part(metadata, key, row), n_showers + last + 1 - first
        for start in range(first, last + 1, BLOCK):
            end = min(start + BLOCK - 1, last)
            energy, angle = _drawn(metadata["particle"], row, key[0], start, end)
            known = (events["shower_id"] >= start) & (events["shower_id"] <= end)
            drawn = energy[events["shower_id"][known] - start]
            if not np.allclose(drawn, events["true_energy_tev"][known], rtol=1e-9, atol=0.0):
                return None
            histogram.add(energy, angle)
            mine = inside[start - first : end + 1 - first]
            if is_point:
                place = _place_of_point(float(inner), edges[1])
                counted[:, place] += np.histogram(energy[mine], edges[0])[0]
            else:
                counted += np.histogram2d(energy[mine], angle[mine], edges)[0]
    reuse = int(run["shower_reuse"])
    return counted * reuse if histogram.agrees(n_showers, reuse) else None


def _place_of_point(angle_deg: float, offset_edges_deg) -> int:
    """Bin of offset of a point, the last one closed."""
    place = int(np.searchsorted(offset_edges_deg, angle_deg, side="right")) - 1
    return min(place, len(offset_edges_deg) - 2)


def thrown_in_bins(thrown: ThrownRun, energy_bins, offset_bins) -> np.ndarray:
    """Events thrown in the bins of a response: counted, and spread by pyirf.

    Parameters
    ----------
    thrown : ThrownRun
        Run.
    energy_bins, offset_bins : Quantity
        Edges, those that were counted in.

    Returns
    -------
    ndarray of float64, shape (m, k)
        Events.
    """
    number = thrown.counted.copy()
    for info in thrown.bins:
        # pyirf counts too many in a bin that reaches beyond both ends of what was thrown.
        energies = np.clip(energy_bins, info.energy_min, info.energy_max)
        if info.viewcone_max > info.viewcone_min:
            number += info.calculate_n_showers_per_energy_and_fov(energies, offset_bins)
            continue
        angle = info.viewcone_min.to_value(u.deg)
        place = _place_of_point(angle, offset_bins.to_value(u.deg))
        number[:, place] += info.calculate_n_showers_per_energy(energies)
    return number
