"""Images of reconstructed events with their geometry, conditions, truth and part, from a file.

What the rules of this package read is one ROOT file of images' parameters and geometry at a time:
a fraction of the raw data, and of bounded size as the raw files are. Only images that the geometry
used are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import awkward
import numpy as np

from iactflow.discrimination.scaled_shapes import event_starts
from iactflow.discrimination.splits import NO_SPLIT, part_of_showers
from iactflow.errors import InputError
from iactflow.io.root import list_tables, read_metadata, read_table
from iactflow.stereo.frames import horizontal_to_telescope

__all__ = ["EventRows", "direction", "files_of", "offset_deg", "read_rows", "source_distance_deg"]

#: Columns of `parameters` that every model may use.
PARAMETERS = (
    *("hillas_intensity", "hillas_fov_lon_deg", "hillas_fov_lat_deg", "hillas_r_deg"),
    *("hillas_length_deg", "hillas_width_deg", "hillas_psi_deg", "hillas_skewness"),
    *("hillas_kurtosis", "timing_slope_ns_per_deg", "leakage_intensity_width_2"),
    *("concentration_core", "morphology_n_pixels", "morphology_n_islands"),
)
STATES = ("throughput", "nsb_rate_ghz")


class EventRows(NamedTuple):
    """Events of a file, and the images that their geometry rests on.

    Attributes
    ----------
    file : str
        The file.
    geometry : dict of str to array, each of n_events rows
        Table ``geometry``.
    truth : dict of str to ndarray or None
        Table ``simulated_events`` in the order of the events; None for real data.
    split : ndarray of int8, shape (n_events,)
        Part of the event's shower; -1 for real data.
    thrown_index : ndarray of float64, shape (n_events,)
        Index of the power law E**-index that the energy was drawn from; not a number for real data
        and where the file does not tell.
    starts : ndarray of int64, shape (n_events + 1,)
        First images of the events.
    event_index : ndarray of int64, shape (n,)
        Event of each image, ascending.
    tel_id : ndarray of int64, shape (n,)
        Telescope, ascending within an event.
    telescope_type : ndarray of str, shape (n,)
        Its type.
    columns : dict of str to ndarray of float64, shape (n,)
        Parameters, ``impact_distance_m``, ``pointing_alt_deg``, ``pointing_az_deg``,
        ``throughput`` (1 where unknown) and ``nsb_rate_ghz``, the night sky at a throughput of 1
        (not a number where unknown).
    """

    file: str
    geometry: dict
    truth: dict | None
    split: np.ndarray
    thrown_index: np.ndarray
    starts: np.ndarray
    event_index: np.ndarray
    tel_id: np.ndarray
    telescope_type: np.ndarray
    columns: dict[str, np.ndarray]


def files_of(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """ROOT files of a named input: files, or folders of them.

    Parameters
    ----------
    paths : path or sequence of paths
        The input.

    Returns
    -------
    list of Path
        Files, those of a folder by their names.

    Raises
    ------
    InputError
        If a folder holds no ROOT file.
    """
    found: list[Path] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(path)
        inside = sorted(path.glob("*.root")) if path.is_dir() else [path]
        if not inside:
            raise InputError(path, "folder", "no ROOT file", "files of reconstructed geometry")
        found += inside
    return found


class _Keys:
    """Places of events by run and number."""

    def __init__(self, file, obs_id, event_id):
        self.file, self.obs_id, self.event_id = file, obs_id, event_id
        self.order = np.lexsort([event_id, obs_id])
        self.sorted = self._join(obs_id[self.order], event_id[self.order])
        double = self.sorted[1:] == self.sorted[:-1]
        if double.any():
            at = self.order[1:][double][0]
            found = (int(obs_id[at]), int(event_id[at]))
            raise InputError(file, "geometry, obs_id and event_id", found, "each event once")

    @staticmethod
    def _join(obs_id, event_id):
        joined = np.empty(len(obs_id), dtype=[("obs_id", "i8"), ("event_id", "i8")])
        joined["obs_id"], joined["event_id"] = obs_id, event_id
        return joined

    def find(self, table: str, columns: Mapping) -> np.ndarray:
        """Place of the event of every row; all must be known."""
        wanted = self._join(columns["obs_id"], columns["event_id"])
        place = np.searchsorted(self.sorted, wanted)
        inside = np.minimum(place, max(len(self.sorted) - 1, 0))
        known = np.zeros(len(wanted), dtype=bool)
        if len(self.sorted):
            known = self.sorted[inside] == wanted
        if not known.all():
            row = int(np.flatnonzero(~known)[0])
            allowed = "events of the table geometry"
            raise InputError(self.file, f"{table}, row {row}", wanted[row].item(), allowed)
        return self.order[inside]


def _truth(path, keys: _Keys, n_events: int) -> dict | None:
    """Truth of the events in their order; a simulation knows it of all of them."""
    if list_tables(path).get("simulated_events", 0) == 0:
        return None
    columns = read_table(path, "simulated_events")
    known = np.full(n_events, -1)
    known[keys.find("simulated_events", columns)] = np.arange(len(columns["event_id"]))
    if (known < 0).any():
        at = int(np.flatnonzero(known < 0)[0])
        found = (int(keys.obs_id[at]), int(keys.event_id[at]))
        raise InputError(path, "simulated_events", f"lacks {found}", "the truth of all events")
    return {name: np.asarray(values)[known] for name, values in columns.items()}


def _split(truth: Mapping | None, n_events: int, seed: int, fractions: Mapping) -> np.ndarray:
    split = np.full(n_events, NO_SPLIT, dtype=np.int8)
    if truth is None:
        return split
    runs = np.column_stack([truth["particle_id"], truth["obs_id"]])
    for particle, run in np.unique(runs, axis=0):
        mine = (runs[:, 0] == particle) & (runs[:, 1] == run)
        showers = truth["shower_id"][mine]
        split[mine] = part_of_showers(seed, str(particle), int(run), showers, fractions)
    return split


def _thrown_index(path, truth: Mapping | None, n_events: int) -> np.ndarray:
    """Spectrum that the energies were drawn from: that of the run, where its file tells."""
    index = np.full(n_events, np.nan)
    if truth is None or "simulation_runs" not in list_tables(path):
        return index
    table = read_table(path, "simulation_runs", ("obs_id", "particle_id", "spectral_index"))
    for run, particle, value in zip(*table.values(), strict=True):
        index[(truth["obs_id"] == run) & (truth["particle_id"] == particle)] = -value
    return index


def _pointings(path, obs_id, tel_id, time_s) -> tuple[np.ndarray, np.ndarray]:
    """Pointing of telescopes at times: the last of the table that is not later, or the first."""
    table = read_table(path, "pointing")
    alt_deg, az_deg = np.empty(len(obs_id)), np.empty(len(obs_id))
    for run, tel in {(int(a), int(b)) for a, b in zip(obs_id, tel_id, strict=True)}:
        mine = (obs_id == run) & (tel_id == tel)
        known = np.flatnonzero((table["obs_id"] == run) & (table["tel_id"] == tel))
        if not len(known):
            allowed = "a pointing of every telescope with events"
            raise InputError(path, "pointing", f"none of telescope {tel} in run {run}", allowed)
        seconds = table["time_s"] + table["time_qns"] * 0.25e-9
        known = known[np.argsort(seconds[known], kind="stable")]
        place = np.searchsorted(seconds[known], time_s[mine], side="right") - 1
        chosen = known[np.maximum(place, 0)]
        alt_deg[mine], az_deg[mine] = table["altitude_deg"][chosen], table["azimuth_deg"][chosen]
    return alt_deg, az_deg


def _states(path, obs_id, tel_id) -> dict[str, np.ndarray]:
    """Throughput and night sky of telescopes; 1 and not a number where the file has none.

    The night sky is that of a telescope of throughput 1, so that both are told apart.
    """
    found = {"throughput": np.ones(len(obs_id)), "nsb_rate_ghz": np.full(len(obs_id), np.nan)}
    if list_tables(path).get("telescope_states", 0) == 0:
        return found
    factor = float(read_metadata(path).get("nsb_factor", 1.0))
    table = read_table(path, "telescope_states", ("obs_id", "tel_id", *STATES))
    for row in range(len(table["tel_id"])):
        mine = (obs_id == table["obs_id"][row]) & (tel_id == table["tel_id"][row])
        throughput = table["throughput"][row]
        if not throughput > 0.0:
            raise InputError(path, "telescope_states.throughput", float(throughput), "above 0")
        found["throughput"][mine] = throughput
        found["nsb_rate_ghz"][mine] = table["nsb_rate_ghz"][row] * factor / throughput
    return found


def _used(path, geometry: Mapping, event: np.ndarray, tel_id: np.ndarray) -> np.ndarray:
    """Which images the geometry of a valid event rests on."""
    counts = awkward.to_numpy(awkward.num(geometry["telescopes"]))
    pairs = np.empty(int(counts.sum()), dtype=[("event", "i8"), ("tel", "i8")])
    pairs["event"] = np.repeat(np.arange(len(counts)), counts)
    pairs["tel"] = awkward.to_numpy(awkward.flatten(geometry["telescopes"]))
    pairs = pairs[geometry["is_valid"][pairs["event"]]]
    rows = np.empty(len(event), dtype=pairs.dtype)
    rows["event"], rows["tel"] = event, tel_id
    if len(np.unique(rows)) != len(rows):
        raise InputError(path, "parameters", "a telescope of an event twice", "once")
    return np.isin(rows, pairs)


def read_rows(path: str | Path, seed: int, fractions: Mapping[str, float]) -> EventRows:
    """Read the events of a file.

    Parameters
    ----------
    path : str or Path
        ROOT file of the rule ``reconstruct_geometry``.
    seed : int
        Seed of the campaign.
    fractions : mapping of str to float
        Fractions of showers by part (`iactflow.discrimination.splits.SPLITS`).

    Returns
    -------
    EventRows
        Events and the images used.

    Raises
    ------
    InputError
        If the file is broken, its tables do not belong together, or fractions are bad.
    """
    geometry = read_table(path, "geometry")
    keys = _Keys(path, geometry["obs_id"], geometry["event_id"])
    n_events = len(geometry["event_id"])
    columns = read_table(path, "parameters", ("obs_id", "event_id", "tel_id", *PARAMETERS))
    event = keys.find("parameters", columns)
    tel_id = columns["tel_id"].astype(np.int64)
    other = read_table(path, "telescope_geometry")
    for name in ("obs_id", "event_id", "tel_id"):
        if not np.array_equal(other[name], columns[name]):
            raise InputError(path, f"telescope_geometry.{name}", "other rows", "as in parameters")
    used = np.flatnonzero(_used(path, geometry, event, tel_id))
    used = used[np.lexsort([tel_id[used], event[used]])]
    obs_id, event, tel_id = columns["obs_id"][used], event[used], tel_id[used]
    time_s = geometry["time_s"] + geometry["time_qns"] * 0.25e-9
    alt_deg, az_deg = _pointings(path, obs_id, tel_id, time_s[event])
    truth = _truth(path, keys, n_events)
    return EventRows(
        file=str(path),
        geometry=geometry,
        truth=truth,
        split=_split(truth, n_events, seed, fractions),
        thrown_index=_thrown_index(path, truth, n_events),
        starts=event_starts(event, n_events),
        event_index=event.astype(np.int64),
        tel_id=tel_id,
        telescope_type=_types(path, tel_id),
        columns={
            **{name: columns[name][used].astype(np.float64) for name in PARAMETERS},
            "impact_distance_m": other["impact_distance_m"][used],
            "pointing_alt_deg": alt_deg,
            "pointing_az_deg": az_deg,
            **_states(path, obs_id, tel_id),
        },
    )


def _types(path, tel_id: np.ndarray) -> np.ndarray:
    """Types of telescopes."""
    table = read_table(path, "array_telescopes", ("tel_id", "telescope_type"))
    order = np.argsort(table["tel_id"])
    place = np.searchsorted(table["tel_id"][order], tel_id)
    known = np.append(table["tel_id"][order], -1)
    if not np.array_equal(known[place], tel_id):
        lost = int(tel_id[known[place] != tel_id][0])
        raise InputError(path, "array_telescopes", f"lacks telescope {lost}", "all with events")
    return table["telescope_type"][order][place].astype(str)


def direction(geometry: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Direction of events: of the likelihood fit, of pairs of images where it has none.

    Parameters
    ----------
    geometry : mapping of str to array, each of shape (n_events,)
        Table ``geometry``.

    Returns
    -------
    alt_deg, az_deg : ndarray of float64, shape (n_events,)
        Direction; not a number for events without.
    """
    fitted = np.isfinite(geometry["alt_fit_deg"]) & np.isfinite(geometry["az_fit_deg"])
    return (
        np.where(fitted, geometry["alt_fit_deg"], geometry["alt_deg"]),
        np.where(fitted, geometry["az_fit_deg"], geometry["az_deg"]),
    )


