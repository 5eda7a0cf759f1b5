"""Light that does not get through: masts, the camera's body, and structures described by a curve.

Masts are cylinders: a ray is blocked where its distance from a cylinder's axis, a segment, is
below the radius. The distance of a line and a segment is that of two skew lines with the foot
held inside the segment (Ericson, Real-Time Collision Detection (2005), section 5.1.8). Structures
that are not traced enter as a transmission against the angle from the optical axis,
``T = p0 / (1 + p2 (sin(theta) / r3)^p4)^p5``, with r3 the angle p3 in rad: the parameters
``telescope_transmission`` of sim_telarray (parameter schema of the CTAO simulation models).
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf

__all__ = [
    "MAST_COLUMNS",
    "body_blocks",
    "inside_outline",
    "line_passes",
    "mast_blocks",
    "telescope_transmission",
]

# Start x, y, z; unit vector along it x, y, z; length; radius; transparency; moment of the axis, the
# vector product of start and unit vector, x, y, z.
MAST_COLUMNS = 12

CIRCLE, HEXAGON_X, SQUARE, HEXAGON_Y = 0, 1, 2, 3
_HALF_SQRT_3 = 0.8660254037844386


@jit_leaf
def inside_outline(shape, half_width, u, v):
    """Whether a point lies inside a circle, square or hexagon around the origin.

    Parameters
    ----------
    shape : int
        0 circle, 1 hexagon with flat sides across u, 2 square, 3 hexagon with flat sides across v.
    half_width : float
        Radius, or half the distance of flat sides.
    u, v : float
        The point.

    Returns
    -------
    bool
        True inside.
    """
    if shape == CIRCLE:
        return u * u + v * v <= half_width * half_width
    if shape == SQUARE:
        return abs(u) <= half_width and abs(v) <= half_width
    if shape == HEXAGON_Y:
        u, v = v, u
    return abs(u) <= half_width and 0.5 * abs(u) + _HALF_SQRT_3 * abs(v) <= half_width


@jit_leaf
def _clip(low, high, offset, slope, half_width):
    """Cut an interval of the ray's parameter to a slab |offset + slope s| <= half_width."""
    if slope == 0.0:
        return (low, high) if abs(offset) <= half_width else (1.0, 0.0)
    a = (-half_width - offset) / slope
    b = (half_width - offset) / slope
    return max(low, min(a, b)), min(high, max(a, b))


@jit_leaf
def body_blocks(shape, half_width, x0, y0, x1, y1):
    """Whether a segment crosses the outline of the camera's body, seen along the optical axis.

    Parameters
    ----------
    shape : int
        Outline, as in `inside_outline`.
    half_width : float
        Radius, or half the distance of flat sides; 0: no body.
    x0, y0, x1, y1 : float
        Where the ray crosses the planes of the body's two ends.

    Returns
    -------
    bool
        True if the ray meets the body.
    """
    if half_width <= 0.0:
        return False
    dx, dy = x1 - x0, y1 - y0
    if shape == CIRCLE:
        square = dx * dx + dy * dy
        s = 0.0
        if square > 0.0:
            s = min(1.0, max(0.0, -(x0 * dx + y0 * dy) / square))
        x, y = x0 + s * dx, y0 + s * dy
        return x * x + y * y <= half_width * half_width
    if shape == HEXAGON_Y:
        x0, y0, dx, dy = y0, x0, dy, dx
    low, high = _clip(0.0, 1.0, x0, dx, half_width)
    if shape == SQUARE:
        low, high = _clip(low, high, y0, dy, half_width)
        return low <= high
    for sign in (-1.0, 1.0):
        offset = 0.5 * x0 + sign * _HALF_SQRT_3 * y0
        slope = 0.5 * dx + sign * _HALF_SQRT_3 * dy
        low, high = _clip(low, high, offset, slope, half_width)
    return low <= high


@jit_leaf
def line_passes(masts, k, dx, dy, dz, mx, my, mz):
    """Whether the endless line of a ray passes that of a mast, by their Pluecker coordinates.

    Parameters
    ----------
    masts : ndarray of float64, shape (n, 12)
        Masts.
    k : int
        Which of them.
    dx, dy, dz : float
        Direction of the ray, a unit vector.
    mx, my, mz : float
        Its moment: the vector product of a point of it and the direction.

    Returns
    -------
    bool
        True: the ray does not meet the mast. False: `mast_blocks` knows.
    """
    ax, ay, az = masts[k, 3], masts[k, 4], masts[k, 5]
    cosine = dx * ax + dy * ay + dz * az
    triple = ax * mx + ay * my + az * mz + dx * masts[k, 9] + dy * masts[k, 10] + dz * masts[k, 11]
    # The last term: rounding tells nothing of lines that are parallel.
    return triple * triple > masts[k, 7] * masts[k, 7] * (1.0 - cosine * cosine) + 1e-20


@jit_leaf
def mast_blocks(masts, k, px, py, pz, dx, dy, dz, s_min, s_max):
    """Whether a stretch of a ray meets a mast.

    Parameters
    ----------
    masts : ndarray of float64, shape (n, 12)
        Masts.
    k : int
        Which of them.
    px, py, pz : float
        A point of the ray.
    dx, dy, dz : float
        Its direction, a unit vector.
    s_min, s_max : float
        The stretch: distances from the point along the direction.

    Returns
    -------
    bool
        True if the ray comes nearer to the mast's axis than its radius.
    """
    wx, wy, wz = px - masts[k, 0], py - masts[k, 1], pz - masts[k, 2]
    ax, ay, az = masts[k, 3], masts[k, 4], masts[k, 5]
    # Most rays pass: the distance of the two lines, without a division, settles that.
    nx, ny, nz = dy * az - dz * ay, dz * ax - dx * az, dx * ay - dy * ax
    square = nx * nx + ny * ny + nz * nz
    triple = wx * nx + wy * ny + wz * nz
    radius_2 = masts[k, 7] * masts[k, 7]
    if triple * triple > radius_2 * square:
        return False
    b = dx * ax + dy * ay + dz * az
    d = dx * wx + dy * wy + dz * wz
    e = ax * wx + ay * wy + az * wz
    # Parallel lines have the same distance everywhere: any foot will do.
    t = (e - b * d) / square if square > 1e-12 else 0.0
    t = min(masts[k, 6], max(0.0, t))
    s = min(s_max, max(s_min, b * t - d))
    # The ray's end may have moved the nearest point of the mast.
    t = min(masts[k, 6], max(0.0, e + b * s))
    rx, ry, rz = wx + s * dx - t * ax, wy + s * dy - t * ay, wz + s * dz - t * az
    return rx * rx + ry * ry + rz * rz < radius_2


@jit_leaf
def telescope_transmission(parameters, cos_theta):
    """Fraction of the light that passes structures which are not traced.

    Parameters
    ----------
    parameters : tuple of six float
        p0, kind (0 constant, 1 with the angle), p2, p3 in deg, p4, p5 (0: as 1).
    cos_theta : float
        Cosine of the angle from the optical axis.

    Returns
    -------
    float
        Inside [0, p0].
    """
    if parameters[1] == 0.0 or parameters[2] == 0.0:
        return parameters[0]
    sine = np.sqrt(max(0.0, 1.0 - cos_theta * cos_theta))
    base = 1.0 + parameters[2] * (sine / np.radians(parameters[3])) ** parameters[4]
    return parameters[0] / (base if parameters[5] == 0.0 else base ** parameters[5])
