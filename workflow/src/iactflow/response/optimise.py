"""Choice of cuts: those that make a source most significant, in bands of energy and zenith angle.

For a source of a given flux and time, all combinations of candidates of the cuts are held against
each other by the significance that its excess is expected to have (Li & Ma 1983, ApJ 272, 317, eq.
17), as H.E.S.S. and pyirf choose theirs. Candidates of a cut are quantiles of the gamma rays of the
band, so that neighbours differ in efficiency by the same step. Background is taken from a circle
around the pointing and scaled with the solid angle to the on region.

A cut that leaves a handful of simulated background showers would be chosen for their fluctuation:
combinations that leave fewer than a least number of different showers are passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.response.samples import SimulatedSample
from iactflow.response.selection import CutBand, Cuts, cuts_from_settings, select
from iactflow.response.significance import li_ma_significance
from iactflow.response.spectra import find_spectrum
from iactflow.response.thrown_density import solid_angle_sr
from iactflow.response.weighted import WeightedEvents, weigh_background, weigh_signal
from iactflow.response.weights import clustered_rate

__all__ = ["BandChoice", "choose_band", "choose_cuts"]

LOGGER = logging.getLogger("iactflow")
#: Fractions of the gamma rays that candidates of a cut keep, from the first to the last.
EFFICIENCIES = (0.2, 0.99)
#: Candidates of each cut, by the number of cuts that are chosen together.
N_CANDIDATES = {1: 80, 2: 40, 3: 20, 4: 14}
DIRECTION = "theta2_max_deg2"
#: What a cut looks at, and the sign with which passing means staying below.
QUANTITIES = {
    "mean_scaled_width_max": ("mean_scaled_width", 1.0),
    "mean_scaled_length_max": ("mean_scaled_length", 1.0),
    "gammaness_min": ("gammaness", -1.0),
    DIRECTION: ("theta_deg", 1.0),
}


class BandChoice(NamedTuple):
    """Cuts of a band, and what they leave.

    Attributes
    ----------
    band : CutBand
        Cuts.
    numbers : dict
        Significance, rates with errors, efficiency, simulated events and showers.
    """

    band: CutBand
    numbers: dict


class _Grid(NamedTuple):
    """All combinations of candidates, one axis per cut.

    Attributes
    ----------
    names : tuple of str
        Cuts.
    limits : tuple of ndarray
        Candidates of each, ascending in what they let pass.
    """

    names: tuple[str, ...]
    limits: tuple[np.ndarray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(limits) for limits in self.limits)

    def place(self, events: Mapping, name: str) -> np.ndarray:
        """First candidate of a cut that events pass; the number of candidates if none."""
        limits = self.limits[self.names.index(name)]
        return np.searchsorted(limits, _oriented(events, name), side="left")


def _oriented(events: Mapping, name: str) -> np.ndarray:
    """What a cut looks at, so that small values pass."""
    quantity, sign = QUANTITIES[name]
    if quantity not in events:
        raise InputError("cuts", "events", f"no column {quantity}", "the columns that cuts need")
    value = sign * np.asarray(events[quantity], dtype=np.float64)
    return value**2 if name == DIRECTION else value


def _grid(names: Sequence[str], signal: WeightedEvents) -> _Grid:
    fractions = np.linspace(*EFFICIENCIES, N_CANDIDATES[len(names)])
    limits = []
    for name in names:
        values = _oriented(signal.events, name)
        finite = np.isfinite(values)
        if not finite.any():
            raise InputError("cuts", name, "undefined for all gamma rays", "a quantity they have")
        order = np.argsort(values[finite], kind="stable")
        below = np.cumsum(signal.weight[finite][order])
        at = np.searchsorted(below, fractions * below[-1])
        limits.append(np.unique(values[finite][order][np.minimum(at, len(below) - 1)]))
    return _Grid(tuple(names), tuple(limits))


def _cumulate(grid: _Grid, axes: Sequence[int], places: Sequence, weight) -> np.ndarray:
    """Sum of weights that pass every combination of some axes; others have length 1."""
    shape = tuple(grid.shape[i] for i in axes)
    inside = np.ones(len(weight), dtype=bool)
    for place, n in zip(places, shape, strict=True):
        inside &= place < n
    flat = np.zeros(inside.sum(), dtype=np.int64)
    for place, n in zip(places, shape, strict=True):
        flat = flat * n + place[inside]
    size = int(np.prod(shape, dtype=np.int64))
    total = np.bincount(flat, weights=np.asarray(weight)[inside], minlength=size).reshape(shape)
    for axis in range(len(shape)):
        total = np.cumsum(total, axis=axis)
    return total.reshape([n if i in axes else 1 for i, n in enumerate(grid.shape)])


class _Band:
    """Events of a band, and what combinations of cuts make of them."""

    def __init__(self, signal, background, fixed: CutBand, settings: Mapping) -> None:
        self.signal, self.background, self.settings = signal, background, settings
        names = tuple(settings["cuts"])
        self.grid = _grid(names, signal)
        self.own = [i for i, name in enumerate(names) if name != DIRECTION]
        self.places = [self.grid.place(background.events, names[i]) for i in self.own]
        if DIRECTION in names:
            theta2 = self.grid.limits[names.index(DIRECTION)]
            shape = [len(theta2) if name == DIRECTION else 1 for name in names]
            theta2 = theta2.reshape(shape)
        else:
            theta2 = np.float64(fixed.theta2_max_deg2)
        region_sr = solid_angle_sr(0.0, settings["background_offset_max_deg"])
        self.part = solid_angle_sr(0.0, np.sqrt(theta2)) / region_sr

    def rates(self) -> tuple[np.ndarray, np.ndarray]:
        """Rates of signal and of background in the on region, by combination."""
        grid = self.grid
        axes = range(len(grid.names))
        places = [grid.place(self.signal.events, name) for name in grid.names]
        signal = _cumulate(grid, axes, places, self.signal.weight)
        background = _cumulate(grid, self.own, self.places, self.background.weight) * self.part
        return np.broadcast_arrays(signal, background)

    def passed(self, combination: tuple[int, ...]) -> np.ndarray:
        """Background events that a combination leaves."""
        inside = np.ones(len(self.background.weight), dtype=bool)
        for i, place in zip(self.own, self.places, strict=True):
            inside &= place <= combination[i]
        return inside

    def _showers(self, combination: tuple[int, ...], known: dict) -> int:
        key = tuple(combination[i] for i in self.own)
        if key not in known:
            known[key] = len(np.unique(self.background.cluster[self.passed(combination)]))
        return known[key]

    def choose(self) -> tuple[tuple[int, ...], np.ndarray]:
        """Best combination, and the significance of all."""
        signal, background = self.rates()
        time_s, alpha = self.settings["time_h"] * 3600.0, self.settings["alpha"]
        excess, level = signal * time_s, background * time_s
        significance = li_ma_significance(excess + level, level / alpha, alpha)
        efficient = signal >= self.settings["signal_efficiency_min"] * self.signal.weight.sum()
        order = np.argsort(-np.where(efficient, significance, -np.inf), axis=None, kind="stable")
        known: dict = {}
        for flat in order[: int(efficient.sum())]:
            combination = tuple(int(i) for i in np.unravel_index(flat, self.grid.shape))
            if self._showers(combination, known) >= self.settings["n_background_showers_min"]:
                return combination, significance
        # Nothing leaves enough showers: the loosest shapes leave the most.
        loosest = tuple(
            n - 1 if i in self.own else slice(None) for i, n in enumerate(self.grid.shape)
        )
        line = np.where(efficient[loosest], significance[loosest], -np.inf)
        best = int(np.argmax(line)) if np.ndim(line) else 0
        combination = tuple(i if isinstance(i, int) else best for i in loosest)
        return combination, significance


def _numbers(band: _Band, combination, significance: float, chosen: CutBand) -> dict:
    """What the cuts of a band leave."""
    signal, settings = band.signal, band.settings
    inside = np.ones(len(signal.weight), dtype=bool)
    for i, name in enumerate(band.grid.names):
        inside &= band.grid.place(signal.events, name) <= combination[i]
    if DIRECTION not in band.grid.names:
        inside &= _oriented(signal.events, DIRECTION) <= chosen.theta2_max_deg2
    left = signal.take(inside)
    rate = clustered_rate(left.weight, left.cluster)
    part = np.broadcast_to(band.part, band.grid.shape)[combination]
    kept = band.background.take(band.passed(combination))
    other = clustered_rate(kept.weight * part, kept.cluster)
    before = clustered_rate(band.background.weight * part, band.background.cluster)
    total = float(signal.weight.sum())
    return {
        "significance": float(significance),
        "signal_rate_per_s": rate.value,
        "signal_rate_error_per_s": rate.error,
        "background_rate_per_s": other.value,
        "background_rate_error_per_s": other.error,
        "background_fraction": other.value / before.value if before.value > 0.0 else None,
        "signal_efficiency": rate.value / total if total > 0.0 else None,
        "n_signal_events": rate.n_events,
        "n_signal_showers": rate.n_showers,
        "n_background_events": other.n_events,
        "n_background_showers": other.n_showers,
        "n_background_effective": other.n_effective,
        "enough_background": other.n_showers >= settings["n_background_showers_min"],
    }


def choose_band(
    signal: WeightedEvents, background: WeightedEvents, fixed: CutBand, settings: Mapping
) -> BandChoice:
    """Choose the cuts of a band.

    Parameters
    ----------
    signal : WeightedEvents
        Gamma rays of the source in the band that pass the cuts that are not chosen.
    background : WeightedEvents
        The same of background, in a circle around the pointing.
    fixed : CutBand
        Limits of the band, and the cuts that are not chosen.
    settings : mapping
        Keys of `iactflow.campaign.schema_cuts.OptimiseCuts`.

    Returns
    -------
    BandChoice
        Cuts; where no combination leaves enough background showers the loosest shapes, with
        ``enough_background`` false.

    Raises
    ------
    InputError
        If no gamma ray is in the band, or the on region is not known.
    """
    where = f"{fixed.energy_min_tev:g}-{fixed.energy_max_tev:g} TeV"
    if not signal.weight.sum() > 0.0:
        raise InputError("cuts", f"optimise, {where}", "no gamma rays", "bands that hold some")
    if settings.get("containment") is not None:
        theta2 = _oriented(signal.events, DIRECTION)
        fraction = settings["containment"]
        limit = np.quantile(theta2, fraction, weights=signal.weight, method="inverted_cdf")
        fixed = replace(fixed, theta2_max_deg2=float(limit))
    if fixed.theta2_max_deg2 is None and DIRECTION not in settings["cuts"]:
        allowed = "a value, a preset, containment, or theta2_max_deg2 among the cuts chosen"
        raise InputError("cuts", DIRECTION, None, allowed)
    band = _Band(signal, background, fixed, settings)
    combination, significance = band.choose()
    limits = {
        name: float(QUANTITIES[name][1] * band.grid.limits[i][combination[i]])
        for i, name in enumerate(band.grid.names)
    }
    chosen = replace(fixed, **limits)
    numbers = _numbers(band, combination, significance[combination], chosen)
    if not numbers["enough_background"]:
        LOGGER.warning(
            "cuts, %s: %d background showers are left", where, numbers["n_background_showers"]
        )
    return BandChoice(chosen, numbers)


def _edges(given: Sequence[float], open_edges: tuple[float, float]) -> list[tuple[float, float]]:
    edges = list(given) or list(open_edges)
    return list(pairwise(edges))


def _of_pointings(sample: SimulatedSample, low: float, high: float) -> SimulatedSample:
    """Events and runs of a sample in a band of zenith angle."""

    def inside(zenith_deg):
        return (zenith_deg >= low) & (zenith_deg < high)

    mine = inside(sample.events["zenith_deg"])
    events = {name: values[mine] for name, values in sample.events.items()}
    return SimulatedSample(events, sample.thrown.take(inside(sample.thrown.zenith_deg)))


def _particles(samples: Sequence[tuple[SimulatedSample, str | None]]) -> set[int]:
    return {int(kind) for sample, _ in samples for kind in sample.thrown.particle_id}


def _in_energies(events: Mapping, band: CutBand) -> np.ndarray:
    energy = events["energy_tev"]
    return (energy >= band.energy_min_tev) & (energy < band.energy_max_tev)


def choose_cuts(
    signal: Sequence[SimulatedSample],
    background: Sequence[tuple[SimulatedSample, str | None]],
    settings: Mapping,
) -> tuple[Cuts, list[dict]]:
    """Choose cuts on simulations.

    Parameters
    ----------
    signal : sequence of SimulatedSample
        Gamma rays.
    background : sequence of (SimulatedSample, str or None)
        Background, each with the name of its spectrum.
    settings : mapping
        Block ``cuts`` of a campaign.

    Returns
    -------
    cuts : Cuts
        Cuts.
    numbers : list of dict
        What they leave in each band, as of `choose_band`.

    Raises
    ------
    InputError
        If a band has no simulations, or as of `choose_band`.
    """
    wanted = settings["optimise"]
    base = cuts_from_settings(settings).bands[0]
    base = replace(base, **dict.fromkeys(wanted["cuts"]))
    source = find_spectrum(wanted["source"]).times(wanted["source_fraction"])
    offset = 0.0, wanted.get("signal_offset_max_deg") or float("inf")
    choices = []
    for zenith in _edges(wanted["zenith_edges_deg"], (base.zenith_min_deg, base.zenith_max_deg)):
        here = [_of_pointings(sample, *zenith) for sample in signal]
        here = [sample for sample in here if len(sample.thrown.obs_id)]
        there = [(_of_pointings(sample, *zenith), name) for sample, name in background]
        there = [(sample, name) for sample, name in there if len(sample.thrown.obs_id)]
        if not here or _particles(there) != _particles(background):
            allowed = "bands that signal and every kind of background were simulated in"
            raise InputError("cuts", "optimise.zenith_edges_deg", zenith, allowed)
        gammas = weigh_signal(here, source, offset)
        others = weigh_background(there)
        near = others.events["offset_deg"] <= wanted["background_offset_max_deg"]
        others = others.take(near)
        gammas, others = (
            e.take(select(e.events, Cuts("fixed", (base,)))) for e in (gammas, others)
        )
        for energy in _edges(wanted["energy_edges_tev"], (0.0, float("inf"))):
            band = replace(
                base,
                energy_min_tev=energy[0],
                energy_max_tev=energy[1],
                zenith_min_deg=zenith[0],
                zenith_max_deg=zenith[1],
            )
            parts = (e.take(_in_energies(e.events, band)) for e in (gammas, others))
            choices.append(choose_band(*parts, band, wanted))
    cuts = Cuts("optimised", tuple(choice.band for choice in choices))
    return cuts, [choice.numbers for choice in choices]
