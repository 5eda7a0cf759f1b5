"""Sibyll 2.3d and its relatives: interactions above 10 GeV in the centre of mass, and decays.

Riehn, Engel, Fedynitch, Gaisser and Stanev, Phys. Rev. D 102 (2020) 063002 (2.3d); nuclei by Engel
et al., Phys. Rev. D 46 (1992) 5013 (semi-superposition), fragments by abrasion and ablation. The
event is made in the centre of mass of projectile and one nucleon of the target. Units of the
Fortran are GeV and millibarn.

A nucleus interacts as the sum of the interactions of its wounded nucleons, which the program takes
for protons: of the charge of a nucleus only that of the spectators is kept. Spectators fly on with
the projectile's momentum per nucleon and the transverse momentum of the fragmentation.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from iactflow.errors import InputError
from iactflow.shower.air import ATOMS_PER_GRAM
from iactflow.shower.hadrons.fortran import draw_from, load_library
from iactflow.shower.hadrons.kinds import (
    NEUTRINO,
    NUCLEON_MASS_MEV,
    is_nucleus,
    rest_mass_mev,
    stable_nucleus,
)

__all__ = ["LIBRARIES", "Sibyll", "load_sibyll"]

#: Versions, which share one interface, and their extension modules.
LIBRARIES = {"sibyll23c": "_sib23c01", "sibyll23d": "_sib23d", "sibyll23e": "_sib23e"}
LEAST_CM_ENERGY_GEV = 10.0
GEV = 1e3  # MeV
# Sibyll's codes of what does not decay in the generator, and CORSIKA's numbers.
KINDS = {
    1: 1, 2: 2, 3: 3, 4: 5, 5: 6, 7: 8, 8: 9, 9: 11, 10: 12, 11: 10, 13: 14, 14: 13,
    -13: 15, -14: 25, **dict.fromkeys([15, 16, 17, 18, 92, 93], NEUTRINO),
}  # fmt: skip
CODES = {8: 7, 9: 8, 10: 11, 11: 9, 12: 10, 13: 14, 14: 13, 15: -13, 25: -14}
# Rows of its tables of cross-sections: nucleons, pions, kaons.
CLASSES = {7: 2, 8: 2, 9: 3, 10: 3, 11: 3, 13: 1, 14: 1}
DECAYED, NUCLEUS, N_CODES = 10000, 1000, 100
NITROGEN, OXYGEN = 14, 16
# Argon counts as oxygen, the heaviest target with tables: its cross-section is larger by the ratio
# of mass numbers to the power 0.72 of absorption (Denisov et al., Nucl. Phys. B 61 (1973) 62).
ABSORPTION_POWER = 0.72
_LIKE_NITROGEN = ATOMS_PER_GRAM[0] + ATOMS_PER_GRAM[1]
_LIKE_OXYGEN = ATOMS_PER_GRAM[2] + ATOMS_PER_GRAM[3] * (40.0 / OXYGEN) ** ABSORPTION_POWER


class Sibyll:
    """One version of Sibyll, initialised; there is one per process and version (`load_sibyll`).

    Parameters
    ----------
    name : str
        Key of `LIBRARIES`.
    """

    def __init__(self, name: str) -> None:
        library = self.library = load_library(LIBRARIES[name])
        library.s_debug.lun, library.s_debug.ndebug = 6, 0
        library.sibini()
        library.pdg_ini()
        self._set_decays()
        # Views of common blocks: an attribute of an extension module costs a microsecond.
        self._p, self._codes = library.s_plist.p, library.s_plist.llist
        self._n = library.s_plist.np
        self._nuclear, self._fragments = library.s_plnuc, library.fragments.ppp
        self._kinds = np.zeros(2 * N_CODES, dtype=np.int64)
        for code, kind in KINDS.items():
            self._kinds[N_CODES + code] = kind
        self._masses_gev = library.s_mass1.am

    def _set_decays(self) -> None:
        """Let decay what lives too briefly to interact."""
        stable = {abs(code) for code in KINDS}
        decays = self.library.s_csydec.idb
        for code in range(1, decays.size + 1):
            first = abs(int(decays[code - 1]))
            decays[code - 1] = -first if code in stable else first

    def cm_energy_gev(self, kind: int, kinetic_mev: float) -> float:
        """Energy in the centre of mass of projectile (of a nucleus: one nucleon) and nucleon.

        Parameters
        ----------
        kind : int
            CORSIKA's number.
        kinetic_mev : float
            Kinetic energy, of a nucleus as a whole, MeV.

        Returns
        -------
        float
            GeV.
        """
        nucleon = NUCLEON_MASS_MEV / GEV
        mass, kinetic = rest_mass_mev(kind) / GEV, kinetic_mev / GEV
        if is_nucleus(kind):
            mass, kinetic = nucleon, kinetic / (kind // 100)
        return float(np.sqrt((mass + nucleon) ** 2 + 2.0 * nucleon * kinetic))

    def is_valid(self, kind: int, kinetic_mev: float) -> bool:
        """Whether the model holds at an energy.

        Parameters
        ----------
        kind : int
            CORSIKA's number.
        kinetic_mev : float
            Kinetic energy, MeV.

        Returns
        -------
        bool
            Whether there are 10 GeV in the centre of mass.
        """
        return self.cm_energy_gev(kind, kinetic_mev) >= LEAST_CM_ENERGY_GEV

    def interact(self, kind: int, kinetic_mev: float, generator: np.random.Generator) -> np.ndarray:
        """Make one interaction in air that produces particles.

        Parameters
        ----------
        kind : int
            Hadron or nucleus, CORSIKA's number.
        kinetic_mev : float
            Kinetic energy, MeV.
        generator : numpy.random.Generator
            Source of all random numbers.

        Returns
        -------
        ndarray of float64, shape (n, 4)
            CORSIKA's number and momentum in MeV in the laboratory, z along the projectile.

        Raises
        ------
        InputError
            If the kind is none that interacts, or the energy is too low for the model.
        """
        if kind not in CODES and not is_nucleus(kind):
            raise InputError("Sibyll", "kind", kind, f"{', '.join(map(str, CODES))}, nuclei")
        cm_energy = self.cm_energy_gev(kind, kinetic_mev)
        if not cm_energy >= LEAST_CM_ENERGY_GEV:
            allowed = f"at least {LEAST_CM_ENERGY_GEV:g} GeV in the centre of mass"
            raise InputError("Sibyll", "energy of an interaction", f"{cm_energy:g} GeV", allowed)
        draw_from(self.library, generator)
        if is_nucleus(kind):
            return self._nucleus(kind, kinetic_mev / GEV, cm_energy, generator)
        code = CODES[kind]
        target = self._target(CLASSES[abs(code)], cm_energy, generator)
        self.library.sibyll(code, target, cm_energy)
        self.library.decsib()
        energy = kinetic_mev / GEV + rest_mass_mev(kind) / GEV
        momentum = np.sqrt(energy**2 - (rest_mass_mev(kind) / GEV) ** 2)
        return self._products(self._boost(energy, momentum, cm_energy))

    def _target(self, row: int, cm_energy: float, generator: np.random.Generator) -> int:
        """Mass number of the target, by abundance times cross-section."""
        nitrogen = _LIKE_NITROGEN * self.library.sib_sigma_hnuc(row, NITROGEN, cm_energy)[0]
        oxygen = _LIKE_OXYGEN * self.library.sib_sigma_hnuc(row, OXYGEN, cm_energy)[0]
        return OXYGEN if generator.random() * (nitrogen + oxygen) < oxygen else NITROGEN

    @staticmethod
    def _boost(energy: float, momentum: float, cm_energy: float) -> tuple[float, float]:
        """Lorentz factor and its product with the velocity, from centre of mass to laboratory."""
        return (energy + NUCLEON_MASS_MEV / GEV) / cm_energy, momentum / cm_energy

    def _products(self, boost: tuple[float, float]) -> np.ndarray:
        n = int(self._n)
        codes = self._codes[:n]
        final = np.flatnonzero(np.abs(codes) < DECAYED)
        return self._rows(codes[final], self._p[final], boost)

    def _rows(self, codes: np.ndarray, p: np.ndarray, boost: tuple[float, float]) -> np.ndarray:
        rows = np.empty((codes.size, 4))
        rows[:, 0] = self._kinds[N_CODES + codes]
        rows[:, 1:3] = GEV * p[:, :2]
        rows[:, 3] = GEV * (boost[0] * p[:, 2] + boost[1] * p[:, 3])
        if not rows[:, 0].all():
            code = int(codes[rows[:, 0] == 0.0][0])
            raise RuntimeError(f"Sibyll: particle {code} should have decayed")
        return rows

    def _nucleus(
        self, kind: int, kinetic_gev: float, cm_energy: float, generator: np.random.Generator
    ) -> np.ndarray:
        size = kind // 100
        target = self._target(1, cm_energy, generator)
        # Components that a fragmentation does not set would be those of an earlier event.
        self._fragments[:] = 0.0
        self.library.sibnuc(size, target, cm_energy)
        n = int(self._nuclear.npa)
        codes, p = self._nuclear.lla[:n], self._nuclear.pa[:, :n].T
        spectator = codes > NUCLEUS
        nucleon = NUCLEON_MASS_MEV / GEV
        energy = kinetic_gev / size + nucleon
        momentum = np.sqrt(energy**2 - nucleon**2)
        produced = ~spectator
        rows = self._rows(codes[produced], p[produced], self._boost(energy, momentum, cm_energy))
        masses = codes[spectator] - NUCLEUS
        fragments = np.empty((masses.size, 4))
        fragments[:, 0] = self._spectators(masses, kind, generator)
        transverse = np.zeros((masses.size, 2))
        known = min(masses.size, self._fragments.shape[1])
        transverse[:known] = self._fragments[:2, :known].T
        # Fragments stand first; nucleons scattered elastically follow, without a deflection.
        fragments[:, 1:3] = transverse
        fragments[:, 3] = GEV * momentum * masses
        return np.vstack([fragments, rows])

    @staticmethod
    def _spectators(masses: np.ndarray, kind: int, generator: np.random.Generator) -> np.ndarray:
        """Kinds of spectators: single nucleons in the mixture of the nucleus, stable fragments."""
        protons = generator.random(masses.size) * (kind // 100) < kind % 100
        kinds = np.where(protons, 14, 13)
        for i in np.flatnonzero(masses > 1):
            kinds[i] = stable_nucleus(int(masses[i]))
        return kinds

    def decay(
        self, codes: np.ndarray, momenta_gev: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """Let particles decay until only long-lived ones are left.

        Parameters
        ----------
        codes : ndarray of int, shape (n,)
            Particles, Sibyll's codes.
        momenta_gev : ndarray of float, shape (n, 3)
            Momenta in the laboratory.
        generator : numpy.random.Generator
            Source of all random numbers.

        Returns
        -------
        ndarray of float64, shape (m, 4)
            As of `interact`.
        """
        draw_from(self.library, generator)
        n = codes.size
        masses = self._masses_gev[np.abs(codes) - 1]
        self._codes[:n] = codes
        self._p[:n, :3] = momenta_gev
        self._p[:n, 4] = masses
        self._p[:n, 3] = np.sqrt((momenta_gev**2).sum(axis=1) + masses**2)
        self._n[...] = n
        self.library.decsib()
        return self._products((1.0, 0.0))


@cache
def load_sibyll(name: str = "sibyll23d") -> Sibyll:
    """Sibyll, initialised once per process.

    Parameters
    ----------
    name : str, optional
        Key of `LIBRARIES`.

    Returns
    -------
    Sibyll
        The model.
    """
    return Sibyll(name)
