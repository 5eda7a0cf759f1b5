"""A particle of the cascade as a row of numbers: its place, its flight, its secondaries.

Charged particles fly straight between two deflections; the part of the flight not yet moved is
kept as a pending column density, so that a step of light is as long as the flight is straight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit
from iactflow.campaign.philox import next_uint64
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV
from iactflow.shower.column import (
    DARK_ELECTRON,
    DARK_PHOTON,
    DENSITY,
    DENSITY_SHIFT,
    HEIGHT,
    THRESHOLD,
)
from iactflow.shower.physics_tables import RECORD_ALL

__all__ = [
    "N_FIELDS",
    "Scene",
    "close_segment",
    "move",
    "place",
    "push",
    "turned",
    "two_uniforms",
    "unit",
]

# Fields of a particle; those from LOCAL_DENSITY on belong to its place in the atmosphere.
(
    KIND, KINETIC, X, Y, Z, DEPTH, TIME, UX, UY, UZ, PATHS, LIFE, PENDING, KINETIC_START,
    LOCAL_DENSITY, LOCAL_SHIFT, LOCAL_THRESHOLD, LOCAL_DARK_ELECTRON, LOCAL_DARK_PHOTON,
) = range(19)  # fmt: skip
N_FIELDS = 19
# Counters.
N_STACK, N_ROWS, INTERACTED, ACTIVE, N_STEPS = range(5)
# Tally of energy, and what else a cascade sums up.
(
    DEPOSITED, CUT_ELECTRON, CUT_PHOTON, GROUND, TOP, HADRONIC, NEUTRINO, TRACK, FIRST_Z,
) = range(9)  # fmt: skip
SPEED_OF_LIGHT_M_NS = 0.299792458
_LOW32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_SHIFT11 = np.uint64(11)
_UNIT32 = 1.0 / 4294967296.0
_UNIT53 = 1.0 / 9007199254740992.0


class Scene(NamedTuple):
    """All that the kernels of a cascade read and change.

    Attributes
    ----------
    column : ndarray, shape (n, 6)
        Atmosphere, from `iactflow.shower.column.make_column`.
    grid : ndarray, shape (2,)
        Logarithm of the first depth of the column, nodes per unit.
    limits : ndarray, shape (3,)
        Vertical depth of the top and of the ground; levels of the profile per g/cm2 of it.
    leptons, photons, muons, delta, constants : ndarray
        `iactflow.shower.physics_tables.PhysicsTables`.
    state : ndarray of uint64, shape (11,)
        Random numbers.
    stack : ndarray, shape (n, 19)
        Particles that wait.
    tally, profile : ndarray of float64
        Sums of energy; charged particles per level.
    counts : ndarray of int64, shape (5,)
        Particles on the stack, rows written, whether the primary interacted, whether a particle is
        in flight, steps.
    steps : ndarray, shape (n, 11)
        Buffer of steps.
    flying : ndarray, shape (19,)
        The particle in flight.
    """

    column: np.ndarray
    grid: np.ndarray
    limits: np.ndarray
    leptons: np.ndarray
    photons: np.ndarray
    muons: np.ndarray
    delta: np.ndarray
    constants: np.ndarray
    state: np.ndarray
    stack: np.ndarray
    tally: np.ndarray
    profile: np.ndarray
    counts: np.ndarray
    steps: np.ndarray
    flying: np.ndarray


@jit
def unit(state):
    """Uniform deviate inside (0, 1)."""
    return (np.float64(np.int64(next_uint64(state) >> _SHIFT11)) + 0.5) * _UNIT53


@jit
def two_uniforms(state):
    """Two uniform deviates inside (0, 1) of 32 bits each, from one word."""
    word = next_uint64(state)
    first = (np.float64(np.int64(word >> _SHIFT32)) + 0.5) * _UNIT32
    return first, (np.float64(np.int64(word & _LOW32)) + 0.5) * _UNIT32


@jit
def rest_energy(kind):
    """What a stopping particle leaves besides its kinetic energy: two electron masses, a muon's."""
    if kind == 2.0:
        return 2.0 * ELECTRON_MASS_MEV
    return MUON_MASS_MEV if kind > 4.0 else 0.0


