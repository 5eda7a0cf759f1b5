"""The campaign file: every key, its default, its unit and what is allowed.

This module and the modules ``schema_*`` beside it are the only source. The JSON schema in
``workflow/schemas``, the default configuration ``config/default.yaml`` and the key tables of
``config/README.md`` are written from it by ``iactflow schema --write``, and a test fails when they
drift.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from iactflow.campaign.paths import MODELS, SHARED, band_name
from iactflow.campaign.schema_base import Block, Circle, Name, Position, Positive, check_time
from iactflow.campaign.schema_cuts import Cuts
from iactflow.campaign.schema_dl3 import EventLists
from iactflow.campaign.schema_mock import Mock, MockSource, check_samples
from iactflow.campaign.schema_products import LightCurve, SkyMap, SpectralModel, Spectrum
from iactflow.campaign.schema_reconstruction import RawEvents, Reconstruction
from iactflow.campaign.schema_responses import Responses
from iactflow.campaign.schema_simulation import Instrument, Production, Shower
from iactflow.campaign.schema_storage import Storage

__all__ = [
    "Campaign",
    "CrossCheck",
    "Cuts",
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
    "RawEvents",
    "Reconstruction",
    "Responses",
    "Shower",
    "SkyMap",
    "SpectralModel",
    "Spectrum",
    "Storage",
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
        "dl3", description="dl3: existing GADF files; mock: drawn from responses or simulations"
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


class Execution(Block):
    """How the work is cut into jobs; no result depends on it."""

    runs_per_job: int = Field(32, gt=0, description="runs in one job")
    parts_per_job: int = Field(
        64, gt=0, description="parts of samples whose tables of shapes one job fills"
    )


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
    truth_sigma: float = Field(
        3.0, gt=0, le=10, description="results of mock data against what was injected, fit errors"
    )
    telescope_events: int = Field(
        0, ge=0, description="events, and images of telescopes, that one chain alone has"
    )
    charge: float = Field(
        1.0, ge=0, description="charges, in units of 0.5 % or 0.05 photoelectrons, the larger one"
    )
    mask_fraction: float = Field(
        0.01, ge=0, le=1, description="fraction of images whose cleaned pixels differ"
    )
    hillas_fraction: float = Field(
        1e-4, ge=0, description="relative, image parameters of equal masks"
    )
    hillas_angle_deg: float = Field(
        1e-3, ge=0, description="angles of image parameters of equal masks, deg"
    )
    direction_deg: float = Field(
        0.01, ge=0, description="directions of events from equal images, deg"
    )
    effective_area_fraction: float = Field(
        1e-3, ge=0, description="relative, effective areas bin by bin"
    )
    energy_dispersion_fraction: float = Field(
        1e-3, ge=0, description="the same, energy dispersions"
    )
    point_spread_fraction: float = Field(0.01, ge=0, description="the same, point spread functions")
    background_fraction: float = Field(
        0.01, ge=0, description="the same, rates of the background before smoothing"
    )


class CrossCheck(Block):
    """The comparison of the two chains."""

    ctapipe_fraction: float = Field(
        0.02,
        ge=0,
        le=1,
        description="fraction of the jobs of every reconstructed sample that ctapipe repeats, at "
        "least one; 0: none",
    )

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
    events: dict[Name, RawEvents] = Field({}, description="raw data from elsewhere, by name")
    reconstruction: Reconstruction | None = Field(
        None, description="from raw data to directions and energies; null: none"
    )
    cuts: Cuts | None = Field(
        None, description="which events are taken for gamma rays; null: all with an energy"
    )
    responses: Responses | None = Field(None, description="instrument responses; null: none")
    dl3: EventLists | None = Field(None, description="event lists of reconstructed data")
    storage: Storage | None = Field(
        None, description="raw data and products at computing sites; null: all is local"
    )
    execution: Execution = Field(Execution(), description="how the work is cut into jobs")
    only_targets: list[Name] | None = Field(
        None, min_length=1, description="make these targets only; null: all"
    )
    targets: dict[Name, Target] = Field({}, description="targets by name")
    cross_check: CrossCheck = Field(CrossCheck(), description="comparison of the two chains")

    @field_validator("campaign")
    @classmethod
    def _name_is_free(cls, name):
        if name == SHARED:
            raise ValueError(f"{name!r}: results/{name} is the folder that all campaigns share")
        return name

    @model_validator(mode="after")
    def _something_is_wanted(self):
        if not self.targets and not self.simulations and not self.events:
            raise ValueError("give targets, simulations or events: nothing is asked for")
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
    def _samples_are_known(self):
        double = sorted(set(self.events) & set(self.simulations))
        if double:
            raise ValueError(f"{double[0]} names events and a production: one of them")
        if MODELS in {*self.events, *self.simulations}:
            raise ValueError(f"{MODELS!r} is no name of a sample: the folder of what is learnt")
        block = self.reconstruction
        if block is None:
            if self.events:
                raise ValueError("events need the block reconstruction")
            return self
        at_hand = [*self.simulations, *self.events]
        for key, names in {"samples": block.samples or [], **block.trained_on}.items():
            for name in names:
                if name not in at_hand:
                    known = ", ".join(at_hand) or "none"
                    raise ValueError(f"reconstruction: {key}: no sample {name!r}; known: {known}")
                if key != "samples" and name not in (block.samples or at_hand):
                    raise ValueError(f"reconstruction: {key} needs {name!r} among samples")
                if key != "samples" and name in self.events and self.events[name].role == "data":
                    raise ValueError(f"reconstruction: {key}: {name!r} are data, without truth")
        return self

    @model_validator(mode="after")
    def _responses_need_events(self):
        if self.responses is not None and self.reconstruction is None:
            raise ValueError("responses need the block reconstruction")
        return self

    @model_validator(mode="after")
    def _off_data_are_not_drawn_from_them(self):
        mock, block = self.mock, self.responses
        circle = mock is not None and mock.simulations is not None and not mock.responses
        if block is not None and block.off_data and circle:
            raise ValueError(
                "responses: off_data: the runs of targets are drawn from these very responses; "
                "give background from simulations, or mock.responses"
            )
        return self

    @model_validator(mode="after")
    def _mock_goes_with_its_source(self):
        if (self.data.source == "mock") != (self.mock is not None):
            raise ValueError("the block mock and data.source: mock go together")
        if self.mock is not None:
            block = self.reconstruction
            names = [] if block is None else block.samples or [*self.simulations, *self.events]
            known = {n: n in self.simulations or self.events[n].role != "data" for n in names}
            check_samples(self.mock, known, 0.0 if block is None else block.splits.mock)
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
