"""Cleaning of images: ctapipe's masks, a slow twin, cases that can be told by eye."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ctapipe.image.cleaning import (
    apply_time_delta_cleaning,
    dilate,
    mars_cleaning_1st_pass,
    tailcuts_clean,
    time_constrained_clean,
)
from ctapipe.image.morphology import brightest_island, largest_island, number_of_islands
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from image_samples import geometry_of, shower_images, telescope_type

from iactflow.errors import InputError
from iactflow.imaging.clean import CleaningSettings, clean_images, cleaning_of_type
from iactflow.instrument.neighbours import camera_neighbours

KINDS = {"hexagon": telescope_type(), "square": telescope_type("square", 400)}
SMALL = telescope_type(n_pixels=37)
GEOMETRIES = {name: geometry_of(kind)[0] for name, kind in KINDS.items()}


def _clean(image, time, kind, **keys):
    image, time = (np.atleast_2d(np.asarray(a, dtype=np.float32)) for a in (image, time))
    neighbours = camera_neighbours(kind.camera)
    return clean_images(image, time, neighbours, CleaningSettings(**keys))


def _of_ctapipe(geometry, image, time, s):
    """Mask of ctapipe's functions, put together as the settings say."""
    levels = (s.picture_threshold_pe, s.boundary_threshold_pe)
    if s.method == "time_constrained":
        limits = (s.time_limit_core_ns, s.time_limit_boundary_ns)
        mask = time_constrained_clean(
            geometry, image, time, *levels, *limits, s.min_picture_neighbors
        )
    else:
        method = {"tailcuts": tailcuts_clean, "mars": mars_cleaning_1st_pass}[s.method]
        isolated = s.keep_isolated_pixels
        mask = method(geometry, image, *levels, isolated, s.min_picture_neighbors)
    if s.time_limit_ns is not None:
        args = (s.time_num_neighbors, s.time_limit_ns)
        mask = apply_time_delta_cleaning(geometry, mask, time, *args)
    n_islands, labels = number_of_islands(geometry, mask)
    if s.islands == "largest":
        mask = largest_island(labels)
    elif s.islands == "brightest":
        mask = brightest_island(n_islands, labels, image)
    for _ in range(s.dilations):
        mask = dilate(geometry, mask)
    return mask


CASES = [
    {"method": method, "keep_isolated_pixels": isolated, "min_picture_neighbors": least}
    for method, isolated, least in itertools.product(
        ("tailcuts", "mars", "time_constrained"), (False, True), (0, 1, 2, 3)
    )
] + [
    {"time_limit_ns": 2.0},
    {"time_limit_ns": 1.5, "time_num_neighbors": 2, "method": "mars"},
    {"islands": "largest"},
    {"islands": "brightest", "method": "mars"},
    {"dilations": 1},
    {"dilations": 2, "islands": "largest", "time_limit_ns": 3.0},
    {"method": "time_constrained", "time_limit_core_ns": 1.0, "time_limit_boundary_ns": 4.0},
]


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("keys", CASES, ids=str)
def test_masks_of_ctapipe(shape, keys):
    image, time = shower_images(KINDS[shape], 30)
    # levels that are no float32, at charges that are exactly on them
    s = CleaningSettings(picture_threshold_pe=7.1, boundary_threshold_pe=3.3, **keys)
    image[:, ::7] = np.float32(7.1)
    image[:, 3::11] = np.float32(3.3)
    ours = clean_images(image, time, camera_neighbours(KINDS[shape].camera), s)
    theirs = [_of_ctapipe(GEOMETRIES[shape], i, t, s) for i, t in zip(image, time, strict=True)]
    assert 0 < ours.sum() < ours.size
    np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=60, deadline=None)
@given(
    st.data(),
    st.sampled_from(CASES),
    st.sampled_from([(5.0, 2.0), (2.0, 5.0), (0.0, 0.0), (4.0, 4.0), (-1.0, -2.0)]),
)
def test_masks_of_ctapipe_for_any_charges(data, keys, levels):
    numbers = st.integers(-8, 24).map(lambda i: 0.5 * i)
    image = data.draw(arrays(np.float32, 37, elements=numbers))
    time = data.draw(arrays(np.float32, 37, elements=st.integers(0, 16).map(float)))
    s = CleaningSettings(picture_threshold_pe=levels[0], boundary_threshold_pe=levels[1], **keys)
    if s.method == "time_constrained" and levels[0] <= 0.0:
        image = np.abs(image) + np.float32(0.5)  # ctapipe: weights must not sum to zero
    ours = clean_images(image[None], time[None], camera_neighbours(SMALL.camera), s)[0]
    np.testing.assert_array_equal(ours, _of_ctapipe(geometry_of(SMALL)[0], image, time, s))


