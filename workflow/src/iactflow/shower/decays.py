"""Decays of charged pions, charged kaons and long-lived neutral kaons in flight.

Branching ratios are those of the Review of Particle Physics 2022 (Prog. Theor. Exp. Phys. 2022
083C01), scaled to add up to one; modes below 1 % are left out. Three bodies share the energy by
phase space alone: neither the form factors of semileptonic decays nor the slopes of the Dalitz plot
of three pions are there, and muons are not polarised. Neutral pions decay at once, to two photons.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.particles import KIND, KINETIC, NEUTRINO, push_momentum, unit
from iactflow.shower.species import (
    ELECTRON,
    GAMMA,
    KAON_LONG,
    KAON_PLUS,
    MU_MINUS,
    MU_PLUS,
    NEUTRINO_KIND,
    PION_MINUS,
    PION_PLUS,
    PION_ZERO,
    POSITRON,
    mass_mev,
    rest_energy_mev,
)

__all__ = ["KAON_CHARGED_MODES", "KAON_LONG_MODES", "decay_hadron", "three_bodies"]

# Probability and products, of a K+, whose antiparticle has the charges turned round; of a K0L,
# whose charges are drawn. A product of -1 is none.
KAON_CHARGED_MODES = (
    (0.6356, MU_PLUS, NEUTRINO_KIND, -1),
    (0.2067, PION_PLUS, PION_ZERO, -1),
    (0.05583, PION_PLUS, PION_PLUS, PION_MINUS),
    (0.0507, POSITRON, NEUTRINO_KIND, PION_ZERO),
    (0.03352, MU_PLUS, NEUTRINO_KIND, PION_ZERO),
    (0.01760, PION_PLUS, PION_ZERO, PION_ZERO),
)
KAON_LONG_MODES = (
    (0.4055, POSITRON, NEUTRINO_KIND, PION_MINUS),
    (0.2704, MU_PLUS, NEUTRINO_KIND, PION_MINUS),
    (0.1952, PION_ZERO, PION_ZERO, PION_ZERO),
    (0.1254, PION_PLUS, PION_MINUS, PION_ZERO),
)
_TWO_PI, _PHOTON = 2.0 * np.pi, float(GAMMA)
_CHARGED = np.array(KAON_CHARGED_MODES)
_LONG = np.array(KAON_LONG_MODES)
_CHARGED[:, 0] = _CHARGED[:, 0].cumsum() / _CHARGED[:, 0].sum()
_LONG[:, 0] = _LONG[:, 0].cumsum() / _LONG[:, 0].sum()


@jit
def _conjugate(kind):
    """Number of the antiparticle."""
    if kind in (POSITRON, MU_PLUS, PION_PLUS):
        return kind + 1.0
    if kind in (ELECTRON, MU_MINUS, PION_MINUS):
        return kind - 1.0
    return kind


@jit
def _isotropic(state):
    """Unit vector of any direction."""
    cosine = 2.0 * unit(state) - 1.0
    sine, azimuth = np.sqrt(1.0 - cosine * cosine), _TWO_PI * unit(state)
    return sine * np.cos(azimuth), sine * np.sin(azimuth), cosine


@jit
def _own_momentum(mass, first, second):
    """Momentum of two particles of known masses into which a mass decays, in its frame."""
    square = (mass * mass - (first + second) ** 2) * (mass * mass - (first - second) ** 2)
    return np.sqrt(max(square, 0.0)) / (2.0 * mass)


@jit
def _boosted(momentum, energy, mover, of_mover, mass):
    """Momentum of a particle seen where its frame, of a mass, has a momentum and an energy."""
    x, y, z = momentum
    vx, vy, vz = mover
    along = (x * vx + y * vy + z * vz) / (mass * (of_mover + mass)) + energy / mass
    return x + along * vx, y + along * vy, z + along * vz


@jit
def three_bodies(mass, first, second, third, state):
    """Share the energy of a decay to three bodies by phase space.

    Parameters
    ----------
    mass : float
        Of what decays, MeV.
    first, second, third : float
        Masses of the products.
    state : ndarray of uint64, shape (11,)
        Random stream.

    Returns
    -------
    tuple of float
        Mass of the first two together; momentum of the third in the frame of the decay; momentum of
        the first in that of the two. The density of the mass is the product of the momenta (Review
        of Particle Physics, Kinematics, equation 49.21).
    """
    low, high = first + second, mass - third
    most = _own_momentum(mass, low, third) * _own_momentum(high, first, second)
    while True:
        both = low + (high - low) * unit(state)
        outer = _own_momentum(mass, both, third)
        inner = _own_momentum(both, first, second)
        if unit(state) * most < outer * inner:
            return both, outer, inner


@jit
def _push_product(work, kind, momentum):
    """Put a product on the stack, a neutral pion as two photons; the energy that it takes along."""
    if kind != PION_ZERO:
        return push_momentum(work, kind, momentum[0], momentum[1], momentum[2], 1.0)
    mass = mass_mev(kind)
    square = momentum[0] ** 2 + momentum[1] ** 2 + momentum[2] ** 2
    half = 0.5 * mass
    x, y, z = _isotropic(work.state)
    energy = np.sqrt(square + mass * mass)
    x, y, z = _boosted((half * x, half * y, half * z), half, momentum, energy, mass)
    taken = push_momentum(work, _PHOTON, x, y, z, 1.0)
    others = momentum[0] - x, momentum[1] - y, momentum[2] - z
    return taken + push_momentum(work, _PHOTON, others[0], others[1], others[2], 1.0)


@jit
def _draw_mode(work):
    """Draw the products of the flying hadron's decay: three numbers, the last -1 for two bodies."""
    kind, state = work.flying[KIND], work.state
    if kind < KAON_LONG:
        muon = MU_PLUS if kind == PION_PLUS else MU_MINUS
        return float(muon), float(NEUTRINO_KIND), -1.0
    modes = _LONG if kind == KAON_LONG else _CHARGED
    chance, i = unit(state), 0
    while i < modes.shape[0] - 1 and chance >= modes[i, 0]:
        i += 1
    a, b, c = modes[i, 1], modes[i, 2], modes[i, 3]
    turned = unit(state) < 0.5 if kind == KAON_LONG else kind != KAON_PLUS
    return (_conjugate(a), _conjugate(b), _conjugate(c)) if turned else (a, b, c)


