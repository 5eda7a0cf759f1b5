"""Facets: dish shapes, aim, misalignment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optics_samples import WORDS, make_facets, perfect, ring_facets

from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.instrument.description import Alignment
from iactflow.telescope.facets import alignment_sigma_deg, dish_height, make_facet_table

DEFORMING = Alignment(0.0035, 28.0, 0.023, 0.012)


def test_heights_of_dishes():
    r = np.array([0.0, 3.0, 6.0])
    sphere = dish_height("davies_cotton", 15.0, r)
    # On a sphere about the point (0, 0, L).
    assert np.hypot(r, 15.0 - sphere) == pytest.approx([15.0] * 3)
    # A paraboloid is as far from its focus as from its directrix.
    parabola = dish_height("parabolic", 28.0, r)
    assert np.hypot(r, 28.0 - parabola) == pytest.approx(28.0 + parabola)


@pytest.mark.parametrize(
    ("shape", "length", "tilt_centre"),
    [
        ("davies_cotton", 15.0, 30.0),
        ("modified_davies_cotton", 19.2, None),
        ("parabolic", 15.0, None),
    ],
)
def test_light_along_the_axis_goes_to_the_focus(shape, length, tilt_centre):
    optics = perfect(ring_facets(6.0, 5, 0.3), shape=shape, dish_shape_length_m=length)
    table = make_facet_table(optics, 40.0, WORDS)
    down = np.array([0.0, 0.0, -1.0])
    reflected = down - 2.0 * (table.normal @ down)[:, None] * table.normal
    to_focus = np.array([0.0, 0.0, 15.0]) - table.centre_m
    distance = np.linalg.norm(to_focus, axis=1)
    assert reflected == pytest.approx(to_focus / distance[:, None], abs=1e-12)
    assert table.curvature_radius_m == pytest.approx(2.0 * distance)
    if tilt_centre is not None:
        # Facets of a Davies-Cotton dish look at the point at twice the focal length.
        aim = np.array([0.0, 0.0, tilt_centre]) - table.centre_m
        assert np.cross(aim, table.normal) == pytest.approx(np.zeros_like(aim), abs=1e-9)


def test_alignment_error_against_zenith_angle():
    assert alignment_sigma_deg(DEFORMING, 28.0) == pytest.approx(0.0035)
    theta, theta_0 = np.radians(60.0), np.radians(28.0)
    terms = [
        0.0035,
        0.023 * (np.cos(theta) - np.cos(theta_0)),
        0.012 * (np.sin(theta) - np.sin(theta_0)),
    ]
    assert alignment_sigma_deg(DEFORMING, 60.0) == pytest.approx(np.sqrt(np.sum(np.square(terms))))


def _tilts(optics, zenith_deg):
    """Tilts of normals in deg, along the outline's axis and across."""
    aimed = make_facet_table(perfect(optics.facets), 0.0, WORDS)
    table = make_facet_table(optics, zenith_deg, WORDS)
    across = np.cross(aimed.normal, aimed.axis_u)
    parts = [np.sum(table.normal * axis, axis=1) for axis in (aimed.axis_u, across)]
    return np.degrees(np.arcsin(np.array(parts)))


def test_tilts_have_the_rms_asked_for_and_deform_continuously():
    facets = ring_facets(6.0, 60, 0.3)
    optics = perfect(facets, align_vertical=DEFORMING, align_horizontal=Alignment(0.002))
    low, high = _tilts(optics, 28.0), _tilts(optics, 60.0)
    n = low.shape[1]
    error = 4.0 / np.sqrt(2 * n)
    assert low.std(axis=1) == pytest.approx([0.0035, 0.002], rel=error)
    assert abs(low.mean()) < 4 * 0.0035 / np.sqrt(n)
    # The same deviates at another zenith angle: only their scale changes.
    ratio = alignment_sigma_deg(DEFORMING, 60.0) / 0.0035
    assert high[0] == pytest.approx(ratio * low[0], rel=1e-6)
    assert high[1] == pytest.approx(low[1], rel=1e-6)


def test_misalignment_belongs_to_the_telescope():
    optics = perfect(ring_facets(6.0, 2, 0.3), align_vertical=DEFORMING)
    first, again = (make_facet_table(optics, 30.0, WORDS).normal for _ in range(2))
    other = make_facet_table(optics, 30.0, StreamKey(1, "mirror", telescope=2).words()).normal
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_focal_lengths():
    facets = replace(
        make_facets([0.0, 3.0, 4.0], [0.0, 0.0, 1.0], 0.6),
        focal_length_m=np.array([0.0, 16.0, 0.0]),
    )
    exact = perfect(facets, mirror_focal_length_m=15.5)
    table = make_facet_table(exact, 0.0, WORDS)
    assert table.curvature_radius_m == pytest.approx([31.0, 32.0, 31.0])
    table = make_facet_table(replace(exact, random_focal_length_m=0.1), 0.0, WORDS)
    # Listed focal lengths are exact, the others vary.
    assert table.curvature_radius_m[1] == 32.0
    assert np.all(abs(table.curvature_radius_m[[0, 2]] - 31.0) > 1e-6)


def test_distance_errors_keep_the_aim():
    optics = perfect(ring_facets(6.0, 60, 0.3), align_distance_m=0.02)
    table, exact = (
        make_facet_table(optics, 0.0, WORDS),
        make_facet_table(perfect(optics.facets), 0.0, WORDS),
    )
    moved = np.linalg.norm(table.centre_m - np.array([0, 0, 15.0]), axis=1) - 15.0
    assert moved.std() == pytest.approx(0.02, rel=4.0 / np.sqrt(2 * len(moved)))
    assert np.array_equal(table.normal, exact.normal)


def test_listed_heights_stand():
    table = make_facet_table(perfect(make_facets([3.0], [0.0], 0.6, z_m=0.5)), 0.0, WORDS)
    assert table.centre_m[0] == pytest.approx([3.0, 0.0, 0.5])


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"shape": "schwarzschild_couder"}, "shape"),
        ({"dish_shape_length_m": 2.0}, "facets: distance from the axis"),
        ({"facets": make_facets([], [], 0.6)}, "facets"),
        ({"mirror_focal_length_m": 0.1, "random_focal_length_m": 9.0}, "focal length of a facet"),
    ],
)
def test_descriptions_that_cannot_be_placed(changes, key):
    optics = replace(perfect(ring_facets(6.0, 5, 0.3)), **changes)
    with pytest.raises(InputError) as error:
        make_facet_table(optics, 0.0, WORDS)
    assert error.value.key == key
