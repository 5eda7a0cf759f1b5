"""Our showers for a primary of a CORSIKA file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from iactflow.atmosphere.table import SPEED_OF_LIGHT_M_NS, AtmosphereTable, height_m
from iactflow.campaign.philox import new_state
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.io.corsika import CorsikaRun, CorsikaShower
from iactflow.shower.air import ELECTRON_MASS_MEV
from iactflow.shower.cascade import Cascade, CascadeSettings, Primary, cascade_steps, step_buffer
from iactflow.shower.collect import CollectedPhotons, collect_photons
from iactflow.shower.light import make_light_yield
from iactflow.shower.physics_tables import make_physics_tables
from iactflow.shower.secondaries import pair_part
from iactflow.shower.species import ELECTRON, GAMMA, MU_MINUS, MU_PLUS, POSITRON
from iactflow.shower.spheres import make_spheres, sphere_states

__all__ = ["cascade_settings", "check_supported", "is_forced", "our_showers", "start_height_m"]

COMPARED = (GAMMA, POSITRON, ELECTRON, MU_PLUS, MU_MINUS)
PARTICLES = "1 gamma, 2 positron, 3 electron, 5 and 6 muons: hadrons are not compared"
# Cuts below this change no light: electrons must have more than 20 MeV to radiate.
LEAST_CUT_MEV = 10.0
# A header height this near to FIXHEI was forced.
FORCED_WITHIN_M = 10.0
# Starting heights above this part of the table's top are the top itself: nothing happens between.
TOP_PART = 0.8
# Ours of one of theirs in the numbering of random streams.
MOST_OF_ONE = 10**7


def check_supported(run: CorsikaRun, shower: CorsikaShower | None = None) -> None:
    """Check that our showers can be compared.

    Parameters
    ----------
    run : CorsikaRun
        Run.
    shower : CorsikaShower, optional
        A shower of it.

    Raises
    ------
    InputError
        If efficiencies were applied to the photons, or the primary is not simulated here.
    """
    if run.efficiencies:
        allowed = "photons without losses (CERQEF F F F)"
        raise InputError(run.path, "CERQEF", ", ".join(run.efficiencies), allowed)
    if shower is not None and shower.particle_id not in COMPARED:
        key = f"primary of event {shower.event_number}"
        raise InputError(run.path, key, shower.particle_id, PARTICLES)


def cascade_settings(run: CorsikaRun) -> CascadeSettings:
    """Settings of our cascades: the cuts and the magnetic field of a file.

    Parameters
    ----------
    run : CorsikaRun
        Run.

    Returns
    -------
    CascadeSettings
        Cuts not below 10 MeV.
    """
    electrons, photons = (max(1000.0 * cut, LEAST_CUT_MEV) for cut in run.cuts_gev[2:])
    return CascadeSettings(
        electron_cut_mev=electrons, photon_cut_mev=photons, magnetic_field_ut=run.magnetic_ut
    )


def is_forced(run: CorsikaRun, shower: CorsikaShower) -> bool:
    """Whether the first interaction was forced to a height (``FIXHEI``).

    Parameters
    ----------
    run : CorsikaRun
        Run.
    shower : CorsikaShower
        Shower.

    Returns
    -------
    bool
        Only if the height in the shower's header is that of the card.
    """
    given = run.fixed_height_m
    return given > 0.0 and abs(shower.first_interaction_m - given) < FORCED_WITHIN_M


def start_height_m(shower: CorsikaShower, table: AtmosphereTable) -> float | None:
    """Height at which our primary starts.

    Parameters
    ----------
    shower : CorsikaShower
        Shower.
    table : AtmosphereTable
        Atmosphere.

    Returns
    -------
    float or None
        Height above sea level; None: the top of the atmosphere.
    """
    height = shower.starting_height_m
    if shower.starting_depth_g_cm2 > 0.0:
        height = height_m(table, shower.starting_depth_g_cm2)
    return float(height) if 0.0 < height < TOP_PART * table.top_m else None


def our_showers(
    run: CorsikaRun,
    shower: CorsikaShower,
    table: AtmosphereTable,
    streams: tuple[int, int],
    n: int,
    part: float = 1.0,
) -> Iterator[CollectedPhotons]:
    """Simulate the primary of a shower many times.

    Parameters
    ----------
    run : CorsikaRun
        Run.
    shower : CorsikaShower
        Shower.
    table : AtmosphereTable
        Atmosphere.
    streams : tuple of two int
        Seed and number of the file: with the event's number they name the random streams.
    n : int
        Showers.
    part : float, optional
        Part of the photons that is drawn.

    Yields
    ------
    CollectedPhotons
        Photons of the file's band at its spheres, unattenuated, with weight 1.

    Raises
    ------
    InputError
        If the zenith angle is above 60 deg or the primary otherwise outside what is simulated.
    """
    settings, buffer = cascade_settings(run), step_buffer()
    light = make_light_yield(run.wavelength_min_nm, run.wavelength_max_nm)
    light = light._replace(photons_per_m=light.photons_per_m * part)
    seed, file_number = streams
    spheres = make_spheres(run.telescopes_m[:, :3], run.telescopes_m[:, 3], shower.cores_m)
    primary = Primary(
        shower.particle_id,
        shower.energy_tev,
        # Angles are in single precision: 60 deg of zenith angle may be a little more.
        round(shower.altitude_deg, 4),
        shower.azimuth_deg,
        start_height_m(shower, table),
    )
    telescopes = range(1, len(run.telescopes_m) + 1)
    forced = shower.particle_id == GAMMA and is_forced(run, shower)
    for m in range(n):
        place = ("corsika", file_number, shower.event_number * MOST_OF_ONE + m)
        words = StreamKey(seed, "shower", *place).words()
        if forced:
            first = StreamKey(seed, "first_interaction", *place).words()
            particles = _pair(primary, run.fixed_height_m, table, settings, first)
            cascade = Cascade(particles, table, settings, words, buffer)
        else:
            cascade = cascade_steps(primary, table, settings, words, buffer)
        states = sphere_states(seed, *place, len(shower.cores_m), telescopes)
        yield collect_photons(cascade, spheres, light, table, states, run.refraction)


def _pair(primary, height, table, settings, words):
    """Electron and positron of a photon that converts at a height, along its direction."""
    energy = 1.0e6 * primary.energy_tev
    part = pair_part(energy, make_physics_tables(settings).constants, new_state(words))
    ux, uy, uz = primary.direction
    z = height - table.observation_level_m
    distance = z / -uz
    start = (-distance * ux, -distance * uy, z, -distance / SPEED_OF_LIGHT_M_NS, ux, uy, uz)
    return np.array(
        [
            (kind, share * energy - ELECTRON_MASS_MEV, *start)
            for kind, share in ((ELECTRON, part), (POSITRON, 1.0 - part))
        ]
    )
