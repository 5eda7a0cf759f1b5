"""Resolutions of a simulated sample, by way of reconstruction and true energy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.response.resolution import Estimate, angular_resolution, energy_resolution

__all__ = ["ENERGY_EDGES_TEV", "Resolutions", "bin_of", "headline"]

# Fifths of a decade, aligned at 1 TeV, as the thrown events are.
ENERGY_EDGES_TEV = 10.0 ** (np.arange(-10, 16) / 5.0)
DIRECTIONS = {
    "pairs": ("alt_deg", "az_deg"),
    "fit": ("alt_fit_deg", "az_fit_deg"),
    "forest": ("alt_forest_deg", "az_forest_deg"),
}
ENERGIES = {"tables": "energy_tev", "forest": "energy_forest_tev"}


def bin_of(energy_tev: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bin of true energies.

    Parameters
    ----------
    energy_tev : ndarray of float64, shape (n,)
        Energies.

    Returns
    -------
    place : ndarray of int64, shape (n,)
        Bin of `ENERGY_EDGES_TEV`.
    inside : ndarray of bool, shape (n,)
        Whether there is one.
    """
    place = np.searchsorted(ENERGY_EDGES_TEV, energy_tev, side="right") - 1
    inside = (place >= 0) & (place < len(ENERGY_EDGES_TEV) - 1)
    return np.where(inside, place, 0), inside


class Resolutions:
    """Distances and energy ratios of events, in single precision until all are there."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str], list[tuple[np.ndarray, ...]]] = {}

    def add(
        self,
        truth: Mapping[str, np.ndarray],
        geometry: Mapping[str, np.ndarray],
        events: Mapping[str, np.ndarray],
        tested: np.ndarray | bool,
    ) -> None:
        """Add the events of a file.

        Parameters
        ----------
        truth, geometry, events : mapping of str to ndarray, each of shape (n,)
            Columns of ``simulated_events``, ``geometry`` and ``events_dl2``, of the same events.
        tested : ndarray of bool, shape (n,), or bool
            Events that count.
        """
        columns = {**events, **geometry}
        for method, names in DIRECTIONS.items():
            if all(name in columns for name in names):
                place = (columns[names[1]], columns[names[0]])
                true = (truth["true_az_deg"], truth["true_alt_deg"])
                self._keep(("direction", method), truth, separation_deg(*place, *true), tested)
        for method, name in ENERGIES.items():
            if name in columns:
                ratio = columns[name] / truth["true_energy_tev"]
                self._keep(("energy", method), truth, ratio, tested)

    def _keep(self, key, truth, values, tested) -> None:
        use = np.isfinite(values) & tested
        shower = truth["obs_id"][use] * 2**32 + truth["shower_id"][use]
        row = truth["true_energy_tev"][use], values[use].astype(np.float32), shower
        self.parts.setdefault(key, []).append(row)

    def table(self) -> list[tuple]:
        """Rows of the table ``resolutions`` without the level.

        Returns
        -------
        list of tuple
            Quantity, method, bin, events, bias, its error, resolution, its error.
        """
        rows = []
        for (quantity, method), parts in self.parts.items():
            energy, values, shower = (np.concatenate(part) for part in zip(*parts, strict=True))
            found = _resolution(quantity, energy, values.astype(np.float64), shower)
            rows += [(quantity, method, *numbers) for numbers in found if numbers[2]]
        return rows


def _resolution(quantity: str, energy: np.ndarray, values: np.ndarray, shower: np.ndarray):
    """Bins, events, bias, its error, resolution, its error."""
    if quantity == "direction":
        found = angular_resolution(values, energy, ENERGY_EDGES_TEV, shower)
        width, bias = found.radius_deg, None
    else:
        found = energy_resolution(values * energy, energy, ENERGY_EDGES_TEV, shower)
        width, bias = found.rms, found.mean
    unknown = np.full(len(found.n_events), np.nan)
    shift = (unknown, unknown) if bias is None else (bias.value, _half(bias))
    numbers = (*shift, width.value, _half(width))
    bins = found.energy_min_tev, found.energy_max_tev, found.n_events
    return [tuple(column[i].item() for column in (*bins, *numbers)) for i in range(len(bins[0]))]


def _half(estimate: Estimate) -> np.ndarray:
    """Half an interval; not a number where it has no end."""
    with np.errstate(invalid="ignore"):
        half = 0.5 * (estimate.high - estimate.low)
    return np.where(np.isfinite(half), half, np.nan)


def headline(rows: list[tuple]) -> dict[str, dict]:
    """Numbers of the summary.

    Parameters
    ----------
    rows : list of tuple
        As of `Resolutions.table`.

    Returns
    -------
    dict
        ``angular_resolution`` and ``energy_resolution``: by method, a list of bins.
    """
    blocks: dict[str, dict] = {"angular_resolution": {}, "energy_resolution": {}}
    for quantity, method, low, high, n, bias, bias_error, width, error in rows:
        block = {"energy_min_tev": low, "energy_max_tev": high, "n_events": n}
        if quantity == "direction":
            block |= {"r68_deg": width, "r68_error_deg": error}
        else:
            block |= {"bias": bias, "bias_error": bias_error}
            block |= {"resolution": width, "resolution_error": error}
        name = "angular_resolution" if quantity == "direction" else "energy_resolution"
        blocks[name].setdefault(method, []).append(block)
    return blocks
