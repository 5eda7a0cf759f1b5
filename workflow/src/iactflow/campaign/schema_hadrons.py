"""Block of the campaign file that fixes hadronic interactions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import Block

__all__ = ["Hadrons"]


class Hadrons(Block):
    """Models of hadronic interactions, and the pool of interactions at low energies.

    Productions of hadrons with equal settings share one pool, whatever their campaign.
    """

    high_energy_model: Literal[
        "sibyll23c",
        "sibyll23d",
        "sibyll23e",
        "eposlhc",
        "eposlhcr",
        "qgsjet2_04",
        "qgsjet3",
        "dpmjet191",
        "dpmjet193",
        "dpmjet307",
    ] = Field(
        "sibyll23d",
        description="model from switch_gev on; all but sibyll* need tables that chromo downloads",
    )
    low_energy_model: Literal["urqmd34"] = Field("urqmd34", description="model below switch_gev")
    switch_gev: float = Field(
        60.0, ge=53, le=100, description="kinetic energy at which one model follows the other, GeV"
    )
    transition_gev: float = Field(
        80.0,
        le=1e6,
        description="below this kinetic energy interactions come from the pool, above each is "
        "generated on its own, GeV",
    )
    kinetic_cut_gev: float = Field(
        0.3, ge=0.1, le=10, description="hadrons interact above this kinetic energy, GeV"
    )
    n_nodes: int = Field(24, ge=2, le=1000, description="energies of the pool")
    events_per_node: int = Field(
        500,
        ge=1,
        le=10**6,
        description="interactions of each nucleon and pion at each energy; of kaons and "
        "antinucleons a third",
    )
    seed: int = Field(1, ge=0, lt=2**63, description="seed of the pool, not that of the campaign")

    @model_validator(mode="after")
    def _pool_reaches_the_switch(self):
        if self.transition_gev < self.switch_gev:
            raise ValueError(
                f"transition_gev ({self.transition_gev:g}) must not be below switch_gev "
                f"({self.switch_gev:g}): the model for low energies is in the pool only"
            )
        return self
