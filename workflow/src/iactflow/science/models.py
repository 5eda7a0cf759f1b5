"""Spectral models and their integrals over energy bins.

Every model is evaluated as the logarithm of its shape, f / amplitude, against log energy:

    pl    ln f = -index x                       x = ln(E / reference)
    bpl   ln f = -index1 x below the break, -index2 x above, x = ln(E / ebreak)
    ecpl  ln f = -index x - lambda_ E           (cut-off energy 1 / lambda_)
    lp    ln f = -(alpha + beta x) x            (natural logarithm)

An integral over a bin is the trapezoid in log-log, that is a power law between nodes: with
g = ln(f E), a segment contributes (e^g2 - e^g1) ln(E2/E1) / (g2 - g1). This is exact for a power
law with two nodes. Other models have the nodes of gammapy 2.1, 100 per decade and not fewer than
two per bin, so that predicted counts agree with the check chain to rounding.
"""

from __future__ import annotations

import math

import numpy as np

from iactflow._jit import jit

__all__ = [
    "MODEL_CODES",
    "PARAMETERS",
    "dnde",
    "integral",
    "integrate_bins",
    "log_gradient",
    "log_nodes",
    "log_shape",
    "units",
]

MODEL_CODES = {"pl": 0, "bpl": 1, "ecpl": 2, "lp": 3}

PARAMETERS = {
    "pl": ("amplitude", "index"),
    "bpl": ("amplitude", "index1", "index2", "ebreak"),
    "ecpl": ("amplitude", "index", "lambda_"),
    "lp": ("amplitude", "alpha", "beta"),
}

_UNITS = {"amplitude": "cm-2 s-1 TeV-1", "ebreak": "TeV", "lambda_": "TeV-1"}

_NODES_PER_DECADE = 100


def units(model):
    """Units of the parameters of a model.

    Parameters
    ----------
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.

    Returns
    -------
    tuple of str
        Units in the order of ``PARAMETERS[model]``; an empty string where there is none.
    """
    return tuple(_UNITS.get(name, "") for name in PARAMETERS[model])


@jit
def log_shape(code, parameters, log_reference, log_energy):
    """Logarithm of dN/dE over the amplitude at one energy (kernel).

    Parameters
    ----------
    code : int
        Value of ``MODEL_CODES``.
    parameters : (k,) ndarray
        Parameters in the order of ``PARAMETERS``.
    log_reference : float
        ln(reference energy / TeV); a broken power law does not use it.
    log_energy : float
        ln(energy / TeV).

    Returns
    -------
    float
        ln(f / amplitude).
    """
    if code == 0:
        return -parameters[1] * (log_energy - log_reference)
    if code == 1:
        x = log_energy - math.log(parameters[3])
        return -parameters[1] * x if x < 0.0 else -parameters[2] * x
    x = log_energy - log_reference
    if code == 2:
        return -parameters[1] * x - parameters[2] * math.exp(log_energy)
    return -(parameters[1] + parameters[2] * x) * x


@jit
def integrate_bins(code, parameters, log_reference, nodes, flux):
    """Integrate a model over energy bins (kernel; trapezoid in log-log).

    Parameters
    ----------
    code : int
        Value of ``MODEL_CODES``.
    parameters : (k,) ndarray
        Parameters in the order of ``PARAMETERS``.
    log_reference : float
        ln(reference energy / TeV).
    nodes : (m, p) ndarray
        ln(energy / TeV) of the nodes of each bin, from its lower to its upper edge.
    flux : (m,) ndarray
        Receives the integral of each bin, cm-2 s-1.
    """
    for i in range(nodes.shape[0]):
        total = 0.0
        low = log_shape(code, parameters, log_reference, nodes[i, 0]) + nodes[i, 0]
        low_value = math.exp(low)
        for j in range(1, nodes.shape[1]):
            high = log_shape(code, parameters, log_reference, nodes[i, j]) + nodes[i, j]
            high_value = math.exp(high)
            rise = high - low
            if abs(rise) < 1e-5:
                mean = low_value * (1.0 + 0.5 * rise)
            else:
                mean = (high_value - low_value) / rise
            total += mean * (nodes[i, j] - nodes[i, j - 1])
            low, low_value = high, high_value
        flux[i] = parameters[0] * total


