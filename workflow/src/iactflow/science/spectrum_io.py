"""Spectra as products: the blocks of ``spectrum.json`` and the table of profiles."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from astropy.table import Table

from iactflow.science.fit import FitResult, parameter_profile
from iactflow.science.flux_points import point_profile
from iactflow.science.goodness import CAVEAT, likelihood_ratio, probability
from iactflow.science.models import units
from iactflow.science.statistics import li_ma_significance, wstat_background

__all__ = [
    "comparison_block",
    "counts_block",
    "flux_point_blocks",
    "model_block",
    "profiles_table",
    "totals_block",
]

#: Reach of the profile of a parameter, in errors on either side, and its number of values.
PROFILE_SIGMA = 3.5
PROFILE_VALUES = 29


def totals_block(runs: Iterable) -> dict:
    """Counts of all runs over the whole energy axis, before any safe range.

    Parameters
    ----------
    runs : iterable of dict
        Runs kept: obs_id, n_on, n_off, alpha, livetime_s.

    Returns
    -------
    dict
        n_on, n_off, alpha, excess, significance, livetime_s, n_on_per_run. Alpha is the mean of
        the runs' weighted by their off counts, so that alpha n_off is the background; without
        off counts, the mean weighted by the exposure of the off regions.
    """
    runs = list(runs)
    n_on, n_off = (np.array([float(run[key]) for run in runs]) for key in ("n_on", "n_off"))
    alphas = np.array([float(run["alpha"]) for run in runs])
    if n_off.sum() > 0:
        alpha = float((alphas * n_off).sum() / n_off.sum())
    else:
        alpha = float(len(runs) / (1.0 / alphas).sum())
    return {
        "n_on": int(n_on.sum()),
        "n_off": int(n_off.sum()),
        "alpha": alpha,
        "excess": float(n_on.sum() - alpha * n_off.sum()),
        "significance": li_ma_significance(n_on.sum(), n_off.sum(), alpha),
        "livetime_s": float(sum(run["livetime_s"] for run in runs)),
        "n_on_per_run": {str(run["obs_id"]): int(run["n_on"]) for run in runs},
    }


def model_block(fit: FitResult) -> dict:
    """A fitted model: parameters, covariance, goodness of fit, butterfly, integral fluxes.

    Parameters
    ----------
    fit : FitResult
        Fit.

    Returns
    -------
    dict
        Block of ``models``; the order of the covariance is ``parameter_order``.
    """
    parameters = {}
    for k, (name, unit) in enumerate(zip(fit.names, units(fit.model), strict=True)):
        parameters[name] = {"value": fit.values[k], "error": fit.errors[k], "unit": unit}
        if fit.errn is not None:
            parameters[name].update(errn=fit.errn[k], errp=fit.errp[k])
    ranges = [(fit.energy_min_tev, fit.energy_max_tev)]
    if fit.energy_min_tev < 1.0 < fit.energy_max_tev:
        ranges.append((1.0, fit.energy_max_tev))
    fluxes = []
    for low, high in ranges:
        flux, error = fit.integral_flux(low, high)
        fluxes.append(
            {"energy_min_tev": low, "energy_max_tev": high, "flux": flux, "flux_err": error}
        )
    return {
        "model": fit.model,
        "parameters": parameters,
        "parameter_order": fit.names,
        "covariance": fit.covariance,
        "reference_tev": fit.reference_tev,
        "stat": fit.stat,
        "n_bins": fit.n_bins,
        "energy_min_tev": fit.energy_min_tev,
        "energy_max_tev": fit.energy_max_tev,
        "valid": fit.valid,
        "aic": fit.aic,
        "goodness_of_fit": {
            "stat": fit.stat,
            "ndf": fit.ndf,
            "probability": probability(fit),
            "bootstrap_p_value": None,
            "bootstrap_samples": 0,
            "caveat": CAVEAT,
        },
        "integral_fluxes": fluxes,
        "butterfly": fit.butterfly(),
    }


def counts_block(datasets, data, fit: FitResult) -> dict:
    """Counts against prediction per bin of reconstructed energy, all runs together.

    Parameters
    ----------
    datasets : sequence of SpectrumDataset
        Runs.
    data : FoldingData
        The bins that were fitted.
    fit : FitResult
        Fit.

    Returns
    -------
    dict
        ``energy_edges_tev`` (n + 1); ``n_on``, ``background`` (alpha n_off), ``npred_signal``
        and ``npred_background`` (n), summed over the fitted bins of the runs, ``n_runs`` that
        take part in each bin; ``n_on_all``, ``background_all``, summed over all runs and bins.
    """
    n_bins = data.energy_edges_tev.size - 1
    signal = data.predict(fit.model, fit.values, fit.reference_tev)
    off = wstat_background(data.n_on, data.n_off, data.alpha, signal)

    def stacked(values):
        return np.bincount(data.energy_bin, weights=values, minlength=n_bins)

    background_all = np.zeros(n_bins)
    for run in datasets:
        background_all += run.alpha * run.n_off
    return {
        "energy_edges_tev": data.energy_edges_tev,
        "n_on": stacked(data.n_on),
        "background": stacked(data.alpha * data.n_off),
        "npred_signal": stacked(signal),
        "npred_background": stacked(data.alpha * off),
        "n_runs": np.bincount(data.energy_bin, minlength=n_bins),
        "n_on_all": np.sum([run.n_on for run in datasets], axis=0),
        "background_all": background_all,
    }


def _same_data(one, other):
    """Whether two blocks hold the same counts in the same bins, with the same response."""
    if one is other:
        return True
    keys = ("energy_edges_tev", "energy_bin", "n_on", "n_off", "alpha", "response")
    return all(np.array_equal(getattr(one, key), getattr(other, key)) for key in keys)


def comparison_block(fits: dict, blocks: dict) -> list[dict]:
    """Likelihood ratios of all nested pairs of models fitted to the same bins.

    Parameters
    ----------
    fits : dict
        Name of the model: FitResult.
    blocks : dict
        Name of the model: FoldingData.

    Returns
    -------
    list of dict
        null, alternative, delta_stat, delta_aic, ndf, probability, significance.
    """
    rows = []
    for null, null_fit in fits.items():
        for other, other_fit in fits.items():
            ratio = likelihood_ratio(null_fit, other_fit)
            if ratio is not None and _same_data(blocks[null], blocks[other]):
                rows.append(
                    {
                        "null": null,
                        "alternative": other,
                        "delta_stat": ratio.delta_stat,
                        "delta_aic": null_fit.aic - other_fit.aic,
                        "ndf": ratio.ndf,
                        "probability": ratio.probability,
                        "significance": ratio.significance,
                    }
                )
    return rows


def flux_point_blocks(points) -> list[dict]:
    """Flux points for the JSON summary.

    Parameters
    ----------
    points : list of FluxPoint
        Flux points.

    Returns
    -------
    list of dict
        Energies in TeV, dN/dE in cm-2 s-1 TeV-1.
    """
    return [
        {
            "e_ref_tev": p.e_ref_tev,
            "e_min_tev": p.e_min_tev,
            "e_max_tev": p.e_max_tev,
            "dnde": p.fit.norm * p.ref_dnde,
            "dnde_err": p.fit.norm_err * p.ref_dnde,
            "dnde_errn": p.fit.norm_errn * p.ref_dnde,
            "dnde_errp": p.fit.norm_errp * p.ref_dnde,
            "dnde_ul": p.fit.norm_ul * p.ref_dnde,
            "sqrt_ts": p.fit.sqrt_ts,
            "is_ul": p.is_ul,
            "n_on": p.n_on,
            "n_off": p.n_off,
        }
        for p in points
    ]


def _parameter_rows(name, fit, data):
    for k, (parameter, unit) in enumerate(zip(fit.names, units(fit.model), strict=True)):
        error = fit.errors[k]
        if not (fit.valid and error > 0):
            continue
        values = fit.values[k] + np.linspace(-PROFILE_SIGMA, PROFILE_SIGMA, PROFILE_VALUES) * error
        if parameter == "ebreak":
            values = values[(values > data.energy_min_tev) & (values < data.energy_max_tev)]
        rise = parameter_profile(data, fit, parameter, values) - fit.stat
        for value, delta in zip(values, rise, strict=True):
            yield "parameter", name, parameter, unit, math.nan, value, delta


def profiles_table(fits: dict, blocks: dict, points, points_model: str) -> Table:
    """Likelihood profiles of the parameters of all models and of the norms of the flux points.

    Parameters
    ----------
    fits : dict
        Name of the model: FitResult.
    blocks : dict
        Name of the model: FoldingData.
    points : list of FluxPoint
        Flux points.
    points_model : str
        Name of the model that the flux points belong to.

    Returns
    -------
    astropy.table.Table
        kind ("parameter" or "flux_point"), model, parameter ("norm" for flux points), unit,
        e_ref_tev (NaN for parameters), value, delta_stat above the best fit. Fits that are not
        valid have no profile.
    """
    rows = []
    for name, fit in fits.items():
        rows += _parameter_rows(name, fit, blocks[name])
    for point in points:
        profile = zip(*point_profile(blocks[points_model], point), strict=True)
        rows += [
            ("flux_point", points_model, "norm", "", point.e_ref_tev, norm, rise)
            for norm, rise in profile
        ]
    names = ("kind", "model", "parameter", "unit", "e_ref_tev", "value", "delta_stat")
    types = ("U10", "U64", "U16", "U16", "f8", "f8", "f8")
    table = Table(rows=rows or None, names=names, dtype=types)
    table["e_ref_tev"].unit = "TeV"
    return table
