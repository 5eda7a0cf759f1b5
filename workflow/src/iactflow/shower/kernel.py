"""The cascade as one resumable kernel: particles from the stack until it is empty."""

from __future__ import annotations

from iactflow._jit import jit
from iactflow.shower.collide import collide
from iactflow.shower.decays import decay_hadron
from iactflow.shower.heavy import fly_heavy
from iactflow.shower.interactions import decay_muon, interact_lepton, interact_photon
from iactflow.shower.particles import (
    ACTIVE,
    CARRY,
    FIRST_Z,
    HADRONIC,
    INTERACTED,
    KIND,
    KINETIC,
    LIFE,
    MOST_SECONDARIES,
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
    push_momentum,
)
from iactflow.shower.species import FIRST_NUCLEUS, PION_ZERO, rest_energy_mev
from iactflow.shower.transport import DECAYS, DONE, FULL, LOST, fly_lepton, fly_photon

__all__ = ["COLLIDES", "EMPTY", "FILLED", "NO_ROOM", "STRAY", "advance", "put", "put_secondaries"]

EMPTY, FILLED, NO_ROOM, STRAY, COLLIDES = range(5)
_ENDS, _GOES_ON, _ABOVE = range(3)


@jit
def _note_first(work):
    """Note the height of the first interaction."""
    if work.counts[INTERACTED] == 0:
        work.counts[INTERACTED] = 1
        work.tally[FIRST_Z] = work.flying[Z]


@jit
def _decay(work):
    """Let the flying particle decay."""
    if work.flying[KIND] < PION_ZERO:
        decay_muon(work)
    else:
        decay_hadron(work)


@jit
def _interact(work, pool):
    """Let the flying particle interact; whether it ends, goes on, or is above the pool."""
    p = work.flying
    if p[KIND] == 1.0:
        goes_on = interact_photon(work)
        if p[KIND] == 1.0:
            return _GOES_ON if goes_on else _ENDS
    elif p[KIND] < 4.0:
        return _GOES_ON if interact_lepton(work) else _ENDS
    if p[KIND] >= FIRST_NUCLEUS or p[KINETIC] >= pool.max_kinetic_mev:
        return _ABOVE
    collide(work, pool)
    return _ENDS


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
def put_secondaries(works, secondaries, first):
    """Put secondaries of the flying hadron on the stack, as many as there is room for.

    Parameters
    ----------
    works : ndarray of WORK, shape (1,)
        State of the cascade, changed. The tally takes what the secondaries do not have of the
        hadron's energy as hadronic.
    secondaries : ndarray of float64, shape (n, 4)
        CORSIKA's number, momentum in MeV with z along the flight.
    first : int
        Secondary to begin with; zero also settles the energy of the hadron.

    Returns
    -------
    int
        The first secondary that there was no room for.
    """
    work = works[0]
    p = work.flying
    if first == 0:
        work.tally[HADRONIC] += p[KINETIC] + rest_energy_mev(p[KIND])
    n = min(secondaries.shape[0], first + STACK_ROOM - work.counts[N_STACK])
    for i in range(first, n):
        px, py, pz = secondaries[i, 1], secondaries[i, 2], secondaries[i, 3]
        work.tally[HADRONIC] -= push_momentum(work, secondaries[i, 0], px, py, pz, 1.0)
    return n


@jit
def advance(works, steps, pool):
    """Follow particles until the buffer of steps is full or none is left.

    Parameters
    ----------
    works : ndarray of WORK, shape (1,)
        State of the cascade, changed.
    steps : ndarray of float64, shape (n, 11)
        Rows are written from the first on; their number is in the counts.
    pool : HadronPool
        Interactions of hadrons.

    Returns
    -------
    int
        EMPTY: the cascade has ended; FILLED: call again; NO_ROOM: the stack is too small, make room
        and call again; COLLIDES: the flying hadron interacts above the energies of the pool, put
        its secondaries and call again; STRAY: the flying particle has no finite energy, depth or
        direction, or flies without end.
    """
    work = works[0]
    p, counts = work.flying, work.counts
    counts[N_ROWS] = 0
    while True:
        if counts[N_STACK] + counts[MOST_SECONDARIES] > STACK_ROOM:
            return NO_ROOM
        if counts[ACTIVE] == 0:
            if counts[N_STACK] == 0:
                return EMPTY
            counts[N_STACK] -= 1
            for k in range(N_FIELDS):
                p[k] = work.stack[counts[N_STACK], k]
            counts[ACTIVE] = 1
        if p[KIND] == 1.0:
            outcome = fly_photon(work)
        elif p[KIND] < 4.0:
            outcome = fly_lepton(work, steps)
        else:
            outcome = fly_heavy(work, steps, pool)
        if outcome == FULL:
            return FILLED
        if outcome == LOST:
            return STRAY
        if outcome == DONE:
            counts[ACTIVE] = 0
            continue
        _note_first(work)
        if outcome == DECAYS:
            _decay(work)
            counts[ACTIVE] = 0
            continue
        outcome = _interact(work, pool)
        if outcome != _GOES_ON:
            counts[ACTIVE] = 0
        if outcome == _ABOVE:
            return COLLIDES