def log_nodes(model, energy_edges_tev):
    """Nodes at which a model is evaluated to integrate it over bins.

    Parameters
    ----------
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.
    energy_edges_tev : (m + 1,) array-like
        Edges of the bins, TeV.

    Returns
    -------
    (m, p) ndarray
        ln(energy / TeV); two nodes for a power law, where they are exact.
    """
    edges = np.asarray(energy_edges_tev, dtype=np.float64)
    widest = np.max(np.log10(edges[1:] / edges[:-1]))
    n_nodes = 2 if model == "pl" else int(max(_NODES_PER_DECADE * widest, 2))
    logs = np.log(edges)
    fraction = np.linspace(0.0, 1.0, n_nodes)
    return logs[:-1, None] + np.diff(logs)[:, None] * fraction


def dnde(model, parameters, energy_tev, reference_tev=1.0):
    """Differential flux of a model.

    Parameters
    ----------
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.
    parameters : (k,) array-like
        Parameters in the order of ``PARAMETERS[model]``.
    energy_tev : array-like
        Energies, TeV.
    reference_tev : float
        Reference energy of the amplitude, TeV; a broken power law has it at its break.

    Returns
    -------
    ndarray
        dN/dE, cm-2 s-1 TeV-1, of the shape of ``energy_tev``.
    """
    values = np.asarray(parameters, dtype=np.float64)
    log_energy = np.log(np.asarray(energy_tev, dtype=np.float64))
    x = log_energy - math.log(values[3] if model == "bpl" else reference_tev)
    if model == "pl":
        exponent = -values[1] * x
    elif model == "bpl":
        exponent = -np.where(x < 0, values[1], values[2]) * x
    elif model == "ecpl":
        exponent = -values[1] * x - values[2] * np.exp(log_energy)
    else:
        exponent = -(values[1] + values[2] * x) * x
    return values[0] * np.exp(exponent)


def integral(model, parameters, energy_edges_tev, reference_tev=1.0):
    """Integral flux of a model in bins.

    Parameters
    ----------
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.
    parameters : (k,) array-like
        Parameters in the order of ``PARAMETERS[model]``.
    energy_edges_tev : (m + 1,) array-like
        Edges of the bins, TeV.
    reference_tev : float
        Reference energy of the amplitude, TeV.

    Returns
    -------
    (m,) ndarray
        Integral flux per bin, cm-2 s-1.
    """
    nodes = log_nodes(model, energy_edges_tev)
    flux = np.empty(nodes.shape[0])
    values = np.asarray(parameters, dtype=np.float64)
    integrate_bins(MODEL_CODES[model], values, math.log(reference_tev), nodes, flux)
    return flux


def log_gradient(model, parameters, energy_tev, reference_tev=1.0):
    """Derivatives of ln(dN/dE) by the parameters.

    Parameters
    ----------
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.
    parameters : (k,) array-like
        Parameters in the order of ``PARAMETERS[model]``.
    energy_tev : (n,) array-like
        Energies, TeV.
    reference_tev : float
        Reference energy of the amplitude, TeV.

    Returns
    -------
    (k, n) ndarray
        d ln(dN/dE) / d parameter.
    """
    values = np.asarray(parameters, dtype=np.float64)
    energy = np.asarray(energy_tev, dtype=np.float64)
    x = np.log(energy / (values[3] if model == "bpl" else reference_tev))
    rows = [np.full_like(x, 1.0 / values[0])]
    if model == "pl":
        rows += [-x]
    elif model == "bpl":
        below = x < 0
        rows += [np.where(below, -x, 0.0), np.where(below, 0.0, -x)]
        rows += [np.where(below, values[1], values[2]) / values[3]]
    elif model == "ecpl":
        rows += [-x, -energy]
    else:
        rows += [-x, -x * x]
    return np.array(rows)
