"""Flight of electrons, positrons and photons, from one interaction to the next.

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
from iactflow.shower.air import ELECTRON_MASS_MEV
from iactflow.shower.particles import (
    CUT_ELECTRON,
    DEPTH,
    GROUND,
    KIND,
    KINETIC,
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
    NODES_PER_E,
)
from iactflow.shower.scattering import deflect, settle
from iactflow.shower.species import POSITRON, rest_energy_mev

__all__ = [
    "DECAYS",
    "DONE",
    "FULL",
    "INTERACTS",
    "LARGEST_RISE",
    "LOST",
    "MOST_STEPS",
    "astray",
    "density_effect_loss",
    "fly_lepton",
    "fly_photon",
    "go",
    "longest_step",
    "momentum_mev",
]

DONE, FULL, INTERACTS, LOST, DECAYS = range(5)
MOST_STEPS = 10_000_000  # between two interactions: the finest settings need some 3e5
# Mean square angle per step over chi_c^2: a logarithm, here of a tenth of a radiation length.
_MEAN_LOG = 11.0
LARGEST_RISE = 0.4  # of the depth, so that the air is much the same along a step: 3 km of height
_LOG_MASS = np.log(ELECTRON_MASS_MEV)


@jit
def density_effect_loss(log_momentum, delta):
    """Density effect of the collision loss.

    Parameters
    ----------
    log_momentum : float
        Logarithm of p / (m c), shifted for the density.
    delta : ndarray, shape (n,)
        Of the physics tables.

    Returns
    -------
    float
        MeV per g/cm2 for a unit charge.
    """
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
def longest_step(work, momentum2, loss):
    """Longest step within the limits on length, loss, scattering and magnetic deflection.

    Parameters
    ----------
    work : record of WORK
        State of the cascade.
    momentum2 : float
        Momentum over charge, squared, MeV^2.
    loss : float
        MeV per g/cm2.

    Returns
    -------
    float
        In g/cm2.
    """
    p, constants = work.flying, work.constants
    step = min(constants[MAX_STEP], constants[MAX_LOSS] * p[KINETIC] / loss)
    step = min(step, constants[MAX_ANGLE2] * momentum2 / (constants[CHI2] * _MEAN_LOG))
    step = min(step, LARGEST_RISE * p[DEPTH])
    if constants[FIELD] > 0.0:
        bent = constants[MAX_BEND] * np.sqrt(momentum2) / constants[FIELD] * p[LOCAL_DENSITY]
        step = min(step, bent)
    return step


@jit
def momentum_mev(kinetic, mass):
    """Momentum of a kinetic energy and a mass, all in MeV."""
    return np.sqrt(kinetic * (kinetic + 2.0 * mass))


@jit
def astray(p):
    """Whether a particle has an energy, a depth or a direction that is no finite number."""
    return not abs(p[KINETIC] + p[DEPTH] + p[UX] + p[UY] + p[UZ]) < np.inf


@jit
def go(work, steps, step, loss, mass, charge):
    """Deflect and fly a step of a charged particle.

    Parameters
    ----------
    work : record of WORK
        Particle, tally, profile and counts are changed.
    steps : ndarray of float64, shape (n, 11)
        A row is written where there may be light.
    step, loss : float
        Length in g/cm2, loss in MeV per g/cm2.
    mass, charge : float
        Mass in MeV, charge in units of a proton's.

    Returns
    -------
    bool
        False where the air ends.
    """
    p = work.flying
    lost = loss * step
    start, end = momentum_mev(p[KINETIC], mass), momentum_mev(p[KINETIC] - lost, mass)
    deflect(work, step, start, end, mass, charge)
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
    sign = 1 if p[KIND] == POSITRON else 0
    charge = 1.0 if p[KIND] == POSITRON else -1.0
    for _ in range(MOST_STEPS):
        if work.counts[N_ROWS] == steps.shape[0]:
            return FULL
        if astray(p):
            return LOST
        kinetic = p[KINETIC]
        if kinetic < p[LOCAL_DARK_ELECTRON]:
            work.tally[CUT_ELECTRON] += kinetic + rest_energy_mev(p[KIND])
            return DONE
        log_kinetic = np.log(kinetic)
        position = (log_kinetic - LOG_LOW) * NODES_PER_E
        majorant = _between(table, sign, position, MAJORANT)
        loss = _between(table, sign, position, LOSS)
        momentum2 = kinetic * (kinetic + 2.0 * ELECTRON_MASS_MEV)
        # ln(p / m) to 1e-3 above 10 MeV; there is no density effect below that.
        log_momentum = log_kinetic + ELECTRON_MASS_MEV / kinetic - _LOG_MASS
        loss -= density_effect_loss(log_momentum + p[LOCAL_SHIFT], work.delta)
        step = longest_step(work, momentum2, loss)
        if p[PATHS] < 0.0:
            p[PATHS] = -np.log(unit(work.state))
        interacts = p[PATHS] < step * majorant
        if interacts:
            step = p[PATHS] / majorant
        p[PATHS] -= step * majorant
        if not go(work, steps, step, loss, ELECTRON_MASS_MEV, charge):
            return DONE
        if interacts:
            p[PATHS] = -1.0
            position = (np.log(p[KINETIC]) - LOG_LOW) * NODES_PER_E
            if unit(work.state) * majorant < _between(table, sign, position, CROSS_SECTION):
                settle(work, momentum_mev(p[KINETIC], ELECTRON_MASS_MEV))
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
    if astray(p):
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
