"""Theta-squared histograms: a numpy twin, hand-made cases, sums of runs."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.campaign.directions import separation_deg
from iactflow.errors import InputError
from iactflow.science.theta_squared import (
    add_theta_squared,
    clear_centres,
    theta_squared_edges,
    theta_squared_histograms,
)


def test_edges_hold_the_on_radius():
    edges = theta_squared_edges(0.11, 48)
    assert len(edges) == 49
    assert edges[0] == 0
    assert edges[12] == pytest.approx(0.11**2)
    assert edges[-1] == pytest.approx(0.22**2)


@pytest.mark.parametrize(("ra", "dec"), [(83.6, 22.0), (359.95, -59.0)])
def test_histogram_twin(ra, dec):
    rng = np.random.default_rng(4)
    event_dec = dec + rng.uniform(-0.5, 0.5, 4000)
    event_ra = ra + rng.uniform(-0.5, 0.5, 4000) / np.cos(np.radians(event_dec))
    centre_ra, centre_dec = np.array([ra, ra + 0.3]), np.array([dec, dec + 0.1])
    edges = theta_squared_edges(0.15)
    expected = sum(
        np.histogram(separation_deg(event_ra, event_dec, *c) ** 2, edges)[0]
        for c in zip(centre_ra, centre_dec, strict=True)
    )
    assert expected.sum() > 1000
    got = theta_squared_histograms(event_ra % 360, event_dec, centre_ra, centre_dec, edges)
    np.testing.assert_array_equal(got, expected)


def test_a_flat_background_makes_a_flat_histogram():
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-0.3, 0.3, (2, 400_000))
    edges = theta_squared_edges(0.1, 20)
    zero = np.zeros(1)
    counts = theta_squared_histograms(x, y, zero, zero, edges)
    expected = 400_000 * np.pi * np.diff(edges) / 0.36
    chi2 = np.sum((counts - expected) ** 2 / expected)
    assert chi2 < 45  # 20 degrees of freedom, probability 0.001


def test_sums_keep_the_expected_background():
    n_on, n_off, alpha = add_theta_squared(
        [np.array([3.0, 1.0]), np.array([2.0, 0.0])],
        [np.array([10.0, 0.0]), np.array([30.0, 0.0])],
        [np.full(2, 0.5), np.full(2, 0.1)],
    )
    np.testing.assert_array_equal(n_on, [5, 1])
    np.testing.assert_array_equal(n_off, [40, 0])
    np.testing.assert_allclose(alpha, [(0.5 * 10 + 0.1 * 30) / 40, 0.3])


def test_nothing_to_add_is_an_error():
    with pytest.raises(InputError, match="runs"):
        add_theta_squared([], [], [])


def test_centres_near_a_source_are_left_out():
    centres = np.array([[10.0, 10.0, 10.0], [0.3, 0.6, 1.0]])
    on = (10.0, 0.0, 0.1)
    np.testing.assert_array_equal(clear_centres(centres, 0.22, [on])[1], [0.6, 1.0])
    other = (10.0, 1.2, 0.3)
    np.testing.assert_array_equal(clear_centres(centres, 0.22, [on, other])[1], [0.6])
    np.testing.assert_array_equal(clear_centres(centres, 2.0, [on]), centres)
