"""Blocks of the campaign file that fix the reconstruction: charges, images, stereo, training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import Block, Name, Positive, check_edges

__all__ = [
    "SPLITS",
    "Calibration",
    "Cleaning",
    "Extraction",
    "Forests",
    "RawEvents",
    "Reconstruction",
    "ShapeTables",
    "SinglePhotoelectrons",
    "Splits",
    "Stereo",
]

Fraction = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
#: Disjoint parts of the showers of a production, in the order in which they are drawn.
SPLITS = ("train_energy", "train_direction", "train_class", "test_cuts", "test_irfs", "mock")
# Keys of `Forests` that list samples.
LEARNT = ("energy", "direction", "signal", "background")
Method = Literal["neighbour_peak", "local_peak", "sliding_window", "fixed_window", "full_window"]
CleaningMethod = Literal["tailcuts", "mars", "time_constrained"]
Islands = Literal["all", "largest", "brightest"]
PER_TYPE = (
    "what differs by telescope type, as the files name it; * and ? allowed, later patterns win"
)
RAW = r"\.(simtel(\.gz|\.zst)?|fits\.fz|root)$"
RawFiles = list[Annotated[str, Field(pattern=RAW)]]
TelId = Annotated[int, Field(ge=0, le=32767)]


class SinglePhotoelectrons(Block):
    """Amplitudes of single photoelectrons, from the laboratory: a sum of two Gaussians."""

    low_part: float = Field(ge=0, lt=1, description="part of the amplitudes in the lower Gaussian")
    low_mean: NotNegative = Field(description="its mean over that of the upper one")
    low_sigma: Positive = Field(description="its standard deviation, likewise")
    sigma: Positive = Field(description="standard deviation of the upper one over its mean")


class Calibration(Block):
    """Coefficients of a sample's cameras, from pedestal and flat-field events."""

    files: RawFiles = Field(
        min_length=1, description="raw data of the calibration run, named as those of a sample"
    )
    excess_noise: float = Field(
        1.2, ge=1, le=10, description="F^2 of the amplitudes of photoelectrons"
    )
    overlap_min_pe: NotNegative = Field(
        20.0, description="least charge at which both gain channels are compared, photoelectrons"
    )
    overlap_max_pe: Positive = Field(200.0, description="the largest such charge")
    rejection_sigma: Positive = Field(
        5.0, description="pixels further from the camera's mean enter no mean, standard deviations"
    )
    window_before_ns: NotNegative = Field(
        5.0, description="window before the peak of the mean pulse of light, ns"
    )
    window_after_ns: NotNegative = Field(11.0, description="the same after it, ns")
    false_alarm_probability: float = Field(
        1e-3, gt=0, lt=1, description="that a camera of good pixels loses one to a criterion"
    )
    min_signal_part: Fraction = Field(
        0.2, description="least light of a pixel that is not dead, over the camera's median"
    )
    max_gain_factor: float = Field(
        2.0, gt=1, allow_inf_nan=False, description="largest gain over the camera's median, or less"
    )
    single_pe: SinglePhotoelectrons | None = Field(
        None,
        description="amplitudes with which spectra of single photoelectrons are fitted; "
        "null: gains from the statistics of photoelectrons",
    )

    @model_validator(mode="after")
    def _overlap_ascends(self):
        if not self.overlap_min_pe < self.overlap_max_pe:
            raise ValueError("overlap_min_pe must be below overlap_max_pe")
        return self


class RawEvents(Block):
    """Raw camera data that this pipeline did not simulate."""

    files: RawFiles = Field(
        min_length=1,
        description="*.simtel, *.simtel.gz, *.simtel.zst, *.fits.fz or *.root, relative to the "
        "campaign file or to the environment variable IACTFLOW_DATA; * and ? allowed",
    )
    role: Literal["simulation", "data"] = Field(
        "simulation", description="simulation: the files must know the truth; data: real events"
    )
    files_per_job: int = Field(1, gt=0, description="files in one job; no result depends on it")
    calibration: Calibration | None = Field(
        None,
        description="calibration run that takes the place of the files' own coefficients; null: "
        "theirs",
    )
    throughput: dict[TelId, Positive] = Field(
        {},
        description="throughput by tel_id relative to the simulations, as muons tell it; images "
        "are divided by it before they are cleaned",
    )


class ExtractionOfType(Block):
    """What differs from the block above for some types of telescopes; null: nothing."""

    method: Method | None = Field(None, description="as above")
    window_width: int | None = Field(None, gt=0, le=1000, description="as above")
    window_shift: int | None = Field(None, ge=0, le=1000, description="as above")
    peak_index: int | None = Field(None, ge=0, description="as above")
    local_weight: int | None = Field(None, ge=0, le=100, description="as above")
    gain_threshold_adu: NotNegative | None = Field(None, description="as above")
    integration_correction: bool | None = Field(None, description="as above")


