"""Disjoint parts of simulations: what trains a model never tests it.

A shower belongs to one part with all its re-uses at other cores and under all levels of the night
sky: such events share the shower's fluctuations. The part is a counter-based random number of the
shower alone (Philox, Salmon et al. 2011, doi:10.1145/2063384.2063405; key: campaign, particle and
run; counter: the shower), whatever the chunk, and whatever else was simulated.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iactflow._jit import jit
from iactflow.campaign.philox import philox4x64
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError

__all__ = [
    "NO_SPLIT",
    "SPLITS",
    "part_of_showers",
    "shower_uniforms",
    "showers_per_split",
    "thrown_of_split",
]

#: Parts, in the order in which they are drawn; the number of one is its place.
SPLITS = ("train_energy", "train_direction", "train_class", "test_cuts", "test_irfs", "mock")
#: Number of what belongs to no part: real events.
NO_SPLIT = -1
# Showers counted at a time.
BLOCK = 1_000_000
_SHIFT = np.uint64(11)
_STEP = 1.0 / 9007199254740992.0


@jit
def _uniforms(shower_id, k0, k1):
    """Two uniform numbers in [0, 1) per shower, from the block of its counter."""
    out = np.empty((shower_id.size, 2))
    zero = np.uint64(0)
    for i in range(shower_id.size):
        block = philox4x64(np.uint64(shower_id[i]), zero, zero, zero, k0, k1)
        out[i, 0] = np.float64(block[0] >> _SHIFT) * _STEP
        out[i, 1] = np.float64(block[1] >> _SHIFT) * _STEP
    return out


def shower_uniforms(campaign_seed: int, particle: str, run: int, shower_id) -> np.ndarray:
    """Random numbers of showers.

    Parameters
    ----------
    campaign_seed : int
        Seed of the campaign.
    particle : str
        Particle.
    run : int
        Run.
    shower_id : array_like of int, shape (n,)
        Showers of the run.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        In [0, 1): the first decides on the part, the second on a thinned sample of it.

    Raises
    ------
    InputError
        If seed or run are out of range, or a shower is below 0.
    """
    shower_id = np.atleast_1d(np.asarray(shower_id, dtype=np.int64))
    if shower_id.size and shower_id.min() < 0:
        raise InputError("splits", "shower_id", int(shower_id.min()), "0 or more")
    words = StreamKey(campaign_seed, "split", particle, run).words()
    return _uniforms(shower_id.astype(np.uint64), words[0], words[1])


def _edges(fractions: Mapping[str, float]) -> np.ndarray:
    unknown = sorted(set(fractions) - set(SPLITS))
    if unknown:
        raise InputError("splits", unknown[0], fractions[unknown[0]], ", ".join(SPLITS))
    values = np.array([fractions.get(name, 0.0) for name in SPLITS], dtype=np.float64)
    if not (np.all(values >= 0.0) and abs(values.sum() - 1.0) <= 1e-9):
        raise InputError("splits", "fractions", dict(fractions), "not negative, with the sum 1")
    edges = np.cumsum(values)
    # Rounding of the sum must leave no shower without a part.
    edges[np.flatnonzero(values)[-1] :] = 1.0
    return edges


def part_of_showers(
    campaign_seed: int, particle: str, run: int, shower_id, fractions: Mapping[str, float]
) -> np.ndarray:
    """Parts that showers belong to.

    Parameters
    ----------
    campaign_seed : int
        Seed of the campaign.
    particle : str
        Particle.
    run : int
        Run.
    shower_id : array_like of int, shape (n,)
        Showers of the run.
    fractions : mapping of str to float
        Fraction of the showers by part; parts that are missing get none.

    Returns
    -------
    ndarray of int8, shape (n,)
        Place in `SPLITS`.

    Raises
    ------
    InputError
        If a part is unknown, or the fractions do not sum to 1.
    """
    edges = _edges(fractions)
    uniform = shower_uniforms(campaign_seed, particle, run, shower_id)[:, 0]
    return np.searchsorted(edges, uniform, side="right").astype(np.int8)


def showers_per_split(
    campaign_seed: int,
    particle: str,
    run: int,
    first: int,
    last: int,
    fractions: Mapping[str, float],
) -> np.ndarray:
    """Count the showers thrown in every part, whether they triggered or not.

    Parameters
    ----------
    campaign_seed : int
        Seed of the campaign.
    particle : str
        Particle.
    run : int
        Run.
    first, last : int
        Range of showers, as in the table ``simulation_runs``.
    fractions : mapping of str to float
        Fraction of the showers by part.

    Returns
    -------
    ndarray of int64, shape (len(SPLITS),)
        Showers.

    Raises
    ------
    InputError
        As for `part_of_showers`.
    """
    counts = np.zeros(len(SPLITS), dtype=np.int64)
    for start in range(first, last + 1, BLOCK):
        showers = np.arange(start, min(start + BLOCK, last + 1))
        part = part_of_showers(campaign_seed, particle, run, showers, fractions)
        counts += np.bincount(part, minlength=len(SPLITS))
    return counts


def thrown_of_split(n_thrown, n_showers) -> np.ndarray:
    """Events thrown in the parts of a run.

    Energies and cores do not depend on the part: every bin of what was thrown shrinks by the
    number of showers of the part that really were thrown, not by the fraction asked for.

    Parameters
    ----------
    n_thrown : array_like, shape (n_bins,)
        Column ``n_thrown`` of the run in the table ``thrown_events``.
    n_showers : array_like of int, shape (len(SPLITS),)
        Showers by part, of `showers_per_split`.

    Returns
    -------
    ndarray of float64, shape (len(SPLITS), n_bins)
        Expected events by part; their sum over parts is `n_thrown`.
    """
    share = np.asarray(n_showers, dtype=np.float64)
    return (share / share.sum())[:, None] * np.asarray(n_thrown, dtype=np.float64)
