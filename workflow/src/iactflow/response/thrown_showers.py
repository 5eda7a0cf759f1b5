"""What was thrown in a part of the showers, counted shower by shower.

Our simulations draw every primary from the stream of its shower, so that energies and offsets of
all showers of a run can be drawn again, whether they left an event or not. That this gives what
really was thrown is proved at each file: all showers together are its histogram of thrown events,
to the last shower, and its events have the energies that are drawn. Files of other origin fail,
and are told so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from iactflow.discrimination.splits import SPLITS, part_of_showers
from iactflow.shower.primaries import PARTICLE_ID
from iactflow.shower.redraw import redraw_primaries
from iactflow.telescope.stages.record import BINS_PER_DECADE, thrown_columns

__all__ = ["count_thrown"]

# Showers drawn at a time.
BLOCK = 1_000_000
# Energies of one stream may differ in the last digits between machines.
_ROUNDING = 1e-12


class _NotOurs(Exception):
    """Why a run cannot be drawn again."""


def _settings(particle: str, row: Mapping) -> dict:
    """Block of the production, as far as primaries depend on it, from a row of runs."""
    inner, outer = float(row["min_viewcone_radius_deg"]), float(row["max_viewcone_radius_deg"])
    if outer > inner and inner != 0.0:
        raise _NotOurs("its view cone is a ring")
    found = {
        "particle": particle,
        "energy_min_tev": float(row["energy_range_min_tev"]),
        "energy_max_tev": float(row["energy_range_max_tev"]),
        "spectral_index": -float(row["spectral_index"]),
        "viewcone_deg": outer if outer > inner else 0.0,
        "offset_deg": inner,
        "shower_reuse": int(row["shower_reuse"]),
    }
    if not all(np.isfinite(value) for value in list(found.values())[1:]):
        raise _NotOurs("its law is not known")
    if not 0.0 < found["energy_min_tev"] <= found["energy_max_tev"]:
        raise _NotOurs("its energies have no range")
    return found


def _bins(rows: Mapping) -> Counter:
    """Events thrown by bin: number of the tenth of a decade, angles."""
    # The edges of a tenth are powers, which may differ in the last digits; angles are products.
    energy = np.rint(np.log10(rows["energy_min_tev"]) * BINS_PER_DECADE).astype(int)
    angles = (np.asarray(rows[f"viewcone_{end}_deg"]).tolist() for end in ("min", "max"))
    places = zip(energy.tolist(), *angles, strict=True)
    found: Counter = Counter()
    for place, number in zip(places, np.asarray(rows["n_thrown"]).tolist(), strict=True):
        found[place] += number
    return found


def _in_bins(settings: Mapping, energy_tev, offset_deg, energy_edges_tev, offset_edges_deg):
    """Showers in the bins of a response, closed as those that events are filled into."""
    if settings["viewcone_deg"] > 0.0:
        return np.histogram2d(offset_deg, energy_tev, [offset_edges_deg, energy_edges_tev])[0]
    # All at one point: the offset is that of the run, not of an event's rounded direction.
    at = np.histogram([settings["offset_deg"]], offset_edges_deg)[0]
    return at[:, None] * np.histogram(energy_tev, energy_edges_tev)[0][None, :].astype(float)


def _check_events(events: Mapping, start: int, energy_tev: np.ndarray) -> None:
    """Events of a block of showers must have the energies that were drawn."""
    place = events["shower_id"] - start
    mine = (place >= 0) & (place < len(energy_tev))
    drawn, true = energy_tev[place[mine]], events["true_energy_tev"][mine]
    if not (np.abs(drawn - true) <= _ROUNDING * true).all():
        raise _NotOurs("its events have other energies")


def _count(rows, tables, key, metadata, split, edges) -> np.ndarray:
    run, particle = key
    name = metadata.get("particle")
    if PARTICLE_ID.get(name) != particle:
        raise _NotOurs(f"no particle of our simulations is named {name!r}")
    truth = tables["simulated_events"]
    own = (truth["obs_id"] == run) & (truth["particle_id"] == particle)
    events = {k: np.asarray(truth[k])[own] for k in ("shower_id", "true_energy_tev")}
    number = np.zeros((len(edges[1]) - 1, len(edges[0]) - 1))
    found: Counter = Counter()
    for row in rows:
        settings, seed = _settings(name, row), int(row["seed"])
        first, last = int(row["shower_id_min"]), int(row["shower_id_max"])
        for start in range(first, last + 1, BLOCK):
            end = min(start + BLOCK - 1, last)
            energy, offset = redraw_primaries(settings, seed, run, start, end)
            _check_events(events, start, energy)
            found += _bins(thrown_columns(settings, run, particle, energy, offset))
            showers = np.arange(start, end + 1)
            of_part = (metadata["seed"], str(particle), run, showers, metadata["splits"])
            mine = part_of_showers(*of_part) == SPLITS.index(split)
            shared = _in_bins(settings, energy[mine], offset[mine], *edges)
            number += settings["shower_reuse"] * shared
    thrown = tables["thrown_events"]
    own = (thrown["obs_id"] == run) & (thrown["particle_id"] == particle)
    own &= np.asarray(thrown["energy_min_tev"]) > 0.0
    if found != _bins({k: np.asarray(values)[own] for k, values in thrown.items()}):
        raise _NotOurs("its thrown events are others")
    return number


def count_thrown(
    rows, tables: Mapping, key: tuple[int, int], metadata: Mapping, split: str,
    energy_edges_tev, offset_edges_deg,
) -> tuple[np.ndarray | None, str]:  # fmt: skip
    """Count the events thrown in a part of the showers of a run.

    Parameters
    ----------
    rows : list of dict
        Rows of ``simulation_runs`` of the run.
    tables : mapping of str to mapping
        Tables ``thrown_events`` and ``simulated_events`` of its file.
    key : tuple of two int
        Run, and particle in CORSIKA's numbers.
    metadata : mapping
        Metadata of the file: ``particle``, name in the simulation; ``seed`` and ``splits`` of the
        parts.
    split : str
        Part, of `iactflow.discrimination.splits.SPLITS`.
    energy_edges_tev : ndarray of float64, shape (m + 1,)
        Edges in true energy, TeV.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset, deg.

    Returns
    -------
    n_thrown : ndarray of float64, shape (k, m), or None
        Events thrown, re-uses counted; nothing where the run cannot be drawn again.
    reason : str
        Why it cannot.
    """
    edges = np.asarray(energy_edges_tev, dtype=float), np.asarray(offset_edges_deg, dtype=float)
    try:
        return _count(rows, tables, key, metadata, split, edges), ""
    except _NotOurs as reason:
        return None, str(reason)
