"""Yield of Cherenkov light: how many photons a path emits that a detector would keep.

Frank and Tamm (Dokl. Akad. Nauk SSSR 14 (1937) 109; Review of Particle Physics 2022, equation
34.45): a unit charge emits ``d2N / dl dlambda = 2 pi alpha sin^2(theta) / lambda^2``, with
``cos(theta) = 1 / (n beta)``. The refractive index does not depend on the wavelength, as in CORSIKA
without its option CERWLEN, so that the angle and the wavelength of a photon are independent: the
yield of a band is one number, and wavelengths follow ``response(lambda) / lambda^2``. Extinction is
applied to each photon with its own wavelength, height and air mass; it needs no table of yields.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.atmosphere.extinction import ExtinctionTable, transmission
from iactflow.atmosphere.table import refractivity
from iactflow.errors import InputError
from iactflow.instrument.description import Curve
from iactflow.shower.steps import GAMMA_END, GAMMA_START, LENGTH_M, UZ, Z_M

__all__ = [
    "FINE_STRUCTURE",
    "LightYield",
    "add_emitted_light",
    "make_light_yield",
    "photons_per_metre",
    "sine_squared",
    "surviving_fraction",
    "wavelength_nm",
]

FINE_STRUCTURE = 1.0 / 137.035999084  # CODATA 2018
N_QUANTILES = 1024
GRID_NM = 0.25
# Parts of a step in `add_emitted_light`: the midpoint rule is then exact to 1e-5 in a step.
N_PARTS = 8


class LightYield(NamedTuple):
    """Arrays and numbers for kernels; the first axis of arrays is the telescope type.

    Attributes
    ----------
    photons_per_m : ndarray of float64, shape (n_types,)
        ``2 pi alpha`` times the integral of ``response / lambda^2``: photons per metre and unit of
        sin^2(theta), before extinction.
    wavelengths_nm : ndarray of float64, shape (n_types, 1025)
        Quantiles of the wavelength, in equal steps of probability.
    extinction : ExtinctionTable
        Optical depths.
    attenuated : bool
        Whether light is extinguished.
    """

    photons_per_m: np.ndarray
    wavelengths_nm: np.ndarray
    extinction: ExtinctionTable
    attenuated: bool


def make_light_yield(
    wavelength_min_nm: float,
    wavelength_max_nm: float,
    responses=None,
    extinction: ExtinctionTable | None = None,
) -> LightYield:
    """Light yield of a band.

    Parameters
    ----------
    wavelength_min_nm, wavelength_max_nm : float
        Band.
    responses : Curve or sequence of Curve, optional
        Probability that a photon is kept against its wavelength in nm, for one or for each type of
        telescope; None: all photons of the band.
    extinction : ExtinctionTable, optional
        Extinction; None: clear air.

    Returns
    -------
    LightYield
        For kernels.

    Raises
    ------
    InputError
        If the band is empty, a response leaves [0, 1] or is zero in all of the band.
    """
    if not 0.0 < wavelength_min_nm < wavelength_max_nm < np.inf:
        allowed = f"0 < minimum < wavelength_max_nm = {wavelength_max_nm}"
        raise InputError("light", "wavelength_min_nm", wavelength_min_nm, allowed)
    if responses is None:
        flat = np.array([wavelength_min_nm, wavelength_max_nm], dtype=np.float64)
        responses = Curve(flat, np.ones(2))
    curves = [responses] if isinstance(responses, Curve) else list(responses)
    if not curves:
        raise InputError("light", "responses", curves, "at least one spectral response")
    tables = [_band(curve, wavelength_min_nm, wavelength_max_nm) for curve in curves]
    clear = ExtinctionTable(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.zeros((2, 2)), 0.0)
    return LightYield(
        np.array([total for total, _ in tables]),
        np.array([quantiles for _, quantiles in tables]),
        clear if extinction is None else extinction,
        extinction is not None,
    )


def _band(curve, wavelength_min_nm, wavelength_max_nm):
    """Photons per metre and sin^2(theta), and quantiles of the wavelength."""
    if np.any(~(curve.y >= 0.0) | (curve.y > 1.0)):
        raise InputError("light", "responses", float(np.max(curve.y)), "values from 0 to 1")
    n = int(np.ceil((wavelength_max_nm - wavelength_min_nm) / GRID_NM)) + 1
    grid = np.linspace(wavelength_min_nm, wavelength_max_nm, n)
    inside = (curve.x > wavelength_min_nm) & (curve.x < wavelength_max_nm)
    grid = np.unique(np.concatenate([grid, curve.x[inside]]))
    response = np.interp(grid, curve.x, curve.y, left=0.0, right=0.0)
    # Linear response between neighbours, integrated exactly against 1 / lambda^2.
    low, high = grid[:-1], grid[1:]
    slope = np.diff(response) / np.diff(grid)
    parts = (response[:-1] - slope * low) * (1.0 / low - 1.0 / high) + slope * np.log(high / low)
    cumulative = np.concatenate([[0.0], np.cumsum(parts)])
    if not cumulative[-1] > 0.0:
        allowed = f"a response above zero in {wavelength_min_nm} to {wavelength_max_nm} nm"
        raise InputError("light", "responses", float(np.max(response)), allowed)
    probability = np.linspace(0.0, 1.0, N_QUANTILES + 1)
    rising = np.concatenate([[True], parts > 0.0])
    quantiles = np.interp(probability, cumulative[rising] / cumulative[-1], grid[rising])
    return 2.0e9 * np.pi * FINE_STRUCTURE * cumulative[-1], quantiles


@jit_leaf
def sine_squared(index_minus_one, gamma):
    """Square of the sine of the Cherenkov angle.

    Parameters
    ----------
    index_minus_one : float
        Refractivity n - 1.
    gamma : float
        Lorentz factor.

    Returns
    -------
    float
        ``1 - 1 / (n beta)^2``; negative below the threshold.
    """
    index = 1.0 + index_minus_one
    return 1.0 - 1.0 / (index * index * (1.0 - 1.0 / (gamma * gamma)))


@jit_leaf
def wavelength_nm(light, kind, probability):
    """Wavelength at a quantile of its distribution at emission.

    Parameters
    ----------
    light : LightYield
        Yield.
    kind : int
        Type of telescope.
    probability : float
        Inside [0, 1).

    Returns
    -------
    float
        Wavelength in nm.
    """
    position = probability * N_QUANTILES
    node = int(position)
    low = light.wavelengths_nm[kind, node]
    return low + (position - node) * (light.wavelengths_nm[kind, node + 1] - low)


@jit_leaf
def surviving_fraction(light, wavelength, height_m, cos_zenith):
    """Probability that a photon reaches the observation level.

    Parameters
    ----------
    light : LightYield
        Yield.
    wavelength, height_m, cos_zenith : float
        Wavelength in nm; height of emission above sea level; cosine of its zenith angle.

    Returns
    -------
    float
        1 in clear air.
    """
    if not light.attenuated:
        return 1.0
    return transmission(light.extinction, wavelength, height_m, cos_zenith)


def photons_per_metre(light, atmosphere, height_m, gamma, cos_zenith=1.0, kind=0) -> float:
    """Photons that a path emits and that survive to the observation level.

    Parameters
    ----------
    light : LightYield
        Yield.
    atmosphere : AtmosphereTable
        Atmosphere.
    height_m, gamma : float
        Height above sea level and Lorentz factor of the particle.
    cos_zenith : float, optional
        Cosine of the zenith angle of the light.
    kind : int, optional
        Type of telescope.

    Returns
    -------
    float
        Photons per metre; zero below the threshold.
    """
    # Quantiles are points of equal weight: their midpoints give the mean over the spectrum.
    middle = 0.5 * (light.wavelengths_nm[kind, 1:] + light.wavelengths_nm[kind, :-1])
    survive = np.mean([surviving_fraction(light, w, height_m, cos_zenith) for w in middle])
    emitted = max(0.0, sine_squared(refractivity(atmosphere, height_m), gamma))
    return float(light.photons_per_m[kind] * emitted * survive)


@jit_leaf
def add_emitted_light(steps, atmosphere, photons_per_m, bottom_m, width_m, counts):
    """Add the light that steps emit to a histogram in height, before extinction.

    Parameters
    ----------
    steps : ndarray of float64, shape (n, 11)
        Steps.
    atmosphere : AtmosphereTable
        Atmosphere.
    photons_per_m : float
        Photons per metre and unit of sin^2(theta): an entry of `LightYield.photons_per_m`.
    bottom_m, width_m : float
        Lower edge of the first bin above sea level; width of a bin.
    counts : ndarray of float64, shape (n_bins,)
        Photons, added in place; what lies outside goes to the first or the last bin.
    """
    for i in range(steps.shape[0]):
        length = steps[i, LENGTH_M] / N_PARTS
        for part in range(N_PARTS):
            fraction = (part + 0.5) / N_PARTS
            height = steps[i, Z_M] + fraction * steps[i, LENGTH_M] * steps[i, UZ]
            height += atmosphere.observation_level_m
            gamma = steps[i, GAMMA_START]
            gamma += fraction * (steps[i, GAMMA_END] - steps[i, GAMMA_START])
            emitted = sine_squared(refractivity(atmosphere, height), gamma)
            if emitted > 0.0:
                place = min(max(int((height - bottom_m) / width_m), 0), counts.size - 1)
                counts[place] += photons_per_m * emitted * length
