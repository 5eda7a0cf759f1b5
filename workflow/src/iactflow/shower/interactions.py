"""Interactions of the cascade: which happens, what comes out, what goes on the stack."""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV
from iactflow.shower.particles import (
    CUT_PHOTON,
    HADRONIC,
    KIND,
    KINETIC,
    LOCAL_DARK_PHOTON,
    NEUTRINO,
    UX,
    UY,
    UZ,
    push,
    turned,
    unit,
)
from iactflow.shower.physics_tables import (
    ELECTRON_CUT,
    FIXED_ANGLE,
    LOG_LOW,
    NODES_PER_E,
    P_BREMSSTRAHLUNG,
    P_COMPTON,
    P_KNOCK_ON,
    P_NUCLEAR,
    P_PAIR,
    PHOTON_CUT,
)
from iactflow.shower.secondaries import (
    annihilation_energy,
    bhabha_energy,
    bremsstrahlung_energy,
    compton_energy,
    cosine_of_pair,
    michel_energy,
    moller_energy,
    muon_part,
    pair_part,
)
from iactflow.shower.species import PION_MINUS, PION_PLUS, mass_mev

__all__ = ["decay_muon", "interact_lepton", "interact_photon"]

_M = ELECTRON_MASS_MEV
_TWO_PI = 2.0 * np.pi


@jit
def _lepton(work, sign, kinetic, k):
    position = (np.log(kinetic) - LOG_LOW) * NODES_PER_E
    i, table = int(position), work.leptons
    return table[sign, i, k] + (position - i) * (table[sign, i + 1, k] - table[sign, i, k])


@jit
def _photon(work, energy, k):
    position = (np.log(energy) - LOG_LOW) * NODES_PER_E
    i, table = int(position), work.photons
    return table[i, k] + (position - i) * (table[i + 1, k] - table[i, k])


@jit
def _go_on(p, kinetic, cosine, azimuth):
    """Give a particle its energy and direction after an interaction."""
    p[KINETIC] = kinetic
    sine = np.sqrt(max(1.0 - cosine * cosine, 0.0))
    across_1, across_2 = sine * np.cos(azimuth), sine * np.sin(azimuth)
    p[UX], p[UY], p[UZ] = turned(p[UX], p[UY], p[UZ], cosine, across_1, across_2)


@jit
def _cosine_of_knock_on(kinetic, before):
    """Cosine of an electron's angle to the one that had all the kinetic energy before."""
    return min(np.sqrt(kinetic * (before + 2.0 * _M) / (before * (kinetic + 2.0 * _M))), 1.0)


@jit
def interact_lepton(work):
    """Let an electron or positron radiate, knock on an electron, or annihilate.

    Parameters
    ----------
    work : record of WORK
        Particle, stack, counts and tally are changed.

    Returns
    -------
    bool
        Whether the particle goes on.
    """
    p, constants, state = work.flying, work.constants, work.state
    fixed = constants[FIXED_ANGLE]
    positron = p[KIND] == 2.0
    sign = 1 if positron else 0
    kinetic = p[KINETIC]
    chance = unit(state)
    azimuth = _TWO_PI * unit(state)
    if chance < _lepton(work, sign, kinetic, P_BREMSSTRAHLUNG):
        # Between a threshold and the next node of the table there may be no room for one.
        if kinetic > constants[PHOTON_CUT]:
            photon = bremsstrahlung_energy(kinetic, constants[PHOTON_CUT], constants, state)
            push(work, 1.0, photon, cosine_of_pair(kinetic + _M, _M, fixed, state), azimuth)
            p[KINETIC] = kinetic - photon
        return True
    if chance < _lepton(work, sign, kinetic, P_KNOCK_ON):
        cut = constants[ELECTRON_CUT]
        if kinetic <= (cut if positron else 2.0 * cut):
            return True
        knocked = (
            bhabha_energy(kinetic, cut, state) if positron else moller_energy(kinetic, cut, state)
        )
        cosine = _cosine_of_knock_on(knocked, kinetic)
        push(work, 3.0, knocked, cosine, azimuth + np.pi)
        rest = kinetic - knocked
        _go_on(p, rest, _cosine_of_knock_on(max(rest, 1e-9), kinetic), azimuth)
        return True
    if not positron:
        return True
    first = annihilation_energy(kinetic, state)
    total = kinetic + 2.0 * _M
    ratio = np.sqrt(total / kinetic)  # total energy over momentum
    for k, turn in ((first, azimuth), (total - first, azimuth + np.pi)):
        push(work, 1.0, k, max(min(ratio * (k - _M) / k, 1.0), -1.0), turn)
    return False


