"""Cascades in air, particle by particle: from a primary to steps of light.

The kernels are in `kernel`, `transport`, `heavy`, `interactions`, `collide`, `decays`,
`secondaries` and `scattering`; this is what the rest of the package calls.
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
from iactflow.shower.column import LEAST_DEPTH_G_CM2, make_column
from iactflow.shower.hadron_models import NO_POOL, HadronModels
from iactflow.shower.kernel import COLLIDES, EMPTY, NO_ROOM, STRAY, advance, put, put_secondaries
from iactflow.shower.particles import (
    FIRST_Z,
    INTERACTED,
    KIND,
    KINETIC,
    MOST_SECONDARIES,
    N_LEVELS,
    N_ROWS,
    N_STACK,
    N_STEPS,
    STACK_ROOM,
    TRACK,
    WORK,
)
from iactflow.shower.physics_tables import make_physics_tables
from iactflow.shower.settings import CascadeSettings, Primary
from iactflow.shower.species import PION_PLUS, mass_mev, rest_energy_mev
from iactflow.shower.steps import N_COLUMNS

__all__ = [
    "Cascade",
    "CascadeSettings",
    "Primary",
    "ShowerSummary",
    "available_energy_mev",
    "cascade_steps",
    "step_buffer",
]

TALLIES = (
    "deposited",
    "below_cut_electrons",
    "below_cut_photons",
    "below_cut_hadrons",
    "ground",
    "top",
    "hadronic",
    "neutrinos",
)
LEAST_ROWS = 16
AT_ONCE = 256  # of the particles that a cascade starts with


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
        below_cut_electrons (with muons), below_cut_photons, below_cut_hadrons, ground, top,
        hadronic (what nuclei of the air keep, less what they lend), neutrinos. Masses of produced
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


def _start(primary: Primary, table: AtmosphereTable, ground: float, top: float) -> np.ndarray:
    """Particle for `Cascade` of a primary."""
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
    kinetic = primary.energy_tev * 1e6 - mass_mev(float(primary.particle_id))
    place_and_time = (-distance * ux, -distance * uy, z, -distance / SPEED_OF_LIGHT_M_NS)
    return np.array([primary.particle_id, kinetic, *place_and_time, ux, uy, uz])


class Cascade:
    """A cascade as an iterator of steps.

    Parameters
    ----------
    particles : ndarray of float64, shape (n, 9)
        Particles it starts with: CORSIKA's number, kinetic energy in MeV, x, y, z in m above the
        observation level, time in ns, direction of flight (three). The profile counts along the
        direction of the first.
    table : AtmosphereTable
        Atmosphere.
    settings : CascadeSettings
        Cuts, steps, channels.
    key_words : ndarray of uint64, shape (2,)
        Of the stream of random numbers.
    buffer : ndarray of float64, shape (n, 11)
        Room for steps, written again and again.
    hadrons : HadronModels, optional
        Models of hadronic interactions; None: hadrons are not followed.
    generator : numpy.random.Generator, optional
        For interactions above the energies of the pool.

    Raises
    ------
    InputError
        If the buffer has the wrong shape or is too small, a particle has a number that is not
        finite, or is a hadron without models for it.
    """

    def __init__(self, particles, table, settings, key_words, buffer, hadrons=None, generator=None):
        if buffer.ndim != 2 or buffer.shape[1] != N_COLUMNS or buffer.shape[0] < LEAST_ROWS:
            allowed = f"(n, {N_COLUMNS}) with n at least {LEAST_ROWS}"
            raise InputError("cascade", "shape of the buffer", buffer.shape, allowed)
        self._table, self._settings, self._steps = table, settings, buffer
        self._waiting = np.atleast_2d(np.asarray(particles, dtype=float))
        if not np.isfinite(self._waiting).all():
            raise InputError("cascade", "particles", particles, "finite numbers")
        if (self._waiting[:, 0] >= PION_PLUS).any() and (hadrons is None or generator is None):
            allowed = "models of hadronic interactions and a generator for hadrons"
            raise InputError("cascade", "hadrons", hadrons, allowed)
        self._hadrons, self._generator = hadrons, generator
        self._pool = NO_POOL if hadrons is None else hadrons.pool
        self._spilled: list[np.ndarray] = []
        self._works = np.empty(1, dtype=WORK)
        work = self._works[0]
        column, log_low, per_unit = make_column(
            table, settings.electron_cut_mev, settings.photon_cut_mev, settings.drop_dark
        )
        ground = thickness_g_cm2(table, table.observation_level_m)
        per_slant = 1.0 / (max(-self._waiting[0, 8], 0.1) * settings.profile_step_g_cm2)
        self._n_levels = min(int(ground * per_slant) + 1, N_LEVELS)
        work["column"] = column
        work["grid"] = log_low, per_unit
        work["limits"] = np.exp(log_low), ground, per_slant
        work["state"] = new_state(key_words)
        for name in ("counts", "tally", "profile"):
            work[name] = 0
        # Two are the most that anything but a hadron makes.
        work["counts"][MOST_SECONDARIES] = 2 if hadrons is None else hadrons.most_secondaries + 2
        work["hadron_cut"] = 0.0 if hadrons is None else hadrons.kinetic_cut_mev
        for name, values in make_physics_tables(settings)._asdict().items():
            work[name] = values

    def __iter__(self) -> Iterator[np.ndarray]:
        counts = self._works[0]["counts"]
        outcome = EMPTY
        while outcome != EMPTY or self._refill():
            outcome = advance(self._works, self._steps, self._pool)
            if outcome == STRAY:
                flying = self._works[0]["flying"][:10].tolist()
                raise RuntimeError(f"a particle of the cascade lost its way: {flying}")
            if outcome == COLLIDES:
                self._collide()
            if outcome == NO_ROOM:
                self._spill(STACK_ROOM // 2)
            if counts[N_ROWS]:
                yield self._steps[: counts[N_ROWS]]

    def _refill(self) -> bool:
        """Put particles that wait on the empty stack; whether there were any."""
        work = self._works[0]
        if self._spilled:
            block = self._spilled.pop()
            work["stack"][: len(block)] = block
            work["counts"][N_STACK] = len(block)
            return True
        for particle in self._waiting[:AT_ONCE]:
            depth = thickness_g_cm2(self._table, self._table.observation_level_m + particle[4])
            put(self._works, np.append(particle, depth))
        self._waiting = self._waiting[AT_ONCE:]
        return bool(work["counts"][N_STACK])

    def _spill(self, n: int) -> None:
        """Take the lowest of the stack away until the rest has been followed: order stays."""
        work = self._works[0]
        stack, height = work["stack"], work["counts"][N_STACK]
        n = min(n, int(height))
        self._spilled.append(stack[:n].copy())
        stack[: height - n] = stack[n:height].copy()
        work["counts"][N_STACK] -= n

    def _collide(self) -> None:
        """Generate the interaction of the flying hadron, and put its secondaries on the stack."""
        flying = self._works[0]["flying"]
        kind, kinetic = int(flying[KIND]), float(flying[KINETIC])
        secondaries = self._hadrons.interact(kind, kinetic, self._generator)
        done = put_secondaries(self._works, secondaries, 0)
        while done < len(secondaries):
            self._spill(STACK_ROOM)
            done = put_secondaries(self._works, secondaries, done)

    @property
    def summary(self) -> ShowerSummary:
        """What was summed up; complete when the iterator has ended."""
        work, step = self._works[0], self._settings.profile_step_g_cm2
        tally, height = work["tally"], self._table.observation_level_m
        if work["counts"][INTERACTED]:
            height += tally[FIRST_Z]
        return ShowerSummary(
            float(height),
            step * np.arange(1, self._n_levels),
            work["profile"][1 : self._n_levels].copy(),
            {name: float(value) for name, value in zip(TALLIES, tally, strict=False)},
            float(tally[TRACK]),
            int(work["counts"][N_STEPS]),
        )


def cascade_steps(
    primary: Primary,
    table: AtmosphereTable,
    settings: CascadeSettings,
    key_words: np.ndarray,
    buffer: np.ndarray,
    hadrons: HadronModels | None = None,
    generator: np.random.Generator | None = None,
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
    hadrons : HadronModels, optional
        Models of hadronic interactions, for hadrons and, where `settings` say so, for photons.
    generator : numpy.random.Generator, optional
        ``StreamKey(stage="hadron_interactions", ...).generator()``: interactions above the
        energies of the pool draw from it, in the order in which the shower comes to them.

    Returns
    -------
    Cascade
        Iterate over it for views of the buffer, valid until the next one; then ask its `summary`.

    Raises
    ------
    InputError
        If the start is outside the atmosphere, or the primary a hadron without models for it.
    """
    ground = thickness_g_cm2(table, table.observation_level_m)
    particle = _start(primary, table, ground, LEAST_DEPTH_G_CM2)
    return Cascade(particle, table, settings, key_words, buffer, hadrons, generator)


def available_energy_mev(primary: Primary) -> float:
    """Energy that a primary brings in, as the tally counts it.

    Parameters
    ----------
    primary : Primary
        Particle.

    Returns
    -------
    float
        Kinetic energy in MeV, plus the mass of muons and mesons, plus two masses of positrons and
        antibaryons.
    """
    kind = float(primary.particle_id)
    return primary.energy_tev * 1e6 - mass_mev(kind) + rest_energy_mev(kind)
