"""All Cherenkov light of steps, over all azimuths, tested against all spheres: the reference.

The same density, propagation and test of spheres as in `iactflow.shower.emission`, without any
window: slow, and free of its geometry.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.campaign.philox import uniform
from iactflow.shower.emission import keep_photon, local_sine_squared, sine_bounds, step_cone
from iactflow.shower.flight import MIN_COS_ZENITH, across, ray
from iactflow.shower.species import charge_squared
from iactflow.shower.steps import LENGTH_M, PARTICLE, UX, UY, UZ

__all__ = ["emit_brute_force"]


@jit_leaf
def emit_brute_force(steps, atmosphere, light, spheres, refraction, state, resume, photons, owners):
    """Draw all light of steps and keep what hits spheres.

    Parameters
    ----------
    steps : ndarray of float64, shape (n, 11)
        Steps (`iactflow.shower.steps`).
    atmosphere, light, spheres : AtmosphereTable, LightYield, Spheres
        Atmosphere, yield, spheres.
    refraction : bool
        Whether light is bent.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place.
    resume : ndarray of float64, shape (3,)
        Step and place in it (number 0 and 2) where to go on, as in `emit_to_spheres`.
    photons : ndarray of float32, shape (capacity, 8)
        Photons, with room for at least one per sphere.
    owners : ndarray of int32, shape (capacity,)
        Sphere of each photon.

    Returns
    -------
    int
        Number of photons written.
    """
    n, n_spheres = 0, spheres.x_m.size
    largest = 0.0
    for photons_per_m in light.photons_per_m:
        largest = max(largest, photons_per_m)
    for i in range(int(resume[0]), steps.shape[0]):
        step = steps[i]
        most = sine_bounds(step, atmosphere, 0.0, step[LENGTH_M])[1]
        margin = step_cone(step, atmosphere, refraction, spheres.highest_m)[4]
        towards = across(step[UX], step[UY], step[UZ])
        s, charges = max(0.0, resume[2]), charge_squared(step[PARTICLE])
        while most > 0.0:
            if n + n_spheres > photons.shape[0]:
                resume[0], resume[2] = i, s
                return n
            s -= np.log(1.0 - uniform(state)) / (charges * largest * most)
            if s >= step[LENGTH_M]:
                break
            phi = 2.0 * np.pi * uniform(state)
            sine_2, gamma = local_sine_squared(step, atmosphere, s)
            if sine_2 <= 0.0:
                continue
            direction = ray(step[UX], step[UY], step[UZ], towards, sine_2, phi)
            if direction[2] > -MIN_COS_ZENITH:
                continue
            for k in range(n_spheres):
                part = sine_2 / most * light.photons_per_m[spheres.kind[k]] / largest
                if keep_photon(
                    step, atmosphere, light, spheres, refraction, margin, k, s, gamma, direction,
                    state, part, photons[n],
                ):  # fmt: skip
                    owners[n] = k
                    n += 1
        resume[2] = -1.0
    resume[0] = steps.shape[0]
    return n
