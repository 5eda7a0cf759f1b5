"""Responses in an energy band: analytic cases."""

from __future__ import annotations

import numpy as np
import pytest
from map_samples import AREA_M2, PSF_SIGMA_DEG, effective_area, point_spread

from iactflow.io.observation import EffectiveArea
from iactflow.science.map_responses import (
    band_area,
    containment,
    containment_radius,
    safe_bins,
)

EDGES = np.geomspace(1.0, 10.0, 9)
ALL = np.ones(8, dtype=bool)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (None, None, [True] * 8),
        (0.0, 0.0, [True] * 8),
        (EDGES[2], EDGES[6], [False] * 2 + [True] * 4 + [False] * 2),
        (EDGES[2] + 1e-6, None, [False] * 3 + [True] * 5),
        (20.0, None, [False] * 8),
    ],
)
def test_a_bin_is_safe_when_it_lies_inside_as_a_whole(low, high, expected):
    assert safe_bins(EDGES, effective_area(low, high)).tolist() == expected


@pytest.mark.parametrize("index", [1.0, 2.0, 2.7])
def test_a_constant_area_is_its_own_mean(index):
    area = band_area(effective_area(), EDGES, ALL, index)
    np.testing.assert_allclose(area, AREA_M2, rtol=1e-12)


def test_unsafe_bins_count_with_area_zero():
    safe = ALL.copy()
    safe[:3] = False
    share = (1 / EDGES[3] - 1 / EDGES[8]) / (1 / EDGES[0] - 1 / EDGES[8])
    area = band_area(effective_area(), EDGES, safe, 2.0)
    np.testing.assert_allclose(area, share * AREA_M2, rtol=1e-12)


def test_an_area_that_rises_with_log_energy_is_averaged_over_the_spectrum():
    energy = np.geomspace(0.1, 100.0, 61)
    area = np.tile(1.0 + np.log(np.sqrt(energy[1:] * energy[:-1])), (2, 1))
    aeff = EffectiveArea(energy, np.array([0.0, 1.0, 2.0]), area)
    # mean of 1 + ln E under E^-2 from 1 to 10: 1 + (1 - (1 + ln 10) / 10) / 0.9
    expected = 1.0 + (1.0 - (1.0 + np.log(10.0)) / 10.0) / 0.9
    np.testing.assert_allclose(band_area(aeff, EDGES, ALL, 2.0), expected, rtol=1e-4)


def test_containment_of_a_gaussian():
    radius = np.linspace(0.0, 0.6, 121)
    found = containment(point_spread(), effective_area(), EDGES, ALL, 2.0, 0.5, radius)
    expected = AREA_M2 * (1.0 - np.exp(-0.5 * (radius / PSF_SIGMA_DEG) ** 2))
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-3 * AREA_M2)
    assert containment_radius(radius, found) == pytest.approx(1.5096 * PSF_SIGMA_DEG, rel=2e-3)


def test_without_exposure_there_is_no_containment_radius():
    assert np.isnan(containment_radius(np.linspace(0, 1, 5), np.zeros(5)))
