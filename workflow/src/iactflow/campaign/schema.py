"""The campaign file: every key, its default, its unit and what is allowed.

This module is the only source. The JSON schema in ``workflow/schemas``, the default
configuration ``config/default.yaml`` and the key tables of ``config/README.md`` are written from
it by ``iactflow schema --write``, and a test fails when they drift.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from iactflow.campaign.paths import band_name

NAME = r"^[a-z0-9][a-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME, description="lower-case letters, digits, '-' and '_'")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
RightAscension = Annotated[float, Field(ge=0, lt=360, description="right ascension, ICRS, deg")]
Declination = Annotated[float, Field(ge=-90, le=90, description="declination, ICRS, deg")]


class Block(BaseModel):
    """A block of the campaign file: unknown keys are errors, numbers are never strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="after")
    def _ranges_ascend(self):
        for lower in type(self).model_fields:
            if "_min_" not in lower:
                continue
            upper = lower.replace("_min_", "_max_")
            low, high = getattr(self, lower), getattr(self, upper, None)
            if low is not None and high is not None and low >= high:
                raise ValueError(f"{lower} ({low:g}) must be below {upper} ({high:g})")
        return self


class Position(Block):
    """A direction on the sky."""

    ra_deg: RightAscension = Field(description="right ascension, ICRS, deg")
    dec_deg: Declination = Field(description="declination, ICRS, deg")


class Circle(Position):
    """A circular region on the sky."""

    radius_deg: Positive = Field(description="radius, deg")


class EnergyAxis(Block):
    """Logarithmic energy bins."""

    energy_min_tev: Positive = Field(description="lower edge of the first bin, TeV")
    energy_max_tev: Positive = Field(description="upper edge of the last bin, TeV")
    n_bins: int = Field(gt=0, le=2000, description="number of bins, equal in log energy")


class SafeRange(Block):
    """Which energies of a run are used; the conditions are combined."""

    file_threshold: bool = Field(
        True, description="energies inside LO_THRES and HI_THRES of the run's AEFF table"
    )
    effective_area_min_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="energies above the one where the effective area reaches this fraction of its "
        "maximum at the source's offset; 0 switches the condition off",
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
        _check_time("start", self.start)
        return self

    @model_validator(mode="after")
    def _an_index_is_that_of_a_power_law(self):
        if self.spectral_index is not None and self.model != "pl":
            raise ValueError(f"spectral_index goes with model pl, not {self.model}")
        return self


class Observations(Block):
    """Which runs belong to a target: a pinned list, or a selection."""

    obs_ids: list[int] | None = Field(None, min_length=1, description="exactly these runs")
    run_list: str | None = Field(
        None, description="a TSV file with a column obs_id, relative to the campaign file"
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
        cuts = ("radius_deg", "zenith_max_deg", "livetime_min_s", "start", "stop")
        selected = [k for k in cuts if getattr(self, k) is not None]
        if len(pinned) > 1 or (pinned and selected):
            raise ValueError(
                f"{' and '.join((pinned + selected)[:2])} exclude each other: pin the runs or "
                "select them"
            )
        if not pinned and self.radius_deg is None:
            raise ValueError("give obs_ids, run_list or radius_deg")
        if self.obs_ids and len(set(self.obs_ids)) != len(self.obs_ids):
            raise ValueError("obs_ids: a run is listed twice")
        for key in ("start", "stop"):
            _check_time(key, getattr(self, key))
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
        _check_time("start", self.start)
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
    execution: Execution = Field(Execution(), description="how the work is cut into jobs")
    only_targets: list[Name] | None = Field(
        None, min_length=1, description="make these targets only; null: all"
    )
    targets: dict[Name, Target] = Field(min_length=1, description="targets by name")
    cross_check: CrossCheck = Field(CrossCheck(), description="comparison of the two chains")

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


def _check_time(key: str, value: str | None) -> None:
    if value is None:
        return
    try:
        time = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{key}: {value!r} is no ISO 8601 time ({error})") from None
    if time.tzinfo is not None:
        raise ValueError(f"{key}: {value!r}: times are UTC, write them without a zone")
