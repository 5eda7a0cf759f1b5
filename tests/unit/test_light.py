"""Yield of Cherenkov light."""

from __future__ import annotations

import numpy as np
import pytest
from light_samples import LEVEL_M, SCALE_M, SEA_LEVEL, air_table, make_step

from iactflow.atmosphere.extinction import ExtinctionTable
from iactflow.errors import InputError
from iactflow.instrument.description import Curve
from iactflow.shower.light import (
    add_emitted_light,
    make_light_yield,
    photons_per_metre,
    sine_squared,
    surviving_fraction,
    wavelength_nm,
)

ALPHA = 1.0 / 137.035999


def test_flat_band_is_frank_and_tamm():
    light = make_light_yield(300.0, 600.0)
    expected = 2 * np.pi * ALPHA * (1 / 300e-9 - 1 / 600e-9)
    assert light.photons_per_m == pytest.approx([expected], rel=1e-7)
    # Table of reference: 36.1 photons per metre at 1.8 km with n - 1 = 2.83e-4 at sea level.
    at_1800 = expected * sine_squared(2.83e-4 * np.exp(-1800 / 9500), 1e6)
    assert at_1800 == pytest.approx(36.1, rel=0.02)


def _draws(light, kind=0, n=100000):
    return np.sort([wavelength_nm(light, kind, (i + 0.5) / n) for i in range(n)])


def test_wavelengths_of_a_flat_band():
    draws = _draws(make_light_yield(300.0, 600.0))
    probability = (np.arange(draws.size) + 0.5) / draws.size
    expected = 1.0 / (1 / 300.0 - probability * (1 / 300.0 - 1 / 600.0))
    assert draws == pytest.approx(expected, abs=0.1)


def test_response_is_folded_in():
    rising = Curve(np.array([300.0, 600.0]), np.array([0.0, 0.3]))
    light = make_light_yield(250.0, 700.0, [rising, Curve(rising.x, np.ones(2))])
    # The integral of 0.001 (lambda - 300) / lambda^2 from 300 to 600.
    part = 1e-3 * (np.log(2.0) - 300.0 * (1 / 300.0 - 1 / 600.0))
    assert light.photons_per_m[0] == pytest.approx(2e9 * np.pi * ALPHA * part, rel=1e-7)
    assert light.photons_per_m[1] == pytest.approx(76417.0, rel=1e-4)
    draws = _draws(light)
    x = np.linspace(300.0, 600.0, 100001)
    weight = (x - 300.0) / x**2
    assert draws.mean() == pytest.approx(np.sum(weight * x) / np.sum(weight), rel=1e-4)
    assert draws.std() == pytest.approx(
        np.sqrt(np.sum(weight * (x - draws.mean()) ** 2) / weight.sum()), rel=1e-3
    )


def test_gap_of_a_response_is_never_drawn():
    gap = Curve(np.array([300.0, 400.0, 401.0, 500.0, 501.0, 600.0]), np.array([1, 1, 0, 0, 1, 1]))
    draws = _draws(make_light_yield(300.0, 600.0, gap))
    assert not np.any((draws > 401.0) & (draws < 500.0))
    left = 1 / 300 - 1 / 400.5
    assert np.mean(draws < 450.0) == pytest.approx(left / (left + 1 / 500.5 - 1 / 600), rel=1e-3)


def test_response_that_starts_inside_the_band():
    light = make_light_yield(250.0, 700.0, Curve(np.array([300.0, 600.0]), np.ones(2)))
    assert light.photons_per_m == pytest.approx(make_light_yield(300.0, 600.0).photons_per_m)


def test_sine_squared():
    for gamma in (30.0, 100.0, 1e5):
        cosine = 1.0 / (1.0003 * np.sqrt(1.0 - gamma**-2))
        assert sine_squared(3e-4, gamma) == pytest.approx(1.0 - cosine**2, abs=1e-14)
    # Threshold: n beta = 1.
    assert sine_squared(3e-4, 1.0 / np.sqrt(1.0 - 1.0003**-2)) == pytest.approx(0.0, abs=1e-15)
    assert sine_squared(3e-4, 2.0) < 0.0


def test_extinction_thins_the_yield():
    tau = np.array([[0.0, 0.0], [0.4, 0.2]])
    table = ExtinctionTable(np.array([1800.0, 11800.0]), np.array([300.0, 600.0]), tau, 1800.0)
    light, clear = make_light_yield(300.0, 600.0, extinction=table), make_light_yield(300.0, 600.0)
    assert surviving_fraction(clear, 400.0, 9000.0, 0.5) == 1.0
    assert surviving_fraction(light, 300.0, 6800.0, 0.5) == pytest.approx(np.exp(-0.4))
    waves = np.linspace(300.0, 600.0, 20001)
    weight = waves**-2.0
    depth = (0.4 - 0.2 * (waves - 300.0) / 300.0) / 0.8
    kept = np.sum(weight * np.exp(-depth)) / weight.sum()
    ratio = photons_per_metre(light, air_table(), 11800.0, 1e3, 0.8) / photons_per_metre(
        clear, air_table(), 11800.0, 1e3, 0.8
    )
    assert ratio == pytest.approx(kept, rel=1e-4)


def test_emitted_light_in_bins_of_height():
    step = make_step((0.0, 0.0, 4000.0), (0.0, 0.6, -0.8), 1000.0, 120.0, 100.0)
    counts = np.zeros(40)
    add_emitted_light(step, air_table(), 5e4, 5000.0, 50.0, counts)
    s = (np.arange(20000) + 0.5) / 20
    height = LEVEL_M + 4000.0 - 0.8 * s
    gamma = 120.0 - 0.02 * s
    sine_2 = 1.0 - 1.0 / ((1 + SEA_LEVEL * np.exp(-height / SCALE_M)) ** 2 * (1 - gamma**-2.0))
    assert counts.sum() == pytest.approx(5e4 * np.maximum(sine_2, 0.0).mean() * 1000.0, rel=1e-4)
    assert np.all(np.flatnonzero(counts) < 16)
    mean = np.sum(counts * (5025.0 + 50.0 * np.arange(40))) / counts.sum()
    assert mean == pytest.approx(np.average(height, weights=np.maximum(sine_2, 0)), abs=30.0)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ((600.0, 300.0), "wavelength_min_nm"),
        ((0.0, 300.0), "wavelength_min_nm"),
        ((300.0, 600.0, []), "responses"),
        ((300.0, 600.0, Curve(np.array([300.0, 600.0]), np.array([0.5, 1.5]))), "responses"),
        ((300.0, 600.0, Curve(np.array([300.0, 600.0]), np.array([-0.5, 0.5]))), "responses"),
        ((300.0, 600.0, Curve(np.array([100.0, 200.0]), np.ones(2))), "responses"),
    ],
)
def test_bad_input(arguments, key):
    with pytest.raises(InputError, match=key):
        make_light_yield(*arguments)
