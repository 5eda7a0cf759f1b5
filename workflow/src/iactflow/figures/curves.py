"""Spectral curves of fits and of published spectra, as they are drawn."""

from __future__ import annotations

import numpy as np

from iactflow.errors import InputError
from iactflow.figures.style import scientific
from iactflow.science.models import PARAMETERS, dnde, log_gradient

__all__ = ["NAMES", "band", "curve", "describe", "model_values", "published_curve"]

NAMES = {
    "amplitude": r"$N_0$",
    "index": r"$\Gamma$",
    "alpha": r"$\alpha$",
    "beta": r"$\beta$",
    "lambda_": r"$\lambda$",
    "index1": r"$\Gamma_1$",
    "index2": r"$\Gamma_2$",
    "ebreak": r"$E_\mathrm{b}$",
}


def model_values(fit: dict) -> tuple[str, list[float]]:
    """Find the model that has the parameters of a fit.

    Parameters
    ----------
    fit : dict
        Block of ``models`` of ``spectrum.json``.

    Returns
    -------
    model : str
        pl, bpl, ecpl or lp.
    values : list of float
        Parameters in the order of `iactflow.science.models.PARAMETERS`.

    Raises
    ------
    InputError
        When no model has these parameters.
    """
    for model, names in PARAMETERS.items():
        if set(names) == set(fit["parameters"]):
            return model, [fit["parameters"][name]["value"] for name in names]
    allowed = "; ".join(f"{m}: {', '.join(names)}" for m, names in PARAMETERS.items())
    raise InputError("spectrum.json", "models.*.parameters", sorted(fit["parameters"]), allowed)


def curve(fit: dict, energy_tev: np.ndarray) -> np.ndarray:
    """Evaluate a fitted model.

    Parameters
    ----------
    fit : dict
        Block of ``models`` of ``spectrum.json``.
    energy_tev : ndarray, shape (n,)
        Energies, TeV.

    Returns
    -------
    ndarray, shape (n,)
        dN/dE, cm-2 s-1 TeV-1.
    """
    model, values = model_values(fit)
    return dnde(model, values, energy_tev, fit["reference_tev"])


def band(fit: dict, energy_tev: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Propagate the covariance into the 68 % band of a fitted model.

    First order in ln(dN/dE): the band is symmetric in the logarithm and never negative.

    Parameters
    ----------
    fit : dict
        Block of ``models`` of ``spectrum.json`` with ``covariance``.
    energy_tev : ndarray, shape (n,)
        Energies, TeV.

    Returns
    -------
    low, high : ndarray, shape (n,)
        dN/dE, cm-2 s-1 TeV-1.
    """
    model, values = model_values(fit)
    gradient = log_gradient(model, values, energy_tev, fit["reference_tev"])
    order = [list(fit["parameters"]).index(name) for name in PARAMETERS[model]]
    covariance = np.asarray(fit["covariance"], float)[np.ix_(order, order)]
    variance = np.einsum("in,ij,jn->n", gradient, covariance, gradient)
    sigma = np.sqrt(np.maximum(variance, 0.0))
    centre = dnde(model, values, energy_tev, fit["reference_tev"])
    return centre * np.exp(-sigma), centre * np.exp(sigma)


def published_curve(published: dict, energy_tev: np.ndarray) -> np.ndarray:
    """Evaluate a published spectrum that the campaign names.

    Parameters
    ----------
    published : dict
        A `iactflow.campaign.schema_products.PublishedSpectrum`.
    energy_tev : ndarray, shape (n,)
        Energies, TeV.

    Returns
    -------
    ndarray, shape (n,)
        dN/dE, cm-2 s-1 TeV-1.
    """
    shape = {
        "pl": (),
        "lp": (published["curvature"] or 0.0,),
        "ecpl": (1.0 / (published["energy_cutoff_tev"] or np.inf),),
    }[published["model"]]
    values = [published["amplitude"], published["index"], *shape]
    return dnde(published["model"], values, energy_tev, published["reference_tev"])


def describe(name: str, fit: dict) -> str:
    """Write a fit's shape parameters with their errors for a legend.

    Parameters
    ----------
    name : str
        Name of the fit.
    fit : dict
        Block of ``models`` of ``spectrum.json``.

    Returns
    -------
    str
        Such as ``pl: Γ = 2.59 ± 0.06`` in mathtext.
    """
    shape = [
        f"{NAMES.get(key, key)} = {scientific(p['value'], p['error'])}"
        for key, p in fit["parameters"].items()
        if key != "amplitude"
    ]
    return f"{name}: " + ", ".join(shape)
