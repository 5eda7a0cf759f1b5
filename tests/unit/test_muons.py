"""Rings of muons: circles, chords and light against slow twins; efficiencies that come back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from calibration_samples import generator, subarray

from iactflow.calibration.muon_light import BAND_NM, band_light, convert_band
from iactflow.calibration.muons import (
    MuonSettings,
    fit_muon,
    good_rings,
    pixel_points,
    ring_image,
)
from iactflow.calibration.rings import Rings, fit_rings
from iactflow.calibration.throughput import (
    band_factor,
    correct_images,
    intrinsic_spread,
    mean_throughput,
)
from iactflow.errors import InputError
from iactflow.shower.air import FINE_STRUCTURE

KIND = subarray(900, 1).types[0]
LON, LAT = KIND.pixel_lon_deg, KIND.pixel_lat_deg
SETTINGS = MuonSettings(mirror_radius_m=6.0, shadow_radius_m=0.8, excess_noise=1.16)
RING = np.array([0.1, 0.3, -0.2, 0.35, -0.25, 1.15, 0.05])
NOISE = np.full(LON.size, 1.2)


def expected(ring=RING, settings=SETTINGS):
    points, area = pixel_points(KIND)
    dish = settings.mirror_radius_m, settings.shadow_radius_m
    return ring_image(LON, LAT, points, area, ring, band_light(BAND_NM), dish)


def image_of(draw, mean):
    n = draw.poisson(mean)
    amplitude = n + 0.4 * np.sqrt(n) * draw.standard_normal(n.size)
    return (amplitude + 1.2 * draw.standard_normal(n.size)).astype(np.float32)


def chord_by_steps(x, y, angle, radius, step=1e-3):
    """Length of a ray inside a circle around the origin, step by step."""
    length = np.arange(0.0, 24.0, step)
    inside = np.hypot(x + length * math.cos(angle), y + length * math.sin(angle)) < radius
    return inside.sum() * step


@pytest.mark.parametrize("impact", [0.0, 0.1, 0.6, 1.3])
def test_light_along_the_ring_follows_the_chord_of_the_dish(impact):
    radius, shadow = 6.0, 0.8
    ring = np.array([0.1, impact, 0.0, 0.0, 0.0, 1.2, 0.02])
    angle = np.radians(np.arange(5.0, 360.0, 17.0))
    # Points without extent: surface brightness on the circle itself.
    lon, lat = 1.2 * np.cos(angle), 1.2 * np.sin(angle)
    found = ring_image(lon, lat, np.zeros((1, 2)), 1.0, ring, band_light(BAND_NM), (radius, shadow))
    strength = 0.1 * 0.5 * FINE_STRUCTURE * 1e9 * (1 / 300 - 1 / 600) * math.sin(math.radians(2.4))
    surface = 1.0 / (1.2 * 0.02 * math.sqrt(2.0 * math.pi))
    for k, at in enumerate(angle):
        # The brightest side looks through the longest way over the dish.
        start = -impact * radius, 0.0
        chord = chord_by_steps(*start, at, radius) - chord_by_steps(*start, at, shadow)
        assert found[k] == pytest.approx(strength * surface * chord, abs=2e-3 * strength * surface)


def test_light_of_a_central_muon_is_that_of_the_formula():
    ring = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 1.1, 0.06])
    settings = MuonSettings(mirror_radius_m=5.84)
    # 8570 photons from 300 to 600 nm on a dish of 5.84 m.
    assert expected(ring, settings).sum() == pytest.approx(8570.0, rel=0.005)


@pytest.mark.parametrize("shape", ["hexagon", "square", "circle"])
def test_points_cover_a_pixel(shape):
    kind = subarray(7, 1, shape, 15.0).types[0]
    points, area = pixel_points(kind)
    assert area == pytest.approx(0.16**2 * np.sqrt(0.75), rel=1e-9)
    assert np.abs(points.mean(axis=0)).max() < 0.01
    # Second moment of the shape: of a hexagon and a square of area a, a times these.
    second = {"hexagon": 5 * math.sqrt(3) / 54, "square": 1 / 6, "circle": 1 / (2 * math.pi)}
    assert (points**2).sum(axis=1).mean() == pytest.approx(second[shape] * area, rel=0.005)


def test_circles_through_points_on_a_circle():
    turn = np.linspace(0.0, 2.0, 12)
    lon, lat = 0.3 + 1.1 * np.cos(turn), -0.2 + 1.1 * np.sin(turn)
    image = generator("points").random((1, 12)).astype(np.float32) + 1.0
    found = fit_rings(image, np.ones((1, 12), bool), lon, lat, 0.2)
    np.testing.assert_allclose(
        [found.lon_deg[0], found.lat_deg[0], found.radius_deg[0]], [0.3, -0.2, 1.1], rtol=1e-7
    )
    assert found.width_deg[0] < 1e-6
    assert found.completeness[0] == pytest.approx(8 / 24, abs=1 / 24)
    assert found.charge_pe[0] == pytest.approx(image.sum())


def test_circle_minimises_taubins_function():
    draw = generator("taubin")
    turn = draw.random(40) * 2.5
    x = 1.0 * np.cos(turn) + 0.05 * draw.standard_normal(40)
    y = 1.0 * np.sin(turn) + 0.05 * draw.standard_normal(40)
    weight = draw.random(40) + 0.5
    found = fit_rings(weight[None].astype(np.float32), np.ones((1, 40), bool), x, y, 9.0)

    def statistic(x0, y0, radius):
        square = (x - x0) ** 2 + (y - y0) ** 2
        return np.sum(weight * (square - radius**2) ** 2) / np.sum(weight * square)

    best = np.array([found.lon_deg[0], found.lat_deg[0], found.radius_deg[0]])
    lowest = statistic(*best)
    for i in range(3):
        for step in (-1e-3, 1e-3):
            moved = best.copy()
            moved[i] += step
            assert statistic(*moved) > lowest


def test_light_far_from_the_ring_drops_out_and_empty_images_have_none():
    image = np.stack([expected(), np.zeros(LON.size)]).astype(np.float32)
    mask = image > 1.0
    far = np.flatnonzero(np.hypot(LON + 1.5, LAT - 1.5) < 0.12)
    image[0, far], mask[0, far] = 60.0, True
    found = fit_rings(image, mask, LON, LAT, 0.3)
    assert found.radius_deg[0] == pytest.approx(1.15, abs=0.02)
    assert found.lon_deg[0] == pytest.approx(0.35, abs=0.02)
    assert np.isnan(found.radius_deg[1])


def test_rings_that_are_chosen():
    fields = {"lon_deg": 0.0, "lat_deg": 0.0, "radius_deg": 1.1, "width_deg": 0.05,
              "completeness": 1.0, "charge_pe": 500.0}  # fmt: skip
    edge = np.hypot(LON, LAT).max()
    cases = [{}, {"radius_deg": 0.6}, {"radius_deg": 1.6}, {"completeness": 0.5},
             {"lon_deg": edge - 1.1}, {"radius_deg": np.nan}]  # fmt: skip
    rings = Rings(*(np.array([{**fields, **c}[name] for c in cases]) for name in fields))
    np.testing.assert_array_equal(good_rings(rings, KIND, SETTINGS), [True] + [False] * 5)


def test_efficiency_and_shape_come_back_with_their_errors():
    draw, pulls, impacts = generator("muons"), [], []
    for k in range(200):
        ring = RING.copy()
        ring[0] *= 0.6 + 0.002 * k
        fit = fit_muon(image_of(draw, expected(ring)), NOISE, tuple(ring[3:6]), KIND, SETTINGS)
        assert fit.is_valid
        pulls.append((fit.efficiency - ring[0]) / fit.efficiency_error)
        impacts.append(fit.impact)
    assert abs(np.mean(pulls)) < 0.2
    assert abs(np.std(pulls) - 1.0) < 0.1
    assert np.median(impacts) == pytest.approx(np.hypot(0.3, 0.2), abs=0.03)


def test_a_fit_without_noise_finds_the_muon():
    fit = fit_muon(expected(), 0.1 * NOISE, (0.33, -0.24, 1.13), KIND, SETTINGS)
    found = [fit.efficiency, fit.lon_deg, fit.lat_deg, fit.radius_deg, fit.width_deg]
    np.testing.assert_allclose(found, [0.1, 0.35, -0.25, 1.15, 0.05], rtol=5e-3)
    assert fit.impact == pytest.approx(np.hypot(0.3, 0.2), abs=0.01)
    assert fit.impact_azimuth_deg == pytest.approx(np.degrees(np.arctan2(-0.2, 0.3)), abs=1.0)
    assert fit.n_free > 100


def test_bad_rings_are_refused():
    with pytest.raises(InputError, match="ring"):
        fit_muon(expected(), NOISE, (0.0, np.nan, 1.0), KIND, SETTINGS)
    with pytest.raises(InputError, match="near the ring"):
        fit_muon(expected(), NOISE, (30.0, 0.0, 1.0), KIND, SETTINGS)


def test_bands():
    # 1 / 200 - 1 / 700 over 1 / 300 - 1 / 600: the same photoelectrons of more photons.
    assert convert_band(0.1, (300.0, 600.0), (200.0, 700.0)) == pytest.approx(0.1 * 7.0 / 15.0)
    with pytest.raises(InputError, match="band_nm"):
        band_light((600.0, 300.0))


def test_throughput_and_its_error():
    draw, pulls = generator("throughput"), []
    for _ in range(400):
        true = 0.07
        error = 0.003 * (1.0 + draw.random(25))
        value = true * (1.0 + 0.04 * draw.standard_normal(25)) + error * draw.standard_normal(25)
        # Fits state smaller errors where the light fluctuated down.
        error *= np.sqrt(value / true)
        found = mean_throughput(value, error, 0.04, 0.1)
        pulls.append((found.value - 0.7) / found.error)
    assert abs(np.mean(pulls)) < 0.2
    assert abs(np.std(pulls) - 1.0) < 0.1
    value = 0.1 * (1.0 + 0.03 * draw.standard_normal(5000)) + 0.004 * draw.standard_normal(5000)
    assert intrinsic_spread(value, np.full(5000, 0.004)) == pytest.approx(0.03, rel=0.1)
    assert intrinsic_spread(value, np.full(5000, 0.1)) == 0.0
    wild = np.append(value[:50], 0.5)
    assert mean_throughput(wild, np.full(51, 0.004), 0.03).n_muons == 50
    for bad in ({"efficiency": value[:2]}, {"reference": 0.0}):
        given = {"efficiency": value[:9], "efficiency_error": value[:9], "spread": 0.0} | bad
        with pytest.raises(InputError, match="throughput"):
            mean_throughput(**given)
    with pytest.raises(InputError, match="muons"):
        intrinsic_spread(value[:2], value[:2])


def test_images_and_bands_of_a_telescope_that_has_lost_light():
    image = np.array([7.0, 14.0], dtype=np.float32)
    corrected = correct_images(image, 0.7)
    np.testing.assert_allclose(corrected, [10.0, 20.0], rtol=1e-6)
    assert corrected.dtype == np.float32
    wavelength = np.linspace(300.0, 600.0, 301)
    muon, shower = wavelength**-2.0, np.where(wavelength > 350.0, wavelength**-2.0, 0.0)
    assert band_factor(wavelength, np.full(301, 0.8), muon, shower) == pytest.approx(1.0)
    # Light is lost below 350 nm only, where showers have none.
    loss = np.where(wavelength > 350.0, 1.0, 0.5)
    part = (1 / 300 - 1 / 350) / (1 / 300 - 1 / 600)
    expected_factor = 1.0 / (1.0 - 0.5 * part)
    assert band_factor(wavelength, loss, muon, shower) == pytest.approx(expected_factor, rel=0.01)
    with pytest.raises(InputError, match="ascending"):
        band_factor(wavelength[::-1], loss, muon, shower)
    with pytest.raises(InputError, match="shower"):
        band_factor(wavelength, loss, muon, 0.0 * shower)
    with pytest.raises(InputError, match="above 0"):
        correct_images(image, 0.0)
