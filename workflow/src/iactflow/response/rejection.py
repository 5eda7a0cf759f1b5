"""How well gamma rays are told from background: rejection at a fixed efficiency, curves of both.

A discriminator is a number that is small for gamma rays: the mean scaled width, with the other
scaled cuts of H.E.S.S. made before, or gammaness with its sign turned. Efficiencies count the
weights of gamma rays that have a reconstruction; what is kept of background counts over all events
that triggered, since images that have no reconstruction are rejected, too.

A fraction is a ratio of two sums over the same showers. Its variance follows from the sums of
showers by linearisation (Wolter, Introduction to Variance Estimation, 2nd ed. 2007, chapter 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.response.selection import PRESETS, Cuts, select
from iactflow.response.weighted import WeightedEvents

__all__ = [
    "DISCRIMINATORS",
    "Fraction",
    "Rejection",
    "fraction_kept",
    "rejection_at",
    "roc_curve",
]

PROTON = 14
#: Points of a curve.
N_POINTS = 101
INFINITY = float("inf")


class Fraction(NamedTuple):
    """A fraction with its standard error, and the showers behind its numerator."""

    value: float
    error: float
    n_events: int
    n_showers: int


class Rejection(NamedTuple):
    """What a discriminator keeps.

    Attributes
    ----------
    threshold : float
        Its limit: mean scaled width at most, or gammaness at least.
    signal : Fraction
        Gamma rays kept, of those that are reconstructed.
    background : Fraction
        Background kept, of what triggered.
    """

    threshold: float
    signal: Fraction
    background: Fraction


def _scaled_width(events: Mapping) -> np.ndarray:
    """Mean scaled width; infinite for what the other scaled cuts reject."""
    standard = PRESETS["standard"]
    shapes = Cuts(
        "shapes",
        (
            type(standard)(
                mean_scaled_width_min=standard.mean_scaled_width_min,
                mean_scaled_length_min=standard.mean_scaled_length_min,
                mean_scaled_length_max=standard.mean_scaled_length_max,
            ),
        ),
    )
    width = np.asarray(events["mean_scaled_width"], dtype=np.float64)
    return np.where(select(events, shapes), width, INFINITY)


def _gammaness(events: Mapping) -> np.ndarray:
    """Gammaness with its sign turned; infinite where there is none."""
    value = -np.asarray(events["gammaness"], dtype=np.float64)
    valid = np.asarray(events["is_valid"], dtype=bool) & np.isfinite(value)
    return np.where(valid, value, INFINITY)


#: Discriminators: events to a number that is small for gamma rays, and the sign of their limit.
DISCRIMINATORS = {"scaled_cuts": (_scaled_width, 1.0), "trees": (_gammaness, -1.0)}


def fraction_kept(weight, cluster, kept) -> Fraction:
    """Fraction of the weights of events that are kept.

    Parameters
    ----------
    weight : array_like, shape (n,)
        Weights.
    cluster : array_like of int, shape (n,)
        Shower of each event.
    kept : array_like of bool, shape (n,)
        Which events are kept.

    Returns
    -------
    Fraction
        Fraction; not a number without events.
    """
    weight, kept = np.asarray(weight, dtype=np.float64), np.asarray(kept, dtype=bool)
    total = weight.sum()
    if not total > 0.0:
        return Fraction(np.nan, np.nan, 0, 0)
    place = np.unique(cluster, return_inverse=True)[1]
    value = float(weight[kept].sum() / total)
    residual = np.bincount(place, weights=weight * (kept - value))
    n = len(residual)
    error = np.sqrt(n / (n - 1.0) * np.sum(residual**2)) / total if n > 1 else np.nan
    return Fraction(value, float(error), int(kept.sum()), len(np.unique(place[kept])))


def _above(found: WeightedEvents, energy_min_tev: float) -> WeightedEvents:
    return found.take(np.asarray(found.events["true_energy_tev"]) >= energy_min_tev)


def _discriminator(name: str):
    if name not in DISCRIMINATORS:
        raise InputError("rejection", "discriminator", name, ", ".join(DISCRIMINATORS))
    return DISCRIMINATORS[name]


def rejection_at(
    signal: WeightedEvents,
    background: WeightedEvents,
    name: str,
    efficiency: float = 0.8,
    energy_min_tev: float = 0.0,
    particle_id: int | None = None,
) -> Rejection | None:
    """Background that a discriminator keeps where it keeps a fraction of the gamma rays.

    Parameters
    ----------
    signal : WeightedEvents
        Gamma rays, all that triggered.
    background : WeightedEvents
        Background, all that triggered.
    name : str
        Discriminator, one of `DISCRIMINATORS`.
    efficiency : float, optional
        Fraction of the gamma rays that are reconstructed.
    energy_min_tev : float, optional
        Least true energy of background.
    particle_id : int, optional
        Kind of background alone, by CORSIKA's number; by default all kinds.

    Returns
    -------
    Rejection or None
        Limit and fractions; None if no limit keeps so many gamma rays.

    Raises
    ------
    InputError
        If the discriminator is unknown.
    """
    value_of, sign = _discriminator(name)
    signal = signal.take(np.asarray(signal.events["is_valid"], dtype=bool))
    value = value_of(signal.events)
    order = np.argsort(value, kind="stable")
    below = np.cumsum(signal.weight[order])
    if not len(below) or not below[-1] > 0.0:
        return None
    at = int(np.searchsorted(below, efficiency * below[-1]))
    threshold = float(value[order][min(at, len(order) - 1)])
    if not np.isfinite(threshold):
        return None
    background = _above(background, energy_min_tev)
    if particle_id is not None:
        background = background.take(background.events["particle_id"] == particle_id)
    kept = value_of(background.events) <= threshold
    return Rejection(
        sign * threshold,
        fraction_kept(signal.weight, signal.cluster, value <= threshold),
        fraction_kept(background.weight, background.cluster, kept),
    )


def roc_curve(
    signal: WeightedEvents, background: WeightedEvents, name: str, energy_min_tev: float = 0.0
) -> dict[str, list[float]]:
    """Receiver operating characteristic of a discriminator.

    Parameters
    ----------
    signal, background : WeightedEvents
        As of `rejection_at`.
    name : str
        Discriminator.
    energy_min_tev : float, optional
        Least true energy of background.

    Returns
    -------
    dict of str to list of float
        ``signal_efficiency``, evenly spaced up to the largest that is reached, and
        ``background_fraction``; empty without a discriminator.

    Raises
    ------
    InputError
        If the discriminator is unknown.
    """
    value_of, _ = _discriminator(name)
    signal = signal.take(np.asarray(signal.events["is_valid"], dtype=bool))
    background = _above(background, energy_min_tev)
    mine, other = value_of(signal.events), value_of(background.events)
    finite = np.isfinite(mine)
    total = signal.weight.sum()
    if not finite.any() or not background.weight.sum() > 0.0:
        return {"signal_efficiency": [], "background_fraction": []}
    order = np.argsort(mine[finite], kind="stable")
    below = np.cumsum(signal.weight[finite][order]) / total
    wanted = np.linspace(0.0, below[-1], N_POINTS)
    at = np.minimum(np.searchsorted(below, wanted), len(below) - 1)
    limits = mine[finite][order][at]
    sorted_other = np.argsort(other, kind="stable")
    kept = np.concatenate([[0.0], np.cumsum(background.weight[sorted_other])])
    place = np.searchsorted(other[sorted_other], limits, side="right")
    return {
        "signal_efficiency": below[at].tolist(),
        "background_fraction": (kept[place] / kept[-1]).tolist(),
    }
