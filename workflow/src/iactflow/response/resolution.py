"""Angular and energy resolution, bias, with errors, in bins of true energy.

Definitions. The angular resolution is the radius that holds 68 % of the events of a bin of true
energy. With x = E_reco / E_true - 1 of these events, the bias is the mean (or the median) of x in a
bin of true energy, not of reconstructed energy, where the spectrum would enter; the resolution is
the rms of x around its mean, or half the width of the interval around the median that holds 68 %,
or half that of the interval around zero that holds 68 % (CTAO's definition, which takes in the
bias).

Errors. A quantile's error is that of the fraction of events below it, carried back through the
sample (Woodruff 1952, JASA 47, 635): for independent events the binomial one, q (1 - q) / n. Events
of one shower at several core positions are not independent: given the showers, sums over events
become sums over showers (clusters), whose scatter gives all errors (linearisation, Wolter,
Introduction to Variance Estimation, 2nd ed. 2007, chapter 6). Without showers every event is its
own cluster. Errors of quantiles around the median leave out that of the median.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError

__all__ = [
    "AngularResolution",
    "EnergyResolution",
    "Estimate",
    "angular_resolution",
    "containment",
    "energy_resolution",
    "mean_and_rms",
]

CONTAINMENT = 0.68
#: Bins with fewer events have no resolution.
MIN_EVENTS = 10


class Estimate(NamedTuple):
    """A number with its interval of one standard error; arrays where there are bins."""

    value: float | np.ndarray
    low: float | np.ndarray
    high: float | np.ndarray


class AngularResolution(NamedTuple):
    """Angular resolution in bins of true energy.

    Attributes
    ----------
    energy_min_tev, energy_max_tev : ndarray of float64, shape (n_bins,)
        Bins.
    n_events, n_showers : ndarray of int64, shape (n_bins,)
        Events, and different showers among them.
    radius_deg : Estimate of ndarray of float64, shape (n_bins,)
        Radius that holds the fraction; not a number with fewer than `MIN_EVENTS`.
    """

    energy_min_tev: np.ndarray
    energy_max_tev: np.ndarray
    n_events: np.ndarray
    n_showers: np.ndarray
    radius_deg: Estimate


class EnergyResolution(NamedTuple):
    """Bias and resolution of energies in bins of true energy, all as fractions of it.

    Attributes
    ----------
    energy_min_tev, energy_max_tev : ndarray of float64, shape (n_bins,)
        Bins.
    n_events, n_showers : ndarray of int64, shape (n_bins,)
        Events, and different showers among them.
    mean, rms : Estimate of ndarray of float64, shape (n_bins,)
        Mean of E_reco / E_true - 1, and rms around it.
    median, half_width : Estimate of ndarray of float64, shape (n_bins,)
        Median, and half the width of the interval around it that holds 68 %.
    around_zero : Estimate of ndarray of float64, shape (n_bins,)
        Half the width of the interval around zero that holds 68 %.
    """

    energy_min_tev: np.ndarray
    energy_max_tev: np.ndarray
    n_events: np.ndarray
    n_showers: np.ndarray
    mean: Estimate
    rms: Estimate
    median: Estimate
    half_width: Estimate
    around_zero: Estimate


def _error_of_mean(values: np.ndarray, cluster: np.ndarray | None) -> float:
    """Standard error of the mean of values, from the scatter of the sums of clusters."""
    centred = values - values.mean()
    if cluster is not None:
        centred = np.bincount(np.unique(cluster, return_inverse=True)[1], weights=centred)
    n = len(centred)
    if n < 2:
        return np.nan
    return float(np.sqrt(n / (n - 1) * np.sum(centred**2)) / len(values))


def containment(values, fraction: float = CONTAINMENT, cluster=None) -> Estimate:
    """Value below which a fraction of a sample lies.

    Parameters
    ----------
    values : array_like, shape (n,)
        Sample, at least one value, all finite.
    fraction : float, optional
        Inside (0, 1).
    cluster : array_like, shape (n,), optional
        What values share that are not independent, such as the shower; by default nothing.

    Returns
    -------
    Estimate
        Quantile (linear between order statistics), and the quantiles at the fraction less and plus
        its standard error; an end beyond the sample is infinite.

    Raises
    ------
    InputError
        If the sample is empty or not finite, or the fraction out of range.
    """
    values = np.asarray(values, dtype=np.float64)
    if not 0.0 < fraction < 1.0:
        raise InputError("containment", "fraction", fraction, "inside (0, 1)")
    if not len(values) or not np.all(np.isfinite(values)):
        raise InputError("containment", "values", len(values), "at least one, all finite")
    quantile = float(np.quantile(values, fraction))
    # Where the sample has equal values, the fraction below is not the one asked for.
    below = (values <= quantile).astype(np.float64)
    if cluster is None:
        error = np.sqrt(fraction * (1.0 - fraction) / len(values))
    else:
        error = _error_of_mean(below, np.asarray(cluster))
    low, high = fraction - error, fraction + error
    return Estimate(
        quantile,
        float(np.quantile(values, low)) if low > 0.0 else -np.inf,
        float(np.quantile(values, high)) if high < 1.0 else np.inf,
    )


def mean_and_rms(values, cluster=None) -> tuple[Estimate, Estimate]:
    """Mean and rms of a sample.

    Parameters
    ----------
    values : array_like, shape (n,)
        Sample, at least two values.
    cluster : array_like, shape (n,), optional
        As in `containment`.

    Returns
    -------
    mean, rms : Estimate
        The rms is that around the mean.

    Raises
    ------
    InputError
        If there are fewer than two values, or one is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2 or not np.all(np.isfinite(values)):
        raise InputError("mean and rms", "values", len(values), "at least two, all finite")
    mean, rms = float(values.mean()), float(values.std(ddof=1))
    error = _error_of_mean(values, cluster)
    # The variance is the mean of the squares: half its relative error is that of the rms.
    square_error = _error_of_mean((values - mean) ** 2, cluster)
    rms_error = 0.5 * square_error / rms if rms > 0.0 else 0.0
    return (
        Estimate(mean, mean - error, mean + error),
        Estimate(rms, rms - rms_error, rms + rms_error),
    )


