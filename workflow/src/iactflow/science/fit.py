"""Spectral fits by forward folding: MINUIT, covariance, butterfly, profiles.

The W statistic of all runs (`iactflow.science.folding`) is minimised by MIGRAD; errors and
covariance are those of HESSE (James & Roos 1975, Computer Physics Communications 10, 343). Curved
models start from the power law of the same data. Errors that follow the likelihood (MINOS) come
on request.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from iminuit import Minuit

from iactflow.errors import InputError
from iactflow.science.folding import Objective
from iactflow.science.models import PARAMETERS, dnde, integral, log_gradient
from iactflow.science.norm import fit_norm

__all__ = ["FitResult", "fit_model", "parameter_profile"]

#: Index at which the first power law starts.
START_INDEX = 2.5

#: MINUIT tolerance: the estimated distance to the minimum is below 0.002 of it.
TOLERANCE = 0.01

_FIRST_STEP = {
    "index": 0.1, "index1": 0.1, "index2": 0.1, "alpha": 0.1, "beta": 0.05, "lambda_": 0.02,
}  # fmt: skip

_BREAK_STARTS = 6

#: Indices of a broken power law stay inside this range: a spectrum that ends within the data
#: would drive the upper one to infinity.
BROKEN_INDEX_RANGE = (-5.0, 15.0)


@dataclass(frozen=True)
class FitResult:
    """A fitted spectral model.

    Attributes
    ----------
    model : str
        pl, bpl, ecpl or lp.
    reference_tev : float
        Reference energy of the amplitude, TeV.
    values, errors : (k,) ndarray
        Parameters in the order of ``names``, and their errors; NaN where HESSE failed.
    covariance : (k, k) ndarray
        Covariance of the parameters.
    stat : float
        W statistic at the minimum.
    n_bins : int
        Number of bins fitted, summed over runs.
    energy_min_tev, energy_max_tev : float
        Range of reconstructed energy that the bins span, TeV.
    valid : bool
        MIGRAD converged, the covariance is positive definite and no parameter is at a limit.
    errn, errp : (k,) ndarray or None
        MINOS errors, both positive; None when not asked for.
    """

    model: str
    reference_tev: float
    values: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    stat: float
    n_bins: int
    energy_min_tev: float
    energy_max_tev: float
    valid: bool
    errn: np.ndarray | None = None
    errp: np.ndarray | None = None

    @property
    def names(self) -> tuple:
        """Names of the parameters."""
        return PARAMETERS[self.model]

    @property
    def ndf(self) -> int:
        """Bins less free parameters."""
        return self.n_bins - len(self.names)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, to compare models fitted to the same data.

        Akaike 1974, IEEE Trans. Autom. Control 19, 716.
        """
        return self.stat + 2 * len(self.names)

    def dnde(self, energy_tev):
        """Differential flux of the best fit.

        Parameters
        ----------
        energy_tev : array-like
            Energies, TeV.

        Returns
        -------
        ndarray
            dN/dE, cm-2 s-1 TeV-1.
        """
        return dnde(self.model, self.values, energy_tev, self.reference_tev)

    def relative_error(self, energy_tev):
        """One-sigma error of ln(dN/dE), by linear propagation of the covariance.

        Parameters
        ----------
        energy_tev : (n,) array-like
            Energies, TeV.

        Returns
        -------
        (n,) ndarray
            Error of ln(dN/dE).
        """
        gradient = log_gradient(self.model, self.values, energy_tev, self.reference_tev)
        return np.sqrt(np.einsum("in,ij,jn->n", gradient, self.covariance, gradient))

    def butterfly(self, n_energies=60):
        """One-sigma band of dN/dE over the fitted range.

        The error is propagated to ln(dN/dE), so that the band stays positive.

        Parameters
        ----------
        n_energies : int
            Number of energies, equal in log.

        Returns
        -------
        dict
            energy_tev, dnde, dnde_lo, dnde_hi, each (n_energies,).
        """
        energy = np.geomspace(self.energy_min_tev, self.energy_max_tev, n_energies)
        value, factor = self.dnde(energy), np.exp(self.relative_error(energy))
        return {
            "energy_tev": energy,
            "dnde": value,
            "dnde_lo": value / factor,
            "dnde_hi": value * factor,
        }

    def integral_flux(self, energy_min_tev, energy_max_tev):
        """Integral flux of the best fit and its error.

        Parameters
        ----------
        energy_min_tev, energy_max_tev : float
            Range, TeV.

        Returns
        -------
        flux, error : float
            cm-2 s-1; the error by linear propagation of the covariance.
        """
        n_bins = max(int(25 * np.log10(energy_max_tev / energy_min_tev)), 1)
        edges = np.geomspace(energy_min_tev, energy_max_tev, n_bins + 1)

        def total(values):
            return integral(self.model, values, edges, self.reference_tev).sum()

        gradient = np.zeros(self.values.size)
        for k, error in enumerate(self.errors):
            step = np.zeros_like(gradient)
            step[k] = 1e-3 * error
            rise = total(self.values + step) - total(self.values - step)
            gradient[k] = rise / (2 * step[k]) if error > 0 else 0.0
        return float(total(self.values)), float(np.sqrt(gradient @ self.covariance @ gradient))


