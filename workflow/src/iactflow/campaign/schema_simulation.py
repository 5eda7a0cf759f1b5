"""Blocks of the campaign file that fix the simulations: instrument, showers, productions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import Block, Name, Positive
from iactflow.campaign.schema_hadrons import Hadrons

__all__ = [
    "Alignment",
    "Cascade",
    "Corsika",
    "Instrument",
    "Production",
    "Reduction",
    "RunConditions",
    "Shower",
    "Tilt",
]

VERSION = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
Levels = list[Annotated[float, Field(ge=0, allow_inf_nan=False)]]
LARGEST_ZENITH_DEG = 60.0
# What a production takes from its runs when it follows an observation list.
OF_THE_RUN = ("run", "zenith_deg", "azimuth_deg")
# What a production must say of showers that are made for it.
OF_THE_SHOWERS = ("n_showers", "energy_min_tev", "energy_max_tev", "core_radius_max_m")
# What the headers of IACT files say instead.
OF_THE_FILES = (
    *("run", "observations", "showers_per_job", "spectral_index", "shower_reuse"),
    *("offset_deg", "offset_angle_deg", "viewcone_deg"),
    *OF_THE_SHOWERS,
)
HADRONS = ("proton", "helium", "nitrogen", "silicon", "iron")
# Total energies of a whole nucleus, TeV: 1 GeV per nucleon, just above the rest mass.
LEAST_ENERGY_TEV = dict(zip(HADRONS, (1e-3, 4e-3, 14e-3, 28e-3, 56e-3), strict=True))


class Instrument(Block):
    """The array: a versioned folder of numbers."""

    name: Name = Field(description="folder of config/instruments")
    version: str = Field(pattern=VERSION, description="folder below it")
    path: str | None = Field(
        None, description="another folder to read; null: config/instruments/<name>/<version>"
    )


class Corsika(Block):
    """The user's own CORSIKA, compiled with the IACT package."""

    executable: str = Field(
        min_length=1, description="path of the program; its data files lie in the same folder"
    )
    image: str | None = Field(
        None,
        min_length=1,
        description="Apptainer image that holds it (path or URI); null: installed where jobs run",
    )


class Cascade(Block):
    """Cuts and steps of our showers: the defaults are those that the validation tested."""

    electron_cut_mev: float = Field(
        10.0, ge=0.5, le=1e4, description="electrons are followed above this kinetic energy, MeV"
    )
    photon_cut_mev: float = Field(
        10.0, ge=0.5, le=1e4, description="photons are followed above this energy, MeV"
    )
    max_step_x0: float = Field(0.1, ge=1e-4, le=1, description="longest step, in radiation lengths")
    max_loss_fraction: float = Field(
        0.15, ge=1e-3, le=0.3, description="largest loss of kinetic energy in a step"
    )
    max_angle_rad: float = Field(
        0.2, ge=1e-3, le=0.5, description="largest rms angle of multiple scattering in a step, rad"
    )
    max_bend_rad: float = Field(
        0.1, ge=1e-3, le=0.5, description="largest magnetic deflection in a step, rad"
    )


class Shower(Block):
    """How air showers are made."""

    backend: Literal["iactflow", "corsika", "iact_files"] = Field(
        "iactflow",
        description="iactflow: the Monte Carlo of this package; corsika: the user's own CORSIKA; "
        "iact_files: photons of existing CORSIKA IACT files",
    )
    keep_photons: bool = Field(
        False,
        description="keep the photons at the telescopes as files; false: they go through memory",
    )
    cascade: Cascade = Field(Cascade(), description="cuts and steps, with backend iactflow")
    hadrons: Hadrons = Field(
        Hadrons(), description="hadronic interactions, with backend iactflow and hadrons"
    )
    corsika: Corsika | None = Field(None, description="the user's CORSIKA, with backend corsika")

    @model_validator(mode="after")
    def _corsika_goes_with_its_backend(self):
        if (self.backend == "corsika") != (self.corsika is not None):
            raise ValueError("the block corsika and backend: corsika go together")
        return self


