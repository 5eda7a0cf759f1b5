"""Electromagnetic cascades in air, particle by particle: from a primary to steps of light.

The kernels are in `kernel`, `transport`, `interactions`, `secondaries` and `scattering`; this is
what the rest of the package calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from iactflow.atmosphere.table import (
    SPEED_OF_LIGHT_M_NS,
    AtmosphereTable,
    thickness_g_cm2,
)
from iactflow.campaign.philox import new_state
from iactflow.errors import InputError
from iactflow.shower.air import ELECTRON_MASS_MEV
from iactflow.shower.column import LEAST_DEPTH_G_CM2, make_column
from iactflow.shower.kernel import EMPTY, NO_ROOM, advance
from iactflow.shower.particles import (
    FIRST_Z,
    INTERACTED,
    KIND,
    KINETIC,
    KINETIC_START,
    LIFE,
    N_FIELDS,
    N_ROWS,
    N_STACK,
    N_STEPS,
    PATHS,
    TIME,
    TRACK,
    UX,
    UZ,
    Scene,
    X,
    Z,
    place,
)
from iactflow.shower.physics_tables import make_physics_tables
from iactflow.shower.settings import MASS_MEV, POSITRON, CascadeSettings, Primary
from iactflow.shower.steps import N_COLUMNS

__all__ = [
    "Cascade",
    "CascadeSettings",
    "Primary",
    "ShowerSummary",
    "cascade_steps",
    "start_stack",
    "step_buffer",
]

TALLIES = (
    "deposited",
    "below_cut_electrons",
    "below_cut_photons",
    "ground",
    "top",
    "hadronic",
    "neutrinos",
)
LEAST_ROWS = 16
STACK_ROOM = 4096


def step_buffer(n_rows: int = 4096) -> np.ndarray:
    """Room for steps, to be used again for every shower.

    Parameters
    ----------
    n_rows : int
        Number of steps: some thousand stay in the processor's cache.

    Returns
    -------
    ndarray of float64, shape (n, 11)
        Zeros; columns as in `iactflow.shower.steps`.
    """
    return np.zeros((n_rows, N_COLUMNS))


class ShowerSummary(NamedTuple):
    """What a cascade sums up.

    Attributes
    ----------
    h_first_m : float
        Height above sea level of the first interaction; that of the observation level without one.
    depth_g_cm2 : ndarray, shape (n,)
        Slant depths at which charged particles are counted.
    n_charged : ndarray, shape (n,)
        Charged particles above the cut that cross them.
    energy_mev : dict of str to float
        Where the energy went: deposited (collisions and radiation below the cuts),
        below_cut_electrons, below_cut_photons, ground, top, hadronic, neutrinos. Masses of produced
        particles are with the particles.
    track_g_cm2 : float
        Track length of charged particles above the cut.
    n_steps : int
        Steps of charged particles, recorded or not.
    """

    h_first_m: float
    depth_g_cm2: np.ndarray
    n_charged: np.ndarray
    energy_mev: dict
    track_g_cm2: float
    n_steps: int

    @property
    def x_max_g_cm2(self) -> float:
        """Slant depth of the maximum of the parabola in log N through the bins above 70 % of it."""
        return maximum(self.depth_g_cm2, self.n_charged)[0]

    @property
    def n_max(self) -> float:
        """Charged particles at the maximum of that parabola."""
        return maximum(self.depth_g_cm2, self.n_charged)[1]


def maximum(depth, number):
    """Position and height of the maximum of a longitudinal profile.

    Parameters
    ----------
    depth, number : ndarray, shape (n,)
        Depths, particles.

    Returns
    -------
    tuple of float
        Depth and number; NaN without particles, the highest bin where no parabola opens downward.
    """
    if not number.size or number.max() <= 0.0:
        return np.nan, np.nan
    peak = int(number.argmax())
    high = number > 0.7 * number[peak]
    low, up = peak, peak
    while low > 0 and high[low - 1]:
        low -= 1
    while up + 1 < number.size and high[up + 1]:
        up += 1
    if up - low >= 3:
        x = depth[low : up + 1] - depth[peak]
        a, b, c = np.polyfit(x, np.log(number[low : up + 1]), 2)
        if a < 0.0:
            return float(depth[peak] - b / (2.0 * a)), float(np.exp(c - b * b / (4.0 * a)))
    return float(depth[peak]), float(number[peak])


def start_stack(particles: np.ndarray, room: int = STACK_ROOM) -> np.ndarray:
    """Stack for a cascade that starts with many particles.

    Parameters
    ----------
    particles : ndarray of float64, shape (n, 9)
        Particle (CORSIKA's number), kinetic energy in MeV, x, y, z in m above the observation
        level, time in ns, direction of flight (three).
    room : int
        Room for secondaries.

    Returns
    -------
    ndarray of float64, shape (n + room, 19)
        For `Cascade`.
    """
    particles = np.atleast_2d(np.asarray(particles, dtype=float))
    stack = np.empty((len(particles) + room, N_FIELDS))
    filled = stack[: len(particles)]
    filled[:] = 0.0
    filled[:, KIND], filled[:, KINETIC] = particles[:, 0], particles[:, 1]
    filled[:, KINETIC_START] = particles[:, 1]
    filled[:, X : Z + 1] = particles[:, 2:5]
    filled[:, TIME] = particles[:, 5]
    filled[:, UX : UZ + 1] = particles[:, 6:9]
    filled[:, PATHS] = filled[:, LIFE] = -1.0
    return stack


def _start(primary: Primary, table: AtmosphereTable, ground: float, top: float) -> np.ndarray:
    """Row of `start_stack` of a primary."""
    ux, uy, uz = primary.direction
    level = table.observation_level_m
    if primary.start_height_m is not None:
        if not level < primary.start_height_m <= table.top_m:
            allowed = f"above the observation level {level:g} m, up to {table.top_m:g} m"
            raise InputError("primary", "start_height_m", primary.start_height_m, allowed)
        height = primary.start_height_m
    else:
        depth = -uz * primary.start_depth_g_cm2
        if depth >= ground:
            allowed = f"less than {ground / -uz:.1f}, the depth of the ground"
            raise InputError("primary", "start_depth_g_cm2", primary.start_depth_g_cm2, allowed)
        height = table.top_m
        if depth > top:
            # The thickness falls with height: bisect it, so that both agree.
            below, above = level, table.top_m
            for _ in range(60):
                height = 0.5 * (below + above)
                if thickness_g_cm2(table, height) > depth:
                    below = height
                else:
                    above = height
    z = height - level
    distance = z / -uz
    kinetic = primary.energy_tev * 1e6 - MASS_MEV[primary.particle_id]
    place_and_time = (-distance * ux, -distance * uy, z, -distance / SPEED_OF_LIGHT_M_NS)
    return np.array([primary.particle_id, kinetic, *place_and_time, ux, uy, uz])


class Cascade:
    """A cascade as an iterator of steps.

    Parameters
    ----------
    particles : ndarray of float64, shape (n, 9)
        As for `start_stack`; the profile counts along the direction of the first.
    table : AtmosphereTable
        Atmosphere.
    settings : CascadeSettings
        Cuts, steps, channels.
    key_words : ndarray of uint64, shape (2,)
        Of the stream of random numbers.
    buffer : ndarray of float64, shape (n, 11)
        Room for steps, written again and again.

    Raises
    ------
    InputError
        If the buffer has the wrong shape or is too small.
    """

    def __init__(self, particles, table, settings, key_words, buffer):
        if buffer.ndim != 2 or buffer.shape[1] != N_COLUMNS or buffer.shape[0] < LEAST_ROWS:
            allowed = f"(n, {N_COLUMNS}) with n at least {LEAST_ROWS}"
            raise InputError("cascade", "shape of the buffer", buffer.shape, allowed)
        self._table, self._settings = table, settings
        column, log_low, per_unit = make_column(
            table, settings.electron_cut_mev, settings.photon_cut_mev, settings.drop_dark
        )
        top, ground = np.exp(log_low), thickness_g_cm2(table, table.observation_level_m)
        particles = np.atleast_2d(np.asarray(particles, dtype=float))
        slope = max(-particles[0, 8], 0.1)
        self._slope = slope
        limits = np.array([top, ground, 1.0 / (slope * settings.profile_step_g_cm2)])
        physics = make_physics_tables(settings)
        grid = np.array([log_low, per_unit])
        stack = start_stack(particles)
        for row in stack[: len(particles)]:
            height = table.observation_level_m + row[Z]
            z = row[Z]
            place(row, max(thickness_g_cm2(table, height), top * (1.0 + 1e-9)), column, grid)
            row[Z] = z
        counts = np.zeros(5, dtype=np.int64)
        counts[N_STACK] = len(particles)
        n_levels = int(ground * limits[2]) + 1
        self._scene = Scene(
            column, grid, limits, *physics, new_state(key_words), stack, np.zeros(9),
            np.zeros(n_levels), counts, buffer, np.zeros(N_FIELDS),
        )  # fmt: skip
        self._ended = False

    def __iter__(self) -> Iterator[np.ndarray]:
        while not self._ended:
            outcome = advance(self._scene)
            if outcome == NO_ROOM:
                larger = np.empty((2 * len(self._scene.stack), N_FIELDS))
                larger[: len(self._scene.stack)] = self._scene.stack
                self._scene = self._scene._replace(stack=larger)
            self._ended = outcome == EMPTY
            n_rows = int(self._scene.counts[N_ROWS])
            if n_rows:
                yield self._scene.steps[:n_rows]

    @property
    def summary(self) -> ShowerSummary:
        """What was summed up; complete when the iterator has ended."""
        scene, step = self._scene, self._settings.profile_step_g_cm2
        tally = scene.tally
        height = self._table.observation_level_m
        if scene.counts[INTERACTED]:
            height += tally[FIRST_Z]
        return ShowerSummary(
            float(height),
            step * np.arange(1, scene.profile.size),
            scene.profile[1:].copy(),
            {name: float(value) for name, value in zip(TALLIES, tally, strict=False)},
            float(tally[TRACK]),
            int(scene.counts[N_STEPS]),
        )


def cascade_steps(
    primary: Primary,
    table: AtmosphereTable,
    settings: CascadeSettings,
    key_words: np.ndarray,
    buffer: np.ndarray,
) -> Cascade:
    """Follow a primary particle and all that it makes.

    Parameters
    ----------
    primary : Primary
        Particle, energy, direction, start.
    table : AtmosphereTable
        Atmosphere, with the observation level.
    settings : CascadeSettings
        Cuts, steps, channels.
    key_words : ndarray of uint64, shape (2,)
        ``StreamKey(stage="shower", ...).words()``.
    buffer : ndarray of float64, shape (n, 11)
        From `step_buffer`.

    Returns
    -------
    Cascade
        Iterate over it for views of the buffer, valid until the next one; then ask its `summary`.

    Raises
    ------
    InputError
        If the start is outside the atmosphere.
    """
    ground = thickness_g_cm2(table, table.observation_level_m)
    particle = _start(primary, table, ground, LEAST_DEPTH_G_CM2)
    return Cascade(particle, table, settings, key_words, buffer)


def available_energy_mev(primary: Primary) -> float:
    """Energy that a primary brings in, as the tally counts it.

    Parameters
    ----------
    primary : Primary
        Particle.

    Returns
    -------
    float
        Kinetic energy in MeV, plus a muon's mass, plus two electron masses for a positron.
    """
    energy = primary.energy_tev * 1e6
    if primary.particle_id == POSITRON:
        return energy + ELECTRON_MASS_MEV
    return energy - (ELECTRON_MASS_MEV if primary.particle_id == 3 else 0.0)
