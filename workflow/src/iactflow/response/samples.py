"""DL2 events of a simulated sample with their truth, and what was thrown: one part of its showers.

The parts are those of `iactflow.discrimination.splits`; which one an event is of stands in its
table, which showers were thrown in it follows from their numbers alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.discrimination.rows import files_of
from iactflow.discrimination.splits import SPLITS, showers_per_split, thrown_of_split
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table
from iactflow.response.thrown_density import ThrownRuns
from iactflow.response.thrown_showers import count_thrown

__all__ = ["SimulatedSample", "read_sample"]

#: Columns of `events_dl2` that are read.
RECONSTRUCTED = (
    *("obs_id", "event_id", "is_valid", "alt_deg", "az_deg", "energy_tev", "energy_forest_tev"),
    *("alt_forest_deg", "az_forest_deg", "mean_scaled_width", "mean_scaled_length", "gammaness"),
    *("multiplicity", "split", "h_max_m"),
)
TRUTH = (
    *("particle_id", "shower_id", "reuse_id", "true_energy_tev", "true_alt_deg", "true_az_deg"),
    *("true_core_x_m", "true_core_y_m"),
)
OF_RUN = (
    *("obs_id", "particle_id", "spectral_index"),
    *("energy_range_min_tev", "energy_range_max_tev"),
    *("min_viewcone_radius_deg", "max_viewcone_radius_deg"),
    *("min_scatter_range_m", "max_scatter_range_m"),
)
#: Estimators by name: columns that take the place of the plain ones.
ENERGIES = {"tables": "energy_tev", "forest": "energy_forest_tev"}
DIRECTIONS = {"geometry": ("alt_deg", "az_deg"), "forest": ("alt_forest_deg", "az_forest_deg")}


class SimulatedSample(NamedTuple):
    """Events of a sample in one part of its showers.

    Attributes
    ----------
    events : dict of str to ndarray, each of shape (n,)
        Columns of ``events_dl2`` (energy and direction those of the estimators asked for), of
        ``simulated_events``, and

        - ``pointing_alt_deg``, ``pointing_az_deg``, ``zenith_deg``: pointing of the array;
        - ``true_offset_deg``, ``offset_deg``: true, reconstructed angle from the pointing;
        - ``theta_deg``: angle of the reconstructed from the true direction;
        - ``nsb_factor``: level of the night sky.
    thrown : ThrownRuns
        What was thrown.
    """

    events: dict[str, np.ndarray]
    thrown: ThrownRuns


def _level(path) -> float:
    """Level of the night sky of a file."""
    return float(read_metadata(path).get("nsb_factor", 1.0))


def _truth(path, events: Mapping) -> dict[str, np.ndarray]:
    """Truth of events in their order."""
    columns = read_table(path, "simulated_events", ("obs_id", "event_id", *TRUTH))
    order = np.lexsort([columns["event_id"], columns["obs_id"]])
    key = np.dtype([("obs_id", "i8"), ("event_id", "i8")])
    known, wanted = np.empty(len(order), key), np.empty(len(events["event_id"]), key)
    for name in key.names:
        known[name], wanted[name] = columns[name][order], events[name]
    place = np.minimum(np.searchsorted(known, wanted), max(len(order) - 1, 0))
    if len(wanted) and not (len(order) and np.array_equal(known[place], wanted)):
        raise InputError(path, "simulated_events", f"{len(order)} rows", "the truth of all events")
    return {name: np.asarray(columns[name])[order][place] for name in TRUTH}


def _pointing(path, obs_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pointing of the array in the runs of events: the mean direction of its telescopes."""
    table = read_table(path, "pointing", ("obs_id", "altitude_deg", "azimuth_deg"))
    alt_deg, az_deg = np.full(len(obs_id), np.nan), np.full(len(obs_id), np.nan)
    for run in np.unique(obs_id):
        rows = table["obs_id"] == run
        alt, az = (np.radians(table[k][rows]) for k in ("altitude_deg", "azimuth_deg"))
        x, y, z = np.cos(alt) * np.cos(az), np.cos(alt) * np.sin(az), np.sin(alt)
        alt_deg[obs_id == run] = np.degrees(np.arctan2(z.mean(), np.hypot(x.mean(), y.mean())))
        az_deg[obs_id == run] = np.degrees(np.arctan2(y.mean(), x.mean())) % 360.0
    if np.isnan(alt_deg).any():
        raise InputError(path, "pointing", "lacks a run", "the pointing of every run with events")
    return alt_deg, az_deg


