"""Sums over simulated images, from which the tables of shapes, energy and disp are made.

A node of the tables is a telescope type under given conditions: zenith angle, offset of the gamma
rays from the pointing, night-sky background, throughput (Aharonian et al. 2006, A&A 457, 899,
section 4.2, tabulate zenith angle and offset; they correct sizes for the throughput that muons
tell, section 4.1). Images see the size that they would have at the throughput of the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from iactflow.discrimination.table_kernels import N_SUMS, Binning, add_rows
from iactflow.errors import InputError

__all__ = ["Conditions", "Node", "ShapeSums", "ShapeTableSettings"]

#: Sums must stay this far from the limits of 64 bits.
LARGEST_SUM = 2**62


@dataclass(frozen=True)
class ShapeTableSettings:
    """How tables are binned, smoothed and interpolated.

    Attributes
    ----------
    size_min_pe, size_max_pe : float
        Range of sizes.
    n_size_bins, n_impact_bins : int
        Bins in ln(size), and in impact distance from 0.
    impact_max_m : float
        Largest impact distance.
    smoothing_bins : float
        Standard deviation of the smoothing in bins; 0: none.
    min_entries : float
        Least number of images of equal weight under the smoothing.
    weight_index : float or None
        Index of the power law E**-index that simulated energies are weighted to; None: as they
        were thrown. An expectation of ln E at a given size is drawn towards energies that are more
        frequent, so that tables depend on the spectrum; 2 is that of the simulations of H.E.S.S.
    max_direction_error_deg : float
        Simulated events whose direction is reconstructed further off do not fill the tables: their
        impact distances are wrong, and images of more distant, brighter showers would bias the
        expectations for the others.
    zenith_step_deg, offset_step_deg, nsb_step_dex, throughput_step : float
        Simulated conditions are rounded to multiples of these to make nodes.
    zenith_reach_deg, nsb_reach_dex, throughput_reach : float
        How far beyond the outermost nodes an observation may lie.
    offset_reach_deg : float
        The same for offsets; events beyond it have no expectations.
    """

    size_min_pe: float = 10.0
    size_max_pe: float = 1e6
    n_size_bins: int = 60
    n_impact_bins: int = 50
    impact_max_m: float = 1000.0
    smoothing_bins: float = 1.0
    min_entries: float = 5.0
    weight_index: float | None = 2.0
    max_direction_error_deg: float = 0.2
    zenith_step_deg: float = 1.0
    offset_step_deg: float = 0.5
    nsb_step_dex: float = 0.1
    throughput_step: float = 0.1
    zenith_reach_deg: float = 2.5
    offset_reach_deg: float = 1.0
    nsb_reach_dex: float = 0.2
    throughput_reach: float = 0.3

    @property
    def binning(self) -> Binning:
        """Bins.

        Returns
        -------
        Binning
            For kernels.
        """
        first = float(np.log(self.size_min_pe))
        step = (float(np.log(self.size_max_pe)) - first) / self.n_size_bins
        impact_step_m = self.impact_max_m / self.n_impact_bins
        return Binning(first, step, self.n_size_bins, impact_step_m, self.n_impact_bins)


class Node(NamedTuple):
    """A telescope type under conditions.

    Attributes
    ----------
    telescope_type : str
        Type.
    zenith_deg : float
        Zenith angle of the pointing.
    offset_deg : float
        Angle of the gamma rays from the pointing.
    nsb_rate_ghz : float
        Photoelectrons of the night sky in a pixel at a throughput of 1; 0: unknown.
    throughput : float
        Factor on all efficiencies of the telescope.
    """

    telescope_type: str
    zenith_deg: float
    offset_deg: float
    nsb_rate_ghz: float
    throughput: float


class Conditions(NamedTuple):
    """Conditions of images.

    Attributes
    ----------
    zenith_deg, offset_deg, nsb_rate_ghz, throughput : ndarray of float64, shape (n,)
        As in `Node`; a night sky that is not a number is unknown.
    """

    zenith_deg: np.ndarray
    offset_deg: np.ndarray
    nsb_rate_ghz: np.ndarray
    throughput: np.ndarray


def _rounded(values: np.ndarray, step: float) -> np.ndarray:
    # Decimals as they are written, so that equal conditions give equal keys.
    return np.round(np.rint(values / step) * step, 9) + 0.0


class ShapeSums:
    """Sums over simulated images, by node.

    Parameters
    ----------
    settings : ShapeTableSettings
        Bins and steps of the nodes.

    Attributes
    ----------
    settings : ShapeTableSettings
        As given.
    sums : dict of Node to ndarray of int64, shape (n_size, n_impact, N_SUMS)
        Sums of the images of a node.
    n_left_out : int
        Images outside the bins, or with a value that is not finite.
    """

    def __init__(self, settings: ShapeTableSettings) -> None:
        self.settings = settings
        self.sums: dict[Node, np.ndarray] = {}
        self.n_left_out = 0

    def nodes_of(self, telescope_type: str, conditions: Conditions) -> tuple[list[Node], tuple]:
        """Nodes that images belong to.

        Parameters
        ----------
        telescope_type : str
            Their type.
        conditions : Conditions
            Their conditions.

        Returns
        -------
        nodes : list of Node
            Distinct nodes.
        index : ndarray of int64, shape (n,)
            Node of each image.
        """
        s = self.settings
        nsb = np.nan_to_num(conditions.nsb_rate_ghz, nan=0.0)
        known = nsb > 0.0
        dex = _rounded(np.log10(np.where(known, nsb, 1.0)), s.nsb_step_dex)
        keys = np.column_stack(
            [
                _rounded(conditions.zenith_deg, s.zenith_step_deg),
                _rounded(conditions.offset_deg, s.offset_step_deg),
                np.where(known, np.round(10.0**dex, 9), 0.0),
                np.maximum(_rounded(conditions.throughput, s.throughput_step), s.throughput_step),
            ]
        )
        distinct, index = np.unique(keys, axis=0, return_inverse=True)
        nodes = [Node(telescope_type, *(float(x) for x in key)) for key in distinct]
        return nodes, index.reshape(-1).astype(np.int64)

    def add(self, telescope_type, conditions, size_pe, impact_m, values, weight=None) -> None:
        """Add images of gamma rays.

        Parameters
        ----------
        telescope_type : str
            Their type.
        conditions : Conditions
            True conditions.
        size_pe : ndarray of float64, shape (n,)
            Sizes, as seen.
        impact_m : ndarray of float64, shape (n,)
            Impact distances, as reconstructed.
        values : ndarray of float64, shape (n, 4)
            `iactflow.discrimination.table_kernels.QUANTITIES`; of the third the logarithm of
            E / TeV over the size as seen.
        weight : ndarray of float64, shape (n,), optional
            Weights; by default 1.

        Raises
        ------
        InputError
            If the sums become too large for 64 bits.
        """
        nodes, index = self.nodes_of(telescope_type, conditions)
        # Size that the image would have at the throughput of its node.
        of_node = np.array([node.throughput for node in nodes])[index] if nodes else np.zeros(0)
        shift = np.log(of_node / conditions.throughput)
        with np.errstate(divide="ignore", invalid="ignore"):
            ln_size = np.log(size_pe) + shift
        values = np.ascontiguousarray(values, dtype=np.float64).copy()
        values[:, 2] -= shift
        weight = np.ones(len(index)) if weight is None else np.asarray(weight, dtype=np.float64)
        binning = self.settings.binning
        block = np.zeros((len(nodes), binning.n_size, binning.n_impact, N_SUMS), dtype=np.int64)
        impact_m = np.ascontiguousarray(impact_m, dtype=np.float64)
        self.n_left_out += add_rows(block, binning, index, ln_size, impact_m, values, weight)
        for node, part in zip(nodes, block, strict=True):
            total = self.sums.setdefault(node, np.zeros_like(part))
            total += part
            if np.abs(total).max() > LARGEST_SUM:
                raise InputError("shape tables", "sum", int(np.abs(total).max()), "below 2**62")

    def merge(self, other: ShapeSums) -> None:
        """Add the sums of other images; exact, whatever the order.

        Parameters
        ----------
        other : ShapeSums
            Filled with the same settings.

        Raises
        ------
        InputError
            If its bins differ.
        """
        if other.settings.binning != self.settings.binning:
            ours = str(self.settings.binning)
            raise InputError("shape tables", "binning", other.settings.binning, ours)
        for node, part in other.sums.items():
            total = self.sums.setdefault(node, np.zeros_like(part))
            total += part
        self.n_left_out += other.n_left_out
