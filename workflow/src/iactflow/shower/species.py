"""Particles of a cascade by CORSIKA's number: mass, charge, life, what they leave when they stop.

Masses, lives and charges are those of the Review of Particle Physics 2022 (Prog. Theor. Exp. Phys.
2022 083C01). Nuclei are 100 A + Z; their mass is A atomic mass units without Z electrons, right to
0.1 % from helium on. Particles that decay within micrometres are not listed: the models of hadronic
interactions have decayed them. A neutron of 0.3 GeV flies 10^8 km before it decays: it is stable.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV

__all__ = [
    "ANTINEUTRON",
    "ANTIPROTON",
    "ELECTRON",
    "FIRST_NUCLEUS",
    "GAMMA",
    "KAON_LONG",
    "KAON_MINUS",
    "KAON_PLUS",
    "MU_MINUS",
    "MU_PLUS",
    "NEUTRINO_KIND",
    "NEUTRON",
    "PION_MINUS",
    "PION_PLUS",
    "PION_ZERO",
    "POSITRON",
    "PROTON",
    "charge_number",
    "charge_squared",
    "is_known",
    "life_m",
    "mass_mev",
    "rest_energy_mev",
]

GAMMA, POSITRON, ELECTRON, MU_PLUS, MU_MINUS = 1, 2, 3, 5, 6
PION_ZERO, PION_PLUS, PION_MINUS, KAON_LONG, KAON_PLUS, KAON_MINUS = 7, 8, 9, 10, 11, 12
NEUTRON, PROTON, ANTIPROTON, ANTINEUTRON = 13, 14, 15, 25
NEUTRINO_KIND = 66  # of any flavour, for the balance of energy alone
FIRST_NUCLEUS = 200
ATOMIC_MASS_MEV = 931.49410242
N_KINDS = 67
_SPECIES = {  # mass in MeV, charge, c tau in m (zero: does not decay)
    GAMMA: (0.0, 0.0, 0.0),
    POSITRON: (ELECTRON_MASS_MEV, 1.0, 0.0),
    ELECTRON: (ELECTRON_MASS_MEV, -1.0, 0.0),
    MU_PLUS: (MUON_MASS_MEV, 1.0, 658.638),
    MU_MINUS: (MUON_MASS_MEV, -1.0, 658.638),
    PION_ZERO: (134.9768, 0.0, 25.5e-9),
    PION_PLUS: (139.57039, 1.0, 7.8045),
    PION_MINUS: (139.57039, -1.0, 7.8045),
    KAON_LONG: (497.611, 0.0, 15.34),
    KAON_PLUS: (493.677, 1.0, 3.711),
    KAON_MINUS: (493.677, -1.0, 3.711),
    NEUTRON: (939.56542052, 0.0, 0.0),
    PROTON: (938.27208816, 1.0, 0.0),
    ANTIPROTON: (938.27208816, -1.0, 0.0),
    ANTINEUTRON: (939.56542052, 0.0, 0.0),
    NEUTRINO_KIND: (0.0, 0.0, 0.0),
}
_TABLE = np.zeros((N_KINDS, 3))
for _kind, _row in _SPECIES.items():
    _TABLE[_kind] = _row


def is_known(particle_id: int) -> bool:
    """Whether a particle can start a cascade.

    Parameters
    ----------
    particle_id : int
        CORSIKA's number.

    Returns
    -------
    bool
        True for photons, electrons, muons, what lives long enough of mesons and baryons, and nuclei
        up to a mass number of 56.
    """
    if particle_id in _SPECIES:
        return particle_id not in (PION_ZERO, NEUTRINO_KIND)
    mass_number, charge = divmod(particle_id, 100)
    return 2 <= mass_number <= 56 and 1 <= charge <= mass_number


@jit_leaf
def mass_mev(kind):
    """Mass of a particle.

    Parameters
    ----------
    kind : float
        CORSIKA's number.

    Returns
    -------
    float
        MeV.
    """
    number = int(kind)
    if number < N_KINDS:
        return _TABLE[number, 0]
    return (number // 100) * ATOMIC_MASS_MEV - (number % 100) * ELECTRON_MASS_MEV


@jit_leaf
def charge_number(kind):
    """Charge of a particle.

    Parameters
    ----------
    kind : float
        CORSIKA's number.

    Returns
    -------
    float
        In units of a proton's.
    """
    number = int(kind)
    return _TABLE[number, 1] if number < N_KINDS else float(number % 100)


@jit_leaf
def charge_squared(kind):
    """Square of the charge of a charged particle, to which its light is proportional.

    Parameters
    ----------
    kind : float
        CORSIKA's number.

    Returns
    -------
    float
        One but for nuclei.
    """
    if kind < FIRST_NUCLEUS:
        return 1.0
    charge = float(int(kind) % 100)
    return charge * charge


@jit_leaf
def life_m(kind):
    """Mean life of a particle.

    Parameters
    ----------
    kind : float
        CORSIKA's number.

    Returns
    -------
    float
        Times the speed of light, m; zero where it does not decay.
    """
    number = int(kind)
    return _TABLE[number, 2] if number < N_KINDS else 0.0


@jit_leaf
def rest_energy_mev(kind):
    """What a particle leaves besides its kinetic energy when it stops.

    Parameters
    ----------
    kind : float
        CORSIKA's number.

    Returns
    -------
    float
        MeV: two masses of what annihilates with a particle of the air (positrons, antibaryons), the
        mass of muons and mesons, nothing of electrons, baryons and nuclei, which stay.
    """
    if kind in (POSITRON, ANTIPROTON, ANTINEUTRON):
        return 2.0 * mass_mev(kind)
    return mass_mev(kind) if MU_PLUS <= kind < NEUTRON else 0.0
