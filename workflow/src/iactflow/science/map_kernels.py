"""Kernels of sky maps: counts, acceptance from a background model, sums in discs and rings.

Berge, Funk & Hinton 2007, A&A 466, 1219: acceptance (section 2.2), ring background (section 3.1)
and the correction of the on-to-off ratio by the acceptance (eq. 3). Sums over a ring or a disc of
pixels are differences of running sums along rows, so that counts stay whole numbers, which a
Fourier transform does not grant.
"""

from __future__ import annotations

import math

import numpy as np

from iactflow._jit import jit

__all__ = [
    "adaptive_ring_sum",
    "count_events",
    "disc_rows",
    "fill_missing_rates",
    "integrate_background",
    "log_background",
    "ring_rows",
    "ring_sum",
]

#: Logarithm of the smallest rate that takes part in an interpolation of logarithms, that of the
#: smallest normal number in single precision, in which the rates are filed (s-1 MeV-1 sr-1).
LOG_TINY = math.log(float(np.finfo(np.float32).tiny))

#: Logarithm of E f(E) up to which nothing is expected: what the smallest rate alone would give.
LOG_NOTHING = LOG_TINY + 10.0


@jit
def count_events(column, row, mask, n_on):
    """Count events in the pixels of a window.

    Parameters
    ----------
    column, row : ndarray, shape (n,)
        Pixel coordinates of the events; a pixel reaches from -0.5 to 0.5 around its number.
    mask : ndarray of bool, shape (ny, nx)
        Pixels that are filled.
    n_on : ndarray, shape (ny, nx)
        Counts, added to in place.

    Returns
    -------
    ndarray of bool, shape (n,)
        Events that were counted.
    """
    counted = np.zeros(column.size, dtype=np.bool_)
    for i in range(column.size):
        x, y = math.floor(column[i] + 0.5), math.floor(row[i] + 0.5)
        if 0 <= x < mask.shape[1] and 0 <= y < mask.shape[0] and mask[int(y), int(x)]:
            n_on[int(y), int(x)] += 1.0
            counted[i] = True
    return counted


@jit
def fill_missing_rates(rate):
    """Fill energies without a rate between energies with one, linearly in the logarithm.

    A background model made of few events has holes; the rate is interpolated over the bin number,
    at fixed position in the field of view.

    Parameters
    ----------
    rate : ndarray, shape (n, ny, nx)
        Rate by energy, y and x, in any unit.

    Returns
    -------
    ndarray, shape (n, ny, nx)
        The same with holes filled; what lies below the first or above the last rate stays zero.
    """
    filled = rate.copy()
    for j in range(rate.shape[1]):
        for i in range(rate.shape[2]):
            last = -1
            for k in range(rate.shape[0]):
                if not rate[k, j, i] > 0.0:
                    continue
                if 0 <= last < k - 1:
                    low, high = math.log(rate[last, j, i]), math.log(rate[k, j, i])
                    for m in range(last + 1, k):
                        step = (m - last) / (k - last)
                        filled[m, j, i] = math.exp(low + step * (high - low))
                last = k
    return filled


@jit
def _cell(nodes, value):
    """Index and weight of a linear interpolation on ascending nodes, extrapolating."""
    low, high = 0, nodes.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if nodes[middle] <= value:
            low = middle
        else:
            high = middle
    return low, (value - nodes[low]) / (nodes[low + 1] - nodes[low])


@jit
def log_background(rate, energy_edges, edges):
    """Logarithm of energy times rate at given energies, on the bins of the field of view.

    The logarithm of the rate is interpolated linearly in log energy between bin centres and
    extrapolated to the outer edges.

    Parameters
    ----------
    rate : ndarray, shape (n, ny, nx)
        Rate, s-1 MeV-1 sr-1, holes filled.
    energy_edges : ndarray, shape (n + 1,)
        Edges of the model in energy, TeV.
    edges : ndarray, shape (m,)
        Energies wanted, TeV.

    Returns
    -------
    ndarray, shape (ny, nx, m)
        Logarithm of E f(E) (TeV s-1 MeV-1 sr-1); below `LOG_NOTHING` outside the model.
    """
    log_nodes = 0.5 * (np.log(energy_edges[1:]) + np.log(energy_edges[:-1]))
    planes = np.empty((rate.shape[1], rate.shape[2], edges.size))
    for k in range(edges.size):
        if not energy_edges[0] <= edges[k] < energy_edges[-1]:
            planes[:, :, k] = LOG_TINY
            continue
        m, w = _cell(log_nodes, math.log(edges[k]))
        for j in range(rate.shape[1]):
            for i in range(rate.shape[2]):
                low = math.log(rate[m, j, i]) if rate[m, j, i] > 0.0 else LOG_TINY
                high = math.log(rate[m + 1, j, i]) if rate[m + 1, j, i] > 0.0 else LOG_TINY
                planes[j, i, k] = low + w * (high - low) + math.log(edges[k])
    return planes


