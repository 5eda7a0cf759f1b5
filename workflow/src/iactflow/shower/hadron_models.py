"""What a cascade needs to follow hadrons: a pool of interactions, a model above it, a cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from iactflow.errors import InputError
from iactflow.shower.hadrons.generators import HighEnergyModel
from iactflow.shower.hadrons.kinds import HADRONS
from iactflow.shower.hadrons.pool import HadronPool, pool_of
from iactflow.shower.hadrons.pool_files import read_interactions
from iactflow.shower.species import NEUTRINO_KIND, is_known

__all__ = ["NO_POOL", "HadronModels", "InteractionModel", "load_hadron_models"]

# Room on the stack that an event of the pool may need: half of it.
MOST_OF_ONE_EVENT = 2048
# Of the right types, for cascades without hadrons.
NO_POOL = HadronPool(
    log_kinetic=np.zeros(2),
    rows=np.full(64, -1, dtype=np.int64),
    starts=np.zeros((1, 2, 2), dtype=np.int64),
    secondaries=np.zeros((0, 4), dtype=np.float32),
    log_kinetic_xs=np.zeros(2),
    cross_section=np.zeros((1, 2)),
    nucleus_rows=np.full(57, -1, dtype=np.int64),
    max_kinetic_mev=0.0,
)


class InteractionModel(Protocol):
    """What generates an interaction above the energies of the pool."""

    def interact(self, kind: int, kinetic_mev: float, generator: np.random.Generator) -> np.ndarray:
        """Secondaries of one interaction: float64 (n, 4), number and momentum in MeV."""


@dataclass(frozen=True)
class HadronModels:
    """Models of hadronic interactions.

    Attributes
    ----------
    pool : HadronPool
        Cross-sections, and interactions below an energy.
    model : InteractionModel
        Interactions above it, and those of nuclei.
    kinetic_cut_mev : float
        Kinetic energy, of nuclei per nucleon, below which hadrons do not interact any more.

    Raises
    ------
    InputError
        If the pool lacks a hadron or has an event with more secondaries than there is room for, or
        the cut is not above zero.
    """

    pool: HadronPool
    model: InteractionModel
    kinetic_cut_mev: float = 300.0

    def __post_init__(self):
        missing = [kind for kind in HADRONS if self.pool.rows[kind] < 0]
        missing += [100 * int(a) for a in np.flatnonzero(self.pool.nucleus_rows[2:] < 0) + 2]
        if missing:
            raise InputError("hadron pool", "rows", missing, "all hadrons and nuclei that fly")
        if self.most_secondaries > MOST_OF_ONE_EVENT:
            allowed = f"at most {MOST_OF_ONE_EVENT}"
            raise InputError("hadron pool", "secondaries", self.most_secondaries, allowed)
        if not 0.0 < self.kinetic_cut_mev < np.inf:
            raise InputError("hadrons", "kinetic_cut_mev", self.kinetic_cut_mev, "above zero")

    @cached_property
    def most_secondaries(self) -> int:
        """Secondaries of the largest event of the pool."""
        return int(np.diff(self.pool.starts, axis=2).max())

    def interact(self, kind: int, kinetic_mev: float, generator: np.random.Generator) -> np.ndarray:
        """Generate one interaction.

        Parameters
        ----------
        kind : int
            CORSIKA's number of the projectile.
        kinetic_mev : float
            Its kinetic energy.
        generator : numpy.random.Generator
            Source of all randomness.

        Returns
        -------
        ndarray of float64, shape (n, 4)
            CORSIKA's number, momentum in MeV with z along the flight.

        Raises
        ------
        RuntimeError
            If the model gives back what the cascade does not know.
        """
        secondaries = np.ascontiguousarray(
            self.model.interact(kind, kinetic_mev, generator), dtype=np.float64
        ).reshape(-1, 4)
        kinds = np.unique(secondaries[:, 0]).astype(int).tolist()
        strange = [k for k in kinds if k != NEUTRINO_KIND and not is_known(k)]
        if strange or not np.isfinite(secondaries).all():
            what = strange or "momenta that are no numbers"
            raise RuntimeError(f"{kind} at {kinetic_mev:g} MeV: the model gave {what}")
        return secondaries


def load_hadron_models(path: str | Path) -> HadronModels:
    """Load what a pool's file and the settings that it was made with say.

    Parameters
    ----------
    path : str or Path
        ROOT file of the pool.

    Returns
    -------
    HadronModels
        Pool, model above it, cut.

    Raises
    ------
    InputError
        If the file is broken, or the model cannot be had.
    """
    interactions = read_interactions(path)
    settings = interactions.settings
    model = HighEnergyModel(settings)
    return HadronModels(pool_of(interactions), model, 1e3 * settings.kinetic_cut_gev)
