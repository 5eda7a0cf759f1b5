"""What a simulation job needs before its first shower: array, pointing, atmosphere, light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.time import Time

from iactflow.atmosphere.extinction import ExtinctionTable
from iactflow.atmosphere.profile import AtmosphereProfile
from iactflow.atmosphere.site import load_atmosphere
from iactflow.atmosphere.table import AtmosphereTable, make_table
from iactflow.errors import InputError
from iactflow.instrument.conditions import (
    Conditions,
    TelescopeConditions,
    apply_conditions,
    override_alignment,
    read_conditions,
)
from iactflow.instrument.description import Instrument
from iactflow.instrument.load import load_instrument
from iactflow.shower.light import LightYield, make_light_yield
from iactflow.shower.primaries import PARTICLE_ID
from iactflow.telescope.detector import Detector
from iactflow.telescope.detector_tables import UnbunchedLight, light_responses

__all__ = [
    "Setup",
    "apply_alignment",
    "apply_reduction",
    "atmosphere_folder",
    "band_nm",
    "instrument_folder",
    "make_detector",
    "make_setup",
    "run_conditions",
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
    """

    settings: dict
    seed: int
    run: int
    showers: tuple[int, int]
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

    @property
    def particle_id(self) -> int:
        """Kind of particle thrown.

        Returns
        -------
        int
            CORSIKA's number.
        """
        return PARTICLE_ID[self.settings["particle"]]

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
        """What the products say of the array and the air.

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
            "tel_ids": self.tel_ids,
            "pointing_deg": [self.alt_deg, self.az_deg],
            "atmosphere": instrument.site.atmosphere,
        }


def apply_alignment(instrument: Instrument, entries: Sequence[Mapping], file: str) -> Instrument:
    """Give telescopes another alignment of their mirrors than the description's.

    Parameters
    ----------
    instrument : Instrument
        Array.
    entries : sequence of mapping
        Block ``alignment`` of a production; later entries win.
    file : str
        Named in errors.

    Returns
    -------
    Instrument
        The same array, other tilts.

    Raises
    ------
    InputError
        If an entry names a telescope or type that the array does not have.
    """
    types = sorted({t.type.name for t in instrument.telescopes})
    known = [t.tel_id for t in instrument.telescopes]
    overrides: dict[int, dict] = {}
    for i, entry in enumerate(entries):
        kinds, tel_ids = entry["telescope_types"] or types, entry["tel_ids"] or known
        _check_known(kinds, types, file, f"alignment[{i}].telescope_types")
        _check_known(tel_ids, known, file, f"alignment[{i}].tel_ids")
        for telescope in instrument.telescopes:
            if telescope.type.name in kinds and telescope.tel_id in tel_ids:
                tilts = overrides.setdefault(telescope.tel_id, {"horizontal": {}, "vertical": {}})
                for direction, tilt in tilts.items():
                    given = {k: v for k, v in entry[direction].items() if v is not None}
                    tilt.update(given)
    return override_alignment(instrument, overrides, file)


def apply_reduction(instrument: Instrument, reduction: Mapping | None) -> Instrument:
    """Give all cameras a reduction of their data volume.

    Parameters
    ----------
    instrument : Instrument
        Array.
    reduction : mapping or None
        Block ``reduction`` of a production; None: as described.

    Returns
    -------
    Instrument
        The same array.
    """
    if reduction is None:
        return instrument
    method = {"method": "two_level", **reduction}
    telescopes = []
    for telescope in instrument.telescopes:
        camera = telescope.type.camera
        camera = replace(camera, readout=replace(camera.readout, reduction=method))
        telescopes.append(replace(telescope, type=replace(telescope.type, camera=camera)))
    return replace(instrument, telescopes=tuple(telescopes))


def _check_known(wanted: Sequence, known: Sequence, file: str, key: str) -> None:
    unknown = [value for value in wanted if value not in known]
    if unknown:
        raise InputError(file, key, unknown[0], ", ".join(map(str, known)))


def run_conditions(inputs, settings: Mapping, run: int, instrument: Instrument) -> Conditions:
    """Conditions of a run: those of an observation, or the nominal ones of a production.

    Parameters
    ----------
    inputs : namespace
        ``conditions``: table of run conditions, or nothing.
    settings : mapping
        Block of the production.
    run : int
        Run.
    instrument : Instrument
        Array.

    Returns
    -------
    Conditions
        Pointing, and the telescopes that the production takes of those that took part.

    Raises
    ------
    InputError
        If the table is bad or lacks the run, or the production names an unknown telescope.
    """
    known = [t.tel_id for t in instrument.telescopes]
    wanted = settings["tel_ids"] or known
    _check_known(wanted, known, f"simulations.{settings['name']}", "tel_ids")
    tables = _listed(inputs.conditions)
    if not tables:
        nominal = {tel_id: TelescopeConditions(tel_id) for tel_id in wanted}
        return Conditions(
            obs_id=run,
            altitude_deg=90.0 - settings["zenith_deg"],
            azimuth_deg=settings["azimuth_deg"],
            start_utc=None,
            telescopes=nominal,
        )
    runs = read_conditions(tables[0])
    if run not in runs:
        raise InputError(tables[0], "obs_id", run, f"{len(runs)} runs of this table")
    taken = {tel_id: state for tel_id, state in runs[run].telescopes.items() if tel_id in wanted}
    return replace(runs[run], telescopes=taken)


def _listed(paths) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)


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
        conditions, or nothing.
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
    files = _listed(inputs.instrument)
    instrument = load_instrument(instrument_folder(files))
    conditions = run_conditions(inputs, settings, run, instrument)
    instrument = apply_conditions(instrument, conditions, name)
    instrument = apply_alignment(instrument, settings.get("alignment", []), name)
    instrument = apply_reduction(instrument, settings.get("reduction"))
    site = instrument.site
    profile, extinction = load_atmosphere(
        atmosphere_folder(files, site.atmosphere), site.altitude_m
    )
    kinds, responses = light_responses(instrument)
    band = band_nm(responses, extinction)
    return Setup(
        settings=settings,
        seed=params.seed,
        run=run,
        showers=tuple(params.showers),
        instrument=instrument,
        alt_deg=conditions.altitude_deg,
        az_deg=conditions.azimuth_deg,
        profile=profile,
        atmosphere=make_table(profile, site.altitude_m),
        extinction=extinction,
        light=make_light_yield(*band, responses, extinction),
        kinds=kinds,
        band_nm=band,
        broken_pixels={t.tel_id: t.broken_pixels for t in conditions.telescopes.values()},
        start_s=_tai_s(conditions.start_utc),
    )


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
