"""Differential flux sensitivity of a point source, from rates of signal and background.

A source is detected in a bin of reconstructed energy when its excess is significant by 5 standard
deviations (Li & Ma 1983, ApJ 272, 317, eq. 17), has at least ten events, and at least 5 % of the
background in the on region, whose systematic error would else drown it; in 50 h, with five bins
per decade and off regions of five times the on region (Bernlöhr et al. 2013, Astropart. Phys. 43,
171; the conditions of pyirf's ``calculate_sensitivity``). The excess that it takes, over the
excess of a reference source, is the sensitivity relative to its flux.

Background is nearly flat over the centre of the field, so that its rate in a small on region is
that of a larger circle around the pointing, scaled with the solid angle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.response.significance import li_ma_significance
from iactflow.response.spectra import Spectrum
from iactflow.response.weights import Rate, clustered_rate

__all__ = [
    "STANDARD",
    "BinnedRates",
    "Conditions",
    "Sensitivity",
    "as_columns",
    "detectable_excess",
    "differential_sensitivity",
    "energy_edges",
    "rates_by_energy",
]

#: Halvings of the interval that holds the excess: down to the last bit.
_HALVINGS = 80


class Conditions(NamedTuple):
    """When a source counts as detected.

    Attributes
    ----------
    time_h : float
        Time on source.
    alpha : float
        On-to-off exposure ratio.
    significance : float
        Least significance.
    excess_min : float
        Least excess, events.
    background_fraction_min : float
        Least excess over the background in the on region.
    """

    time_h: float = 50.0
    alpha: float = 0.2
    significance: float = 5.0
    excess_min: float = 10.0
    background_fraction_min: float = 0.05


#: Five standard deviations in 50 h.
STANDARD = Conditions()


class BinnedRates(NamedTuple):
    """Rates in bins of reconstructed energy.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_bins,)
        Rates and standard errors, s-1.
    n_events, n_showers : ndarray of int64, shape (n_bins,)
        Simulated events, different showers among them.
    n_effective : ndarray of float64, shape (n_bins,)
        Showers of equal weight that would have this relative error.
    """

    value: np.ndarray
    error: np.ndarray
    n_events: np.ndarray
    n_showers: np.ndarray
    n_effective: np.ndarray


class Sensitivity(NamedTuple):
    """Sensitivity in bins of reconstructed energy.

    Attributes
    ----------
    energy_min_tev, energy_max_tev, energy_ref_tev : ndarray of float64, shape (n_bins,)
        Bins, and their centres in ln E.
    relative_flux : ndarray of float64, shape (n_bins,)
        Least flux over that of the reference source; infinite without signal.
    flux, flux_error : ndarray of float64, shape (n_bins,)
        The same times the reference flux at the centre, cm-2 s-1 TeV-1; its standard error is
        that of the numbers of simulated showers.
    n_signal, n_background : ndarray of float64, shape (n_bins,)
        Excess and background in the on region at the least flux.
    limited_by : tuple of str, length n_bins
        Condition that decides: ``significance``, ``excess`` or ``background``; ``no background``
        where no simulated background is left: the flux is a lower limit then, since nothing but
        the least excess asks for it; ``no signal``.
    """

    energy_min_tev: np.ndarray
    energy_max_tev: np.ndarray
    energy_ref_tev: np.ndarray
    relative_flux: np.ndarray
    flux: np.ndarray
    flux_error: np.ndarray
    n_signal: np.ndarray
    n_background: np.ndarray
    limited_by: tuple[str, ...]


def energy_edges(low_tev: float, high_tev: float, per_decade: int = 5) -> np.ndarray:
    """Edges of bins of equal width in log10 E, aligned at 1 TeV.

    Parameters
    ----------
    low_tev, high_tev : float
        Energies that the bins cover.
    per_decade : int, optional
        Bins in a decade.

    Returns
    -------
    ndarray of float64, shape (n_bins + 1,)
        Edges.

    Raises
    ------
    InputError
        If the range is empty.
    """
    if not 0.0 < low_tev < high_tev:
        raise InputError("energy bins", "range", (low_tev, high_tev), "ascending, above 0")
    first = np.floor(np.log10(low_tev) * per_decade + 1e-6)
    last = np.ceil(np.log10(high_tev) * per_decade - 1e-6)
    return 10.0 ** (np.arange(first, last + 1.0) / per_decade)


def rates_by_energy(
    energy_tev, weights, cluster, edges_tev, n_showers: int | None = None
) -> BinnedRates:
    """Rates of events in bins of energy, with errors by shower.

    Parameters
    ----------
    energy_tev : array_like, shape (n,)
        Reconstructed energy.
    weights : array_like, shape (n,)
        Rates of the events, s-1.
    cluster : array_like of int, shape (n,)
        Shower of each event.
    edges_tev : array_like, shape (n_bins + 1,)
        Edges, ascending; events outside are left out.
    n_showers : int, optional
        Showers thrown, as in `iactflow.response.weights.clustered_rate`.

    Returns
    -------
    BinnedRates
        Rates.
    """
    place = np.digitize(np.asarray(energy_tev), edges_tev) - 1
    weights, cluster = np.asarray(weights, dtype=np.float64), np.asarray(cluster)
    rates = [
        clustered_rate(weights[place == i], cluster[place == i], n_showers)
        for i in range(len(edges_tev) - 1)
    ]
    return BinnedRates(*(np.array([getattr(r, name) for r in rates]) for name in Rate._fields))


def _excess_of_significance(background, alpha: float, significance: float) -> np.ndarray:
    """Excess over a background in the on region that has a significance: bisection."""
    n_off = background / alpha

    def value(excess):
        return li_ma_significance(excess + background, n_off, alpha)

    low = np.zeros_like(background)
    # A Gaussian without the background's error, and Poisson counts without background, bound it.
    high = 10.0 * (significance * np.sqrt(background) + significance**2 + 1.0)
    while (value(high) < significance).any():
        high = 2.0 * high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = value(middle) < significance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def detectable_excess(background, conditions: Conditions = STANDARD) -> np.ndarray:
    """Excess that a source needs over a background.

    Parameters
    ----------
    background : array_like
        Events expected in the on region, not negative.
    conditions : Conditions, optional
        Conditions; the time is not looked at.

    Returns
    -------
    ndarray of float64
        Events.

    Raises
    ------
    InputError
        If a background is negative or not a number.
    """
    background = np.asarray(background, dtype=np.float64)
    if not np.all(background >= 0.0):
        raise InputError("sensitivity", "background", background.tolist(), "not negative")
    flat = background.reshape(-1)
    excess = _excess_of_significance(flat, conditions.alpha, conditions.significance)
    least = np.maximum(conditions.excess_min, conditions.background_fraction_min * flat)
    return np.maximum(excess, least).reshape(background.shape)


def _limits(excess, background, has_signal, conditions: Conditions) -> tuple[str, ...]:
    named = []
    for needed, level, seen in zip(excess, background, has_signal, strict=True):
        if not seen:
            named.append("no signal")
        elif level == 0.0:
            named.append("no background")
        elif needed == conditions.background_fraction_min * level:
            named.append("background")
        else:
            named.append("excess" if needed == conditions.excess_min else "significance")
    return tuple(named)


def differential_sensitivity(
    edges_tev,
    signal: BinnedRates,
    background: BinnedRates,
    reference: Spectrum,
    conditions: Conditions = STANDARD,
) -> Sensitivity:
    """Least flux of a detected point source, by energy.

    Parameters
    ----------
    edges_tev : array_like, shape (n_bins + 1,)
        Edges of the bins of reconstructed energy.
    signal : BinnedRates
        Rates of gamma rays of the reference source in the on region, after all cuts.
    background : BinnedRates
        Rates of background in a region as large as the on region, after all cuts.
    reference : Spectrum
        Flux of the reference source.
    conditions : Conditions, optional
        Conditions of a detection.

    Returns
    -------
    Sensitivity
        Fluxes.

    Raises
    ------
    InputError
        If the reference is no point source, or a rate is negative.

    Notes
    -----
    Errors take in both numbers of showers: that of the signal as a relative error of the flux,
    that of the background by the excess that it takes at the background's rate plus and minus
    its error.
    """
    if reference.is_diffuse:
        raise InputError("sensitivity", "reference", reference.name, "a point source")
    edges = np.asarray(edges_tev, dtype=np.float64)
    time_s = conditions.time_h * 3600.0
    n_signal, n_background = signal.value * time_s, background.value * time_s
    excess = detectable_excess(n_background, conditions)
    up = detectable_excess(n_background + background.error * time_s, conditions)
    down = detectable_excess(np.maximum(n_background - background.error * time_s, 0.0), conditions)
    has_signal = n_signal > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(has_signal, excess / n_signal, np.inf)
        error = np.hypot(signal.error / signal.value, 0.5 * (up - down) / excess)
    centre = np.sqrt(edges[:-1] * edges[1:])
    flux = relative * reference(centre)
    return Sensitivity(
        edges[:-1],
        edges[1:],
        centre,
        relative,
        flux,
        np.where(has_signal, flux * error, np.nan),
        excess,
        n_background,
        _limits(excess, n_background, has_signal, conditions),
    )


def as_columns(found: Sensitivity) -> Mapping[str, list]:
    """Sensitivity as plain columns of a summary.

    Parameters
    ----------
    found : Sensitivity
        Sensitivity.

    Returns
    -------
    mapping of str to list
        Columns by the names of `Sensitivity`.
    """
    return {name: np.asarray(value).tolist() for name, value in found._asdict().items()}
