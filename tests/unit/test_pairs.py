"""Pairs of image axes: exact images, a slow twin, cases without a crossing."""

from itertools import combinations

import numpy as np
import pytest
from stereo_samples import SQUARE_M, toy_showers, unit

from iactflow.stereo.pairs import intersect_pairs

ERRORS = (np.radians(0.01), np.radians(4.0), np.radians(0.05))


def _pairs(toys, weight=None):
    weight = np.ones(len(toys.centre)) if weight is None else weight
    images = toys.centre, toys.along, np.cross(toys.centre, toys.along), toys.position_m
    return intersect_pairs(toys.first, *images, weight, toys.axes)


def _nearest(directions, points):
    """Point with the least sum of squared distances from lines, by least squares."""
    matrix = [np.eye(len(n)) - np.outer(n, n) for n in directions]
    right = [m @ p for m, p in zip(matrix, points, strict=True)]
    return np.linalg.lstsq(np.concatenate(matrix), np.concatenate(right), rcond=None)[0]


def _twin(toys, weight, event):
    rows = slice(toys.first[event], toys.first[event + 1])
    centre, along, place = toys.centre[rows], toys.along[rows], toys.position_m[rows]
    normal = np.cross(centre, along)
    total = np.zeros(3)
    for i, j in combinations(range(len(centre)), 2):
        crossing = np.cross(normal[i], normal[j])
        total += weight[rows][i] * weight[rows][j] * crossing * np.sign(crossing[2])
    axes = toys.axes[event]
    traces = []
    for c, a in zip(centre, along, strict=True):
        # Longitude and latitude around the array's pointing, at two points of the axis.
        ends = [(axes @ unit(c + step * a)) for step in (-1e-5, 1e-5)]
        lat, lon = zip(*((np.arcsin(-e[0]), np.arctan2(-e[1], e[2])) for e in ends), strict=True)
        traces.append(unit(np.array([lat[1] - lat[0], lon[1] - lon[0]])))
    core = _nearest(traces, (place @ axes.T)[:, :2])
    core = core[0] * axes[0] + core[1] * axes[1]
    core -= core[2] / axes[2, 2] * axes[2]
    return unit(total), core[:2], _nearest(centre, place)


def test_the_kernel_equals_its_slow_twin():
    toys = toy_showers(25, 63.0, 200.0, ERRORS)
    weight = np.random.default_rng(4).uniform(1.0, 50.0, len(toys.centre))
    found = _pairs(toys, weight)
    for event in range(25):
        direction, core, maximum = _twin(toys, weight, event)
        assert found.direction[event] == pytest.approx(direction, abs=1e-12)
        assert found.core_m[event] == pytest.approx(core, abs=1e-4)
        assert found.maximum_m[event] == pytest.approx(maximum, rel=1e-7)


@pytest.mark.parametrize("pointing", [(70.0, 180.0), (90.0, 0.0), (30.0, 359.99)])
def test_exact_images_give_the_shower_back(pointing):
    toys = toy_showers(50, *pointing)
    found = _pairs(toys)
    assert found.direction == pytest.approx(toys.direction, abs=1e-11)
    assert found.maximum_m == pytest.approx(toys.maximum_m, rel=1e-7)


def test_the_core_misses_by_no_more_than_the_offset():
    """Traces are drawn on the plane of the pointing, not on that of the shower."""
    toys = toy_showers(50, 70.0, 180.0)
    found = _pairs(toys)
    offset = np.arccos(np.clip(toys.direction @ toys.axes[0, 2], -1.0, 1.0))
    limit = 2.0 * (np.abs(toys.core_m).max(axis=1) + 300.0) * offset
    assert np.all(np.linalg.norm(found.core_m - toys.core_m[:, :2], axis=1) < limit)
    assert np.linalg.norm(found.core_m - toys.core_m[:, :2], axis=1).max() < 8.0


def test_parallel_axes_and_single_images_have_no_crossing():
    toys = toy_showers(2, tels=SQUARE_M[:2])
    same = toys._replace(
        centre=np.repeat(toys.centre[:1], 4, axis=0), along=np.repeat(toys.along[:1], 4, axis=0)
    )
    assert np.isnan(_pairs(same).direction).all()
    assert np.isnan(_pairs(same).maximum_m).all()
    single = toys._replace(first=np.array([0, 1, 4]))
    found = _pairs(single)
    assert np.isnan(found.direction[0]).all()
    assert np.isfinite(found.direction[1]).all()


def test_heavier_images_draw_the_direction():
    toys = toy_showers(200, errors_rad=ERRORS)
    wrong = toys._replace(along=toys.along.copy())
    wrong.along[::4] = unit(np.cross(toys.centre[::4], [0.3, 0.4, 0.5]))
    light = np.ones(len(toys.centre))
    light[::4] = 1e-3

    def miss(result):
        return np.median(np.linalg.norm(result.direction - toys.direction, axis=1))

    assert miss(_pairs(wrong, light)) < 0.5 * miss(_pairs(wrong))
