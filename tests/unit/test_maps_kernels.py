"""Kernels of sky maps: slow twins and analytic cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import RegularGridInterpolator
from scipy.signal import convolve2d

from iactflow.science import map_kernels as kernels
from iactflow.science.map_geometry import unit_vectors

EDGES = np.geomspace(1.0, 10.0, 9)


def ring_mask(inner, outer):
    """Ring of pixels as an image, by the distance of each pixel."""
    reach = int(outer)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(x, y)
    return ((distance >= inner - 1e-6) & (distance <= outer + 1e-6)).astype(float)


def fov_axes(ra_deg, dec_deg):
    """Unit vectors of the field of view: pointing, west, north."""
    return np.stack(
        [
            unit_vectors(ra_deg, dec_deg),
            unit_vectors(ra_deg - 90.0, 0.0),
            unit_vectors(ra_deg, dec_deg + 90.0),
        ]
    )


def integrate(rate, energy, x, y, directions, edges=EDGES, pointing=(30.0, 40.0)):
    """Background rate by the kernels, at a list of directions (ra, dec)."""
    vectors = unit_vectors(*np.transpose(directions))[None, :, :]
    planes = kernels.log_background(rate, energy, edges)
    mask = np.ones(vectors.shape[:2], dtype=bool)
    return kernels.integrate_background(planes, edges, x, y, fov_axes(*pointing), vectors, mask)[0]


@pytest.fixture
def image():
    return np.random.default_rng(3).poisson(0.3, (41, 57)).astype(float)


def test_counts_equal_a_histogram():
    random = np.random.default_rng(5)
    column, row = random.uniform(-3, 33, 500), random.uniform(-3, 23, 500)
    mask = random.uniform(size=(20, 30)) > 0.3
    n_on = np.zeros((20, 30))
    counted = kernels.count_events(column, row, mask, n_on)
    edges = np.arange(21) - 0.5, np.arange(31) - 0.5
    expected = np.histogram2d(row, column, bins=edges)[0] * mask
    np.testing.assert_array_equal(n_on, expected)
    assert np.sum(counted) == np.sum(expected) > 0


def test_events_without_a_pixel_are_not_counted():
    n_on = np.zeros((2, 2))
    place = np.array([np.nan, -0.6, 1.6])
    counted = kernels.count_events(place, np.zeros(3), np.ones((2, 2), dtype=bool), n_on)
    assert not counted.any()
    assert n_on.sum() == 0


def test_missing_rates_are_filled_between_energies():
    random = np.random.default_rng(7)
    rate = random.uniform(1.0, 2.0, (12, 4, 5)) * (random.uniform(size=(12, 4, 5)) > 0.4)
    rate[:, 0, 0] = 0.0
    expected = rate.copy()
    for j in range(4):
        for i in range(5):
            good = np.flatnonzero(rate[:, j, i])
            if good.size:
                inside = np.arange(good[0], good[-1] + 1)
                logs = np.log(rate[good, j, i])
                expected[inside, j, i] = np.exp(np.interp(inside, good, logs))
    filled = kernels.fill_missing_rates(rate)
    np.testing.assert_allclose(filled, expected, rtol=1e-14)
    assert (filled[:, 0, 0] == 0).all()
    assert np.sum(filled > 0) > np.sum(rate > 0)


@pytest.mark.parametrize("index", [2.7, 1.0, 0.3])
def test_background_of_a_power_law_is_integrated_exactly(index):
    energy, x = np.geomspace(0.1, 100.0, 25), np.linspace(-2.0, 2.0, 9)
    centres = np.sqrt(energy[1:] * energy[:-1])
    rate = 3e-6 * centres[:, None, None] ** -index * np.ones((24, 8, 8))
    expected = 3e-6 * quad(lambda e: e**-index, 1.0, 10.0)[0]
    found = integrate(rate, energy, x, x, [(30.0, 40.0), (31.0, 39.2)])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_background_gradients_lie_along_falling_ra_and_rising_dec():
    energy, x, y = np.geomspace(0.1, 100.0, 13), np.linspace(-2, 2, 11), np.linspace(-3, 3, 9)
    centres = np.sqrt(energy[1:] * energy[:-1])[:, None, None]
    xc, yc = 0.5 * (x[1:] + x[:-1]), 0.5 * (y[1:] + y[:-1])
    rate = centres**-2.0 * np.exp(0.4 * xc[None, None, :] - 0.2 * yc[None, :, None])
    west, north = (30.0 - 1.0 / np.cos(np.radians(40.0)), 40.0), (30.0, 41.0)
    middle, right, up = integrate(rate, energy, x, y, [(30.0, 40.0), west, north])
    # One degree along the parallel is one degree of longitude to a third of a per mille.
    assert right / middle == pytest.approx(np.exp(0.4), rel=3e-3)
    assert up / middle == pytest.approx(np.exp(-0.2), rel=1e-9)


def test_background_equals_the_interpolator_of_scipy():
    random = np.random.default_rng(11)
    energy, x, y = np.geomspace(0.3, 30.0, 10), np.linspace(-2, 2, 8), np.linspace(-2, 2, 7)
    rate = random.uniform(0.5, 2.0, (9, 6, 7)) * 1e-6
    nodes = [np.log(np.sqrt(energy[1:] * energy[:-1]))]
    nodes += [0.5 * (e[1:] + e[:-1]) for e in (y, x)]
    look_up = RegularGridInterpolator(nodes, np.log(rate), bounds_error=False, fill_value=None)
    directions = [(30.0 + a, 40.0 + b) for a in (-1.2, 0.3, 1.9) for b in (-1.8, 0.0, 0.7)]
    found = integrate(rate, energy, x, y, directions)
    axes = fov_axes(30.0, 40.0)
    for direction, value in zip(directions, found, strict=True):
        along, side, above = axes @ unit_vectors(*direction)
        lon, lat = np.degrees(np.arctan2(side, along)), np.degrees(np.arcsin(above))
        f = np.exp([look_up((np.log(e), lat, lon)) for e in EDGES]).ravel()
        index = np.log(f[1:] / f[:-1]) / np.log(EDGES[1:] / EDGES[:-1])
        parts = [
            quad(lambda e, a=a, g=g, k=k: g * (e / a) ** k, a, b)[0]
            for a, b, g, k in zip(EDGES[:-1], EDGES[1:], f[:-1], index, strict=True)
        ]
        assert value == pytest.approx(np.sum(parts), rel=1e-8)


def test_background_is_zero_outside_the_model_and_the_mask():
    energy, x = np.geomspace(2.0, 5.0, 4), np.linspace(-1.0, 1.0, 5)
    rate = np.ones((3, 4, 4))
    inside, outside = integrate(rate, energy, x, x, [(30.0, 40.0), (30.0, 41.5)])
    assert outside == 0.0
    # Bins of the band that reach beyond the energies of the model do not count.
    used = EDGES[(EDGES >= 2.0) & (EDGES < 5.0)]
    assert inside == pytest.approx(used[-1] - used[0], rel=1e-12)
    planes = kernels.log_background(rate, energy, EDGES)
    vectors = unit_vectors(np.array([[30.0]]), np.array([[40.0]]))
    no = np.zeros((1, 1), dtype=bool)
    axes = fov_axes(30.0, 40.0)
    assert kernels.integrate_background(planes, EDGES, x, x, axes, vectors, no)[0, 0] == 0.0


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.0, 2.5, 5.0, 0.3 / 0.02, 0.8 / 0.02])
def test_disc_holds_the_pixels_within_its_radius(radius):
    half = kernels.disc_rows(radius)
    disc = ring_mask(0.0, radius)
    np.testing.assert_array_equal(2 * half + 1, disc.sum(axis=1))


@pytest.mark.parametrize(("inner", "outer"), [(2.0, 4.0), (0.5 / 0.02, 0.8 / 0.02), (3.3, 7.7)])
def test_ring_holds_the_pixels_between_its_radii(inner, outer):
    half, hole = kernels.ring_rows(inner, outer)
    ring = ring_mask(inner, outer)
    np.testing.assert_array_equal(2 * half + 1 - (2 * hole + 1) * (hole >= 0), ring.sum(axis=1))


@pytest.mark.parametrize(("inner", "outer"), [(0.0, 2.0), (3.0, 5.0), (4.2, 8.9), (10.0, 60.0)])
def test_ring_sum_equals_a_convolution(image, inner, outer):
    half, hole = kernels.ring_rows(inner, outer)
    found = kernels.ring_sum(image, half, hole)
    full = convolve2d(image, ring_mask(inner, outer))
    reach = half.size // 2
    expected = full[reach : reach + image.shape[0], reach : reach + image.shape[1]]
    # Counts stay whole numbers, bit by bit.
    np.testing.assert_array_equal(found, np.rint(expected))


def test_ring_sum_of_a_uniform_image_is_the_number_of_pixels():
    half, hole = kernels.ring_rows(2.0, 4.0)
    found = kernels.ring_sum(np.ones((20, 20)), half, hole)
    assert found[10, 10] == ring_mask(2.0, 4.0).sum()
    assert found[0, 0] < found[10, 10]


def test_adaptive_ring_sum_takes_the_ring_of_each_pixel(image):
    rings = [kernels.ring_rows(2.0 + k, 5.0 + k) for k in range(3)]
    reach = rings[-1][0].size // 2
    padded = np.full((2, 3, 2 * reach + 1), -1)
    for index, pair in enumerate(rings):
        margin = reach - pair[0].size // 2
        for side in (0, 1):
            padded[side, index, margin : margin + pair[side].size] = pair[side]
    choice = np.random.default_rng(2).integers(0, 3, image.shape)
    found = kernels.adaptive_ring_sum(image, padded[0], padded[1], choice)
    sums = np.array([kernels.ring_sum(image, *pair) for pair in rings])
    np.testing.assert_array_equal(found, np.take_along_axis(sums, choice[None], axis=0)[0])
