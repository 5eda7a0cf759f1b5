"""Block of the campaign file that fixes which events are taken for gamma rays."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import Block, Name, Positive, check_edges

__all__ = ["CutBand", "CutValues", "Cuts", "OptimiseCuts"]

Fraction = Annotated[float, Field(ge=0, le=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Zenith = Annotated[float, Field(ge=0, le=90)]
Preset = Literal["standard", "hard", "loose"]
#: Names of `iactflow.response.spectra.SPECTRA`: a test holds them equal.
DiffuseSpectrum = Literal[
    "proton",
    "helium",
    "nitrogen",
    "silicon",
    "iron",
    "electron",
    "proton_irfdoc",
    "electron_irfdoc",
]
SourceSpectrum = Literal["crab_hegra", "crab_hess", "crab_magic"]
Scanned = Literal[
    "mean_scaled_width_max", "mean_scaled_length_max", "gammaness_min", "theta2_max_deg2"
]
OF_PRESET = "null: that of the preset, or none"


class CutValues(Block):
    """Cuts on reconstructed events."""

    mean_scaled_width_min: Finite | None = Field(
        None, description=f"least mean scaled width; {OF_PRESET}"
    )
    mean_scaled_width_max: Finite | None = Field(
        None, description=f"largest mean scaled width; {OF_PRESET}"
    )
    mean_scaled_length_min: Finite | None = Field(
        None, description=f"least mean scaled length; {OF_PRESET}"
    )
    mean_scaled_length_max: Finite | None = Field(
        None, description=f"largest mean scaled length; {OF_PRESET}"
    )
    gammaness_min: Fraction | None = Field(None, description="least gammaness; null: none")
    theta2_max_deg2: Positive | None = Field(
        None, description=f"largest squared distance from the source, deg2; {OF_PRESET}"
    )
    multiplicity_min: int | None = Field(
        None, ge=2, description="least number of telescopes; null: that of the stereo settings"
    )
    offset_max_deg: Positive | None = Field(
        None, description="largest distance from the pointing, deg; null: none"
    )

    @model_validator(mode="after")
    def _limits_ascend(self):
        for name in ("mean_scaled_width", "mean_scaled_length"):
            low, high = getattr(self, f"{name}_min"), getattr(self, f"{name}_max")
            if low is not None and high is not None and low >= high:
                raise ValueError(f"{name}_min ({low:g}) must be below {name}_max ({high:g})")
        return self


class CutBand(CutValues):
    """What differs in a band of reconstructed energy and zenith angle."""

    energy_min_tev: NotNegative = Field(0.0, description="lower edge, TeV")
    energy_max_tev: Positive | None = Field(None, description="upper edge, TeV; null: open")
    zenith_min_deg: Zenith = Field(0.0, description="lower edge of the zenith angle, deg")
    zenith_max_deg: Zenith = Field(90.0, description="upper edge of the zenith angle, deg")


class OptimiseCuts(Block):
    """Choice of the cuts that make a source most significant, on the split test_cuts."""

    signal: list[Name] = Field(
        [], description="samples of gamma rays; empty: those of the block responses"
    )
    background: dict[Name, DiffuseSpectrum | None] = Field(
        {},
        description="samples of background, each with the spectrum that it is weighted to; null: "
        "that of its particle; empty: those of the block responses",
    )
    cuts: list[Scanned] = Field(
        ["mean_scaled_width_max", "theta2_max_deg2"],
        min_length=1,
        description="cuts that are chosen; others are those of the block above",
    )
    source: SourceSpectrum = Field("crab_hess", description="spectrum of the source")
    source_fraction: Positive = Field(0.1, description="its flux over that of this spectrum")
    time_h: Positive = Field(10.0, description="time on source, h")
    alpha: Positive = Field(0.2, description="on-to-off exposure ratio")
    energy_edges_tev: list[Positive] = Field(
        [],
        description="edges of bands of reconstructed energy with their own cuts, TeV; empty: one",
    )
    zenith_edges_deg: list[Zenith] = Field(
        [], description="edges of bands of zenith angle with their own cuts, deg; empty: one"
    )
    containment: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="fraction of the gamma rays of a band that theta2_max_deg2 holds; null: not "
        "chosen so",
    )
    signal_offset_max_deg: Positive | None = Field(
        None, description="largest true offset of gamma rays from a cone, deg; null: all"
    )
    background_offset_max_deg: Positive = Field(
        1.0,
        description="background is averaged over reconstructed directions within this distance of "
        "the pointing, deg",
    )
    signal_efficiency_min: Fraction = Field(
        0.2, description="least fraction of the gamma rays of a band that cuts may leave"
    )
    n_background_showers_min: int = Field(
        5, ge=1, description="least number of background showers that cuts may leave in a band"
    )

    @model_validator(mode="after")
    def _choices_go_together(self):
        check_edges("energy_edges_tev", self.energy_edges_tev)
        check_edges("zenith_edges_deg", self.zenith_edges_deg)
        if len(set(self.cuts)) != len(self.cuts):
            raise ValueError(f"cuts {self.cuts}: each once")
        if self.containment is not None and "theta2_max_deg2" in self.cuts:
            raise ValueError("containment fixes theta2_max_deg2: leave that out of cuts")
        double = sorted(set(self.signal) & set(self.background))
        if double:
            raise ValueError(f"{double[0]} is both signal and background")
        return self


class Cuts(CutValues):
    """Which events are taken for gamma rays: fixed cuts, or cuts chosen on simulations."""

    preset: Preset | None = Field(
        None,
        description="cuts of H.E.S.S. on scaled shapes and direction, by name; their least size and"
        " largest distance are keys of reconstruction.stereo",
    )
    bands: list[CutBand] = Field(
        [], description="what differs by band: adjacent bands of energy, of zenith angle, or both"
    )
    optimise: OptimiseCuts | None = Field(None, description="choice of cuts; null: those given")

    @model_validator(mode="after")
    def _one_way(self):
        if self.bands and self.optimise is not None:
            raise ValueError("bands and optimise exclude each other: edges of optimise make bands")
        return self
