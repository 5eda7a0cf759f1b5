"""Simulated directions in another field of view, against two rotations one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from iactflow.dl3.rotation import (
    direction_components,
    place_components,
    unit_vectors,
    vector_angles_deg,
)

N = 50


def about(axis, angle):
    """Matrix of a rotation about an axis (Rodrigues): the twin's tool."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def carried(pointing, target):
    """Matrix that carries one direction to another along their great circle."""
    axis = np.cross(pointing, target)
    size = np.linalg.norm(axis)
    if size < 1e-15:
        return np.eye(3)
    return about(axis / size, np.arctan2(size, pointing @ target))


def twin(reco, true, pointing, new_true, new_pointing):
    """Carry the field over, turn it about the new pointing, slide along the great circle."""
    carry = carried(pointing, new_pointing)
    reco, true = carry @ reco, carry @ true

    def across(vector):
        part = vector - (vector @ new_pointing) * new_pointing
        return part / np.linalg.norm(part)

    one, two = across(true), across(new_true)
    angle = np.arctan2(new_pointing @ np.cross(one, two), one @ two)
    turn = about(new_pointing, angle)
    reco, true = turn @ reco, turn @ true
    return carried(true, new_true) @ reco


@pytest.fixture
def field():
    rng = np.random.default_rng(2)
    pointing = unit_vectors(np.full(N, 40.0), np.full(N, 65.0))
    true = unit_vectors(40.0 + rng.uniform(-2, 2, N), 65.0 + rng.uniform(-1, 1, N))
    reco = unit_vectors(40.0 + rng.uniform(-2, 2, N), 65.0 + rng.uniform(-1, 1, N))
    new_pointing = unit_vectors(np.full(N, 359.9), np.full(N, -40.0))
    new_true = unit_vectors(359.9 + rng.uniform(-1, 1, N), -40.0 + rng.uniform(-1, 1, N))
    return reco, true, pointing, new_true, new_pointing


def test_components_are_the_rotations_of_the_twin(field):
    reco, true, pointing, new_true, new_pointing = field
    placed = place_components(direction_components(reco, true, pointing), new_true, new_pointing)
    expected = np.array([twin(*row) for row in zip(*field, strict=True)])
    np.testing.assert_allclose(placed, expected, atol=1e-12)


def test_errors_and_handedness_are_kept(field):
    reco, true, pointing, new_true, new_pointing = field
    components = direction_components(reco, true, pointing)
    placed = place_components(components, new_true, new_pointing)

    def signed(a, b, c):
        return np.einsum("ni,ni->n", a, np.cross(b, c))

    np.testing.assert_allclose(
        np.einsum("ni,ni->n", placed, new_true), np.einsum("ni,ni->n", reco, true), atol=1e-14
    )
    # A mirror image would turn the sign of the volume.
    assert np.array_equal(
        np.sign(signed(reco, true, pointing)), np.sign(signed(placed, new_true, new_pointing))
    )


def test_an_exact_event_falls_on_the_source(field):
    _, true, pointing, new_true, new_pointing = field
    placed = place_components(direction_components(true, true, pointing), new_true, new_pointing)
    np.testing.assert_allclose(placed, new_true, atol=1e-14)


def test_a_source_on_the_pointing_turns_by_the_angle_given():
    pointing = unit_vectors([30.0], [-20.0])
    one_degree = np.radians(1.0)
    components = np.array([[np.cos(one_degree), np.sin(one_degree), 0.0]])
    for angle_deg in (10.0, 90.0, 200.0):
        placed = place_components(components, pointing, pointing, np.radians([angle_deg]))
        found = SkyCoord(*vector_angles_deg(placed), unit="deg")
        centre = SkyCoord(30.0, -20.0, unit="deg")
        assert centre.separation(found).deg[0] == pytest.approx(1.0)
        assert centre.position_angle(found).deg[0] == pytest.approx(angle_deg, abs=1e-9)


def test_angles_of_vectors():
    ra_deg, dec_deg = np.array([0.0, 123.4, 359.999]), np.array([-89.0, 0.0, 45.0])
    found = vector_angles_deg(unit_vectors(ra_deg, dec_deg))
    np.testing.assert_allclose(found, [ra_deg, dec_deg], atol=1e-12)
    assert vector_angles_deg(np.array([[1.0, -1e-20, 0.0]]))[0][0] == 0.0
