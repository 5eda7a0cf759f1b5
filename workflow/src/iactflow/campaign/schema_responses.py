"""Block of the campaign file that fixes the instrument responses: samples, axes, smoothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import Block, EnergyAxis, Name, Positive, check_edges
from iactflow.campaign.schema_cuts import CutValues, DiffuseSpectrum

__all__ = ["EventType", "Responses", "Smoothing"]

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class EventType(Block):
    """Events with responses of their own."""

    multiplicity_min: int | None = Field(
        None, ge=2, description="least number of telescopes; null: any"
    )
    multiplicity_max: int | None = Field(
        None, ge=2, description="largest number of telescopes; null: any"
    )

    @model_validator(mode="after")
    def _limits_ascend(self):
        low, high = self.multiplicity_min, self.multiplicity_max
        if low is not None and high is not None and low > high:
            raise ValueError(f"multiplicity_min ({low}) must not exceed multiplicity_max ({high})")
        return self


class Smoothing(Block):
    """Gaussian smoothing of the background, symmetric around the pointing; 0 switches it off."""

    energy_dex: NotNegative = Field(0.15, description="rms in log energy, decades")
    offset_deg: NotNegative = Field(0.4, description="rms in the field of view, deg")
    index: NotNegative = Field(
        2.7, description="power law E^-index that smoothing in energy leaves as it is"
    )


class Responses(Block):
    """Instrument responses of the split test_irfs: a file per node of simulated conditions."""

    signal: list[Name] = Field(
        min_length=1,
        description="productions of gamma rays: gamma at one or several offset_deg, or "
        "gamma_diffuse",
    )
    background: dict[Name, DiffuseSpectrum | None] = Field(
        {},
        description="productions of background, each with the spectrum that it is weighted to; "
        "null: that of its particle; empty: no background from simulations",
    )
    off_data: list[Name] = Field(
        [],
        description="targets whose runs, outside their exclusion regions, make the background in "
        "place of simulations",
    )
    off_zenith_reach_deg: Positive = Field(
        5.0, description="largest distance of such runs from the zenith angle of a node, deg"
    )
    off_source_radius_deg: NotNegative = Field(
        0.4, description="radius around such a target that is excluded as well, deg; 0: none"
    )
    energy: Literal["tables", "forest"] = Field(
        "tables", description="energies: of the tables of shapes, or of forests"
    )
    direction: Literal["geometry", "forest"] = Field(
        "geometry", description="directions: of the geometry, or of forests"
    )
    energy_true: EnergyAxis | None = Field(
        None, description="bins in true energy; null: tenths of a decade of what signal throws"
    )
    energy_reco: EnergyAxis | None = Field(
        None, description="bins of the background; null: fifths of a decade of the same energies"
    )
    migra_min: NotNegative = Field(0.2, description="least reconstructed over true energy")
    migra_max: Positive = Field(3.0, description="largest reconstructed over true energy")
    n_migra_bins: int = Field(140, ge=2, le=1000, description="bins between them")
    rad_max_deg: Positive = Field(
        1.0,
        description="largest distance from the true direction in the point spread function, deg",
    )
    n_rad_bins: int = Field(200, ge=2, le=2000, description="bins up to it")
    offset_edges_deg: list[NotNegative] = Field(
        [],
        description="edges of the offset bins of gamma_diffuse, deg; empty: steps of 0.5 deg; "
        "points are nodes of their own",
    )
    offset_reach_deg: Positive = Field(
        0.25, description="how far around a single offset its responses are valid, deg"
    )
    fov_max_deg: Positive | None = Field(
        None, description="largest offset of the background, deg; null: the least viewcone_deg"
    )
    fov_step_deg: Positive = Field(0.2, description="cells and rings of the background, deg")
    background_table: Literal["3d", "2d"] = Field(
        "3d", description="BKG_3D in the field of view, or BKG_2D against the offset"
    )
    smoothing: Smoothing = Field(Smoothing(), description="smoothing of the background")
    min_background_showers: int = Field(
        100,
        ge=1,
        description="least number of different background showers (of off data: events) after "
        "cuts; fewer end the job",
    )
    background_cuts: CutValues | None = Field(
        None,
        description="looser cuts for the distribution of the background in energy and field of "
        "view; its rate is scaled to that of the campaign's cuts; null: those cuts for both",
    )
    min_scale_showers: int = Field(
        10,
        ge=1,
        description="least number of different background showers that pass the campaign's cuts, "
        "where background_cuts give the distribution; fewer end the job",
    )
    psf: Literal["table", "3gauss", "king"] = Field(
        "table", description="point spread function: PSF_TABLE, PSF_3GAUSS or PSF_KING"
    )
    point_like: bool = Field(
        False,
        description="also point-like responses (RAD_MAX_2D), with theta2_max_deg2 of the cuts",
    )
    event_types: dict[Name, EventType] = Field(
        {}, description="types of events, each a node of its own; empty: all together"
    )

    @model_validator(mode="after")
    def _axes_and_samples_fit(self):
        if self.migra_min >= self.migra_max:
            raise ValueError(
                f"migra_min ({self.migra_min:g}) must be below migra_max ({self.migra_max:g})"
            )
        check_edges("offset_edges_deg", self.offset_edges_deg)
        double = sorted(set(self.signal) & set(self.background))
        if double:
            raise ValueError(f"{double[0]} is both signal and background")
        if self.background and self.off_data:
            raise ValueError("background and off_data exclude each other")
        if self.background_cuts is not None and not self.background:
            raise ValueError("background_cuts need background: simulations that they are made on")
        return self
