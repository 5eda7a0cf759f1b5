"""Ray tracing, photon by photon: ground, facet, focal plane.

The line of a photon is cut with the ideal dish (quadratic equation); the grid of the aperture
names the facets to test there; a facet is a piece of a sphere inside its outline. The ray is
reflected about the sphere's normal at that point, scattered by a Gaussian angle in both
projections, and followed to the focal plane. On both ways it can meet masts, on the first also the
camera's body. The method is that of sim_telarray (Bernlöhr, Astropart. Phys. 30 (2008) 149,
section 4). The speed of light is that in vacuum: over the length of a telescope, air delays all
photons alike by less than 0.03 ns.

Only geometry is decided here: reflectivity, windows and photocathodes act on the wavelength, for
which the light was drawn.
"""

from __future__ import annotations

from math import factorial

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.campaign.philox import next_uint64, uniform
from iactflow.shower.photons import COS_X, COS_Y, TIME_NS, X_M, Y_M
from iactflow.telescope.normal import normal_of
from iactflow.telescope.shadow import (
    body_blocks,
    inside_outline,
    line_passes,
    mast_blocks,
    telescope_transmission,
)

__all__ = [
    "ANGLE_DEG",
    "FACET",
    "HIT_COLUMNS",
    "HIT_TIME_NS",
    "HIT_X_M",
    "HIT_Y_M",
    "LIGHT_M_PER_NS",
    "MIN_COS",
    "empty_hits",
    "trace_photons",
]

HIT_X_M = 0  # in the camera's plane, telescope frame
HIT_Y_M = 1
HIT_TIME_NS = 2  # on the clock of the photon
ANGLE_DEG = 3  # of incidence on the focal plane
FACET = 4
HIT_COLUMNS = ("x_m", "y_m", "time_ns", "angle_deg", "facet")

LIGHT_M_PER_NS = 0.299792458
_NS_PER_M = 1.0 / LIGHT_M_PER_NS
_FAR_M = 1e9
# Photons that are worked on together: their rays stay in the fastest memory.
_BLOCK = 256
_LOW32, _SHIFT32 = np.uint64(0xFFFFFFFF), np.uint64(32)
# Series of the arc sine, for angles up to 37 deg to 1e-10.
_ARC_SINE = tuple(factorial(2 * n) / (4**n * factorial(n) ** 2 * (2 * n + 1)) for n in range(9))
_SERIES_TO = 0.1
_TWICE_DEG = 360.0 / np.pi
# Light further than 20 deg from the axis is not traced: no camera sees it.
MIN_COS = 0.9396926207859084


