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
from iactflow.shower.air import FINE_STRUCTURE
from iactflow.shower.species import charge_squared
from iactflow.shower.steps import GAMMA_END, GAMMA_START, LENGTH_M, PARTICLE, UZ, Z_M

__all__ = [
    "LightYield",
    "add_emitted_light",
    "make_light_yield",
    "photons_per_metre",
    "sine_squared",
    "surviving_fraction",
    "wavelength_nm",
]

BIN_NM = 0.25
# Parts of a step in `add_emitted_light`: the midpoint rule is then exact to 1e-4 in a step.
N_PARTS = 8


class LightYield(NamedTuple):
    """Arrays and numbers for kernels; the first axis of arrays is the telescope type.

    Attributes
    ----------
    photons_per_m : ndarray of float64, shape (n_types,)
        ``2 pi alpha`` times the integral of ``response / lambda^2``: photons per metre and unit of
        sin^2(theta), before extinction.
    wavelength_min_nm, bin_nm : float
        Start of the band, and width of the bins in which wavelengths are drawn.
    probability : ndarray of float64, shape (n_types, n_bins)
        Probability of each bin of wavelength.
    own : ndarray of float64, shape (n_types, n_bins)
        Table of aliases: the part of a bin's equal share that is its own ...
    alias : ndarray of int64, shape (n_types, n_bins)
        ... and the bin that has the rest.
    extinction : ExtinctionTable
        Optical depths.
    attenuated : bool
        Whether light is extinguished.
    """

    photons_per_m: np.ndarray
    wavelength_min_nm: float
    bin_nm: float
    probability: np.ndarray
    own: np.ndarray
    alias: np.ndarray
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
    n = int(np.ceil((wavelength_max_nm - wavelength_min_nm) / BIN_NM))
    edges = np.linspace(wavelength_min_nm, wavelength_max_nm, n + 1)
    parts = np.array([_integrals(curve, edges) for curve in curves])
    totals = parts.sum(axis=1)
    probability = parts / totals[:, None]
    aliases = [_alias_table(row) for row in probability]
    clear = ExtinctionTable(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.zeros((2, 2)), 0.0)
    return LightYield(
        2.0e9 * np.pi * FINE_STRUCTURE * totals,
        float(wavelength_min_nm),
        float((wavelength_max_nm - wavelength_min_nm) / n),
        probability,
        np.array([own for own, _ in aliases]),
        np.array([alias for _, alias in aliases]),
        clear if extinction is None else extinction,
        extinction is not None,
    )


def _integrals(curve, edges):
    """Integral of response / lambda^2 in each bin, in 1 / nm."""
    if np.any(~(curve.y >= 0.0) | (curve.y > 1.0)):
        worst = curve.y[np.argmax(np.abs(curve.y - 0.5))]
        raise InputError("light", "responses", float(worst), "values from 0 to 1")
    inside = (curve.x > edges[0]) & (curve.x < edges[-1])
    grid = np.unique(np.concatenate([edges, curve.x[inside]]))
    # A response may start or end with a step: it is looked at inside the intervals.
    low, high = grid[:-1], grid[1:]
    third = (high - low) / 3.0
    at_1, at_2 = (
        np.interp(low + part * third, curve.x, curve.y, left=0.0, right=0.0) for part in (1, 2)
    )
    slope = (at_2 - at_1) / third
    start = at_1 - slope * third
    # Linear in an interval, integrated exactly against 1 / lambda^2.
    parts = (start - slope * low) * (1.0 / low - 1.0 / high) + slope * np.log(high / low)
    parts = np.add.reduceat(np.maximum(parts, 0.0), np.searchsorted(grid, edges[:-1]))
    if not parts.sum() > 0.0:
        allowed = f"a response above zero in {edges[0]} to {edges[-1]} nm"
        raise InputError("light", "responses", float(np.max(curve.y)), allowed)
    return parts


def _alias_table(probability):
    """Share of its own and alias of each bin (Walker, ACM Trans. Math. Softw. 3 (1977) 253)."""
    n = probability.size
    left = probability * n
    own, alias = np.ones(n), np.arange(n)
    small = [i for i in range(n) if left[i] < 1.0]
    large = [i for i in range(n) if left[i] >= 1.0]
    while small and large:
        i, j = small.pop(), large[-1]
        own[i], alias[i] = left[i], j
        left[j] -= 1.0 - left[i]
        if left[j] < 1.0:
            small.append(large.pop())
    return own, alias


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
def wavelength_nm(light, kind, random):
    """Draw a wavelength as emitted and kept, before extinction.

    Parameters
    ----------
    light : LightYield
        Yield.
    kind : int
        Type of telescope.
    random : float
        Uniform deviate inside [0, 1).

    Returns
    -------
    float
        Wavelength in nm.
    """
    position = random * light.own.shape[1]
    place = int(position)
    part = position - place
    own = light.own[kind, place]
    # What is left of the deviate is uniform again, inside the bin.
    if part < own:
        part /= own
    else:
        part = (part - own) / (1.0 - own)
        place = light.alias[kind, place]
    return light.wavelength_min_nm + (place + part) * light.bin_nm


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
    weights = light.probability[kind]
    middle = light.wavelength_min_nm + (np.arange(weights.size) + 0.5) * light.bin_nm
    passing = [surviving_fraction(light, wave, height_m, cos_zenith) for wave in middle]
    survive = np.sum(weights * passing)
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
        length = charge_squared(steps[i, PARTICLE]) * steps[i, LENGTH_M] / N_PARTS
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
