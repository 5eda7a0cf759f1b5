"""Frames of telescopes: against ctapipe's coordinates and by hand."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, SkyCoord
from ctapipe.coordinates import CameraFrame, TelescopeFrame

from iactflow.errors import InputError
from iactflow.telescope import frames

POINTINGS = [(20.0, 0.0), (70.0, 180.0), (52.0, 137.0), (89.9, 300.0)]


def test_axes_at_the_zenith_and_the_horizon():
    # Reached from the north horizon, x is north and y west at the zenith.
    np.testing.assert_allclose(frames.ground_to_telescope(90.0, 0.0), np.eye(3), atol=1e-15)
    # At the east horizon: x down, y to the north, z to the east.
    np.testing.assert_allclose(
        frames.ground_to_telescope(0.0, 90.0), [[0, 0, -1], [1, 0, 0], [0, -1, 0]], atol=1e-15
    )


@pytest.mark.parametrize(("alt", "az"), POINTINGS)
def test_rotation_is_proper_and_maps_the_pointing_to_the_axis(alt, az):
    rotation = frames.ground_to_telescope(alt, az)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    np.testing.assert_allclose(
        rotation @ frames.sky_direction(alt, az), [0.0, 0.0, 1.0], atol=1e-15
    )


@pytest.mark.parametrize(("alt", "az"), POINTINGS[:3])
@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.0, 1.0), (-0.7, -1.3)])
def test_camera_position_agrees_with_ctapipe(alt, az, shift):
    source_alt, source_az = alt + shift[0], az + shift[1]
    x, y = frames.camera_position(source_alt, source_az, alt, az, 28.0)
    pointing = SkyCoord(alt=alt * u.deg, az=az * u.deg, frame=AltAz())
    source = SkyCoord(alt=source_alt * u.deg, az=source_az * u.deg, frame=AltAz())
    expected = source.transform_to(
        CameraFrame(focal_length=28.0 * u.m, telescope_pointing=pointing)
    )
    # ctapipe's plate scale is equidistant, ours gnomonic: 3e-4 apart at 1.5 deg.
    assert x == pytest.approx(expected.x.to_value(u.m), rel=5e-4, abs=1e-4)
    assert y == pytest.approx(expected.y.to_value(u.m), rel=5e-4, abs=1e-4)


@pytest.mark.parametrize(("alt", "az"), POINTINGS[:3])
def test_sky_offsets_agree_with_ctapipe(alt, az):
    pointing = SkyCoord(alt=alt * u.deg, az=az * u.deg, frame=AltAz())
    source = SkyCoord(alt=(alt + 0.4) * u.deg, az=(az - 0.9) * u.deg, frame=AltAz())
    expected = source.transform_to(TelescopeFrame(telescope_pointing=pointing))
    x, y = frames.camera_position(alt + 0.4, az - 0.9, alt, az, 16.0)
    longitude, latitude = frames.sky_offset_deg(x, y, 16.0)
    assert longitude == pytest.approx(expected.fov_lon.to_value(u.deg), abs=1e-9)
    assert latitude == pytest.approx(expected.fov_lat.to_value(u.deg), abs=1e-9)


def test_directions_out_of_range_are_refused():
    with pytest.raises(InputError, match="alt_deg"):
        frames.sky_direction(90.5, 0.0)
    with pytest.raises(InputError, match="separation"):
        frames.camera_position(1.0, 180.0, 1.0, 0.0, 1.0)
