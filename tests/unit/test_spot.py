"""Images of point sources: aberrations that can be written down, H.E.S.S. and CTAO telescopes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optics_samples import PERFECT, WORDS, make_facets, perfect, random_state, ring_facets

from iactflow.errors import InputError
from iactflow.instrument.load import load_instrument
from iactflow.shower.photons import X_M, Y_M, empty_photons
from iactflow.telescope.optics import make_optics_table
from iactflow.telescope.raytrace import HIT_Y_M, LIGHT_M_PER_NS, empty_hits, trace_photons
from iactflow.telescope.spot import containment_radius, trace_star

SMALL_DEG = 0.2


@pytest.fixture(scope="module")
def hess(repository):
    """Reflector of H.E.S.S. I."""
    folder = repository / "config" / "instruments" / "hess1" / "2006"
    return load_instrument(folder).telescopes[0].type.optics


def _r80_mrad(spot, focal_length_m):
    return 1e3 * containment_radius(spot.x_m, spot.y_m) / focal_length_m


def test_containment_of_a_disc():
    r = np.sqrt((np.arange(10000) + 0.5) / 10000)
    phi = np.arange(10000) * np.pi * (3.0 - np.sqrt(5.0))
    radius = containment_radius(3.0 + r * np.cos(phi), r * np.sin(phi), 0.8)
    assert radius == pytest.approx(np.sqrt(0.8), rel=1e-3)


def test_effective_area_of_one_facet():
    spot = trace_star(perfect(make_facets([0.0], [0.0], 0.6)), 0.0, 2.0, n_rays=50000)
    disc = np.pi * 0.302**2
    expected = np.pi * 0.3**2 * np.cos(np.radians(2.0))
    chance = 4.0 * np.sqrt(0.02 / 50000) * disc
    assert spot.effective_area_m2 == pytest.approx(expected, abs=chance + 2e-3 * expected)


def test_facet_seen_at_an_angle_is_astigmatic():
    # A spherical mirror at an angle of incidence i focuses at f cos(i) in the plane of incidence
    # and at f / cos(i) across it: at the distance f a circle of radius a (1 - cos(i)).
    table = make_optics_table(perfect(make_facets([6.0], [0.0], 0.06)), 0.0, WORDS)
    r = 0.028 * np.sqrt((np.arange(2000) + 0.5) / 2000)
    phi = np.arange(2000) * np.pi * (3.0 - np.sqrt(5.0))
    photons = empty_photons(2000)
    photons[:, X_M], photons[:, Y_M] = 6.0 + r * np.cos(phi), r * np.sin(phi)
    hits, index = empty_hits(2000)
    assert (
        trace_photons(photons, np.eye(3), np.zeros(3), table, random_state(), hits, index) == 2000
    )
    incidence = 0.5 * np.arcsin(6.0 / 15.0)
    expected = 0.028 * (1.0 - np.cos(incidence))
    assert np.max(np.abs(hits[:, HIT_Y_M])) == pytest.approx(expected, rel=0.02)
    assert np.std(hits[:, HIT_Y_M]) == pytest.approx(0.5 * expected, rel=0.02)


def _linear_moments(shape, optics):
    """Scale and spread of the image in the field angle, from the mirror law for tiny facets.

    For a small field angle d, light from a facet in the direction (a, phi) as seen from the focus,
    at the distance D, moves by D d (1 + cos(phi)^2 (1 / cos(a) - 1)) along the field and by
    D d sin(phi) cos(phi) (1 / cos(a) - 1) across.
    """
    r = np.hypot(optics.facets.x_m, optics.facets.y_m)
    phi = np.arctan2(optics.facets.y_m, optics.facets.x_m)
    height = 15.0 - np.sqrt(15.0**2 - r**2) if shape == "davies_cotton" else r**2 / 60.0
    distance = np.hypot(r, 15.0 - height)
    stretch = distance / (15.0 - height) - 1.0
    # A facet looks at light along the axis at half of its angle.
    weight = np.cos(0.5 * np.arctan2(r, 15.0 - height))
    along = distance / 15.0 * (1.0 + np.cos(phi) ** 2 * stretch)
    across = distance / 15.0 * np.sin(phi) * np.cos(phi) * stretch
    mean = np.average(along, weights=weight)
    spread = [np.average((v - m) ** 2, weights=weight) for v, m in ((along, mean), (across, 0.0))]
    return mean, np.sqrt(spread)


@pytest.mark.parametrize("shape", ["davies_cotton", "parabolic"])
def test_scale_and_coma_of_dishes(shape):
    optics = perfect(ring_facets(6.0, 60, 0.05), shape=shape)
    spot = trace_star(optics, 0.0, SMALL_DEG, n_rays=2_000_000)
    mean, (along, across) = _linear_moments(shape, optics)
    scale = 15.0 * np.tan(np.radians(SMALL_DEG))
    assert len(spot.x_m) > 20000
    assert spot.effective_focal_length_m == pytest.approx(15.0 * mean, rel=5e-4)
    assert np.std(spot.x_m) == pytest.approx(scale * along, rel=0.03)
    assert np.std(spot.y_m) == pytest.approx(scale * across, rel=0.03)
    # Half of the mean of 1 / cos(a) - 1, by hand for the sphere: <sin(a)^2> / 4 + ...
    if shape == "davies_cotton":
        assert mean == pytest.approx(1.0 + 0.25 * 0.5 * 0.16 + 3 / 16 / 3 * 0.16**2, rel=1e-3)


def test_paraboloid_of_small_facets_has_no_spot_on_axis():
    rays = {"n_rays": 400000}
    small = trace_star(perfect(ring_facets(6.0, 12, 0.05), shape="parabolic"), 0.0, 0.0, **rays)
    large = trace_star(perfect(ring_facets(6.0, 12, 0.1), shape="parabolic"), 0.0, 0.0, **rays)
    ratio = containment_radius(small.x_m, small.y_m) / containment_radius(large.x_m, large.y_m)
    # What is left is the astigmatism of facets, which is in proportion to their size.
    assert ratio == pytest.approx(0.5, rel=0.04)
    assert np.ptp(small.time_ns) < 0.003


def test_times_of_a_davies_cotton_dish():
    optics = perfect(ring_facets(6.0, 60, 0.05))
    spot = trace_star(optics, 0.0, 0.0, n_rays=200000)
    # Uniform in r^2: heights of the dish between 0 and L - sqrt(L^2 - r^2).
    r = np.hypot(optics.facets.x_m, optics.facets.y_m)
    expected = np.sqrt(15.0**2 - r**2) / LIGHT_M_PER_NS
    assert np.std(spot.time_ns) == pytest.approx(np.std(expected), rel=0.03)
    assert spot.time_ns.max() - spot.time_ns.min() == pytest.approx(np.ptp(expected), rel=0.02)


@pytest.mark.parametrize("distance_m", [np.inf, 10e3])
def test_front_of_the_light_is_flat_or_a_sphere(distance_m):
    # One flat-ish small facet at the centre: the time is that of the path alone.
    optics = perfect(make_facets([0.0], [0.0], 0.5))
    spot = trace_star(optics, 0.0, 3.0, 40.0, distance_m, n_rays=5000)
    # To first order light from a star, focused by a mirror, arrives at once.
    assert np.ptp(spot.time_ns) < 0.005
    assert np.mean(spot.time_ns) == pytest.approx(
        15.0 / np.cos(np.radians(3.0)) / 0.299792458, 1e-4
    )


def test_near_sources_need_the_camera_further_out():
    optics = perfect(ring_facets(6.0, 60, 0.05), shape="parabolic")
    image_m = 1.0 / (1.0 / 15.0 - 1.0 / 10e3) - 15.0
    at_focus = trace_star(optics, 0.0, 0.0, distance_m=10e3)
    moved = trace_star(replace(optics, focus_offset_m=image_m), 0.0, 0.0, distance_m=10e3)
    blurred = containment_radius(at_focus.x_m, at_focus.y_m)
    assert containment_radius(moved.x_m, moved.y_m) < 0.15 * blurred
    # The cone of light from the rim, as wide as the camera is out of focus.
    assert blurred == pytest.approx(image_m * np.tan(np.arcsin(0.8**0.5 * 6.0 / 15.0)), rel=0.1)


def test_image_moves_to_its_azimuth():
    for azimuth in (0.0, 90.0, 200.0):
        spot = trace_star(PERFECT, 0.0, 1.0, azimuth, n_rays=2000)
        angle = np.arctan2(spot.y_m.mean(), spot.x_m.mean())
        assert np.cos(angle - np.radians(azimuth)) > np.cos(np.radians(0.5))
        assert spot.effective_focal_length_m == pytest.approx(15.0, rel=1e-3)


def test_hess_loses_a_tenth_of_the_light_to_structures(hess):
    bare = replace(hess, masts=(), camera_body_diameter_m=0.0)
    areas = [trace_star(o, 0.0, 0.0, n_rays=150000).effective_area_m2 for o in (hess, bare)]
    # 380 facets of 60 cm, tilted by a few degrees.
    assert areas[1] == pytest.approx(380 * np.pi * 0.3**2, rel=0.02)
    assert 0.09 < 1.0 - areas[0] / areas[1] < 0.12


def test_hess_image_on_axis_and_when_low(hess):
    # 0.40 mrad at high elevation, and growing when the telescope is low.
    sizes = [_r80_mrad(trace_star(hess, z, 0.0, n_rays=40000), 15.0) for z in (25.0, 60.0)]
    assert sizes[0] == pytest.approx(0.40, rel=0.1)
    assert 1.3 < sizes[1] / sizes[0] < 1.6


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda: trace_star(PERFECT, 0.0, -1.0), "field_angle_deg"),
        (lambda: trace_star(PERFECT, 0.0, 16.0), "field_angle_deg"),
        (lambda: trace_star(PERFECT, 0.0, 0.0, distance_m=20.0), "distance_m"),
        (lambda: trace_star(PERFECT, 0.0, 0.0, n_rays=0), "n_rays"),
        (lambda: containment_radius(np.array([]), np.array([])), "rays"),
        (lambda: containment_radius(np.ones(3), np.ones(3), 1.2), "fraction"),
    ],
)
def test_bad_requests(call, key):
    with pytest.raises(InputError) as error:
        call()
    assert error.value.key == key