@jit
def _turn_into_pion(work):
    """Let a photon meet a nucleus as a charged pion of its energy, or end without hadrons.

    By vector dominance (Bauer et al., Rev. Mod. Phys. 50 (1978) 261) a photon interacts as a rho
    meson, and that as the mean of both charged pions of its energy. Below the cut, in the
    resonances, the nucleus keeps the energy.
    """
    p = work.flying
    kinetic = p[KINETIC] - mass_mev(float(PION_PLUS))
    if work.hadron_cut[0] <= 0.0 or kinetic < work.hadron_cut[0]:
        work.tally[HADRONIC] += p[KINETIC]
        return
    p[KIND] = float(PION_PLUS) if unit(work.state) < 0.5 else float(PION_MINUS)
    p[KINETIC] = kinetic


@jit
def interact_photon(work):
    """Let a photon make a pair, scatter, or be absorbed by a nucleus.

    A photon that a nucleus absorbs becomes a pion that is about to interact, where hadrons are
    followed: the kind of the flying particle tells.

    Parameters
    ----------
    work : record of WORK
        Particle, stack, counts and tally are changed.

    Returns
    -------
    bool
        Whether the photon goes on.
    """
    p, constants, state = work.flying, work.constants, work.state
    photon, fixed = p[KINETIC], constants[FIXED_ANGLE]
    chance = unit(state)
    azimuth = _TWO_PI * unit(state)
    if chance < _photon(work, photon, P_PAIR):
        energy = pair_part(photon, constants, state) * photon
        for total, kind, turn in ((energy, 2.0, azimuth), (photon - energy, 3.0, azimuth + np.pi)):
            push(work, kind, max(total - _M, 0.0), cosine_of_pair(total, _M, fixed, state), turn)
        return False
    if chance < _photon(work, photon, P_COMPTON):
        scattered = compton_energy(photon, state)
        kinetic = photon - scattered
        if kinetic > 0.0:
            cosine = (photon + _M) / photon * np.sqrt(kinetic / (kinetic + 2.0 * _M))
            push(work, 3.0, kinetic, min(cosine, 1.0), azimuth + np.pi)
        cosine = max(1.0 - _M * (1.0 / scattered - 1.0 / photon), -1.0)
        _go_on(p, scattered, cosine, azimuth)
        if scattered < p[LOCAL_DARK_PHOTON]:
            work.tally[CUT_PHOTON] += scattered
            return False
        return True
    if chance < _photon(work, photon, P_NUCLEAR):
        _turn_into_pion(work)
        return False
    if photon <= 2.0 * MUON_MASS_MEV:
        return True
    energy = muon_part(photon, state) * photon
    for total, kind, turn in ((energy, 5.0, azimuth), (photon - energy, 6.0, azimuth + np.pi)):
        cosine = cosine_of_pair(total, MUON_MASS_MEV, fixed, state)
        push(work, kind, max(total - MUON_MASS_MEV, 0.0), cosine, turn)
    return False


@jit
def decay_muon(work):
    """Put the electron of a muon's decay on the stack; the neutrinos leave.

    Parameters
    ----------
    work : record of WORK
        Particle, stack, counts and tally are changed.
    """
    p, state = work.flying, work.state
    total = p[KINETIC] + MUON_MASS_MEV
    gamma = total / MUON_MASS_MEV
    speed = np.sqrt(1.0 - 1.0 / gamma**2)
    own = michel_energy(state)
    momentum = np.sqrt(max(own * own - _M * _M, 0.0))
    along = (2.0 * unit(state) - 1.0) * momentum
    energy = gamma * (own + speed * along)
    forward = gamma * (along + speed * own)
    flight = np.sqrt(max(energy * energy - _M * _M, 1e-12))
    cosine = max(min(forward / flight, 1.0), -1.0)
    positive = p[KIND] == 5.0
    kinetic = max(energy - _M, 0.0)
    # A positron will take the mass of an electron of the air with it; see `rest_energy`.
    work.tally[NEUTRINO] += total - kinetic - (2.0 * _M if positive else 0.0)
    push(work, 2.0 if positive else 3.0, kinetic, cosine, _TWO_PI * unit(state))