def empty_hits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Room for the hits of photons.

    Parameters
    ----------
    n : int
        Number of photons: each hits the focal plane once at most.

    Returns
    -------
    hits : ndarray of float64, shape (n, 5)
        Zeros; columns are `HIT_COLUMNS`.
    index : ndarray of int64, shape (n,)
        Zeros.
    """
    return np.zeros((n, len(HIT_COLUMNS))), np.zeros(n, dtype=np.int64)


@jit_leaf
def _dish_distance(px, py, pz, dx, dy, dz, parabolic, length):
    """Distance along a ray to the ideal dish, met from above; not a number if it passes by."""
    if parabolic:
        # x^2 + y^2 = 4 L z: stable form of the root that stays finite along the axis.
        a = dx * dx + dy * dy
        b = px * dx + py * dy - 2.0 * length * dz
        c = px * px + py * py - 4.0 * length * pz
        square = b * b - a * c
        return -c / (b + np.sqrt(square)) if square >= 0.0 else np.nan
    z = pz - length
    b = px * dx + py * dy + z * dz
    square = b * b - (px * px + py * py + z * z - length * length)
    return -b + np.sqrt(square) if square >= 0.0 else np.nan


@jit_leaf
def _cross_dish(photons, first, rotation, origin, grid, rays, cells):
    """Rays of a block of photons in the telescope frame and the cells of the aperture they meet.

    No step depends on chance or on another photon: the loop is worked off in whole vectors.
    """
    radius, n_cells, per_m = grid.radius_m, grid.n_cells, 1.0 / grid.cell_m
    # Taken out of their arrays before the loop, which writes to others.
    xx, xy, xz = rotation[0, 0], rotation[0, 1], rotation[0, 2]
    yx, yy, yz = rotation[1, 0], rotation[1, 1], rotation[1, 2]
    zx, zy, zz = rotation[2, 0], rotation[2, 1], rotation[2, 2]
    ox, oy, z = origin[0], origin[1], -origin[2]
    for k in range(cells.size):
        row = first + k
        ux, uy = np.float64(photons[row, COS_X]), np.float64(photons[row, COS_Y])
        uz = -np.sqrt(max(0.0, 1.0 - ux * ux - uy * uy))
        x, y = photons[row, X_M] - ox, photons[row, Y_M] - oy
        px, py, pz = xx * x + xy * y + xz * z, yx * x + yy * y + yz * z, zx * x + zy * y + zz * z
        dx = xx * ux + xy * uy + xz * uz
        dy = yx * ux + yy * uy + yz * uz
        dz = zx * ux + zy * uy + zz * uz
        s = _dish_distance(px, py, pz, dx, dy, dz, grid.parabolic, grid.length_m)
        x, y = px + s * dx, py + s * dy
        inside = dz <= -MIN_COS and x * x + y * y < radius * radius
        line = np.int32((x + radius) * per_m) if inside else np.int32(0)
        column = np.int32((y + radius) * per_m) if inside else np.int32(0)
        cells[k] = line * np.int32(n_cells) + column if inside else np.int32(-1)
        rays[0, k], rays[1, k], rays[2, k] = px, py, pz
        rays[3, k], rays[4, k], rays[5, k] = dx, dy, dz


@jit_leaf
def _facet_distance(facet, shape, i, px, py, pz, dx, dy, dz):
    """Distance along a ray to a facet's surface; not a number outside of its outline."""
    radius = facet[i, 9]
    cx, cy, cz = px - facet[i, 0], py - facet[i, 1], pz - facet[i, 2]
    nx, ny, nz = facet[i, 3], facet[i, 4], facet[i, 5]
    wx, wy, wz = cx - radius * nx, cy - radius * ny, cz - radius * nz
    b = wx * dx + wy * dy + wz * dz
    square = b * b - (wx * wx + wy * wy + wz * wz - radius * radius)
    if square < 0.0:
        return np.nan
    s = -b + np.sqrt(square)
    qx, qy, qz = cx + s * dx, cy + s * dy, cz + s * dz
    ux, uy, uz = facet[i, 6], facet[i, 7], facet[i, 8]
    u = qx * ux + qy * uy + qz * uz
    vx, vy, vz = ny * uz - nz * uy, nz * ux - nx * uz, nx * uy - ny * ux
    v = qx * vx + qy * vy + qz * vz
    return s if inside_outline(shape[i], facet[i, 10], u, v) else np.nan


@jit_leaf
def _meet_facets(table, cells, rays, met):
    """Keep the rays that meet a facet, moved to the front; met: their places, facets.

    Two out of five rays go between the facets, which no processor foresees: what follows for the
    others is not begun here.
    """
    facet, shape, _, cell_start, cell_facet = table[:5]
    n_met = 0
    for k in range(cells.size):
        cell = np.int64(cells[k])
        if cell < 0:
            continue
        px, py, pz = rays[0, k], rays[1, k], rays[2, k]
        dx, dy, dz = rays[3, k], rays[4, k], rays[5, k]
        for entry in range(cell_start[cell], cell_start[cell + 1]):
            i = np.int64(cell_facet[entry])
            s = _facet_distance(facet, shape, i, px, py, pz, dx, dy, dz)
            if not np.isnan(s):
                rays[0, n_met], rays[1, n_met], rays[2, n_met] = px, py, pz
                rays[3, n_met], rays[4, n_met], rays[5, n_met] = dx, dy, dz
                rays[6, n_met] = s
                met[0, n_met], met[1, n_met] = k, i
                n_met += 1
                break
    return n_met


