"""Likelihood fit of the axis: exact images, errors and pulls, a minimiser of scipy as its twin."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from stereo_samples import SQUARE_M, toy_showers, unit

from iactflow.stereo.fit import fit_axis
from iactflow.stereo.pairs import intersect_pairs

ERRORS = (np.radians(0.008), np.radians(3.0), np.radians(0.04))


def _fit(toys, errors_rad=ERRORS, start=None):
    errors = [np.full(len(toys.centre), e) for e in errors_rad]
    return fit_axis(
        toys.first,
        toys.centre,
        toys.along,
        toys.position_m,
        *errors,
        toys.start if start is None else start,
        np.ascontiguousarray(toys.axes[:, :2]),
    )


@pytest.fixture(scope="module")
def scattered():
    toys = toy_showers(2000, errors_rad=ERRORS)
    return toys, _fit(toys)


@pytest.mark.parametrize("pointing", [(70.0, 180.0), (90.0, 0.0), (30.0, 359.99)])
def test_exact_images_give_the_shower_back(pointing):
    toys = toy_showers(50, *pointing)
    found = _fit(toys)
    assert found.direction == pytest.approx(toys.direction, abs=1e-9)
    assert found.core_m == pytest.approx(toys.core_m[:, :2], abs=1e-3)
    assert found.maximum_m == pytest.approx(toys.maximum_m, rel=1e-5)
    assert found.chi2 == pytest.approx(np.zeros(50), abs=1e-9)
    assert found.n_dof.tolist() == [7] * 50


def test_the_likelihood_is_normal(scattered):
    _, found = scattered
    good = np.isfinite(found.chi2)
    assert good.mean() > 0.995
    # The mean of a chi-square with 7 degrees of freedom, within four errors of 2000 events.
    error = np.sqrt(14.0 / good.sum())
    assert found.chi2[good].mean() == pytest.approx(7.0, abs=4.0 * error + 0.1)


def test_pulls_are_normal(scattered):
    toys, found = scattered
    good = np.isfinite(found.chi2)
    axes = toys.axes[0]
    away = (found.direction - toys.direction) @ axes[:2].T
    # Where the fitted axis passes the plane of the true core.
    arm = np.column_stack([found.core_m, np.zeros(len(good))]) - toys.core_m
    across = arm - np.sum(arm * toys.direction, axis=1, keepdims=True) * toys.direction
    deviation = np.column_stack([away, across @ axes[:2].T])[good]
    covariance = found.covariance[good][:, :4, :4]
    chi2 = np.einsum(
        "ni,ni->n", deviation, np.linalg.solve(covariance, deviation[..., None])[..., 0]
    )
    assert np.median(chi2) == pytest.approx(3.357, rel=0.06)
    for first in (0, 2):
        error = np.sqrt(np.einsum("nii->ni", covariance)[:, first : first + 2])
        pull = deviation[:, first : first + 2] / error
        assert np.abs(pull.mean(axis=0)).max() < 0.1
        assert np.percentile(np.abs(pull), 68.3, axis=0) == pytest.approx([1.0, 1.0], abs=0.08)


def test_the_fit_is_better_than_pairs(scattered):
    toys, found = scattered
    pairs = intersect_pairs(
        toys.first,
        toys.centre,
        toys.along,
        np.cross(toys.centre, toys.along),
        toys.position_m,
        np.ones(len(toys.centre)),
        toys.axes,
    )
    good = np.isfinite(found.chi2)

    def radius(direction):
        return np.quantile(np.linalg.norm(direction - toys.direction, axis=1)[good], 0.68)

    assert radius(found.direction) < 0.9 * radius(pairs.direction)
    core = [np.linalg.norm(r.core_m - toys.core_m[:, :2], axis=1)[good] for r in (found, pairs)]
    assert np.quantile(core[0], 0.68) < 0.95 * np.quantile(core[1], 0.68)


def test_the_minimum_is_that_of_scipy(scattered):
    """The twin writes the residuals down as they are defined, with numerical derivatives."""
    toys, found = scattered

    def residuals(p, rows, axes):
        source = unit(axes[2] + p[0] * axes[0] + p[1] * axes[1])
        point = p[2] * axes[0] + p[3] * axes[1]
        values = []
        for u, e, place in zip(
            toys.centre[rows], toys.along[rows], toys.position_m[rows], strict=True
        ):
            normal = unit(np.cross(source, point - place))
            look = unit(source + p[4] * 1e-4 * (point - place))
            values += [u @ normal / ERRORS[0], e @ normal / ERRORS[1], e @ look / ERRORS[2]]
        return values

    for event in range(12):
        rows, axes = slice(toys.first[event], toys.first[event + 1]), toys.axes[event]
        start = [*(toys.direction[event] @ axes[:2].T), *(toys.core_m[event] @ axes[:2].T), 1.0]
        twin = least_squares(residuals, start, args=(rows, axes), x_scale="jac", xtol=1e-14)
        assert found.chi2[event] == pytest.approx(2.0 * twin.cost, rel=1e-4)
        source = unit(axes[2] + twin.x[:2] @ axes[:2])
        assert found.direction[event] == pytest.approx(source, abs=1e-6)
        curvature = np.linalg.inv(twin.jac.T @ twin.jac)
        error = np.sqrt(np.diag(curvature))
        assert np.sqrt(np.diag(found.covariance[event])[:4]) == pytest.approx(error[:4], rel=0.02)


def test_parallel_images_have_large_errors_or_none():
    """On the line through both telescopes core and direction cannot be told apart."""
    toys = toy_showers(1, 90.0, 0.0, tels=np.array([[-60.0, 0.0, 0.0], [60.0, 0.0, 0.0]]))
    centre = unit(np.array([[0.014, 0.0, 1.0], [0.005, 0.0, 1.0]]))
    along = unit(np.array([[1.0, 0.0, -0.014], [1.0, 0.0, -0.005]]))
    found = _fit(toys._replace(centre=centre, along=along))
    error = np.sqrt(found.covariance[0, 0, 0])
    assert np.isnan(found.chi2[0]) or error > np.radians(1.0)


def test_nearly_parallel_images_are_found_by_their_parallax_and_crossing():
    rng = np.random.default_rng(8)
    tels = SQUARE_M[[0, 2]]
    toys = toy_showers(3000, errors_rad=ERRORS, rng=rng, tels=tels)
    found = _fit(toys)
    pairs = intersect_pairs(
        toys.first,
        toys.centre,
        toys.along,
        np.cross(toys.centre, toys.along),
        toys.position_m,
        np.ones(len(toys.centre)),
        toys.axes,
    )
    sine = np.abs(np.sum(np.cross(toys.along[::2], toys.along[1::2]) * toys.centre[::2], axis=1))
    flat = (sine < np.sin(np.radians(20.0))) & np.isfinite(found.chi2)
    miss = [np.linalg.norm(r.direction - toys.direction, axis=1)[flat] for r in (found, pairs)]
    assert flat.sum() > 200
    assert np.quantile(miss[0], 0.68) < np.quantile(miss[1], 0.68)


def test_events_without_two_images_or_a_start_have_no_fit():
    toys = toy_showers(3)
    start = toys.start.copy()
    start[2, 0] = np.nan
    rows = np.r_[0, 4:12]
    found = _fit(
        toys._replace(
            first=np.array([0, 1, 5, 9]),
            centre=toys.centre[rows],
            along=toys.along[rows],
            position_m=toys.position_m[rows],
        ),
        start=start,
    )
    assert np.isnan(found.chi2).tolist() == [True, False, True]
    assert found.direction[1] == pytest.approx(toys.direction[1], abs=1e-9)
    assert np.isnan(found.direction[[0, 2]]).all()
    assert np.isnan(found.covariance[[0, 2]]).all()