def _events(path, split: int, energy: str, direction: str) -> dict[str, np.ndarray]:
    columns = read_table(path, "events_dl2", RECONSTRUCTED)
    columns |= _truth(path, columns)
    mine = columns["split"] == split
    found = {name: np.asarray(values)[mine] for name, values in columns.items()}
    alt, az = (found[name] for name in DIRECTIONS[direction])
    found |= {"energy_tev": found[ENERGIES[energy]], "alt_deg": alt, "az_deg": az}
    for name in ("energy_forest_tev", "alt_forest_deg", "az_forest_deg", "split"):
        del found[name]
    pointing = _pointing(path, found["obs_id"])
    true = found["true_alt_deg"], found["true_az_deg"]
    found |= {
        "pointing_alt_deg": pointing[0],
        "pointing_az_deg": pointing[1],
        "zenith_deg": 90.0 - pointing[0],
        "true_offset_deg": separation_deg(true[1], true[0], pointing[1], pointing[0]),
        "offset_deg": separation_deg(az, alt, pointing[1], pointing[0]),
        "theta_deg": separation_deg(az, alt, true[1], true[0]),
    }
    return {**found, "nsb_factor": np.full(len(found["obs_id"]), _level(path))}


class _Runs:
    """What was thrown, gathered file by file."""

    def __init__(self, split: int, counts_showers: bool) -> None:
        self.split, self.counts_showers = split, counts_showers
        self.counted: dict[tuple[int, int], bool] = {}
        self.laws: dict[tuple[int, int], tuple] = {}
        self.bins: dict[tuple[int, int], dict[tuple[float, float], float]] = {}
        self.ranges: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
        self.zenith_deg: dict[tuple[int, int], float] = {}

    def add(self, path: Path) -> None:
        """Add the runs of a file."""
        metadata = read_metadata(path)
        missing = next((key for key in ("seed", "splits") if key not in metadata), None)
        if missing is not None:
            raise InputError(path, missing, None, "DL2 events of the rule reconstruct_events")
        runs = read_table(
            path, "simulation_runs", (*OF_RUN, "shower_id_min", "shower_id_max", "n_showers")
        )
        counts: dict[tuple[int, int], np.ndarray] = {}
        for row in range(len(runs["obs_id"])):
            law = tuple(float(runs[name][row]) for name in OF_RUN[2:])
            key = int(runs["obs_id"][row]), int(runs["particle_id"][row])
            if not np.array_equal(self.laws.setdefault(key, law), law, equal_nan=True):
                raise InputError(path, f"simulation_runs, {key}", law, "one law of a run")
            first, last = int(runs["shower_id_min"][row]), int(runs["shower_id_max"][row])
            found = showers_per_split(
                metadata["seed"], str(key[1]), key[0], first, last, metadata["splits"]
            )
            counts[key] = counts.get(key, 0) + found
            # Levels of the night sky are files with the same showers.
            self.ranges.setdefault(key, {})[first, last] = int(found[self.split])
            self.zenith_deg[key] = float(90.0 - _pointing(path, np.array([key[0]]))[0][0])
        self._add_bins(path, counts, metadata)

    def _add_bins(self, path: Path, counts: Mapping, metadata: Mapping) -> None:
        thrown = read_table(path, "thrown_events")
        for key, found in counts.items():
            rows = (thrown["obs_id"] == key[0]) & (thrown["particle_id"] == key[1])
            number = thrown_of_split(thrown["n_thrown"][rows], found)[self.split]
            edges = zip(thrown["energy_min_tev"][rows], thrown["energy_max_tev"][rows], strict=True)
            edges = [(float(low), float(high)) for low, high in edges]
            mine: dict[tuple[float, float], float] = {}
            for edge, n in zip(edges, number.tolist(), strict=True):
                mine[edge] = mine.get(edge, 0.0) + n
            counted = self._count(path, key, thrown, metadata, sorted(mine))
            # A run is counted if all its files are.
            self.counted[key] = self.counted.get(key, True) and counted is not None
            bins = self.bins.setdefault(key, {})
            for edge, n in (mine if counted is None else counted).items():
                bins[edge] = bins.get(edge, 0.0) + n

    def _count(self, path, key, thrown, metadata, bins) -> dict | None:
        """Events thrown in the part by bin of energy, shower by shower; None where it cannot be."""
        if not self.counts_showers:
            return None
        runs = read_table(path, "simulation_runs")
        mine = np.flatnonzero((runs["obs_id"] == key[0]) & (runs["particle_id"] == key[1]))
        rows = [{name: values[i] for name, values in runs.items()} for i in mine]
        truth = ("obs_id", "particle_id", "shower_id", "true_energy_tev")
        tables = {"thrown_events": thrown}
        tables["simulated_events"] = read_table(path, "simulated_events", truth)
        # Bins without a shower are left out of the table; edges may differ in the last digits.
        edges = np.unique(np.round(np.log(np.ravel(bins)), 9), return_index=True)[1]
        edges = np.ravel(bins)[edges]
        split = SPLITS[self.split]
        number, _ = count_thrown(rows, tables, key, metadata, split, edges, [0.0, 180.0])
        if number is None:
            return None
        places = np.searchsorted(edges, np.sqrt(np.prod(bins, axis=1))) - 1
        return dict(zip(bins, number[0][places].tolist(), strict=True))

    def table(self) -> ThrownRuns:
        """All runs, by number and particle."""
        keys = sorted(self.laws)
        laws = np.array([self.laws[key] for key in keys]).reshape(len(keys), len(OF_RUN) - 2)
        histogram = tuple(
            np.array([(*edge, n) for edge, n in sorted(self.bins[key].items())]).reshape(-1, 3)
            for key in keys
        )
        return ThrownRuns(
            *np.array(keys, dtype=np.int64).reshape(-1, 2).T,
            np.array([float(bins[:, 2].sum()) for bins in histogram]),
            np.array([sum(self.ranges[key].values()) for key in keys], dtype=np.int64),
            *laws.T,
            histogram,
            np.array([self.zenith_deg[key] for key in keys]),
            np.array([self.counted[key] for key in keys], dtype=bool),
        )