def offset_deg(alt_deg, az_deg, pointing_alt_deg, pointing_az_deg) -> np.ndarray:
    """Angle of directions from pointings.

    Parameters
    ----------
    alt_deg, az_deg, pointing_alt_deg, pointing_az_deg : ndarray of float64, shape (n,)
        Directions and pointings.

    Returns
    -------
    ndarray of float64, shape (n,)
        Angles.
    """
    lon, lat = horizontal_to_telescope(alt_deg, az_deg, pointing_alt_deg, pointing_az_deg)
    lon, lat = np.radians(lon), np.radians(lat)
    across = np.hypot(np.cos(lat) * np.sin(lon), np.sin(lat))
    return np.degrees(np.arctan2(across, np.cos(lat) * np.cos(lon)))


def source_distance_deg(rows: EventRows, alt_deg, az_deg) -> np.ndarray:
    """Place of a source along the major axes of images, what disp is trained on.

    Parameters
    ----------
    rows : EventRows
        Images.
    alt_deg, az_deg : ndarray of float64, shape (n_events,)
        Direction of the source, by event.

    Returns
    -------
    ndarray of float64, shape (n,)
        Distance from the centre of gravity along the axis, positive towards ``hillas_psi_deg``.
    """
    event = rows.event_index
    pointing = rows.columns["pointing_alt_deg"], rows.columns["pointing_az_deg"]
    lon_deg, lat_deg = horizontal_to_telescope(alt_deg[event], az_deg[event], *pointing)
    # A few degrees around the pointing: the telescope frame is as good as flat.
    psi = np.radians(rows.columns["hillas_psi_deg"])
    across = (lat_deg - rows.columns["hillas_fov_lat_deg"]) * np.sin(psi)
    return (lon_deg - rows.columns["hillas_fov_lon_deg"]) * np.cos(psi) + across
