"""Blocks of mock runs: sources on the sky, conditions of the runs, where their events come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import Block, Name, Position, Positive, check_time

__all__ = ["Mock", "MockExtension", "MockPeriod", "MockSimulations", "MockSource", "check_samples"]

Zenith = Annotated[float, Field(ge=0, le=90)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class MockExtension(Block):
    """The shape of an extended source, symmetric about its position."""

    shape: Literal["gaussian", "disk", "shell"] = Field(
        description="gaussian; disk of uniform brightness; shell, a hollow sphere of uniform "
        "emissivity seen in projection"
    )
    sigma_deg: Positive | None = Field(None, le=5, description="width of the gaussian, deg")
    radius_deg: Positive | None = Field(
        None, le=5, description="radius of the disk, outer radius of the shell, deg"
    )
    width_deg: Positive | None = Field(
        None, description="thickness of the shell, deg; the radius: a full sphere"
    )

    @model_validator(mode="after")
    def _lengths_of_the_shape(self):
        wanted = {"gaussian": {"sigma_deg"}, "disk": {"radius_deg"}}
        wanted = wanted.get(self.shape, {"radius_deg", "width_deg"})
        given = {key for key in ("sigma_deg", "radius_deg", "width_deg") if getattr(self, key)}
        if given != wanted:
            raise ValueError(f"a {self.shape} has {' and '.join(sorted(wanted))}, nothing else")
        if self.shape == "shell" and self.width_deg > self.radius_deg:
            raise ValueError("width_deg of a shell is at most its radius_deg")
        return self


class MockPeriod(Block):
    """Periodic variation: the flux times 1 + fraction cos(2 pi (t / period_s - phase))."""

    period_s: Positive = Field(description="period, s")
    phase: float = Field(
        0.0, ge=0, lt=1, description="phase of the maximum; 0: at the start of the first run"
    )
    fraction: float = Field(gt=0, le=1, description="amplitude over the mean flux")


class MockSource(Block):
    """The injected source."""

    name: Name = Field("source", description="name; tells the sources of a campaign apart")
    position: Position = Field(description="position")
    extension: MockExtension | None = Field(None, description="shape; null: a point")
    model: Literal["pl", "ecpl", "lp"] = Field("pl", description="spectral model")
    amplitude: Positive = Field(3.45e-11, description="dN/dE at reference_tev, cm-2 s-1 TeV-1")
    reference_tev: Positive = Field(1.0, description="reference energy, TeV")
    index: float = Field(2.63, gt=0, description="spectral index")
    curvature: float = Field(0.0, description="curvature beta of lp")
    energy_cutoff_tev: Positive | None = Field(None, description="cut-off energy of ecpl, TeV")
    flare_factor: float = Field(
        1.0, ge=0, description="the flux is multiplied by this during the flare"
    )
    flare_start_s: float = Field(0.0, ge=0, description="start of the flare after the first run, s")
    flare_duration_s: float = Field(0.0, ge=0, description="duration of the flare, s; 0: no flare")
    periodic: MockPeriod | None = Field(None, description="periodic variation; null: none")

    @model_validator(mode="after")
    def _one_variation(self):
        if self.periodic is not None and self.flare_duration_s > 0:
            raise ValueError("a source flares or is periodic: flare_duration_s and periodic")
        if self.model == "ecpl" and self.energy_cutoff_tev is None:
            raise ValueError("energy_cutoff_tev: ecpl needs it, an energy in TeV")
        return self


class MockSimulations(Block):
    """Mock events drawn one by one from reconstructed simulations, their part ``mock``."""

    signal: list[Name] = Field(
        min_length=1, description="samples of gamma rays, point sources or diffuse"
    )
    background: list[Name] = Field(
        [], description="samples of diffuse background particles; none: the background model"
    )
    background_events_min: int = Field(
        1000,
        gt=0,
        description="least number of distinct background events after cuts that runs are drawn "
        "from; with fewer, background comes from the responses",
    )
    offset_max_difference_deg: Positive = Field(
        0.1, le=1, description="largest difference of simulated and injected offsets, deg"
    )
    pointing_max_difference_deg: Positive = Field(
        1.0, le=10, description="largest angle between a run's and the simulated pointing, deg"
    )
    conditions_max_fraction: float = Field(
        0.1,
        ge=0,
        le=1,
        description="largest relative difference of a run's night sky and throughput from the "
        "simulated ones",
    )


class Mock(Block):
    """Mock DL3 runs, drawn from responses or from reconstructed simulations."""

    n_runs: int = Field(4, gt=0, le=200000, description="number of runs")
    run_duration_s: Positive = Field(1680.0, description="time on source per run, s")
    gap_s: float = Field(120.0, ge=0, description="time between runs, s")
    start: str = Field("2026-01-15T20:00:00", description="start of the first run, UTC, ISO 8601")
    dead_time_fraction: float = Field(0.06, ge=0, lt=1, description="dead-time fraction")
    zenith_deg: Zenith | list[Zenith] = Field(
        20.0, description="zenith angle, deg; several: the runs take them in turn"
    )
    azimuth_deg: float | list[float] = Field(
        0.0, description="azimuth of the pointing, deg; several: in turn"
    )
    nsb_factor: NotNegative | list[NotNegative] = Field(
        1.0, description="factor on the night-sky background; several: in turn"
    )
    throughput: Positive | list[Positive] = Field(
        1.0, description="relative throughput of the telescopes; several: in turn"
    )
    wobble_offset_deg: Positive = Field(
        0.5, description="offset of the pointing from the source, alternating in declination"
    )
    wobble_centre: Position | None = Field(
        None, description="what the pointings lie beside; null: the first source"
    )
    source: MockSource | None = Field(None, description="the injected source, where there is one")
    sources: list[MockSource] = Field(
        [], max_length=9, description="several injected sources, in place of source"
    )
    responses: list[str] = Field(
        [],
        description="GADF files of responses that runs are given; none: those computed from "
        "published parametrisations, or the campaign's own with simulations",
    )
    simulations: MockSimulations | None = Field(
        None, description="events one by one from simulations; null: from responses"
    )

    @model_validator(mode="after")
    def _start_is_a_time(self):
        check_time("start", self.start)
        return self

    @model_validator(mode="after")
    def _sources_have_names(self):
        if (self.source is None) == (not self.sources):
            raise ValueError("give source, or a list sources: one of them")
        names = [source.name for source in self.sources]
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise ValueError(f"sources: two are named {doubles[0]!r}")
        return self

    @model_validator(mode="after")
    def _conditions_in_turn(self):
        for key in ("zenith_deg", "azimuth_deg", "nsb_factor", "throughput"):
            if getattr(self, key) == []:
                raise ValueError(f"{key}: an empty list; give a number or some")
        zeniths = self.zenith_deg if isinstance(self.zenith_deg, list) else [self.zenith_deg]
        if self.simulations is None and not self.responses and max(zeniths) > 60:
            raise ValueError("zenith_deg: the published parametrisations hold up to 60 deg")
        return self


def check_samples(mock: Mock, at_hand: dict[str, bool], mock_fraction: float) -> None:
    """Refuse mock runs of samples that the campaign does not reconstruct.

    Parameters
    ----------
    mock : Mock
        The block.
    at_hand : dict of str to bool
        Samples that the campaign reconstructs, and whether their truth is known.
    mock_fraction : float
        Fraction of the showers that belongs to the part ``mock``.

    Raises
    ------
    ValueError
        If a sample is unknown or has no truth, or no shower belongs to the part. pydantic turns
        it into an error of the campaign.
    """
    if mock.simulations is None:
        return
    for key in ("signal", "background"):
        for name in getattr(mock.simulations, key):
            if not at_hand.get(name, False):
                known = ", ".join(n for n, truth in at_hand.items() if truth) or "none"
                raise ValueError(
                    f"mock.simulations.{key}: no reconstructed simulation {name!r}; known: {known}"
                )
    if mock_fraction <= 0.0:
        raise ValueError("mock.simulations needs showers: reconstruction.splits.mock above 0")
