"""Headline numbers of a node's responses, with errors by shower."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iactflow.response.background import exposure_mev_sr
from iactflow.response.histograms import Background, Signal
from iactflow.response.resolution import Estimate, angular_resolution, energy_resolution
from iactflow.response.signal import AreaSums, Axes, effective_area

__all__ = ["background_numbers", "lowest_area_fraction", "signal_numbers"]


def _with_error(estimate: Estimate) -> tuple[np.ndarray, np.ndarray]:
    return estimate.value, 0.5 * (estimate.high - estimate.low)


def lowest_area_fraction(area_m2: np.ndarray, n_thrown: np.ndarray) -> np.ndarray:
    """Effective area where simulations begin, over the largest.

    Parameters
    ----------
    area_m2, n_thrown : ndarray of float64, shape (k, m)
        Effective area; events thrown.

    Returns
    -------
    ndarray of float64, shape (k,)
        Area in the lowest bin of energy with thrown events over that of all bins, by offset; not a
        number without any area.
    """
    first = np.argmax(n_thrown > 0.0, axis=1)
    largest = area_m2.max(axis=1)
    lowest = area_m2[np.arange(len(area_m2)), first]
    return np.divide(lowest, largest, out=np.full(len(largest), np.nan), where=largest > 0.0)


def signal_numbers(axes: Axes, signal: Signal, sums: AreaSums, events: Mapping) -> dict:
    """Numbers of the signal of a node.

    Parameters
    ----------
    axes : Axes
        Axes.
    signal : Signal
        Histograms.
    sums : AreaSums
        Sums of the effective area.
    events : mapping of str to ndarray, each of shape (n,)
        Events that passed cuts, as of `iactflow.response.node.signal_of`.

    Returns
    -------
    dict
        Axes; by offset and true energy: events, area, resolutions and bias with their errors, not a
        number where there are too few events.
    """
    area, area_error = effective_area(sums)
    rows: dict[str, list] = {}
    at = np.searchsorted(axes.offset_edges_deg, events["true_offset_deg"], side="right") - 1
    last = events["true_offset_deg"] == axes.offset_edges_deg[-1]
    at[last] = len(axes.offset_nodes_deg) - 1
    for k in range(len(axes.offset_nodes_deg)):
        mine = at == k
        true, cluster = events["true_energy_tev"][mine], events["cluster"][mine]
        common = (true, axes.energy_edges_tev, cluster)
        angle = angular_resolution(events["theta_deg"][mine], *common).radius_deg
        energy = energy_resolution(events["energy_tev"][mine], *common)
        numbers = {
            "angular_resolution": (angle, "_deg"),
            "energy_resolution": (energy.rms, ""),
            "energy_bias": (energy.mean, ""),
        }
        for name, (estimate, unit) in numbers.items():
            value, error = _with_error(estimate)
            rows.setdefault(f"{name}{unit}", []).append(value)
            rows.setdefault(f"{name}_error{unit}", []).append(error)
    return {
        "energy_edges_tev": axes.energy_edges_tev,
        "offset_deg": axes.offset_nodes_deg,
        "offset_valid_deg": [axes.offset_edges_deg[0], axes.offset_edges_deg[-1]],
        "n_signal_events": signal.selected,
        "n_thrown": sums.n_thrown,
        "effective_area_m2": area,
        "effective_area_error_m2": area_error,
        "lowest_area_fraction": lowest_area_fraction(area, sums.n_thrown),
        **rows,
    }


def background_numbers(background: Background, energy_edges_tev, offset_edges_deg) -> dict:
    """Numbers of the background of a node, before smoothing.

    Parameters
    ----------
    background : Background
        Histograms.
    energy_edges_tev : ndarray of float64, shape (n + 1,)
        Edges in reconstructed energy.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset.

    Returns
    -------
    dict
        Axes; rates in the field of view by energy with their errors; different showers by energy
        and in all; density by energy and offset.
    """
    exposure = exposure_mev_sr(energy_edges_tev, offset_edges_deg)
    return {
        "energy_reco_edges_tev": energy_edges_tev,
        "background_offset_edges_deg": offset_edges_deg,
        "background_rate_per_s": background.rate_per_s.sum(axis=1),
        "background_rate_error_per_s": np.sqrt(background.energy_squares),
        "background_per_s_mev_sr": background.rate_per_s / exposure,
        "n_background_showers": background.n_showers,
        "n_background_showers_in_all": background.n_showers_in_all,
    }