class Tilt(Block):
    """Random tilt of mirror facets in one direction; a null key keeps the instrument's number.

    The rms is sqrt(sigma^2 + (cosine (cos z - cos z0))^2 + (sine (sin z - sin z0))^2) at zenith
    angle z, z0 being that of the alignment.
    """

    sigma_deg: float | None = Field(None, ge=0, description="rms at the zenith of alignment, deg")
    zenith_deg: float | None = Field(None, ge=0, le=90, description="zenith of alignment, deg")
    cosine_deg: float | None = Field(None, description="coefficient of the cosine term, deg")
    sine_deg: float | None = Field(None, description="coefficient of the sine term, deg")


class Alignment(Block):
    """Alignment of the mirrors of some telescopes: switches a zenith-dependent PSF on or off."""

    telescope_types: list[str] | None = Field(
        None, min_length=1, description="telescopes of these types; null: of all types"
    )
    tel_ids: list[int] | None = Field(
        None, min_length=1, description="of those, these telescopes; null: all of them"
    )
    horizontal: Tilt = Field(Tilt(), description="tilts around the vertical axis")
    vertical: Tilt = Field(Tilt(), description="tilts around the horizontal axis")


class Reduction(Block):
    """Reduction of the data volume: pixels around the image are kept, the others become zero."""

    picture_pe: float = Field(
        8.0, ge=0, description="a pixel above this level with a neighbour above the lower is kept"
    )
    boundary_pe: float = Field(4.0, ge=0, description="lower level, photoelectrons")
    width_samples: int = Field(5, ge=1, description="samples that are summed; charges: one")
    coincidence_ns: float = Field(
        8.0, ge=0, description="largest difference of times of neighbours, ns"
    )
    dilations: int = Field(2, ge=0, le=20, description="rows of neighbours kept around all")


class RunConditions(Block):
    """Observations whose conditions a production follows: each run is simulated as it was taken."""

    conditions: str = Field(
        min_length=1,
        description="table of run conditions (TSV): pointing, night-sky background, throughput, "
        "broken pixels, participating telescopes per run; relative to the campaign file",
    )
    obs_ids: list[int] | None = Field(
        None, min_length=1, description="exactly these runs; null: all runs of the table"
    )

    @model_validator(mode="after")
    def _each_run_once(self):
        runs = self.obs_ids or []
        double = next((run for run in runs if runs.count(run) > 1), None)
        if double is not None:
            raise ValueError(f"obs_ids: {double} stands twice")
        return self