def _bins(true_energy_tev, energy_edges_tev, finite, shower_id, keep):
    """Rows of each bin, with the numbers of events and showers."""
    edges = np.asarray(energy_edges_tev, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0.0):
        raise InputError("resolution", "energy_edges_tev", edges.tolist(), "ascending edges")
    use = finite if keep is None else finite & np.asarray(keep, dtype=bool)
    at = np.digitize(np.asarray(true_energy_tev), edges) - 1
    rows = [np.flatnonzero(use & (at == i)) for i in range(len(edges) - 1)]
    n_showers = [
        len(r) if shower_id is None else len(np.unique(np.asarray(shower_id)[r])) for r in rows
    ]
    return edges, rows, np.array([len(r) for r in rows]), np.array(n_showers)


def _showers(shower_id, rows) -> np.ndarray | None:
    return None if shower_id is None else np.asarray(shower_id)[rows]


def _stack(estimates) -> Estimate:
    return Estimate(*np.array(estimates, dtype=np.float64).reshape(-1, 3).T)


def angular_resolution(
    separation_deg,
    true_energy_tev,
    energy_edges_tev,
    shower_id=None,
    keep=None,
    fraction: float = CONTAINMENT,
) -> AngularResolution:
    """Radius that holds a fraction of the events, in bins of true energy.

    Parameters
    ----------
    separation_deg : array_like, shape (n,)
        Distance of the reconstructed from the true direction; events that are not a number are
        left out.
    true_energy_tev : array_like, shape (n,)
        True energy.
    energy_edges_tev : array_like, shape (n_bins + 1,)
        Edges of the bins, ascending.
    shower_id : array_like, shape (n,), optional
        Shower of each event: its re-uses are one cluster.
    keep : array_like of bool, shape (n,), optional
        Events to use: cuts in multiplicity, size or shape.
    fraction : float, optional
        Fraction.

    Returns
    -------
    AngularResolution
        Radii.

    Raises
    ------
    InputError
        If edges do not ascend.
    """
    values = np.asarray(separation_deg, dtype=np.float64)
    edges, rows, n_events, n_showers = _bins(
        true_energy_tev, energy_edges_tev, np.isfinite(values), shower_id, keep
    )
    nothing = Estimate(np.nan, np.nan, np.nan)
    radius = [
        nothing
        if len(r) < MIN_EVENTS
        else containment(
            values[r], fraction, None if shower_id is None else np.asarray(shower_id)[r]
        )
        for r in rows
    ]
    return AngularResolution(edges[:-1], edges[1:], n_events, n_showers, _stack(radius))


def _energy_numbers(x, cluster) -> list[Estimate]:
    mean, rms = mean_and_rms(x, cluster)
    median = containment(x, 0.5, cluster)
    half_width = containment(np.abs(x - median.value), CONTAINMENT, cluster)
    return [mean, rms, median, half_width, containment(np.abs(x), CONTAINMENT, cluster)]


def energy_resolution(
    energy_tev, true_energy_tev, energy_edges_tev, shower_id=None, keep=None
) -> EnergyResolution:
    """Bias and resolution of energies in bins of true energy.

    Parameters
    ----------
    energy_tev : array_like, shape (n,)
        Reconstructed energy; events that are not a number are left out.
    true_energy_tev : array_like, shape (n,)
        True energy.
    energy_edges_tev : array_like, shape (n_bins + 1,)
        Edges of the bins, ascending.
    shower_id : array_like, shape (n,), optional
        Shower of each event: its re-uses are one cluster.
    keep : array_like of bool, shape (n,), optional
        Events to use.

    Returns
    -------
    EnergyResolution
        Not a number in bins with fewer than `MIN_EVENTS`.

    Raises
    ------
    InputError
        If edges do not ascend.
    """
    x = np.asarray(energy_tev, dtype=np.float64) / np.asarray(true_energy_tev, dtype=np.float64) - 1
    edges, rows, n_events, n_showers = _bins(
        true_energy_tev, energy_edges_tev, np.isfinite(x), shower_id, keep
    )
    nothing = [Estimate(np.nan, np.nan, np.nan)] * 5
    numbers = [
        nothing if len(r) < MIN_EVENTS else _energy_numbers(x[r], _showers(shower_id, r))
        for r in rows
    ]
    stacked = [_stack([n[i] for n in numbers]) for i in range(5)]
    return EnergyResolution(edges[:-1], edges[1:], n_events, n_showers, *stacked)
