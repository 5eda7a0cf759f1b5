"""Hadronic interactions of a campaign: who needs their pool, and where it lies."""

from __future__ import annotations

from functools import cached_property

from iactflow.campaign.paths import Paths
from iactflow.campaign.pool_key import pool_key
from iactflow.campaign.production_settings import throws_hadrons
from iactflow.campaign.schema import Campaign

__all__ = ["HadronPlan"]


class HadronPlan:
    """What the rules of the simulation ask about hadronic interactions.

    Parameters
    ----------
    model : Campaign
        Validated configuration.
    settings : dict
        Its block ``shower.hadrons`` as plain values.
    paths : Paths
        Path patterns of the campaign.
    simulated : list of str
        Productions that are simulated; the others are read.
    """

    def __init__(self, model: Campaign, settings: dict, paths: Paths, simulated: list[str]) -> None:
        self.model, self.settings, self.paths = model, settings, paths
        self.simulated = simulated

    @cached_property
    def productions(self) -> list[str]:
        """Productions that throw hadrons or nuclei and whose showers we make."""
        backend = self.model.shower.backend
        blocks = self.model.simulations.items()
        return [name for name, p in blocks if throws_hadrons(p.particle, backend)]

    @property
    def is_needed(self) -> bool:
        """Whether any of them is simulated."""
        return any(name in self.simulated for name in self.productions)

    @cached_property
    def key(self) -> str:
        """Key of the pool."""
        return pool_key(self.settings)

    @property
    def pool(self) -> str:
        """File of the pool."""
        return self.paths.hadron_pool(self.key)

    def inputs(self, production: str) -> list[str]:
        """Pool that the showers of a production need.

        Parameters
        ----------
        production : str
            Name of the production.

        Returns
        -------
        list of str
            At most one path.
        """
        return [self.pool] if production in self.productions else []

    def key_of(self, production: str) -> dict[str, str]:
        """Key of the pool as a setting of a production.

        Parameters
        ----------
        production : str
            Name of the production.

        Returns
        -------
        dict
            ``hadron_pool``; empty without hadrons.
        """
        return {"hadron_pool": self.key} if production in self.productions else {}
