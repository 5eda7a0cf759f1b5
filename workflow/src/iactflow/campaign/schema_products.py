"""Blocks of the campaign file that fix the products of a target: spectra, maps, light curves."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import (
    Block,
    Circle,
    EnergyAxis,
    Name,
    Position,
    Positive,
    SafeRange,
    check_time,
)


class SpectralModel(Block):
    """A spectral model to be fitted, and the data it is fitted to."""

    model: Literal["pl", "bpl", "ecpl", "lp"] = Field(
        description="pl: power law; bpl: broken power law; ecpl: power law with exponential "
        "cut-off; lp: log-parabola (natural logarithm)"
    )
    name: Name | None = Field(None, description="name in the products; default: the model")
    reference_tev: Positive = Field(1.0, description="reference energy of the amplitude, TeV")
    energy_min_tev: Positive | None = Field(
        None, description="lower end of the fit range, TeV; null: the safe range alone"
    )
    energy_max_tev: Positive | None = Field(
        None, description="upper end of the fit range, TeV; null: the safe range alone"
    )
    energy_axis: EnergyAxis | None = Field(
        None, description="reconstructed-energy bins of this fit; null: the spectrum's"
    )
    energy_axis_true: EnergyAxis | None = Field(
        None, description="true-energy bins of this fit; null: the spectrum's"
    )
    safe_range: SafeRange | None = Field(
        None, description="safe range of this fit; null: the spectrum's"
    )

    @property
    def label(self) -> str:
        """Name in the products."""
        return self.name or self.model


class FluxPoints(Block):
    """Flux points of one fitted spectral model, its shape held fixed."""

    model: Name | None = Field(
        None, description="name of the fitted model; null: the first of the list"
    )
    energy_edges_tev: list[Positive] = Field(
        [0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.5, 7.0, 12.0, 20.0, 40.0],
        min_length=2,
        description="edges, TeV; each snaps to the nearest edge of the energy axis",
    )
    upper_limit_sigma: Positive = Field(
        2.0, description="significance of the upper limits (2: delta-statistic of 4)"
    )
    detection_sqrt_ts: Positive = Field(
        2.0, description="points below this square root of the test statistic are upper limits"
    )

    @model_validator(mode="after")
    def _ascending(self):
        edges = self.energy_edges_tev
        if any(a >= b for a, b in pairwise(edges)):
            raise ValueError("energy_edges_tev must ascend")
        return self


class PublishedSpectrum(Block):
    """A published spectrum drawn beside ours."""

    label: str = Field(description="label in the legend")
    source: str = Field(description="paper and table or equation")
    model: Literal["pl", "ecpl", "lp"] = Field(description="pl, ecpl or lp")
    amplitude: Positive = Field(description="dN/dE at the reference energy, cm-2 s-1 TeV-1")
    reference_tev: Positive = Field(1.0, description="reference energy, TeV")
    index: float = Field(description="spectral index (positive for a falling spectrum)")
    curvature: float | None = Field(None, description="curvature beta of lp, natural logarithm")
    energy_cutoff_tev: Positive | None = Field(None, description="cut-off energy of ecpl, TeV")
    energy_min_tev: Positive = Field(description="lower end of the published range, TeV")
    energy_max_tev: Positive = Field(description="upper end of the published range, TeV")


class Spectrum(Block):
    """Spectrum of a target from reflected regions."""

    on_radius_deg: Positive = Field(0.11, description="radius of the on region, deg")
    containment_correction: bool = Field(
        True,
        description="divide the exposure by the fraction of the point spread function inside the "
        "on region: for point sources only",
    )
    min_off_regions: int = Field(
        1, ge=1, description="a run with fewer off regions is dropped with a message"
    )
    energy_axis: EnergyAxis = Field(
        EnergyAxis(energy_min_tev=0.1, energy_max_tev=100.0, n_bins=72),
        description="reconstructed-energy bins",
    )
    energy_axis_true: EnergyAxis = Field(
        EnergyAxis(energy_min_tev=0.05, energy_max_tev=150.0, n_bins=83),
        description="true-energy bins",
    )
    safe_range: SafeRange = Field(SafeRange(), description="safe energy range per run")
    models: list[SpectralModel] = Field(
        [SpectralModel(model="pl")], min_length=1, description="models to fit"
    )
    flux_points: FluxPoints = Field(FluxPoints(), description="flux points")
    published: list[PublishedSpectrum] = Field([], description="published spectra to draw")

    @model_validator(mode="after")
    def _models_are_named_once(self):
        names = [m.label for m in self.models]
        doubles = sorted({n for n in names if names.count(n) > 1})
        if doubles:
            raise ValueError(f"models: two entries are named {doubles[0]}; give each a name")
        if self.flux_points.model is not None and self.flux_points.model not in names:
            raise ValueError(
                f"flux_points: model {self.flux_points.model!r} is none of the models: "
                + ", ".join(names)
            )
        return self


class Ring(Block):
    """Ring background."""

    inner_radius_deg: Positive = Field(0.5, description="inner radius of the ring, deg")
    width_deg: Positive = Field(0.3, description="width of the ring, deg")
    adaptive: bool = Field(
        False,
        description="enlarge the inner radius, the width kept, where the exclusion leaves less "
        "than min_area_fraction of the ring",
    )
    inner_radius_max_deg: Positive = Field(
        1.5, description="largest inner radius of an adaptive ring, deg"
    )
    min_area_fraction: float = Field(
        0.3, gt=0, le=1, description="fraction of the ring that must stay outside the exclusion"
    )


class SkyMap(Block):
    """A set of sky maps with one geometry, in one or several energy bands."""

    energy_bands_tev: list[Annotated[list[Positive], Field(min_length=2, max_length=2)]] = Field(
        min_length=1, description="energy bands [min, max], TeV"
    )
    centre: Position | None = Field(None, description="centre; null: the target's position")
    size_deg: Positive = Field(5.0, description="width and height, deg")
    pixel_deg: Positive = Field(0.02, description="pixel size, deg")
    offset_max_deg: Positive = Field(
        2.0, description="events and responses beyond this offset from the pointing are left out"
    )
    correlation_radius_deg: Positive = Field(0.1, description="radius of the top-hat, deg")
    exclusion_regions: list[Circle] | None = Field(
        None, description="regions kept out of the background; null: the target's"
    )
    ring: Ring = Field(Ring(), description="ring background")
    spectral_index: float = Field(
        2.5, gt=0, description="index of the power law that weights the exposure of flux maps"
    )
    normal_off: bool = Field(
        False,
        description="the gate also asks that the off-source significance of both chains be a "
        "standard normal: mean 0 and width 1 within the tolerances off_mean and off_std",
    )

    @model_validator(mode="after")
    def _bands_ascend(self):
        for low, high in self.energy_bands_tev:
            if low >= high:
                raise ValueError(f"energy_bands_tev: [{low:g}, {high:g}] is upside down")
        return self


class LightCurve(Block):
    """A light curve: flux in time bins with the spectral shape held fixed."""

    binning: Literal["run_wise", "fixed", "nightly", "bayesian_blocks"] = Field(
        description="run_wise: a bin per run; fixed: n_bins of step_min from start; nightly: noon "
        "to noon UTC; bayesian_blocks: change points of the on counts (Scargle 2013)"
    )
    start: str | None = Field(None, description="start of fixed bins, UTC, ISO 8601")
    step_min: Positive | None = Field(None, description="width of fixed bins, minutes")
    n_bins: int | None = Field(None, gt=0, le=100000, description="number of fixed bins")
    energy_min_tev: Positive = Field(
        1.0, description="lower end of the flux, TeV; snaps to the energy axis"
    )
    energy_max_tev: Positive = Field(
        20.0, description="upper end of the flux, TeV; snaps to the energy axis"
    )
    energy_axis: EnergyAxis | None = Field(None, description="null: the spectrum's")
    energy_axis_true: EnergyAxis | None = Field(None, description="null: the spectrum's")
    safe_range: SafeRange | None = Field(None, description="null: the spectrum's")
    model: Literal["pl", "ecpl", "lp"] = Field(
        "pl",
        description="spectral model whose shape is held fixed, fitted to all runs on the axis of "
        "this light curve unless spectral_index is given",
    )
    spectral_index: float | None = Field(
        None, gt=0, description="index of the assumed power law, goes with pl; null: the fitted one"
    )
    false_alarm_probability: float = Field(
        0.01, gt=0, lt=1, description="of a change point, for bayesian_blocks"
    )
    upper_limit_sigma: Positive = Field(2.0, description="significance of the upper limits")

    @model_validator(mode="after")
    def _fixed_bins_are_given(self):
        given = (self.start, self.step_min, self.n_bins)
        if self.binning == "fixed":
            if None in given:
                raise ValueError("binning fixed needs start, step_min and n_bins")
        elif given != (None, None, None):
            raise ValueError(
                f"start, step_min and n_bins go with binning fixed, not {self.binning}"
            )
        check_time("start", self.start)
        return self

    @model_validator(mode="after")
    def _an_index_is_that_of_a_power_law(self):
        if self.spectral_index is not None and self.model != "pl":
            raise ValueError(f"spectral_index goes with model pl, not {self.model}")
        return self
