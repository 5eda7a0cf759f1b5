"""Responses of the four-telescope H.E.S.S. array from published parametrisations.

They stand in for simulated responses: shape cuts, no cut on the direction (full enclosure).
Every function states where its numbers come from; "DR1" is the public release of H.E.S.S. data,
arXiv:1810.04516, its runs named by number. The formulas hold for zenith angles from 0 to 60 deg.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from iactflow.errors import InputError
from iactflow.io.observation import Background3D, EffectiveArea, EnergyDispersion, PointSpread

__all__ = [
    "ENERGY_RESOLUTION",
    "Responses",
    "acceptance",
    "background_rate_per_s_mev_sr",
    "effective_area_m2",
    "hadron_flux_per_m2_s_sr_tev",
    "migration_fraction",
    "psf_containment",
    "psf_radius68_deg",
    "responses",
    "safe_energy_min_tev",
]

ENERGY_RESOLUTION = 0.15
"""Width of ln(E_reco / E_true).

About 15 % rms in A&A 457, 899 (2006, sec. 5); 15-20 % in astro-ph/0601373 (abstract).
"""

FIELD_OF_VIEW_DEG = 2.5
"""Half of the 5 deg field of view of the cameras, astro-ph/0406658."""

HADRON_FRACTION = 0.0065
"""Background rate over the flux of protons and helium at the same energy times the gamma-ray area.