def _ring(kind, pixel):
    first, neighbour = camera_neighbours(kind.camera)
    return neighbour[first[pixel] : first[pixel + 1]]


def test_two_levels_slow_twin():
    kind = KINDS["hexagon"]
    image, time = shower_images(kind, 5, seed=4)
    rings = [_ring(kind, pixel) for pixel in range(kind.camera.n_pixels)]
    for row, mask in zip(image, _clean(image, time, kind), strict=True):
        picture = [v >= 10.0 and sum(row[r] >= 10.0) >= 2 for v, r in zip(row, rings, strict=True)]
        expected = [
            (row[p] >= 5.0 and any(picture[q] for q in rings[p]))
            or (picture[p] and any(row[q] >= 5.0 for q in rings[p]))
            for p in range(len(row))
        ]
        assert mask.tolist() == expected


def test_what_is_kept_by_eye():
    kind = KINDS["hexagon"]
    n_pixels = kind.camera.n_pixels
    first, second = _ring(kind, 0)[:2]
    beside = sorted(set(_ring(kind, first)) - set(_ring(kind, 0)) - {0})[0]
    image = np.zeros(n_pixels)
    time = np.full(n_pixels, 10.0)
    image[[0, first, second, beside, 400]] = 11.0, 6.0, 4.0, 6.0, 50.0

    def kept(**keys):
        return sorted(np.flatnonzero(_clean(image, time, kind, min_picture_neighbors=0, **keys)[0]))

    assert kept() == sorted([0, first])
    assert kept(keep_isolated_pixels=True) == sorted([0, first, 400])
    assert kept(method="mars") == sorted([0, first, beside])
    assert kept(dilations=1) == sorted({0, first, *_ring(kind, 0), *_ring(kind, first)})
    assert kept(keep_isolated_pixels=True, islands="largest") == sorted([0, first])
    assert kept(keep_isolated_pixels=True, islands="brightest") == [400]
    time[first] = 20.0
    assert kept(time_limit_ns=5.0) == []


def test_nothing_and_no_numbers():
    kind = SMALL
    n_pixels = kind.camera.n_pixels
    neighbours = camera_neighbours(kind.camera)
    empty = np.zeros((0, n_pixels), dtype=np.float32)
    assert clean_images(empty, empty, neighbours, CleaningSettings()).shape == (0, n_pixels)
    image = np.full((3, n_pixels), 20.0, dtype=np.float32)
    image[0] = 0.0
    image[1, 0] = np.nan
    time = np.full_like(image, np.nan)
    mask = clean_images(image, time, neighbours, CleaningSettings())
    assert mask.sum(axis=1).tolist() == [0, n_pixels - 1, n_pixels]
    for keys in ({"time_limit_ns": 2.0}, {"method": "time_constrained"}):
        assert not _clean(image, time, kind, **keys).any()


def test_settings_of_a_type():
    block = {
        "picture_threshold_pe": 8.0,
        "per_type": {
            "LST*": {"picture_threshold_pe": 6.0, "method": None},
            "*": {"boundary_threshold_pe": 4.0},
            "LST": {"dilations": 1},
        },
    }
    assert cleaning_of_type(block, "LST") == CleaningSettings(
        picture_threshold_pe=6.0, boundary_threshold_pe=4.0, dilations=1
    )
    assert cleaning_of_type(block, "MST").picture_threshold_pe == 8.0
    assert cleaning_of_type({}, "MST") == CleaningSettings()
    assert "per_type" in block
    with pytest.raises(InputError, match="pictures: got 1; allowed: method, picture_threshold_pe"):
        cleaning_of_type({"per_type": {"*": {"pictures": 1}}}, "MST")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", "wavelets"),
        ("islands", "some"),
        ("picture_threshold_pe", float("nan")),
        ("min_picture_neighbors", -1),
        ("dilations", -1),
        ("time_limit_ns", 0.0),
        ("time_limit_core_ns", float("nan")),
    ],
)
def test_settings_that_are_refused(key, value):
    with pytest.raises(InputError, match=f"cleaning: {key}: got"):
        CleaningSettings(**{key: value})
