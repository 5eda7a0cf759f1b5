"""Spectra of single photoelectrons: twin sums of Gaussians, derivatives, minuit, pulls."""

from __future__ import annotations

import math

import numpy as np
import pytest
from calibration_samples import charges, generator
from iminuit import Minuit

from iactflow.calibration.single_pe import (
    PARAMETERS,
    Spectra,
    charge_spectra,
    fit_spectra,
    shape_of_curve,
    spectrum_probabilities,
    two_gaussians,
)
from iactflow.errors import InputError

LOW = (0.3, 0.4, 0.15, 0.35)
TRUE = np.array([0.8, 60.0, 5.0, 12.0, 1.0])


def normal_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def twin(light, gain, pedestal, noise, low, edges):
    """Bellamy's sum, written out: Poisson numbers, binomial numbers of low charges, Gaussians."""
    part, low_mean, low_sigma, sigma = low
    mean = part * low_mean + 1.0 - part
    result = np.zeros(len(edges) - 1)
    for n in range(25):
        poisson = math.exp(-light) * light**n / math.factorial(n)
        for k in range(n + 1):
            weight = poisson * math.comb(n, k) * part**k * (1.0 - part) ** (n - k)
            if weight < 1e-14:
                continue
            centre = pedestal + gain / mean * (k * low_mean + n - k)
            square = (gain / mean) ** 2 * (k * low_sigma**2 + (n - k) * sigma**2)
            width = math.sqrt(noise**2 + square)
            cdf = np.array([normal_cdf((edge - centre) / width) for edge in edges])
            result += weight * np.diff(cdf)
    return result


def test_bins_are_those_of_the_sum_of_gaussians():
    edges = -60.5 + 4.0 * np.arange(201)
    expected = twin(*TRUE[:4], LOW, edges)
    found, _ = spectrum_probabilities(
        TRUE[None], two_gaussians(*LOW), edges[:1], 4.0, len(edges) - 1
    )
    np.testing.assert_allclose(found[0], expected, rtol=1e-6, atol=1e-10)


def test_a_tabulated_curve_gives_the_same_as_its_formula():
    amplitude = np.linspace(0.0, 4.0, 801)
    part, low_mean, low_sigma, sigma = 0.3, 0.6, 0.12, 0.2
    density = part * np.exp(-0.5 * ((amplitude - low_mean) / low_sigma) ** 2) / low_sigma
    density += (1.0 - part) * np.exp(-0.5 * ((amplitude - 1.0) / sigma) ** 2) / sigma
    curve = shape_of_curve(amplitude, density)
    formula = two_gaussians(part, low_mean, low_sigma, sigma)
    np.testing.assert_allclose(curve.value, formula.value, atol=1e-4)
    assert curve.excess_noise == pytest.approx(formula.excess_noise, abs=1e-4)


def test_moments_of_a_spectrum():
    shape = two_gaussians(*LOW)
    centre = -80.0 + 2.0 * (np.arange(600) + 0.5)
    p, _ = spectrum_probabilities(TRUE[None], shape, np.array([-80.0]), 2.0, 600)
    light, gain, pedestal, noise, _ = TRUE
    mean = np.sum(p[0] * centre)
    assert np.sum(p) == pytest.approx(1.0, abs=1e-6)
    assert mean == pytest.approx(pedestal + gain * light, rel=1e-4)
    variance = np.sum(p[0] * (centre - mean) ** 2) - 2.0**2 / 12.0
    assert variance == pytest.approx(noise**2 + light * gain**2 * shape.excess_noise, rel=1e-3)


@pytest.mark.parametrize("i", range(5))
def test_derivatives(i):
    shape, value = two_gaussians(*LOW), TRUE.copy()
    value[4] = 0.9
    grid = np.array([-60.5]), 4.0, 150
    _, derivative = spectrum_probabilities(value[None], shape, *grid)
    step = 1e-4 * value[i]
    ends = []
    for sign in (-1.0, 1.0):
        moved = value.copy()
        moved[i] += sign * step
        ends.append(spectrum_probabilities(moved[None], shape, *grid)[0][0])
    numeric = (ends[1] - ends[0]) / (2.0 * step)
    np.testing.assert_allclose(derivative[i, 0], numeric, atol=2e-6 * np.abs(numeric).max())


