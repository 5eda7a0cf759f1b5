"""Ray tracing: a slow twin, mirrors that can be written down, times, losses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optics_samples import PERFECT, WORDS, make_facets, perfect, random_state, ring_facets

from iactflow.instrument.description import Alignment, Cylinder
from iactflow.shower.photons import COS_X, COS_Y, TIME_NS, X_M, Y_M, empty_photons
from iactflow.telescope.frames import ground_to_telescope
from iactflow.telescope.optics import make_optics_table, pointing
from iactflow.telescope.raytrace import (
    ANGLE_DEG,
    FACET,
    HIT_TIME_NS,
    HIT_X_M,
    HIT_Y_M,
    LIGHT_M_PER_NS,
    empty_hits,
    trace_photons,
)

AT_REST = (np.eye(3), np.zeros(3))


def trace(table, photons, rotation=AT_REST[0], origin=AT_REST[1], number=0):
    """Hits and rows of photons."""
    hits, index = empty_hits(len(photons))
    n = trace_photons(photons, rotation, origin, table, random_state(number), hits, index)
    return hits[:n], index[:n]


def shower_of_photons(n, spread_m, spread_deg, seed=3):
    """Photons over a square, in directions around the vertical."""
    rng = np.random.default_rng(seed)
    photons = empty_photons(n)
    photons[:, [X_M, Y_M]] = rng.uniform(-spread_m, spread_m, (n, 2))
    photons[:, [COS_X, COS_Y]] = np.radians(spread_deg) * rng.uniform(-1, 1, (n, 2))
    photons[:, TIME_NS] = rng.uniform(0, 50, n)
    return photons


def _inside(shape, half, u, v):
    normals = {0: [], 1: [0, 60, 120], 2: [0, 90], 3: [30, 90, 150]}[shape]
    if shape == 0:
        return np.hypot(u, v) <= half
    return all(abs(u * np.cos(a) + v * np.sin(a)) <= half for a in np.radians(normals))


def _blocked(table, point, direction, s_min, s_max):
    """Any mast, by the distance of many points on the ray from the mast's axis."""
    points = point + np.linspace(s_min, s_max, 4001)[:, None] * direction
    for mast in table.mast:
        along = np.clip((points - mast[:3]) @ mast[3:6], 0.0, mast[6])
        distance = np.linalg.norm(points - mast[:3] - along[:, None] * mast[3:6], axis=1).min()
        if distance < mast[7]:
            return True
    return False


def _in_body(table, point, direction):
    body = table.body
    for z in np.linspace(body.plane_m, body.plane_m + body.depth_m, 200):
        at = point + (z - point[2]) / direction[2] * direction
        if _inside(body.shape, body.half_width_m, at[0], at[1]):
            return True
    return False


def twin(table, photon):
    """Path of one photon without scatter, by trying every facet and every mast."""
    photon = photon.astype(np.float64)
    down = -np.sqrt(1.0 - photon[COS_X] ** 2 - photon[COS_Y] ** 2)
    direction = np.array([photon[COS_X], photon[COS_Y], down])
    point = np.array([photon[X_M], photon[Y_M], 0.0])
    for i, facet in enumerate(table.facet):
        vertex, normal, u, radius, half = facet[:3], facet[3:6], facet[6:9], facet[9], facet[10]
        middle = vertex + radius * normal
        w = point - middle
        root = np.roots([1.0, 2.0 * w @ direction, w @ w - radius**2])
        if np.iscomplexobj(root):
            continue
        s = root.max()
        q = point + s * direction
        if not _inside(
            table.facet_shape[i], half, (q - vertex) @ u, (q - vertex) @ np.cross(normal, u)
        ):
            continue
        if _in_body(table, point, direction) or _blocked(table, point, direction, s - 25.0, s):
            return None
        n = (middle - q) / radius
        r = direction - 2.0 * (direction @ n) * n
        t = (table.body.plane_m - q[2]) / r[2]
        if _blocked(table, q, r, 0.0, t):
            return None
        hit = q + t * r
        time = photon[TIME_NS] + (s + t) / LIGHT_M_PER_NS
        return [hit[0], hit[1], time, np.degrees(np.arccos(r[2])), i]
    return None


