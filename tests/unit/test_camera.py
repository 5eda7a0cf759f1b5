"""Pixels: which one a point is in; photoelectrons: how many, where, when."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from camera_samples import camera, hexagonal_pixels, key_words, square_pixels
from scipy.special import ndtri

from iactflow._jit import jit
from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Curve, Pixels
from iactflow.telescope.camera import (
    detect,
    find_pixel,
    make_camera_table,
    no_photoelectrons,
    qe_ceiling,
)


@jit
def _find_all(x, y, table):
    pixel = np.empty(x.size, dtype=np.int64)
    for i in range(x.size):
        pixel[i] = find_pixel(x[i], y[i], table)
    return pixel


def _slow_pixel(x, y, pixels):
    """Nearest pixel, if the point is inside of its outline; corners written down."""
    nearest = int(np.argmin(np.hypot(pixels.x_m - x, pixels.y_m - y)))
    n_sides = {"hexagon": 6, "square": 4}[pixels.shape]
    radius = 0.5 * pixels.diameter_m / math.cos(math.pi / n_sides)
    angles = math.radians(pixels.rotation_deg) + math.pi * (2 * np.arange(n_sides) + 1) / n_sides
    corner_x = pixels.x_m[nearest] + radius * np.cos(angles)
    corner_y = pixels.y_m[nearest] + radius * np.sin(angles)
    for k in range(n_sides):
        ax, ay = corner_x[k], corner_y[k]
        bx, by = corner_x[(k + 1) % n_sides], corner_y[(k + 1) % n_sides]
        if (bx - ax) * (y - ay) - (by - ay) * (x - ax) < 0.0:
            return -1
    return nearest


@pytest.mark.parametrize(
    "pixels",
    [
        hexagonal_pixels(169),
        hexagonal_pixels(169, rotation_deg=10.893),
        hexagonal_pixels(127, pitch_m=0.042, diameter_m=0.041, rotation_deg=-30.0),
        square_pixels(9),
        square_pixels(9, diameter_m=0.0055, rotation_deg=7.0),
    ],
)
def test_pixel_of_a_point_is_that_of_a_slow_search(pixels):
    table = make_camera_table(camera(pixels), key_words())
    random = np.random.default_rng(3)
    reach = 1.1 * np.abs([pixels.x_m, pixels.y_m]).max() + pixels.diameter_m
    x, y = random.uniform(-reach, reach, (2, 4000))
    expected = [_slow_pixel(a, b, pixels) for a, b in zip(x, y, strict=True)]
    np.testing.assert_array_equal(_find_all(x, y, table), expected)
    assert set(range(pixels.x_m.size)) - set(expected) == set()


def test_gaps_take_their_part_of_the_area():
    pixels = hexagonal_pixels(1027)
    table = make_camera_table(camera(pixels), key_words())
    x, y = np.random.default_rng(5).uniform(-0.5, 0.5, (2, 400000))
    # (4.9 cm / 5 cm)^2; the binomial error is 3e-4.
    assert np.mean(_find_all(x, y, table) >= 0) == pytest.approx(0.98**2, abs=1.2e-3)


def test_points_outside_and_points_that_are_none_have_no_pixel():
    table = make_camera_table(camera(), key_words())
    points = np.array([1e9, -1e9, np.nan, np.inf, 0.0])
    np.testing.assert_array_equal(_find_all(points, points, table), [-1, -1, -1, -1, 0])
    np.testing.assert_array_equal(_find_all(np.zeros(5), points, table), [-1, -1, -1, -1, 0])


def _hits(x, y, time, angle):
    columns = np.broadcast_arrays(x, y, time, angle, 0.0)
    return np.ascontiguousarray(np.stack(columns, axis=-1).reshape(-1, 5), dtype=np.float64)


def _detect(hits, table, acceptance=1.0, stage="optics"):
    pixel, time = np.empty(len(hits), np.int32), np.empty(len(hits), np.float32)
    state = philox.new_state(key_words(stage))
    n = detect(hits, len(hits), table, acceptance, state, pixel, time)
    return pixel[:n], time[:n]


@pytest.mark.parametrize(
    ("angle", "expected"),
    [(0.0, 0.75 / 0.85), (10.0, 0.8 / 0.85), (20.0, 1.0), (24.0, 0.575 / 0.85)],
)
def test_light_guide_relative_to_its_best_angle(angle, expected):
    table = make_camera_table(camera(), key_words())
    n = 100000
    pixel, _ = _detect(_hits(np.zeros(n), 0.0, 0.0, angle), table)
    error = max(math.sqrt(expected * (1 - expected) / n), 1e-9)
    assert len(pixel) / n == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize("angle", [28.2, 60.0, -1.0, np.nan])
def test_no_light_beyond_the_curve_of_the_guide(angle):
    table = make_camera_table(camera(), key_words())
    assert len(_detect(_hits(np.zeros(1000), 0.0, 0.0, angle), table)[0]) == 0


def test_detection_is_that_of_its_slow_twin():
    made = camera(qe_variation=0.05, transit_time_jitter_ns=0.7, transit_time_error_ns=0.3)
    table = make_camera_table(made, key_words(), broken_pixels=[4])
    random = np.random.default_rng(8)
    n = 3000
    x, y = random.uniform(-0.5, 0.5, (2, n))
    hits = _hits(x, y, random.uniform(0.0, 50.0, n), random.uniform(0.0, 30.0, n))
    pixel, time = _detect(hits, table, acceptance=0.9)
    state = philox.new_state(key_words("optics"))
    angles = table.guide_step_deg * np.arange(table.guide.size)
    guide = made.light_guide
    np.testing.assert_allclose(
        table.guide, np.interp(angles, guide.x, guide.y, right=0.0) / 0.85, atol=1e-12
    )
    slow_pixel, slow_time = [], []
    for row in hits:
        found = _slow_pixel(row[0], row[1], made.pixels)
        if found < 0:
            continue
        relative = np.interp(row[3], angles, table.guide, right=0.0)
        word = int(philox.next_uint64(state))
        chance, jitter = word >> 32, 0.7 * ndtri((word % 2**32 + 0.5) / 2**32)
        if chance / 2**32 < 0.9 * relative * table.qe[found] / qe_ceiling(made):
            slow_pixel.append(found)
            slow_time.append(row[2] + table.transit_time_ns[found] + jitter)
    np.testing.assert_array_equal(pixel, slow_pixel)
    # Deviates come from a table, right to 2e-4.
    np.testing.assert_allclose(time, slow_time, rtol=1e-6, atol=0.7 * 2e-4)
    assert 4 not in pixel


def test_jitter_and_transit_times():
    made = camera(transit_time_jitter_ns=0.7, transit_time_error_ns=0.5)
    table = make_camera_table(made, key_words())
    n = 40000
    _, time = _detect(_hits(np.full(n, made.pixels.x_m[3]), made.pixels.y_m[3], 100.0, 20.0), table)
    assert np.mean(time) == pytest.approx(100.0 + table.transit_time_ns[3], abs=4 * 0.7 / 200)
    assert np.std(time) == pytest.approx(0.7, abs=4 * 0.7 / math.sqrt(2 * n))
    assert np.std(table.transit_time_ns) == pytest.approx(0.5, rel=0.15)


def test_variations_belong_to_the_telescope_and_are_cut():
    made = camera(hexagonal_pixels(1855), qe_variation=0.063, gain_variation=0.02)
    table = make_camera_table(made, key_words(telescope=1))
    again = make_camera_table(made, key_words(telescope=1))
    other = make_camera_table(made, key_words(telescope=2))
    np.testing.assert_array_equal(table.qe, again.qe)
    assert not np.any(table.qe == other.qe)
    # Normal, cut at 3 standard deviations: rms 0.98658 of that without the cut.
    assert np.std(table.qe) == pytest.approx(0.98658 * 0.063, abs=4 * 0.063 / math.sqrt(2 * 1855))
    assert table.qe.max() <= qe_ceiling(made) == pytest.approx(1.189)
    assert np.mean(table.qe) == pytest.approx(1.0, abs=4 * 0.063 / math.sqrt(1855))
    assert np.mean(table.gain) == pytest.approx(1.0, rel=1e-12)
    light = table.gain * table.qe
    assert np.std(light) == pytest.approx(0.98658 * 0.02, abs=4 * 0.02 / math.sqrt(2 * 1855))
    assert abs(np.corrcoef(table.pedestal_deviation[0], table.threshold_deviation)[0, 1]) < 0.1


def test_pixels_detect_by_their_quantum_efficiency():
    made = camera(hexagonal_pixels(7), qe_variation=0.063)
    table = make_camera_table(made, key_words(), broken_pixels=[2])
    n = 40000
    hits = _hits(np.repeat(made.pixels.x_m, n), np.repeat(made.pixels.y_m, n), 0.0, 20.0)
    image = np.bincount(_detect(hits, table)[0], minlength=7)
    assert image[2] == 0
    np.testing.assert_allclose(image / n, table.qe / table.qe_ceiling, atol=0.008)


def test_pixels_without_efficiency_are_broken():
    relative = np.where(np.arange(7) == 3, 0.0, 0.9)
    made = camera(replace(hexagonal_pixels(7), relative_efficiency=relative))
    table = make_camera_table(made, key_words())
    assert table.qe[3] == 0.0
    assert table.gain[3] == 1.0
    np.testing.assert_allclose(np.delete(table.gain, 3), 1.0, atol=0.1)
    assert np.delete(table.gain, 3).mean() == pytest.approx(1.0, rel=1e-12)
    dark = replace(made, pixels=replace(made.pixels, relative_efficiency=np.zeros(7)))
    with pytest.raises(InputError, match="relative_efficiency"):
        make_camera_table(dark, key_words())


@pytest.mark.parametrize("key", ["qe_variation", "gain_variation"])
@pytest.mark.parametrize("value", [-0.01, 0.34, np.nan])
def test_variations_that_leave_no_gain_are_refused(key, value):
    with pytest.raises(InputError, match=key):
        make_camera_table(camera(**{key: value}), key_words())


def test_bad_cameras_are_refused():
    with pytest.raises(InputError, match="broken_pixels"):
        make_camera_table(camera(), key_words(), broken_pixels=[271])
    dark = camera(light_guide=Curve(np.array([0.0, 30.0]), np.zeros(2)))
    with pytest.raises(InputError, match="light_guide"):
        make_camera_table(dark, key_words())
    pixels = hexagonal_pixels(7)
    round_pixels = camera(Pixels(pixels.x_m, pixels.y_m, 0.05, "round", 0.0))
    with pytest.raises(InputError, match=r"pixels\.shape"):
        make_camera_table(round_pixels, key_words())
    assert no_photoelectrons().pixel.size == 0
