"""Responses between the nodes of the simulations.

Nodes form a grid in the cosine of the zenith angle, in azimuth (a circle), in the logarithm of the
night sky and in the throughput. Inside a cell of the grid its corners are weighted linearly in each
coordinate; beyond the outermost nodes there is no response: that is refused, not extrapolated.

- Areas and background rates are geometric means where all corners have some, as both change with
  the zenith angle by powers; arithmetic means elsewhere.
- Energy dispersion and point spread function are interpolated by their quantiles: a mean of the
  curves x(P), not P(x), of the cumulative distributions (Read 1999, Nucl. Instrum. Meth. A 425,
  357). A peak moves from its place at one node to that at the other, where a mean of densities
  would have two.
- Parameters of profiles (King, Gaussians) are arithmetic means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.io.observation import EnergyDispersion, PointSpread
from iactflow.response.parametrised import Responses
from iactflow.response.signal import ring_solid_angle_sr

__all__ = ["GridConditions", "Reach", "corner_weights", "interpolate_responses", "mean_quantiles"]

# Conditions that differ by less are the same.
_SAME = 1e-9
# Heights of a cumulative distribution at both ends of a gap are kept apart by this.
_STEP = 1e-12


class GridConditions(NamedTuple):
    """Conditions of responses.

    Attributes
    ----------
    zenith_deg, azimuth_deg : float
        Pointing; azimuth from north through east.
    nsb_factor : float
        Factor on the night-sky background, above 0.
    throughput : float
        Throughput of the telescopes.
    """

    zenith_deg: float
    azimuth_deg: float
    nsb_factor: float = 1.0
    throughput: float = 1.0


class Reach(NamedTuple):
    """How far beyond the nodes their responses are taken, as they are.

    Attributes
    ----------
    zenith_deg, azimuth_deg : float
        Angles; the azimuth's is used where there is one azimuth alone.
    nsb_dex : float
        Decades of the night sky.
    throughput : float
        Throughput.
    """

    zenith_deg: float = 0.0
    azimuth_deg: float = 0.0
    nsb_dex: float = 0.0
    throughput: float = 0.0


def _coordinate(name: str, value: float) -> float:
    if name == "zenith_deg":
        return -float(np.cos(np.radians(value)))
    return float(np.log10(value)) if name == "nsb_factor" else float(value)


def _line_weights(name: str, nodes: list[float], value: float, reach: float) -> dict[float, float]:
    """Weights of the nodes of one axis around a value."""
    if nodes == [value]:
        return {value: 1.0}
    slack = reach + _SAME * max(1.0, abs(value))
    distance = value if name != "nsb_factor" else np.log10(value)
    ends = [n if name != "nsb_factor" else np.log10(n) for n in (nodes[0], nodes[-1])]
    if not ends[0] - slack <= distance <= ends[1] + slack:
        allowed = f"{nodes[0]:g} to {nodes[-1]:g}, where there are nodes"
        allowed += f", and {reach:g} beyond" if reach else ""
        raise InputError("responses", name, value, allowed)
    inside = min(max(value, nodes[0]), nodes[-1])
    if len(nodes) == 1:
        return {nodes[0]: 1.0}
    i = min(max(int(np.searchsorted(nodes, inside, side="right")) - 1, 0), len(nodes) - 2)
    low, high, at = (_coordinate(name, v) for v in (nodes[i], nodes[i + 1], inside))
    t = min(max((at - low) / (high - low), 0.0), 1.0)
    return {nodes[i]: 1.0 - t, nodes[i + 1]: t}


def _circle_weights(nodes: list[float], value: float, reach: float) -> dict[float, float]:
    """Weights of azimuths: the circle is closed where there are two or more."""
    if len(nodes) == 1:
        off = abs((value - nodes[0] + 180.0) % 360.0 - 180.0)
        if off > reach + _SAME:
            allowed = f"{nodes[0]:g}, the only azimuth of the nodes"
            allowed += f", and {reach:g} to both sides" if reach else ""
            raise InputError("responses", "azimuth_deg", value, allowed)
        return {nodes[0]: 1.0}
    value %= 360.0
    i = int(np.searchsorted(nodes, value, side="right")) - 1
    low, high = nodes[i], nodes[(i + 1) % len(nodes)]
    t = ((value - low) % 360.0) / ((high - low) % 360.0)
    return {low: 1.0 - t, high: t}


def corner_weights(
    nodes: Sequence[GridConditions], conditions: GridConditions, reach: Reach | None = None
) -> dict[int, float]:
    """Weights of the nodes around conditions.

    Parameters
    ----------
    nodes : sequence of GridConditions
        Nodes, each once; a full grid.
    conditions : GridConditions
        Where responses are wanted.
    reach : Reach, optional
        By default nothing beyond the nodes.

    Returns
    -------
    dict of int to float
        Place in ``nodes`` to weight; weights above 0, with the sum 1.

    Raises
    ------
    InputError
        If the conditions lie beyond the nodes, or these are no full grid.
    """
    reach = reach or Reach()
    place = {tuple(node): i for i, node in enumerate(nodes)}
    axes = [sorted({node[k] for node in nodes}) for k in range(len(GridConditions._fields))]
    if len(place) != len(nodes) or len(nodes) != np.prod([len(axis) for axis in axes]):
        lost = next((corner for corner in product(*axes) if corner not in place), "one twice")
        raise InputError("responses", "nodes", f"no node at {lost}", "a full grid, each node once")
    weights = []
    for name, axis, value, far in zip(GridConditions._fields, axes, conditions, reach, strict=True):
        logarithmic = name == "nsb_factor" and axis != [value]
        if not np.isfinite(value) or (logarithmic and min(value, *axis, np.inf) <= 0.0):
            raise InputError("responses", name, value, "a finite number, above 0 for the night sky")
        if name == "azimuth_deg":
            weights.append(_circle_weights(axis, value, far))
        else:
            weights.append(_line_weights(name, axis, value, far))
    found: dict[int, float] = {}
    for corner in product(*weights):
        share = float(np.prod([w[c] for w, c in zip(weights, corner, strict=True)]))
        if share > 0.0:
            found[place[corner]] = share
    return found


def interpolate_responses(
    nodes: Sequence[tuple[GridConditions, Responses]],
    conditions: GridConditions,
    reach: Reach | None = None,
) -> Responses:
    """Interpolate responses between nodes.

    Parameters
    ----------
    nodes : sequence of tuple
        Conditions and responses of each node, all with the same axes.
    conditions : GridConditions
        Where responses are wanted.
    reach : Reach, optional
        By default nothing beyond the nodes.

    Returns
    -------
    Responses
        At these conditions.

    Raises
    ------
    InputError
        If the conditions lie beyond the nodes, these are no full grid, or their axes differ.
    """
    weights = corner_weights([GridConditions(*node) for node, _ in nodes], conditions, reach)
    corners = [nodes[i][1] for i in weights]
    share = np.array(list(weights.values()))
    names = ("aeff", "edisp", "psf", "bkg")
    return Responses(**{n: _mean(n, [getattr(c, n) for c in corners], share) for n in names})


def _mean(name: str, tables: list, share: np.ndarray):
    """Weighted mean of one response."""
    first = tables[0]
    if first is None or len(tables) == 1:
        return first
    values: Mapping[str, list] = {}
    for field in fields(first):
        columns = [getattr(table, field.name) for table in tables]
        if np.ndim(columns[0]) > 1:
            values[field.name] = columns
        elif isinstance(columns[0], np.ndarray) and not all(
            np.array_equal(columns[0], column) for column in columns
        ):
            raise InputError("responses", f"{name}.{field.name}", "differs", "the same axes")
    if len({type(table) for table in tables}) > 1:
        raise InputError("responses", name, "tables of two kinds", "the same kind at all nodes")
    if isinstance(first, EnergyDispersion):
        edges = first.migra_edges
        return replace(first, matrix=_by_quantiles(values["matrix"], share, edges, 1))
    if isinstance(first, PointSpread):
        edges, solid = first.rad_edges_deg, ring_solid_angle_sr(first.rad_edges_deg)
        widths = np.diff(edges)
        scale = (solid / widths)[:, None, None]
        flat = [column * scale for column in values["value_per_sr"]]
        return replace(first, value_per_sr=_by_quantiles(flat, share, edges, 0) / scale)
    mean = _geometric if name in ("aeff", "bkg") else _arithmetic
    return replace(first, **{field: mean(columns, share) for field, columns in values.items()})


def _arithmetic(columns: list, share: np.ndarray) -> np.ndarray:
    return np.tensordot(share, np.stack(columns), axes=1)


def _geometric(columns: list, share: np.ndarray) -> np.ndarray:
    """Geometric mean where all have some, arithmetic elsewhere."""
    stacked = np.stack(columns)
    some = (stacked > 0.0).all(axis=0)
    logs = np.log(np.where(some, stacked, 1.0))
    return np.where(some, np.exp(np.tensordot(share, logs, axes=1)), _arithmetic(columns, share))


def _by_quantiles(densities: list, share: np.ndarray, edges, axis: int) -> np.ndarray:
    """Mean of densities per unit of the edges along an axis, by quantiles."""
    moved = [np.moveaxis(density, axis, -1) for density in densities]
    result = np.zeros(moved[0].shape)
    for at in np.ndindex(result.shape[:-1]):
        result[at] = mean_quantiles([density[at] for density in moved], share, edges)
    return np.moveaxis(result, -1, axis)


def mean_quantiles(densities: Sequence, share, edges) -> np.ndarray:
    """Mean of one-dimensional distributions by their quantiles.

    Parameters
    ----------
    densities : sequence of ndarray of float64, shape (j,)
        Densities per unit of the edges; those of distributions without content are left out.
    share : ndarray of float64
        Weight of each.
    edges : ndarray of float64, shape (j + 1,)
        Edges of their bins.

    Returns
    -------
    ndarray of float64, shape (j,)
        Density, with the weighted mean of the integrals; zero where all are empty.
    """
    widths = np.diff(edges)
    content = np.array([np.sum(d * widths) for d in densities])
    used = np.flatnonzero(content > 0.0)
    if not len(used):
        return np.zeros(len(widths))
    weights = np.asarray(share, dtype=float)[used]
    weights = weights / weights.sum()
    curves = []
    for i in used:
        height = np.concatenate([[0.0], np.cumsum(densities[i] * widths)]) / content[i]
        # Only edges of bins with content: outside of them the distribution has no place.
        rising = np.flatnonzero(np.diff(height) > 0.0)
        keep = np.union1d(rising, rising + 1)
        curves.append((height[keep] + _STEP * np.arange(len(keep)), edges[keep]))
    # The curves are linear between these probabilities, and so is their mean.
    points = np.unique(np.concatenate([height for height, _ in curves]))
    places = weights @ np.stack([np.interp(points, height, at) for height, at in curves])
    cumulative = np.interp(edges, places, points / points[-1], left=0.0, right=1.0)
    return np.diff(cumulative) / widths * float(weights @ content[used])
