"""The cascade as one resumable kernel: particles from the stack until it is empty."""

from __future__ import annotations

from iactflow._jit import jit
from iactflow.shower.interactions import decay_muon, interact_lepton, interact_photon
from iactflow.shower.particles import ACTIVE, FIRST_Z, INTERACTED, KIND, N_ROWS, N_STACK, Z
from iactflow.shower.transport import DONE, FULL, fly_lepton, fly_muon, fly_photon

__all__ = ["EMPTY", "FILLED", "NO_ROOM", "advance"]

EMPTY, FILLED, NO_ROOM = 0, 1, 2
MOST_SECONDARIES = 2


@jit
def _interact(p, scene):
    """Let the particle in flight interact; whether it goes on."""
    if scene.counts[INTERACTED] == 0:
        scene.counts[INTERACTED] = 1
        scene.tally[FIRST_Z] = p[Z]
    if p[KIND] == 1.0:
        return interact_photon(p, scene)
    if p[KIND] < 4.0:
        return interact_lepton(p, scene)
    decay_muon(p, scene)
    return False


@jit
def advance(scene):
    """Follow particles until the buffer of steps is full or none is left.

    Parameters
    ----------
    scene : Scene
        State of the cascade, changed; the rows of steps are written from the first again.

    Returns
    -------
    int
        EMPTY: the cascade has ended; FILLED: call again; NO_ROOM: the stack is too small.
    """
    p, counts = scene.flying, scene.counts
    counts[N_ROWS] = 0
    while True:
        if counts[ACTIVE] == 0:
            if counts[N_STACK] == 0:
                return EMPTY
            counts[N_STACK] -= 1
            p[:] = scene.stack[counts[N_STACK]]
            counts[ACTIVE] = 1
        if counts[N_STACK] + MOST_SECONDARIES > scene.stack.shape[0]:
            return NO_ROOM
        if p[KIND] == 1.0:
            outcome = fly_photon(p, scene)
        elif p[KIND] < 4.0:
            outcome = fly_lepton(p, scene)
        else:
            outcome = fly_muon(p, scene)
        if outcome == FULL:
            return FILLED
        if outcome == DONE or not _interact(p, scene):
            counts[ACTIVE] = 0
