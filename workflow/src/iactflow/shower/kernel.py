"""The cascade as one resumable kernel: particles from the stack until it is empty."""

from __future__ import annotations

from iactflow._jit import jit
from iactflow.shower.interactions import decay_muon, interact_lepton, interact_photon
from iactflow.shower.particles import (
    ACTIVE,
    CARRY,
    FIRST_Z,
    INTERACTED,
    KIND,
    KINETIC,
    LIFE,
    N_FIELDS,
    N_ROWS,
    N_STACK,
    PATHS,
    STACK_ROOM,
    TIME,
    TURN,
    UX,
    UY,
    UZ,
    X,
    Y,
    Z,
    place,
)
from iactflow.shower.transport import DONE, FULL, LOST, fly_lepton, fly_muon, fly_photon

__all__ = ["EMPTY", "FILLED", "NO_ROOM", "STRAY", "advance", "put"]

EMPTY, FILLED, NO_ROOM, STRAY = range(4)
MOST_SECONDARIES = 2


@jit
def _interact(work):
    """Let the flying particle interact; whether it goes on."""
    kind = work.flying[KIND]
    if work.counts[INTERACTED] == 0:
        work.counts[INTERACTED] = 1
        work.tally[FIRST_Z] = work.flying[Z]
    if kind == 1.0:
        return interact_photon(work)
    if kind < 4.0:
        return interact_lepton(work)
    decay_muon(work)
    return False


@jit
def put(works, particle):
    """Put a particle on the stack.

    Parameters
    ----------
    works : ndarray of WORK, shape (1,)
        State of the cascade, changed.
    particle : ndarray of float64, shape (10,)
        Kind, kinetic energy in MeV, x, y, z in m, time in ns, direction of flight (three), vertical
        depth in g/cm2.
    """
    work = works[0]
    p = work.flying
    p[KIND], p[KINETIC] = particle[0], particle[1]
    p[X], p[Y], p[TIME] = particle[2], particle[3], particle[5]
    p[UX], p[UY], p[UZ] = particle[6], particle[7], particle[8]
    p[PATHS], p[LIFE], p[CARRY], p[TURN] = -1.0, -1.0, 0.0, 0.0
    place(work, max(particle[9], work.limits[0] * (1.0 + 1e-9)))
    p[Z] = particle[4]
    n = work.counts[N_STACK]
    work.counts[N_STACK] += 1
    for k in range(N_FIELDS):
        work.stack[n, k] = p[k]


@jit
def advance(works, steps):
    """Follow particles until the buffer of steps is full or none is left.

    Parameters
    ----------
    works : ndarray of WORK, shape (1,)
        State of the cascade, changed.
    steps : ndarray of float64, shape (n, 11)
        Rows are written from the first on; their number is in the counts.

    Returns
    -------
    int
        EMPTY: the cascade has ended; FILLED: call again; NO_ROOM: the stack is too small;
        STRAY: the flying particle has no finite energy, depth or direction, or flies without end.
    """
    work = works[0]
    p, counts = work.flying, work.counts
    counts[N_ROWS] = 0
    while True:
        if counts[ACTIVE] == 0:
            if counts[N_STACK] == 0:
                return EMPTY
            counts[N_STACK] -= 1
            for k in range(N_FIELDS):
                p[k] = work.stack[counts[N_STACK], k]
            counts[ACTIVE] = 1
        if counts[N_STACK] + MOST_SECONDARIES > STACK_ROOM:
            return NO_ROOM
        if p[KIND] == 1.0:
            outcome = fly_photon(work)
        elif p[KIND] < 4.0:
            outcome = fly_lepton(work, steps)
        else:
            outcome = fly_muon(work, steps)
        if outcome == FULL:
            return FILLED
        if outcome == LOST:
            return STRAY
        if outcome == DONE or not _interact(work):
            counts[ACTIVE] = 0
