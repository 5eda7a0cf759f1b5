"""Trigger efficiency, effective area, rate and threshold from thrown and triggered events."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError

__all__ = [
    "Efficiency",
    "Rate",
    "crab_nebula",
    "electrons",
    "threshold_tev",
    "trigger_efficiency",
    "trigger_rate",
]

CM2_PER_M2 = 1e4


class Efficiency(NamedTuple):
    """Part of the thrown events that trigger.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n,)
        Efficiency; standard error. Not a number where nothing was thrown.
    """

    value: np.ndarray
    error: np.ndarray


class Rate(NamedTuple):
    """Rate of triggers by a spectrum.

    Attributes
    ----------
    hz : float
        Rate over all bins.
    error_hz : float
        Its standard error by the number of simulated events.
    per_bin_hz : ndarray of float64, shape (n,)
        Rate of each bin of energy.
    """

    hz: float
    error_hz: float
    per_bin_hz: np.ndarray


def trigger_efficiency(n_thrown, n_triggered, events_per_shower=1.0) -> Efficiency:
    """Trigger efficiency in bins.

    Parameters
    ----------
    n_thrown, n_triggered : array_like of int, shape (n,)
        Events.
    events_per_shower : float
        Events of one shower that share its fate; the error takes all of them as one. 1 for
        independent events; the number of re-uses is a safe choice for few showers.

    Returns
    -------
    Efficiency
        Binomial, with the error of the posterior mean for a flat prior, so that none triggered and
        all triggered have an error too.

    Raises
    ------
    InputError
        If more events triggered than were thrown, or a number is negative.
    """
    thrown = np.asarray(n_thrown, dtype=np.float64)
    triggered = np.asarray(n_triggered, dtype=np.float64)
    if np.any(triggered > thrown) or np.any(triggered < 0.0):
        raise InputError("trigger counts", "n_triggered", triggered.tolist(), "0 to n_thrown")
    value = np.full(thrown.shape, np.nan)
    np.divide(triggered, thrown, out=value, where=thrown > 0.0)
    smooth = (triggered + 1.0) / (thrown + 2.0)
    error = np.sqrt(smooth * (1.0 - smooth) * events_per_shower / (thrown + 3.0))
    return Efficiency(value, np.where(thrown > 0.0, error, np.nan))


def _integral(spectrum: Callable, low: float, high: float) -> float:
    """Integral over energy, by Gauss and Legendre in its logarithm."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    half = 0.5 * np.log(high / low)
    energy = np.sqrt(low * high) * np.exp(half * nodes)
    return float(np.sum(weights * spectrum(energy) * energy) * half)


def trigger_rate(
    energy_edges_tev,
    area_m2,
    spectrum: Callable,
    area_error_m2=None,
    solid_angle_sr: float = 1.0,
) -> Rate:
    """Rate of triggers by a spectrum.

    Parameters
    ----------
    energy_edges_tev : array_like, shape (n + 1,)
        Edges of the bins of true energy, ascending.
    area_m2 : array_like, shape (n,)
        Effective area, constant in a bin; not a number counts as zero.
    spectrum : callable
        dN/dE in cm-2 s-1 TeV-1 (per sr for diffuse particles) against the energy in TeV.
    area_error_m2 : array_like, shape (n,), optional
        Standard errors of the area.
    solid_angle_sr : float
        Solid angle over which directions were thrown, for diffuse particles.

    Returns
    -------
    Rate
        Outside of the bins nothing is added.

    Raises
    ------
    InputError
        If edges do not ascend or do not match the areas.
    """
    edges = np.asarray(energy_edges_tev, dtype=np.float64)
    area = np.nan_to_num(np.asarray(area_m2, dtype=np.float64))
    if edges.ndim != 1 or edges.size != area.size + 1 or np.any(np.diff(edges) <= 0.0):
        allowed = f"{area.size + 1} ascending energies"
        raise InputError("trigger counts", "energy_edges_tev", edges.tolist(), allowed)
    flux = np.array([_integral(spectrum, low, high) for low, high in itertools.pairwise(edges)])
    per_area = CM2_PER_M2 * solid_angle_sr * flux
    error = np.zeros_like(area) if area_error_m2 is None else np.nan_to_num(area_error_m2)
    per_bin = per_area * area
    return Rate(float(per_bin.sum()), float(np.sqrt(np.sum((per_area * error) ** 2))), per_bin)


def threshold_tev(energy_edges_tev, area_m2, spectrum: Callable) -> float:
    """Energy at which the rate per unit energy is largest: the usual threshold.

    Parameters
    ----------
    energy_edges_tev : array_like, shape (n + 1,)
        Edges of the bins of true energy, ascending.
    area_m2 : array_like, shape (n,)
        Effective area.
    spectrum : callable
        dN/dE against the energy in TeV.

    Returns
    -------
    float
        Maximum of the parabola in logarithms through the highest bin and its neighbours.

    Raises
    ------
    InputError
        If the maximum lies in the first or last bin, or the area vanishes.
    """
    edges = np.asarray(energy_edges_tev, dtype=np.float64)
    centre = np.sqrt(edges[1:] * edges[:-1])
    density = spectrum(centre) * np.nan_to_num(np.asarray(area_m2, dtype=np.float64))
    top = int(np.argmax(density))
    if not 0 < top < centre.size - 1 or np.any(density[top - 1 : top + 2] <= 0.0):
        allowed = "a maximum of area times spectrum inside the energies thrown"
        raise InputError("trigger counts", "area_m2", density.tolist(), allowed)
    part = slice(top - 1, top + 2)
    a, b, _ = np.polyfit(np.log(centre[part] / centre[top]), np.log(density[part]), 2)
    return float(centre[top] * np.exp(-0.5 * b / a))


def crab_nebula(energy_tev):
    """Spectrum of the Crab nebula (Aharonian et al. 2006, A&A 457, 899: with cutoff).

    Parameters
    ----------
    energy_tev : array_like
        Energies.

    Returns
    -------
    ndarray
        dN/dE in cm-2 s-1 TeV-1.
    """
    energy = np.asarray(energy_tev, dtype=np.float64)
    return 3.76e-11 * energy**-2.39 * np.exp(-energy / 14.3)


def electrons(energy_tev):
    """Spectrum of cosmic-ray electrons and positrons, as CTAO's responses assume it.

    A power law with a bump around 1 TeV: the parametrisation published with CTAO's instrument
    response functions.

    Parameters
    ----------
    energy_tev : array_like
        Energies.

    Returns
    -------
    ndarray
        dN/dE in cm-2 s-1 sr-1 TeV-1.
    """
    energy = np.asarray(energy_tev, dtype=np.float64)
    bump = np.exp(-0.5 * ((np.log10(energy) + 0.101) / 0.741) ** 2)
    return 2.385e-9 * energy**-3.43 * (1.0 + 1.95 * (np.exp(bump) - 1.0))
