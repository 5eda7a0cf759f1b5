"""Frames of the field of view and of the ground: analytic cases, ctapipe, edges of the sphere."""

import math
import warnings

import numpy as np
import pytest
from stereo_samples import unit

from iactflow.campaign.directions import separation_deg
from iactflow.stereo.frames import (
    axis_distance_m,
    ground_to_tilted,
    horizontal_to_telescope,
    image_axes,
    image_planes,
    sky_vectors,
    telescope_to_horizontal,
    tilted_axes,
    tilted_to_ground,
    vectors_to_horizontal,
)
from iactflow.telescope.frames import ground_to_telescope, sky_direction


def test_the_axes_of_the_sky_and_of_the_ground():
    assert sky_vectors(0.0, 0.0) == pytest.approx([1.0, 0.0, 0.0])
    assert sky_vectors(0.0, 90.0) == pytest.approx([0.0, -1.0, 0.0], abs=1e-15)
    assert sky_vectors(90.0, 33.0) == pytest.approx([0.0, 0.0, 1.0], abs=1e-15)
    assert sky_vectors(50.0, 77.0) == pytest.approx(sky_direction(50.0, 77.0))
    assert tilted_axes(50.0, 77.0) == pytest.approx(ground_to_telescope(50.0, 77.0))


def test_offsets_along_altitude_and_azimuth():
    alt, az = telescope_to_horizontal([0.0, 0.0, 2.0], [1.5, -1.5, 0.0], 60.0, 180.0)
    assert alt[:2] == pytest.approx([61.5, 58.5])
    assert az[:2] == pytest.approx([180.0, 180.0])
    # A longitude is an arc of a great circle: at 60 deg it is nearly twice as much in azimuth.
    assert az[2] == pytest.approx(180.0 + math.degrees(math.atan(math.tan(math.radians(2)) / 0.5)))


@pytest.mark.parametrize("pointing", [(70.0, 180.0), (89.9, 10.0), (90.0, 200.0), (20.0, 359.9)])
def test_there_and_back(pointing):
    lon, lat = np.meshgrid(np.linspace(-4.0, 4.0, 9), np.linspace(-4.0, 4.0, 9))
    alt, az = telescope_to_horizontal(lon, lat, *pointing)
    assert np.all((az >= 0.0) & (az < 360.0))
    back = horizontal_to_telescope(alt, az, *pointing)
    assert back[0] == pytest.approx(lon, abs=1e-11)
    assert back[1] == pytest.approx(lat, abs=1e-11)
    distance = separation_deg(az, alt, pointing[1], pointing[0])
    cosine = np.cos(np.radians(lon)) * np.cos(np.radians(lat))
    assert distance == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-6)


def test_azimuth_is_inside_a_turn():
    _, az = vectors_to_horizontal([[1.0, 1e-20, 0.0], [1.0, -1e-3, 0.0], [1.0, 1e-3, 0.0]])
    assert az[0] == 0.0
    assert 0.0 < az[1] < 1.0
    assert 359.0 < az[2] < 360.0


def test_frames_are_those_of_ctapipe():
    from astropy import units as u
    from astropy.coordinates import AltAz, SkyCoord
    from ctapipe.coordinates import GroundFrame, TelescopeFrame, TiltedGroundFrame

    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-4.0, 4.0, (2, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pointing = SkyCoord(alt=63.0 * u.deg, az=201.0 * u.deg, frame=AltAz())
        frame = TelescopeFrame(telescope_pointing=pointing)
        there = SkyCoord(fov_lon=lon * u.deg, fov_lat=lat * u.deg, frame=frame).transform_to(
            AltAz()
        )
        place = rng.normal(0.0, 200.0, (20, 3))
        ground = GroundFrame(*(place.T * u.m))
        tilted = ground.transform_to(TiltedGroundFrame(pointing_direction=pointing))
    alt, az = telescope_to_horizontal(lon, lat, 63.0, 201.0)
    assert alt == pytest.approx(there.alt.deg, abs=1e-10)
    assert az == pytest.approx(there.az.deg, abs=1e-10)
    ours = ground_to_tilted(place, 63.0, 201.0)
    assert ours == pytest.approx(tilted.cartesian.xyz.to_value("m").T, abs=1e-9)


def test_tilted_positions_meet_the_ground_along_the_direction():
    direction = sky_vectors(50.0, 120.0)
    ground = np.array([[30.0, -70.0, 0.0]])
    above = ground + 400.0 * direction
    x, y, _ = ground_to_tilted(above, 50.0, 120.0).T
    found = tilted_to_ground(x, y, 50.0, 120.0)
    assert np.column_stack(found) == pytest.approx(ground[:, :2], abs=1e-9)


def test_distances_from_an_axis():
    place = np.array([[100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [100.0, 0.0, 300.0]])
    vertical = axis_distance_m(np.zeros(3), np.zeros(3), np.full(3, 90.0), np.zeros(3), place)
    assert vertical == pytest.approx([100.0, 100.0, 100.0])
    # From the north at 30 deg: what lies to the north is at half its distance from the axis.
    tilted = axis_distance_m(np.zeros(3), np.zeros(3), np.full(3, 30.0), np.zeros(3), place)
    assert tilted[:2] == pytest.approx([50.0, 100.0])
    unknown = axis_distance_m(np.array([np.nan]), np.zeros(1), np.ones(1), np.ones(1), place[:1])
    assert np.isnan(unknown).all()


@pytest.mark.parametrize("pointing", [(70.0, 180.0), (90.0, 0.0), (40.0, 0.0)])
def test_image_axes_point_where_the_image_lies(pointing):
    """Against two points of the image, transformed one by one."""
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(-3.0, 3.0, (2, 30))
    psi = rng.uniform(-180.0, 180.0, 30)
    alt, az = (np.full(30, p) for p in pointing)
    centre, along = image_axes(lon, lat, psi, alt, az)
    step = 1e-5
    ends = [
        sky_vectors(
            *telescope_to_horizontal(
                lon + s * np.cos(np.radians(psi)), lat + s * np.sin(np.radians(psi)), alt, az
            )
        )
        for s in (-step, step)
    ]
    assert centre == pytest.approx(unit(ends[0] + ends[1]), abs=1e-12)
    assert along == pytest.approx(unit(ends[1] - ends[0]), abs=1e-6)
    assert np.sum(centre * along, axis=1) == pytest.approx(np.zeros(30), abs=1e-15)
    # planes hold both points; near the centre they are those of the axes
    for step, far in ((1e-3, 1e-4), (0.3, 1e-2)):
        normal = image_planes(lon, lat, psi, alt, az, np.full(30, step))
        second = sky_vectors(
            *telescope_to_horizontal(
                lon + step * np.cos(np.radians(psi)), lat + step * np.sin(np.radians(psi)), alt, az
            )
        )
        expected = np.cross(centre, second) / np.radians(step)
        assert normal == pytest.approx(expected, abs=1e-9)
        assert np.linalg.norm(normal, axis=1) == pytest.approx(np.ones(30), abs=5e-3)
        assert unit(normal) == pytest.approx(np.cross(centre, along), abs=far)
