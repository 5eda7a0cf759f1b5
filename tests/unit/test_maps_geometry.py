"""The tangent-plane geometry of sky maps, against astropy."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io.fits import Header
from astropy.wcs import WCS

from iactflow.errors import InputError
from iactflow.science.map_geometry import MapGeometry, project_tangent, unit_vectors

PLACES = [(83.63, 22.01), (0.01, -30.2), (228.32, -59.08), (120.0, 89.5), (359.99, -89.9)]


def around(ra_deg, dec_deg, n=300):
    """Directions within some degrees of a place."""
    random = np.random.default_rng(1)
    place = SkyCoord(ra_deg, dec_deg, unit="deg")
    angle, distance = random.uniform(0, 360, n), random.uniform(0, 5, n)
    found = place.directional_offset_by(angle * 1.0 * place.ra.unit, distance * place.ra.unit)
    return found.ra.deg, found.dec.deg


def project_twin(ra_deg, dec_deg, ra0_deg, dec0_deg):
    """Gnomonic projection by the vectors of the tangent plane."""
    vectors, towards = unit_vectors(ra_deg, dec_deg), unit_vectors(ra0_deg, dec0_deg)
    east, north = unit_vectors(ra0_deg + 90.0, 0.0), unit_vectors(ra0_deg, dec0_deg + 90.0)
    depth = vectors @ towards
    return np.degrees(vectors @ east / depth), np.degrees(vectors @ north / depth)


@pytest.mark.parametrize("place", PLACES)
def test_projection_equals_its_twin(place):
    ra, dec = around(*place)
    np.testing.assert_allclose(
        project_tangent(ra, dec, *place), project_twin(ra, dec, *place), rtol=0, atol=1e-11
    )


def test_projection_along_the_meridian_is_the_tangent():
    xi, eta = project_tangent(np.array([10.0]), np.array([23.0]), 10.0, 20.0)
    assert xi[0] == pytest.approx(0.0, abs=1e-12)
    assert eta[0] == pytest.approx(np.degrees(np.tan(np.radians(3.0))), rel=1e-12)


def test_the_other_hemisphere_has_no_pixel():
    geometry = MapGeometry.create(10.0, 20.0, 5.0, 0.02)
    column, row = geometry.pixels(np.array([190.0, 10.0]), np.array([-20.0, 20.0]))
    assert np.isnan([column[0], row[0]]).all()
    assert column[1] == pytest.approx(124.5)
    assert row[1] == pytest.approx(124.5)


@pytest.mark.parametrize("place", PLACES)
def test_pixels_and_directions_are_those_of_astropy(place):
    geometry = MapGeometry.create(*place, 5.0, 0.02)
    wcs = WCS(Header(geometry.header()))
    ra, dec = around(*place)
    pixels = np.array(geometry.pixels(ra, dec))
    np.testing.assert_allclose(pixels, wcs.wcs_world2pix(ra, dec, 0), rtol=0, atol=1e-8)
    ra_back, dec_back = geometry.directions(*pixels)
    there = SkyCoord(ra, dec, unit="deg")
    back = SkyCoord(ra_back, dec_back, unit="deg")
    assert np.max(there.separation(back).deg) < 1e-10


def test_vectors_are_those_of_the_pixel_centres():
    geometry = MapGeometry.create(228.32, -59.08, 1.0, 0.1)
    row, column = np.indices((10, 10))
    expected = unit_vectors(*geometry.directions(column.ravel(), row.ravel()))
    np.testing.assert_allclose(geometry.vectors.reshape(-1, 3), expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(geometry.vectors, axis=-1), 1.0, rtol=1e-14)


def test_right_ascension_falls_to_the_right_and_declination_rises():
    geometry = MapGeometry.create(83.63, 22.01, 2.0, 0.1)
    ra, dec = geometry.directions(np.array([0.0, 19.0]), np.array([0.0, 19.0]))
    assert ra[0] > ra[1]
    assert dec[0] < dec[1]


def test_solid_angles_add_up_to_that_of_the_square():
    geometry = MapGeometry.create(83.63, 22.01, 20.0, 0.1)
    # A square of half side a in the tangent plane: 4 asin(a^2 / (1 + a^2)).
    half = np.radians(10.0)
    expected = 4.0 * np.arcsin(half**2 / (1.0 + half**2))
    assert np.sum(geometry.solid_angle_sr) == pytest.approx(expected, rel=1e-6)


def test_outside_takes_the_angular_separation_of_pixel_centres():
    geometry = MapGeometry.create(228.32, -59.08, 4.0, 0.05)
    circles = [
        {"ra_deg": 228.0, "dec_deg": -59.5, "radius_deg": 0.4},
        {"ra_deg": 230.0, "dec_deg": -58.0, "radius_deg": 0.2},
    ]
    row, column = np.indices((80, 80))
    centres = SkyCoord(*geometry.directions(column, row), unit="deg")
    expected = np.ones((80, 80), dtype=bool)
    for circle in circles:
        place = SkyCoord(circle["ra_deg"], circle["dec_deg"], unit="deg")
        expected &= centres.separation(place).deg >= circle["radius_deg"]
    assert 0 < np.sum(~expected) < expected.size
    np.testing.assert_array_equal(geometry.outside(circles), expected)
    assert geometry.outside([]).all()


@pytest.mark.parametrize(("size", "pixel"), [(0.01, 0.1), (120.0, 0.1)])
def test_a_map_without_pixels_or_too_wide_is_refused(size, pixel):
    with pytest.raises(InputError, match="size_deg"):
        MapGeometry.create(0.0, 0.0, size, pixel)
