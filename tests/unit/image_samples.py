"""Cameras and images for the tests of cleaning and parameters, for us and for ctapipe."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from camera_samples import hexagonal_pixels, square_pixels
from ctapipe.coordinates import CameraFrame, TelescopeFrame
from ctapipe.instrument import CameraGeometry

from iactflow.io.subarray import Camera, TelescopeType

FOCAL_M = 15.0


def telescope_type(shape="hexagon", n_pixels=469, diameter_m=0.049, rotation_deg=10.9):
    """A telescope with a camera of hexagonal or square pixels."""
    if shape == "square":
        pixels = square_pixels(round(np.sqrt(n_pixels)), 0.05, diameter_m)
        area, rotation_deg = pixels.diameter_m**2, 0.0
    else:
        pixels = hexagonal_pixels(n_pixels, 0.05, diameter_m, rotation_deg)
        area = pixels.diameter_m**2 * np.sqrt(3.0) / 2.0
    n_pixels = len(pixels.x_m)
    camera = Camera(
        "camera", pixels.x_m, pixels.y_m, np.full(n_pixels, area), shape, rotation_deg, 1, 1,
        np.nan, np.zeros((1, 0)), np.nan,
    )  # fmt: skip
    return TelescopeType("telescope", camera, FOCAL_M, FOCAL_M, 100.0)


def geometry_of(kind):
    """The same camera for ctapipe: in the plane of the camera, and in the telescope frame."""
    camera = kind.camera
    frame = CameraFrame(focal_length=kind.focal_length_m * u.m)
    geometry = CameraGeometry(
        "camera", np.arange(camera.n_pixels), camera.pixel_x_m * u.m, camera.pixel_y_m * u.m,
        camera.pixel_area_m2 * u.m**2, camera.pixel_shape, frame=frame,
    )  # fmt: skip
    return geometry, geometry.transform_to(TelescopeFrame())


def shower_images(kind, n, seed=1, noise_pe=2.0):
    """Ellipses of light with a gradient of times, in noise: charges and times, float32."""
    random = np.random.default_rng(seed)
    lon, lat = kind.pixel_lon_deg, kind.pixel_lat_deg
    reach = np.hypot(lon, lat).max()
    image = np.empty((n, len(lon)), dtype=np.float32)
    time = np.empty_like(image)
    for row in range(n):
        centre = random.uniform(-0.8 * reach, 0.8 * reach, 2)
        psi = random.uniform(-np.pi, np.pi)
        length, width = random.uniform(0.2, 0.6), random.uniform(0.05, 0.2)
        a = (lon - centre[0]) * np.cos(psi) + (lat - centre[1]) * np.sin(psi)
        b = (lat - centre[1]) * np.cos(psi) - (lon - centre[0]) * np.sin(psi)
        light = np.exp(-0.5 * ((a / length) ** 2 + (b / width) ** 2))
        light *= 10.0 ** random.uniform(1.5, 4.0) / light.sum()
        image[row] = random.poisson(light) + random.normal(0.0, noise_pe, len(lon))
        time[row] = 20.0 + random.normal(0.0, 5.0) * a + random.normal(0.0, 1.0, len(lon))
    return image, time