@jit
def place(p, depth, column, grid):
    """Set a particle's height and what it needs of the atmosphere, from its vertical depth.

    Parameters
    ----------
    p : ndarray, shape (19,)
        Particle, changed.
    depth : float
        Vertical depth in g/cm2.
    column : ndarray, shape (n, 6)
        From `make_column`.
    grid : ndarray, shape (2,)
        Logarithm of the first depth, nodes per unit.
    """
    position = (np.log(depth) - grid[0]) * grid[1]
    last = column.shape[0] - 2
    i = min(max(int(position), 0), last)
    f = min(max(position - i, 0.0), 1.0)
    a, b = column[i], column[i + 1]
    p[DEPTH] = depth
    p[Z] = a[HEIGHT] + f * (b[HEIGHT] - a[HEIGHT])
    p[LOCAL_DENSITY] = a[DENSITY] + f * (b[DENSITY] - a[DENSITY])
    p[LOCAL_SHIFT] = a[DENSITY_SHIFT] + f * (b[DENSITY_SHIFT] - a[DENSITY_SHIFT])
    p[LOCAL_THRESHOLD] = a[THRESHOLD] + f * (b[THRESHOLD] - a[THRESHOLD])
    p[LOCAL_DARK_ELECTRON] = a[DARK_ELECTRON] + f * (b[DARK_ELECTRON] - a[DARK_ELECTRON])
    p[LOCAL_DARK_PHOTON] = a[DARK_PHOTON] + f * (b[DARK_PHOTON] - a[DARK_PHOTON])


@jit
def move(p, path, column, grid, limits):
    """Move a particle along its direction by a column density.

    Parameters
    ----------
    p : ndarray, shape (19,)
        Particle, changed; its time is left to the caller.
    path : float
        Column density along the path, g/cm2.
    column, grid, limits : ndarray
        As in `Scene`.

    Returns
    -------
    tuple of float
        Length in m; part of the path that was flown: less than one at the ground and at the top.
    """
    depth, z = p[DEPTH], p[Z]
    density = p[LOCAL_DENSITY]
    rise = p[UZ]
    target = depth - path * rise
    part = 1.0
    if target >= limits[1]:
        part = (limits[1] - depth) / (target - depth)
        target = limits[1]
    elif target <= limits[0]:
        part = (limits[0] - depth) / (target - depth)
        target = limits[0]
    place(p, target, column, grid)
    length = part * path / density if abs(rise) < 1e-4 else (p[Z] - z) / rise
    p[X] += length * p[UX]
    p[Y] += length * p[UY]
    return length, part


@jit
def count_levels(profile, low, high):
    """Add one to the levels of a profile between two positions in units of its step."""
    first, last = int(min(low, high)), int(max(low, high))
    for level in range(first + 1, min(last + 1, profile.size)):
        profile[level] += 1.0


