"""Events of hadronic interactions for tests: streams, energies, conserved numbers."""

from __future__ import annotations

import numpy as np

from iactflow.shower.hadrons.kinds import rest_mass_mev

PION, KAON_LONG, KAON, NEUTRON, PROTON, ANTIPROTON = 8, 10, 11, 13, 14, 15
HELIUM, NITROGEN, IRON = 402, 1407, 5626
BARYONS = {13: 1, 14: 1, 15: -1, 25: -1}
CHARGES = {2: 1, 3: -1, 5: 1, 6: -1, 8: 1, 9: -1, 11: 1, 12: -1, 14: 1, 15: -1}


def stream(*words):
    """Philox generator of a key of at most two numbers."""
    key = np.zeros(2, dtype=np.uint64)
    key[: len(words)] = words
    return np.random.Generator(np.random.Philox(key=key))


def energies_mev(rows):
    """Energies of rows of kind and momentum."""
    masses = np.array([rest_mass_mev(int(kind)) for kind in rows[:, 0]])
    return np.sqrt((rows[:, 1:] ** 2).sum(axis=1) + masses**2)


def baryon_number(rows):
    """Baryon number of rows."""
    kinds = rows[:, 0].astype(int).tolist()
    return sum(kind // 100 if kind >= 200 else BARYONS.get(kind, 0) for kind in kinds)


def charge(rows):
    """Charge of rows."""
    kinds = rows[:, 0].astype(int).tolist()
    return sum(kind % 100 if kind >= 200 else CHARGES.get(kind, 0) for kind in kinds)


def share(rows, kinds):
    """Energy of some kinds."""
    return energies_mev(rows)[np.isin(rows[:, 0], kinds)].sum()