@jit_leaf
def _body_shades(body, px, py, pz, dx, dy, dz):
    """Whether the camera's body stands in the way of light from the sky."""
    if body.half_width_m <= 0.0:
        return False
    inverse = 1.0 / dz
    bottom = (body.plane_m - pz) * inverse
    top = bottom + body.depth_m * inverse
    x0, y0, x1, y1 = px + top * dx, py + top * dy, px + bottom * dx, py + bottom * dy
    # Most light passes far from the body, also from the corners of a square one.
    reach = 1.5 * body.half_width_m + abs(x1 - x0) + abs(y1 - y0)
    if x0 * x0 + y0 * y0 > reach * reach:
        return False
    return body_blocks(body.shape, body.half_width_m, x0, y0, x1, y1)


@jit_leaf
def _mast_passes(mast, start, listed, i, wide, px, py, pz, dx, dy, dz, s_min, s_max):
    """Fraction of light that the masts let through: those of facet i, all if the ray is wide."""
    through = 1.0
    mx, my, mz = py * dz - pz * dy, pz * dx - px * dz, px * dy - py * dx
    first, last = (0, len(mast)) if wide else (start[i], start[i + 1])
    for entry in range(first, last):
        k = entry if wide else listed[entry]
        if line_passes(mast, k, dx, dy, dz, mx, my, mz):
            continue
        if mast_blocks(mast, k, px, py, pz, dx, dy, dz, s_min, s_max):
            through *= mast[k, 8]
            if through <= 0.0:
                break
    return through


@jit_leaf
def _survives(through, state):
    """Whether a photon is in the fraction that passes; draws only where chance decides."""
    return through >= 1.0 or (through > 0.0 and uniform(state) < through)


@jit_leaf
def _light_reaches(body, transmission, mast, start, listed, i, s, px, py, pz, dx, dy, dz, state):
    """Whether light from the sky reaches facet i, which it meets at distance s."""
    if _body_shades(body, px, py, pz, dx, dy, dz):
        return False
    through = telescope_transmission(transmission, -dz)
    if len(mast) > 0:
        wide = dx * dx + dy * dy > body.field * body.field * dz * dz
        through *= _mast_passes(mast, start, listed, i, wide, px, py, pz, dx, dy, dz, -_FAR_M, s)
    return _survives(through, state)


@jit_leaf
def _light_returns(body, mast, start, listed, i, t, qx, qy, qz, rx, ry, rz, state):
    """Whether light from facet i reaches the focal plane, at distance t."""
    if len(mast) == 0:
        return True
    x, y, limit = qx + t * rx, qy + t * ry, body.field * body.plane_m
    wide = x * x + y * y > limit * limit
    through = _mast_passes(mast, start, listed, i, wide, qx, qy, qz, rx, ry, rz, 0.0, t)
    return _survives(through, state)


@jit_leaf
def _scatter_angles(scatter, state):
    """Random angles in two projections; each has its own choice of the component."""
    sigma_a = sigma_b = scatter.sigma_rad
    if scatter.fraction_2 > 0.0:
        if uniform(state) < scatter.fraction_2:
            sigma_a = scatter.sigma_2_rad
        if uniform(state) < scatter.fraction_2:
            sigma_b = scatter.sigma_2_rad
    if sigma_a <= 0.0 and sigma_b <= 0.0:
        return 0.0, 0.0
    word = next_uint64(state)
    return sigma_a * normal_of(word & _LOW32), sigma_b * normal_of(word >> _SHIFT32)


@jit_leaf
def _reflect(facet, i, qx, qy, qz, dx, dy, dz, a, b):
    """Direction after reflection at a point of facet i, turned by small angles a and b."""
    curvature = 1.0 / facet[i, 9]
    nx = facet[i, 3] - (qx - facet[i, 0]) * curvature
    ny = facet[i, 4] - (qy - facet[i, 1]) * curvature
    nz = facet[i, 5] - (qz - facet[i, 2]) * curvature
    twice = 2.0 * (dx * nx + dy * ny + dz * nz)
    rx, ry, rz = dx - twice * nx, dy - twice * ny, dz - twice * nz
    # Two directions across the ray: one in its plane with x, one across both.
    across = 1.0 / np.sqrt(rx * rx + rz * rz)
    ex, ez = rz * across, -rx * across
    fx, fy, fz = ry * ez, rz * ex - rx * ez, -ry * ex
    sx, sy, sz = rx + a * ex + b * fx, ry + b * fy, rz + a * ez + b * fz
    norm = 1.0 / np.sqrt(sx * sx + sy * sy + sz * sz)
    return sx * norm, sy * norm, sz * norm


