"""How much was thrown in the bins of a response, in a part of the showers.

The showers of our simulations are counted one by one (`iactflow.response.thrown_showers`). Of other
files the histogram of all thrown events is known, that travels with them: of it a part of the
showers is taken to have its share. The showers that it really has in a bin fluctuate around that,
which is part of the error of the area.

The histogram has tenths of a decade in energy and, for diffuse particles, tenths of the view cone.
Where edges of a response lie inside its bins, what was thrown in a bin is spread as it was drawn:
along the power law of the energies, evenly in solid angle.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from iactflow.discrimination.splits import SPLITS, showers_per_split
from iactflow.errors import InputError
from iactflow.response.thrown_showers import count_thrown

__all__ = ["ThrownPart", "share_in_bins", "shower_variance", "spread_shares", "thrown_of_runs"]

LOGGER = logging.getLogger("iactflow")


class ThrownPart(NamedTuple):
    """What was thrown in a part of the showers of a run.

    Attributes
    ----------
    n_thrown : ndarray of float64, shape (k, m)
        Events by offset and true energy, re-uses counted.
    shower_variance : ndarray of float64, shape (k, m)
        Variance of the number of showers around what is expected; zero where they are counted.
    by : str
        ``shower``: counted; ``share``: expected from the histogram of all showers.
    """

    n_thrown: np.ndarray
    shower_variance: np.ndarray
    by: str


def _primitive(values, index: float):
    """Integral of E^-index up to the values."""
    return np.log(values) if index == 1.0 else values ** (1.0 - index) / (1.0 - index)


def share_in_bins(low, high, edges, primitive) -> np.ndarray:
    """Shares of intervals that lie in bins.

    Parameters
    ----------
    low, high : ndarray of float64, shape (n,)
        Ends of the intervals.
    edges : ndarray of float64, shape (m + 1,)
        Edges of the bins.
    primitive : callable
        Integral of the density inside the intervals, up to values.

    Returns
    -------
    ndarray of float64, shape (n, m)
        Shares; zero for intervals of no length, which have no density.
    """
    low, high = np.asarray(low, dtype=float)[:, None], np.asarray(high, dtype=float)[:, None]
    inside_low = np.clip(edges[None, :-1], low, high)
    inside_high = np.clip(edges[None, 1:], low, high)
    whole = primitive(high) - primitive(low)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (primitive(inside_high) - primitive(inside_low)) / whole
    return np.where(whole > 0.0, share, 0.0)


def _energy_share(thrown: Mapping, index: float, limits_tev, edges) -> np.ndarray:
    low, high = (np.clip(thrown[f"energy_{end}_tev"], *limits_tev) for end in ("min", "max"))
    # A shower at the very end of what is thrown may stand in a bin beyond it.
    outside = high <= low
    low = np.where(outside, thrown["energy_min_tev"], low)
    high = np.where(outside, thrown["energy_max_tev"], high)
    # Powers of ten that were made in two ways differ in the last digits.
    snapped = edges[np.abs(np.log(edges[None, :] / low[:, None])).argmin(axis=1)]
    low = np.where(np.isclose(low, snapped, rtol=1e-9, atol=0.0), snapped, low)
    snapped = edges[np.abs(np.log(edges[None, :] / high[:, None])).argmin(axis=1)]
    high = np.where(np.isclose(high, snapped, rtol=1e-9, atol=0.0), snapped, high)
    return share_in_bins(low, high, edges, lambda e: _primitive(e, index))


def _offset_share(thrown: Mapping, edges) -> np.ndarray:
    low, high = thrown["viewcone_min_deg"], thrown["viewcone_max_deg"]
    point = high <= low
    # 1 - cos in the form that keeps its digits at small angles; an axis may begin below zero.
    cone = share_in_bins(low, high, edges, lambda a: np.sign(a) * np.sin(np.radians(a) / 2) ** 2)
    at = np.clip(np.searchsorted(edges, low, side="right") - 1, 0, len(edges) - 2)
    inside = (low >= edges[0]) & (low <= edges[-1])
    nodes = (np.arange(len(edges) - 1)[None, :] == at[:, None]) & inside[:, None]
    return np.where(point[:, None], nodes.astype(float), cone)


def spread_shares(
    thrown: Mapping, spectral_index: float, limits_tev, energy_edges_tev, offset_edges_deg
) -> np.ndarray:
    """Shares of the bins of thrown events that lie in the bins of a response.

    Parameters
    ----------
    thrown : mapping of str to ndarray, each of shape (n,)
        Rows of a run in the table ``thrown_events``.
    spectral_index : float
        Energies were drawn from E^-index.
    limits_tev : tuple of float, length 2
        Least and largest energy thrown, TeV.
    energy_edges_tev : ndarray of float64, shape (m + 1,)
        Edges in true energy, TeV.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset, deg.

    Returns
    -------
    ndarray of float64, shape (n, k, m)
        Shares.
    """
    edges = np.asarray(energy_edges_tev, dtype=float)
    energy = _energy_share(thrown, spectral_index, limits_tev, edges)
    offset = _offset_share(thrown, np.asarray(offset_edges_deg, dtype=float))
    return offset[:, :, None] * energy[:, None, :]


def shower_variance(n_showers, shares, part: float) -> np.ndarray:
    """Variance of the number of showers of a part in bins, where all showers are known by bin.

    A part of N showers has the fraction q of them, whichever these are: its number in a bin with
    N_h showers follows the hypergeometric distribution. Of these a bin of the response holds a
    binomial number, with the share w_h. The law of total variance gives, with
    C = q (1 - q) / (N - 1),

        sum N_h q w_h (1 - w_h) + C (N sum N_h w_h^2 - (sum N_h w_h)^2).

    Parameters
    ----------
    n_showers : ndarray of float64, shape (n,)
        All showers by bin of thrown events.
    shares : ndarray of float64, shape (n, k, m)
        Of `spread_shares`.
    part : float
        Fraction of the showers in the part.

    Returns
    -------
    ndarray of float64, shape (k, m)
        Variance.
    """
    total = float(np.sum(n_showers))
    inside = np.tensordot(n_showers, shares, axes=1)
    squares = np.tensordot(n_showers, shares**2, axes=1)
    parted = part * (1.0 - part) / max(total - 1.0, 1.0) * (total * squares - inside**2)
    return np.maximum(part * (inside - squares) + parted, 0.0)


def _expect(rows, thrown: Mapping, part: float, energy_edges_tev, offset_edges_deg) -> ThrownPart:
    """What a part is expected to have of the histogram of all showers."""
    limits = float(rows[0]["energy_range_min_tev"]), float(rows[0]["energy_range_max_tev"])
    index = -float(rows[0]["spectral_index"])
    shares = spread_shares(thrown, index, limits, energy_edges_tev, offset_edges_deg)
    number = np.asarray(thrown["n_thrown"], dtype=float)
    variance = shower_variance(number / float(rows[0]["shower_reuse"]), shares, part)
    return ThrownPart(part * np.tensordot(number, shares, axes=1), variance, "share")


def thrown_of_runs(
    path, tables: Mapping, split: str, metadata: Mapping, energy_edges_tev, offset_edges_deg
):
    """Events thrown in a part of the showers, by run.

    Parameters
    ----------
    path : str or Path
        File, named in errors.
    tables : mapping of str to mapping
        Its tables ``simulation_runs``, ``thrown_events`` and ``simulated_events``.
    split : str
        Part, of `iactflow.discrimination.splits.SPLITS`.
    metadata : mapping
        Its metadata: ``seed`` and ``splits``, that parts are made with; ``particle`` where it is
        of our simulations.
    energy_edges_tev : ndarray of float64, shape (m + 1,)
        Edges in true energy, TeV.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset, deg.

    Yields
    ------
    key : tuple of int
        Run, and particle in CORSIKA's numbers.
    run : dict
        The first row of ``simulation_runs`` of this run.
    thrown : ThrownPart
        Events thrown in the part.

    Raises
    ------
    InputError
        If a run has no thrown events.
    """
    runs, thrown = tables["simulation_runs"], tables["thrown_events"]
    keys = np.column_stack([runs["obs_id"], runs["particle_id"]])
    for run, particle in np.unique(keys, axis=0).tolist():
        places = np.flatnonzero((keys == [run, particle]).all(axis=1))
        rows = [{name: values[i] for name, values in runs.items()} for i in places]
        mine = (thrown["obs_id"] == run) & (thrown["particle_id"] == particle)
        if not mine.any():
            raise InputError(path, "thrown_events", f"none of run {run}", "what was thrown")
        edges = energy_edges_tev, offset_edges_deg
        number, reason = count_thrown(rows, tables, (run, particle), metadata, split, *edges)
        if number is not None:
            yield (run, particle), rows[0], ThrownPart(number, np.zeros(number.shape), "shower")
            continue
        LOGGER.info(f"{path}, run {run}: thrown events by share, for {reason}")
        showers = np.zeros(len(SPLITS), dtype=np.int64)
        for row in rows:
            ends = int(row["shower_id_min"]), int(row["shower_id_max"])
            of_run = (metadata["seed"], str(particle), run, *ends, metadata["splits"])
            showers += showers_per_split(*of_run)
        part = float(showers[SPLITS.index(split)] / showers.sum())
        here = {name: np.asarray(values)[mine] for name, values in thrown.items()}
        yield (run, particle), rows[0], _expect(rows, here, part, *edges)
