"""Directions from disp: known sources, all choices of sides by brute force, weights, pulls."""

from itertools import product

import numpy as np
import pytest
from stereo_samples import unit

from iactflow.errors import InputError
from iactflow.stereo.disp import MAXIMUM_M, SKEWNESS_ODDS, combine_candidates, combine_disp
from iactflow.stereo.frames import (
    horizontal_to_telescope,
    image_axes,
    sky_vectors,
    telescope_to_horizontal,
)
from iactflow.stereo.image_errors import ErrorModel, image_errors

POINTING = (70.0, 359.8)
SIZE, LENGTH, WIDTH = 1e12, 0.3, 0.1


def _images(n_events, n_images, source=(0.3, -0.4), rng=None):
    """Centres of gravity around a source, axes through it; half of them turned around."""
    rng = np.random.default_rng(11) if rng is None else rng
    n = n_events * n_images
    away, angle = rng.uniform(0.5, 1.5, n), rng.uniform(-np.pi, np.pi, n)
    psi = angle + np.pi * rng.integers(0, 2, n)
    parameters = {
        "hillas_fov_lon_deg": source[0] + away * np.cos(angle),
        "hillas_fov_lat_deg": source[1] + away * np.sin(angle),
        "hillas_psi_deg": np.degrees(psi),
        "hillas_intensity": np.full(n, SIZE),
        "hillas_length_deg": np.full(n, LENGTH),
        "hillas_width_deg": np.full(n, WIDTH),
        "hillas_skewness": np.zeros(n),
    }
    event = np.repeat(np.arange(n_events), n_images)
    towards = np.where(np.cos(psi - angle) < 0.0, 1, -1)
    return event, parameters, away, towards


def _combine(event, parameters, disp, error, n_events, pointing=POINTING, **keywords):
    alt, az = (np.full(len(event), p) for p in pointing)
    error = np.broadcast_to(np.asarray(error, dtype=float), disp.shape)
    return combine_disp(event, parameters, disp, error, alt, az, n_events, **keywords)


@pytest.mark.parametrize("pointing", [POINTING, (90.0, 0.0), (45.0, 180.0)])
@pytest.mark.parametrize("n_images", [2, 4, 9])
def test_a_known_source_is_found(n_images, pointing):
    event, parameters, away, towards = _images(60, n_images)
    found = _combine(event, parameters, away, 0.05, 60, pointing)
    alt, az = telescope_to_horizontal(0.3, -0.4, *pointing)
    miss = np.linalg.norm(sky_vectors(found.alt_deg, found.az_deg) - sky_vectors(alt, az), axis=1)
    # Disp is a distance in the plane of longitude and latitude here: a few 1e-4 deg on the sphere.
    assert np.degrees(np.median(miss)) < 5e-4
    good = np.degrees(miss) < 2e-3
    assert good.mean() > 0.95
    assert np.array_equal(found.side[good[event]], towards[good[event]])
    assert found.n_images.tolist() == [n_images] * 60


def _brute(centre, along, disp, errors, odds):
    """Least -2 ln L over all sides, the mean by least squares on the tangent plane."""
    axis = unit(centre[0])
    first = unit(np.cross(axis, [0.2, 0.5, 0.1]))
    plane = np.array([first, np.cross(axis, first)])
    best = (np.inf, None, None)
    for sides in product([1, -1], repeat=len(centre)):
        rows, right, prior = [], [], 0.0
        for i, side in enumerate(sides):
            place = np.cos(disp[i]) * centre[i] + side * np.sin(disp[i]) * along[i]
            place = plane @ place / (axis @ place)
            ahead = unit(plane @ along[i])
            across = np.array([-ahead[1], ahead[0]])
            wide = np.hypot(errors[i, 1], disp[i] * errors[i, 2])
            rows += [ahead / errors[i, 0], across / wide]
            right += [ahead @ place / errors[i, 0], across @ place / wide]
            prior += 2.0 * np.log1p(np.exp(-side * odds[i]))
        mean, rest, *_ = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)
        chi2 = float(rest[0]) if len(rest) else 0.0
        if chi2 + prior < best[0]:
            covariance = np.linalg.inv(np.array(rows).T @ np.array(rows))
            direction = unit(axis + mean @ plane)
            best = (chi2 + prior, (direction, chi2, 0.5 * np.trace(covariance)), sides)
    return best[1], best[2]


@pytest.mark.parametrize("n_images", [1, 2, 3, 5])
def test_the_choice_of_sides_is_the_best_of_all(n_images):
    rng = np.random.default_rng(n_images)
    n = 40 * n_images
    centre = unit(np.array([0.3, 0.1, 0.9]) + rng.normal(0.0, 0.015, (n, 3)))
    along = unit(np.cross(centre, rng.normal(size=(n, 3))))
    disp = rng.uniform(0.005, 0.03, n)
    errors = rng.uniform([1e-3, 1e-4, 0.02], [8e-3, 1e-3, 0.2], (n, 3))
    odds = rng.normal(0.0, 2.0, n)
    first = np.arange(41) * n_images
    direction, variance, chi2, side = combine_candidates(first, centre, along, disp, errors, odds)
    for event in range(40):
        rows = slice(first[event], first[event + 1])
        expected, sides = _brute(centre[rows], along[rows], disp[rows], errors[rows], odds[rows])
        assert direction[event] == pytest.approx(expected[0], abs=1e-9)
        assert chi2[event] == pytest.approx(expected[1], rel=1e-6, abs=1e-6)
        assert variance[event] == pytest.approx(expected[2], rel=1e-6)
        assert tuple(side[rows]) == sides


