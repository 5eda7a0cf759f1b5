"""Kinds of particles that take part in hadronic interactions: CORSIKA's numbers and rest masses.

CORSIKA's numbers: 1 photon, 2 and 3 positron and electron, 5 and 6 muons of charge +1 and -1, 8 and
9 charged pions, 10 K0L, 11 and 12 charged kaons, 13 neutron, 14 proton, 15 and 25 their
antiparticles, 66 any neutrino, 100 A + Z a nucleus. Masses are the Particle Data Group's (Workman
et al., PTEP 2022, 083C01); a nucleus weighs A atomic mass units, to 1 MeV per nucleon.
"""

from __future__ import annotations

from iactflow.errors import InputError
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV

__all__ = [
    "HADRONS",
    "LARGEST_MASS_NUMBER",
    "NEUTRINO",
    "NUCLEON_MASS_MEV",
    "PRODUCED",
    "is_nucleus",
    "rest_mass_mev",
    "stable_nucleus",
]

NEUTRINO = 66
#: Hadrons that live long enough to interact, in the order of the rows of a pool.
HADRONS = (8, 9, 10, 11, 12, 13, 14, 15, 25)
#: What comes out of an interaction, besides nuclei.
PRODUCED = (1, 2, 3, 5, 6, *HADRONS, NEUTRINO)
LARGEST_MASS_NUMBER = 56
_ATOMIC_MASS_UNIT_MEV = 931.49410
_PION, _KAON, _NEUTRAL_KAON = 139.57039, 493.677, 497.611
_NEUTRON, _PROTON = 939.565421, 938.272088
NUCLEON_MASS_MEV = 0.5 * (_NEUTRON + _PROTON)
# Atomic numbers of the stable nuclei of 2 to 56 nucleons, of the more abundant ones where there are
# two; of 5 and 8 nucleons none is stable.
_CHARGES = (
    *(1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 10),
    *(10, 10, 11, 12, 12, 12, 13, 14, 14, 14, 15, 16, 16, 16, 17, 18, 17, 18, 19, 20),
    *(19, 20, 20, 20, 21, 22, 22, 22, 22, 22, 23, 24, 24, 26, 25, 26),
)
_MASSES_MEV = {
    1: 0.0,
    2: ELECTRON_MASS_MEV,
    3: ELECTRON_MASS_MEV,
    5: MUON_MASS_MEV,
    6: MUON_MASS_MEV,
    8: _PION,
    9: _PION,
    10: _NEUTRAL_KAON,
    11: _KAON,
    12: _KAON,
    13: _NEUTRON,
    14: _PROTON,
    15: _PROTON,
    25: _NEUTRON,
    NEUTRINO: 0.0,
}


def is_nucleus(kind: int) -> bool:
    """Whether a number stands for a nucleus of 2 to 56 nucleons.

    Parameters
    ----------
    kind : int
        CORSIKA's number.

    Returns
    -------
    bool
        Whether it is 100 A + Z with Z from 0 to A.
    """
    mass_number, charge = divmod(int(kind), 100)
    return 2 <= mass_number <= LARGEST_MASS_NUMBER and charge <= mass_number


def rest_mass_mev(kind: int) -> float:
    """Rest mass of a particle.

    Parameters
    ----------
    kind : int
        CORSIKA's number.

    Returns
    -------
    float
        MeV.

    Raises
    ------
    InputError
        If the kind is not known.
    """
    if kind in _MASSES_MEV:
        return _MASSES_MEV[kind]
    if not is_nucleus(kind):
        allowed = f"{', '.join(map(str, PRODUCED))}, or a nucleus 100 A + Z"
        raise InputError("particle", "kind", kind, allowed)
    return _ATOMIC_MASS_UNIT_MEV * (kind // 100)


def stable_nucleus(mass_number: int) -> int:
    """Most abundant nucleus of a mass number.

    Parameters
    ----------
    mass_number : int
        Nucleons, 2 to 56.

    Returns
    -------
    int
        100 A + Z.

    Raises
    ------
    InputError
        If the mass number is outside.
    """
    if not 2 <= mass_number <= LARGEST_MASS_NUMBER:
        allowed = f"2 to {LARGEST_MASS_NUMBER}"
        raise InputError("nucleus", "mass number", mass_number, allowed)
    return 100 * mass_number + _CHARGES[mass_number - 2]
