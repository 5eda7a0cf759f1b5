"""Flight of electrons, positrons, muons and photons, from one interaction to the next.

A charged particle goes in straight steps with continuous loss and scattering; the path to the next
discrete interaction is drawn with a cross-section not below the true one anywhere in the step, and
the interaction happens with the ratio of the two (Coleman, Nucl. Sci. Eng. 32 (1968) 76), so that a
cross-section that changes with the energy loss needs no small steps.

A particle that is nowhere, or flies nowhere, would fly for ever, since nothing compares with a NaN:
it is found at the start of a step and ends the cascade with an error.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV
from iactflow.shower.particles import (
    CUT_ELECTRON,
    DEPTH,
    GROUND,
    KIND,
    KINETIC,
    LIFE,
    LOCAL_DARK_ELECTRON,
    LOCAL_DENSITY,
    LOCAL_SHIFT,
    N_ROWS,
    PATHS,
    SPEED_OF_LIGHT_M_NS,
    TIME,
    TOP,
    UX,
    UY,
    UZ,
    fly_straight,
    move,
    rest_energy,
    unit,
)
from iactflow.shower.physics_tables import (
    CHI2,
    CROSS_SECTION,
    DELTA_LOW,
    DELTA_NODES_PER_E,
    FIELD,
    LOG_LOW,
    LOSS,
    MAJORANT,
    MAX_ANGLE2,
    MAX_BEND,
    MAX_LOSS,
    MAX_STEP,
    MUON_DECAY,
    NODES_PER_E,
)
from iactflow.shower.scattering import deflect, settle

__all__ = ["DONE", "FULL", "INTERACTS", "LOST", "fly_lepton", "fly_muon", "fly_photon"]

DONE, FULL, INTERACTS, LOST = range(4)
MOST_STEPS = 10_000_000  # between two interactions: the finest settings need some 3e5
MUON_LIFE_M = 658.638  # c tau
MUON_CUT_MEV = 100.0
# Mean square angle per step over chi_c^2: a logarithm, here of a tenth of a radiation length.
_MEAN_LOG = 11.0
_LARGEST_RISE = 0.4  # of the depth, so that the air is much the same along a step: 3 km of height
_LOG_MASS = np.log(ELECTRON_MASS_MEV)


@jit
def _density_effect(log_momentum, delta):
    position = (log_momentum - DELTA_LOW) * DELTA_NODES_PER_E
    if position <= 0.0:
        return 0.0
    i = min(int(position), delta.size - 2)
    return delta[i] + (position - i) * (delta[i + 1] - delta[i])


@jit
def _between(table, sign, position, column):
    i = int(position)
    low = table[sign, i, column]
    return low + (position - i) * (table[sign, i + 1, column] - low)


@jit
def _longest_step(work, momentum2, loss):
    """Step in g/cm2 within the limits on length, loss, scattering and magnetic deflection."""
    p, constants = work.flying, work.constants
    step = min(constants[MAX_STEP], constants[MAX_LOSS] * p[KINETIC] / loss)
    step = min(step, constants[MAX_ANGLE2] * momentum2 / (constants[CHI2] * _MEAN_LOG))
    step = min(step, _LARGEST_RISE * p[DEPTH])
    if constants[FIELD] > 0.0:
        bent = constants[MAX_BEND] * np.sqrt(momentum2) / constants[FIELD] * p[LOCAL_DENSITY]
        step = min(step, bent)
    return step


@jit
def _momentum(kinetic, mass):
    return np.sqrt(kinetic * (kinetic + 2.0 * mass))


@jit
def _astray(p):
    """Whether a particle has an energy, a depth or a direction that is no finite number."""
    return not abs(p[KINETIC] + p[DEPTH] + p[UX] + p[UY] + p[UZ]) < np.inf


@jit
def _go(work, steps, step, loss, mass):
    """Deflect and fly a step with a loss per g/cm2. False where the air ends."""
    p = work.flying
    lost = loss * step
    deflect(work, step, _momentum(p[KINETIC], mass), _momentum(p[KINETIC] - lost, mass))
    return fly_straight(work, steps, step, mass, lost)


@jit
def fly_lepton(work, steps):
    """Carry an electron or positron to its next interaction or its end.

    Parameters
    ----------
    work : record of WORK
        Particle, tally, profile and counts are changed.
    steps : ndarray of float64, shape (n, 11)
        Rows are written.

    Returns
    -------
    int
        DONE, FULL (no more room for steps), INTERACTS, or LOST (no finite number, no end).
    """
    p, table = work.flying, work.leptons
    sign = 1 if p[KIND] == 2.0 else 0
    for _ in range(MOST_STEPS):
        if work.counts[N_ROWS] == steps.shape[0]:
            return FULL
        if _astray(p):
            return LOST
        kinetic = p[KINETIC]
        if kinetic < p[LOCAL_DARK_ELECTRON]:
            work.tally[CUT_ELECTRON] += kinetic + rest_energy(p[KIND])
            return DONE
        log_kinetic = np.log(kinetic)
        position = (log_kinetic - LOG_LOW) * NODES_PER_E
        majorant = _between(table, sign, position, MAJORANT)
        loss = _between(table, sign, position, LOSS)
        momentum2 = kinetic * (kinetic + 2.0 * ELECTRON_MASS_MEV)
        # ln(p / m) to 1e-3 above 10 MeV; there is no density effect below that.
        log_momentum = log_kinetic + ELECTRON_MASS_MEV / kinetic - _LOG_MASS
        loss -= _density_effect(log_momentum + p[LOCAL_SHIFT], work.delta)
        step = _longest_step(work, momentum2, loss)
        if p[PATHS] < 0.0:
            p[PATHS] = -np.log(unit(work.state))
        interacts = p[PATHS] < step * majorant
        if interacts:
            step = p[PATHS] / majorant
        p[PATHS] -= step * majorant
        if not _go(work, steps, step, loss, ELECTRON_MASS_MEV):
            return DONE
        if interacts:
            p[PATHS] = -1.0
            position = (np.log(p[KINETIC]) - LOG_LOW) * NODES_PER_E
            if unit(work.state) * majorant < _between(table, sign, position, CROSS_SECTION):
                settle(work, _momentum(p[KINETIC], ELECTRON_MASS_MEV))
                return INTERACTS
    return LOST


@jit
def fly_muon(work, steps):
    """Carry a muon to its decay or its end.

    Its knock-ons are a part of the continuous loss and are not followed: above the threshold of
    Cherenkov light they would add 1 to 2 % to the light of the muon itself.

    Parameters
    ----------
    work : record of WORK
        Particle, tally, profile and counts are changed.
    steps : ndarray of float64, shape (n, 11)
        Rows are written.

    Returns
    -------
    int
        DONE, FULL, LOST or INTERACTS, which is its decay.
    """
    p, decays = work.flying, work.constants[MUON_DECAY] > 0.0
    if p[PATHS] < 0.0:
        p[PATHS] = 1.0
        p[LIFE] = -MUON_LIFE_M * np.log(unit(work.state))
    for _ in range(MOST_STEPS):
        if work.counts[N_ROWS] == steps.shape[0]:
            return FULL
        if _astray(p):
            return LOST
        kinetic = p[KINETIC]
        if kinetic < MUON_CUT_MEV:
            work.tally[CUT_ELECTRON] += kinetic + rest_energy(p[KIND])
            return DONE
        position = (np.log(kinetic) - LOG_LOW) * NODES_PER_E
        i = int(position)
        momentum = _momentum(kinetic, MUON_MASS_MEV)
        loss = work.muons[i] + (position - i) * (work.muons[i + 1] - work.muons[i])
        log_momentum = np.log(momentum / MUON_MASS_MEV) + p[LOCAL_SHIFT]
        loss -= _density_effect(log_momentum, work.delta)
        step = _longest_step(work, momentum * momentum, loss)
        if decays:
            mean = MUON_LIFE_M * momentum / MUON_MASS_MEV * p[LOCAL_DENSITY]
            step = min(step, 0.1 * mean)
        if not _go(work, steps, step, loss, MUON_MASS_MEV):
            return DONE
        if decays and p[LIFE] < 0.0:
            settle(work, _momentum(p[KINETIC], MUON_MASS_MEV))
            return INTERACTS
    return LOST


@jit
def fly_photon(work):
    """Carry a photon to its next interaction, or out of the air.

    Parameters
    ----------
    work : record of WORK
        Particle and tally are changed.

    Returns
    -------
    int
        DONE, INTERACTS or LOST.
    """
    p, table = work.flying, work.photons
    if _astray(p):
        return LOST
    position = (np.log(p[KINETIC]) - LOG_LOW) * NODES_PER_E
    i = int(position)
    cross_section = table[i, 0] + (position - i) * (table[i + 1, 0] - table[i, 0])
    path = -np.log(unit(work.state)) / cross_section
    length, part = move(work, path)
    p[TIME] += length / SPEED_OF_LIGHT_M_NS
    if part < 1.0:
        work.tally[TOP if p[UZ] > 0.0 else GROUND] += p[KINETIC]
        return DONE
    return INTERACTS
