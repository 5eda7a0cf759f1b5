"""What a simulation job needs before its first shower: array, pointing, atmosphere, light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.time import Time

from iactflow.atmosphere.extinction import ExtinctionTable
from iactflow.atmosphere.profile import AtmosphereProfile
from iactflow.atmosphere.site import load_atmosphere
from iactflow.atmosphere.table import AtmosphereTable, make_table
from iactflow.errors import InputError
from iactflow.instrument.conditions import apply_conditions
from iactflow.instrument.description import Instrument
from iactflow.instrument.load import load_instrument
from iactflow.shower.hadron_models import HadronModels, load_hadron_models
from iactflow.shower.light import LightYield, make_light_yield
from iactflow.shower.primaries import PARTICLE_ID
from iactflow.telescope.detector import Detector
from iactflow.telescope.detector_tables import UnbunchedLight, light_responses
from iactflow.telescope.stages.array_state import (
    apply_alignment,
    apply_reduction,
    listed,
    run_conditions,
)

__all__ = [
    "Setup",
    "atmosphere_folder",
    "band_nm",
    "instrument_folder",
    "make_detector",
    "make_setup",
]

ATMOSPHERES = "config/atmospheres"


@dataclass(frozen=True)
class Setup:
    """Array and air of a run.

    Attributes
    ----------
    settings : dict
        Settings of the production.
    seed, run : int
        Seed of the campaign; run.
    showers : tuple of two int
        First and last shower of the job.
    array : Instrument
        The whole array, as its version describes it.
    instrument : Instrument
        Telescopes that take part, as aligned and as clean as in this run.
    alt_deg, az_deg : float
        Pointing.
    profile : AtmosphereProfile
        Air.
    atmosphere : AtmosphereTable
        The same down to the observation level, for kernels.
    extinction : ExtinctionTable
        Extinction.
    light : LightYield
        Light that the telescopes might keep, by kind of telescope.
    kinds : dict of int to int
        Kind of each telescope.
    band_nm : tuple of two float
        Band of the light.
    broken_pixels : dict of int to tuple of int
        Pixels without signal, by telescope.
    start_s : int
        TAI seconds since 1970 at the start of the run; 0 for a run of no date.
    hadrons : HadronModels or None
        Interactions of hadrons; None: showers without hadrons, or made elsewhere.
    """

    settings: dict
    seed: int
    run: int
    showers: tuple[int, int]
    array: Instrument
    instrument: Instrument
    alt_deg: float
    az_deg: float
    profile: AtmosphereProfile
    atmosphere: AtmosphereTable
    extinction: ExtinctionTable
    light: LightYield
    kinds: dict[int, int]
    band_nm: tuple[float, float]
    broken_pixels: dict[int, tuple[int, ...]]
    start_s: int
    hadrons: HadronModels | None = None

    @property
    def particle_id(self) -> int:
        """Kind of particle thrown.

        Returns
        -------
        int
            CORSIKA's number; of a file that of its showers, where a name has two.
        """
        return self.settings.get("particle_id", PARTICLE_ID[self.settings["particle"]])

    @property
    def tel_ids(self) -> list[int]:
        """Telescopes that take part, ascending.

        Returns
        -------
        list of int
            Numbers.
        """
        return [telescope.tel_id for telescope in self.instrument.telescopes]

    @property
    def centres_m(self) -> np.ndarray:
        """Centres of the telescopes' spheres.

        Returns
        -------
        ndarray of float64, shape (n_tel, 3)
            North, west, up from the observation level.
        """
        telescopes = self.instrument.telescopes
        return np.array([(t.x_m, t.y_m, t.z_m + t.type.optics.sphere_height_m) for t in telescopes])

    @property
    def radii_m(self) -> np.ndarray:
        """Radii of the telescopes' spheres.

        Returns
        -------
        ndarray of float64, shape (n_tel,)
            Radii.
        """
        return np.array([t.type.optics.sphere_radius_m for t in self.instrument.telescopes])

    def describe(self) -> dict:
        """What the products say of the array and the air: the same for all runs of a production.

        Returns
        -------
        dict
            Production, particle, instrument with its digest, atmosphere.
        """
        instrument = self.instrument
        return {
            "production": self.settings["name"],
            "particle": self.settings["particle"],
            "instrument": instrument.name,
            "instrument_version": instrument.version,
            "instrument_digest": instrument.digest,
            "atmosphere": instrument.site.atmosphere,
        }


def band_nm(responses: Sequence, extinction: ExtinctionTable) -> tuple[float, float]:
    """Band in which light is drawn: where a detector sees it and the extinction is known.

    Parameters
    ----------
    responses : sequence of Curve
        Spectral responses.
    extinction : ExtinctionTable
        Extinction.

    Returns
    -------
    tuple of two float
        Shortest and longest wavelength in nm.
    """
    seen = []
    for curve in responses:
        lit = np.flatnonzero(curve.y > 0.0)
        seen += [curve.x[max(lit[0] - 1, 0)], curve.x[min(lit[-1] + 1, len(curve.x) - 1)]]
    waves = extinction.wavelengths_nm
    return float(max(min(seen), waves[0])), float(min(max(seen), waves[-1]))


def instrument_folder(files: Sequence[str]) -> Path:
    """Folder of the instrument among the files that a job is given.

    Parameters
    ----------
    files : sequence of str
        Files of the instrument's version, of those that it extends and of the atmospheres, its
        own first.

    Returns
    -------
    Path
        Folder that holds its ``instrument.yaml``.

    Raises
    ------
    InputError
        If none of them is ``instrument.yaml``.
    """
    folders = [Path(file).parent for file in files if Path(file).name == "instrument.yaml"]
    if not folders:
        raise InputError("inputs", "instrument", "no instrument.yaml", "files of an instrument")
    return folders[0]


def atmosphere_folder(files: Sequence[str], name: str) -> Path:
    """Folder of a standard atmosphere among the files that a job is given.

    Parameters
    ----------
    files : sequence of str
        Files of the instrument's version and of the atmospheres.
    name : str
        Name of the atmosphere.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    InputError
        If it is not among them.
    """
    folders = {Path(f).parent.name: Path(f).parent for f in files if Path(f).name == "profile.ecsv"}
    if name not in folders:
        raise InputError(ATMOSPHERES, "atmosphere", name, ", ".join(sorted(folders)))
    return folders[name]


def make_setup(inputs, params, wildcards) -> Setup:
    """Read what a job needs before its first shower.

    Parameters
    ----------
    inputs : namespace
        ``instrument``: files of instrument and atmospheres; ``conditions``: table of run
        conditions, or nothing; ``hadrons``: pool of hadronic interactions, where showers of
        hadrons are made.
    params : namespace
        ``settings``: block of the production; ``seed``: seed of the campaign; ``showers``: first
        and last shower of the job.
    wildcards : namespace
        ``run``.

    Returns
    -------
    Setup
        Array and air of the run.

    Raises
    ------
    InputError
        If a description is bad, or settings name what the array does not have.
    """
    settings, run = params.settings, int(wildcards.run)
    name = f"simulations.{settings['name']}"
    files = listed(inputs.instrument)
    array = load_instrument(instrument_folder(files))
    # Of the whole array: a run that lacks a telescope does not make its entry wrong.
    instrument = apply_alignment(array, settings.get("alignment", []), name)
    conditions = run_conditions(inputs, settings, run, instrument)
    tables = listed(inputs.conditions)
    instrument = apply_conditions(instrument, conditions, tables[0] if tables else name)
    instrument = apply_reduction(instrument, settings.get("reduction"))
    site = instrument.site
    profile, extinction = load_atmosphere(
        atmosphere_folder(files, site.atmosphere), site.altitude_m
    )
    kinds, responses = light_responses(instrument)
    # Own light is drawn in bins of the whole table, which no telescope changes.
    band = band_nm(responses, extinction)
    return Setup(
        settings=settings,
        seed=params.seed,
        run=run,
        showers=tuple(params.showers),
        array=array,
        instrument=instrument,
        alt_deg=conditions.altitude_deg,
        az_deg=conditions.azimuth_deg,
        profile=profile,
        atmosphere=make_table(profile, site.altitude_m),
        extinction=extinction,
        light=make_light_yield(*extinction.wavelengths_nm[[0, -1]], responses, extinction),
        kinds=kinds,
        band_nm=band,
        broken_pixels={t.tel_id: t.broken_pixels for t in conditions.telescopes.values()},
        start_s=_tai_s(conditions.start_utc),
        hadrons=_hadrons(inputs),
    )


def _hadrons(inputs) -> HadronModels | None:
    pools = listed(getattr(inputs, "hadrons", []))
    return load_hadron_models(pools[0]) if pools else None


def _tai_s(start_utc: str | None) -> int:
    return 0 if start_utc is None else int(Time(start_utc, scale="utc").unix_tai)


def make_detector(setup: Setup) -> Detector:
    """Detector of a run.

    Parameters
    ----------
    setup : Setup
        Array and air of the run.

    Returns
    -------
    Detector
        All levels of the night sky.
    """
    return Detector(
        setup.instrument,
        setup.alt_deg,
        setup.az_deg,
        tuple(setup.settings["nsb_levels"]),
        broken_pixels=setup.broken_pixels,
        light=UnbunchedLight(setup.extinction, setup.band_nm),
    )