def read_sample(
    paths: str | Path | Sequence[str | Path],
    split: str,
    energy: str = "tables",
    direction: str = "geometry",
    nsb_factor: float | None = None,
    counts_showers: bool = False,
) -> SimulatedSample:
    """Read the events of a part of the showers of a sample.

    Parameters
    ----------
    paths : path or sequence of paths
        ROOT files of ``reconstruct_events``, or folders of them.
    split : str
        One of `iactflow.discrimination.splits.SPLITS`.
    energy : str, optional
        ``tables``: energies of the tables of shapes where there are any; ``forest``: of forests.
    direction : str, optional
        ``geometry``: from the images' axes; ``forest``: from DISP.
    nsb_factor : float, optional
        Level of the night sky; by default all files.
    counts_showers : bool, optional
        Count what was thrown in the part shower by shower, where our simulations threw it; by
        default the part has its share of the thrown events.

    Returns
    -------
    SimulatedSample
        Events and what was thrown.

    Raises
    ------
    InputError
        If a file is no simulation of the rule, its tables do not belong together, runs of one
        number differ, or no file has the level of the night sky.
    """
    if split not in SPLITS:
        raise InputError("sample", "split", split, ", ".join(SPLITS))
    for name, value, known in (("energy", energy, ENERGIES), ("direction", direction, DIRECTIONS)):
        if value not in known:
            raise InputError("sample", name, value, ", ".join(known))
    number, parts, files, levels = SPLITS.index(split), [], files_of(paths), set()
    runs = _Runs(number, counts_showers)
    for file in files:
        level = _level(file)
        levels.add(level)
        if nsb_factor is None or level == nsb_factor:
            parts.append(_events(file, number, energy, direction))
            runs.add(file)
    if not parts:
        raise InputError("sample", "nsb_factor", nsb_factor, ", ".join(map(str, sorted(levels))))
    events = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return SimulatedSample(events, runs.table())
