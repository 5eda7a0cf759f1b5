"""Interactions of hadrons and nuclei by a model for high energies, one by one.

A nucleus with too little energy per nucleon for the model interacts as the sum of free nucleons: it
comes apart, and its nucleons interact further down the way (superposition).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iactflow.errors import InputError
from iactflow.shower.hadrons.chromo_models import load_chromo_model
from iactflow.shower.hadrons.kinds import NUCLEON_MASS_MEV, is_nucleus
from iactflow.shower.hadrons.settings import HadronSettings, hadron_settings
from iactflow.shower.hadrons.sibyll import LIBRARIES, load_sibyll

__all__ = ["HighEnergyModel", "free_nucleons"]


class HighEnergyModel:
    """The model for high energies that settings name; initialised once per process.

    Parameters
    ----------
    settings : HadronSettings or mapping
        Settings, or keys of `HadronSettings`.

    Raises
    ------
    InputError
        If settings are wrong, or the tables of the model cannot be had.
    """

    def __init__(self, settings: HadronSettings | Mapping) -> None:
        if not isinstance(settings, HadronSettings):
            settings = hadron_settings(settings)
        self.settings = settings
        name = settings.high_energy_model
        self._model = load_sibyll(name) if name in LIBRARIES else load_chromo_model(name)

    def is_valid(self, kind: int, kinetic_mev: float) -> bool:
        """Whether the model itself makes an interaction; else nuclei come apart.

        Parameters
        ----------
        kind : int
            Hadron or nucleus, CORSIKA's number.
        kinetic_mev : float
            Kinetic energy, of a nucleus as a whole, MeV.

        Returns
        -------
        bool
            Whether the energy is inside its range.
        """
        return self._model.is_valid(kind, kinetic_mev)

    def interact(self, kind: int, kinetic_mev: float, generator: np.random.Generator) -> np.ndarray:
        """Make one interaction in air.

        Parameters
        ----------
        kind : int
            Hadron or nucleus, CORSIKA's number.
        kinetic_mev : float
            Kinetic energy, of a nucleus as a whole, MeV.
        generator : numpy.random.Generator
            Source of all random numbers: the same stream makes the same event, whatever was made
            before.

        Returns
        -------
        ndarray of float64, shape (n, 4)
            CORSIKA's number and momentum in MeV in the laboratory, z along the projectile. Only
            kinds of `iactflow.shower.hadrons.kinds` and nuclei: what lives briefly has decayed.

        Raises
        ------
        InputError
            If the kind does not interact, or a hadron has too little energy for the model.
        """
        if self.is_valid(kind, kinetic_mev):
            return self._model.interact(kind, kinetic_mev, generator)
        if is_nucleus(kind):
            return free_nucleons(kind, kinetic_mev)
        name = self.settings.high_energy_model
        raise InputError(name, "kinetic energy", f"{kinetic_mev:g} MeV", "10 GeV in the c.m.")


def free_nucleons(kind: int, kinetic_mev: float) -> np.ndarray:
    """Nucleons of a nucleus, each with its share of the kinetic energy.

    Parameters
    ----------
    kind : int
        Nucleus, 100 A + Z.
    kinetic_mev : float
        Kinetic energy of the whole, MeV.

    Returns
    -------
    ndarray of float64, shape (A, 4)
        CORSIKA's number and momentum in MeV, z along the nucleus; protons first.
    """
    mass_number, charge = divmod(kind, 100)
    share = kinetic_mev / mass_number
    rows = np.zeros((mass_number, 4))
    rows[:charge, 0], rows[charge:, 0] = 14, 13
    rows[:, 3] = np.sqrt(share * (share + 2.0 * NUCLEON_MASS_MEV))
    return rows
