"""Extinction where no table is at hand: Rayleigh scattering, absorbing gases, aerosols.

- Rayleigh: cross-section of a molecule of standard air, Bucholtz, Appl. Opt. 34 (1995) 2765,
  equation 8 and table 3, times the column of the site's own profile.
- Gases (ozone, water, oxygen): what a MODTRAN table of another site leaves above Rayleigh
  scattering and its aerosols, at the same heights above sea level.
- Aerosols: Angstrom's law, ``tau = tau_550 (lambda / 550 nm)^-alpha``, with an exponential profile
  above the observation level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iactflow.atmosphere.extinction import OPAQUE, ExtinctionTable
from iactflow.atmosphere.profile import AtmosphereProfile
from iactflow.atmosphere.table import make_table, thickness_g_cm2

__all__ = [
    "Aerosols",
    "aerosol_depth",
    "at_level",
    "gas_absorption",
    "rayleigh_cross_section_cm2",
    "rayleigh_depth",
    "site_extinction",
]

AVOGADRO = 6.02214076e23
MOLAR_MASS_G = 28.9644
# Coefficients A, B, C, D of Bucholtz's equation 8 below and above 500 nm, for cm2 and micrometres.
SHORT = (3.01577e-28, 3.55212, 1.35579, 0.11563)
LONG = (4.01061e-28, 3.99668, 1.10298e-3, 2.71393e-2)
# Where a table's remainder over Rayleigh scattering is taken for aerosols alone: no gas absorbs.
AEROSOL_WAVELENGTH_NM = 400.0


@dataclass(frozen=True)
class Aerosols:
    """Aerosols above an observation level.

    Attributes
    ----------
    depth_550 : float
        Optical depth of the whole column at 550 nm.
    angstrom : float
        Exponent of the wavelength.
    scale_height_m : float
        Scale height of the density.
    """

    depth_550: float
    angstrom: float
    scale_height_m: float


def rayleigh_cross_section_cm2(wavelength_nm) -> np.ndarray:
    """Cross-section of a molecule of air for Rayleigh scattering.

    Parameters
    ----------
    wavelength_nm : array_like
        Wavelengths from 200 to 4000 nm.

    Returns
    -------
    ndarray of float64
        cm2; Bucholtz (1995), equation 8.
    """
    micrometres = np.asarray(wavelength_nm, dtype=np.float64) / 1000.0
    values = []
    for a, b, c, d in (SHORT, LONG):
        values.append(a * micrometres ** -(b + c * micrometres + d / micrometres))
    return np.where(micrometres <= 0.5, *values)


def rayleigh_depth(profile, heights_m, wavelengths_nm, level_m) -> np.ndarray:
    """Vertical optical depth of Rayleigh scattering.

    Parameters
    ----------
    profile : AtmosphereProfile
        Profile.
    heights_m : ndarray, shape (n_h,)
        Heights of emission above sea level.
    wavelengths_nm : ndarray, shape (n_w,)
        Wavelengths.
    level_m : float
        Observation level.

    Returns
    -------
    ndarray of float64, shape (n_h, n_w)
        Optical depths.
    """
    table = make_table(profile, level_m)
    column = np.array([thickness_g_cm2(table, float(height)) for height in heights_m])
    molecules = (thickness_g_cm2(table, float(level_m)) - column) * AVOGADRO / MOLAR_MASS_G
    return molecules[:, None] * rayleigh_cross_section_cm2(wavelengths_nm)


def aerosol_depth(aerosols: Aerosols, heights_m, wavelengths_nm, level_m) -> np.ndarray:
    """Vertical optical depth of aerosols.

    Parameters
    ----------
    aerosols : Aerosols
        Parameters.
    heights_m, wavelengths_nm : ndarray, shape (n_h,) and (n_w,)
        Heights of emission above sea level; wavelengths.
    level_m : float
        Observation level.

    Returns
    -------
    ndarray of float64, shape (n_h, n_w)
        Optical depths.
    """
    above = np.maximum(np.asarray(heights_m) - level_m, 0.0)
    share = -np.expm1(-above / aerosols.scale_height_m)
    colour = (np.asarray(wavelengths_nm) / 550.0) ** -aerosols.angstrom
    return aerosols.depth_550 * share[:, None] * colour


def gas_absorption(table: ExtinctionTable, profile: AtmosphereProfile, angstrom: float):
    """Absorption by gases in a table: what Rayleigh scattering and aerosols leave.

    The remainder over Rayleigh scattering at 400 nm is aerosol; elsewhere Angstrom's law scales it.

    Parameters
    ----------
    table : ExtinctionTable
        Table.
    profile : AtmosphereProfile
        Profile of the table's site.
    angstrom : float
        Exponent of its aerosols.

    Returns
    -------
    ndarray of float64, shape (n_h, n_w)
        Optical depth to the table's observation level, not negative.
    """
    level, waves = table.observation_level_m, table.wavelengths_nm
    remainder = table.tau - rayleigh_depth(profile, table.heights_m, waves, level)
    aerosol = np.array([np.interp(AEROSOL_WAVELENGTH_NM, waves, row) for row in remainder])
    colour = (waves / AEROSOL_WAVELENGTH_NM) ** -angstrom
    gases = np.where(table.tau >= OPAQUE, OPAQUE, remainder - aerosol[:, None] * colour)
    return np.maximum.accumulate(np.maximum(gases, 0.0), axis=0)


def at_level(heights_m, tau, level_m):
    """Optical depths to another observation level.

    Parameters
    ----------
    heights_m : ndarray, shape (n_h,)
        Heights; the first is the present observation level.
    tau : ndarray, shape (n_h, n_w)
        Optical depths to it.
    level_m : float
        New observation level. Below the present one the lowest layer goes on.

    Returns
    -------
    tuple of ndarray, shape (m,) and (m, n_w)
        Heights from the new level on, and optical depths to it; opaque ones stay so.
    """
    slope = (tau[1] - tau[0]) / (heights_m[1] - heights_m[0])
    above = heights_m > level_m
    inside = max(level_m, heights_m[0])
    base = np.array([np.interp(inside, heights_m, column) for column in tau.T])
    base = base - slope * max(heights_m[0] - level_m, 0.0)
    moved = np.where(tau[above] >= OPAQUE, OPAQUE, np.minimum(tau[above] - base, OPAQUE))
    return (
        np.append(level_m, heights_m[above]),
        np.vstack([np.zeros((1, tau.shape[1])), np.maximum(moved, 0.0)]),
    )


def site_extinction(
    profile: AtmosphereProfile, level_m: float, gases, aerosols: Aerosols
) -> ExtinctionTable:
    """Extinction table of a site without MODTRAN.

    Parameters
    ----------
    profile : AtmosphereProfile
        The site's profile.
    level_m : float
        Observation level.
    gases : ExtinctionTable
        Absorption by gases alone, of another site.
    aerosols : Aerosols
        The site's aerosols.

    Returns
    -------
    ExtinctionTable
        At the heights of `gases` above the level.
    """
    heights, absorbed = at_level(gases.heights_m, gases.tau, level_m)
    waves = gases.wavelengths_nm
    tau = absorbed + rayleigh_depth(profile, heights, waves, level_m)
    tau += aerosol_depth(aerosols, heights, waves, level_m)
    return ExtinctionTable(heights, waves, np.ascontiguousarray(np.minimum(tau, OPAQUE)), level_m)
