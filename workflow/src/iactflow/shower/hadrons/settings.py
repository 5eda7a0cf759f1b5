"""What hadronic interactions are made with: models, limits, the grid of a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from iactflow.errors import InputError
from iactflow.shower.hadrons.chromo_models import MODELS
from iactflow.shower.hadrons.sibyll import LIBRARIES
from iactflow.shower.hadrons.urqmd import LARGEST_MEV

__all__ = ["HIGH_ENERGY_MODELS", "LOW_ENERGY_MODELS", "HadronSettings", "hadron_settings"]

HIGH_ENERGY_MODELS = (*LIBRARIES, *MODELS)
LOW_ENERGY_MODELS = ("urqmd34",)
# Sibyll's 10 GeV in the centre of mass, for the lightest hadron.
_LEAST_SWITCH_GEV = 53.0
_COMMON = (8, 9, 13, 14)


@dataclass(frozen=True)
class HadronSettings:
    """Models and the grid of a pool; the block ``shower.hadrons`` of a campaign.

    Attributes
    ----------
    high_energy_model, low_energy_model : str
        Names.
    switch_gev : float
        Kinetic energy from which on the model for high energies is used.
    transition_gev : float
        Kinetic energy above which every interaction is generated on its own.
    kinetic_cut_gev : float
        Least kinetic energy of the pool.
    n_nodes : int
        Energies of the pool.
    events_per_node : int
        Events of nucleons and pions at each energy; kaons and antinucleons have a third.
    seed : int
        Seed of the pool.

    Raises
    ------
    InputError
        If a model is unknown, or energies or numbers do not fit.
    """

    high_energy_model: str = "sibyll23d"
    low_energy_model: str = "urqmd34"
    switch_gev: float = 60.0
    transition_gev: float = 80.0
    kinetic_cut_gev: float = 0.3
    n_nodes: int = 24
    events_per_node: int = 500
    seed: int = 1

    def __post_init__(self):
        for key, known in (
            ("high_energy_model", HIGH_ENERGY_MODELS),
            ("low_energy_model", LOW_ENERGY_MODELS),
        ):
            if getattr(self, key) not in known:
                raise InputError("hadrons", key, getattr(self, key), ", ".join(known))
        for key, least, most in (
            ("switch_gev", _LEAST_SWITCH_GEV, 1e-3 * LARGEST_MEV),
            ("transition_gev", self.switch_gev, 1e6),
            ("kinetic_cut_gev", 0.1, 10.0),
            ("n_nodes", 2, 1000),
            ("events_per_node", 1, 10**6),
            ("seed", 0, 2**63 - 1),
        ):
            if not least <= getattr(self, key) <= most:
                raise InputError("hadrons", key, getattr(self, key), f"{least:g} to {most:g}")

    def events_of(self, kind: int) -> int:
        """Number of events of a hadron at each energy.

        Parameters
        ----------
        kind : int
            CORSIKA's number.

        Returns
        -------
        int
            `events_per_node` of nucleons and pions, a third of it of others.
        """
        return self.events_per_node if kind in _COMMON else -(-self.events_per_node // 3)

    def log_kinetic(self) -> np.ndarray:
        """Energies of the pool.

        Returns
        -------
        ndarray of float64, shape (n_nodes,)
            ln(kinetic energy / MeV), uniform.
        """
        ends = np.log(1e3 * np.array([self.kinetic_cut_gev, self.transition_gev]))
        return np.linspace(ends[0], ends[1], self.n_nodes)


def hadron_settings(settings: Mapping) -> HadronSettings:
    """Settings from a block of the configuration.

    Parameters
    ----------
    settings : mapping
        Keys of `HadronSettings`; those that are left out have their defaults.

    Returns
    -------
    HadronSettings
        Settings.

    Raises
    ------
    InputError
        If a key is unknown or a value is not allowed.
    """
    known = [field.name for field in fields(HadronSettings)]
    for key, value in settings.items():
        if key not in known:
            raise InputError("hadrons", key, value, ", ".join(known))
    return HadronSettings(**settings)
