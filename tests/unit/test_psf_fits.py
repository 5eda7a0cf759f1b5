"""Profiles of point spread functions: known ones are found again, tables hold what they say."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.errors import InputError
from iactflow.response.psf_fits import (
    MIN_EVENTS,
    fit_3gauss,
    fit_king,
    fit_point_spread,
    gauss_containment,
    king_containment,
    tabulate,
)
from iactflow.response.signal import Axes, ring_solid_angle_sr

RAD = np.linspace(0.0, 2.0, 201)
AXES = Axes(
    np.array([0.1, 1.0, 10.0]), np.array([0.0, 1.0]), np.array([0.5]), np.array([0.0, 1.0]), RAD
)


def king(n, gamma=2.0, sigma=0.06, seed=1):
    u = np.random.default_rng(seed).uniform(size=n)
    radius = sigma * np.sqrt(2.0 * gamma * (u ** (1.0 / (1.0 - gamma)) - 1.0))
    return np.histogram(radius, RAD)[0]


def two_gaussians(n, seed=1):
    rng = np.random.default_rng(seed)
    sigma = np.where(rng.uniform(size=n) < 0.7, 0.05, 0.15)
    return np.histogram(rng.rayleigh(sigma), RAD)[0]


def test_a_king_profile_is_found_again():
    gamma, sigma = fit_king(king(50_000), RAD)
    assert gamma == pytest.approx(2.0, abs=0.05)
    assert sigma == pytest.approx(0.06, rel=0.02)


def test_containment_of_a_king_profile_is_its_integral():
    r = np.linspace(0.0, 0.5, 100_001)
    density = (1 - 1 / 1.7) / (2 * np.pi * 0.04**2) * (1 + r**2 / (2 * 1.7 * 0.04**2)) ** -1.7
    integral = np.sum(density[1:] * 2 * np.pi * r[1:]) * r[1]
    assert king_containment(0.5, 1.7, 0.04) == pytest.approx(integral, rel=1e-4)


def test_three_gaussians_hold_two():
    fractions, sigmas = fit_3gauss(two_gaussians(50_000), RAD)
    assert fractions.sum() == pytest.approx(1.0)
    assert (np.diff(sigmas) > 0.0).all()
    found = gauss_containment(RAD, fractions, sigmas)
    expected = gauss_containment(RAD, np.array([0.7, 0.3]), np.array([0.05, 0.15]))
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("kind", ["king", "3gauss"])
def test_tables_of_profiles_hold_what_was_fitted(kind):
    events = king(20_000) if kind == "king" else two_gaussians(20_000)
    counts = np.stack([events, king(MIN_EVENTS - 1)], axis=1)[:, None, :]
    psf = fit_point_spread(kind, AXES, counts)
    table = tabulate(psf, RAD)
    inside = (table.value_per_sr * ring_solid_angle_sr(RAD)[:, None, None]).cumsum(axis=0)
    share = events.cumsum() / events.sum()
    # The profile goes on beyond the table, the events do not.
    np.testing.assert_allclose(inside[:, 0, 0] / inside[-1, 0, 0], share, atol=0.01)
    # Too few events make no profile.
    assert not table.value_per_sr[:, 0, 1].any()


def test_other_profiles_are_refused():
    with pytest.raises(InputError, match="table, 3gauss, king"):
        fit_point_spread("moffat", AXES, np.zeros((len(RAD) - 1, 1, 2), dtype=int))