class Extraction(Block):
    """From waveforms to charges and times; cameras that send charges need none of it."""

    method: Method = Field(
        "neighbour_peak",
        description="where the window lies: at the peak of the neighbours' sum, at the pixel's "
        "own peak, where the sum is largest, at a fixed sample; or all samples",
    )
    window_width: int = Field(7, gt=0, le=1000, description="samples in the window")
    window_shift: int = Field(3, ge=0, le=1000, description="samples of it before the peak")
    peak_index: int = Field(0, ge=0, description="sample of the peak, with fixed_window")
    local_weight: int = Field(
        0, ge=0, le=100, description="weight of the pixel itself in the neighbours' sum"
    )
    gain_threshold_adu: NotNegative = Field(
        4000.0, description="pixels with a sample above it in the high gain take the low gain"
    )
    integration_correction: bool = Field(
        True, description="divide charges by the part of the reference pulse inside the window"
    )
    per_type: dict[str, ExtractionOfType] = Field({}, description=PER_TYPE)


class CleaningOfType(Block):
    """What differs from the block above for some types of telescopes; null: nothing."""

    method: CleaningMethod | None = Field(None, description="as above")
    picture_threshold_pe: NotNegative | None = Field(None, description="as above")
    boundary_threshold_pe: NotNegative | None = Field(None, description="as above")
    min_picture_neighbors: int | None = Field(None, ge=0, le=6, description="as above")
    keep_isolated_pixels: bool | None = Field(None, description="as above")
    time_limit_core_ns: Positive | None = Field(None, description="as above")
    time_limit_boundary_ns: Positive | None = Field(None, description="as above")
    time_limit_ns: Positive | None = Field(None, description="as above")
    time_num_neighbors: int | None = Field(None, ge=1, le=6, description="as above")
    islands: Islands | None = Field(None, description="as above")
    dilations: int | None = Field(None, ge=0, le=10, description="as above")


class Cleaning(Block):
    """Which pixels belong to an image."""

    method: CleaningMethod = Field(
        "tailcuts",
        description="tailcuts: two levels; mars: and a second row above the lower one; "
        "time_constrained: neighbours must also fit in time",
    )
    picture_threshold_pe: NotNegative = Field(10.0, description="upper level, photoelectrons")
    boundary_threshold_pe: NotNegative = Field(5.0, description="lower level, photoelectrons")
    min_picture_neighbors: int = Field(
        2, ge=0, le=6, description="neighbours above the upper level that a picture pixel needs"
    )
    keep_isolated_pixels: bool = Field(
        False, description="keep picture pixels that have no such neighbours"
    )
    time_limit_core_ns: Positive = Field(
        4.5, description="largest distance in time from the core, ns, with time_constrained"
    )
    time_limit_boundary_ns: Positive = Field(
        1.5, description="largest distance in time of boundary neighbours, ns, likewise"
    )
    time_limit_ns: Positive | None = Field(
        None, description="largest difference of times to neighbours that are kept; null: any"
    )
    time_num_neighbors: int = Field(
        1, ge=1, le=6, description="neighbours within this limit that a pixel needs"
    )
    islands: Islands = Field(
        "all", description="islands kept: all, that of the most pixels, or of the most light"
    )
    dilations: int = Field(0, ge=0, le=10, description="rows of neighbours added at the end")
    per_type: dict[str, CleaningOfType] = Field({}, description=PER_TYPE)

    @model_validator(mode="after")
    def _levels_descend(self):
        for name, block in {"": self, **self.per_type}.items():
            keys = ("boundary_threshold_pe", "picture_threshold_pe")
            low, high = (
                getattr(self, key) if getattr(block, key) is None else getattr(block, key)
                for key in keys
            )
            if low > high:
                where = f"per_type.{name}: " if name else ""
                raise ValueError(f"{where}{keys[0]} ({low:g}) must not exceed {keys[1]} ({high:g})")
        return self


class Stereo(Block):
    """Images that enter the geometry, and events that have one."""

    min_telescopes: int = Field(2, ge=2, description="images that an event needs")
    min_size_pe: NotNegative = Field(
        50.0, description="images must have more than this, photoelectrons"
    )
    min_pixels: int = Field(4, ge=1, description="least number of pixels of an image")
    max_distance_deg: Positive = Field(
        90.0, description="largest distance of the centre of gravity from the axis, deg"
    )
    max_leakage: Fraction = Field(
        1.0, description="largest fraction of the intensity in the two outer rings of the camera"
    )