def _minimiser(data, model, reference_tev, start):
    """MINUIT on parameters scaled to order one, and the scales."""
    objective = Objective(data, model, reference_tev)
    scale = np.ones(len(start))
    scale[0] = abs(start[0])
    minuit = Minuit(lambda factors: objective(factors * scale), start / scale)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.tol = TOLERANCE
    for k, name in enumerate(PARAMETERS[model]):
        minuit.errors[k] = _FIRST_STEP.get(name, 0.1)
        if name in ("index1", "index2"):
            minuit.limits[k] = BROKEN_INDEX_RANGE
        if name == "ebreak":
            minuit.errors[k] = 0.1 * start[k]
            minuit.limits[k] = (data.energy_min_tev, data.energy_max_tev)
    return minuit, scale


def _minimise(data, model, reference_tev, start):
    minuit, scale = _minimiser(data, model, reference_tev, start)
    minuit.migrad()
    if not minuit.valid:
        minuit.strategy = 2
        minuit.simplex().migrad()
    return minuit, scale


def _at_limit(minuit):
    """Whether a limited parameter ended within a thousandth of the range from its limit."""
    for value, (low, high) in zip(minuit.values, minuit.limits, strict=True):
        if np.isfinite(high - low) and min(value - low, high - value) < 1e-3 * (high - low):
            return True
    return False


def _start_power_law(data, reference_tev):
    """Index 2.5 and the amplitude that fits it best; the scale of the data if that is negative."""
    unit = data.predict("pl", (1.0, START_INDEX), reference_tev)
    norm = fit_norm(unit, data.n_on, data.n_off, data.alpha)
    amplitude = norm.norm if norm.norm > 0 else norm.norm_errp
    return np.array([amplitude, START_INDEX])


def _start_broken(data, power_law, reference_tev):
    """Least statistic over trial breaks inside the range, the break held fixed."""
    amplitude, index = power_law
    inside = np.geomspace(data.energy_min_tev, data.energy_max_tev, _BREAK_STARTS + 2)[1:-1]
    best = None
    for ebreak in inside:
        at_break = amplitude * (ebreak / reference_tev) ** -index
        start = np.array([at_break, index, index, ebreak])
        minuit, scale = _minimiser(data, "bpl", reference_tev, start)
        minuit.fixed[3] = True
        minuit.migrad()
        if best is None or minuit.fval < best[0]:
            best = minuit.fval, np.array(minuit.values) * scale
    return best[1]


