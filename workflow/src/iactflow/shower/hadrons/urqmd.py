"""UrQMD 3.4 as a cascade: interactions of hadrons with air below the validity of Sibyll.

Bass et al., Prog. Part. Nucl. Phys. 41 (1998) 255; Bleicher et al., J. Phys. G 25 (1999) 1859.
Set up as in CORSIKA, but for

- potentials: none at any energy (CORSIKA: below 4.9 GeV/c), at a third of the time; shares of
  energy of pions and nucleons agree to a few per cent;
- hard scatterings by PYTHIA: none, since PYTHIA changes its maxima from event to event;
- blocking of final states (Pauli): on in every event. The program turns it off for the decays at
  the end of an event and leaves it so.

Nucleons of the target that never collided are left out. Above the energy of `production_mev` an
event that only scatters the projectile is drawn again: cross-sections there are those of
production. What is left to decay (neutral pions, etas, hyperons, neutral kaons) decays by Sibyll's
tables. Units of the Fortran are GeV and fermi.
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np

from iactflow.errors import InputError
from iactflow.shower.air import ATOMS_PER_GRAM
from iactflow.shower.hadrons.fortran import draw_from, in_empty_folder, load_library
from iactflow.shower.hadrons.kinds import rest_mass_mev
from iactflow.shower.hadrons.sibyll import ABSORPTION_POWER, load_sibyll

__all__ = ["UrQMD", "load_urqmd", "production_mev"]

# Least kinetic energy at which events have to produce something. Kaons without a resonance with
# nucleons are nearly always scattered at lower energies in UrQMD.
PRODUCTION_MEV, KAON_PRODUCTION_MEV = 2000.0, 5000.0
LARGEST_MEV = 1e5
GEV = 1e3  # MeV
# Type and twice the third component of isospin. A K0L is K0 or its antiparticle, half each.
TYPES = {
    8: (101, 2), 9: (101, -2), 11: (106, 1), 12: (-106, -1), 13: (1, -1), 14: (1, 1),
    15: (-1, -1), 25: (-1, 1),
}  # fmt: skip
KAON_0, ANTIKAON_0 = (106, -1), (-106, 1)
KAON_0_LONG, KAON_PLUS = 10, 11
# Sibyll's codes by type and isospin; those of antibaryons are negative.
_MESONS = {
    (100, 0): 1, (101, 2): 7, (101, -2): 8, (101, 0): 6, (102, 0): 23, (107, 0): 24,
    (106, 1): 9, (106, -1): 21, (-106, -1): 10, (-106, 1): 22,
}  # fmt: skip
_BARYONS = {
    (1, 1): 13, (1, -1): 14, (27, 0): 39, (40, 2): 34, (40, 0): 35, (40, -2): 36,
    (49, 1): 37, (49, -1): 38, (55, 0): 49,
}  # fmt: skip
CODES = {
    **_MESONS,
    **_BARYONS,
    **{(-kind, -isospin): -code for (kind, isospin), code in _BARYONS.items()},
}
# Nitrogen, oxygen, argon: mass number, atomic number, and share of interactions.
_TARGETS = np.array([[14, 7], [16, 8], [40, 18]])
_SHARES = np.array(
    [ATOMS_PER_GRAM[0] + ATOMS_PER_GRAM[1], ATOMS_PER_GRAM[2], ATOMS_PER_GRAM[3]]
) * (_TARGETS[:, 0] ** ABSORPTION_POWER)
_BOUNDS = np.cumsum(_SHARES) / _SHARES.sum()
_MOST_TRIES = 1000
_END_FM = 200.0  # one step of time, longer than anything happens
# The module's options, counted from one: interactions with the weight of the impact parameter; no
# elastic first collisions; blocking; potential; initialisation; PYTHIA.
_IMPACT, _ELASTIC, _NO_BLOCKING, _FAST_NUCLEI, _PYTHIA = 4, 6, 9, 23, 43
_RADIUS_OFFSET = 29


def production_mev(kind: int) -> float:
    """Kinetic energy below which projectiles that are only scattered count as interactions.

    Parameters
    ----------
    kind : int
        Hadron, CORSIKA's number.

    Returns
    -------
    float
        MeV.
    """
    return KAON_PRODUCTION_MEV if kind in (KAON_0_LONG, KAON_PLUS) else PRODUCTION_MEV


class UrQMD:
    """UrQMD, initialised; there is one per process (`load_urqmd`)."""

    def __init__(self) -> None:
        library = self.library = load_library("_urqmd34")
        table = os.environ.pop("URQMD_TAB", None)
        try:
            # It looks for a table of decay widths, makes it, and writes it where it stands.
            with in_empty_folder():
                library.urqini(6, 0)
        finally:
            if table is not None:
                os.environ["URQMD_TAB"] = table
        self._set_options()
        particles, self._system = library.isys, library.sys
        self._types, self._isospins = particles.ityp, particles.iso3
        self._collisions, place = particles.ncoll, library.coor
        self._momenta = place.px, place.py, place.pz
        # Constants that the first event computes.
        self._event((1, 1), 1.0, 0, np.random.Generator(np.random.Philox(key=0)))

    def _set_options(self) -> None:
        library = self.library
        library.inputs.nevents, library.rsys.bmin = 1, 0.0
        library.inputs.srtflag, library.inputs.trspflg = 2, 0
        library.inputs.eos, library.sys.event = 0, 0
        options = library.options.ctoption
        options[_IMPACT], options[_ELASTIC], options[_FAST_NUCLEI] = 1, 1, 2
        options[_PYTHIA] = 0
        library.pots.dtimestep = _END_FM
        library.sys.nsteps = library.inputs.outsteps = 1

    def _event(
        self,
        projectile: tuple[int, int],
        momentum_gev: float,
        target: int,
        generator: np.random.Generator,
    ) -> None:
        """Make one event with at least one collision."""
        library = self.library
        draw_from(library, generator)
        size, charge = (int(v) for v in _TARGETS[target])
        library.inputs.prspflg = 1
        library.inputs.spityp[0], library.inputs.spiso3[0] = projectile
        library.sys.ap = 1
        library.sys.at, library.sys.zt = size, charge
        offset = 2.0 * library.options.ctparam[_RADIUS_OFFSET]
        library.rsys.bdist = library.nucrad(1) + library.nucrad(size) + offset
        library.input2.pbeam = momentum_gev
        library.options.ctoption[_NO_BLOCKING] = 0
        library.cascinit(charge, size, 2)
        library.urqmd(0)

    def _produces(self, projectile: tuple[int, int], target: int) -> bool:
        """Whether an event has more than nucleons and a projectile that is only scattered."""
        n = int(self._system.npart)
        if n != _TARGETS[target, 0] + 1:
            return True
        kinds = self._types[:n]
        others = np.flatnonzero(kinds != 1)
        if others.size == 0:
            return projectile[0] != 1
        i = others[0]
        same = kinds[i] == projectile[0] and self._isospins[i] == projectile[1]
        return not (others.size == 1 and same)

    def interact_both(
        self, kind: int, kinetic_mev: float, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Make one interaction in air, and its mirror image in isospin.

        Air is nearly isoscalar (a neutron excess of 0.1 %), and strong interactions do not change
        when protons and neutrons, positive and negative pions, charged and neutral kaons change
        places: the image is an interaction of the projectile's partner.

        Parameters
        ----------
        kind : int
            Hadron, CORSIKA's number.
        kinetic_mev : float
            Kinetic energy, MeV.
        generator : numpy.random.Generator
            Source of all random numbers.

        Returns
        -------
        tuple of two ndarray of float64, shape (n, 4) and (m, 4)
            CORSIKA's number and momentum in MeV in the laboratory, z along the projectile; of the
            interaction and of the image, whose short-lived particles decay independently.

        Raises
        ------
        InputError
            If the kind does not interact, or the energy is not positive or above 100 GeV.
        """
        projectile = self._projectile(kind, generator)
        if not 0.0 < kinetic_mev <= LARGEST_MEV:
            allowed = f"above 0, up to {LARGEST_MEV:g} MeV"
            raise InputError("UrQMD", "kinetic energy", kinetic_mev, allowed)
        mass = rest_mass_mev(kind)
        momentum = np.sqrt(kinetic_mev * (kinetic_mev + 2.0 * mass)) / GEV
        for _ in range(_MOST_TRIES):
            target = int(np.searchsorted(_BOUNDS, generator.random()))
            self._event(projectile, momentum, target, generator)
            if kinetic_mev < production_mev(kind) or self._produces(projectile, target):
                break
        else:
            raise RuntimeError(f"UrQMD: no production by {kind} at {kinetic_mev:g} MeV")
        n = int(self._system.npart)
        kinds, isospins = self._types[:n], self._isospins[:n]
        taken = (self._collisions[:n] > 0) | (kinds != 1)
        kinds, isospins = kinds[taken], isospins[taken]
        momenta = _turned([p[:n][taken] for p in self._momenta], generator)
        sibyll = load_sibyll()
        straight = sibyll.decay(_sibyll_codes(kinds, isospins), momenta, generator)
        return straight, sibyll.decay(_sibyll_codes(kinds, -isospins), momenta, generator)

    def interact(self, kind: int, kinetic_mev: float, generator: np.random.Generator) -> np.ndarray:
        """Make one interaction in air.

        Parameters
        ----------
        kind : int
            Hadron, CORSIKA's number.
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
            If the kind does not interact, or the energy is not positive or above 100 GeV.
        """
        return self.interact_both(kind, kinetic_mev, generator)[0]

    @staticmethod
    def _projectile(kind: int, generator: np.random.Generator) -> tuple[int, int]:
        if kind == KAON_0_LONG:
            return KAON_0 if generator.random() < 0.5 else ANTIKAON_0
        if kind not in TYPES:
            allowed = f"{', '.join(map(str, TYPES))}, {KAON_0_LONG}"
            raise InputError("UrQMD", "kind", kind, allowed)
        return TYPES[kind]


def _turned(momenta: list[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """Turn an event around the projectile: UrQMD's impact parameters all lie along x."""
    angle = 2.0 * np.pi * generator.random()
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y, z = momenta
    return np.column_stack([cosine * x - sine * y, sine * x + cosine * y, z])


def _sibyll_codes(kinds: np.ndarray, isospins: np.ndarray) -> np.ndarray:
    pairs = zip(kinds.tolist(), isospins.tolist(), strict=True)
    return np.array([CODES[pair] for pair in pairs], dtype=np.int64)


@cache
def load_urqmd() -> UrQMD:
    """UrQMD, initialised once per process.

    Returns
    -------
    UrQMD
        The model.
    """
    return UrQMD()
