"""Refraction of Cherenkov light on its way down, for a plane-parallel atmosphere.

Snell's law keeps n sin z along a ray. To first order in n - 1 (relative error below 1e-3 up to 60
deg of zenith angle), light emitted at height h under the zenith angle z reaches the observation
level under z - delta with ``delta = (n_0 - n_h) tan z``, displaced towards its own nadir by
``tan z / cos^2 z  [integral of (n - 1) from the observation level to h - (n_h - 1)(h - h_0)]``,
the integral of d(tan z) along the ray. By Fermat's principle the time to the displaced point is
that along the straight line to it, to the same order.
"""

from __future__ import annotations

from iactflow._jit import jit_leaf
from iactflow.atmosphere.table import SPEED_OF_LIGHT_M_NS, light_delay_ns, refractivity

__all__ = ["refracted"]


@jit_leaf
def refracted(table, height_m, cos_zenith):
    """Bending of light from its emission to the observation level.

    Parameters
    ----------
    table : AtmosphereTable
        Table; its observation level is where the light arrives.
    height_m : float
        Height of emission above sea level.
    cos_zenith : float
        Cosine of the zenith angle at emission, positive.

    Returns
    -------
    tuple of two float
        Decrease of the zenith angle in rad; horizontal displacement in m against the direction of
        flight (the straight line lands farther out). The time of flight along the straight line
        shortens by the displacement times sin z / c.
    """
    at_emission = refractivity(table, height_m)
    at_ground = refractivity(table, table.observation_level_m)
    sine_squared = max(0.0, 1.0 - cos_zenith * cos_zenith)
    tangent = sine_squared**0.5 / cos_zenith
    path_m = light_delay_ns(table, height_m) * SPEED_OF_LIGHT_M_NS - at_emission * (
        height_m - table.observation_level_m
    )
    return (at_ground - at_emission) * tangent, path_m * tangent / (cos_zenith * cos_zenith)
