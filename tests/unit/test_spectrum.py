"""Spectral response and the wavelengths of photons that come without one."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from camera_samples import camera, key_words
from light_samples import LEVEL_M, air_table, random_steps
from scipy import integrate, stats

from iactflow.atmosphere.extinction import ExtinctionTable, transmission
from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Curve
from iactflow.shower.collect import collect_photons
from iactflow.shower.light import make_light_yield
from iactflow.shower.photons import HEIGHT_M, WAVELENGTH_NM, WEIGHT, empty_photons
from iactflow.shower.spheres import make_spheres, sphere_states
from iactflow.telescope.camera import qe_ceiling
from iactflow.telescope.spectrum import (
    draw_wavelengths,
    make_wavelength_table,
    number_of_photons,
    shortest_wavelength_nm,
    spectral_response,
)

BAND = (240.0, 700.0)


def _type(**changes):
    """A telescope type as far as the spectral response asks for it."""
    optics = SimpleNamespace(
        reflectivity=Curve(np.array([200.0, 300.0, 800.0]), np.array([0.6, 0.9, 0.8])),
        degraded_reflection=0.8,
    )
    return SimpleNamespace(optics=optics, camera=camera(**changes))


def _extinction():
    """Optical depth that falls with the wavelength and grows with the height."""
    heights = np.array([2000.0, 5000.0, 10000.0, 20000.0])
    waves = np.arange(200.0, 801.0, 1.0)
    depth = 0.6 * (350.0 / waves) ** 4 * (1 - np.exp(-(heights[:, None] - 2000.0) / 8000.0))
    return ExtinctionTable(heights, waves, np.ascontiguousarray(depth), 2000.0)


def _photons(n, weight=1.0, height=10000.0, tilt=0.0):
    photons = empty_photons(n)
    photons[:, 0] = np.arange(n) % 1000
    photons[:, 2] = tilt
    photons[:, HEIGHT_M] = height
    photons[:, WEIGHT] = weight
    return photons


def _draw(photons, response, stage="draw"):
    table = make_wavelength_table(response, BAND)
    return draw_wavelengths(photons, table, _extinction(), philox.new_state(key_words(stage)))


def test_response_is_the_product_of_its_parts():
    window = Curve(np.array([250.0, 300.0, 900.0]), np.array([0.0, 0.92, 0.92]))
    made = _type(
        window=window, qe_variation=0.05, transmission=0.97,
        light_guide_wavelength=Curve(np.array([200.0, 700.0]), np.array([0.9, 1.0])),
    )  # fmt: skip
    response = spectral_response(made, throughput=0.7)
    for wavelength in (270.0, 350.0, 411.5, 600.0):
        expected = (
            np.interp(wavelength, [200, 300, 800], [0.6, 0.9, 0.8]) * 0.8
            * np.interp(wavelength, window.x, window.y)
            * np.interp(wavelength, [200, 700], [0.9, 1.0])
            * np.interp(wavelength, [250, 350, 650], [0.0, 0.4, 0.0])
            * 0.85 * 0.97 * 0.95 * 1.15 * 0.7
        )  # fmt: skip
        found = np.interp(wavelength, response.x, response.y)
        assert found == pytest.approx(expected, rel=1e-5)
    assert qe_ceiling(made.camera) == pytest.approx(1.15)
    assert (response.x[0], response.x[-1]) == (250.0, 650.0)
    assert np.diff(response.x).max() <= 1.0 + 1e-9


def test_response_is_cut_to_the_band():
    response = spectral_response(_type(), band_nm=(300.5, 450.25))
    assert (response.x[0], response.x[-1]) == (300.5, 450.25)
    assert response.y[0] > 0.0


@pytest.mark.parametrize(("throughput", "band"), [(0.0, None), (50.0, None), (1.0, (900.0, 950.0))])
def test_responses_that_cannot_be(throughput, band):
    with pytest.raises(InputError, match="spectral response"):
        spectral_response(_type(), throughput, band)


def test_mean_response_of_a_flat_part_of_the_band():
    flat = Curve(np.array([300.0, 600.0]), np.array([0.25, 0.25]))
    table = make_wavelength_table(flat, BAND)
    expected = 0.25 * (1 / 300 - 1 / 600) / (1 / 240 - 1 / 700)
    assert table.mean_response == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InputError, match="wavelength band"):
        make_wavelength_table(flat, (700.0, 900.0))


@pytest.mark.parametrize(("height", "tilt"), [(10000.0, 0.0), (7000.0, 0.6), (2000.0, 0.0)])
def test_drawn_photons_are_those_that_a_folded_emission_gives(height, tilt):
    """Yield: integral of spectrum, response and extinction, as the emission folds them."""
    response, extinction = spectral_response(_type()), _extinction()
    n = 400000
    out = _draw(_photons(n, 1.0, height, tilt), response)
    cosine = math.sqrt(1 - tilt**2)
    fine = np.linspace(250.0, 650.0, 8001)
    passed = [transmission(extinction, wave, height, cosine) for wave in fine]
    density = np.interp(fine, response.x, response.y) * passed / fine**2
    expected = n * integrate.simpson(density, x=fine) / (1 / 240 - 1 / 700)
    assert len(out) == pytest.approx(expected, abs=4 * math.sqrt(expected))
    cumulative = integrate.cumulative_trapezoid(density, fine, initial=0.0)
    cumulative /= cumulative[-1]
    waves = out[:, WAVELENGTH_NM].astype(float)
    assert stats.kstest(waves, lambda w: np.interp(w, fine, cumulative)).pvalue > 1e-3


def test_both_ways_leave_the_same_light_of_the_same_steps():
    """Emission with the response folded in; all light of the band, thinned as CORSIKA's."""
    response, extinction, air = spectral_response(_type()), _extinction(), air_table()
    steps = random_steps(3000, 20.0)
    spheres = make_spheres([[50.0, 20.0, 0.0]], [40.0], [[0.0, 0.0]])
    found = []
    for number, light in enumerate(
        (make_light_yield(*BAND, response, extinction), make_light_yield(*BAND))
    ):
        states = sphere_states(1, "gamma", 1, number, 1, [1])
        found.append(collect_photons([steps], spheres, light, air, states).at(0, 0))
    folded, flat = found
    flat = flat.copy()
    flat[:, WAVELENGTH_NM] = 0.0
    thinned = _draw(flat, response)
    error = math.sqrt(len(folded) + len(thinned))
    assert len(folded) > 20000
    assert len(folded) == pytest.approx(len(thinned), abs=4 * error)
    for column in (HEIGHT_M, WAVELENGTH_NM, 2, 3, 4):
        assert stats.ks_2samp(folded[:, column], thinned[:, column]).pvalue > 1e-4
    assert folded[:, HEIGHT_M].min() >= LEVEL_M


