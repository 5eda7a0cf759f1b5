"""Flight of electrons, positrons, muons and photons, from one interaction to the next.

A charged particle goes in steps with continuous loss and scattering; the path to the next discrete
interaction is drawn with a cross-section not below the true one anywhere in the step, and the
interaction happens with the ratio of the two (Coleman, Nucl. Sci. Eng. 32 (1968) 76), so that a
cross-section that changes with the energy loss needs no small steps.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV
from iactflow.shower.particles import (
    CUT_ELECTRON,
    DEPOSITED,
    GROUND,
    KIND,
    KINETIC,
    LIFE,
    LOCAL_DARK_ELECTRON,
    LOCAL_DENSITY,
    LOCAL_SHIFT,
    N_ROWS,
    PATHS,
    PENDING,
    SPEED_OF_LIGHT_M_NS,
    TIME,
    TOP,
    UZ,
    close_segment,
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
from iactflow.shower.scattering import bend, deflect

__all__ = ["DONE", "FULL", "INTERACTS", "fly_lepton", "fly_muon", "fly_photon"]

DONE, FULL, INTERACTS = 0, 1, 2
MUON_LIFE_M = 658.638  # c tau
MUON_CUT_MEV = 100.0
# Mean square angle per step over chi_c^2: a logarithm, here of a tenth of a radiation length.
_MEAN_LOG = 11.0


@jit
def _density_effect(log_momentum, delta):
    position = (log_momentum - DELTA_LOW) * DELTA_NODES_PER_E
    if position <= 0.0:
        return 0.0
    i = min(int(position), delta.size - 2)
    return delta[i] + (position - i) * (delta[i + 1] - delta[i])


@jit
def _longest_step(work, momentum2, beta2, loss):
    """Step in g/cm2 within the limits on length, loss, scattering and magnetic deflection."""
    p, constants = work.flying, work.constants
    step = min(constants[MAX_STEP], constants[MAX_LOSS] * p[KINETIC] / loss)
    angle = constants[MAX_ANGLE2] * momentum2 * beta2 / (constants[CHI2] * _MEAN_LOG)
    step = min(step, angle)
    if constants[FIELD] > 0.0:
        bent = constants[MAX_BEND] * np.sqrt(momentum2) / constants[FIELD] * p[LOCAL_DENSITY]
        step = min(step, bent)
    return step


@jit
def _go(work, steps, step, loss, momentum2, beta2):
    """A step with its hinge: first part, deflection, second part. False where the air ends."""
    p = work.flying
    hinge = unit(work.state) * step
    p[KINETIC] -= loss * hinge
    p[PENDING] += hinge
    work.tally[DEPOSITED] += loss * hinge
    if not close_segment(work, steps):
        return False
    bend(work, step, np.sqrt(momentum2))
    deflect(work, step, momentum2, beta2)
    rest = step - hinge
    p[KINETIC] -= loss * rest
    p[PENDING] += rest
    work.tally[DEPOSITED] += loss * rest
    return True


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
        DONE, FULL (no more room for steps) or INTERACTS.
    """
    p, counts = work.flying, work.counts
    table, sign = work.leptons, 1 if p[KIND] == 2.0 else 0
    while counts[N_ROWS] + 2 <= steps.shape[0]:
        kinetic = p[KINETIC]
        if kinetic < p[LOCAL_DARK_ELECTRON]:
            if close_segment(work, steps):
                work.tally[CUT_ELECTRON] += p[KINETIC] + rest_energy(p[KIND])
            return DONE
        log_kinetic = np.log(kinetic)
        position = (log_kinetic - LOG_LOW) * NODES_PER_E
        i = int(position)
        f = position - i
        majorant = table[sign, i, MAJORANT] + f * (
            table[sign, i + 1, MAJORANT] - table[sign, i, MAJORANT]
        )
        momentum2 = kinetic * (kinetic + 2.0 * ELECTRON_MASS_MEV)
        beta2 = momentum2 / (kinetic + ELECTRON_MASS_MEV) ** 2
        log_momentum = log_kinetic + ELECTRON_MASS_MEV / kinetic - np.log(ELECTRON_MASS_MEV)
        loss = table[sign, i, LOSS]
        loss += f * (table[sign, i + 1, LOSS] - loss)
        loss -= _density_effect(log_momentum + p[LOCAL_SHIFT], work.delta) / beta2
        step = _longest_step(work, momentum2, beta2, loss)
        if p[PATHS] < 0.0:
            p[PATHS] = -np.log(unit(work.state))
        interacts = p[PATHS] < step * majorant
        if interacts:
            step = p[PATHS] / majorant
        p[PATHS] -= step * majorant
        if not _go(work, steps, step, loss, momentum2, beta2):
            return DONE
        if interacts:
            p[PATHS] = -1.0
            position = (np.log(p[KINETIC]) - LOG_LOW) * NODES_PER_E
            i = int(position)
            here = table[sign, i, CROSS_SECTION]
            here += (position - i) * (table[sign, i + 1, CROSS_SECTION] - here)
            if unit(work.state) * majorant < here:
                return INTERACTS if close_segment(work, steps) else DONE
    return FULL


@jit
def fly_muon(work, steps):
    """Carry a muon to its decay or its end.

    Parameters
    ----------
    work : record of WORK
        Particle, tally, profile and counts are changed.
    steps : ndarray of float64, shape (n, 11)
        Rows are written.

    Returns
    -------
    int
        DONE, FULL or INTERACTS, which is its decay.
    """
    p, counts = work.flying, work.counts
    if p[PATHS] < 0.0:
        p[PATHS] = 1.0
        p[LIFE] = -MUON_LIFE_M * np.log(unit(work.state))
    while counts[N_ROWS] + 2 <= steps.shape[0]:
        kinetic = p[KINETIC]
        if kinetic < MUON_CUT_MEV:
            if close_segment(work, steps):
                work.tally[CUT_ELECTRON] += p[KINETIC] + rest_energy(p[KIND])
            return DONE
        position = (np.log(kinetic) - LOG_LOW) * NODES_PER_E
        i = int(position)
        momentum2 = kinetic * (kinetic + 2.0 * MUON_MASS_MEV)
        beta2 = momentum2 / (kinetic + MUON_MASS_MEV) ** 2
        loss = work.muons[i] + (position - i) * (work.muons[i + 1] - work.muons[i])
        log_momentum = 0.5 * np.log(momentum2) - np.log(MUON_MASS_MEV)
        loss -= _density_effect(log_momentum + p[LOCAL_SHIFT], work.delta) / beta2
        step = _longest_step(work, momentum2, beta2, loss)
        if work.constants[MUON_DECAY] > 0.0:
            mean = MUON_LIFE_M * np.sqrt(momentum2) / MUON_MASS_MEV * p[LOCAL_DENSITY]
            step = min(step, 0.1 * mean)
        if not _go(work, steps, step, loss, momentum2, beta2):
            return DONE
        if work.constants[MUON_DECAY] > 0.0 and p[LIFE] < 0.0:
            return INTERACTS if close_segment(work, steps) else DONE
    return FULL


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
        DONE or INTERACTS.
    """
    p, table = work.flying, work.photons
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
