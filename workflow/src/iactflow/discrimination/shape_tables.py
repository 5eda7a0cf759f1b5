"""Tables of shapes, energy and disp: smoothed sums of simulations, looked up and interpolated.

Between nodes (`iactflow.discrimination.shape_sums`) the tables are linear in the cosine of the
zenith angle, the offset, the logarithm of the night sky, and the throughput; inside a table they
are bilinear in ln(size) and impact distance. Observations under conditions beyond the nodes are
refused: a table holds for what was simulated.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow.discrimination.shape_sums import Conditions, Node, ShapeSums, ShapeTableSettings
from iactflow.discrimination.smoothing import smooth
from iactflow.discrimination.table_kernels import QUANTITIES, look_up
from iactflow.errors import InputError

__all__ = ["Axis", "Expectation", "ShapeTables"]


class Axis(NamedTuple):
    """Nodes of one condition.

    Attributes
    ----------
    name : str
        Condition.
    nodes : ndarray of float64, shape (n,)
        Nodes, ascending, in the variable in which tables are linear.
    reach : tuple of two float
        Least and largest value of that variable that is accepted.
    """

    name: str
    nodes: np.ndarray
    reach: tuple[float, float]

    def corners(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Neighbouring nodes of values, and the weight of the upper one.

        Parameters
        ----------
        values : ndarray of float64, shape (n,)
            In the variable of the axis; those beyond the outermost nodes are taken as at them.

        Returns
        -------
        low : ndarray of int64, shape (n,)
            Lower node.
        share : ndarray of float64, shape (n,)
            Weight of the next; 0 where there is none.
        """
        if len(self.nodes) == 1:
            return np.zeros(len(values), dtype=np.int64), np.zeros(len(values))
        inside = np.clip(values, self.nodes[0], self.nodes[-1])
        low = np.clip(np.searchsorted(self.nodes, inside, side="right") - 1, 0, self.nodes.size - 2)
        step = self.nodes[low + 1] - self.nodes[low]
        return low, (inside - self.nodes[low]) / step

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Which values are not accepted.

        Parameters
        ----------
        values : ndarray of float64, shape (n,)
            In the variable of the axis.

        Returns
        -------
        ndarray of bool, shape (n,)
            True outside, and for what is not a number.
        """
        return ~((values >= self.reach[0]) & (values <= self.reach[1]))


class Expectation(NamedTuple):
    """What gamma rays of the same size and distance look like.

    Attributes
    ----------
    mean, scatter : ndarray of float64, shape (n, len(QUANTITIES))
        Expectation and standard deviation of one image; not a number where the tables are empty.
        The third quantity is the logarithm of the energy over the size as seen.
    """

    mean: np.ndarray
    scatter: np.ndarray


class _TypeTables(NamedTuple):
    axes: tuple[Axis, Axis, Axis, Axis]
    throughput: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray


def _axes(nodes: list[Node], s: ShapeTableSettings) -> tuple[Axis, Axis, Axis, Axis]:
    """Axes of the nodes of a type, in the variables of the interpolation."""
    zenith, offset, nsb, throughput = (
        np.array(sorted(set(column))) for column in list(zip(*nodes, strict=True))[1:]
    )
    reach_deg = (zenith[-1] + s.zenith_reach_deg, max(zenith[0] - s.zenith_reach_deg, 0.0))
    # Rounding of the cosine must not refuse the limit itself.
    cosines = np.cos(np.radians(reach_deg)) + np.array([-1e-9, 1e-9])
    known = nsb[0] > 0.0
    dex = np.log10(nsb) if known else np.zeros(1)
    beyond = s.nsb_reach_dex if known else np.inf
    near, far = offset[0] - s.offset_reach_deg, offset[-1] + s.offset_reach_deg
    low, high = throughput[0] - s.throughput_reach, throughput[-1] + s.throughput_reach
    return (
        Axis("zenith_deg", np.cos(np.radians(zenith[::-1])), (cosines[0], cosines[1])),
        Axis("offset_deg", offset, (near, far)),
        Axis("nsb_rate_ghz", dex, (dex[0] - beyond, dex[-1] + beyond)),
        Axis("throughput", throughput, (low, high)),
    )


def _allowed(axis: Axis) -> str:
    """Range of a condition that the tables cover, in its own unit."""
    back = {
        "zenith_deg": lambda x: np.degrees(np.arccos(np.clip(x, -1.0, 1.0))),
        "nsb_rate_ghz": lambda x: 10.0**x,
    }.get(axis.name, lambda x: x)
    low, high = sorted(float(back(x)) for x in axis.reach)
    return f"{low:.3g} to {high:.3g}, what the tables cover"


def _variables(conditions: Conditions) -> list[np.ndarray]:
    """Conditions in the variables of the interpolation."""
    nsb = np.asarray(conditions.nsb_rate_ghz, dtype=np.float64)
    return [
        np.cos(np.radians(conditions.zenith_deg)),
        np.asarray(conditions.offset_deg, dtype=np.float64),
        np.log10(np.where(nsb > 0.0, nsb, np.nan)),
        np.asarray(conditions.throughput, dtype=np.float64),
    ]


def _grid(file, telescope_type: str, sums: dict[Node, np.ndarray], s: ShapeTableSettings):
    """Smoothed tables of the nodes of a type; the nodes must fill a grid."""
    if len({node.nsb_rate_ghz > 0.0 for node in sums}) > 1:
        raise InputError(file, f"{telescope_type}, nsb_rate_ghz", "0", "known for all or for none")
    axes = _axes(list(sums), s)
    columns = [sorted(set(column)) for column in list(zip(*sums, strict=True))[1:]]
    columns[0].reverse()
    grid = [Node(telescope_type, *values) for values in itertools.product(*columns)]
    for node in grid:
        if node not in sums:
            raise InputError(
                file, "nodes of the tables", f"no simulations of {node}", "a full grid"
            )
    made = [smooth(sums[node], s.smoothing_bins, s.min_entries) for node in grid]
    mean, scatter = (np.ascontiguousarray(np.stack(parts)) for parts in zip(*made, strict=True))
    return _TypeTables(axes, np.array([node.throughput for node in grid]), mean, scatter)


class ShapeTables:
    """Expectations for gamma rays.

    Parameters
    ----------
    sums : ShapeSums
        Sums of simulated images.
    file : str or Path, optional
        Where they come from, named in errors.

    Attributes
    ----------
    settings : ShapeTableSettings
        Bins and smoothing.
    types : dict of str to tuple
        Axes, throughput of the nodes, means and scatters of shape
        (n_nodes, n_size, n_impact, len(QUANTITIES)), by telescope type. The nodes lie in the order
        of the axes, the last running fastest.

    Raises
    ------
    InputError
        If there are no sums, or the nodes of a type do not fill a grid.
    """

    def __init__(self, sums: ShapeSums, file: str | Path = "shape tables") -> None:
        self.settings, self.file = sums.settings, file
        if not sums.sums:
            raise InputError(file, "shape tables", "no simulated image", "at least one")
        self.types: dict[str, _TypeTables] = {}
        for name in sorted({node.telescope_type for node in sums.sums}):
            mine = {node: part for node, part in sums.sums.items() if node.telescope_type == name}
            self.types[name] = _grid(file, name, mine, sums.settings)

    def expect(self, telescope_type: str, conditions: Conditions, size_pe, impact_m) -> Expectation:
        """Expectations for images.

        Parameters
        ----------
        telescope_type : str
            Their type.
        conditions : Conditions
            Their conditions; offsets are those of the reconstructed direction.
        size_pe, impact_m : ndarray of float64, shape (n,)
            Sizes as seen, and impact distances.

        Returns
        -------
        Expectation
            Not a number for images outside the filled tables, and for those whose offset lies
            beyond the nodes.

        Raises
        ------
        InputError
            If there are no tables of this type, or zenith angle, night sky or throughput lie
            beyond the nodes.
        """
        if telescope_type not in self.types:
            known = ", ".join(self.types)
            raise InputError(self.file, "telescope_type", telescope_type, known)
        tables = self.types[telescope_type]
        node, weight, usable = self._corners(telescope_type, tables, conditions)
        throughput = np.asarray(conditions.throughput, dtype=np.float64)
        shift = np.log(tables.throughput[node] / throughput[:, None])
        with np.errstate(divide="ignore", invalid="ignore"):
            ln_size = np.log(np.asarray(size_pe, dtype=np.float64))[:, None] + shift
        impact_m = np.where(usable, impact_m, np.nan)
        binning = self.settings.binning
        mean, scatter = look_up(
            tables.mean, tables.scatter, binning, node, weight, ln_size, impact_m
        )
        # From energy over size at the node to energy over size as seen.
        mean[:, QUANTITIES.index("ln_energy_per_size")] += np.sum(weight * shift, axis=1)
        return Expectation(mean, scatter)

    def _corners(self, telescope_type, tables: _TypeTables, conditions: Conditions):
        """Nodes around images with their weights, and whether the offset is covered."""
        n = len(conditions.zenith_deg)
        node, weight = np.zeros((n, 1), dtype=np.int64), np.ones((n, 1))
        usable = np.ones(n, dtype=bool)
        variables = _variables(conditions)
        for axis, values, given in zip(tables.axes, variables, conditions, strict=True):
            bad = axis.outside(values)
            if axis.name == "offset_deg":
                usable &= ~bad
            elif axis.name == "nsb_rate_ghz" and np.isinf(axis.reach[1]):
                bad[:] = False
            elif bad.any():
                key = f"{axis.name} of {telescope_type}"
                found = float(np.asarray(given)[bad][0])
                raise InputError(self.file, key, found, _allowed(axis))
            low, share = axis.corners(np.where(bad, axis.nodes[0], values))
            size = len(axis.nodes)
            if size == 1:
                node = node * size + low[:, None]
                continue
            node = np.stack([node * size + low[:, None], node * size + low[:, None] + 1], axis=2)
            weight = np.stack([weight * (1.0 - share[:, None]), weight * share[:, None]], axis=2)
            node, weight = node.reshape(n, -1), weight.reshape(n, -1)
        return np.ascontiguousarray(node), np.ascontiguousarray(weight), usable
