"""Atmosphere as a table that compiled kernels read: density, thickness, refractivity, delay.

Values are linear between nodes 50 m apart, which follows an exponential of scale height 8 km to
5e-6; between the nodes of a profile, logarithms follow a monotone cubic (Fritsch and Carlson, SIAM
J. Numer. Anal. 17 (1980) 238). The delay is that of light against light in vacuum, the integral of
(n - 1) / c over height; n is the index at 400 nm for all wavelengths, as in CORSIKA.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from iactflow._jit import jit_leaf
from iactflow.atmosphere.profile import AtmosphereProfile
from iactflow.errors import InputError

__all__ = [
    "SPEED_OF_LIGHT_M_NS",
    "AtmosphereTable",
    "density_g_cm3",
    "height_m",
    "light_delay_ns",
    "make_table",
    "refractivity",
    "thickness_g_cm2",
]

SPEED_OF_LIGHT_M_NS = 0.299792458
STEP_M = 50.0
N_LOG_THICKNESS = 4096
LEAST_THICKNESS = 1.0e-6


class AtmosphereTable(NamedTuple):
    """Arrays and numbers for kernels; heights above sea level.

    Attributes
    ----------
    bottom_m, top_m, inverse_step : float
        Lowest and highest node; nodes per metre.
    observation_level_m : float
        Height from which the delay counts.
    density, thickness, refractivity, delay_ns : ndarray of float64, shape (n,)
        At the nodes: g/cm3, g/cm2, n - 1, ns.
    log_thickness_min, inverse_log_step : float
        First node of the inverse table, nodes per unit of the natural logarithm.
    height : ndarray of float64, shape (m,)
        Height in m against the logarithm of the thickness.
    """

    bottom_m: float
    top_m: float
    inverse_step: float
    observation_level_m: float
    density: np.ndarray
    thickness: np.ndarray
    refractivity: np.ndarray
    delay_ns: np.ndarray
    log_thickness_min: float
    inverse_log_step: float
    height: np.ndarray


def make_table(profile: AtmosphereProfile, observation_level_m: float) -> AtmosphereTable:
    """Table of a profile.

    Parameters
    ----------
    profile : AtmosphereProfile
        Profile.
    observation_level_m : float
        Height above sea level from which the light's delay counts.

    Returns
    -------
    AtmosphereTable
        For kernels.

    Raises
    ------
    InputError
        If the observation level is outside the profile.
    """
    bottom, top = float(profile.height_m[0]), float(profile.height_m[-1])
    if not bottom <= observation_level_m < top:
        raise InputError(
            profile.name, "observation_level_m", observation_level_m, f"from {bottom} to {top} m"
        )
    n = int(np.ceil((top - bottom) / STEP_M)) + 1
    nodes = np.linspace(bottom, top, n)
    density = _log_interpolate(profile.height_m, profile.density_g_cm3, nodes)
    index = _log_interpolate(profile.height_m, profile.refractivity, nodes)
    # Tables end with thickness zero: what lies above the top is small, but has no logarithm.
    beyond = _thickness_above(profile) if profile.thickness_g_cm2[-1] == 0.0 else 0.0
    thickness = _log_interpolate(profile.height_m, profile.thickness_g_cm2 + beyond, nodes) - beyond
    thickness[-1] = max(profile.thickness_g_cm2[-1], 0.0)
    step = (top - bottom) / (n - 1)
    delay = np.concatenate(([0.0], np.cumsum(0.5 * (index[1:] + index[:-1]) * step)))
    delay = (delay - np.interp(observation_level_m, nodes, delay)) / SPEED_OF_LIGHT_M_NS
    least = np.log(max(float(thickness[-1]), LEAST_THICKNESS))
    log_nodes = np.linspace(least, np.log(thickness[0]), N_LOG_THICKNESS)
    below = thickness > 0.0
    inverse = np.interp(log_nodes, np.log(thickness[below])[::-1], nodes[below][::-1])
    return AtmosphereTable(
        bottom,
        top,
        1.0 / step,
        float(observation_level_m),
        density,
        thickness,
        index,
        delay,
        float(least),
        float(1.0 / (log_nodes[1] - log_nodes[0])),
        inverse,
    )


def _thickness_above(profile):
    """Column above the topmost height of an exponential through the last two densities."""
    ratio = np.log(profile.density_g_cm3[-2] / profile.density_g_cm3[-1])
    if ratio <= 0.0:
        return LEAST_THICKNESS
    scale_cm = (profile.height_m[-1] - profile.height_m[-2]) / ratio * 100.0
    return profile.density_g_cm3[-1] * scale_cm


def _log_interpolate(height, values, nodes):
    return np.exp(PchipInterpolator(height, np.log(values))(nodes))


@jit_leaf
def _interpolate(values, position):
    last = values.size - 1
    if position <= 0.0:
        return values[0]
    if position >= last:
        return values[last]
    node = int(position)
    return values[node] + (position - node) * (values[node + 1] - values[node])


@jit_leaf
def density_g_cm3(table, height_m):
    """Density of the air.

    Parameters
    ----------
    table : AtmosphereTable
        Table.
    height_m : float
        Height above sea level.

    Returns
    -------
    float
        Density in g/cm3; zero above the table, that of the lowest node below it.
    """
    if height_m > table.top_m:
        return 0.0
    return _interpolate(table.density, (height_m - table.bottom_m) * table.inverse_step)


@jit_leaf
def thickness_g_cm2(table, height_m):
    """Vertical column density above a height.

    Parameters
    ----------
    table : AtmosphereTable
        Table.
    height_m : float
        Height above sea level.

    Returns
    -------
    float
        g/cm2; zero above the table, that of the lowest node below it.
    """
    if height_m > table.top_m:
        return 0.0
    return _interpolate(table.thickness, (height_m - table.bottom_m) * table.inverse_step)


@jit_leaf
def height_m(table, thickness):
    """Height at which a vertical column density lies above.

    Parameters
    ----------
    table : AtmosphereTable
        Table.
    thickness : float
        g/cm2.

    Returns
    -------
    float
        Height above sea level in m; the top of the table below 1e-6 g/cm2, its bottom beyond the
        largest thickness.
    """
    if thickness <= 0.0:
        return table.top_m
    position = (np.log(thickness) - table.log_thickness_min) * table.inverse_log_step
    if position < 0.0:
        return table.top_m
    return _interpolate(table.height, position)


@jit_leaf
def refractivity(table, height_m):
    """Refractivity n - 1 of the air at 400 nm.

    Parameters
    ----------
    table : AtmosphereTable
        Table.
    height_m : float
        Height above sea level.

    Returns
    -------
    float
        n - 1; zero above the table, that of the lowest node below it.
    """
    if height_m > table.top_m:
        return 0.0
    return _interpolate(table.refractivity, (height_m - table.bottom_m) * table.inverse_step)


@jit_leaf
def light_delay_ns(table, height_m):
    """Delay of vertical light against light in vacuum, from a height to the observation level.

    Parameters
    ----------
    table : AtmosphereTable
        Table.
    height_m : float
        Height of emission above sea level.

    Returns
    -------
    float
        Integral of (n - 1) / c in ns; divide by the cosine of the zenith angle for inclined
        light. Negative below the observation level.
    """
    return _interpolate(table.delay_ns, (height_m - table.bottom_m) * table.inverse_step)
