"""Air, steps and an obvious numpy version of the emission, for the tests of Cherenkov light."""

from __future__ import annotations

import numpy as np

from iactflow.atmosphere.profile import AtmosphereProfile
from iactflow.atmosphere.table import SPEED_OF_LIGHT_M_NS, make_table
from iactflow.campaign.philox import new_state
from iactflow.campaign.streams import StreamKey
from iactflow.shower.brute_force import emit_brute_force
from iactflow.shower.collect import group_photons
from iactflow.shower.photons import empty_photons
from iactflow.shower.steps import N_COLUMNS

SCALE_M = 8000.0
SEA_LEVEL = 2.83e-4
LEVEL_M = 1800.0


def air_table(scale_m=SCALE_M, sea_level=SEA_LEVEL):
    """Exponential atmosphere over 1800 m."""
    height = np.linspace(0.0, 60.0e3, 121)
    fall = np.exp(-height / scale_m)
    profile = AtmosphereProfile(height, 1.2e-3 * fall, 1030.0 * fall, sea_level * fall, "toy", "")
    return make_table(profile, LEVEL_M)


def make_step(position, direction, length, gamma_start=1e4, gamma_end=None, time_ns=0.0):
    """Make one step, as an array of shape (1, 11)."""
    direction = np.asarray(direction, dtype=float)
    direction /= np.linalg.norm(direction)
    gammas = gamma_start, gamma_start if gamma_end is None else gamma_end
    return np.array([[*position, time_ns, *direction, length, *gammas, 3.0]])


def random_steps(n, zenith_deg, seed=1):
    """Steps of a toy shower around an inclined axis through the origin."""
    draw = np.random.default_rng(seed)
    zenith = np.radians(zenith_deg)
    axis = np.array([np.sin(zenith), 0.0, -np.cos(zenith)])
    first, second = np.array([np.cos(zenith), 0.0, np.sin(zenith)]), np.array([0.0, 1.0, 0.0])
    along = draw.uniform(200.0, 12000.0, n) / np.cos(zenith)
    steps = np.zeros((n, N_COLUMNS))
    beside = draw.normal(0.0, 20.0, (2, n, 1))
    steps[:, :3] = -axis * along[:, None] + beside[0] * first + beside[1] * second
    steps[:, 3] = -along / SPEED_OF_LIGHT_M_NS
    tilt = 0.05 * draw.standard_t(2, (2, n, 1))
    direction = axis + tilt[0] * first + tilt[1] * second
    steps[:, 4:7] = direction / np.linalg.norm(direction, axis=1)[:, None]
    steps[:, 7] = draw.exponential(150.0, n)
    steps[:, 8] = 45.0 * (1.0 + draw.pareto(1.0, n))
    steps[:, 9] = np.maximum(steps[:, 8] - draw.uniform(0.0, 15.0, n), 10.0)
    steps[:, 10] = 3.0
    return steps


def all_light(steps, spheres, light, table, refraction, seed=1):
    """Draw all light by brute force."""
    state = new_state(StreamKey(seed, "brute force").words())
    photons, owners = empty_photons(4096), np.empty(4096, dtype=np.int32)
    resume, parts = np.array([0.0, 0.0, -1.0]), []
    while resume[0] < len(steps):
        n = emit_brute_force(
            steps, table, light, spheres, refraction, state, resume, photons, owners
        )
        parts.append((photons[:n].copy(), owners[:n].copy()))
    return group_photons(parts, spheres)


def hits_on_a_grid(step, centre, radius, n_s, n_phi):
    """Test straight light on a grid in path and azimuth, in the air of `air_table`.

    Returns the points of emission (n_s, 3), the heights above sea level, sin^2(theta), the
    directions (n_s, n_phi, 3) and whether each hits.
    """
    x, y, z, _, ux, uy, uz, length, gamma_0, gamma_1, _ = step
    along = np.array([ux, uy, uz])
    first = np.cross(along, [0.0, 0.0, 1.0] if abs(uz) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(along, first)
    s = (np.arange(n_s) + 0.5) / n_s * length
    phi = (np.arange(n_phi) + 0.5) / n_phi * 2.0 * np.pi
    height = z + s * uz + LEVEL_M
    gamma = gamma_0 + s / length * (gamma_1 - gamma_0)
    index = 1.0 + SEA_LEVEL * np.exp(-height / SCALE_M)
    cosine = 1.0 / (index * np.sqrt(1.0 - gamma**-2.0))
    sine_2 = np.maximum(1.0 - cosine**2, 0.0)
    cosine = np.minimum(cosine, 1.0)[:, None, None]
    ring = np.cos(phi)[:, None] * first + np.sin(phi)[:, None] * second
    rays = cosine * along + np.sqrt(1.0 - cosine**2) * ring
    start = np.array([x, y, z]) + s[:, None] * along
    to_centre = (np.asarray(centre) - start)[:, None, :]
    forward = np.sum(to_centre * rays, axis=2)
    apart = np.linalg.norm(to_centre - forward[:, :, None] * rays, axis=2)
    hit = (forward > 0.0) & (apart < radius) & (rays[:, :, 2] < -0.1) & (sine_2 > 0.0)[:, None]
    return start, height, sine_2, rays, hit


def expected_moments(step, centre, radius, light, n_s=300, n_phi=1500):
    """Integrate the light of a step that hits a sphere: number, mean of x, y and height."""
    start, height, sine_2, rays, hit = hits_on_a_grid(step, centre, radius, n_s, n_phi)
    density = light.photons_per_m[0] * sine_2 * step[7] / n_s / n_phi
    weight = np.where(hit, density[:, None], 0.0)
    down = (centre[2] - start[:, None, 2]) / np.where(hit, rays[:, :, 2], -1.0)
    total = weight.sum()
    means = [
        (weight * (start[:, None, i] + down * rays[:, :, i] - centre[i])).sum() for i in (0, 1)
    ]
    means.append((weight * height[:, None]).sum())
    return total, *(np.array(means) / max(total, 1e-300))