@pytest.mark.parametrize("weight", [0.3, 4.7, 60.0])
def test_bunches_are_expanded_to_single_photons(weight):
    response = spectral_response(_type())
    n = 20000
    out = _draw(_photons(n, weight), response)
    one = _draw(_photons(400000), response, "other")
    expected = n * weight * len(one) / 400000
    error = math.sqrt(expected + expected**2 / len(one))
    assert len(out) == pytest.approx(expected, abs=4 * error)
    assert np.all(out[:, WEIGHT] == 1.0)
    assert set(np.unique(out[:, 0])) <= set(range(1000))


def test_photons_with_wavelength_stay():
    photons = _photons(50)
    photons[::2, WAVELENGTH_NM] = 400.0
    out = _draw(photons, spectral_response(_type()))
    kept = out[out[:, WAVELENGTH_NM] == 400.0]
    np.testing.assert_array_equal(kept, photons[::2])


def test_drawing_is_that_of_its_slow_twin():
    response, extinction = spectral_response(_type()), _extinction()
    photons = _photons(3000, 2.5, 9000.0, 0.2)
    out = _draw(photons, response)
    table = make_wavelength_table(response, BAND)
    state = philox.new_state(key_words("draw"))
    expected = []
    cosine = math.sqrt(1 - float(np.float32(0.2)) ** 2)
    grid = np.linspace(0.0, 1.0, table.wavelength_nm.size)
    for row in photons:
        for _ in range(2 + (philox.uniform(state) < 0.5)):
            if philox.uniform(state) < table.mean_response:
                wavelength = np.interp(philox.uniform(state), grid, table.wavelength_nm)
                passed = transmission(extinction, wavelength, 9000.0, cosine)
                if philox.uniform(state) < passed:
                    expected.append([*row[:6], wavelength, 1.0])
    np.testing.assert_allclose(out, np.array(expected), rtol=1e-6)


def test_more_photons_than_expected_find_room():
    response = spectral_response(_type())
    table = make_wavelength_table(response, BAND)._replace(mean_response=1e-9)
    photons = _photons(300)
    photons[:, WAVELENGTH_NM] = 300.0
    out = draw_wavelengths(photons, table, _extinction(), philox.new_state(key_words("room")))
    np.testing.assert_array_equal(out, photons)


def test_nothing_comes_of_nothing():
    assert _draw(_photons(0), spectral_response(_type())).shape == (0, 8)


def test_what_is_asked_of_photons_before_they_are_drawn():
    photons = empty_photons(3)
    assert shortest_wavelength_nm(photons[:0]) == np.inf
    assert number_of_photons(photons[:0]) == 0.0
    photons[:, WAVELENGTH_NM] = 500.0, 300.0, 400.0
    photons[:, WEIGHT] = 1.0, 2.5, 4.0
    assert shortest_wavelength_nm(photons) == 300.0
    assert number_of_photons(photons) == 7.5
    photons[2, WAVELENGTH_NM] = 0.0
    assert shortest_wavelength_nm(photons) == 0.0
