"""Filling and look-up of tables of image parameters against size and impact distance.

The tables are those of the scaled parameters: expectation and scatter of a parameter for gamma
rays as a function of the amplitude of the image and the distance of the shower (Daum et al. 1997,
Astropart. Phys. 8, 1, section 4; Aharonian et al. 2006, A&A 457, 899, section 4.2). Energies enter
as ln(E / size), which varies little within a bin, as that paper's look-ups of energy against
amplitude and distance do without the division.

Sums are kept in fixed point, in units of 2**-30: sums of integers do not depend on their order, so
that tables filled in any chunks are the same to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit

__all__ = ["N_SUMS", "QUANTITIES", "UNIT", "Binning", "add_rows", "look_up"]

#: What the tables hold, in the order of their last axis.
QUANTITIES = ("width_deg", "length_deg", "ln_energy_per_size", "disp_deg")
#: Rows, weights, squared weights, then weight times value and times squared value per quantity.
N_SUMS = 3 + 2 * len(QUANTITIES)
#: Units of the sums per unit of the quantity.
UNIT = float(2**30)


class Binning(NamedTuple):
    """Bins of a table.

    Attributes
    ----------
    ln_size_min : float
        Lower edge of the first bin in ln(size / p.e.).
    ln_size_step : float
        Width of its bins.
    n_size : int
        Their number.
    impact_step_m : float
        Width of the bins in impact distance, from 0 on.
    n_impact : int
        Their number.
    """

    ln_size_min: float
    ln_size_step: float
    n_size: int
    impact_step_m: float
    n_impact: int


@jit
def add_rows(sums, binning, node, ln_size, impact_m, values, weight):
    """Add images to the sums of their bins.

    Parameters
    ----------
    sums : ndarray of int64, shape (n_nodes, n_size, n_impact, N_SUMS)
        Changed in place.
    binning : Binning
        Bins.
    node : ndarray of int64, shape (n,)
        Node of each image; a negative one leaves the image out.
    ln_size : ndarray of float64, shape (n,)
        ln(size / p.e.).
    impact_m : ndarray of float64, shape (n,)
        Impact distances.
    values : ndarray of float64, shape (n, len(QUANTITIES))
        Quantities.
    weight : ndarray of float64, shape (n,)
        Weights.

    Returns
    -------
    int
        Images with a node that were not added: outside the bins, or with a value that is not
        finite.
    """
    left_out = 0
    for i in range(node.size):
        if node[i] < 0:
            continue
        a = np.floor((ln_size[i] - binning.ln_size_min) / binning.ln_size_step)
        b = np.floor(impact_m[i] / binning.impact_step_m)
        # Written so that NaN is outside.
        inside = a >= 0.0 and a < binning.n_size and b >= 0.0 and b < binning.n_impact
        for q in range(values.shape[1]):
            inside = inside and np.isfinite(values[i, q])
        if not inside or not np.isfinite(weight[i]):
            left_out += 1
            continue
        cell = sums[node[i], int(a), int(b)]
        cell[0] += 1
        cell[1] += np.int64(np.rint(weight[i] * UNIT))
        cell[2] += np.int64(np.rint(weight[i] * weight[i] * UNIT))
        for q in range(values.shape[1]):
            x = values[i, q]
            cell[3 + 2 * q] += np.int64(np.rint(weight[i] * x * UNIT))
            cell[4 + 2 * q] += np.int64(np.rint(weight[i] * x * x * UNIT))
    return left_out


@jit
def look_up(mean, scatter, binning, node, node_weight, ln_size, impact_m):
    """Interpolate tables at given images: bilinear in a table, weighted between nodes.

    Between the centres of four bins of which some are empty, the filled ones are weighted alone,
    if the bin that the image falls into is among them; otherwise the result is not a number. At
    the edges of a table its outermost bins hold out to their outer edge.

    Parameters
    ----------
    mean, scatter : ndarray of float64, shape (n_nodes, n_size, n_impact, n_quantities)
        Tables; not a number in empty bins.
    binning : Binning
        Bins.
    node : ndarray of int64, shape (n, n_corners)
        Nodes around each image.
    node_weight : ndarray of float64, shape (n, n_corners)
        Their weights, with the sum 1; nodes of weight 0 are not looked at.
    ln_size : ndarray of float64, shape (n, n_corners)
        ln(size / p.e.) at each of these nodes.
    impact_m : ndarray of float64, shape (n,)
        Impact distances.

    Returns
    -------
    mean : ndarray of float64, shape (n, n_quantities)
        Expectations.
    scatter : ndarray of float64, shape (n, n_quantities)
        Standard deviations of one image.
    """
    n, n_quantities = impact_m.size, mean.shape[3]
    found = np.zeros((n, n_quantities))
    spread = np.zeros((n, n_quantities))
    for i in range(n):
        y = impact_m[i] / binning.impact_step_m
        for corner in range(node.shape[1]):
            share = node_weight[i, corner]
            if share == 0.0:
                continue
            x = (ln_size[i, corner] - binning.ln_size_min) / binning.ln_size_step
            if not (x >= 0.0 and x < binning.n_size and y >= 0.0 and y < binning.n_impact):
                found[i] = np.nan
                spread[i] = np.nan
                continue
            table, other = mean[node[i, corner]], scatter[node[i, corner]]
            # Bins hold at their centres; half a bin at the edge has no neighbour further out.
            u = min(max(x - 0.5, 0.0), binning.n_size - 1.0)
            v = min(max(y - 0.5, 0.0), binning.n_impact - 1.0)
            a, b = int(u), int(v)
            for q in range(n_quantities):
                total, value, sigma = 0.0, 0.0, 0.0
                for da in range(2):
                    for db in range(2):
                        w = (u - a if da else 1.0 + a - u) * (v - b if db else 1.0 + b - v)
                        if w > 0.0 and not np.isnan(table[a + da, b + db, q]):
                            total += w
                            value += w * table[a + da, b + db, q]
                            sigma += w * other[a + da, b + db, q]
                if np.isnan(table[int(x), int(y), q]) or total == 0.0:
                    value, sigma, total = np.nan, np.nan, 1.0
                found[i, q] += share * value / total
                spread[i, q] += share * sigma / total
    return found, spread