def test_many_images_mostly_reach_the_best_choice():
    """Beyond six images choices are searched, not enumerated: seven, against all of them."""
    event, parameters, away, _ = _images(40, 7)
    rng = np.random.default_rng(12)
    disp = np.abs(away + rng.normal(0.0, 0.2, len(away)))
    found = _combine(event, parameters, disp, 0.2, 40)
    size, length, width = (
        parameters[f"hillas_{name}"] for name in ("intensity", "length_deg", "width_deg")
    )
    of_image = image_errors(size, length, width, np.radians(disp) * MAXIMUM_M, ErrorModel())
    errors = np.column_stack(
        [np.full(len(disp), np.radians(0.2)), of_image.across_rad, of_image.axis_rad]
    )
    centre, along = image_axes(
        *(parameters[f"hillas_{k}_deg"] for k in ("fov_lon", "fov_lat", "psi")),
        *(np.full(len(disp), p) for p in POINTING),
    )
    same = 0
    for k in range(40):
        rows = slice(7 * k, 7 * k + 7)
        (_, chi2, _), _ = _brute(
            centre[rows], along[rows], np.radians(disp[rows]), errors[rows], np.zeros(7)
        )
        assert found.chi2[k] >= chi2 - 1e-6
        same += found.chi2[k] == pytest.approx(chi2, rel=1e-6)
    assert same >= 38


def test_pulls_are_normal():
    rng = np.random.default_rng(13)
    event, parameters, away, _ = _images(3000, 3, rng=rng)
    error = rng.uniform(0.02, 0.06, len(away))
    disp = np.abs(away + error * rng.normal(size=len(away)))
    psi, floor = parameters["hillas_psi_deg"], ErrorModel().floor
    scatter = LENGTH * WIDTH / (LENGTH**2 - WIDTH**2) * floor
    psi += np.degrees(scatter * rng.normal(size=len(psi)))
    across = WIDTH * floor * rng.normal(size=len(psi))
    parameters["hillas_fov_lon_deg"] -= across * np.sin(np.radians(psi))
    parameters["hillas_fov_lat_deg"] += across * np.cos(np.radians(psi))
    found = _combine(event, parameters, disp, error, 3000)
    lon, lat = horizontal_to_telescope(found.alt_deg, found.az_deg, *POINTING)
    # Images cross at all angles: chi-square with four degrees of freedom, and as much scatter as
    # the errors say on the mean over events.
    assert np.median(found.chi2) == pytest.approx(3.357, rel=0.08)
    near = np.hypot(lon - 0.3, lat + 0.4) < 0.3
    assert near.mean() > 0.97
    for deviation in (lon - 0.3, lat + 0.4):
        ratio = np.mean(deviation[near] ** 2) / np.mean(found.error_deg[near] ** 2)
        assert ratio == pytest.approx(1.0, abs=0.15)


def test_one_image_is_decided_by_its_odds():
    event, parameters, away, towards = _images(50, 1)
    parameters["hillas_skewness"] = 0.5 * towards * np.sign(SKEWNESS_ODDS)
    alt, az = telescope_to_horizontal(0.3, -0.4, *POINTING)
    source = sky_vectors(alt, az)
    found = _combine(event, parameters, away, 0.05, 50)
    assert np.array_equal(found.side, towards)
    miss = np.linalg.norm(sky_vectors(found.alt_deg, found.az_deg) - source, axis=1)
    assert np.degrees(miss).max() < 2e-3
    against = _combine(event, parameters, away, 0.05, 50, log_odds=-3.0 * towards)
    assert np.array_equal(against.side, -towards)
    assert found.chi2 == pytest.approx(np.zeros(50), abs=1e-9)


def test_images_without_a_disp_are_left_out():
    event, parameters, away, _ = _images(3, 3)
    disp = away.copy()
    disp[0] = np.nan
    disp[3:6] = np.nan
    found = _combine(event, parameters, disp, 0.05, 3)
    assert found.n_images.tolist() == [2, 0, 3]
    assert np.isnan(found.alt_deg).tolist() == [False, True, False]
    assert found.side[0] == 0
    assert not found.side[3:6].any()


@pytest.mark.parametrize(
    ("event", "disp", "error"),
    [([1, 0], [1.0, 1.0], 0.1), ([0, 5], [1.0, 1.0], 0.1), ([0, 0], [1.0, -1.0], 0.1),
     ([0, 0], [1.0, 1.0], 0.0)],
)  # fmt: skip
def test_bad_rows_are_refused(event, disp, error):
    _, parameters, _, _ = _images(1, 2)
    with pytest.raises(InputError):
        _combine(np.array(event), parameters, np.array(disp), error, 2)
