"""Flux points: the norm of a fitted spectrum, fitted in each energy group.

As gammapy's FluxPointsEstimator does (and the Fermi-LAT and H.E.S.S. catalogues: Acero et al. 2015,
ApJS 218, 23, sect. 3.3; H.E.S.S. 2018, A&A 612, A1): the shape of the fitted spectrum is held
fixed, its norm alone is free within a group of reconstructed-energy bins, the background is
profiled out bin by bin. Errors are where the statistic has risen by one, the upper limit where it
has risen by the squared significance. The flux is that of the spectrum times the norm, at the
geometric centre of the group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from iactflow.science.models import dnde, integral
from iactflow.science.norm import NormFit, fit_norm, norm_profile

__all__ = [
    "NORM_SCAN",
    "FluxPoint",
    "energy_groups",
    "estimate_flux_points",
    "flux_points_table",
    "point_profile",
]

#: Norms of the coarse scan that travels with the flux points; the same for every point.
NORM_SCAN = np.geomspace(0.2, 5.0, 11)


@dataclass(frozen=True)
class FluxPoint:
    """Flux in one energy group.

    Attributes
    ----------
    e_ref_tev, e_min_tev, e_max_tev : float
        Geometric centre and edges, TeV.
    ref_dnde, ref_flux, ref_eflux : float
        Differential (cm-2 s-1 TeV-1, at e_ref_tev), integral (cm-2 s-1) and energy flux
        (TeV cm-2 s-1) of the spectrum whose norm is fitted.
    fit : NormFit
        The fitted norm.
    n_on, n_off : float
        Counts of the bins used, summed over runs.
    background : float
        Alpha times the off counts, summed over bins and runs.
    npred_signal : float
        Signal counts expected at the best norm.
    rows : (r,) ndarray of int
        Rows of the folding data that the group holds.
    mu_signal : (r,) ndarray
        Signal counts expected at norm 1, per row.
    stat_scan : (k,) ndarray
        W statistic at ``NORM_SCAN``.
    is_ul : bool
        The point is below the detection threshold and to be shown as a limit.
    """

    e_ref_tev: float
    e_min_tev: float
    e_max_tev: float
    ref_dnde: float
    ref_flux: float
    ref_eflux: float
    fit: NormFit
    n_on: float
    n_off: float
    background: float
    npred_signal: float
    rows: np.ndarray
    mu_signal: np.ndarray
    stat_scan: np.ndarray
    is_ul: bool

    @property
    def dnde(self) -> float:
        """Differential flux at ``e_ref_tev``, cm-2 s-1 TeV-1."""
        return self.fit.norm * self.ref_dnde


def energy_groups(energy_axis_edges_tev, energy_edges_tev):
    """Snap the edges of flux points to an energy axis.

    Parameters
    ----------
    energy_axis_edges_tev : (n + 1,) array-like
        Edges of the axis, equal in log energy, TeV.
    energy_edges_tev : (k + 1,) array-like
        Wanted edges, TeV.

    Returns
    -------
    list of (int, int)
        First and one past the last bin of each group; each edge goes to the edge of the axis that
        is nearest in log energy, and groups that thereby become empty are left out.
    """
    logs = np.log(np.asarray(energy_axis_edges_tev, dtype=np.float64))
    position = np.interp(np.log(energy_edges_tev), logs, np.arange(logs.size))
    index = np.round(position).astype(int)
    return [(a, b) for a, b in zip(index[:-1].tolist(), index[1:].tolist(), strict=True) if b > a]


def _reference_fluxes(fit, e_min, e_max):
    edges = np.geomspace(e_min, e_max, 41)
    mean = np.sqrt(edges[1:] * edges[:-1])
    fluxes = integral(fit.model, fit.values, edges, fit.reference_tev)
    # On forty bins per group a flux times its bin's centre is the energy flux to 1e-4.
    energy_flux = float((fluxes * mean).sum())
    centre = math.sqrt(e_min * e_max)
    return {
        "e_ref_tev": centre,
        "e_min_tev": e_min,
        "e_max_tev": e_max,
        "ref_dnde": float(dnde(fit.model, fit.values, centre, fit.reference_tev)),
        "ref_flux": float(fluxes.sum()),
        "ref_eflux": energy_flux,
    }


def estimate_flux_points(
    data, fit, energy_edges_tev, *, n_sigma=1.0, upper_limit_sigma=2.0, detection_sqrt_ts=2.0
):
    """Flux points of a fitted spectrum.

    Parameters
    ----------
    data : FoldingData
        The bins that the spectrum was fitted to.
    fit : FitResult
        The spectrum; its shape is held fixed.
    energy_edges_tev : (k + 1,) array-like
        Edges, TeV; they snap to the energy axis.
    n_sigma : float
        Significance of the errors.
    upper_limit_sigma : float
        Significance of the upper limits.
    detection_sqrt_ts : float
        Points below this square root of the test statistic are flagged as limits.

    Returns
    -------
    list of FluxPoint
        One per group; a group without a bin in any run's safe range has NaN.
    """
    edges = data.energy_edges_tev
    mu_signal = data.predict(fit.model, fit.values, fit.reference_tev)
    points = []
    for first, stop in energy_groups(edges, energy_edges_tev):
        rows = np.flatnonzero((data.energy_bin >= first) & (data.energy_bin < stop))
        counts = tuple(values[rows] for values in (data.n_on, data.n_off, data.alpha))
        norm = fit_norm(
            mu_signal[rows], *counts, n_sigma=n_sigma, upper_limit_sigma=upper_limit_sigma
        )
        reference = _reference_fluxes(fit, float(edges[first]), float(edges[stop]))
        is_ul = not norm.sqrt_ts >= detection_sqrt_ts
        points.append(_point(reference, norm, rows, mu_signal[rows], counts, is_ul))
    return points


def _point(reference, norm, rows, mu_signal, counts, is_ul):
    n_on, n_off, alpha = counts
    return FluxPoint(
        **reference,
        fit=norm,
        n_on=float(n_on.sum()),
        n_off=float(n_off.sum()),
        background=float((alpha * n_off).sum()),
        npred_signal=float(norm.norm * mu_signal.sum()),
        rows=rows,
        mu_signal=mu_signal,
        stat_scan=norm_profile(NORM_SCAN, mu_signal, *counts),
        is_ul=is_ul,
    )


def point_profile(data, point, n_values=61, n_sigma=4.0):
    """Likelihood profile of one flux point, on norms that follow its errors.

    Parameters
    ----------
    data : FoldingData
        Data of the flux point.
    point : FluxPoint
        Flux point.
    n_values : int
        Number of norms.
    n_sigma : float
        Reach of the norms, in asymmetric errors on either side.

    Returns
    -------
    norm, delta_stat : (n_values,) ndarray
        Norms, and the W statistic less its least value; empty where the point is NaN.
    """
    if math.isnan(point.fit.norm):
        return np.empty(0), np.empty(0)
    low = point.fit.norm - n_sigma * point.fit.norm_errn
    high = point.fit.norm + n_sigma * point.fit.norm_errp
    norms = np.linspace(low, high, n_values)
    counts = (values[point.rows] for values in (data.n_on, data.n_off, data.alpha))
    return norms, norm_profile(norms, point.mu_signal, *counts) - point.fit.stat


def flux_points_table(points, upper_limit_sigma=2.0):
    """Flux points as a table in the conventions of GADF and gammapy (``likelihood``).

    Parameters
    ----------
    points : list of FluxPoint
        Flux points.
    upper_limit_sigma : float
        Significance of the upper limits, for the confidence level in the metadata.

    Returns
    -------
    astropy.table.Table
        Reference fluxes, norms and statistics, beside the same in dN/dE.
    """
    table = Table()
    for name in ("e_ref", "e_min", "e_max"):
        table[name] = [getattr(p, f"{name}_tev") for p in points]
        table[name].unit = "TeV"
    for name, unit in (
        ("ref_dnde", "cm-2 s-1 TeV-1"),
        ("ref_flux", "cm-2 s-1"),
        ("ref_eflux", "TeV cm-2 s-1"),
    ):
        table[name] = [getattr(p, name) for p in points]
        table[name].unit = unit
    for name in ("norm", "norm_err", "norm_errp", "norm_errn", "norm_ul"):
        table[name] = [getattr(p.fit, name) for p in points]
        table[name.replace("norm", "dnde")] = table[name] * table["ref_dnde"]
        table[name.replace("norm", "dnde")].unit = "cm-2 s-1 TeV-1"
    for name in ("ts", "sqrt_ts", "stat", "stat_null"):
        table[name] = [getattr(p.fit, name) for p in points]
    for name in ("n_on", "n_off", "background", "npred_signal"):
        table[name] = [getattr(p, name) for p in points]
    table["norm_scan"] = np.tile(NORM_SCAN, (len(points), 1))
    table["stat_scan"] = np.array([p.stat_scan for p in points]).reshape(len(points), -1)
    table["is_ul"] = [p.is_ul for p in points]
    table["success"] = [math.isfinite(p.fit.norm) for p in points]
    table.meta["SED_TYPE"] = "likelihood"
    table.meta["UL_CONF"] = round(math.erf(upper_limit_sigma / math.sqrt(2)), 7)
    return table
