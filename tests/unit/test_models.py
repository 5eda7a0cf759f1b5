"""Spectral models against numpy twins, quadrature and gammapy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from iactflow.science import models

CASES = {
    "pl": (4e-11, 2.6),
    "bpl": (3e-12, 2.2, 3.1, 3.3),
    "ecpl": (5e-11, 2.3, 0.11),
    "lp": (4.5e-11, 2.4, 0.17),
}
EDGES = np.geomspace(0.05, 150.0, 84)


def twin(model, parameters, energy, reference):
    """Spell each model out."""
    if model == "pl":
        return parameters[0] * (energy / reference) ** -parameters[1]
    if model == "bpl":
        amplitude, index1, index2, ebreak = parameters
        return amplitude * (energy / ebreak) ** -(index1 if energy < ebreak else index2)
    if model == "ecpl":
        amplitude, index, lambda_ = parameters
        return amplitude * (energy / reference) ** -index * np.exp(-lambda_ * energy)
    amplitude, alpha, beta = parameters
    return amplitude * (energy / reference) ** -(alpha + beta * np.log(energy / reference))


def gammapy_model(model, parameters, reference):
    """The same model in gammapy."""
    from gammapy.modeling.models import spectral

    kinds = {
        "pl": spectral.PowerLawSpectralModel,
        "bpl": spectral.BrokenPowerLawSpectralModel,
        "ecpl": spectral.ExpCutoffPowerLawSpectralModel,
        "lp": spectral.LogParabolaSpectralModel,
    }
    pairs = zip(models.PARAMETERS[model], parameters, models.units(model), strict=True)
    keywords = {name: f"{value} {unit}" for name, value, unit in pairs}
    if model != "bpl":
        keywords["reference"] = f"{reference} TeV"
    return kinds[model](**keywords)


@pytest.mark.parametrize("model", CASES)
def test_values(model):
    expected = [twin(model, CASES[model], e, 1.45) for e in EDGES]
    np.testing.assert_allclose(models.dnde(model, CASES[model], EDGES, 1.45), expected, rtol=1e-12)
    kernel = [
        CASES[model][0]
        * np.exp(
            models.log_shape(
                models.MODEL_CODES[model], np.array(CASES[model]), np.log(1.45), np.log(e)
            )
        )
        for e in EDGES
    ]
    np.testing.assert_allclose(kernel, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "rtol"), [("pl", 1e-9), ("bpl", 3e-3), ("ecpl", 2e-3), ("lp", 2e-4)]
)
def test_integrals_against_quadrature(model, rtol):
    expected = [
        quad(lambda e: twin(model, CASES[model], e, 1.0), low, high, epsabs=0, epsrel=1e-10)[0]
        for low, high in pairwise(EDGES)
    ]
    np.testing.assert_allclose(models.integral(model, CASES[model], EDGES), expected, rtol=rtol)


def test_power_law_integral_is_analytic_for_all_indices():
    for index in (0.5, 1.0, 1.0 + 1e-9, 2.0, 4.0):
        value = models.integral("pl", (2.0, index), [1.0, 10.0])[0]
        expected = (
            2 * np.log(10) if abs(index - 1) < 1e-6 else 2 * (10 ** (1 - index) - 1) / (1 - index)
        )
        assert value == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("model", CASES)
@pytest.mark.parametrize("edges", [EDGES, np.geomspace(0.1, 40, 21), np.geomspace(0.01, 100, 301)])
def test_integrals_equal_gammapy(model, edges):
    units = pytest.importorskip("astropy.units")
    pytest.importorskip("gammapy")
    reference = gammapy_model(model, CASES[model], 1.45)
    expected = reference.integral(edges[:-1] * units.TeV, edges[1:] * units.TeV)
    expected = expected.to_value("cm-2 s-1")
    ours = models.integral(model, CASES[model], edges, 1.45)
    keep = expected > 1e-30
    np.testing.assert_allclose(ours[keep], expected[keep], rtol=1e-8)


@pytest.mark.parametrize("model", CASES)
def test_log_gradient_is_the_derivative(model):
    values, energy = np.array(CASES[model]), np.array([0.3, 1.0, 2.9, 17.0])
    gradient = models.log_gradient(model, values, energy, 1.2)
    for k in range(values.size):
        step = np.zeros_like(values)
        step[k] = 1e-6 * values[k]
        up = np.log(models.dnde(model, values + step, energy, 1.2))
        down = np.log(models.dnde(model, values - step, energy, 1.2))
        np.testing.assert_allclose(gradient[k], (up - down) / (2 * step[k]), rtol=1e-6, atol=1e-8)


def test_names_and_units_match():
    for model, names in models.PARAMETERS.items():
        assert len(models.units(model)) == len(names)
    assert models.units("ecpl") == ("cm-2 s-1 TeV-1", "", "TeV-1")