def busy_reflector(shape, outline):
    """A few misaligned facets, a body and masts."""
    x, y = np.meshgrid([-2.4, -1.2, 0.0, 1.2, 2.4], [-1.2, 0.0, 1.2])
    corners = [(3.0, 2.0), (-3.0, 2.0), (3.0, -2.0), (-3.0, -2.0)]
    masts = tuple(Cylinder((a, b, 0.2), (0.2 * a, 0.2 * b, 9.9), 0.2) for a, b in corners)
    return perfect(
        make_facets(x.ravel(), y.ravel(), 1.1, shape=outline),
        shape=shape,
        focal_length_m=10.0,
        dish_shape_length_m=12.0 if shape == "modified_davies_cotton" else 10.0,
        focus_offset_m=0.02,
        align_vertical=Alignment(0.05),
        align_horizontal=Alignment(0.1),
        align_distance_m=0.01,
        camera_body_diameter_m=0.8,
        camera_body_shape=outline,
        camera_depth_m=1.0,
        masts=(*masts, Cylinder((-2.0, 0.3, 5.0), (2.0, -0.3, 5.0), 0.3)),
    )


@pytest.mark.parametrize(
    ("shape", "outline"),
    [("davies_cotton", 0), ("modified_davies_cotton", 1), ("parabolic", 2), ("davies_cotton", 3)],
)
def test_against_the_twin(shape, outline):
    table = make_optics_table(busy_reflector(shape, outline), 20.0, WORDS)
    photons = shower_of_photons(700, 2.9, 5.0)
    hits, index = trace(table, photons)
    expected = [twin(table, photon) for photon in photons]
    found = [None] * len(photons)
    for row, hit in zip(index, hits, strict=True):
        found[row] = hit
    differ = [(a is None) != (b is None) for a, b in zip(found, expected, strict=True)]
    # Points along a ray can miss the mere edge of a mast.
    assert sum(differ) <= 1
    assert 150 < len(hits) < 550
    both = [(a, b) for a, b in zip(found, expected, strict=True) if a is not None and b is not None]
    for a, b in both:
        assert a == pytest.approx(b, abs=1e-6)


def test_wide_light_is_traced_against_all_masts():
    optics = busy_reflector("davies_cotton", 0)
    table = make_optics_table(optics, 20.0, WORDS)
    photons = shower_of_photons(500, 2.9, 13.0)
    hits, index = trace(table, photons)
    found = set(index)
    differ = [(row in found) != (twin(table, p) is not None) for row, p in enumerate(photons)]
    assert sum(differ) <= 1
    assert len(hits) > 50


def test_light_far_from_the_axis_is_not_traced():
    photons = shower_of_photons(100, 0.2, 0.0)
    photons[:, COS_X] = np.sin(np.radians(21.0))
    hits, _ = trace(make_optics_table(PERFECT, 0.0, WORDS), photons)
    assert len(hits) == 0


def test_spherical_mirror():
    table = make_optics_table(PERFECT, 0.0, WORDS)
    photons = empty_photons(5)
    h = np.array([0.0, 0.05, 0.1, 0.2, 0.29])
    photons[:, X_M] = h
    hits, _ = trace(table, photons)
    # A ray at height h meets the sphere at the angle a, sin(a) = h / R, and crosses the axis
    # R - R / (2 cos(a)) above the vertex.
    a = np.arcsin(np.float32(h).astype(float) / 30.0)
    crossing = 30.0 - 15.0 / np.cos(a)
    expected = np.tan(2.0 * a) * (crossing - 15.0)
    assert hits[:, HIT_X_M] == pytest.approx(expected, abs=1e-9)
    assert hits[:, HIT_Y_M] == pytest.approx(np.zeros(5), abs=1e-12)
    assert hits[:, ANGLE_DEG] == pytest.approx(np.degrees(2.0 * a), abs=1e-6)


@pytest.mark.parametrize("shape", ["davies_cotton", "parabolic"])
def test_path_lengths(shape):
    facets = ring_facets(6.0, 20, 0.02)
    table = make_optics_table(perfect(facets, shape=shape), 0.0, WORDS)
    photons = empty_photons(len(facets.x_m))
    photons[:, X_M], photons[:, Y_M] = facets.x_m, facets.y_m
    hits, _ = trace(table, photons)
    assert len(hits) == len(photons)
    path = LIGHT_M_PER_NS * hits[:, HIT_TIME_NS]
    r = np.hypot(facets.x_m, facets.y_m)
    if shape == "parabolic":
        # From the plane of the vertex up to the dish and on to the focus: isochronous.
        assert path == pytest.approx(np.full(len(r), 15.0), abs=1e-5)
    else:
        # All facets are as far from the focus; the front meets the outer ones earlier.
        assert path == pytest.approx(np.sqrt(15.0**2 - r**2), abs=1e-5)


