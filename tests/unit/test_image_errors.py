"""Errors of image axes, against images of drawn photoelectrons."""

import numpy as np
import pytest

from iactflow.stereo.image_errors import (
    CLOSEST_M,
    UNKNOWN_AXIS_RAD,
    ErrorModel,
    image_errors,
)

PLAIN = ErrorModel(noise=1.0, arm_m=0.0, across=1.0, near_m=0.0, floor=0.0, floor_along=0.0)


def _errors(size, length, width, model=PLAIN, impact_m=100.0):
    return image_errors(*(np.array([float(x)]) for x in (size, length, width, impact_m)), model)


def test_errors_are_the_scatter_of_drawn_images():
    rng = np.random.default_rng(7)
    n_pe, length, width = 400, 0.3, 0.1
    x = rng.normal(0.0, length, (3000, n_pe))
    y = rng.normal(0.0, width, (3000, n_pe))
    mixed = np.mean(x * y, axis=1) - x.mean(axis=1) * y.mean(axis=1)
    angle = 0.5 * np.arctan2(2.0 * mixed, x.var(axis=1) - y.var(axis=1))
    found = _errors(n_pe, length, width)
    assert np.degrees(found.across_rad[0]) == pytest.approx(y.mean(axis=1).std(), rel=0.05)
    assert np.degrees(found.along_rad[0]) == pytest.approx(x.mean(axis=1).std(), rel=0.05)
    assert found.axis_rad[0] == pytest.approx(angle.std(), rel=0.05)


def test_terms_add_in_squares():
    model = ErrorModel(noise=3.0, arm_m=20.0, across=2.0, near_m=100.0, floor=0.1, floor_along=0.5)
    width, length = np.radians([0.1, 0.3])
    found = _errors(100.0, 0.3, 0.1, model, impact_m=50.0)
    near = 0.2 * np.sqrt(5.0)
    assert found.across_rad[0] == pytest.approx(width * np.hypot(near, 0.1))
    assert found.along_rad[0] == pytest.approx(length * np.hypot(near, 0.5))
    plain = length * width / (length**2 - width**2)
    assert found.axis_rad[0] == pytest.approx(np.hypot(plain * np.hypot(0.3, 0.1), 0.04))


@pytest.mark.parametrize("impact_m", [np.nan, 0.0, CLOSEST_M])
def test_close_and_unknown_distances_are_those_of_the_closest(impact_m):
    found = _errors(100.0, 0.3, 0.1, ErrorModel(), impact_m)
    assert found == _errors(100.0, 0.3, 0.1, ErrorModel(), CLOSEST_M)
    assert found.axis_rad[0] > _errors(100.0, 0.3, 0.1, ErrorModel(), 100.0).axis_rad[0]


@pytest.mark.parametrize(("length", "width"), [(0.1, 0.1), (0.1001, 0.1), (0.1, 0.2)])
def test_round_images_have_no_axis(length, width):
    assert _errors(100.0, length, width).axis_rad[0] == pytest.approx(UNKNOWN_AXIS_RAD)