class Production(Block):
    """A production: one kind of particle thrown onto the array."""

    particle: Literal[
        "gamma",
        "gamma_diffuse",
        "electron",
        "muon",
        "proton",
        "helium",
        "nitrogen",
        "silicon",
        "iron",
    ] = Field(
        description="gamma: from a point; gamma_diffuse: from anywhere inside viewcone_deg; "
        "others, too, where it is above zero"
    )
    iact_files: list[str] | None = Field(
        None,
        min_length=1,
        description="with backend iact_files: CORSIKA IACT files, or patterns (*, ?), relative to "
        "the campaign file, else to IACTFLOW_DATA; their headers say what was thrown, and zenith "
        "and azimuth are those of their primaries unless given",
    )
    run: int | None = Field(
        None, ge=0, lt=10**8, description="number of the run (obs_id); one per particle"
    )
    n_showers: int | None = Field(None, gt=0, le=10**9, description="showers, per run")
    showers_per_job: int = Field(1000, gt=0, description="showers in one job; changes no result")
    energy_min_tev: Positive | None = Field(
        None, description="least energy thrown, of nuclei that of the whole, TeV"
    )
    energy_max_tev: Positive | None = Field(None, description="largest energy thrown, TeV")
    spectral_index: float = Field(2.0, ge=0, description="showers are thrown as E^-spectral_index")
    zenith_deg: float | None = Field(
        None, ge=0, le=60, description="zenith angle of the pointing, deg"
    )
    azimuth_deg: float | None = Field(
        None, ge=0, lt=360, description="azimuth of the pointing, from north through east, deg"
    )
    offset_deg: float = Field(
        0.0, ge=0, le=10, description="angle of a point source from the pointing, deg"
    )
    offset_angle_deg: float = Field(
        0.0,
        ge=0,
        lt=360,
        description="where it lies: 0 to larger altitude, 90 to larger azimuth, deg",
    )
    viewcone_deg: float = Field(
        0.0, ge=0, le=20, description="largest angle of diffuse particles from the pointing, deg"
    )
    core_radius_max_m: Positive | None = Field(
        None,
        description="cores fall inside this distance of the array's centre, in the plane "
        "perpendicular to the shower, m",
    )
    shower_reuse: int = Field(1, ge=1, le=100, description="core positions per shower")
    nsb_levels: Levels = Field(
        [1.0],
        min_length=1,
        description="factors on the night-sky background; each makes its own file",
    )
    tel_ids: list[int] | None = Field(
        None, min_length=1, description="telescopes of the array that take part; null: all"
    )
    alignment: list[Alignment] = Field(
        [], description="mirror alignment other than the instrument's; later entries win"
    )
    reduction: Reduction | None = Field(
        None, description="reduction of the data volume; null: the instrument's"
    )
    observations: RunConditions | None = Field(
        None, description="run-wise: take pointing and conditions from observations"
    )

    @model_validator(mode="after")
    def _showers_have_one_origin(self):
        if self.iact_files is None:
            missing = next((k for k in OF_THE_SHOWERS if getattr(self, k) is None), None)
            if missing is not None:
                raise ValueError(f"give {missing}")
            least = LEAST_ENERGY_TEV.get(self.particle, 0.0)
            if self.energy_min_tev < least:
                raise ValueError(
                    f"energy_min_tev of {self.particle} is at least {least:g}: energies are those "
                    "of the whole nucleus, with its rest mass"
                )
            return self
        given = [
            k for k in OF_THE_FILES if k in self.model_fields_set and getattr(self, k) is not None
        ]
        if given:
            raise ValueError(
                f"{given[0]} and iact_files exclude each other: the headers of the files say it"
            )
        if (self.zenith_deg is None) != (self.azimuth_deg is None):
            raise ValueError("zenith_deg and azimuth_deg go together")
        return self

    @model_validator(mode="after")
    def _pointing_has_one_origin(self):
        if self.iact_files is not None:
            return self
        given = [key for key in OF_THE_RUN if getattr(self, key) is not None]
        if self.observations is not None:
            if given:
                raise ValueError(f"{given[0]} and observations exclude each other")
        elif len(given) < len(OF_THE_RUN):
            missing = next(key for key in OF_THE_RUN if key not in given)
            raise ValueError(f"give {missing}, or observations")
        return self

    @model_validator(mode="after")
    def _directions_fit_the_particle(self):
        if self.particle == "gamma" and self.viewcone_deg:
            raise ValueError("viewcone_deg goes with diffuse particles, not with gamma")
        if self.iact_files is not None:
            return self
        if self.particle == "gamma_diffuse" and not self.viewcone_deg:
            raise ValueError("gamma_diffuse needs viewcone_deg")
        if self.viewcone_deg and (self.offset_deg or self.offset_angle_deg):
            raise ValueError("viewcone_deg and offset_deg exclude each other")
        if self.zenith_deg is None:
            return self  # each run has its own, checked with the table of conditions
        reach = self.zenith_deg + max(self.viewcone_deg, self.offset_deg)
        if reach > LARGEST_ZENITH_DEG:
            raise ValueError(
                f"particles come from zenith angles up to {reach:g} deg; the atmosphere is flat "
                f"up to {LARGEST_ZENITH_DEG:g} deg"
            )
        return self

    @model_validator(mode="after")
    def _each_once(self):
        for key in ("nsb_levels", "tel_ids"):
            # As file names tell levels apart.
            values = [f"{value:g}" for value in getattr(self, key) or []]
            double = next((v for v in values if values.count(v) > 1), None)
            if double is not None:
                raise ValueError(f"{key}: {double} stands twice")
        return self