@jit
def decay_hadron(work):
    """Put the products of the flying meson's decay on the stack; neutrinos leave.

    Parameters
    ----------
    work : record of WORK
        Particle, stack, counts and tally are changed. What is left of the energy, an electron's
        mass of the air in decays to electrons, goes with the neutrinos.
    """
    p, state = work.flying, work.state
    mass = mass_mev(p[KIND])
    a, b, c = _draw_mode(work)
    energy = p[KINETIC] + mass
    flight = 0.0, 0.0, np.sqrt(p[KINETIC] * (p[KINETIC] + 2.0 * mass))
    first, second = mass_mev(a), mass_mev(b)
    balance = p[KINETIC] + rest_energy_mev(p[KIND])
    pair, momentum = mass, 0.0
    pair_flight, pair_energy = flight, energy
    if c >= 0.0:
        third = mass_mev(c)
        pair, outer, momentum = three_bodies(mass, first, second, third, state)
        x, y, z = _isotropic(state)
        own = outer * x, outer * y, outer * z
        third_flight = _boosted(own, np.sqrt(outer * outer + third * third), flight, energy, mass)
        pair_flight = -third_flight[0], -third_flight[1], flight[2] - third_flight[2]
        square = pair_flight[0] ** 2 + pair_flight[1] ** 2 + pair_flight[2] ** 2
        pair_energy = np.sqrt(square + pair * pair)
        balance -= _push_product(work, c, third_flight)
    else:
        momentum = _own_momentum(mass, first, second)
    x, y, z = _isotropic(state)
    own = momentum * x, momentum * y, momentum * z
    own_energy = np.sqrt(momentum * momentum + first * first)
    one = _boosted(own, own_energy, pair_flight, pair_energy, pair)
    other = pair_flight[0] - one[0], pair_flight[1] - one[1], pair_flight[2] - one[2]
    balance -= _push_product(work, a, one)
    balance -= _push_product(work, b, other)
    work.tally[NEUTRINO] += balance
