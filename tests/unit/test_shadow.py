"""Shadows: outlines, camera body, masts, transmission."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.telescope.shadow import (
    body_blocks,
    inside_outline,
    line_passes,
    mast_blocks,
    telescope_transmission,
)

AREAS = {0: np.pi / 4.0, 1: np.sqrt(3.0) / 2.0, 2: 1.0, 3: np.sqrt(3.0) / 2.0}


@pytest.mark.parametrize("shape", [0, 1, 2, 3])
def test_area_of_outlines(shape):
    grid = (np.arange(400) + 0.5) / 300.0 - 2.0 / 3.0
    inside = [[inside_outline(shape, 0.5, u, v) for v in grid] for u in grid]
    assert np.sum(inside) / 300.0**2 == pytest.approx(AREAS[shape], rel=3e-3)


def test_flat_sides_of_hexagons():
    corner = 0.5 * 2.0 / np.sqrt(3.0) - 1e-6
    # Flat sides across u: the corners are on v, and the other way round.
    assert inside_outline(1, 0.5, 0.0, corner)
    assert not inside_outline(1, 0.5, corner, 0.0)
    assert inside_outline(3, 0.5, corner, 0.0)
    assert not inside_outline(3, 0.5, 0.0, corner)


@pytest.mark.parametrize("shape", [0, 1, 2, 3])
def test_body_against_points_of_the_segment(shape):
    rng = np.random.default_rng(1)
    differ = 0
    for x0, y0, x1, y1 in rng.uniform(-1.2, 1.2, (400, 4)):
        s = np.linspace(0.0, 1.0, 401)
        points = zip(x0 + s * (x1 - x0), y0 + s * (y1 - y0), strict=True)
        expected = any(inside_outline(shape, 0.5, u, v) for u, v in points)
        found = body_blocks(shape, 0.5, x0, y0, x1, y1)
        # Points along the segment can miss a corner that it cuts, never the reverse.
        assert found or not expected
        differ += found != expected
    assert differ <= 2
    assert not body_blocks(shape, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_masts_against_points_of_both_lines():
    rng = np.random.default_rng(2)
    decided = passed = 0
    for _ in range(600):
        start, end = rng.uniform(-2, 2, (2, 3))
        axis = (end - start) / np.linalg.norm(end - start)
        length = np.linalg.norm(end - start)
        radius = rng.uniform(0.1, 0.6)
        point = rng.uniform(-2, 2, 3)
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        s_max = rng.uniform(0.5, 4.0)
        s, t = np.linspace(0.0, s_max, 300), np.linspace(0.0, length, 300)
        ray = point + s[:, None] * direction
        mast = start + t[:, None] * axis
        nearest = np.linalg.norm(ray[:, None] - mast[None], axis=2).min()
        if abs(nearest - radius) < 0.02:
            continue
        masts = np.array([[*start, *axis, length, radius, 0.0, *np.cross(start, axis)]])
        moment = np.cross(point, direction)
        # The distance of two skew lines is the projection onto what is across both.
        across = np.cross(direction, axis)
        far = abs((point - start) @ across) / np.linalg.norm(across) > radius
        assert line_passes(masts, 0, *direction, *moment) == far
        passed += far
        assert mast_blocks(masts, 0, *point, *direction, 0.0, s_max) == (nearest < radius)
        decided += nearest < radius
    assert decided > 30
    assert passed > 30


def test_masts_along_the_ray():
    masts = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 10.0, 0.1, 0.0, 0.0, 0.0, 0.0]])
    # Lines that are parallel are left to the closer look.
    assert not line_passes(masts, 0, 0.0, 0.0, -1.0, 0.0, 0.09, 0.0)
    assert mast_blocks(masts, 0, 0.09, 0.0, 20.0, 0.0, 0.0, -1.0, 0.0, 30.0)
    assert not mast_blocks(masts, 0, 0.11, 0.0, 20.0, 0.0, 0.0, -1.0, 0.0, 30.0)
    # The ray ends before the mast begins.
    assert not mast_blocks(masts, 0, 0.09, 0.0, 20.0, 0.0, 0.0, -1.0, 0.0, 9.0)


def test_transmission():
    mst = (0.898, 1.0, 0.016, 4.136, 1.705, 0.0)
    assert telescope_transmission(mst, 1.0) == pytest.approx(0.898)
    theta = np.radians(4.0)
    expected = 0.898 / (1.0 + 0.016 * (np.sin(theta) / np.radians(4.136)) ** 1.705)
    assert telescope_transmission(mst, np.cos(theta)) == pytest.approx(expected)
    power = (*mst[:5], 2.0)
    expected = 0.898 / (1.0 + 0.016 * (np.sin(theta) / np.radians(4.136)) ** 1.705) ** 2
    assert telescope_transmission(power, np.cos(theta)) == pytest.approx(expected)
    assert telescope_transmission((0.9, 0.0, 0.1, 4.0, 2.0, 0.0), np.cos(theta)) == 0.9
