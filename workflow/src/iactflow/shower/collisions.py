"""Collisions with atomic electrons: restricted loss, Moller and Bhabha scattering, muons.

The loss with transfers below a cut is that of Berger and Seltzer (ICRU Report 37, 1984; Rohrlich
and Carlson, Phys. Rev. 93 (1954) 38), with the density effect left to the caller since it depends
on the density of the air. Muons: Bethe's formula (Particle Data Group, Passage of particles through
matter, equation 34.5); their radiative losses in air are those of Groom, Mokhov and Striganov, At.
Data Nucl. Data Tables 78 (2001) 183.
"""

from __future__ import annotations

import numpy as np

from iactflow.shower.air import (
    ELECTRON_MASS_MEV,
    ELECTRON_RADIUS_CM,
    ELECTRONS_PER_GRAM,
    MEAN_EXCITATION_MEV,
)

__all__ = [
    "COLLISION_CONSTANT",
    "bhabha_spectrum",
    "collision_loss",
    "heavy_collision_loss",
    "knock_on",
    "moller_spectrum",
    "muon_radiative_loss",
]

# 2 pi r_e^2 m c^2 times electrons per gram, MeV cm2/g.
COLLISION_CONSTANT = 2.0 * np.pi * ELECTRON_RADIUS_CM**2 * ELECTRON_MASS_MEV * ELECTRONS_PER_GRAM
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)

# Radiative loss over kinetic energy in 1e-6 cm2/g against kinetic energy in MeV.
_MUON_MEV = (1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 1e7, 1e8)
_MUON_RATE = (
    0.324, 0.571, 0.984, 1.301, 1.602, 1.974, 2.237, 2.478, 2.750, 2.917, 3.055, 3.283, 3.491,
)  # fmt: skip


def collision_loss(kinetic_mev, cut_mev, positron):
    """Loss in collisions with transfers below a cut, without the density effect.

    Parameters
    ----------
    kinetic_mev : ndarray of float64
        Kinetic energy of the electron or positron.
    cut_mev : ndarray of float64 or float
        Largest transfer; cut at half the kinetic energy for electrons, at all of it for positrons.
    positron : bool
        Bhabha scattering in place of Moller scattering.

    Returns
    -------
    ndarray
        MeV per g/cm2; subtract `COLLISION_CONSTANT` delta / beta^2.
    """
    tau = np.asarray(kinetic_mev, dtype=float) / ELECTRON_MASS_MEV
    gamma = tau + 1.0
    beta2 = 1.0 - 1.0 / gamma**2
    least = MEAN_EXCITATION_MEV / ELECTRON_MASS_MEV
    if positron:
        d = np.minimum(cut_mev / ELECTRON_MASS_MEV, tau)
        y = 1.0 / (tau + 2.0)
        terms = tau + 2.0 * d - 1.5 * d**2 * y - (d - d**3 / 3.0) * y**2
        terms -= (d**2 / 2.0 - tau * d**3 / 3.0 + d**4 / 4.0) * y**3
        shape = np.log(tau * d) - beta2 / tau * terms
    else:
        d = np.minimum(cut_mev / ELECTRON_MASS_MEV, 0.5 * tau)
        shape = -1.0 - beta2 + np.log((tau - d) * d) + tau / (tau - d)
        shape += (0.5 * d**2 + (2.0 * tau + 1.0) * np.log(1.0 - d / tau)) / gamma**2
    return COLLISION_CONSTANT / beta2 * (np.log(2.0 * (tau + 2.0) / least**2) + shape)