def _start(data, model, reference_tev):
    start = _start_power_law(data, reference_tev)
    if model == "pl":
        return start
    minuit, scale = _minimise(data, "pl", reference_tev, start)
    power_law = np.array(minuit.values) * scale
    if not power_law[0] > 0:
        power_law = start
    if model == "bpl":
        return _start_broken(data, power_law, reference_tev)
    return np.append(power_law, 0.0)


def _check(data, model):
    if model not in PARAMETERS:
        raise InputError("spectrum", "model", model, ", ".join(PARAMETERS))
    if data.n_bins <= len(PARAMETERS[model]):
        allowed = f"more than the {len(PARAMETERS[model])} parameters of {model}"
        raise InputError("spectrum", "bins in the fit range", data.n_bins, allowed)


def fit_model(data, model, reference_tev=1.0, *, start=None, minos=False):
    """Fit a spectral model to all runs jointly.

    Parameters
    ----------
    data : FoldingData
        Bins of the runs, from `iactflow.science.folding.folding_data`.
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.
    reference_tev : float
        Reference energy of the amplitude, TeV.
    start : (k,) array-like or None
        First values; None: found from the data.
    minos : bool
        Compute MINOS errors too.

    Returns
    -------
    FitResult
        Best fit; ``valid`` tells whether MINUIT converged.

    Raises
    ------
    InputError
        The model is unknown, or there are not more bins than parameters.
    """
    _check(data, model)
    if start is None:
        start = _start(data, model, reference_tev)
    minuit, scale = _minimise(data, model, reference_tev, np.asarray(start, dtype=np.float64))
    covariance = _covariance(minuit, scale)
    result = {
        "values": np.array(minuit.values) * scale,
        "errors": np.sqrt(np.where(np.diag(covariance) > 0, np.diag(covariance), np.nan)),
        "covariance": covariance,
        "stat": float(minuit.fval),
        "valid": bool(minuit.valid and minuit.accurate and not _at_limit(minuit)),
    }
    if minos:
        result["errn"], result["errp"] = _minos(minuit, scale)
    return FitResult(
        model=model,
        reference_tev=float(reference_tev),
        n_bins=data.n_bins,
        energy_min_tev=data.energy_min_tev,
        energy_max_tev=data.energy_max_tev,
        **result,
    )


def _covariance(minuit, scale):
    """Covariance from HESSE; NaN where it failed."""
    minuit.hesse()
    if minuit.covariance is None:
        return np.full((scale.size, scale.size), np.nan)
    return np.array(minuit.covariance) * np.outer(scale, scale)


def _minos(minuit, scale):
    """Errors down and up; NaN where MINOS found no crossing or the fit has no minimum."""
    errors = np.full((2, scale.size), np.nan)
    if minuit.valid:
        minuit.minos()
        for k, error in enumerate(minuit.merrors.values()):
            errors[0, k] = -error.lower if error.lower_valid else np.nan
            errors[1, k] = error.upper if error.upper_valid else np.nan
    return errors * scale


def parameter_profile(data, fit, name, values):
    """Profile of the statistic along one parameter, the others fitted at each value.

    Parameters
    ----------
    data : FoldingData
        Data of the fit.
    fit : FitResult
        Best fit.
    name : str
        Parameter.
    values : (n,) array-like
        Values of the parameter, in ascending order.

    Returns
    -------
    (n,) ndarray
        W statistic.
    """
    values = np.asarray(values, dtype=np.float64)
    k = fit.names.index(name)
    stat = np.empty(values.size)
    upward = np.flatnonzero(values >= fit.values[k])
    for branch in (upward, np.flatnonzero(values < fit.values[k])[::-1]):
        minuit, scale = _minimiser(data, fit.model, fit.reference_tev, fit.values)
        minuit.fixed[k] = True
        for i in branch:
            minuit.values[k] = values[i] / scale[k]
            stat[i] = minuit.migrad().fval
    return stat
