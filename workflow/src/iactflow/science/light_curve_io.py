"""Products of a light curve: the table that gammapy reads, and the summary.

The table follows the ``lightcurve`` layout of gammapy's flux points (a generalisation of the
flux-point format of GADF): a row per time bin, one energy bin per row as the last dimension,
times as MJD with MJDREFI = MJDREFF = 0 and the scale in TIMESYS.
"""

from __future__ import annotations

import math

import numpy as np
from astropy.table import Table
from scipy.special import ndtr

from iactflow.science.light_curve import LightCurve
from iactflow.science.models import PARAMETERS
from iactflow.science.variability import constancy, fractional_variability

__all__ = ["light_curve_summary", "light_curve_table"]

_FLUXES = ("flux", "flux_err", "flux_errn", "flux_errp", "flux_ul")
_STATISTICS = ("ts", "sqrt_ts", "stat", "stat_null")


def light_curve_table(curve: LightCurve, detection_sqrt_ts: float = 2.0) -> Table:
    """Make the table of a light curve.

    Parameters
    ----------
    curve : LightCurve
        Light curve.
    detection_sqrt_ts : float
        Points below this root of the test statistic are marked as upper limits.

    Returns
    -------
    Table
        Columns time_min and time_max (d, MJD in TT), e_ref, e_min, e_max (TeV), fluxes
        (cm-2 s-1), test statistics, counts (on events), n_off, n_background, livetime (s), is_ul,
        success; in the metadata time reference, kind of points, confidence level of the limits
        and the assumed spectrum.
    """
    table = Table()
    table["time_min"], table["time_max"] = curve.mjd_min, curve.mjd_max
    low, high = curve.energy_min_tev, curve.energy_max_tev
    for name, value in {"e_ref": math.sqrt(low * high), "e_min": low, "e_max": high}.items():
        table[name] = np.full((len(curve), 1), value)
        table[name].unit = "TeV"
    for name in (*_FLUXES, *_STATISTICS):
        table[name] = getattr(curve, name)[:, np.newaxis]
        table[name].unit = "cm-2 s-1" if name in _FLUXES else ""
    fitted = np.isfinite(curve.flux)[:, np.newaxis]
    table["is_ul"] = ~(table["sqrt_ts"] >= detection_sqrt_ts)
    table["success"] = fitted
    table["counts"] = curve.n_on[:, np.newaxis, np.newaxis]
    table["n_off"], table["n_background"] = curve.n_off, curve.n_background
    table["livetime"] = curve.livetime_s
    table["livetime"].unit = "s"
    table.meta.update(MJDREFI=0, MJDREFF=0.0, TIMESYS="tt", TIMEUNIT="d", SED_TYPE="flux")
    table.meta["UL_CONF"] = float(1 - 2 * ndtr(-curve.upper_limit_sigma))
    table.meta["shape"] = _shape(curve)
    return table


def light_curve_summary(curve: LightCurve) -> dict:
    """Make the summary of a light curve.

    Parameters
    ----------
    curve : LightCurve
        Light curve.

    Returns
    -------
    dict
        Energy range, points, variability and the assumed spectrum; None instead of NaN, ready for
        JSON. Fluxes in cm-2 s-1, times in MJD (TT).
    """
    columns = {"mjd_min": curve.mjd_min, "mjd_max": curve.mjd_max}
    columns |= {name: getattr(curve, name) for name in (*_FLUXES, "sqrt_ts")}
    columns |= {"n_on": curve.n_on, "n_off": curve.n_off, "livetime_s": curve.livetime_s}
    points = [
        {name: _number(value) for name, value in zip(columns, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]
    amplitude, amplitude_error = fractional_variability(curve.flux, curve.flux_err)
    chi2, ndf, p_value = constancy(curve.flux, curve.flux_err)
    shape = _shape(curve)
    return {
        "energy_min_tev": curve.energy_min_tev,
        "energy_max_tev": curve.energy_max_tev,
        "points": points,
        "fractional_variability": _number(amplitude),
        "fractional_variability_error": _number(amplitude_error),
        "chi2": _number(chi2),
        "ndf": ndf,
        "p_value": _number(p_value),
        "spectral_index": shape.get("index"),
        "shape": shape,
        "upper_limit_sigma": curve.upper_limit_sigma,
        "time_scale": "tt",
    }


def _shape(curve):
    """Model and its parameters without the amplitude."""
    names, values = PARAMETERS[curve.shape.model][1:], curve.shape.parameters[1:]
    shape = {"model": curve.shape.model, "reference_tev": float(curve.shape.reference_tev)}
    return shape | {name: float(value) for name, value in zip(names, values, strict=True)}


def _number(value):
    return float(value) if math.isfinite(value) else None
