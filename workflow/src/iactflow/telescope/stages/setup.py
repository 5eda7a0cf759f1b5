"""What a simulation job needs before its first shower: array, pointing, atmosphere, light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from iactflow.atmosphere.extinction import ExtinctionTable
from iactflow.atmosphere.profile import AtmosphereProfile
from iactflow.atmosphere.site import load_atmosphere
from iactflow.atmosphere.table import AtmosphereTable, make_table
from iactflow.errors import InputError
from iactflow.instrument.description import Alignment, ArrayTrigger, Instrument, Telescope
from iactflow.instrument.load import load_instrument
from iactflow.shower.light import LightYield, make_light_yield
from iactflow.shower.primaries import PARTICLE_ID
from iactflow.telescope.detector import Detector
from iactflow.telescope.detector_tables import UnbunchedLight, light_responses

__all__ = [
    "Setup",
    "apply_alignment",
    "band_nm",
    "make_detector",
    "make_setup",
    "select_telescopes",
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
    nsb : tuple
        Levels of the night sky: factors, or mappings by telescope.
    broken_pixels : dict of int to list of int
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
    nsb: tuple
    broken_pixels: dict[int, list[int]]
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
            "atmosphere": instrument.site.atmosphere,
        }


def _tilted(alignment: Alignment, tilt: Mapping) -> Alignment:
    return replace(alignment, **{key: value for key, value in tilt.items() if value is not None})


def apply_alignment(instrument: Instrument, overrides: Sequence[Mapping], file: str) -> Instrument:
    """Give telescopes another alignment of their mirrors than the description's.

    Parameters
    ----------
    instrument : Instrument
        Array.
    overrides : sequence of mapping
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
    telescopes = {t.tel_id: t for t in instrument.telescopes}
    types = sorted({t.type.name for t in instrument.telescopes})
    for i, entry in enumerate(overrides):
        key = f"alignment[{i}]"
        _check_known(entry["telescope_types"] or [], types, file, f"{key}.telescope_types")
        _check_known(entry["tel_ids"] or [], list(telescopes), file, f"{key}.tel_ids")
        for tel_id, telescope in telescopes.items():
            chosen = tel_id in (entry["tel_ids"] or telescopes)
            if chosen and telescope.type.name in (entry["telescope_types"] or types):
                optics = telescope.type.optics
                optics = replace(
                    optics,
                    align_horizontal=_tilted(optics.align_horizontal, entry["horizontal"]),
                    align_vertical=_tilted(optics.align_vertical, entry["vertical"]),
                )
                kind = replace(telescope.type, optics=optics)
                telescopes[tel_id] = replace(telescope, type=kind)
    return replace(instrument, telescopes=tuple(telescopes.values()))


def _check_known(wanted: Sequence, known: Sequence, file: str, key: str) -> None:
    unknown = [value for value in wanted if value not in known]
    if unknown:
        raise InputError(file, key, unknown[0], ", ".join(map(str, known)))


def select_telescopes(
    instrument: Instrument, tel_ids: Sequence[int] | None, file: str
) -> Instrument:
    """Leave telescopes out, and array triggers that are left without enough of them.

    Parameters
    ----------
    instrument : Instrument
        Array.
    tel_ids : sequence of int or None
        Telescopes that take part; None: all.
    file : str
        Named in errors.

    Returns
    -------
    Instrument
        Smaller array.

    Raises
    ------
    InputError
        If a telescope is unknown, or no array trigger can fire any more.
    """
    if tel_ids is None:
        return instrument
    _check_known(tel_ids, [t.tel_id for t in instrument.telescopes], file, "tel_ids")
    kept: tuple[Telescope, ...] = tuple(t for t in instrument.telescopes if t.tel_id in tel_ids)
    triggers: list[ArrayTrigger] = []
    for trigger in instrument.triggers:
        members = tuple(i for i in trigger.tel_ids if i in tel_ids)
        if len(members) >= trigger.multiplicity:
            triggers.append(replace(trigger, tel_ids=members))
    if not triggers:
        allowed = "telescopes that satisfy an array trigger of the instrument"
        raise InputError(file, "tel_ids", list(tel_ids), allowed)
    return replace(instrument, telescopes=kept, triggers=tuple(triggers))


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
    file = f"simulations.{settings['name']}"
    files = [inputs.instrument] if isinstance(inputs.instrument, str) else inputs.instrument
    instrument = load_instrument(instrument_folder(files))
    instrument = select_telescopes(instrument, settings["tel_ids"], file)
    instrument = apply_alignment(instrument, settings.get("alignment", []), file)
    site = instrument.site
    folder = atmosphere_folder(files, site.atmosphere)
    profile, extinction = load_atmosphere(folder, site.altitude_m)
    kinds, responses = light_responses(instrument)
    band = band_nm(responses, extinction)
    return Setup(
        settings=settings,
        seed=params.seed,
        run=run,
        showers=tuple(params.showers),
        instrument=instrument,
        alt_deg=90.0 - settings["zenith_deg"],
        az_deg=settings["azimuth_deg"],
        profile=profile,
        atmosphere=make_table(profile, site.altitude_m),
        extinction=extinction,
        light=make_light_yield(*band, responses, extinction),
        kinds=kinds,
        band_nm=band,
        nsb=tuple(settings.get("nsb_levels", (1.0,))),
        broken_pixels={},
        start_s=0,
    )


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
        setup.nsb,
        broken_pixels=setup.broken_pixels,
        light=UnbunchedLight(setup.extinction, setup.band_nm),
    )
