"""Other generators at high energies, through chromo's own classes.

They cost more time per event, and need tables that chromo downloads when it first uses them. Their
random numbers come from the generator of an event, but that an event does not depend on those
before it is shown for Sibyll and UrQMD alone. What chromo's record of a nucleus's interaction
lacks is found by its energy.
"""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np

from iactflow.errors import InputError
from iactflow.shower.air import ATOMS_PER_GRAM
from iactflow.shower.hadrons.fortran import draw_from, load_library
from iactflow.shower.hadrons.kinds import (
    is_nucleus,
    rest_mass_mev,
)
from iactflow.shower.hadrons.sibyll import ABSORPTION_POWER, GEV, load_sibyll

__all__ = ["MODELS", "ChromoModel", "load_chromo_model"]

#: Names and chromo's classes.
MODELS = {
    "eposlhc": "EposLHC",
    "eposlhcr": "EposLHCR",
    "qgsjet2_04": "QGSJetII04",
    "qgsjet3": "QGSJetIII",
    "dpmjet191": "DpmjetIII191",
    "dpmjet193": "DpmjetIII193",
    "dpmjet307": "DpmjetIII307",
}
LEAST_CM_ENERGY_GEV = 10.0
LEAST_SHARE = 0.9  # of the momentum along the projectile
PDG = {8: 211, 9: -211, 10: 130, 11: 321, 12: -321, 13: 2112, 14: 2212, 15: -2212, 25: -2112}
_NUCLEUS = 1_000_000_000
_TARGETS = ("N14", "O16")
_SHARES = np.array(
    [
        (ATOMS_PER_GRAM[0] + ATOMS_PER_GRAM[1]) * 14.0**ABSORPTION_POWER,
        ATOMS_PER_GRAM[2] * 16.0**ABSORPTION_POWER + ATOMS_PER_GRAM[3] * 40.0**ABSORPTION_POWER,
    ]
)


def _pdg(kind: int) -> int:
    if is_nucleus(kind):
        mass_number, charge = divmod(kind, 100)
        return _NUCLEUS + 10000 * charge + 10 * mass_number
    return PDG[kind]


class ChromoModel:
    """A generator of chromo; there is one per process and name (`load_chromo_model`).

    Parameters
    ----------
    name : str
        Key of `MODELS`.

    Raises
    ------
    InputError
        If the tables that it needs are not there and cannot be had.
    """

    def __init__(self, name: str) -> None:
        # chromo takes a second to import.
        import chromo

        self.name, self._kinematics = name, chromo.kinematics
        kinematics = self._at(14, 1e6, _TARGETS[0])
        model_class = getattr(chromo.models, MODELS[name])
        load_library(model_class._library_name)
        try:
            # chromo warns of the download that it then fails for.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._model = model_class(kinematics, seed=1)
        except (OSError, RuntimeError) as error:
            allowed = f"a model whose tables are at hand, such as sibyll23d ({_first_line(error)})"
            raise InputError("hadrons", "high_energy_model", name, allowed) from error
        self._library = self._model._lib
        self._sibyll = load_sibyll()

    def _at(self, kind: int, kinetic_mev: float, target: str):
        """Kinematics of chromo: projectile on a nucleus at rest."""
        energy = (kinetic_mev + rest_mass_mev(kind)) / GEV
        if is_nucleus(kind):
            energy /= kind // 100
        return self._kinematics.FixedTarget(
            self._kinematics.TotalEnergy(energy), _pdg(kind), target
        )

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
            Whether there are 10 GeV in the centre of mass of two nucleons, or hadron and nucleon.
        """
        return self._sibyll.cm_energy_gev(kind, kinetic_mev) >= LEAST_CM_ENERGY_GEV

    def interact(self, kind: int, kinetic_mev: float, generator: np.random.Generator) -> np.ndarray:
        """Make one interaction in air.

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
        RuntimeError
            If the products lack energy, or hold a particle that nothing is known of.
        """
        oxygen = generator.random() * _SHARES.sum() < _SHARES[1]
        draw_from(self._library, generator)
        self._model.kinematics = self._at(kind, kinetic_mev, _TARGETS[int(oxygen)])
        event = next(iter(self._model(1))).final_state()
        momenta = np.column_stack([event.px, event.py, event.pz])
        nuclei = np.abs(event.pid) > _NUCLEUS
        library = self._sibyll.library
        codes = np.array([library.isib_pdg2pid(int(p)) for p in event.pid[~nuclei]], dtype=np.int64)
        unknown = event.pid[~nuclei][codes == 0]
        if unknown.size:
            raise RuntimeError(f"{self.name}: particle {unknown[0]} (PDG) is unknown to Sibyll")
        rows = self._sibyll.decay(codes, momenta[~nuclei], generator)
        fragments = np.empty((int(nuclei.sum()), 4))
        for i, pdg in enumerate(event.pid[nuclei]):
            fragments[i, 0] = 100 * (int(pdg) // 10 % 1000) + int(pdg) // 10000 % 1000
        fragments[:, 1:] = GEV * momenta[nuclei]
        rows = np.vstack([fragments, rows])
        if rows[:, 3].sum() < LEAST_SHARE * kinetic_mev:
            raise RuntimeError(f"{self.name}: an interaction of {kind} lost energy")
        return rows


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


@cache
def load_chromo_model(name: str) -> ChromoModel:
    """A generator of chromo, initialised once per process.

    Parameters
    ----------
    name : str
        Key of `MODELS`.

    Returns
    -------
    ChromoModel
        The model.
    """
    return ChromoModel(name)
