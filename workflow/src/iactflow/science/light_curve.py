"""Light curve: integral flux per time bin, the spectral shape held fixed.

In every bin the amplitude alone is fitted, jointly over all runs that are live in it, by the W
statistic (`iactflow.science.norm`). A run that a bin covers in part enters with its events and
livetime inside the bin; its responses and off regions are those of the whole run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iactflow.errors import InputError
from iactflow.science.folding import folding_data
from iactflow.science.models import integral
from iactflow.science.norm import fit_norm

__all__ = ["LightCurve", "SpectralShape", "fit_light_curve", "snap_energy_range"]


@dataclass(frozen=True)
class SpectralShape:
    """Spectral model whose amplitude the light curve fits.

    Parameters
    ----------
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.
    parameters : tuple of float
        Parameters in the model's order, the amplitude, cm-2 s-1 TeV-1, first; its value does not
        matter but for being positive.
    reference_tev : float
        Reference energy of the amplitude, TeV.
    """

    model: str
    parameters: tuple
    reference_tev: float = 1.0

    @classmethod
    def power_law(cls, index: float) -> SpectralShape:
        """Make a power law.

        Parameters
        ----------
        index : float
            Spectral index, positive for a falling spectrum.

        Returns
        -------
        SpectralShape
            Power law with the reference energy 1 TeV.
        """
        return cls("pl", (1e-11, float(index)))

    def flux(self, energy_min_tev: float, energy_max_tev: float) -> float:
        """Integrate the model.

        Parameters
        ----------
        energy_min_tev, energy_max_tev : float
            Range, TeV.

        Returns
        -------
        float
            Flux, cm-2 s-1.
        """
        edges = np.geomspace(energy_min_tev, energy_max_tev, 65)
        return float(integral(self.model, self.parameters, edges, self.reference_tev).sum())


@dataclass(frozen=True)
class LightCurve:
    """Fluxes in time bins; NaN in a bin whose runs have no safe energy in the range.

    Attributes
    ----------
    mjd_min, mjd_max : (n,) ndarray
        Bins, MJD (TT).
    energy_min_tev, energy_max_tev : float
        Range of the flux, TeV, edges of the energy axis.
    shape : SpectralShape
        Assumed spectrum.
    flux, flux_err, flux_errn, flux_errp, flux_ul : (n,) ndarray
        Integral flux, its symmetric error, its asymmetric errors (both positive) and its upper
        limit, cm-2 s-1.
    ts, sqrt_ts : (n,) ndarray
        Test statistic against no source and its root, negative for a negative flux.
    stat, stat_null : (n,) ndarray
        W statistic of the fit and without source.
    n_on, n_off, n_background : (n,) ndarray
        Counts in the on and off regions, and background counts expected in the on region, in the
        bins of energy that are fitted.
    livetime_s : (n,) ndarray
        Livetime, s, summed over runs.
    upper_limit_sigma : float
        Significance of the upper limits.
    """

    mjd_min: np.ndarray
    mjd_max: np.ndarray
    energy_min_tev: float
    energy_max_tev: float
    shape: SpectralShape
    flux: np.ndarray
    flux_err: np.ndarray
    flux_errn: np.ndarray
    flux_errp: np.ndarray
    flux_ul: np.ndarray
    ts: np.ndarray
    sqrt_ts: np.ndarray
    stat: np.ndarray
    stat_null: np.ndarray
    n_on: np.ndarray
    n_off: np.ndarray
    n_background: np.ndarray
    livetime_s: np.ndarray
    upper_limit_sigma: float

    def __len__(self):
        return self.mjd_min.size


def snap_energy_range(energy_edges_tev, energy_min_tev: float, energy_max_tev: float):
    """Move an energy range to the edges of an axis that are nearest in log energy.

    Parameters
    ----------
    energy_edges_tev : (n + 1,) array-like
        Edges of the axis, TeV, equal in log energy.
    energy_min_tev, energy_max_tev : float
        Range, TeV; beyond the axis it is cut at the axis.

    Returns
    -------
    energy_min_tev, energy_max_tev : float
        Edges of the axis, TeV.

    Raises
    ------
    InputError
        When both ends move to one edge.
    """
    edges = np.asarray(energy_edges_tev, dtype=float)
    low, high = (
        int(np.argmin(np.abs(np.log(edges / energy))))
        for energy in (energy_min_tev, energy_max_tev)
    )
    if low >= high:
        raise InputError(
            "light curve",
            "energy_min_tev, energy_max_tev",
            (energy_min_tev, energy_max_tev),
            f"a range that holds a bin of the energy axis, {edges[0]:g}-{edges[-1]:g} TeV in "
            f"{edges.size - 1} bins",
        )
    return float(edges[low]), float(edges[high])


def fit_light_curve(
    datasets,
    time_bin,
    bins_mjd,
    shape: SpectralShape,
    energy_range_tev: tuple[float, float],
    upper_limit_sigma: float = 2.0,
) -> LightCurve:
    """Fit the flux in every time bin.

    Parameters
    ----------
    datasets : sequence of SpectrumDataset
        Runs, or parts of runs, each within one time bin.
    time_bin : (d,) array-like of int
        Time bin of each dataset.
    bins_mjd : (n, 2) array-like
        Starts and stops of the time bins, MJD (TT).
    shape : SpectralShape
        Assumed spectrum.
    energy_range_tev : (float, float)
        Range of the flux, TeV; moves to the nearest edges of the energy axis.
    upper_limit_sigma : float
        Significance of the upper limits: the W statistic has risen by its square.

    Returns
    -------
    LightCurve
        The bins that hold livetime, in the order given; others are left out.

    Raises
    ------
    InputError
        When there is no dataset, the axes differ, or no dataset has a safe energy in the range.

    Notes
    -----
    The flux extrapolates the assumed spectrum to energies in the range that are not safe in a run.
    A wrong shape therefore biases runs of different threshold differently.
    """
    datasets, time_bin = list(datasets), np.asarray(time_bin, dtype=int)
    if not datasets:
        raise InputError("light curve", "time bins", "no run inside", "bins that overlap the runs")
    low, high = snap_energy_range(datasets[0].energy_edges_tev, *energy_range_tev)
    data = folding_data(datasets, low, high)
    mu_signal = data.predict(shape.model, shape.parameters, shape.reference_tev)
    row_bin = time_bin[data.run]
    livetime = np.bincount(time_bin, [d.livetime_s for d in datasets], minlength=len(bins_mjd))
    filled = np.flatnonzero(livetime > 0)
    fits, counts = [], []
    for index in filled:
        row = row_bin == index
        on, off, alpha = data.n_on[row], data.n_off[row], data.alpha[row]
        fits.append(_fit(mu_signal[row], on, off, alpha, upper_limit_sigma))
        counts.append((on.sum(), off.sum(), (alpha * off).sum()))
    fluxes = shape.flux(low, high) * np.array([f[:5] for f in fits])
    edges = np.asarray(bins_mjd, dtype=float).reshape(-1, 2)[filled]
    return LightCurve(
        *edges.T,
        low,
        high,
        shape,
        *fluxes.T,
        *np.array([f[5:] for f in fits]).T,
        *np.array(counts).T,
        livetime[filled],
        upper_limit_sigma,
    )


def _fit(mu_signal, n_on, n_off, alpha, upper_limit_sigma):
    """Norm, errors and limit (5 numbers), then ts, sqrt_ts, stat and stat_null of one bin."""
    if not mu_signal.size:
        return (np.nan,) * 9
    fit = fit_norm(mu_signal, n_on, n_off, alpha, upper_limit_sigma=upper_limit_sigma)
    fluxes = fit.norm, fit.norm_err, fit.norm_errn, fit.norm_errp, fit.norm_ul
    return (*fluxes, fit.ts, fit.sqrt_ts, fit.stat, fit.stat_null)
