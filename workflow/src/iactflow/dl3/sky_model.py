"""Draws from injected sources: times of photons, and their true directions.

Shapes are symmetric about the position of the source.
"""

from __future__ import annotations

import numpy as np

from iactflow.campaign.mock_truth import factor_integral_s

__all__ = [
    "draw_directions_deg",
    "draw_distance_deg",
    "draw_times_s",
    "source_radius_deg",
    "to_sky_deg",
]

# Halvings of an interval until a double has no digits left.
_BISECTIONS = 60


def draw_times_s(source: dict, start_s: float, stop_s: float, n: int, random):
    """Draw times of photons inside a run.

    Parameters
    ----------
    source : dict
        Block ``mock.source`` of the campaign.
    start_s, stop_s : float
        The run, s since the start of the first.
    n : int
        Number of photons.
    random : numpy.random.Generator
        Random stream; one number per photon.

    Returns
    -------
    ndarray of shape (n,)
        Times since the start of the run, s.
    """
    if source["periodic"] is None:
        flare_s = source["flare_start_s"], source["flare_start_s"] + source["flare_duration_s"]
        begin_s, end_s = (np.clip(t - start_s, 0.0, stop_s - start_s) for t in flare_s)
        knots_s = np.array([0.0, begin_s, end_s, stop_s - start_s])
        factors = np.array([1.0, source["flare_factor"], 1.0])
        weighted_s = np.append(0.0, np.cumsum(factors * np.diff(knots_s)))
        return np.interp(random.uniform(0.0, weighted_s[-1], n), weighted_s, knots_s)
    first, last = factor_integral_s(source, np.array([start_s, stop_s]))
    wanted = random.uniform(first, last, n)
    low, high = np.full(n, float(start_s)), np.full(n, float(stop_s))
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        below = factor_integral_s(source, middle) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high) - start_s


def draw_distance_deg(extension: dict | None, n: int, random):
    """Draw distances of true directions from the position of a source.

    Parameters
    ----------
    extension : dict or None
        Block ``extension`` of the source; None: a point.
    n : int
        Number of directions.
    random : numpy.random.Generator
        Random stream.

    Returns
    -------
    ndarray of shape (n,)
        Distances, deg. Gaussian: ``exp(-(1 - cos d) / (2 (1 - cos sigma)))`` per solid angle, the
        form of gammapy; disk: uniform per solid angle; shell: uniform in the volume between two
        spheres, projected.
    """
    if extension is None:
        return np.zeros(n)
    if extension["shape"] == "gaussian":
        scale = 2.0 * _versine(extension["sigma_deg"])
        # The far side of the sphere, which no width that is allowed ever reaches, is cut off.
        versine = np.minimum(random.exponential(scale, n), 2.0)
        return _from_versine(versine)
    radius_deg = extension["radius_deg"]
    if extension["shape"] == "disk":
        return _from_versine(random.uniform(0.0, _versine(radius_deg), n))
    inner_deg = radius_deg - extension["width_deg"]
    depth, cosine = random.uniform(size=n), random.uniform(-1.0, 1.0, n)
    in_space_deg = np.cbrt(inner_deg**3 + depth * (radius_deg**3 - inner_deg**3))
    return in_space_deg * np.sqrt(1.0 - cosine**2)


def source_radius_deg(extension: dict | None) -> float:
    """Radius that holds a source; of a gaussian 99.97 % of it.

    Parameters
    ----------
    extension : dict or None
        Block ``extension`` of the source; None: a point.

    Returns
    -------
    float
        Radius, deg.
    """
    if extension is None:
        return 0.0
    if extension["shape"] == "gaussian":
        return 4.0 * extension["sigma_deg"]
    return extension["radius_deg"]


def draw_directions_deg(distance_deg, ra_deg, dec_deg, random):
    """Draw directions at given distances from others, to any side.

    Parameters
    ----------
    distance_deg : ndarray of shape (n,)
        Distances, deg.
    ra_deg, dec_deg : float or ndarray of shape (n,)
        Directions that they are distant from, deg.
    random : numpy.random.Generator
        Random stream; one number per direction.

    Returns
    -------
    tuple of ndarray of shape (n,)
        Right ascension in [0, 360) and declination, deg.
    """
    angle = random.uniform(0.0, 2.0 * np.pi, len(distance_deg))
    distance = np.deg2rad(distance_deg)
    y_deg = np.rad2deg(np.arcsin(np.sin(distance) * np.sin(angle)))
    x_deg = np.rad2deg(np.arctan2(np.sin(distance) * np.cos(angle), np.cos(distance)))
    return to_sky_deg(x_deg, y_deg, ra_deg, dec_deg)


def to_sky_deg(x_deg, y_deg, ra_deg, dec_deg):
    """Directions on the sky from longitude and latitude about a centre, axes along RA and Dec.

    Parameters
    ----------
    x_deg, y_deg : ndarray of shape (n,)
        Longitude (towards increasing right ascension) and latitude about the centre, deg.
    ra_deg, dec_deg : float or ndarray of shape (n,)
        The centre, deg.

    Returns
    -------
    tuple of ndarray of shape (n,)
        Right ascension in [0, 360) and declination, deg.
    """
    x, y, dec = np.deg2rad(x_deg), np.deg2rad(y_deg), np.deg2rad(dec_deg)
    ahead, east, north = np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)
    out = np.cos(dec) * ahead - np.sin(dec) * north
    up = np.sin(dec) * ahead + np.cos(dec) * north
    longitude_deg = np.rad2deg(np.arctan2(east, out)) + ra_deg
    return longitude_deg % 360.0, np.rad2deg(np.arctan2(up, np.hypot(out, east)))


def _versine(angle_deg):
    """One minus the cosine, without loss of digits at small angles."""
    return 2.0 * np.sin(0.5 * np.deg2rad(angle_deg)) ** 2


def _from_versine(versine):
    return np.rad2deg(2.0 * np.arcsin(np.sqrt(0.5 * versine)))