Measured on axis in DR1 between 0.9 and 8 TeV, where it is flat within 15 %: 0.0061, 0.0065 and
0.0073 in runs 20283, 47802 and 20136 at 36 to 39 deg zenith. It grows to 0.011 and 0.015 at 49 and
50 deg (runs 23523 and 33787), which is left out here. With a light yield of hadrons of 0.35 of
that of gamma rays it means that 4 % of the hadrons survive, the few per cent expected of cuts on
the shape.
"""

_ZENITH_REFERENCE_DEG = 20.0
_ENERGY_EDGES_TEV = np.geomspace(0.02, 200.0, 81)
_COARSE_ENERGY_EDGES_TEV = np.geomspace(0.02, 200.0, 33)
_RECO_ENERGY_EDGES_TEV = np.geomspace(0.1, 100.0, 37)
_OFFSET_NODES_DEG = np.arange(0.0, FIELD_OF_VIEW_DEG + 0.1, 0.5)
_OFFSET_EDGES_DEG = np.arange(-0.25, FIELD_OF_VIEW_DEG + 0.3, 0.5)
_MIGRA_EDGES = np.linspace(0.3, 2.5, 111)
_RAD_EDGES_DEG = np.linspace(0.0, 0.7, 141)
_FOV_EDGES_DEG = np.linspace(-FIELD_OF_VIEW_DEG, FIELD_OF_VIEW_DEG, 51)

# A&A 457, 899 (2006, sec. 3): two Gaussians; the second is wider by this factor, and its central
# density is this fraction of that of the first. Containment radii of DR1 near 1 TeV (39, 50, 68,
# 80 %: 0.059, 0.077, 0.118, 0.171 deg) agree with it within 15 %.
_PSF_WIDTH_RATIO = 0.12 / 0.046
_PSF_SECOND_DENSITY = 0.15


@dataclass(frozen=True)
class Responses:
    """The responses of a run.

    Parameters
    ----------
    aeff : EffectiveArea
        Effective area.
    edisp : EnergyDispersion
        Energy dispersion.
    psf : PointSpread
        Point spread function.
    bkg : Background3D
        Background.
    """

    aeff: EffectiveArea
    edisp: EnergyDispersion
    psf: PointSpread
    bkg: Background3D


def effective_area_m2(energy_tev, offset_deg, zenith_deg=_ZENITH_REFERENCE_DEG):
    """Effective area for gamma rays.

    ``g1 (E / MeV)^-g2 exp(-g3 / E)`` with g1 = 6.85e9 cm2, g2 = 0.0891, g3 = 5e5 MeV: MNRAS 402,
    1342 (2010), appendix B, taken for 20 deg zenith and on axis. With zenith the energy scale
    grows as cos^-2.8, which brings the trigger threshold from 100 GeV at the zenith to 700 GeV at
    60 deg (A&A 457, 899), and the area as cos^-2 with the square of the distance to the shower
    (2.4 between the DR1 runs at 38.5 and 48.6 deg). Off axis it falls as
    ``1 / (1 + (offset / w)^3)``, w = 1.75 deg up to 1 TeV, growing as E^0.172 above: a fit to the
    areas of DR1 run 20136, good to 15 % inside 2 deg.

    Parameters
    ----------
    energy_tev : float or ndarray
        True energy, TeV.
    offset_deg : float or ndarray
        Offset from the pointing, deg; broadcasts against the energy.
    zenith_deg : float, optional
        Zenith angle, deg.

    Returns
    -------
    float or ndarray
        Effective area, m2.
    """
    stretch = np.cos(np.deg2rad(_ZENITH_REFERENCE_DEG)) / np.cos(np.deg2rad(zenith_deg))
    energy_mev = np.asarray(energy_tev) * 1e6 / stretch**2.8
    on_axis_cm2 = 6.85e9 * energy_mev**-0.0891 * np.exp(-5e5 / energy_mev)
    width_deg = 1.75 * np.maximum(energy_tev, 1.0) ** 0.172
    return on_axis_cm2 * 1e-4 * stretch**2 / (1.0 + (np.asarray(offset_deg) / width_deg) ** 3)


def safe_energy_min_tev(zenith_deg=_ZENITH_REFERENCE_DEG):
    """Lower end of the safe energies: where the area on axis reaches 10 % of its maximum.

    Parameters
    ----------
    zenith_deg : float, optional
        Zenith angle, deg.

    Returns
    -------
    float
        Energy, TeV: 0.19 at 20 deg zenith.
    """
    grid_tev = np.geomspace(_ENERGY_EDGES_TEV[0], _ENERGY_EDGES_TEV[-1], 4001)
    area_m2 = effective_area_m2(grid_tev, 0.0, zenith_deg)
    return float(grid_tev[np.argmax(area_m2 >= 0.1 * area_m2.max())])


def migration_fraction(migra_low, migra_high):
    """Fraction of the events whose migration lies in an interval.

    The logarithm of E_reco / E_true is normal with the width `ENERGY_RESOLUTION` at all energies
    and offsets, and the mean of E_reco / E_true is one (|bias| below 10 % above the safe
    threshold: A&A 457, 899).

    Parameters
    ----------
    migra_low, migra_high : float or ndarray
        Ends of the interval in E_reco / E_true.

    Returns
    -------
    float or ndarray
        Probability.
    """
    mean = -0.5 * ENERGY_RESOLUTION**2
    upper, lower = np.log(migra_high), np.log(migra_low)
    return ndtr((upper - mean) / ENERGY_RESOLUTION) - ndtr((lower - mean) / ENERGY_RESOLUTION)


def psf_radius68_deg(energy_tev, offset_deg):
    """Radius that contains 68 % of the reconstructed directions of a point source.

    ``0.11 deg (E / TeV)^-0.15 (1 + 0.45 (offset / 2.5 deg)^4)``: about 0.1 deg per event (a
    H.E.S.S. thesis; 0.04-0.1 deg in astro-ph/0601373). The dependences follow DR1 run 20136:
    0.133, 0.118, 0.091, 0.069 deg at 0.3, 1, 5, 20 TeV and 0.5 deg; 0.118, 0.119, 0.140, 0.174 deg
    at 0.5, 1.5, 2, 2.5 deg and 1 TeV.

    Parameters
    ----------
    energy_tev : float or ndarray
        True energy, TeV.
    offset_deg : float or ndarray
        Offset from the pointing, deg.

    Returns
    -------
    float or ndarray
        Radius, deg.
    """
    off_axis = 1.0 + 0.45 * (np.asarray(offset_deg) / 2.5) ** 4
    return 0.11 * np.asarray(energy_tev) ** -0.15 * off_axis


def psf_containment(radius_deg, radius68_deg):
    """Fraction of the reconstructed directions within a radius, for the sum of two Gaussians.

    Parameters
    ----------
    radius_deg : float or ndarray
        Distance from the true direction, deg.
    radius68_deg : float or ndarray
        Radius of 68 % containment, deg.

    Returns
    -------
    float or ndarray
        Probability.
    """
    return _containment(np.asarray(radius_deg) / radius68_deg * _radius68_in_sigma())


def hadron_flux_per_m2_s_sr_tev(energy_tev):
    """Flux of cosmic-ray protons and helium nuclei.

    ``0.096 E^-2.70 + 0.0719 E^-2.64`` with E in TeV: Bernloehr et al., Astropart. Phys. 43, 171
    (2013), table 3.

    Parameters
    ----------
    energy_tev : float or ndarray
        Energy, TeV.

    Returns
    -------
    float or ndarray
        Flux, m-2 s-1 sr-1 TeV-1.
    """
    energy_tev = np.asarray(energy_tev)
    return 0.096 * energy_tev**-2.70 + 0.0719 * energy_tev**-2.64


def acceptance(offset_deg):
    """Background rate against the offset, relative to the axis.

    ``1 / (1 + (offset / 2 deg)^3)`` inside the field of view, none outside; follows the background
    of DR1 run 20136 near 1 TeV (0.85, 0.56, 0.42 at 1.1, 1.9, 2.1 deg) within 10 %.

    Parameters
    ----------
    offset_deg : float or ndarray
        Offset from the pointing, deg.

    Returns
    -------
    float or ndarray
        Relative rate.
    """
    offset_deg = np.asarray(offset_deg)
    return np.where(offset_deg <= FIELD_OF_VIEW_DEG, 1.0 / (1.0 + (offset_deg / 2.0) ** 3), 0.0)


def background_rate_per_s_mev_sr(energy_tev, offset_deg, zenith_deg=_ZENITH_REFERENCE_DEG):
    """Rate of background events that pass the shape cuts, electrons included.

    `HADRON_FRACTION` times the flux of protons and helium times the gamma-ray area on axis times
    the `acceptance`. As the reconstruction takes hadrons for gamma rays of less energy and the
    spectrum is a power law, survival and light yield make one factor.

    Parameters
    ----------
    energy_tev : float or ndarray
        Reconstructed energy, TeV.
    offset_deg : float or ndarray
        Offset from the pointing, deg.
    zenith_deg : float, optional
        Zenith angle, deg.

    Returns
    -------
    float or ndarray
        Rate, s-1 MeV-1 sr-1.
    """
    per_tev = hadron_flux_per_m2_s_sr_tev(energy_tev) * effective_area_m2(
        energy_tev, 0.0, zenith_deg
    )
    return 1e-6 * HADRON_FRACTION * per_tev * acceptance(offset_deg)


@lru_cache(maxsize=8)
def responses(zenith_deg=_ZENITH_REFERENCE_DEG) -> Responses:
    """Tables of all responses.

    Parameters
    ----------
    zenith_deg : float, optional
        Zenith angle, deg.

    Returns
    -------
    Responses
        Effective area (80 energies from 0.02 to 200 TeV), energy dispersion and point spread
        function (32 energies), each at offsets from 0 to 2.5 deg in steps of 0.5 deg; background
        (36 energies from 0.1 to 100 TeV) in cells of 0.1 deg.

    Raises
    ------
    InputError
        If the zenith angle lies outside 0 to 60 deg.
    """
    if not 0.0 <= zenith_deg <= 60.0:
        raise InputError("campaign", "mock.zenith_deg", zenith_deg, "0 to 60 deg")
    return Responses(_aeff_table(zenith_deg), _edisp_table(), _psf_table(), _bkg_table(zenith_deg))


def _centres(edges):
    return np.sqrt(edges[1:] * edges[:-1])


def _aeff_table(zenith_deg):
    area_m2 = effective_area_m2(
        _centres(_ENERGY_EDGES_TEV), _OFFSET_NODES_DEG[:, np.newaxis], zenith_deg
    )
    threshold_tev = safe_energy_min_tev(zenith_deg)
    return EffectiveArea(_ENERGY_EDGES_TEV, _OFFSET_EDGES_DEG, area_m2, threshold_tev, 100.0)


def _edisp_table():
    fraction = migration_fraction(_MIGRA_EDGES[:-1], _MIGRA_EDGES[1:])
    density = fraction / fraction.sum() / np.diff(_MIGRA_EDGES)
    shape = (len(_OFFSET_NODES_DEG), len(density), len(_COARSE_ENERGY_EDGES_TEV) - 1)
    matrix = np.broadcast_to(density[np.newaxis, :, np.newaxis], shape).copy()
    return EnergyDispersion(_COARSE_ENERGY_EDGES_TEV, _MIGRA_EDGES, _OFFSET_EDGES_DEG, matrix)


def _psf_table():
    radius68 = psf_radius68_deg(_centres(_COARSE_ENERGY_EDGES_TEV), _OFFSET_NODES_DEG[:, None])
    fraction = np.diff(psf_containment(_RAD_EDGES_DEG[:, None, None], radius68), axis=0)
    # The difference of cosines in the form that keeps its digits at small angles.
    middle, half = 0.5 * (_RAD_EDGES_DEG[1:] + _RAD_EDGES_DEG[:-1]), 0.5 * np.diff(_RAD_EDGES_DEG)
    solid_angle_sr = 4.0 * np.pi * np.sin(np.deg2rad(middle)) * np.sin(np.deg2rad(half))
    density = fraction / fraction.sum(axis=0) / solid_angle_sr[:, None, None]
    return PointSpread(_COARSE_ENERGY_EDGES_TEV, _OFFSET_EDGES_DEG, _RAD_EDGES_DEG, density)


def _bkg_table(zenith_deg):
    centres_deg = 0.5 * (_FOV_EDGES_DEG[1:] + _FOV_EDGES_DEG[:-1])
    offset_deg = np.hypot(centres_deg[np.newaxis, :], centres_deg[:, np.newaxis])
    energy_tev = _centres(_RECO_ENERGY_EDGES_TEV)[:, np.newaxis, np.newaxis]
    rate = background_rate_per_s_mev_sr(energy_tev, offset_deg, zenith_deg)
    return Background3D(_RECO_ENERGY_EDGES_TEV, _FOV_EDGES_DEG, _FOV_EDGES_DEG, rate)


def _containment(radius_in_sigma):
    wide = _PSF_SECOND_DENSITY * _PSF_WIDTH_RATIO**2
    half_square = 0.5 * radius_in_sigma**2
    inner = -np.expm1(-half_square) - wide * np.expm1(-half_square / _PSF_WIDTH_RATIO**2)
    return inner / (1.0 + wide)


@lru_cache(maxsize=1)
def _radius68_in_sigma():
    return brentq(lambda radius: _containment(radius) - 0.68, 0.1, 20.0)
