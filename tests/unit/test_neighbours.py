"""Neighbours of pixels: lattices, gaps, the lists of ctapipe."""

from __future__ import annotations

from itertools import pairwise

import astropy.units as u
import numpy as np
import pytest
from camera_samples import hexagonal_pixels, square_pixels
from ctapipe.instrument import CameraGeometry

from iactflow.instrument.neighbours import camera_neighbours, neighbours
from iactflow.io.subarray import Camera

PITCH_M = 0.05


def _sets(first, neighbour):
    return [set(neighbour[a:b].tolist()) for a, b in pairwise(first)]


def _in_reach(x, y, distance_m):
    """All pixels at the distance of a side, by the full matrix of distances."""
    distance = np.hypot(x - x[:, None], y - y[:, None])
    return [set(np.flatnonzero(np.abs(row - distance_m) < 1e-6).tolist()) for row in distance]


def _of_ctapipe(x, y, shape):
    pixels = np.arange(len(x))
    area = np.full(len(x), 1e-3) * u.m**2
    geometry = CameraGeometry("camera", pixels, x * u.m, y * u.m, area, shape)
    return [set(row) for row in geometry.neighbors]


def _modules(pixels, gap_m):
    """The same pixels with a gap every five pixels, as between modules."""
    shift = gap_m * np.floor((np.stack([pixels.x_m, pixels.y_m]) + 1e-9) / (5 * PITCH_M))
    return pixels.x_m + shift[0], pixels.y_m + shift[1]


@pytest.mark.parametrize("rotation_deg", [0.0, 10.9, 45.0, 71.3])
def test_neighbours_share_a_side(rotation_deg):
    pixels = hexagonal_pixels(91, rotation_deg=rotation_deg)
    found = _sets(*neighbours(pixels.x_m, pixels.y_m, "hexagon"))
    assert found == _in_reach(pixels.x_m, pixels.y_m, PITCH_M)
    assert len(found[0]) == 6
    pixels = square_pixels(5, PITCH_M, PITCH_M, rotation_deg)
    found = _sets(*neighbours(pixels.x_m, pixels.y_m, "square", rotation_deg))
    assert found == _in_reach(pixels.x_m, pixels.y_m, PITCH_M)
    assert sorted({len(row) for row in found}) == [2, 3, 4]


# a gap may part a pixel from its neighbour, but not the neighbour from the pixel
@pytest.mark.filterwarnings("ignore:Neighbor matrix is not symmetric")
@pytest.mark.parametrize("gap_m", [0.0, 0.002, 0.01, 0.024, 0.03])
@pytest.mark.parametrize("shape", ["hexagon", "circle", "square"])
def test_equal_to_ctapipe_with_gaps_between_modules(shape, gap_m):
    pixels = square_pixels(15, PITCH_M, PITCH_M) if shape == "square" else hexagonal_pixels(271)
    x, y = _modules(pixels, gap_m)
    first, neighbour = neighbours(x, y, shape)
    assert _sets(first, neighbour) == _of_ctapipe(x, y, shape)
    assert first.dtype == neighbour.dtype == np.int64
    assert all(np.all(np.diff(neighbour[a:b]) > 0) for a, b in pairwise(first))


def test_a_wide_gap_parts_modules():
    pixels = square_pixels(10, PITCH_M, PITCH_M)
    joined = neighbours(*_modules(pixels, 0.4 * PITCH_M), "square")[1]
    parted = neighbours(*_modules(pixels, 0.6 * PITCH_M), "square")[1]
    assert len(joined) == 4 * 10 * 9
    assert len(parted) == 4 * (4 * 5 * 4)


@pytest.mark.parametrize("n_pixels", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", ["hexagon", "square"])
def test_few_pixels(shape, n_pixels):
    line = PITCH_M * np.arange(n_pixels)
    first, neighbour = neighbours(line, np.zeros(n_pixels), shape)
    expected = [{i - 1, i + 1} & set(range(n_pixels)) for i in range(n_pixels)]
    assert _sets(first, neighbour) == expected


def test_of_a_camera():
    pixels = square_pixels(6, PITCH_M, PITCH_M, 30.0)
    camera = Camera(
        "camera", pixels.x_m, pixels.y_m, np.full(36, PITCH_M**2), "square", 30.0, 1, 1,
        np.nan, np.zeros((1, 0)), np.nan,
    )  # fmt: skip
    assert _sets(*camera_neighbours(camera)) == _in_reach(pixels.x_m, pixels.y_m, PITCH_M)
