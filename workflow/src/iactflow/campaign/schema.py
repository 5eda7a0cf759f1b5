"""The campaign file: every key, its default, its unit and what is allowed.

This module and its parts `iactflow.campaign.schema_base`, `iactflow.campaign.schema_products` and
`iactflow.campaign.schema_simulation` are the only source. The JSON schema in ``workflow/schemas``,
the default configuration ``config/default.yaml`` and the key tables of ``config/README.md`` are
written from it by ``iactflow schema --write``, and a test fails when they drift.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from iactflow.campaign.paths import band_name
from iactflow.campaign.schema_base import Block, Circle, Name, Position, Positive, check_time
from iactflow.campaign.schema_products import LightCurve, SkyMap, SpectralModel, Spectrum
from iactflow.campaign.schema_simulation import Instrument, Production, Shower

__all__ = [
    "Campaign",
    "CrossCheck",
    "Data",
    "Execution",
    "Fetch",
    "Instrument",
    "LightCurve",
    "Mock",
    "MockSource",
    "Observations",
    "Position",
    "Production",
    "Shower",
    "SkyMap",
    "SpectralModel",
    "Spectrum",
    "Target",
    "Tolerances",
]


class Observations(Block):
    """Which runs belong to a target: a pinned list, or a selection."""

    obs_ids: list[int] | None = Field(None, min_length=1, description="exactly these runs")
    run_list: str | None = Field(
        None, description="a TSV file with a column obs_id, relative to the campaign file"
    )
    target_name: str | None = Field(
        None, description="runs taken on this target, as the run table names it"
    )
    radius_deg: Positive | None = Field(
        None, description="runs that point within this distance of the target, deg"
    )
    zenith_max_deg: float | None = Field(None, gt=0, le=90, description="largest zenith, deg")
    livetime_min_s: float | None = Field(None, ge=0, description="least livetime, s")
    start: str | None = Field(None, description="runs that start at or after this UTC, ISO 8601")
    stop: str | None = Field(None, description="runs that start before this UTC, ISO 8601")

    @model_validator(mode="after")
    def _one_way(self):
        pinned = [k for k in ("obs_ids", "run_list") if getattr(self, k) is not None]
        cuts = ("target_name", "radius_deg", "zenith_max_deg", "livetime_min_s", "start", "stop")
        selected = [k for k in cuts if getattr(self, k) is not None]
        if len(pinned) > 1 or (pinned and selected):
            raise ValueError(
                f"{' and '.join((pinned + selected)[:2])} exclude each other: pin the runs or "
                "select them"
            )
        if not pinned and self.radius_deg is None and self.target_name is None:
            raise ValueError("give obs_ids, run_list, target_name or radius_deg")
        if self.obs_ids and len(set(self.obs_ids)) != len(self.obs_ids):
            raise ValueError("obs_ids: a run is listed twice")
        for key in ("start", "stop"):
            check_time(key, getattr(self, key))
        if self.start and self.stop and self.start >= self.stop:
            raise ValueError(f"start ({self.start}) must be before stop ({self.stop})")
        return self


class Target(Block):
    """A source and the products wanted of it."""

    label: str = Field(description="name in figures")
    position: Position = Field(description="position of the source, centre of the on region")
    observations: Observations = Field(description="runs of this target")
    exclusion_regions: list[Circle] = Field(
        [], description="regions kept out of the background of spectra and maps"
    )
    sky_maps: list[SkyMap] = Field([], description="sky maps")
    spectrum: Spectrum | None = Field(None, description="spectrum; null: none")
    light_curves: dict[Name, LightCurve] = Field({}, description="light curves by name")

    @model_validator(mode="after")
    def _light_curves_need_a_spectrum(self):
        if self.light_curves and self.spectrum is None:
            raise ValueError("light_curves need a spectrum: its regions and energy axes")
        bands = [band_name(b) for m in self.sky_maps for b in m.energy_bands_tev]
        doubles = sorted({b for b in bands if bands.count(b) > 1})
        if doubles:
            raise ValueError(f"sky_maps: the band {doubles[0]} TeV stands twice")
        return self


class Fetch(Block):
    """Where the H.E.S.S. DL3 public data release is fetched from when it is not local."""

    enabled: bool = Field(False, description="fetch the runs that the campaign needs")
    url: str = Field(
        "https://github.com/gammapy/gammapy-data/raw/main/hess-dl3-dr1",
        pattern=r"^(https?|file)://",
        description="folder that holds obs-index.fits.gz and data/ of the release",
    )


class Data(Block):
    """Where the DL3 data come from."""

    source: Literal["dl3", "mock"] = Field(
        "dl3", description="dl3: existing GADF files; mock: sampled from parametrised responses"
    )
    dl3_root: str | None = Field(
        None,
        description="folder that holds obs-index.fits.gz and hdu-index.fits.gz; null: "
        "dl3/hess-dl3-dr1 below the environment variable IACTFLOW_DATA",
    )
    run_table: str = Field(
        "config/observations/hess-dl3-dr1.tsv",
        description="table of the runs at hand, as written by iactflow index-runs",
    )
    fetch: Fetch = Field(Fetch(), description="download of the public release")


class MockSource(Block):
    """The injected source."""

    position: Position = Field(description="position")
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


class Mock(Block):
    """Mock DL3 runs, sampled from responses computed from published parametrisations."""

    n_runs: int = Field(4, gt=0, le=200000, description="number of runs")
    run_duration_s: Positive = Field(1680.0, description="time on source per run, s")
    gap_s: float = Field(120.0, ge=0, description="time between runs, s")
    start: str = Field("2026-01-15T20:00:00", description="start of the first run, UTC, ISO 8601")
    dead_time_fraction: float = Field(0.06, ge=0, lt=1, description="dead-time fraction")
    zenith_deg: float = Field(20.0, ge=0, le=60, description="zenith angle, deg")
    wobble_offset_deg: Positive = Field(
        0.5, description="offset of the pointing from the source, alternating in declination"
    )
    source: MockSource = Field(description="the injected source")

    @model_validator(mode="after")
    def _start_is_a_time(self):
        check_time("start", self.start)
        return self


class Execution(Block):
    """How the work is cut into jobs; no result depends on it."""

    runs_per_job: int = Field(32, gt=0, description="runs in one job")


class Tolerances(Block):
    """Largest disagreement of the two chains; the gate fails beyond it."""

    n_on: int = Field(0, ge=0, description="counts in the on region, per run and in all")
    n_off: int = Field(0, ge=0, description="counts in the off regions")
    alpha_fraction: float = Field(1e-3, ge=0, description="relative, on-to-off exposure")
    parameter_sigma: float = Field(0.3, ge=0, description="spectral parameters, check-chain errors")
    statistic: float = Field(
        0.1, ge=0, description="best-fit statistic on identical OGIP files, absolute"
    )
    flux_point_sigma: float = Field(0.3, ge=0, description="flux points, check-chain errors")
    light_curve_sigma: float = Field(0.3, ge=0, description="light-curve flux, check-chain errors")
    peak_significance: float = Field(0.3, ge=0, description="peak of a significance map, absolute")
    peak_separation_deg: float = Field(0.05, ge=0, description="distance of the peaks, deg")
    off_mean: float = Field(
        0.1, ge=0, description="mean of the off-source significance, between the chains and from 0"
    )
    off_std: float = Field(
        0.05,
        ge=0,
        description="width of the off-source significance, between the chains and from 1",
    )


class CrossCheck(Block):
    """The comparison of the two chains."""

    scale_check_flux: Positive = Field(
        1.0,
        description="multiplies the fluxes of the check chain: 1.1 proves that the gate closes",
    )
    tolerances: Tolerances = Field(Tolerances(), description="tolerances")


class Campaign(Block):
    """A campaign: one file that fixes every number of the report."""

    campaign: Name = Field(description="name of the campaign, and of its folder below results/")
    description: str = Field("", description="what the campaign is for; stands in the report")
    seed: int | None = Field(
        None, ge=0, lt=2**63, description="random seed; null: hash of the campaign's name"
    )
    image: str = Field(
        "containers/iactflow.sif",
        min_length=1,
        description="Apptainer image of every rule (path or URI)",
    )
    data: Data = Field(Data(), description="where the data come from")
    mock: Mock | None = Field(None, description="mock runs, with data.source mock")
    instrument: Instrument | None = Field(None, description="the array that is simulated")
    shower: Shower = Field(Shower(), description="how air showers are made")
    simulations: dict[Name, Production] = Field({}, description="productions by name")
    execution: Execution = Field(Execution(), description="how the work is cut into jobs")
    only_targets: list[Name] | None = Field(
        None, min_length=1, description="make these targets only; null: all"
    )
    targets: dict[Name, Target] = Field({}, description="targets by name")
    cross_check: CrossCheck = Field(CrossCheck(), description="comparison of the two chains")

    @model_validator(mode="after")
    def _something_is_wanted(self):
        if not self.targets and not self.simulations:
            raise ValueError("give targets or simulations: nothing is asked for")
        return self

    @model_validator(mode="after")
    def _simulations_have_an_instrument(self):
        if self.simulations and self.instrument is None:
            raise ValueError("simulations need the block instrument: name and version")
        return self

    @model_validator(mode="after")
    def _files_go_with_their_backend(self):
        wanted = self.shower.backend == "iact_files"
        for name, production in self.simulations.items():
            if wanted != (production.iact_files is not None):
                raise ValueError(
                    f"simulations.{name}: the key iact_files and shower.backend: iact_files go "
                    "together"
                )
        return self

    @model_validator(mode="after")
    def _mock_goes_with_its_source(self):
        if (self.data.source == "mock") != (self.mock is not None):
            raise ValueError("the block mock and data.source: mock go together")
        return self

    @model_validator(mode="after")
    def _only_known_targets(self):
        unknown = [name for name in self.only_targets or [] if name not in self.targets]
        if unknown:
            raise ValueError(
                f"only_targets: unknown target {unknown[0]!r}; the targets are "
                + ", ".join(self.targets)
            )
        return self
