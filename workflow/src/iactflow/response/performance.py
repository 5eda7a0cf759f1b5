"""Performance of a node beyond its responses: sensitivity, rejection, what cuts look at.

All of the part of the showers that responses are made of, which cuts were not chosen on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from iactflow.response.node import SPLIT, Node, in_type
from iactflow.response.rejection import DISCRIMINATORS, PROTON, rejection_at, roc_curve
from iactflow.response.samples import SimulatedSample, read_sample
from iactflow.response.selection import Cuts, band_places, select
from iactflow.response.sensitivity import (
    STANDARD,
    BinnedRates,
    Conditions,
    as_columns,
    differential_sensitivity,
    energy_edges,
    rates_by_energy,
)
from iactflow.response.signal import Axes
from iactflow.response.spectra import Spectrum, find_spectrum
from iactflow.response.thrown_density import solid_angle_sr
from iactflow.response.weighted import WeightedEvents, weigh_background, weigh_signal

__all__ = [
    "Distributions",
    "distributions",
    "performance_numbers",
    "performance_of",
    "sensitivity_at",
]

#: Background around a source is averaged over this much to both sides of its offset.
_RING_DEG = 0.5
#: Energy above which background counts for the rejection (true energy).
REJECTION_ENERGY_TEV = 0.5
REJECTION_EFFICIENCY = 0.8
#: Source that sensitivities refer to.
REFERENCE = "crab_hess"
#: Axes of the distributions.
_AXES = {
    "mean_scaled_width": (-3.0, 8.0, 55),
    "mean_scaled_length": (-3.0, 8.0, 55),
    "gammaness": (0.0, 1.0, 50),
}


class Distributions(NamedTuple):
    """A quantity of events, weighted, normalised to one.

    Attributes
    ----------
    edges : ndarray of float64, shape (n + 1,)
        Edges; events beyond them are in the outermost bins.
    signal, signal_error, background, background_error : ndarray of float64, shape (n,)
        Fractions of events per bin, with errors by shower.
    """

    edges: np.ndarray
    signal: np.ndarray
    signal_error: np.ndarray
    background: np.ndarray
    background_error: np.ndarray


def _fractions(found: WeightedEvents, name: str, edges: np.ndarray):
    value = np.asarray(found.events[name], dtype=np.float64)
    good = np.isfinite(value) & np.asarray(found.events["is_valid"], dtype=bool)
    found, value = found.take(good), np.clip(value[good], edges[0], np.nextafter(edges[-1], -1e9))
    rates = rates_by_energy(value, found.weight, found.cluster, edges)
    total = rates.value.sum()
    if not total > 0.0:
        return np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    return rates.value / total, rates.error / total


def distributions(signal: WeightedEvents, background: WeightedEvents) -> dict[str, Distributions]:
    """Distributions of what cuts look at.

    Parameters
    ----------
    signal, background : WeightedEvents
        Events.

    Returns
    -------
    dict of str to Distributions
        By quantity; those without a value are left out.
    """
    found = {}
    for name, (low, high, n) in _AXES.items():
        if not np.isfinite(np.asarray(signal.events[name], dtype=np.float64)).any():
            continue
        edges = np.linspace(low, high, n + 1)
        parts = _fractions(signal, name, edges), _fractions(background, name, edges)
        found[name] = Distributions(edges, *parts[0], *parts[1])
    return found


def _on_region(cuts: Cuts, edges_tev: np.ndarray, zenith_deg: float) -> np.ndarray | None:
    """Solid angle of the on region by energy; None without a cut on the direction."""
    centre = np.sqrt(edges_tev[:-1] * edges_tev[1:])
    place = band_places(cuts, centre, np.full(len(centre), zenith_deg))
    theta2 = [cuts.bands[i].theta2_max_deg2 for i in place]
    return None if None in theta2 else solid_angle_sr(0.0, np.sqrt(theta2))


def sensitivity_at(
    signal: WeightedEvents,
    background: WeightedEvents,
    cuts: Cuts,
    edges_tev,
    offset_deg: float,
    reference: Spectrum,
    conditions: Conditions = STANDARD,
) -> dict | None:
    """Sensitivity for a point source at an offset.

    Parameters
    ----------
    signal : WeightedEvents
        Gamma rays of the reference source at this offset, all that triggered.
    background : WeightedEvents
        Background, all that triggered.
    cuts : Cuts
        Cuts, with one on the direction.
    edges_tev : array_like, shape (n_bins + 1,)
        Edges of bins of reconstructed energy.
    offset_deg : float
        Offset of the source from the pointing.
    reference : Spectrum
        Flux of the source.
    conditions : Conditions, optional
        Conditions of a detection.

    Returns
    -------
    dict or None
        Columns of `iactflow.response.sensitivity.Sensitivity`, with the rates of signal and
        background in the on region, their errors, and the background showers; None where cuts have
        none on the direction, so that there is no on region.
    """
    edges = np.asarray(edges_tev, dtype=np.float64)
    zenith_deg = float(np.mean(signal.events["zenith_deg"])) if len(signal.weight) else 0.0
    region_sr = _on_region(cuts, edges, zenith_deg)
    if region_sr is None:
        return None
    kept = signal.take(select(signal.events, cuts, with_direction=True))
    rates = rates_by_energy(kept.events["energy_tev"], kept.weight, kept.cluster, edges)
    ring = max(offset_deg - _RING_DEG, 0.0), offset_deg + _RING_DEG
    offset = background.events["offset_deg"]
    inside = select(background.events, cuts) & (offset >= ring[0]) & (offset < ring[1])
    left = background.take(inside)
    other = rates_by_energy(left.events["energy_tev"], left.weight, left.cluster, edges)
    part = region_sr / solid_angle_sr(*ring)
    other = other._replace(value=other.value * part, error=other.error * part)
    found = differential_sensitivity(edges, rates, other, reference, conditions)
    return {**as_columns(found), **_rates(rates, "signal"), **_rates(other, "background")}


def _rates(rates: BinnedRates, name: str) -> dict:
    return {
        f"{name}_rate_per_s": rates.value.tolist(),
        f"{name}_rate_error_per_s": rates.error.tolist(),
        f"n_{name}_showers": rates.n_showers.tolist(),
    }


def _rejection(signal: WeightedEvents, background: WeightedEvents) -> dict:
    """Numbers at a fixed efficiency, and curves, of every discriminator."""
    is_proton = bool((background.events["particle_id"] == PROTON).any())
    found = {
        "signal_efficiency": REJECTION_EFFICIENCY,
        "background_energy_min_tev": REJECTION_ENERGY_TEV,
        "particle_id": PROTON if is_proton else None,
    }
    kind = PROTON if is_proton else None
    for name in DISCRIMINATORS:
        numbers = rejection_at(
            signal, background, name, REJECTION_EFFICIENCY, REJECTION_ENERGY_TEV, kind
        )
        if numbers is None:
            found[name] = None
            continue
        kept = numbers.background
        found[name] = {
            "threshold": numbers.threshold,
            "signal_efficiency_reached": numbers.signal.value,
            "signal_efficiency_error": numbers.signal.error,
            "background_fraction": kept.value,
            "background_fraction_error": kept.error,
            "n_background_events": kept.n_events,
            "n_background_showers": kept.n_showers,
            "roc": roc_curve(signal, background, name, REJECTION_ENERGY_TEV),
        }
    return found


def performance_numbers(
    signal: Sequence[SimulatedSample],
    background: Sequence[tuple[SimulatedSample, str | None]],
    cuts: Cuts,
    edges_tev,
    offsets_deg: Sequence[tuple[float, float, float]],
    reference: Spectrum,
) -> dict:
    """Sensitivity, rejection and distributions of a node.

    Parameters
    ----------
    signal : sequence of SimulatedSample
        Gamma rays.
    background : sequence of (SimulatedSample, str or None)
        Background, each with the name of its spectrum.
    cuts : Cuts
        Cuts.
    edges_tev : array_like, shape (n_bins + 1,)
        Edges of bins of reconstructed energy, of the sensitivity.
    offsets_deg : sequence of (float, float, float)
        Offsets of the source, each with the least and the largest true offset that stand for it.
    reference : Spectrum
        Flux of the reference source.

    Returns
    -------
    dict
        ``sensitivity``: reference, conditions and, by offset, columns by energy or nothing;
        ``discrimination``: background kept at a fixed efficiency for gamma rays, and curves of
        both, of scaled cuts and of trees; ``distributions``: of signal and background before cuts.
    """
    others = weigh_background(background)
    everywhere = weigh_signal(signal, reference)
    by_offset = []
    for offset, low, high in offsets_deg:
        here = weigh_signal(signal, reference, (low, high))
        by_offset.append(sensitivity_at(here, others, cuts, edges_tev, offset, reference))
    shapes: Mapping = distributions(everywhere, others)
    return {
        "sensitivity": {
            "reference": reference.name,
            **STANDARD._asdict(),
            "offset_deg": [offset for offset, _, _ in offsets_deg],
            "by_offset": by_offset,
        },
        "discrimination": _rejection(everywhere, others),
        "distributions": {name: found._asdict() for name, found in shapes.items()},
    }


def performance_of(index: Mapping, node: Node, cuts: Cuts, axes: Axes, settings: Mapping) -> dict:
    """Performance of a node from its files.

    Parameters
    ----------
    index : mapping
        ``signal``: paths; ``background``: paths by sample.
    node : Node
        Node.
    cuts : Cuts
        Cuts.
    axes : Axes
        Axes of its responses: their offsets are those of the source.
    settings : mapping
        ``energy_reco_edges_tev``: energies to cover; ``spectra``: names of spectra by sample of
        background.

    Returns
    -------
    dict
        As of `performance_numbers`; empty without simulated background.

    Raises
    ------
    InputError
        If a file is broken, or as of `iactflow.response.weighted.weigh_background`.
    """
    if not index["background"]:
        return {}

    def read(paths):
        found = read_sample(paths, SPLIT, node.energy, node.direction, node.nsb_factor)
        mine = in_type(found.events, node)
        return found._replace(events={k: v[mine] for k, v in found.events.items()})

    signal = [read(index["signal"])]
    background = [
        (read(paths), settings["spectra"].get(name)) for name, paths in index["background"].items()
    ]
    edges = settings["energy_reco_edges_tev"]
    offsets = axes.offset_edges_deg
    nodes = zip(axes.offset_nodes_deg, offsets[:-1], offsets[1:], strict=True)
    return performance_numbers(
        signal,
        background,
        cuts,
        energy_edges(edges[0], edges[-1]),
        [tuple(float(x) for x in node_and_edges) for node_and_edges in nodes],
        find_spectrum(REFERENCE),
    )