def test_histograms_hold_all_charges_between_their_edges():
    draw = generator("histograms")
    charge = np.floor(draw.normal(100.0, 30.0, (500, 3)))
    found = charge_spectra(charge, 5.0)
    assert np.all(found.counts.sum(axis=1) == 500)
    for pixel in range(3):
        edges = found.start_adu[pixel] + 5.0 * np.arange(found.counts.shape[1] + 1)
        np.testing.assert_array_equal(np.histogram(charge[:, pixel], edges)[0], found.counts[pixel])
    with pytest.raises(InputError, match="bin_adu"):
        charge_spectra(charge, 0.0)


def _sample(name, n_pixels, n_events, gain):
    draw = generator(name)
    return charges(draw, n_events, gain, 0.8, 5.0, 12.0, sigma=0.35)


def test_pulls_of_all_parameters():
    n = 400
    gain = 60.0 * (1.0 + 0.05 * generator("gains").standard_normal(n))
    spectra = charge_spectra(_sample("spectra", n, 1500, gain), 4.0)
    start = np.tile([1.0, 50.0, 0.0, 14.0, 1.0], (n, 1))
    fit = fit_spectra(spectra, two_gaussians(0.0, 0.4, 0.2, 0.35), start, fixed=("width",))
    assert fit.converged.all()
    truth = np.tile(TRUE, (n, 1))
    truth[:, 1] = gain
    for i in range(4):
        pulls = (fit.value[:, i] - truth[:, i]) / fit.error[:, i]
        assert abs(pulls.mean()) < 0.2, PARAMETERS[i]
        assert abs(pulls.std() - 1.0) < 0.1, PARAMETERS[i]
    assert np.all(fit.value[:, 4] == 1.0)
    assert np.all(fit.error[:, 4] == 0.0)


def test_minimum_and_errors_are_those_of_minuit():
    charge = _sample("minuit", 1, 4000, np.array([60.0]))
    spectra, shape = charge_spectra(charge, 4.0), two_gaussians(0.0, 0.4, 0.2, 0.35)
    fit = fit_spectra(spectra, shape, TRUE[None] * [1.1, 0.9, 1.0, 1.1, 1.0], fixed=("width",))
    edges = spectra.start_adu[0] + 4.0 * np.arange(spectra.counts.shape[1] + 1)

    def statistic(light, gain, pedestal, noise):
        p = np.maximum(twin(light, gain, pedestal, noise, (0.0, 0.4, 0.2, 0.35), edges), 1e-13)
        return -2.0 * np.sum(spectra.counts[0] * np.log(p / p.sum()))

    minuit = Minuit(statistic, *(TRUE[:4] * 0.98))
    minuit.errordef = Minuit.LIKELIHOOD * 2.0
    minuit.migrad()
    away = (fit.value[0, :4] - np.array(minuit.values)) / np.array(minuit.errors)
    assert np.all(np.abs(away) < 0.02)
    np.testing.assert_allclose(fit.error[0, :4], minuit.errors, rtol=0.05)


def test_a_spectrum_without_photoelectrons_has_no_gain():
    dark = np.floor(generator("dark").normal(0.0, 12.0, (500, 2)))
    fit = fit_spectra(charge_spectra(dark, 4.0), two_gaussians(*LOW), np.tile(TRUE, (2, 1)))
    # Nothing tells the gain: either no fit, or an error as large as the value.
    assert np.all(~fit.converged | (fit.error[:, 1] > 0.3 * fit.value[:, 1]))


def test_bad_input_is_refused():
    spectra = Spectra(np.ones((1, 8)), np.zeros(1), 1.0)
    shape = two_gaussians(*LOW)
    with pytest.raises(InputError, match="fixed"):
        fit_spectra(spectra, shape, TRUE[None], fixed=("mass",))
    with pytest.raises(InputError, match="start"):
        fit_spectra(spectra, shape, -TRUE[None])
    with pytest.raises(InputError, match="components"):
        two_gaussians(1.2, 0.4, 0.1, 0.3)
    with pytest.raises(InputError, match="density"):
        shape_of_curve(np.arange(3.0), np.array([1.0, -1.0, 1.0]))
