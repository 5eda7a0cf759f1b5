"""Reconstructed simulated events that mock runs are drawn from: part ``mock``, after cuts.

Events are kept by the conditions that they were simulated under: a run takes those of its own
pointing, night sky and throughput, or there is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.discrimination.rows import files_of
from iactflow.dl3.rotation import direction_components, unit_vectors
from iactflow.errors import InputError
from iactflow.io.root import list_tables, read_metadata, read_table
from iactflow.response.samples import SimulatedSample, read_sample
from iactflow.response.selection import Cuts, select
from iactflow.response.thrown_density import ThrownRuns
from iactflow.response.weights import cluster_numbers

__all__ = ["Events", "Limits", "NotSimulated", "Sample", "choose_events"]

SPLIT = "mock"
#: Columns of an event that a mock run keeps or that weights need.
KEPT = (
    *("obs_id", "event_id", "particle_id", "shower_id", "energy_tev", "true_energy_tev"),
    *("true_offset_deg", "offset_deg", "multiplicity"),
    *("true_alt_deg", "true_az_deg", "true_core_x_m", "true_core_y_m", "zenith_deg"),
)


class NotSimulated(InputError):
    """A sample has nothing near the conditions of a run; another one may."""


class Limits(NamedTuple):
    """How far simulated conditions may lie from those of a run.

    Attributes
    ----------
    pointing_deg : float
        Angle between the pointings.
    fraction : float
        Relative difference of night sky and throughput.
    """

    pointing_deg: float
    fraction: float


class Events(NamedTuple):
    """Selected events of a sample under one set of conditions.

    Attributes
    ----------
    columns : dict of str to ndarray, each of shape (n,)
        `KEPT`, and ``shower``, the number of the shower among those of these events.
    components : ndarray of float64, shape (n, 3)
        Reconstructed directions of `iactflow.dl3.rotation.direction_components`.
    thrown : ThrownRuns
        What was thrown under these conditions.
    """

    columns: dict[str, np.ndarray]
    components: np.ndarray
    thrown: ThrownRuns

    def __len__(self) -> int:
        return len(self.components)

    def take(self, rows: np.ndarray, runs: np.ndarray) -> Events:
        """Some of the events, with some of the runs.

        Parameters
        ----------
        rows : ndarray of bool or int
            Events.
        runs : ndarray of bool
            Runs that were thrown.

        Returns
        -------
        Events
            Copy.
        """
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Events(columns, self.components[rows], self.thrown.take(runs))


class _Conditions(NamedTuple):
    """Conditions of a simulated run."""

    alt_deg: float
    az_deg: float
    throughput: float


class Sample:
    """A sample on disk; events of a level of the night sky are read when a run needs them.

    Parameters
    ----------
    name : str
        Name, for errors.
    paths : sequence of path
        ROOT files of ``reconstruct_events``, or folders of them.
    cuts : Cuts
        Cuts; that on the distance from the source is not made.
    energy, direction : str
        Estimators, as of `iactflow.response.samples.read_sample`.
    split : str
        Part of the showers that events are taken of.
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[str | Path],
        cuts: Cuts,
        energy: str = "tables",
        direction: str = "geometry",
        split: str = SPLIT,
    ) -> None:
        self.name, self.cuts, self.estimators = name, cuts, (energy, direction)
        self.split = split
        self.files = files_of(paths)
        self.levels = {
            file: float(read_metadata(file).get("nsb_factor", 1.0)) for file in self.files
        }
        self._read: dict[float, SimulatedSample] = {}
        self._chosen: dict[tuple, Events] = {}
        self._conditions: dict[float, dict[int, _Conditions]] = {}

    def choose(self, conditions: dict, limits: Limits) -> Events:
        """Events for the conditions of a run.

        Parameters
        ----------
        conditions : dict
            ``zenith_deg``, ``azimuth_deg``, ``nsb_factor``, ``throughput``.
        limits : Limits
            How far the simulated ones may lie from them.

        Returns
        -------
        Events
            Events of the nearest pointing, sorted by run and number.

        Raises
        ------
        NotSimulated
            If nothing was simulated near the conditions.
        InputError
            If a file is broken.
        """
        level = self._level(conditions["nsb_factor"], limits.fraction)
        known = self._runs(level)
        pointing = conditions["azimuth_deg"], 90.0 - conditions["zenith_deg"]
        away = {
            run: float(separation_deg(c.az_deg, c.alt_deg, *pointing)) for run, c in known.items()
        }
        least = min(away.values())
        if least > limits.pointing_deg:
            self._refuse("zenith_deg, azimuth_deg", pointing, f"{least:.3g} deg from the nearest")
        # Runs of one pointing belong together; rounding of angles does not part them.
        near = [run for run, distance in away.items() if distance - least < 1e-6]
        wanted = conditions["throughput"]
        fits = [r for r in near if abs(known[r].throughput - wanted) <= limits.fraction * wanted]
        if not fits:
            found = sorted({round(known[run].throughput, 4) for run in near})
            self._refuse("throughput", wanted, f"simulated: {found}")
        key = level, tuple(sorted(fits))
        if key not in self._chosen:
            self._chosen[key] = self._select(*key)
        return self._chosen[key]

    def _refuse(self, key: str, value, allowed: str):
        raise NotSimulated(f"sample {self.name}", f"mock.{key}", value, allowed)

    def _level(self, wanted: float, fraction: float) -> float:
        levels = sorted(set(self.levels.values()))
        nearest = min(levels, key=lambda level: abs(level - wanted))
        if abs(nearest - wanted) > fraction * wanted:
            self._refuse("nsb_factor", wanted, f"simulated: {levels}")
        return nearest

    def _runs(self, level: float) -> dict[int, _Conditions]:
        """Conditions of the simulated runs of a level."""
        if level not in self._conditions:
            found: dict[int, _Conditions] = {}
            for file in self.files:
                if self.levels[file] == level:
                    _add_conditions(file, found)
            self._conditions[level] = found
        return self._conditions[level]

    def _select(self, level: float, runs: tuple[int, ...]) -> Events:
        if level not in self._read:
            energy, direction = self.estimators
            which = self.split, energy, direction, level
            self._read[level] = read_sample(self.files, *which, counts_showers=True)
        sample = self._read[level]
        events = sample.events
        passed = select(events, self.cuts) & np.isin(events["obs_id"], runs)
        # A forest may know no direction of an event that it knows the energy of.
        passed &= np.isfinite(events["offset_deg"])
        rows = np.flatnonzero(passed)
        # The same order however simulation and reconstruction were cut into jobs.
        rows = rows[np.lexsort([events["event_id"][rows], events["obs_id"][rows]])]
        vectors = [
            unit_vectors(-events[f"{kind}az_deg"][rows], events[f"{kind}alt_deg"][rows])
            for kind in ("", "true_", "pointing_")
        ]
        columns = {name: events[name][rows] for name in KEPT}
        columns["shower"] = cluster_numbers(columns)
        mine = np.isin(sample.thrown.obs_id, runs)
        return Events(columns, direction_components(*vectors), sample.thrown.take(mine))