def moller_spectrum(transfer_mev, kinetic_mev):
    """Moller scattering: d(sigma)/dT of transfers up to half the kinetic energy.

    Parameters
    ----------
    transfer_mev, kinetic_mev : ndarray
        Kinetic energy of the slower electron afterwards; of the electron before.

    Returns
    -------
    ndarray
        Collisions per MeV and g/cm2.
    """
    gamma = 1.0 + kinetic_mev / ELECTRON_MASS_MEV
    beta2 = 1.0 - 1.0 / gamma**2
    e = transfer_mev / kinetic_mev
    mixed = (2.0 * gamma - 1.0) / gamma**2
    shape = ((gamma - 1.0) / gamma) ** 2 + (1.0 / e - mixed) / e
    shape += (1.0 / (1.0 - e) - mixed) / (1.0 - e)
    return COLLISION_CONSTANT / beta2 / kinetic_mev**2 * shape


def bhabha_spectrum(transfer_mev, kinetic_mev):
    """Bhabha scattering: d(sigma)/dT.

    Parameters
    ----------
    transfer_mev, kinetic_mev : ndarray
        Kinetic energy of the electron afterwards; of the positron before.

    Returns
    -------
    ndarray
        Collisions per MeV and g/cm2.
    """
    gamma = 1.0 + kinetic_mev / ELECTRON_MASS_MEV
    beta2 = 1.0 - 1.0 / gamma**2
    e = transfer_mev / kinetic_mev
    y = 1.0 / (gamma + 1.0)
    half = 1.0 - 2.0 * y
    b1, b2 = 2.0 - y**2, half * (3.0 + y**2)
    b3, b4 = half**2 + half**3, half**3
    shape = 1.0 / (beta2 * e**2) - b1 / e + b2 - b3 * e + b4 * e**2
    return COLLISION_CONSTANT / kinetic_mev**2 * shape


def knock_on(kinetic_mev, cut_mev, positron):
    """Collisions with a transfer above a cut.

    Parameters
    ----------
    kinetic_mev : ndarray of float64, shape (n,)
        Kinetic energy.
    cut_mev : float
        Least transfer.
    positron : bool
        Bhabha scattering in place of Moller scattering.

    Returns
    -------
    ndarray
        Collisions per g/cm2; zero where the cut cannot be reached.
    """
    kinetic = np.asarray(kinetic_mev, dtype=float)
    high = kinetic if positron else 0.5 * kinetic
    low = np.minimum(cut_mev, high)
    half = 0.5 * np.log(high / low)[:, None]
    transfer = np.exp(half * _NODES + 0.5 * np.log(high * low)[:, None])
    spectrum = (bhabha_spectrum if positron else moller_spectrum)(transfer, kinetic[:, None])
    return (spectrum * transfer * _WEIGHTS).sum(axis=1) * half[:, 0]


def heavy_collision_loss(kinetic_mev, mass_mev):
    """Bethe's mean collision loss of muons or hadrons of unit charge, without the density effect.

    Parameters
    ----------
    kinetic_mev : ndarray
        Kinetic energy.
    mass_mev : float
        Mass.

    Returns
    -------
    ndarray
        MeV per g/cm2; subtract `COLLISION_CONSTANT` delta / beta^2.
    """
    gamma = 1.0 + np.asarray(kinetic_mev, dtype=float) / mass_mev
    momentum2 = gamma**2 - 1.0
    ratio = ELECTRON_MASS_MEV / mass_mev
    largest = 2.0 * ELECTRON_MASS_MEV * momentum2 / (1.0 + 2.0 * gamma * ratio + ratio**2)
    argument = 2.0 * ELECTRON_MASS_MEV * momentum2 * largest / MEAN_EXCITATION_MEV**2
    beta2 = momentum2 / gamma**2
    return COLLISION_CONSTANT / beta2 * (np.log(argument) - 2.0 * beta2)


def muon_radiative_loss(kinetic_mev):
    """Loss of muons in bremsstrahlung, pair production and nuclear interactions.

    Parameters
    ----------
    kinetic_mev : ndarray
        Kinetic energy.

    Returns
    -------
    ndarray
        MeV per g/cm2.
    """
    kinetic = np.asarray(kinetic_mev, dtype=float)
    return 1e-6 * kinetic * np.interp(np.log(kinetic), np.log(_MUON_MEV), _MUON_RATE)
