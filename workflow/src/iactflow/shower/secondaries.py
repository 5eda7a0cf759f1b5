"""Sampling of secondaries: energies and angles of all that is produced, by inversion and rejection.

The differential cross-sections are those of `iactflow.shower.cross_sections` and
`iactflow.shower.collisions`; bremsstrahlung and pairs use the mean charge of air. Compton
scattering follows Butcher and Messel, Nucl. Phys. 20 (1960) 15. Angles of photons to their electron
and of pairs follow the leading term of Schiff, Phys. Rev. 83 (1951) 252: u du / (1 + u^2)^2 with u
the angle in units of m / E. Muons decay as in Michel, Proc. Phys. Soc. A 63 (1950) 514,
unpolarised.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV
from iactflow.shower.particles import two_uniforms, unit
from iactflow.shower.physics_tables import LOG_OFFSET, SCREEN_136

__all__ = [
    "annihilation_energy",
    "bhabha_energy",
    "bremsstrahlung_energy",
    "compton_energy",
    "cosine_of_pair",
    "michel_energy",
    "moller_energy",
    "muon_part",
    "pair_part",
]

_M = ELECTRON_MASS_MEV
# Nitrogen in the logarithm of muon pair production, as in `cross_sections.muon_pair_log`.
_ROOT_E = 1.6487212707
_SIZE = 1.54 * 14.0067**0.27
_INFINITE = 183.0 / 7.0 ** (1 / 3) / _SIZE * MUON_MASS_MEV / ELECTRON_MASS_MEV
_BELOW = 183.0 / 7.0 ** (1 / 3) * _ROOT_E / ELECTRON_MASS_MEV
_ABOVE = (_SIZE * _ROOT_E - 2.0) / MUON_MASS_MEV


@jit
def _screening(delta, offset):
    """Screening functions of Butcher and Messel less the logarithm of Z."""
    if delta > 1.0:
        far = max(21.12 - 4.184 * np.log(delta + 0.952) - offset, 0.0)
        return far, far
    first = 20.867 + delta * (0.625 * delta - 3.242) - offset
    return max(first, 0.0), max(20.209 - delta * (1.930 + 0.086 * delta) - offset, 0.0)


@jit
def bremsstrahlung_energy(kinetic, cut, constants, state):
    """Energy of a photon of bremsstrahlung above a cut.

    Parameters
    ----------
    kinetic, cut : float
        Kinetic energy of the electron and least energy of the photon, MeV.
    constants : ndarray
        Of the physics tables.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Energy in MeV.
    """
    total = kinetic + _M
    range_log = np.log(kinetic / cut)
    offset = constants[LOG_OFFSET]
    largest = 2.0 * (20.867 - offset) - 2.0 / 3.0 * (20.209 - offset)
    while True:
        u, v = two_uniforms(state)
        y = cut * np.exp(u * range_log) / total
        rest = 1.0 - y
        first, second = _screening(constants[SCREEN_136] * _M / total * y / rest, offset)
        if v * largest < (1.0 + rest * rest) * first - 2.0 / 3.0 * rest * second:
            return y * total


@jit
def pair_part(photon, constants, state):
    """Part of a photon's energy that one of a pair takes (total energy).

    Parameters
    ----------
    photon : float
        Energy of the photon, MeV.
    constants : ndarray
        Of the physics tables.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Between m / k and 1 - m / k.
    """
    least = _M / photon
    offset = constants[LOG_OFFSET]
    scale = constants[SCREEN_136] * least
    largest, _ = _screening(4.0 * scale, offset)
    while True:
        u, v = two_uniforms(state)
        x = least + u * (1.0 - 2.0 * least)
        product = x * (1.0 - x)
        first, second = _screening(scale / product, offset)
        if v * largest <= (1.0 - 2.0 * product) * first + 2.0 / 3.0 * product * second:
            return x


@jit
def cosine_of_pair(total, mass, fixed, state):
    """Cosine of the angle of a bremsstrahlung photon, or of one of a pair, to its parent.

    Parameters
    ----------
    total, mass : float
        Total energy and mass of the charged particle, MeV.
    fixed : float
        Above zero: all at the angle m / E.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Cosine.
    """
    u = 0.5 if fixed > 0.0 else unit(state)
    square = u / (1.0 - u) * (mass / total) ** 2
    return 1.0 - 0.5 * square if square < 0.5 else max(np.cos(np.sqrt(square)), -1.0)


@jit
def compton_energy(photon, state):
    """Energy of a photon after Compton scattering.

    Parameters
    ----------
    photon : float
        Energy before, MeV.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Energy in MeV.
    """
    k = photon / _M
    least = 1.0 / (1.0 + 2.0 * k)
    log, square = -np.log(least), 0.5 * (1.0 - least * least)
    while True:
        u, v = two_uniforms(state)
        if unit(state) * (log + square) < log:
            e = least**u
        else:
            e = np.sqrt(least * least + (1.0 - least * least) * u)
        t = (1.0 - e) / (k * e)
        if v <= 1.0 - e * t * (2.0 - t) / (1.0 + e * e):
            return e * photon


@jit
def moller_energy(kinetic, cut, state):
    """Kinetic energy of the slower electron after Moller scattering, above a cut.

    Parameters
    ----------
    kinetic, cut : float
        Kinetic energy before and least transfer, MeV.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Energy in MeV, at most half of that before.
    """
    gamma = 1.0 + kinetic / _M
    mixed = (2.0 * gamma - 1.0) / gamma**2
    first = ((gamma - 1.0) / gamma) ** 2
    high = kinetic / cut
    while True:
        u, v = two_uniforms(state)
        e = 1.0 / (high + u * (2.0 - high))
        rest = 1.0 - e
        shape = 1.0 - mixed * e + e * e * (first + (1.0 / rest - mixed) / rest)
        if v * 2.25 <= shape:
            return e * kinetic


@jit
def bhabha_energy(kinetic, cut, state):
    """Kinetic energy of the electron after Bhabha scattering, above a cut.

    Parameters
    ----------
    kinetic, cut : float
        Kinetic energy of the positron before and least transfer, MeV.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Energy in MeV.
    """
    gamma = 1.0 + kinetic / _M
    beta2 = 1.0 - 1.0 / gamma**2
    y = 1.0 / (gamma + 1.0)
    half = 1.0 - 2.0 * y
    b1, b2 = 2.0 - y * y, half * (3.0 + y * y)
    b3, b4 = half**2 + half**3, half**3
    high = kinetic / cut
    while True:
        u, v = two_uniforms(state)
        e = 1.0 / (high + u * (1.0 - high))
        if v <= 1.0 - beta2 * e * (b1 - e * (b2 - e * (b3 - e * b4))):
            return e * kinetic


@jit
def annihilation_energy(kinetic, state):
    """Energy of one of the photons of annihilation in flight.

    Parameters
    ----------
    kinetic : float
        Kinetic energy of the positron, MeV.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Energy in MeV; the other photon has the rest.
    """
    gamma = 1.0 + kinetic / _M
    root = np.sqrt((gamma - 1.0) / (gamma + 1.0))
    low, high = 0.5 * (1.0 - root), 0.5 * (1.0 + root)
    range_log = np.log(high / low)
    while True:
        u, v = two_uniforms(state)
        e = low * np.exp(u * range_log)
        if v <= 1.0 - e + (2.0 * gamma * e - 1.0) / (e * (gamma + 1.0) ** 2):
            return e * (kinetic + 2.0 * _M)


@jit
def muon_part(photon, state):
    """Part of a photon's energy that one of a pair of muons takes (total energy).

    Parameters
    ----------
    photon : float
        Energy of the photon, MeV.
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Between the kinematic limits.
    """
    low = 0.5 - np.sqrt(max(0.25 - MUON_MASS_MEV / photon, 0.0))
    transfer = 2.0 * MUON_MASS_MEV**2 / photon
    largest = np.log(_INFINITE * (1.0 + _ABOVE * transfer) / (1.0 + _BELOW * transfer))
    while True:
        u, v = two_uniforms(state)
        x = low + u * (1.0 - 2.0 * low)
        product = x * (1.0 - x)
        transfer = 0.5 * MUON_MASS_MEV**2 / (photon * product)
        w = _INFINITE * (1.0 + _ABOVE * transfer) / (1.0 + _BELOW * transfer)
        # Next to the threshold the logarithm is negative throughout, and the part is one half.
        if largest <= 0.0 or v * largest < (1.0 - 4.0 / 3.0 * product) * np.log(max(w, 1.0)):
            return x


@jit
def michel_energy(state):
    """Energy of the electron of a muon's decay, in the muon's frame.

    Parameters
    ----------
    state : ndarray of uint64
        Random numbers.

    Returns
    -------
    float
        Total energy in MeV.
    """
    while True:
        u, v = two_uniforms(state)
        if v <= u * u * (3.0 - 2.0 * u):
            return max(0.5 * u * MUON_MASS_MEV, ELECTRON_MASS_MEV)