@jit
def _field_of_view(axes, vector):
    """Longitude and latitude of a unit vector in the field of view, deg."""
    along = axes[0, 0] * vector[0] + axes[0, 1] * vector[1] + axes[0, 2] * vector[2]
    side = axes[1, 0] * vector[0] + axes[1, 1] * vector[1] + axes[1, 2] * vector[2]
    up = axes[2, 0] * vector[0] + axes[2, 1] * vector[1] + axes[2, 2] * vector[2]
    return math.degrees(math.atan2(side, along)), math.degrees(math.asin(up))


@jit
def _power_law(log_low, low, log_high, high, width):
    """Integral over d(ln E) of a power law between its values at both ends of the width."""
    if low == 0.0 or high == 0.0:
        return 0.0
    rise = log_high - log_low
    return (high - low) * width / rise if abs(rise) > 1e-9 else low * width


@jit
def _integrate_pixel(corners, wx, wy, width):
    """Integral at one position from the logarithms at the four bin centres around it."""
    total, last_log, last = 0.0, 0.0, 0.0
    for k in range(width.size + 1):
        low = corners[0, 0, k] + wx * (corners[0, 1, k] - corners[0, 0, k])
        high = corners[1, 0, k] + wx * (corners[1, 1, k] - corners[1, 0, k])
        log_value = low + wy * (high - low)
        value = math.exp(log_value) if log_value > LOG_NOTHING else 0.0
        if k > 0:
            total += _power_law(last_log, last, log_value, value, width[k - 1])
        last_log, last = log_value, value
    return total


@jit
def integrate_background(planes, edges, x_edges, y_edges, axes, vectors, mask):
    """Background rate per solid angle in an energy band, at every pixel.

    Between bin centres of the field of view the logarithm is interpolated linearly in x and y;
    between neighbouring energies f is a power law, whose integral from a to b is
    (b f(b) - a f(a)) ln(b / a) / ln(b f(b) / a f(a)).

    Parameters
    ----------
    planes : ndarray, shape (ny, nx, m)
        Logarithm of E f(E) at the energies ``edges``, from `log_background`.
    edges : ndarray, shape (m,)
        Energies between which the integrals are taken and summed, TeV.
    x_edges, y_edges : ndarray, shape (nx + 1,), (ny + 1,)
        Edges of the model in the field of view, deg.
    axes : ndarray, shape (3, 3)
        Unit vectors of the field of view: pointing, x (towards falling right ascension), y.
    vectors : ndarray, shape (ky, kx, 3)
        Unit vectors of the pixels.
    mask : ndarray of bool, shape (ky, kx)
        Pixels that are computed.

    Returns
    -------
    ndarray, shape (ky, kx)
        Rate, TeV s-1 MeV-1 sr-1; zero outside the mask and outside the model.
    """
    x_nodes, y_nodes = 0.5 * (x_edges[1:] + x_edges[:-1]), 0.5 * (y_edges[1:] + y_edges[:-1])
    width = np.diff(np.log(edges))
    result = np.zeros(mask.shape)
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            if not mask[row, column]:
                continue
            x, y = _field_of_view(axes, vectors[row, column])
            if x_edges[0] <= x < x_edges[-1] and y_edges[0] <= y < y_edges[-1]:
                i, wx = _cell(x_nodes, x)
                j, wy = _cell(y_nodes, y)
                result[row, column] = _integrate_pixel(planes[j : j + 2, i : i + 2], wx, wy, width)
    return result


