"""A particle of the cascade as a row of numbers: its place, its flight, its secondaries.

A charged particle flies straight in a step; what it is still to be deflected at the step's end is
carried along until the next step or an interaction.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.campaign.philox import next_uint64
from iactflow.shower.column import (
    DENSITY,
    HEIGHT,
    N_COLUMNS,
    N_NODES,
)
from iactflow.shower.physics_tables import N_CONSTANTS, N_DELTA, N_ENERGIES, RECORD_ALL
from iactflow.shower.species import (
    FIRST_NUCLEUS,
    NEUTRINO_KIND,
    PION_PLUS,
    life_m,
    mass_mev,
    rest_energy_mev,
)

__all__ = [
    "N_FIELDS",
    "WORK",
    "fly_straight",
    "move",
    "place",
    "push",
    "push_momentum",
    "turned",
    "two_uniforms",
    "unit",
]

# Fields of a particle: PATHS are the mean free paths to the next interaction (negative: to be
# drawn), LIFE is what remains of the life of what decays (c tau, m), CARRY and TURN the scattering
# (chi_c^2) and the magnetic deflection (m / MeV) still to come; those from LOCAL_DENSITY on belong
# to its place.
(
    KIND, KINETIC, X, Y, Z, DEPTH, TIME, UX, UY, UZ, PATHS, LIFE, CARRY, TURN,
    LOCAL_DENSITY, LOCAL_SHIFT, LOCAL_THRESHOLD, LOCAL_DARK_ELECTRON, LOCAL_DARK_PHOTON,
) = range(19)  # fmt: skip
LOCAL = LOCAL_DENSITY - DENSITY  # where the columns of the atmosphere stand in a particle
N_FIELDS = 19
N_LEVELS = 2200  # of the profile
STACK_ROOM = 4096
# Counters.
N_STACK, N_ROWS, INTERACTED, ACTIVE, N_STEPS, MOST_SECONDARIES = range(6)
N_COUNTS = 6
# Tally of energy, and what else a cascade sums up.
(
    DEPOSITED, CUT_ELECTRON, CUT_PHOTON, CUT_HADRON, GROUND, TOP, HADRONIC, NEUTRINO,
    TRACK, FIRST_Z,
) = range(10)  # fmt: skip
N_TALLIES = 10
SPEED_OF_LIGHT_M_NS = 0.299792458
_LOW32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_SHIFT11 = np.uint64(11)
_UNIT32 = 1.0 / 4294967296.0
_UNIT53 = 1.0 / 9007199254740992.0


# State of a cascade: one record, so that kernels hand each other a single pointer. `limits` are
# the vertical depths of the top and the ground and the levels of the profile per g/cm2 of depth;
# `grid` is that of the column; `counts` and `tally` are explained above, the rest where it is made:
# `iactflow.shower.column`, `iactflow.shower.physics_tables`, `iactflow.campaign.philox`.
WORK = np.dtype(
    [
        ("flying", np.float64, (N_FIELDS,)),
        ("counts", np.int64, (N_COUNTS,)),
        ("tally", np.float64, (N_TALLIES,)),
        ("state", np.uint64, (11,)),
        ("grid", np.float64, (2,)),
        ("limits", np.float64, (3,)),
        ("constants", np.float64, (N_CONSTANTS,)),
        ("column", np.float64, (N_NODES, N_COLUMNS)),
        ("leptons", np.float64, (2, N_ENERGIES, 5)),
        ("photons", np.float64, (N_ENERGIES, 4)),
        ("heavy", np.float64, (2, N_ENERGIES)),
        ("hadron_cut", np.float64, (1,)),
        ("delta", np.float64, (N_DELTA,)),
        ("profile", np.float64, (N_LEVELS,)),
        ("stack", np.float64, (STACK_ROOM, N_FIELDS)),
    ],
    align=True,
)


@jit
def unit(state):
    """Uniform deviate inside (0, 1), from the state of a stream."""
    return (np.float64(np.int64(next_uint64(state) >> _SHIFT11)) + 0.5) * _UNIT53


@jit
def two_uniforms(state):
    """Two uniform deviates inside (0, 1) of 32 bits each, from one word."""
    word = next_uint64(state)
    first = (np.float64(np.int64(word >> _SHIFT32)) + 0.5) * _UNIT32
    return first, (np.float64(np.int64(word & _LOW32)) + 0.5) * _UNIT32


@jit
def place(work, depth):
    """Set the flying particle's height, and what it needs of the atmosphere, from its depth.

    Parameters
    ----------
    work : record of WORK
        Changed.
    depth : float
        Vertical depth in g/cm2.
    """
    p, column = work.flying, work.column
    position = (np.log(depth) - work.grid[0]) * work.grid[1]
    i = min(max(int(position), 0), N_NODES - 2)
    f = min(max(position - i, 0.0), 1.0)
    p[DEPTH] = depth
    p[Z] = column[i, HEIGHT] + f * (column[i + 1, HEIGHT] - column[i, HEIGHT])
    for k in range(1, N_COLUMNS):
        p[LOCAL + k] = column[i, k] + f * (column[i + 1, k] - column[i, k])


@jit
def move(work, path):
    """Move the flying particle along its direction by a column density.

    Parameters
    ----------
    work : record of WORK
        Changed; the particle's time is left to the caller.
    path : float
        Column density along the path, g/cm2.

    Returns
    -------
    tuple of float
        Length in m; part of the path that was flown: less than one at the ground and at the top.
    """
    p = work.flying
    depth, z, density, rise = p[DEPTH], p[Z], p[LOCAL_DENSITY], p[UZ]
    target = depth - path * rise
    part = 1.0
    if target >= work.limits[1]:
        part = (work.limits[1] - depth) / (target - depth)
        target = work.limits[1]
    elif target <= work.limits[0]:
        part = (work.limits[0] - depth) / (target - depth)
        target = work.limits[0]
    place(work, target)
    length = part * path / density if abs(rise) < 1e-4 else (p[Z] - z) / rise
    p[X] += length * p[UX]
    p[Y] += length * p[UY]
    return length, part


@jit
def _count_levels(work, start, end):
    """Count a charged particle at the levels of the profile between two depths."""
    low, high = min(start, end) * work.limits[2], max(start, end) * work.limits[2]
    for level in range(max(int(low) + 1, 0), min(int(high) + 1, N_LEVELS)):
        work.profile[level] += 1.0


@jit
def _record(work, steps, x, y, z, time, length, gamma_start, gamma_end):
    """Write a step of the flying particle to the buffer."""
    p, n = work.flying, work.counts[N_ROWS]
    work.counts[N_ROWS] += 1
    steps[n, 0], steps[n, 1], steps[n, 2], steps[n, 3] = x, y, z, time
    steps[n, 4], steps[n, 5], steps[n, 6] = p[UX], p[UY], p[UZ]
    steps[n, 7], steps[n, 8], steps[n, 9] = length, gamma_start, gamma_end
    steps[n, 10] = p[KIND]


@jit
def fly_straight(work, steps, path, mass, loss):
    """Move the flying charged particle along a step, record the step, count it.

    Parameters
    ----------
    work : record of WORK
        Particle, tally, profile and counts are changed.
    steps : ndarray of float64, shape (n, 11)
        A row is written where there may be light.
    path : float
        Length in g/cm2.
    mass, loss : float
        Mass in MeV, energy lost along the step in MeV.

    Returns
    -------
    bool
        Whether the particle is still in the atmosphere.
    """
    p, tally = work.flying, work.tally
    start = p[KINETIC]
    x, y, z, time, depth, threshold = p[X], p[Y], p[Z], p[TIME], p[DEPTH], p[LOCAL_THRESHOLD]
    length, part = move(work, path)
    p[KINETIC] = start - part * loss
    tally[DEPOSITED] += part * loss
    tally[TRACK] += part * path
    inverse = mass / (mass + 0.5 * (start + p[KINETIC]))
    speed = np.sqrt(1.0 - inverse * inverse)
    p[TIME] = time + length / (SPEED_OF_LIGHT_M_NS * speed)
    p[LIFE] -= length * inverse / speed
    work.counts[N_STEPS] += 1
    _count_levels(work, depth, p[DEPTH])
    gamma = 1.0 + start / mass
    if gamma > min(threshold, p[LOCAL_THRESHOLD]) or work.constants[RECORD_ALL] > 0.0:
        _record(work, steps, x, y, z, time, length, gamma, 1.0 + p[KINETIC] / mass)
    if part < 1.0:
        tally[TOP if p[UZ] > 0.0 else GROUND] += p[KINETIC] + rest_energy_mev(p[KIND])
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
def push(work, kind, kinetic, cosine, azimuth):
    """Put a secondary on the stack, at the place of the flying particle.

    Parameters
    ----------
    work : record of WORK
        Stack and counts are changed; the tally, if the secondary is below the cut.
    kind, kinetic : float
        CORSIKA's number of the particle; kinetic energy in MeV.
    cosine, azimuth : float
        Direction relative to the flying particle's.
    """
    if _dark(work, kind, kinetic):
        return
    sine = np.sqrt(max(1.0 - cosine * cosine, 0.0))
    _stack(work, kind, kinetic, cosine, sine * np.cos(azimuth), sine * np.sin(azimuth))


@jit
def _dark(work, kind, kinetic):
    """Whether a secondary is below the cut; its energy then goes to the tally."""
    p = work.flying
    if kind == 1.0 and kinetic < p[LOCAL_DARK_PHOTON]:
        work.tally[CUT_PHOTON] += kinetic
        return True
    if (kind == 2.0 or kind == 3.0) and kinetic < p[LOCAL_DARK_ELECTRON]:
        work.tally[CUT_ELECTRON] += kinetic + rest_energy_mev(kind)
        return True
    return False


@jit
def _stack(work, kind, kinetic, cosine, across_1, across_2):
    """Put a secondary on the stack; its direction as in `turned`."""
    p, q = work.flying, work.stack
    n = work.counts[N_STACK]
    work.counts[N_STACK] += 1
    for k in range(N_FIELDS):
        q[n, k] = p[k]
    q[n, UX], q[n, UY], q[n, UZ] = turned(p[UX], p[UY], p[UZ], cosine, across_1, across_2)
    q[n, KIND] = kind
    q[n, KINETIC] = kinetic
    q[n, CARRY], q[n, TURN] = 0.0, 0.0
    q[n, PATHS] = -1.0
    q[n, LIFE] = -1.0


@jit
def push_momentum(work, kind, px, py, pz, scale):
    """Put a secondary with a momentum on the stack, at the place of the flying particle.

    Parameters
    ----------
    work : record of WORK
        Stack and counts are changed; the tally, if it is a neutrino or below the cut.
    kind : float
        CORSIKA's number of the particle.
    px, py, pz : float
        Momentum in MeV; z along the flight of the flying particle, x and y as in `turned`.
    scale : float
        Factor on the kinetic energy that this momentum gives; the direction stays.

    Returns
    -------
    float
        What it takes along, MeV: kinetic energy and what it would leave when it stops.
    """
    momentum2 = px * px + py * py + pz * pz
    mass = mass_mev(kind)
    kinetic = scale * momentum2 / (np.sqrt(momentum2 + mass * mass) + mass)
    energy = kinetic + rest_energy_mev(kind)
    if kind == NEUTRINO_KIND:
        work.tally[NEUTRINO] += energy
    elif PION_PLUS <= kind < FIRST_NUCLEUS and kinetic < work.hadron_cut[0] and life_m(kind) == 0.0:
        work.tally[CUT_HADRON] += energy
    elif momentum2 > 0.0 and not _dark(work, kind, kinetic):
        inverse = 1.0 / np.sqrt(momentum2)
        _stack(work, kind, kinetic, pz * inverse, px * inverse, py * inverse)
    elif momentum2 == 0.0:
        work.tally[CUT_HADRON] += energy
    return energy
