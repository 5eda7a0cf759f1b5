"""Flight of muons, hadrons and nuclei, to a decay, an interaction with a nucleus, or the end.

They lose energy continuously (Bethe, for nuclei times the square of the charge; muons radiate,
too), scatter and bend as electrons do. Knock-ons are a part of the continuous loss and are not
followed: above the threshold of Cherenkov light they would add 1 to 2 % to the light of the
particle itself. The path to an interaction is drawn in mean free paths, along g/cm2; the life in
metres of proper time: whichever ends first.

A hadron below the cut is deposited, if it lives for ever; mesons below it decay in flight without
interacting, which is what nearly all of them do: a pion of 0.3 GeV at a height of 5 km flies 1.7
g/cm2 before it decays, and 100 before it interacts.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.air import MUON_MASS_MEV
from iactflow.shower.collide import inelastic_per_g_cm2
from iactflow.shower.particles import (
    CUT_ELECTRON,
    CUT_HADRON,
    DEPTH,
    GROUND,
    KIND,
    KINETIC,
    LIFE,
    LOCAL_DENSITY,
    LOCAL_SHIFT,
    N_ROWS,
    PATHS,
    SPEED_OF_LIGHT_M_NS,
    TIME,
    TOP,
    UZ,
    move,
    unit,
)
from iactflow.shower.physics_tables import LOG_LOW, MUON_DECAY, NODES_PER_E
from iactflow.shower.scattering import settle
from iactflow.shower.species import (
    FIRST_NUCLEUS,
    PION_ZERO,
    charge_number,
    life_m,
    mass_mev,
    rest_energy_mev,
)
from iactflow.shower.transport import (
    DECAYS,
    DONE,
    FULL,
    INTERACTS,
    LARGEST_RISE,
    LOST,
    MOST_STEPS,
    astray,
    density_effect_loss,
    go,
    longest_step,
    momentum_mev,
)

__all__ = ["MUON_CUT_MEV", "fly_heavy"]

MUON_CUT_MEV = 100.0
# Mesons below this decay where they are: they would fly some metres.
DECAY_AT_ONCE_MEV = 50.0
# Of a mean life: what is left of it when a hadron has come to its decay.
_NO_LIFE = 1e-4


@jit
def _loss(work, mass, charge, momentum):
    """Mean loss of the flying particle, MeV per g/cm2."""
    p = work.flying
    row = 0 if p[KIND] < PION_ZERO else 1
    position = (np.log(p[KINETIC] * (MUON_MASS_MEV / mass)) - LOG_LOW) * NODES_PER_E
    i = int(position)
    loss = work.heavy[row, i] + (position - i) * (work.heavy[row, i + 1] - work.heavy[row, i])
    log_momentum = np.log(momentum / mass) + p[LOCAL_SHIFT]
    return charge * charge * (loss - density_effect_loss(log_momentum, work.delta))


@jit
def _fly_neutral(work, path, momentum, mass):
    """Move a neutral particle along a path in g/cm2. False where the air ends."""
    p = work.flying
    length, part = move(work, path)
    per_speed = np.sqrt(momentum * momentum + mass * mass) / momentum
    p[TIME] += length * per_speed / SPEED_OF_LIGHT_M_NS
    p[LIFE] -= length * mass / momentum
    if part < 1.0:
        rest = rest_energy_mev(p[KIND])
        work.tally[TOP if p[UZ] > 0.0 else GROUND] += p[KINETIC] + rest
    return part == 1.0


@jit
def _begin(work, life):
    """Draw the paths to the interaction and the life of a particle that starts to fly."""
    p = work.flying
    p[PATHS] = 1.0 if p[KIND] < PION_ZERO else -np.log(unit(work.state))
    if life > 0.0:
        p[LIFE] = -life * np.log(unit(work.state))


@jit
def _cut_mev(work):
    """Kinetic energy below which the flying particle is not followed, or does not interact."""
    kind = work.flying[KIND]
    if kind < PION_ZERO:
        return MUON_CUT_MEV
    return work.hadron_cut[0] * (int(kind) // 100 if kind >= FIRST_NUCLEUS else 1)


@jit
def _longest_step(work, life, mass, charge, momentum, loss):
    """Longest step in g/cm2 within all limits, the end of the life among them."""
    p = work.flying
    step = np.inf
    if charge != 0.0:
        step = longest_step(work, momentum * momentum / (charge * charge), loss)
    elif life > 0.0:
        step = LARGEST_RISE * p[DEPTH]
    if life > 0.0:
        if p[KIND] < PION_ZERO:
            return min(step, 0.1 * (life * momentum / mass * p[LOCAL_DENSITY]))
        step = min(step, p[LIFE] * momentum / mass * p[LOCAL_DENSITY])
    return step


@jit
def fly_heavy(work, steps, pool):
    """Carry a muon, hadron or nucleus to its decay, its interaction or its end.

    Parameters
    ----------
    work : record of WORK
        Particle, tally, profile and counts are changed.
    steps : ndarray of float64, shape (n, 11)
        Rows are written.
    pool : HadronPool
        Cross-sections.

    Returns
    -------
    int
        DONE, FULL (no more room for steps), INTERACTS, DECAYS, or LOST (no finite number, no end).
    """
    p, is_muon = work.flying, work.flying[KIND] < PION_ZERO
    mass, charge, life = mass_mev(p[KIND]), charge_number(p[KIND]), life_m(p[KIND])
    if p[PATHS] < 0.0:
        _begin(work, life)
    if is_muon and work.constants[MUON_DECAY] == 0.0:
        life = 0.0
    loss, inverse, interacts = 0.0, 0.0, False
    for _ in range(MOST_STEPS):
        if work.counts[N_ROWS] == steps.shape[0]:
            return FULL
        if astray(p):
            return LOST
        slow = p[KINETIC] < _cut_mev(work)
        if slow and (is_muon or life == 0.0):
            left = p[KINETIC] + rest_energy_mev(p[KIND])
            work.tally[CUT_ELECTRON if is_muon else CUT_HADRON] += left
            return DONE
        if slow and p[KINETIC] < DECAY_AT_ONCE_MEV:
            return DECAYS
        momentum = momentum_mev(p[KINETIC], mass)
        if charge != 0.0:
            loss = _loss(work, mass, charge, momentum)
        step = _longest_step(work, life, mass, charge, momentum, loss)
        if not is_muon:
            inverse = 0.0 if slow else inelastic_per_g_cm2(pool, p[KIND], p[KINETIC])
            interacts = p[PATHS] < step * inverse
            step = p[PATHS] / inverse if interacts else step
            p[PATHS] -= 0.0 if interacts else step * inverse
        flies = (
            _fly_neutral(work, step, momentum, mass)
            if charge == 0.0
            else go(work, steps, step, loss, mass, charge)
        )
        if not flies:
            return DONE
        if interacts or (life > 0.0 and p[LIFE] < (0.0 if is_muon else _NO_LIFE * life)):
            settle(work, momentum_mev(p[KINETIC], mass))
            return INTERACTS if interacts else DECAYS
    return LOST