@jit
def close_segment(p, scene):
    """Move a charged particle along what is pending, record the step, count it.

    Parameters
    ----------
    p : ndarray, shape (19,)
        Particle, changed.
    scene : Scene
        Tally, profile, counts and steps are changed.

    Returns
    -------
    bool
        Whether the particle is still in the atmosphere.
    """
    path = p[PENDING]
    if path <= 0.0:
        return True
    p[PENDING] = 0.0
    tally, counts = scene.tally, scene.counts
    mass = MUON_MASS_MEV if p[KIND] > 4.0 else ELECTRON_MASS_MEV
    start = p[KINETIC_START]
    x, y, z, time, depth, threshold = p[X], p[Y], p[Z], p[TIME], p[DEPTH], p[LOCAL_THRESHOLD]
    length, part = move(p, path, scene.column, scene.grid, scene.limits)
    if part < 1.0:
        end = start + part * (p[KINETIC] - start)
        tally[DEPOSITED] -= end - p[KINETIC]
        p[KINETIC] = end
        tally[TOP if p[UZ] > 0.0 else GROUND] += end + rest_energy(p[KIND])
    inverse = mass / (mass + 0.5 * (start + p[KINETIC]))
    speed = np.sqrt(1.0 - inverse * inverse)
    p[TIME] = time + length / (SPEED_OF_LIGHT_M_NS * speed)
    p[LIFE] -= length * inverse / speed
    p[KINETIC_START] = p[KINETIC]
    tally[TRACK] += part * path
    counts[N_STEPS] += 1
    count_levels(scene.profile, depth * scene.limits[2], p[DEPTH] * scene.limits[2])
    gamma = 1.0 + start / mass
    if gamma > min(threshold, p[LOCAL_THRESHOLD]) or scene.constants[RECORD_ALL] > 0.0:
        row = scene.steps[counts[N_ROWS]]
        counts[N_ROWS] += 1
        row[0], row[1], row[2], row[3] = x, y, z, time
        row[4], row[5], row[6] = p[UX], p[UY], p[UZ]
        row[7], row[8], row[9], row[10] = length, gamma, 1.0 + p[KINETIC] / mass, p[KIND]
    return part == 1.0


@jit
def turned(ux, uy, uz, cosine, across_1, across_2):
    """Turn a direction by a vector across it.

    Parameters
    ----------
    ux, uy, uz : float
        Unit vector.
    cosine : float
        Of the angle turned.
    across_1, across_2 : float
        Components of the sine of the angle on two axes across the direction, which follow Duff et
        al., J. Comput. Graph. Tech. 6 (2017) 1.

    Returns
    -------
    tuple of float
        Unit vector.
    """
    sign = 1.0 if uz >= 0.0 else -1.0
    a = -1.0 / (sign + uz)
    b = ux * uy * a
    x = cosine * ux + across_1 * (1.0 + sign * ux * ux * a) + across_2 * b
    y = cosine * uy + across_1 * sign * b + across_2 * (sign + uy * uy * a)
    z = cosine * uz - across_1 * sign * ux - across_2 * uy
    norm = 1.0 / np.sqrt(x * x + y * y + z * z)
    return x * norm, y * norm, z * norm


@jit
def push(p, kind, kinetic, cosine, azimuth, scene):
    """Put a secondary on the stack, at the place of its parent.

    Parameters
    ----------
    p : ndarray, shape (19,)
        Parent.
    kind, kinetic : float
        CORSIKA's number of the particle; kinetic energy in MeV.
    cosine, azimuth : float
        Direction relative to the parent's.
    scene : Scene
        Stack and counts are changed; the tally, if the particle is below the cut.
    """
    if kind == 1.0 and kinetic < p[LOCAL_DARK_PHOTON]:
        scene.tally[CUT_PHOTON] += kinetic
        return
    if (kind == 2.0 or kind == 3.0) and kinetic < p[LOCAL_DARK_ELECTRON]:
        scene.tally[CUT_ELECTRON] += kinetic + rest_energy(kind)
        return
    q = scene.stack[scene.counts[N_STACK]]
    scene.counts[N_STACK] += 1
    q[:] = p
    sine = np.sqrt(max(1.0 - cosine * cosine, 0.0))
    across_1, across_2 = sine * np.cos(azimuth), sine * np.sin(azimuth)
    q[UX], q[UY], q[UZ] = turned(p[UX], p[UY], p[UZ], cosine, across_1, across_2)
    q[KIND] = kind
    q[KINETIC] = kinetic
    q[KINETIC_START] = kinetic
    q[PENDING] = 0.0
    q[PATHS] = -1.0
    q[LIFE] = -1.0