def choose_events(samples: Sequence[Sample], conditions: dict, limits: Limits) -> list[Events]:
    """Events of the samples that were simulated near the conditions of a run.

    Parameters
    ----------
    samples : sequence of Sample
        Samples, such as one for each zenith angle.
    conditions : dict
        As of `Sample.choose`.
    limits : Limits
        As of `Sample.choose`.

    Returns
    -------
    list of Events
        Of one sample or more; empty only without samples.

    Raises
    ------
    NotSimulated
        If none of the samples is near.
    InputError
        If a file is broken.
    """
    found, refused = [], None
    for sample in samples:
        try:
            found.append(sample.choose(conditions, limits))
        except NotSimulated as error:
            refused = error
    if refused is not None and not found:
        raise refused
    return found


def _add_conditions(file: Path, found: dict[int, _Conditions]) -> None:
    runs = read_table(file, "simulation_runs", ("obs_id", "pointing_alt_deg", "pointing_az_deg"))
    throughput = {}
    if list_tables(file).get("telescope_states", 0):
        states = read_table(file, "telescope_states", ("obs_id", "throughput"))
        throughput = {
            int(run): float(states["throughput"][states["obs_id"] == run].mean())
            for run in np.unique(states["obs_id"])
        }
    for run, alt_deg, az_deg in zip(*runs.values(), strict=True):
        own = _Conditions(float(alt_deg), float(az_deg), throughput.get(int(run), 1.0))
        found.setdefault(int(run), own)
