"""Throughput of a telescope from the rings of muons.

A muon that hits a dish of radius R gives, per azimuth phi of its ring of angle theta,
``dN/dphi = epsilon (alpha / 2) (1 / lambda_1 - 1 / lambda_2) sin(2 theta) D(phi)`` photoelectrons
(Vacanti et al., Astropart. Phys. 2 (1994) 1, equations 5 to 8), D the chord of the dish from the
point of impact in that direction, less that of the camera's shadow: the light comes from the air
before the telescope, and its amount is known. epsilon is the probability that a photon of the band
that reaches the dish makes a photoelectron, with an even spectrum of photons per 1 / wavelength.
Light of the ring is spread around the circle with a Gaussian and integrated over the pixels, whose
charges have the variance F^2 mean + noise^2. The quasi-likelihood of that variance (Wedderburn,
Biometrika 61 (1974) 439: Poisson's, for charges shifted by noise^2 / F^2) is maximised by damped
Fisher scoring, with derivatives from differences wide against the points of a pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.calibration.muon_light import BAND_NM, band_light
from iactflow.calibration.rings import Rings
from iactflow.errors import InputError
from iactflow.io.subarray import TelescopeType

__all__ = [
    "MuonFit",
    "MuonSettings",
    "fit_muon",
    "good_rings",
    "pixel_points",
    "ring_image",
]

POINTS = 4
# Efficiency, impact (two components), centre (two), radius, width in degrees: steps of the
# derivatives (the efficiency's is plain), lower and upper limits.
STEPS, WIDTH = (0.02, 0.02, 0.004, 0.004, 0.004, 0.003), 6
LOWEST = np.array([1e-6, -2.0, -2.0, -np.inf, -np.inf, 0.2, 0.01])
HIGHEST = np.array([10.0, 2.0, 2.0, np.inf, np.inf, np.inf, 0.3])
MAX_ROUNDS, SMALL = 60, 0.02


class MuonSettings(NamedTuple):
    """How rings are chosen and fitted.

    Attributes
    ----------
    radius_min_deg, radius_max_deg : float
        Rings; below the lower limit muons lose their light on the way.
    min_completeness : float
        Least part of the azimuth with light.
    edge_deg : float
        Distance of the ring from the edge of the camera.
    max_impact : float
        Largest distance of the point of impact over the radius of the dish.
    annulus_deg : float
        Pixels this far from the circle are fitted.
    mirror_radius_m, shadow_radius_m : float
        Dish of the mirrors' area; its part that the camera shades.
    excess_noise : float
        F^2 of photoelectrons.
    """

    radius_min_deg: float = 0.8
    radius_max_deg: float = 1.4
    min_completeness: float = 0.7
    edge_deg: float = 0.1
    max_impact: float = 0.9
    annulus_deg: float = 0.35
    mirror_radius_m: float = 5.84
    shadow_radius_m: float = 0.0
    excess_noise: float = 1.2


class MuonFit(NamedTuple):
    """A fitted ring.

    Attributes
    ----------
    efficiency, efficiency_error : float
        Photoelectrons per photon of `BAND_NM` on the dish, standard error.
    impact, impact_azimuth_deg : float
        Point of impact: distance over the radius of the dish, azimuth in the camera from longitude
        to latitude towards which the ring is brightest.
    lon_deg, lat_deg, radius_deg, width_deg : float
        Circle and standard deviation around it.
    chi2, n_free : float, int
        Squared residuals over variances; pixels less parameters.
    is_valid : bool
        Whether the fit converged inside of all limits.
    """

    efficiency: float
    efficiency_error: float
    impact: float
    impact_azimuth_deg: float
    lon_deg: float
    lat_deg: float
    radius_deg: float
    width_deg: float
    chi2: float
    n_free: int
    is_valid: bool


def pixel_points(kind: TelescopeType) -> tuple[np.ndarray, float]:
    """Points spread evenly over a pixel.

    Parameters
    ----------
    kind : TelescopeType
        Telescope; its pixels are alike.

    Returns
    -------
    offsets_deg : ndarray of float64, shape (n_points, 2)
        Longitude and latitude from the centre of the pixel.
    area_deg2 : float
        Solid angle of a pixel.
    """
    camera = kind.camera
    scale = np.degrees(1.0 / kind.focal_length_m)
    area = float(np.median(camera.pixel_area_m2)) * scale**2
    corners = {"hexagon": 6, "square": 4}.get(camera.pixel_shape, 24)
    # Circumscribed radius of a polygon of this area; 24 corners are next to a circle.
    angle = 2.0 * np.pi / corners
    radius = np.sqrt(2.0 * area / (corners * np.sin(angle)))
    line = (np.arange(2 * POINTS) + 0.5) / POINTS - 1.0
    x, y = (radius * part.ravel() for part in np.meshgrid(line, line))
    # Rotation 0: hexagons have a corner towards x, squares a side.
    corner = np.radians(camera.pixel_rotation_deg) + (0.5 * angle if corners == 4 else 0.0)
    sector = np.mod(np.arctan2(y, x) - corner, angle) - 0.5 * angle
    inside = np.hypot(x, y) * np.cos(sector) <= radius * np.cos(0.5 * angle)
    x, y = x[inside], y[inside]
    # Few points hardly meet the outline: their rms distance is made the polygon's.
    square = area * (3.0 + np.tan(0.5 * angle) ** 2) / (6.0 * corners * np.tan(0.5 * angle))
    scale = np.sqrt(square / np.mean(x**2 + y**2))
    # Camera x is latitude, y longitude.
    return np.ascontiguousarray(scale * np.stack([y, x], axis=1)), area


@jit_leaf
def _chord(impact, cosine):
    """Chord of a circle of radius 1 from a point at a distance, in a direction from it."""
    below = 1.0 - impact * impact * max(1.0 - cosine * cosine, 0.0)
    if below <= 0.0:
        return 0.0
    root = np.sqrt(below)
    if impact <= 1.0:
        return root + impact * cosine
    return 2.0 * root if cosine > 0.0 else 0.0


@jit
def ring_image(lon_deg, lat_deg, offsets_deg, area_deg2, ring, strength, dish_m):
    """Photoelectrons that a muon leaves in pixels.

    Parameters
    ----------
    lon_deg, lat_deg : ndarray of float64, shape (n_pixels,)
        Pixels.
    offsets_deg : ndarray of float64, shape (n_points, 2)
        Points of a pixel, see `pixel_points`.
    area_deg2 : float
        Solid angle of a pixel.
    ring : ndarray of float64, shape (7,)
        Efficiency; components of the point of impact over the radius of the dish along longitude
        and latitude, pointing to where the ring is brightest; longitude and latitude of the
        centre, radius, width in degrees.
    strength : float
        `band_light`.
    dish_m : tuple of two float
        Radius of the dish, of the shadow inside of it.

    Returns
    -------
    ndarray of float64, shape (n_pixels,)
        Mean photoelectrons.
    """
    efficiency, along, across, x0, y0, radius, width = ring
    impact = np.sqrt(along * along + across * across)
    toward_x, toward_y = (along / impact, across / impact) if impact > 0.0 else (1.0, 0.0)
    light = efficiency * strength * np.sin(2.0 * np.radians(radius)) * dish_m[0]
    shadow = dish_m[1] / dish_m[0]
    norm = light * area_deg2 / (len(offsets_deg) * np.sqrt(2.0 * np.pi) * width)
    image = np.zeros(lon_deg.size)
    for i in range(lon_deg.size):
        total = 0.0
        for k in range(len(offsets_deg)):
            x = lon_deg[i] + offsets_deg[k, 0] - x0
            y = lat_deg[i] + offsets_deg[k, 1] - y0
            r = np.sqrt(x * x + y * y)
            away = (r - radius) / width
            if abs(away) > 5.0 or r == 0.0:
                continue
            cosine = (x * toward_x + y * toward_y) / r
            chord = _chord(impact, cosine)
            if shadow > 0.0:
                chord -= shadow * _chord(impact / shadow, cosine)
            total += np.exp(-0.5 * away * away) * chord / r
        image[i] = norm * total
    return image


def _statistic(charge, noise_squared, excess_noise, image):
    """-2 ln of the quasi-likelihood but for a constant."""
    shift = noise_squared / excess_noise
    terms = (charge + shift) * np.log(image + shift) - image
    return -2.0 * float(np.sum(terms)) / excess_noise


def good_rings(rings: Rings, kind: TelescopeType, settings: MuonSettings) -> np.ndarray:
    """Choose rings that a throughput can be taken from.

    Parameters
    ----------
    rings : Rings
        Circles.
    kind : TelescopeType
        Telescope.
    settings : MuonSettings
        Limits.

    Returns
    -------
    ndarray of bool, shape (n,)
        Rings of the right radius, complete enough and wholly inside the camera.
    """
    edge = np.hypot(kind.pixel_lon_deg, kind.pixel_lat_deg).max() - settings.edge_deg
    outermost = np.hypot(rings.lon_deg, rings.lat_deg) + rings.radius_deg
    good = (rings.radius_deg > settings.radius_min_deg) & (
        rings.radius_deg < settings.radius_max_deg
    )
    return good & (outermost < edge) & (rings.completeness >= settings.min_completeness)


def fit_muon(
    image_pe: np.ndarray,
    noise_pe: np.ndarray,
    ring: tuple[float, float, float],
    kind: TelescopeType,
    settings: MuonSettings,
) -> MuonFit:
    """Fit the light of a ring.

    Parameters
    ----------
    image_pe : ndarray of float, shape (n_pixels,)
        Image, not cleaned; of the light of the night sky, and of all else that is always there,
        the mean is 0. Not a number in pixels that cannot be used.
    noise_pe : ndarray of float64, shape (n_pixels,)
        Standard deviation of charges without a muon.
    ring : tuple of three float
        Longitude, latitude and radius of its circle, in degrees.
    kind : TelescopeType
        Telescope.
    settings : MuonSettings
        Settings.

    Returns
    -------
    MuonFit
        Efficiency, impact and shape of the ring.

    Raises
    ------
    InputError
        If the circle is none, or no usable pixel lies near it.
    """
    if not (np.all(np.isfinite(ring)) and ring[2] > 0.0):
        raise InputError("muons", "ring", tuple(ring), "a centre and a radius above 0")
    lon, lat = kind.pixel_lon_deg, kind.pixel_lat_deg
    away = np.abs(np.hypot(lon - ring[0], lat - ring[1]) - ring[2])
    near = (away < settings.annulus_deg) & np.isfinite(image_pe)
    if near.sum() < 20:
        raise InputError("muons", "pixels near the ring", int(near.sum()), "at least 20")
    charge = image_pe[near].astype(np.float64)
    noise_squared = noise_pe[near].astype(np.float64) ** 2
    points, area = pixel_points(kind)
    strength = band_light(BAND_NM)
    dish = (float(settings.mirror_radius_m), float(settings.shadow_radius_m))
    lon, lat = lon[near], lat[near]

    def expected(parameters):
        return ring_image(lon, lat, points, area, parameters, strength, dish)

    start = np.array([1.0, *_impact(charge, lon - ring[0], lat - ring[1]), *ring, 0.05])
    start[0] = max(charge.sum() / expected(start).sum(), 1e-4)
    data = charge, noise_squared, float(settings.excess_noise)
    value, error, converged = _maximise(expected, data, start)
    image = expected(value)
    chi2 = np.sum((charge - image) ** 2 / (noise_squared + settings.excess_noise * image))
    impact = float(np.hypot(value[1], value[2]))
    return MuonFit(
        float(value[0]), float(error[0]), impact,
        float(np.degrees(np.arctan2(value[2], value[1]))), *map(float, value[3:]),
        float(chi2), charge.size - len(value), bool(converged and impact < settings.max_impact),
    )  # fmt: skip


def _information(expected, data, value):
    """Gradient of the quasi-likelihood by the parameters and its information."""
    charge, noise_squared, excess_noise = data
    image = expected(value)
    variance = noise_squared + excess_noise * image
    slopes = np.empty((value.size, charge.size))
    slopes[0] = image / value[0]
    for i, step in enumerate(STEPS, 1):
        away = np.zeros(value.size)
        away[i] = min(step, 0.5 * value[i]) if i == WIDTH else step
        slopes[i] = (expected(value + away) - expected(value - away)) / (2.0 * away[i])
    return slopes @ ((charge - image) / variance), (slopes / variance) @ slopes.T


def _maximise(expected, data, value):
    """Fisher scoring (Levenberg's damping): parameters, standard errors, whether it converged."""
    best = _statistic(*data, expected(value))
    damping, converged = 1e-2, False
    gradient, information = _information(expected, data, value)
    for _ in range(MAX_ROUNDS):
        scale = np.diag(np.diag(information))
        step = np.linalg.solve(information + damping * scale, gradient)
        trial = np.clip(value + step, LOWEST, HIGHEST)
        new = _statistic(*data, expected(trial))
        small = np.all(np.abs(step) * np.sqrt(np.diag(scale)) < SMALL)
        if new <= best:
            value, best = trial, new
            damping *= 0.2
            gradient, information = _information(expected, data, value)
        else:
            damping *= 8.0
        if small:
            converged = True
            break
    inside = np.all((value > LOWEST) & (value < HIGHEST))
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    return value, error, bool(converged and inside)


def _impact(charge, x, y):
    """First guess of the point of impact: the ring is brighter on one side."""
    total = max(charge.sum(), 1.0)
    r = np.hypot(x, y)
    guess = np.array([np.sum(charge * x / r), np.sum(charge * y / r)]) / total
    # A chord's first harmonic is about half of the impact's part.
    guess = 2.0 * guess
    return guess * min(1.0, 0.8 / max(np.hypot(*guess), 1e-9))