@jit_leaf
def _angle_deg(cosine):
    """Arc cosine: twice the arc sine of half the angle, by its series while that is small."""
    square = 0.5 - 0.5 * cosine
    if square > _SERIES_TO:
        return np.degrees(np.arccos(cosine))
    total = _ARC_SINE[8]
    for n in range(7, -1, -1):
        total = total * square + _ARC_SINE[n]
    return _TWICE_DEG * np.sqrt(max(square, 0.0)) * total


@jit_leaf
def _follow(photons, first, rays, met, n_met, table, state, out_hits, out_index, n_hits):
    """Follow a block of rays from their facets; the number of hits so far."""
    # One look into the table: arrays taken from it inside the loop would be counted each time.
    facet = table.facet
    body, scatter, transmission, mast, in_start, in_mast, out_start, out_mast = table[5:]
    for k in range(n_met):
        px, py, pz = rays[0, k], rays[1, k], rays[2, k]
        dx, dy, dz, s = rays[3, k], rays[4, k], rays[5, k], rays[6, k]
        row, i = first + met[0, k], np.int64(met[1, k])
        if not _light_reaches(
            body, transmission, mast, in_start, in_mast, i, s, px, py, pz, dx, dy, dz, state
        ):
            continue
        a, b = _scatter_angles(scatter, state)
        qx, qy, qz = px + s * dx, py + s * dy, pz + s * dz
        rx, ry, rz = _reflect(facet, i, qx, qy, qz, dx, dy, dz, a, b)
        t = (body.plane_m - qz) / rz
        if rz <= 0.0 or not _light_returns(
            body, mast, out_start, out_mast, i, t, qx, qy, qz, rx, ry, rz, state
        ):
            continue
        hit = out_hits[n_hits]
        hit[HIT_X_M], hit[HIT_Y_M] = qx + t * rx, qy + t * ry
        hit[HIT_TIME_NS] = photons[row, TIME_NS] + (s + t) * _NS_PER_M
        hit[ANGLE_DEG] = _angle_deg(rz)
        hit[FACET] = i
        out_index[n_hits] = row
        n_hits += 1
    return n_hits


@jit
def trace_photons(photons, rotation, origin, table, state, out_hits, out_index):
    """Follow photons to the focal plane.

    Parameters
    ----------
    photons : ndarray of float32, shape (n, 8)
        Photons in the plane through the centre of the telescope's sphere
        (`iactflow.shower.photons`). A bunch is followed as one photon.
    rotation : ndarray of float64, shape (3, 3)
        From the ground frame into the telescope frame.
    origin : ndarray of float64, shape (3,)
        Centre of the dish relative to the centre of the sphere, ground frame, in m. Both from
        `iactflow.telescope.optics.pointing`.
    table : OpticsTable
        The reflector.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place.
    out_hits : ndarray of float64, shape (n, 5)
        Filled: x_m, y_m in the focal plane (telescope frame), time_ns of arrival there on the
        clock of the photons, angle_deg of incidence on it, number of the facet.
    out_index : ndarray of int64, shape (n,)
        Filled: row of the photon.

    Returns
    -------
    int
        Number of hits; further rows are not touched.
    """
    rays = np.empty((7, _BLOCK), dtype=np.float64)
    cells = np.empty(_BLOCK, dtype=np.int32)
    met = np.empty((2, _BLOCK), dtype=np.int32)
    # Of one type throughout: for a literal zero, the helper would be compiled once more.
    n_hits = np.int64(0)
    for first in range(0, len(photons), _BLOCK):
        block = cells[: min(_BLOCK, len(photons) - first)]
        _cross_dish(photons, first, rotation, origin, table.grid, rays, block)
        n_met = _meet_facets(table, block, rays, met)
        n_hits = _follow(
            photons, first, rays, met, n_met, table, state, out_hits, out_index, n_hits
        )
    return n_hits
