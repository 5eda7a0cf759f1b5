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
def _longest_step(p, momentum2, beta2, loss, constants):
    """Step in g/cm2 within the limits on length, loss, scattering and magnetic deflection."""
    step = min(constants[MAX_STEP], constants[MAX_LOSS] * p[KINETIC] / loss)
    angle = constants[MAX_ANGLE2] * momentum2 * beta2 / (constants[CHI2] * _MEAN_LOG)
    step = min(step, angle)
    if constants[FIELD] > 0.0:
        bent = constants[MAX_BEND] * np.sqrt(momentum2) / constants[FIELD] * p[LOCAL_DENSITY]
        step = min(step, bent)
    return step


@jit
def _go(p, step, loss, momentum2, beta2, scene):
    """A step with its hinge: first part, deflection, second part. False where the air ends."""
    hinge = unit(scene.state) * step
    p[KINETIC] -= loss * hinge
    p[PENDING] += hinge
    scene.tally[DEPOSITED] += loss * hinge
    if not close_segment(p, scene):
        return False
    bend(p, step, np.sqrt(momentum2), scene.constants)
    deflect(p, step, momentum2, beta2, scene.constants, scene.state)
    rest = step - hinge
    p[KINETIC] -= loss * rest
    p[PENDING] += rest
    scene.tally[DEPOSITED] += loss * rest
    return True


@jit
def fly_lepton(p, scene):
    """Carry an electron or positron to its next interaction or its end.

    Parameters
    ----------
    p : ndarray, shape (19,)
        Particle, changed.
    scene : Scene
        Tally, profile, counts and steps are changed.

    Returns
    -------
    int
        DONE, FULL (no more room for steps) or INTERACTS.
    """
    constants, counts = scene.constants, scene.counts
    table = scene.leptons[1 if p[KIND] == 2.0 else 0]
    while counts[N_ROWS] + 2 <= scene.steps.shape[0]:
        kinetic = p[KINETIC]
        if kinetic < p[LOCAL_DARK_ELECTRON]:
            if close_segment(p, scene):
                scene.tally[CUT_ELECTRON] += p[KINETIC] + rest_energy(p[KIND])
            return DONE
        log_kinetic = np.log(kinetic)
        position = (log_kinetic - constants[LOG_LOW]) * NODES_PER_E
        i = int(position)
        f = position - i
        majorant = table[i, MAJORANT] + f * (table[i + 1, MAJORANT] - table[i, MAJORANT])
        momentum2 = kinetic * (kinetic + 2.0 * ELECTRON_MASS_MEV)
        beta2 = momentum2 / (kinetic + ELECTRON_MASS_MEV) ** 2
        log_momentum = log_kinetic + ELECTRON_MASS_MEV / kinetic - np.log(ELECTRON_MASS_MEV)
        loss = table[i, LOSS] + f * (table[i + 1, LOSS] - table[i, LOSS])
        loss -= _density_effect(log_momentum + p[LOCAL_SHIFT], scene.delta) / beta2
        step = _longest_step(p, momentum2, beta2, loss, constants)
        if p[PATHS] < 0.0:
            p[PATHS] = -np.log(unit(scene.state))
        interacts = p[PATHS] < step * majorant
        if interacts:
            step = p[PATHS] / majorant
        p[PATHS] -= step * majorant
        if not _go(p, step, loss, momentum2, beta2, scene):
            return DONE
        if interacts:
            p[PATHS] = -1.0
            position = (np.log(p[KINETIC]) - constants[LOG_LOW]) * NODES_PER_E
            i = int(position)
            here = table[i, CROSS_SECTION]
            here += (position - i) * (table[i + 1, CROSS_SECTION] - here)
            if unit(scene.state) * majorant < here:
                return INTERACTS if close_segment(p, scene) else DONE
    return FULL


@jit
def fly_muon(p, scene):
    """Carry a muon to its decay or its end.

    Parameters
    ----------
    p : ndarray, shape (19,)
        Particle, changed.
    scene : Scene
        Tally, profile, counts and steps are changed.

    Returns
    -------
    int
        DONE, FULL or INTERACTS, which is its decay.
    """
    constants, counts = scene.constants, scene.counts
    if p[PATHS] < 0.0:
        p[PATHS] = 1.0
        p[LIFE] = -MUON_LIFE_M * np.log(unit(scene.state))
    while counts[N_ROWS] + 2 <= scene.steps.shape[0]:
        kinetic = p[KINETIC]
        if kinetic < MUON_CUT_MEV:
            if close_segment(p, scene):
                scene.tally[CUT_ELECTRON] += p[KINETIC] + rest_energy(p[KIND])
            return DONE
        position = (np.log(kinetic) - constants[LOG_LOW]) * NODES_PER_E
        i = int(position)
        momentum2 = kinetic * (kinetic + 2.0 * MUON_MASS_MEV)
        beta2 = momentum2 / (kinetic + MUON_MASS_MEV) ** 2
        loss = scene.muons[i] + (position - i) * (scene.muons[i + 1] - scene.muons[i])
        log_momentum = 0.5 * np.log(momentum2) - np.log(MUON_MASS_MEV)
        loss -= _density_effect(log_momentum + p[LOCAL_SHIFT], scene.delta) / beta2
        step = _longest_step(p, momentum2, beta2, loss, constants)
        if constants[MUON_DECAY] > 0.0:
            mean = MUON_LIFE_M * np.sqrt(momentum2) / MUON_MASS_MEV * p[LOCAL_DENSITY]
            step = min(step, 0.1 * mean)
        if not _go(p, step, loss, momentum2, beta2, scene):
            return DONE
        if constants[MUON_DECAY] > 0.0 and p[LIFE] < 0.0:
            return INTERACTS if close_segment(p, scene) else DONE
    return FULL


@jit
def fly_photon(p, scene):
    """Carry a photon to its next interaction, or out of the air.

    Parameters
    ----------
    p : ndarray, shape (19,)
        Particle, changed.
    scene : Scene
        The tally is changed.

    Returns
    -------
    int
        DONE or INTERACTS.
    """
    position = (np.log(p[KINETIC]) - scene.constants[LOG_LOW]) * NODES_PER_E
    i = int(position)
    table = scene.photons
    cross_section = table[i, 0] + (position - i) * (table[i + 1, 0] - table[i, 0])
    path = -np.log(unit(scene.state)) / cross_section
    length, part = move(p, path, scene.column, scene.grid, scene.limits)
    p[TIME] += length / SPEED_OF_LIGHT_M_NS
    if part < 1.0:
        scene.tally[TOP if p[UZ] > 0.0 else GROUND] += p[KINETIC]
        return DONE
    return INTERACTS