def test_two_telescopes_see_the_same_where_they_point():
    optics = replace(busy_reflector("davies_cotton", 0), mirror_offset_m=1.3)
    table = make_optics_table(optics, 20.0, WORDS)
    rotation, origin = pointing(optics, 50.0, 130.0)
    assert rotation == pytest.approx(ground_to_telescope(50.0, 130.0))
    assert origin == pytest.approx(-1.3 * rotation[2])
    photons = shower_of_photons(3000, 2.5, 2.0)
    hits, index = trace(table, photons)
    # The same light seen from the ground, where it crosses the horizontal plane of the sphere.
    down = -np.sqrt(1.0 - photons[:, COS_X].astype(float) ** 2 - photons[:, COS_Y] ** 2)
    local = np.column_stack([photons[:, COS_X], photons[:, COS_Y], down]).astype(float)
    direction = local @ rotation
    start = np.column_stack([photons[:, X_M], photons[:, Y_M], 0.0 * down]).astype(float)
    start = start @ rotation + origin
    s = -start[:, 2] / direction[:, 2]
    start += s[:, None] * direction
    turned = photons.copy()
    turned[:, [X_M, Y_M]], turned[:, [COS_X, COS_Y]] = start[:, :2], direction[:, :2]
    turned[:, TIME_NS] = photons[:, TIME_NS] + s / LIGHT_M_PER_NS
    again, again_index = trace(table, turned, rotation, origin)
    common, a, b = np.intersect1d(index, again_index, return_indices=True)
    assert len(common) > 0.99 * len(index) > 500
    for column in (HIT_X_M, HIT_Y_M, HIT_TIME_NS, ANGLE_DEG):
        # Photons travel in single precision.
        assert hits[a, column] == pytest.approx(again[b, column], abs=3e-5)
    assert np.array_equal(hits[a, FACET], again[b, FACET])


@pytest.mark.parametrize("fraction_2", [0.0, 0.3])
def test_scatter(fraction_2):
    optics = perfect(
        make_facets([0.0], [0.0], 0.02),
        reflection_sigma_deg=0.01,
        reflection_fraction_2=fraction_2,
        reflection_sigma_2_deg=0.04,
    )
    photons = empty_photons(40000)
    hits, _ = trace(make_optics_table(optics, 0.0, WORDS), photons)
    angles = np.degrees(np.arctan(hits[:, [HIT_X_M, HIT_Y_M]] / 15.0))
    variance = (1.0 - fraction_2) * 0.01**2 + fraction_2 * 0.04**2
    fourth = 3.0 * ((1.0 - fraction_2) * 0.01**4 + fraction_2 * 0.04**4)
    error = np.sqrt((fourth - variance**2) / len(hits))
    assert np.mean(angles**2, axis=0) == pytest.approx([variance] * 2, abs=4.5 * error)
    assert abs(np.mean(angles[:, 0] * angles[:, 1])) < 4.5 * variance / np.sqrt(len(hits))
    # Each projection chooses its component on its own: squares are not correlated.
    squares = np.mean(angles[:, 0] ** 2 * angles[:, 1] ** 2)
    assert squares == pytest.approx(variance**2, abs=4.5 * fourth / np.sqrt(len(hits)))


def test_losses_by_chance():
    optics = perfect(
        make_facets([0.0], [0.0], 0.5),
        transmission=(0.9, 0.0, 0.0, 0.0, 0.0),
        masts=(Cylinder((-3.0, 0.0, 5.0), (3.0, 0.0, 5.0), 2.0, 0.4),),
    )
    n = 40000
    hits, _ = trace(make_optics_table(optics, 0.0, WORDS), empty_photons(n))
    # Light meets the net twice.
    assert len(hits) / n == pytest.approx(0.9 * 0.4**2, abs=4.0 * np.sqrt(0.144 * 0.856 / n))


def test_gaps_lose_light():
    table = make_optics_table(perfect(make_facets([0.0, 1.0], [0.0, 0.0], 0.8)), 0.0, WORDS)
    photons = empty_photons(4)
    photons[:, X_M] = [0.39, 0.5, 0.61, 1.5]
    _, index = trace(table, photons)
    assert list(index) == [0, 2]


def test_same_stream_same_hits():
    table = make_optics_table(
        replace(busy_reflector("parabolic", 1), reflection_sigma_deg=0.01), 0.0, WORDS
    )
    photons = shower_of_photons(300, 2.5, 2.0)
    first, again, other = (trace(table, photons, number=k)[0] for k in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:, HIT_X_M], other[:, HIT_X_M])
