"""Showers of existing CORSIKA IACT files: the array that they meet, and what was thrown."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from iactflow.errors import InputError
from iactflow.io.corsika import CorsikaRun, CorsikaShower, read_corsika
from iactflow.shower.photons import WAVELENGTH_NM, empty_photons
from iactflow.shower.primaries import PARTICLE_ID, Thrown, direction_of_flight
from iactflow.telescope.stages.setup import Setup, make_setup
from iactflow.telescope.stages.showers import LitShower

__all__ = ["angle_deg", "file_settings", "lit_shower", "match_telescopes", "open_iact_file"]

LOGGER = logging.getLogger("iactflow")
PARTICLES = {**{name: (number,) for name, number in PARTICLE_ID.items()}, "muon": (5, 6)}
# Telescopes, and the observation level, are those of the file up to this.
TOLERANCE_M = 1.0
# Directions in the files are in single precision.
SAME_DEG = 0.01
# Event numbers are 100 times that of the shower plus the re-use.
MOST_REUSES = 100


def open_iact_file(inputs, params, wildcards) -> tuple[Setup, Iterator[LitShower]]:
    """Open a CORSIKA IACT file for the telescopes of a production.

    Parameters
    ----------
    inputs : namespace
        ``photons``: the file; ``instrument``: files of instrument and atmospheres; ``conditions``:
        nothing.
    params : namespace
        ``settings``: block of the production; ``seed``.
    wildcards : namespace
        ``run``.

    Returns
    -------
    setup : Setup
        Array and air; what was thrown stands in its settings. Light that has no wavelength is in
        the band of the file.
    showers : iterator of LitShower
        Showers in the order of the file; what it does not tell is not a number.

    Raises
    ------
    InputError
        If the file is broken, lacks a telescope of the array, was made for another particle or
        height, or does not say what was thrown; the first and the last also while iterating.
    """
    path = inputs.photons
    run, showers = read_corsika(path)
    settings = file_settings(params.settings, run)
    asked = SimpleNamespace(settings=settings, seed=params.seed, showers=(1, run.thrown.n_showers))
    setup = replace(
        make_setup(inputs, asked, wildcards),
        band_nm=(run.wavelength_min_nm, run.wavelength_max_nm),
    )
    if run.run_number != setup.run:
        raise InputError(path, "run", run.run_number, str(setup.run))
    return setup, _lit_showers(path, run, showers, setup)


def file_settings(settings: Mapping, run: CorsikaRun) -> dict:
    """Settings of a production with what the headers of a file say of its primaries.

    Parameters
    ----------
    settings : mapping
        Block of the production.
    run : CorsikaRun
        Run of the file.

    Returns
    -------
    dict
        The block with the keys that a production of our own showers has.

    Raises
    ------
    InputError
        If the file was made for another particle, or does not say from where primaries come and
        onto which disk their cores fall.
    """
    thrown = run.thrown
    _check_thrown(settings["particle"], run)
    alt_deg, az_deg = _pointing_deg(settings, thrown.direction_deg)
    flight = direction_of_flight(*thrown.direction_deg)
    offset_deg = angle_deg(direction_of_flight(alt_deg, az_deg), flight)
    viewcone_deg = thrown.viewcone_deg[1]
    if offset_deg < SAME_DEG:
        offset_deg = 0.0
    elif viewcone_deg > 0.0:
        allowed = f"the axis of the cone: altitude, azimuth {thrown.direction_deg}"
        raise InputError(run.path, "pointing", (alt_deg, az_deg), allowed)
    return {
        **settings,
        "particle_id": thrown.particle_id,
        "energy_min_tev": thrown.energy_min_tev,
        "energy_max_tev": thrown.energy_max_tev,
        "spectral_index": -thrown.slope,
        "zenith_deg": 90.0 - alt_deg,
        "azimuth_deg": az_deg,
        "offset_deg": offset_deg,
        "viewcone_deg": viewcone_deg,
        "core_radius_max_m": thrown.scatter_m[0],
        "shower_reuse": thrown.n_reuse,
    }


def _check_thrown(particle, run):
    """Headers must describe what our tables can: one kind of particle, a full cone, a disk."""
    thrown, path = run.thrown, run.path
    if thrown.particle_id not in PARTICLES[particle]:
        wanted = f"{' or '.join(map(str, PARTICLES[particle]))} ({particle})"
        raise InputError(path, "particle", thrown.particle_id, wanted)
    if run.efficiencies:
        allowed = "photons as they were emitted: the detector applies extinction and efficiencies"
        raise InputError(path, "CERQEF", ", ".join(run.efficiencies), allowed)
    if not 1 <= thrown.n_reuse <= MOST_REUSES:
        raise InputError(path, "re-uses", thrown.n_reuse, f"1 to {MOST_REUSES}")
    if thrown.scatter_m[1] != 0.0:
        raise InputError(path, "CSCAT", thrown.scatter_m, "cores in a disk: a radius and 0")
    if thrown.direction_deg is None:
        allowed = "primaries from one direction, or from a view cone around one"
        raise InputError(path, "THETAP, PHIP", "ranges", allowed)
    inner, outer = thrown.viewcone_deg
    if inner != 0.0:
        raise InputError(path, "VIEWCONE", thrown.viewcone_deg, "a full cone: 0 and its angle")
    if particle == "gamma" and outer > 0.0:
        raise InputError(path, "VIEWCONE", thrown.viewcone_deg, "0, or particle: gamma_diffuse")
    if particle == "gamma_diffuse" and outer == 0.0:
        raise InputError(path, "VIEWCONE", thrown.viewcone_deg, "above 0, or particle: gamma")


def _pointing_deg(settings, direction_deg):
    """Pointing that the campaign gives, else towards the primaries."""
    if settings["zenith_deg"] is None:
        return direction_deg
    return 90.0 - settings["zenith_deg"], settings["azimuth_deg"]


def angle_deg(one: Sequence[float], other: Sequence[float]) -> float:
    """Angle between two directions.

    Parameters
    ----------
    one, other : sequence of three float
        Directions, of any length.

    Returns
    -------
    float
        Angle in deg, exact also where it is small.
    """
    across = np.linalg.norm(np.cross(one, other))
    return float(np.degrees(np.arctan2(across, np.dot(one, other))))


def match_telescopes(run: CorsikaRun, setup: Setup) -> list[int]:
    """Telescopes of a file that stand where those of the array do.

    Parameters
    ----------
    run : CorsikaRun
        Run of the file.
    setup : Setup
        Array.

    Returns
    -------
    list of int
        Place in the file of each telescope of the array.

    Raises
    ------
    InputError
        If the file was made for another height, or has none within a metre of a telescope.
    """
    level = setup.instrument.site.altitude_m
    if abs(run.observation_level_m - level) > TOLERANCE_M:
        raise InputError(run.path, "observation level", run.observation_level_m, f"{level} m")
    places = []
    for telescope, centre, radius in zip(
        setup.instrument.telescopes, setup.centres_m, setup.radii_m, strict=True
    ):
        distances = np.linalg.norm(run.telescopes_m[:, :3] - centre, axis=1)
        place = int(distances.argmin())
        if distances[place] > TOLERANCE_M:
            x, y, z = centre
            raise InputError(
                run.path,
                f"telescope {telescope.tel_id} ({telescope.name})",
                f"none nearer than {distances[place]:.1f} m",
                f"a sphere within {TOLERANCE_M:g} m of x {x:.2f}, y {y:.2f}, z {z:.2f} m",
            )
        if run.telescopes_m[place, 3] < radius - TOLERANCE_M:
            LOGGER.warning(
                "%s: the sphere of telescope %d has a radius of %.2f m, less than %.2f m: light "
                "that falls beside it is missing",
                *(run.path, telescope.tel_id, run.telescopes_m[place, 3], radius),
            )
        places.append(place)
    left = sorted(set(range(len(run.telescopes_m))) - set(places))
    if left:
        listed = ", ".join(map(str, left))
        LOGGER.info("%s: telescopes without a counterpart, by place: %s", run.path, listed)
    return places


def lit_shower(
    shower: CorsikaShower, setup: Setup, places: Iterable[int], offset_deg: float
) -> LitShower:
    """A shower of CORSIKA as the detector takes it.

    Parameters
    ----------
    shower : CorsikaShower
        The shower.
    setup : Setup
        Array.
    places : iterable of int
        Place in the file of each telescope of the array.
    offset_deg : float
        Angle of its direction from the pointing.

    Returns
    -------
    LitShower
        What the file does not tell is not a number. Photons have no wavelength, also where CORSIKA
        drew one: it did not apply it, so the detector draws it together with its response.
    """
    thrown = Thrown(
        shower.event_number,
        shower.particle_id,
        shower.energy_tev,
        shower.altitude_deg,
        shower.azimuth_deg,
        offset_deg,
        tuple(shower.direction.tolist()),
        np.asarray(shower.cores_m, dtype=np.float64),
    )
    placed = list(zip(setup.tel_ids, places, strict=True))
    photons = tuple(
        {tel_id: by_place.get(place, empty_photons(0)) for tel_id, place in placed}
        for by_place in shower.photons
    )
    for by_telescope in photons:
        for bunches in by_telescope.values():
            bunches[:, WAVELENGTH_NM] = 0.0
    none = np.empty(0, dtype=np.float32)
    return LitShower(thrown, shower.first_interaction_m, np.nan, np.nan, none, none, photons)


def _lit_showers(path, run, showers, setup):
    places = match_telescopes(run, setup)
    settings, before = setup.settings, 0
    pointing = direction_of_flight(setup.alt_deg, setup.az_deg)
    for shower in showers:
        event = f"event {shower.event_number}"
        if shower.event_number <= before:
            raise InputError(path, "event number", shower.event_number, f"above {before}")
        before = shower.event_number
        if shower.particle_id != setup.particle_id:
            raise InputError(path, f"{event}, particle", shower.particle_id, str(setup.particle_id))
        if len(shower.cores_m) != settings["shower_reuse"]:
            allowed = str(settings["shower_reuse"])
            raise InputError(path, f"{event}, re-uses", len(shower.cores_m), allowed)
        if np.any(shower.weights != 1.0):
            allowed = "1: cores drawn uniformly"
            raise InputError(path, f"{event}, weight of a core", shower.weights.min(), allowed)
        offset_deg = angle_deg(pointing, shower.direction)
        largest = settings["viewcone_deg"] or settings["offset_deg"]
        if offset_deg > largest + SAME_DEG:
            raise InputError(path, f"{event}, angle from the pointing", offset_deg, f"{largest}")
        yield lit_shower(shower, setup, places, offset_deg)