class ShapeTables(Block):
    """Mean and scatter of width, length and energy against size and impact distance."""

    samples: list[Name] = Field(
        min_length=1, description="samples whose train_energy split fills the tables"
    )
    n_size_bins: int = Field(60, ge=4, le=500, description="bins in ln size")
    size_min_pe: Positive = Field(10.0, description="least size, photoelectrons")
    size_max_pe: Positive = Field(1e6, description="largest size, photoelectrons")
    n_impact_bins: int = Field(50, ge=4, le=500, description="bins in impact distance")
    impact_max_m: Positive = Field(1000.0, description="largest impact distance, m")
    smoothing_bins: NotNegative = Field(1.0, description="rms of the smoothing kernel, bins")
    min_entries: NotNegative = Field(
        5.0, description="images of equal weight under the smoothing, below which a bin is empty"
    )
    weight_index: float | None = Field(
        2.0,
        ge=0,
        le=5,
        description="index of the power law that simulated energies are weighted to; null: as "
        "thrown",
    )
    max_direction_error_deg: Positive = Field(
        0.2, description="simulated events reconstructed further off fill no table, deg"
    )
    zenith_step_deg: Positive = Field(
        1.0, description="simulated zenith angles are rounded to multiples of it, deg"
    )
    offset_step_deg: Positive = Field(0.5, description="the same for offsets from the axis, deg")
    nsb_step_dex: Positive = Field(0.1, description="the same for the night sky, decades")
    throughput_step: Positive = Field(0.1, description="the same for the throughput")
    zenith_reach_deg: NotNegative = Field(
        2.5, description="how far beyond the simulated zenith angles events may lie, deg"
    )
    offset_reach_deg: NotNegative = Field(
        1.0, description="the same for offsets, deg; events beyond have no energy"
    )
    nsb_reach_dex: NotNegative = Field(0.2, description="the same for the night sky, decades")
    throughput_reach: NotNegative = Field(0.3, description="the same for the throughput")


class Splits(Block):
    """Fractions of the showers of every production, drawn by shower."""

    train_energy: Fraction = Field(0.25, description="shape tables and energy forests")
    train_direction: Fraction = Field(0.25, description="direction forests")
    train_class: Fraction = Field(0.15, description="classifiers")
    test_cuts: Fraction = Field(0.1, description="choice of cuts")
    test_irfs: Fraction = Field(0.2, description="instrument responses; resolutions shown")
    mock: Fraction = Field(0.05, description="mock observations")

    @model_validator(mode="after")
    def _sum_to_one(self):
        total = sum(getattr(self, name) for name in SPLITS)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the fractions sum to {total:g}, not to 1")
        return self


class Forests(Block):
    """Random forests for energy and direction, boosted trees for gammaness: the second way."""

    energy: list[Name] = Field([], description="samples that train energy; empty: no such forest")
    direction: list[Name] = Field([], description="samples that train direction")
    signal: list[Name] = Field([], description="samples that the classifier calls gamma rays")
    background: list[Name] = Field([], description="samples that it calls background")
    n_trees: int = Field(100, gt=0, le=2000, description="trees of a forest")
    max_depth: int = Field(12, gt=0, le=30, description="deepest branch")
    min_samples_leaf: int = Field(5, gt=0, description="telescope events in a leaf")
    features: list[str] = Field(
        [], description="columns that the trees see; empty: the standard ones of each model"
    )
    class_energy_edges_tev: list[Positive] = Field(
        [],
        description="edges of bands of the event's energy with classifiers of their own, TeV; "
        "events beyond have that of the nearest band; empty: one",
    )
    class_zenith_edges_deg: list[Annotated[float, Field(ge=0, le=90)]] = Field(
        [], description="the same for the zenith angle, deg"
    )

    @model_validator(mode="after")
    def _two_classes(self):
        if bool(self.signal) != bool(self.background):
            raise ValueError("signal and background go together")
        double = sorted(set(self.signal) & set(self.background))
        if double:
            raise ValueError(f"{double[0]} is both signal and background")
        for name in ("class_energy_edges_tev", "class_zenith_edges_deg"):
            check_edges(name, getattr(self, name))
        return self


class Reconstruction(Block):
    """From raw data to directions and energies, the same for every sample of the campaign."""

    samples: list[Name] | None = Field(
        None,
        min_length=1,
        description="productions and entries of events that are reconstructed; null: all",
    )
    extraction: Extraction = Field(Extraction(), description="charges and times")
    cleaning: Cleaning = Field(Cleaning(), description="cleaning of images")
    stereo: Stereo = Field(Stereo(), description="cuts and geometry")
    splits: Splits = Field(Splits(), description="disjoint parts of simulated showers")
    shape_tables: ShapeTables | None = Field(
        None, description="shape and energy tables; null: geometry alone"
    )
    forests: Forests = Field(Forests(), description="forests and classifiers")
    keep_images: bool = Field(False, description="write images beside their parameters")

    @property
    def trained_on(self) -> dict[str, list[str]]:
        """Samples by what is learnt from them; only what is wanted."""
        forests = self.forests
        wanted = {
            "shape_tables": [] if self.shape_tables is None else self.shape_tables.samples,
            **{key: getattr(forests, key) for key in LEARNT},
        }
        return {key: samples for key, samples in wanted.items() if samples}
