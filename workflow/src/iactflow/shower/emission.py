"""Cherenkov light of steps, drawn only where a telescope can see it.

Light is emitted along a step as a Poisson process in the path s and the azimuth phi around the
particle, with the density of Frank and Tamm (`iactflow.shower.light`) and the angle theta(s) of the
local refractive index and Lorentz factor. Only a part of the plane (s, phi) can lead to a sphere of
radius R, whose centre lies zc along the step and p beside it:

- seen along the step the sphere is a disc, so ``|phi - phi_centre| <= arcsin(R / p)``;
- the distance of the centre from the nearest ray of the cone, ``p cos(theta) - (zc - s)
  sin(theta)``, rises with s and falls with theta; with bounds of theta over the step this gives an
  interval of s outside which the cone misses the sphere.

In this window the process is drawn with a constant density above the true one and thinned to it
(Lewis and Shedler, Naval Research Logistics 26 (1979) 403), and the sphere is tested exactly: what
is left is distributed as if all light had been drawn. Each sphere has a random stream of its own,
so that its light depends neither on other spheres nor on how steps and photons are buffered.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.atmosphere.table import refractivity
from iactflow.campaign.philox import uniform
from iactflow.shower.flight import (
    MIN_COS_ZENITH,
    across,
    arrive,
    meets,
    ray,
    refraction_reach_m,
    step_time_ns,
)
from iactflow.shower.light import sine_squared, surviving_fraction, wavelength_nm
from iactflow.shower.species import charge_squared
from iactflow.shower.steps import (
    GAMMA_END,
    GAMMA_START,
    LENGTH_M,
    PARTICLE,
    TIME_NS,
    UX,
    UY,
    UZ,
    X_M,
    Y_M,
    Z_M,
)

__all__ = [
    "RESUME_SIZE",
    "emit_to_spheres",
    "keep_photon",
    "local_sine_squared",
    "sine_bounds",
    "step_cone",
]

# What resumes a call: the step, the spheres of it that are done, the place in the step where the
# light of the next sphere goes on (negative: at its beginning).
RESUME_SIZE = 3
_ON_AXIS_M = 1.0e-9
# Relative to the radius: a margin for refraction that is not worth a closer look.
SMALL_MARGIN = 0.05


@jit_leaf
def local_sine_squared(step, atmosphere, s_m):
    """Square of the sine of the Cherenkov angle inside a step, and the Lorentz factor there.

    Parameters
    ----------
    step : ndarray of float64, shape (11,)
        Step.
    atmosphere : AtmosphereTable
        Atmosphere.
    s_m : float
        Path from the start of the step.

    Returns
    -------
    tuple of two float
        sin^2(theta), negative below the threshold; Lorentz factor.
    """
    gamma = step[GAMMA_START] + s_m / step[LENGTH_M] * (step[GAMMA_END] - step[GAMMA_START])
    height = step[Z_M] + s_m * step[UZ] + atmosphere.observation_level_m
    return sine_squared(refractivity(atmosphere, height), gamma), gamma


@jit_leaf
def sine_bounds(step, atmosphere, start_m, end_m):
    """Bounds of sin^2(theta) over a part of a step.

    Parameters
    ----------
    step : ndarray of float64, shape (11,)
        Step.
    atmosphere : AtmosphereTable
        Atmosphere.
    start_m, end_m : float
        Ends of the part.

    Returns
    -------
    tuple of two float
        Least and largest value; refractivity and Lorentz factor are both monotonic in a step.
    """
    height = step[Z_M] + atmosphere.observation_level_m
    index_0 = refractivity(atmosphere, height + start_m * step[UZ])
    index_1 = refractivity(atmosphere, height + end_m * step[UZ])
    slope = (step[GAMMA_END] - step[GAMMA_START]) / step[LENGTH_M]
    gamma_0 = step[GAMMA_START] + start_m * slope
    gamma_1 = step[GAMMA_START] + end_m * slope
    least = sine_squared(min(index_0, index_1), min(gamma_0, gamma_1))
    return max(0.0, least), sine_squared(max(index_0, index_1), max(gamma_0, gamma_1))


@jit_leaf
def keep_photon(
    step, atmosphere, light, spheres, refraction, margin, k, s_m, gamma, direction, state,
    envelope, out,
):  # fmt: skip
    """Follow a photon to a sphere; write it if it hits and survives.

    Parameters
    ----------
    step : ndarray of float64, shape (11,)
        Step.
    atmosphere, light, spheres : AtmosphereTable, LightYield, Spheres
        Atmosphere, yield, spheres.
    refraction : bool
        Whether light is bent.
    margin : float
        Bound on how far refraction moves the light, in m.
    k : int
        Sphere.
    s_m, gamma : float
        Where in the step the photon is emitted; the Lorentz factor there.
    direction : tuple of three float
        Direction of flight at emission.
    state : ndarray of uint64, shape (11,)
        Random stream; two words are used if the photon hits.
    envelope : float
        The photon counts with the probability of surviving times `envelope`.
    out : ndarray of float32, shape (8,)
        Photon (`iactflow.shower.photons`), written if it is kept.

    Returns
    -------
    bool
        Whether it is kept.
    """
    ux, uy, uz = direction
    x = step[X_M] + s_m * step[UX]
    y = step[Y_M] + s_m * step[UY]
    z = step[Z_M] + s_m * step[UZ]
    cx, cy, cz = spheres.x_m[k], spheres.y_m[k], spheres.z_m[k]
    vx, vy, vz = cx - x, cy - y, cz - z
    forward = vx * ux + vy * uy + vz * uz
    near = spheres.radius_m[k] + margin
    if not meets(forward, vx * vx + vy * vy + vz * vz - forward * forward, near):
        return False
    arrival = arrive(atmosphere, refraction, x, y, z, ux, uy, uz, cx, cy, cz)
    if not meets(forward, arrival[5], spheres.radius_m[k]):
        return False
    wave = wavelength_nm(light, spheres.kind[k], uniform(state))
    height = z + atmosphere.observation_level_m
    survives = surviving_fraction(light, wave, height, -uz)
    if uniform(state) >= envelope * survives:
        return False
    out[0], out[1], out[2], out[3] = arrival[0], arrival[1], arrival[2], arrival[3]
    out[4] = step[TIME_NS] + step_time_ns(s_m, step[GAMMA_START], gamma) + arrival[4]
    out[5] = height
    out[6] = wave
    out[7] = 1.0
    return True


@jit_leaf
def step_cone(step, atmosphere, refraction, highest_m):
    """Bounds of the cone of a step.

    Parameters
    ----------
    step : ndarray of float64, shape (11,)
        Step.
    atmosphere : AtmosphereTable
        Atmosphere.
    refraction : bool
        Whether light is bent.
    highest_m : float
        Largest distance of a sphere's points from the observation level.

    Returns
    -------
    tuple
        Whether any light can reach the ground; least and largest tangent of theta; largest inverse
        cosine; bound in m on how far refraction moves the light.
    """
    least, most = sine_bounds(step, atmosphere, 0.0, step[LENGTH_M])
    if most <= 0.0:
        return False, 0.0, 0.0, 0.0, 0.0
    cosine, sine = np.sqrt(1.0 - most), np.sqrt(most)
    flat = np.sqrt(max(0.0, 1.0 - step[UZ] * step[UZ]))
    # The steepest light of the cone, where the cone does not hold the vertical.
    if flat > sine and -step[UZ] * cosine + flat * sine < MIN_COS_ZENITH:
        return False, 0.0, 0.0, 0.0, 0.0
    margin = 0.0
    if refraction:
        flattest = -step[UZ] * cosine - flat * sine
        margin = refraction_reach_m(atmosphere, _top_m(step, atmosphere), flattest, highest_m)
    return True, np.sqrt(least / (1.0 - least)), sine / cosine, 1.0 / cosine, margin


@jit_leaf
def _top_m(step, atmosphere):
    """Largest height of a step above sea level."""
    return step[Z_M] + max(0.0, step[LENGTH_M] * step[UZ]) + atmosphere.observation_level_m


@jit_leaf
def _margin_of_sphere(step, atmosphere, spheres, k):
    """Bound on how far refraction moves light that can reach this very sphere.

    It depends on no other sphere, for the window and with it the random numbers follow from it.
    """
    radius = spheres.radius_m[k]
    top, extent = _top_m(step, atmosphere), abs(spheres.z_m[k]) + radius
    margin = step_cone(step, atmosphere, True, extent)[4]
    reach = radius + margin
    low = step[Z_M] + min(0.0, step[LENGTH_M] * step[UZ]) - spheres.z_m[k] - reach
    if margin < SMALL_MARGIN * radius or low <= 0.0:
        return margin
    vx, vy = spheres.x_m[k] - step[X_M], spheres.y_m[k] - step[Y_M]
    beside = np.sqrt(vx * vx + vy * vy) + step[LENGTH_M] + reach
    flattest = low / np.sqrt(low * low + beside * beside)
    return min(margin, refraction_reach_m(atmosphere, top, flattest, extent))


@jit_leaf
def _window(step, atmosphere, spheres, refraction, k):
    """Window of a step towards a sphere: ends in s, half width in phi, sin^2, frame of azimuth."""
    ux, uy, uz = step[UX], step[UY], step[UZ]
    vx = spheres.x_m[k] - step[X_M]
    vy = spheres.y_m[k] - step[Y_M]
    vz = spheres.z_m[k] - step[Z_M]
    along = vx * ux + vy * uy + vz * uz
    px, py, pz = vx - along * ux, vy - along * uy, vz - along * uz
    p = np.sqrt(px * px + py * py + pz * pz)
    margin = _margin_of_sphere(step, atmosphere, spheres, k) if refraction else 0.0
    radius = spheres.radius_m[k] + margin
    start, end, most = 0.0, step[LENGTH_M], 0.0
    # The second pass has the narrower bounds of theta of the interval that the first one found.
    for _ in range(2):
        least, most = sine_bounds(step, atmosphere, start, end)
        if most <= 0.0:
            return start, start, 0.0, 0.0, (1.0, 0.0, 0.0)
        sine, cosine = np.sqrt(most), np.sqrt(1.0 - most)
        end = min(end, along - (p * cosine - radius) / sine, along + p * sine / cosine + margin)
        if least > 0.0:
            start = max(start, along - (p * np.sqrt(1.0 - least) + radius) / np.sqrt(least))
        if not start < end:
            return start, start, 0.0, 0.0, (1.0, 0.0, 0.0)
    half = np.pi if p <= radius else np.arcsin(radius / p)
    if p > _ON_AXIS_M:
        return start, end, half, most, (px / p, py / p, pz / p)
    return start, end, np.pi, most, across(ux, uy, uz)


@jit_leaf
def _emit(step, atmosphere, light, spheres, refraction, k, margin, s_m, state, photons, owners, n):
    """Draw the light of a step for a sphere; number of photons, and where it stopped or -1."""
    start, end, half, most, towards = _window(step, atmosphere, spheres, refraction, k)
    if not start < end:
        return n, -1.0
    charges = charge_squared(step[PARTICLE])
    rate = charges * light.photons_per_m[spheres.kind[k]] * most * half / np.pi
    s = s_m if s_m >= 0.0 else start
    while True:
        if n == photons.shape[0]:
            return n, s
        s -= np.log(1.0 - uniform(state)) / rate
        if s >= end:
            return n, -1.0
        phi = half * (2.0 * uniform(state) - 1.0)
        sine_2, gamma = local_sine_squared(step, atmosphere, s)
        if sine_2 <= 0.0:
            continue
        direction = ray(step[UX], step[UY], step[UZ], towards, sine_2, phi)
        if direction[2] > -MIN_COS_ZENITH:
            continue
        if keep_photon(
            step, atmosphere, light, spheres, refraction, margin, k, s, gamma, direction, state,
            sine_2 / most, photons[n],
        ):  # fmt: skip
            owners[n] = k
            n += 1


@jit_leaf
def emit_to_spheres(steps, atmosphere, light, spheres, refraction, states, resume, photons, owners):
    """Draw the light of steps that hits spheres.

    Parameters
    ----------
    steps : ndarray of float64, shape (n, 11)
        Steps (`iactflow.shower.steps`).
    atmosphere, light, spheres : AtmosphereTable, LightYield, Spheres
        Atmosphere, yield, spheres.
    refraction : bool
        Whether light is bent.
    states : ndarray of uint64, shape (n_spheres, 11)
        Random streams, one per sphere; advanced in place.
    resume : ndarray of float64, shape (3,)
        Where to go on; zeros, with -1 last, at the beginning. When its first number has reached
        the number of steps, all are done; otherwise `photons` is full: call again.
    photons : ndarray of float32, shape (capacity, 8)
        Photons (`iactflow.shower.photons`), written from the start.
    owners : ndarray of int32, shape (capacity,)
        Sphere of each photon.

    Returns
    -------
    int
        Number of photons written.
    """
    n, n_nodes = 0, spheres.node_next.size
    for i in range(int(resume[0]), steps.shape[0]):
        step = steps[i]
        shines, tan_0, tan_1, secant, margin = step_cone(
            step, atmosphere, refraction, spheres.highest_m
        )
        node, done = 0, 0
        while shines and node < n_nodes:
            if _out_of_reach(step, spheres, node, tan_0, tan_1, secant, margin):
                node = spheres.node_next[node]
                continue
            k = spheres.node_sphere[node]
            node += 1
            if k < 0:
                continue
            done += 1
            if done <= resume[1]:
                continue
            n, s = _emit(
                step, atmosphere, light, spheres, refraction, k, margin, resume[2], states[k],
                photons, owners, n,
            )  # fmt: skip
            resume[2] = s
            if s >= 0.0:
                resume[0], resume[1] = i, done - 1
                return n
        resume[1] = 0.0
    resume[0] = steps.shape[0]
    return n


@jit_leaf
def _out_of_reach(step, spheres, node, tan_0, tan_1, secant, margin):
    """Whether no light of a step's cone can meet a node of the tree."""
    vx = spheres.node_x_m[node] - step[X_M]
    vy = spheres.node_y_m[node] - step[Y_M]
    vz = spheres.node_z_m[node] - step[Z_M]
    along = vx * step[UX] + vy * step[UY] + vz * step[UZ]
    across_2 = vx * vx + vy * vy + vz * vz - along * along
    radius = (spheres.node_radius_m[node] + margin) * secant
    outer = along * tan_1 + radius
    if outer <= 0.0 or across_2 > outer * outer:
        return True
    inner = (along - step[LENGTH_M]) * tan_0 - radius
    return inner > 0.0 and across_2 < inner * inner
