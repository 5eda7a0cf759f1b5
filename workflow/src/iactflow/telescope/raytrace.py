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

import numpy as np

from iactflow._jit import jit
from iactflow.campaign.philox import normal, uniform
from iactflow.shower.photons import COS_X, COS_Y, TIME_NS, X_M, Y_M
from iactflow.telescope.shadow import (
    body_blocks,
    inside_outline,
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
    "empty_hits",
    "trace_photons",
]

HIT_X_M = 0  # in the camera's plane, telescope frame
HIT_Y_M = 1
HIT_TIME_NS = 2  # on the clock of the photon
ANGLE_DEG = 3  # of incidence on the focal plane
FACET = 4
HIT_COLUMNS = ("x_m", "y_m", "time_ns", "angle_deg", "facet")

_LIGHT_M_PER_NS = 0.299792458
_MIN_COS = 0.9396926207859084  # 20 deg: `iactflow.telescope.optics.MAX_ANGLE_DEG`


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


@jit
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


@jit
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


@jit
def _find_facet(table, px, py, pz, dx, dy, dz):
    """Facet that a ray meets, -1 for none, and the distance along the ray."""
    s = _dish_distance(px, py, pz, dx, dy, dz, table.parabolic, table.dish_length_m)
    x, y = px + s * dx, py + s * dy
    if not x * x + y * y < table.radius_m * table.radius_m:
        return -1, 0.0
    row = int((x + table.radius_m) / table.cell_m)
    column = int((y + table.radius_m) / table.cell_m)
    cell = row * table.n_cells + column
    for entry in range(table.cell_start[cell], table.cell_start[cell + 1]):
        i = table.cell_facet[entry]
        s = _facet_distance(table.facet, table.facet_shape, i, px, py, pz, dx, dy, dz)
        if not np.isnan(s):
            return i, s
    return -1, 0.0


@jit
def _lost_at(mast, k, state):
    """Whether a photon that met a mast is lost there."""
    return mast[k, 8] <= 0.0 or uniform(state) >= mast[k, 8]


@jit
def _masts_block(mast, start, listed, i, wide, px, py, pz, dx, dy, dz, s_min, s_max, state):
    """Whether a photon is lost at a mast: the listed ones, or all if the ray is wide."""
    if wide:
        for k in range(len(mast)):
            if mast_blocks(mast, k, px, py, pz, dx, dy, dz, s_min, s_max) and _lost_at(
                mast, k, state
            ):
                return True
        return False
    for entry in range(start[i], start[i + 1]):
        k = listed[entry]
        if mast_blocks(mast, k, px, py, pz, dx, dy, dz, s_min, s_max) and _lost_at(mast, k, state):
            return True
    return False


@jit
def _incoming_lost(table, i, s, px, py, pz, dx, dy, dz, state):
    """Whether light towards facet i, met at distance s, is lost on its way."""
    bottom = (table.focal_plane_m - pz) / dz
    top = bottom + table.body_depth_m / dz
    if body_blocks(
        table.body_shape,
        table.body_half_width_m,
        px + top * dx,
        py + top * dy,
        px + bottom * dx,
        py + bottom * dy,
    ):
        return True
    through = telescope_transmission(table.transmission, -dz)
    if through < 1.0 and uniform(state) >= through:
        return True
    if len(table.mast) == 0:
        return False
    wide = dx * dx + dy * dy > table.field * table.field * dz * dz
    return _masts_block(
        table.mast, table.in_start, table.in_mast, i, wide, px, py, pz, dx, dy, dz, -1e9, s, state
    )


@jit
def _reflect(table, i, qx, qy, qz, dx, dy, dz, state):
    """Direction after reflection at a point of facet i, with scatter."""
    facet, radius = table.facet, table.facet[i, 9]
    nx = facet[i, 3] - (qx - facet[i, 0]) / radius
    ny = facet[i, 4] - (qy - facet[i, 1]) / radius
    nz = facet[i, 5] - (qz - facet[i, 2]) / radius
    twice = 2.0 * (dx * nx + dy * ny + dz * nz)
    rx, ry, rz = dx - twice * nx, dy - twice * ny, dz - twice * nz
    sigma = table.sigma_rad
    if table.fraction_2 > 0.0 and uniform(state) < table.fraction_2:
        sigma = table.sigma_2_rad
    if sigma <= 0.0:
        return rx, ry, rz
    a, b = sigma * normal(state), sigma * normal(state)
    # Two directions across the ray: one in its plane with x, one across both.
    across = 1.0 / np.sqrt(rx * rx + rz * rz)
    ex, ez = rz * across, -rx * across
    fx, fy, fz = ry * ez, rz * ex - rx * ez, -ry * ex
    sx, sy, sz = rx + a * ex + b * fx, ry + b * fy, rz + a * ez + b * fz
    norm = 1.0 / np.sqrt(sx * sx + sy * sy + sz * sz)
    return sx * norm, sy * norm, sz * norm


@jit
def _trace(table, px, py, pz, dx, dy, dz, state, hit):
    """Follow one photon; fill its hit, with the path length in the place of the time."""
    i, s = _find_facet(table, px, py, pz, dx, dy, dz)
    if i < 0 or _incoming_lost(table, i, s, px, py, pz, dx, dy, dz, state):
        return False
    qx, qy, qz = px + s * dx, py + s * dy, pz + s * dz
    rx, ry, rz = _reflect(table, i, qx, qy, qz, dx, dy, dz, state)
    if rz <= 0.0:
        return False
    t = (table.focal_plane_m - qz) / rz
    x, y = qx + t * rx, qy + t * ry
    if len(table.mast) > 0:
        limit = table.field * table.focal_plane_m
        wide = x * x + y * y > limit * limit
        if _masts_block(
            table.mast, table.out_start, table.out_mast, i, wide,
            qx, qy, qz, rx, ry, rz, 0.0, t, state,
        ):  # fmt: skip
            return False
    hit[HIT_X_M], hit[HIT_Y_M], hit[HIT_TIME_NS] = x, y, s + t
    hit[ANGLE_DEG] = np.degrees(np.arccos(min(1.0, rz)))
    hit[FACET] = i
    return True


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
    n_hits = 0
    for row in range(len(photons)):
        ux, uy = np.float64(photons[row, COS_X]), np.float64(photons[row, COS_Y])
        uz = -np.sqrt(max(0.0, 1.0 - ux * ux - uy * uy))
        dz = rotation[2, 0] * ux + rotation[2, 1] * uy + rotation[2, 2] * uz
        if dz > -_MIN_COS:
            continue
        dx = rotation[0, 0] * ux + rotation[0, 1] * uy + rotation[0, 2] * uz
        dy = rotation[1, 0] * ux + rotation[1, 1] * uy + rotation[1, 2] * uz
        x, y, z = photons[row, X_M] - origin[0], photons[row, Y_M] - origin[1], -origin[2]
        px = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
        py = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
        pz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
        hit = out_hits[n_hits]
        if _trace(table, px, py, pz, dx, dy, dz, state, hit):
            hit[HIT_TIME_NS] = photons[row, TIME_NS] + hit[HIT_TIME_NS] / _LIGHT_M_PER_NS
            out_index[n_hits] = row
            n_hits += 1
    return n_hits