def disc_rows(radius_pixels: float) -> np.ndarray:
    """Half widths of the rows of a disc of pixels.

    A pixel belongs to the disc when its centre does, its rim included.

    Parameters
    ----------
    radius_pixels : float
        Radius, pixels.

    Returns
    -------
    ndarray of int, shape (2 r + 1,)
        A row at the distance d from the middle reaches from -half[r + d] to half[r + d].
    """
    # A radius of 0.3 deg on pixels of 0.02 deg must be 15 whatever its last bit is.
    squared = radius_pixels**2 * (1.0 + 1e-9)
    reach = math.isqrt(int(squared))
    rows = np.arange(-reach, reach + 1)
    return np.array([math.isqrt(int(squared - d * d)) for d in rows], dtype=np.int64)


def ring_rows(inner_pixels: float, outer_pixels: float) -> tuple[np.ndarray, np.ndarray]:
    """Half widths of the rows of a ring of pixels and of its hole.

    A pixel belongs to the ring when its centre does, both rims included.

    Parameters
    ----------
    inner_pixels, outer_pixels : float
        Radii, pixels.

    Returns
    -------
    outer, hole : ndarray of int, shape (2 r + 1,)
        Half widths as `disc_rows` gives them; -1 in rows that the hole does not reach.
    """
    outer = disc_rows(outer_pixels)
    hole = np.full_like(outer, -1)
    squared = inner_pixels**2 * (1.0 - 1e-9)
    middle = outer.size // 2
    for index in range(outer.size):
        rest = squared - (index - middle) ** 2
        if rest > 0.0:
            # The largest whole number below the square root.
            hole[index] = math.ceil(math.sqrt(rest)) - 1
    return outer, hole


@jit
def ring_sum(image, outer, hole):
    """Sum of an image over a ring around every pixel.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Image, zero beyond its edges.
    outer, hole : ndarray of int, shape (2 r + 1,)
        Half widths of the rows of the ring and of its hole (-1: none), from `ring_rows`; for a
        disc from `disc_rows`, the hole being -1 everywhere.

    Returns
    -------
    ndarray, shape (ny, nx)
        Sums; exact for whole numbers.
    """
    ny, nx = image.shape
    reach = outer.size // 2
    running = np.empty(nx + 2 * reach + 2)
    result = np.zeros((ny, nx))
    for source in range(ny):
        # running[k]: sum of the pixels of the row left of k - reach
        running[: reach + 1] = 0.0
        total, filled = 0.0, False
        for x in range(nx):
            total += image[source, x]
            running[reach + 1 + x] = total
            filled = filled or image[source, x] != 0.0
        running[reach + 1 + nx :] = total
        if not filled:
            continue
        for target in range(max(0, source - reach), min(ny, source + reach + 1)):
            half, empty = outer[source - target + reach], hole[source - target + reach]
            right, left = running[reach + 1 + half :], running[reach - half :]
            line = result[target]
            if empty < 0:
                for x in range(nx):
                    line[x] += right[x] - left[x]
            else:
                hole_right, hole_left = running[reach + 1 + empty :], running[reach - empty :]
                for x in range(nx):
                    line[x] += (right[x] - hole_right[x]) + (hole_left[x] - left[x])
    return result


@jit
def adaptive_ring_sum(image, outer, hole, choice):
    """Sum of an image over a ring around every pixel, each pixel with its own ring.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Image, zero beyond its edges.
    outer, hole : ndarray of int, shape (k, 2 r + 1)
        Half widths of the rows of each ring and of its hole; -1: the row is not reached.
    choice : ndarray of int, shape (ny, nx)
        Ring of each pixel.

    Returns
    -------
    ndarray, shape (ny, nx)
        Sums; exact for whole numbers.
    """
    ny, nx = image.shape
    reach = outer.shape[1] // 2
    running = np.zeros((ny, nx + 2 * reach + 2))
    for y in range(ny):
        total = 0.0
        for x in range(nx):
            total += image[y, x]
            running[y, reach + 1 + x] = total
        running[y, reach + 1 + nx :] = total
    result = np.zeros((ny, nx))
    for y in range(ny):
        for x in range(nx):
            ring = choice[y, x]
            for source in range(max(0, y - reach), min(ny, y + reach + 1)):
                half, empty = outer[ring, source - y + reach], hole[ring, source - y + reach]
                if half >= 0:
                    line = running[source]
                    result[y, x] += line[reach + x + 1 + half] - line[reach + x - half]
                    if empty >= 0:
                        result[y, x] -= line[reach + x + 1 + empty] - line[reach + x - empty]
    return result
