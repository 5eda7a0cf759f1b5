"""Flight of a photon from its emission to the sphere of a telescope.

Light is straight, or bent by refraction to first order (`iactflow.atmosphere.refraction`); its
delay against vacuum is the integral of n - 1. These scalar kernels are all that the two ways of
drawing light, towards telescopes and everywhere, need to agree on.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.atmosphere.refraction import refracted
from iactflow.atmosphere.table import SPEED_OF_LIGHT_M_NS, light_delay_ns

__all__ = [
    "MIN_COS_ZENITH",
    "across",
    "arrive",
    "meets",
    "ray",
    "refraction_reach_m",
    "step_time_ns",
]

# Light nearer to the horizon than 5.7 deg is dropped: a flat atmosphere has no meaning there.
MIN_COS_ZENITH = 0.1
_SMALL = 1.0e-12


@jit_leaf
def across(ux, uy, uz):
    """Find a unit vector across a direction.

    Parameters
    ----------
    ux, uy, uz : float
        Unit vector.

    Returns
    -------
    tuple of three float
        Unit vector at right angles to it.
    """
    if abs(ux) < 0.9:
        norm = np.sqrt(uy * uy + uz * uz)
        return 0.0, uz / norm, -uy / norm
    norm = np.sqrt(ux * ux + uy * uy)
    return uy / norm, -ux / norm, 0.0


@jit_leaf
def ray(ux, uy, uz, towards, sine_2, phi):
    """Direction of light around the direction of a particle.

    Parameters
    ----------
    ux, uy, uz : float
        Direction of the particle.
    towards : tuple of three float
        Unit vector across it, from which the azimuth counts.
    sine_2, phi : float
        Square of the sine of the Cherenkov angle; azimuth in rad.

    Returns
    -------
    tuple of three float
        Unit vector.
    """
    ax, ay, az = towards
    cosine, sine = np.sqrt(1.0 - sine_2), np.sqrt(sine_2)
    a, b = sine * np.cos(phi), sine * np.sin(phi)
    return (
        ux * cosine + ax * a + (uy * az - uz * ay) * b,
        uy * cosine + ay * a + (uz * ax - ux * az) * b,
        uz * cosine + az * a + (ux * ay - uy * ax) * b,
    )


@jit_leaf
def meets(forward, across_squared, radius_m):
    """Whether straight light hits a sphere that it has not yet passed.

    Parameters
    ----------
    forward : float
        Distance along the light from its emission to the point nearest to the centre.
    across_squared : float
        Square of the distance of that point from the centre.
    radius_m : float
        Radius of the sphere.

    Returns
    -------
    bool
        Light emitted behind the centre does not count: it comes from below the mirror.
    """
    return forward > 0.0 and across_squared < radius_m * radius_m


@jit_leaf
def step_time_ns(distance_m, gamma_start, gamma):
    """Time that a particle takes, its slowness being the mean of those at both ends.

    Parameters
    ----------
    distance_m : float
        Distance.
    gamma_start, gamma : float
        Lorentz factors at both ends.

    Returns
    -------
    float
        Time in ns.
    """
    slowness = 0.5 / np.sqrt(1.0 - 1.0 / (gamma_start * gamma_start))
    slowness += 0.5 / np.sqrt(1.0 - 1.0 / (gamma * gamma))
    return distance_m * slowness / SPEED_OF_LIGHT_M_NS


@jit_leaf
def refraction_reach_m(atmosphere, height_m, cos_zenith, highest_m):
    """Bound on how far refraction moves light near the ground.

    Parameters
    ----------
    atmosphere : AtmosphereTable
        Atmosphere.
    height_m : float
        Largest height of emission above sea level.
    cos_zenith : float
        Smallest cosine of the light's zenith angle.
    highest_m : float
        Largest distance of a sphere's points from the observation level.

    Returns
    -------
    float
        Distance in m between the straight and the bent light, at most.
    """
    cosine = max(cos_zenith, MIN_COS_ZENITH)
    angle, displacement = refracted(atmosphere, height_m, cosine)
    # The two lines part by d(tan z) = angle / cos^2 z per metre of height; 5 % for higher orders.
    return 1.05 * (abs(displacement) + abs(angle) * highest_m / (cosine * cosine))


@jit_leaf
def _bend(atmosphere, height_m, ux, uy, cosine, ground_x, ground_y):
    """Bent light at the observation level: place, direction, time gained."""
    sine = np.sqrt(ux * ux + uy * uy)
    if sine < _SMALL:
        return ground_x, ground_y, ux, uy, cosine, 0.0
    angle, displacement = refracted(atmosphere, height_m, cosine)
    ex, ey = ux / sine, uy / sine
    bent = sine * np.cos(angle) - cosine * np.sin(angle)
    cosine = np.sqrt(1.0 - bent * bent)
    gained = displacement * sine / SPEED_OF_LIGHT_M_NS
    ground_x -= displacement * ex
    ground_y -= displacement * ey
    return ground_x, ground_y, bent * ex, bent * ey, cosine, gained


@jit_leaf
def arrive(atmosphere, refraction, x_m, y_m, z_m, ux, uy, uz, centre_x, centre_y, centre_z):
    """Light in the horizontal plane through the centre of a sphere.

    Parameters
    ----------
    atmosphere : AtmosphereTable
        Atmosphere.
    refraction : bool
        Whether light is bent.
    x_m, y_m, z_m : float
        Point of emission in the frame of the shower.
    ux, uy, uz : float
        Direction of flight at emission, ``-uz`` at least `MIN_COS_ZENITH`.
    centre_x, centre_y, centre_z : float
        Centre of the sphere.

    Returns
    -------
    tuple of six float
        Position relative to the centre (x, y); direction cosines to x and y; time of flight in ns;
        square of the distance of the line from the centre.
    """
    height = z_m + atmosphere.observation_level_m
    cosine = -uz
    path = z_m / cosine
    x, y = x_m + ux * path, y_m + uy * path
    time = path / SPEED_OF_LIGHT_M_NS + light_delay_ns(atmosphere, height) / cosine
    if refraction:
        x, y, ux, uy, cosine, gained = _bend(atmosphere, height, ux, uy, cosine, x, y)
        time -= gained
    # From the observation level back up, or down, to the plane.
    back = centre_z / cosine
    time -= back / SPEED_OF_LIGHT_M_NS
    time -= light_delay_ns(atmosphere, centre_z + atmosphere.observation_level_m) / cosine
    x -= ux * back + centre_x
    y -= uy * back + centre_y
    along = x * ux + y * uy
    return x, y, ux, uy, time, x * x + y * y - along * along
