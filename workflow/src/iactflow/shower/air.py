"""Dry air as showers see it: composition, radiation length, density effect, physical constants.

Composition, mean excitation energy and the parameters of the density effect are those of
Sternheimer, Berger and Seltzer, At. Data Nucl. Data Tables 30 (1984) 261, as in the Particle Data
Group's table of materials ("air, dry, 1 atm"); constants are CODATA's of 2018.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "ATOMIC_NUMBER",
    "ATOMS_PER_GRAM",
    "ELECTRONS_PER_GRAM",
    "ELECTRON_MASS_MEV",
    "ELECTRON_RADIUS_CM",
    "FINE_STRUCTURE",
    "MASS_NUMBER",
    "MEAN_EXCITATION_MEV",
    "MUON_MASS_MEV",
    "RADIATION_LENGTH_G_CM2",
    "density_effect",
]

ELECTRON_MASS_MEV = 0.51099895
MUON_MASS_MEV = 105.6583755
ELECTRON_RADIUS_CM = 2.8179403262e-13
FINE_STRUCTURE = 1.0 / 137.035999084
AVOGADRO = 6.02214076e23

# Carbon, nitrogen, oxygen, argon: parts by weight.
ATOMIC_NUMBER = np.array([6.0, 7.0, 8.0, 18.0])
MASS_NUMBER = np.array([12.0107, 14.0067, 15.9994, 39.948])
_WEIGHT = np.array([0.000124, 0.755267, 0.231781, 0.012827])
ATOMS_PER_GRAM = AVOGADRO * _WEIGHT / _WEIGHT.sum() / MASS_NUMBER
ELECTRONS_PER_GRAM = float((ATOMS_PER_GRAM * ATOMIC_NUMBER).sum())

RADIATION_LENGTH_G_CM2 = 36.62
MEAN_EXCITATION_MEV = 85.7e-6
REFERENCE_DENSITY_G_CM3 = 1.20479e-3
_STERNHEIMER = (0.10914, 3.3994, 1.7418, 4.2759, 10.5961)  # a, k, x0, x1, C


def density_effect(log_momentum):
    """Density effect of the collision loss at the reference density (Sternheimer et al. 1984).

    Parameters
    ----------
    log_momentum : ndarray
        Natural logarithm of p / (m c), plus half the logarithm of density over reference density:
        at another density of a gas the effect is that of a momentum times the root of the ratio.

    Returns
    -------
    ndarray
        delta.
    """
    a, k, low, high, c = _STERNHEIMER
    x = np.asarray(log_momentum) / np.log(10.0)
    asymptotic = 2.0 * np.log(10.0) * x - c
    rise = asymptotic + a * np.clip(high - x, 0.0, None) ** k
    return np.where(x < low, 0.0, rise)
