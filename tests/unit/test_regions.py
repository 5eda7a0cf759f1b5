"""Reflected regions: geometry, twins, and the regions of gammapy for every reference run."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from reference_targets import reference_runs, reference_targets

from iactflow.campaign.directions import separation_deg
from iactflow.io.gadf import read_observation
from iactflow.science.dataset import off_regions
from iactflow.science.regions import (
    contained,
    contained_in_plane,
    reflected_regions,
)


@pytest.fixture
def rng():
    return np.random.default_rng(23523)


def _directions(rng, ra_deg, dec_deg, size_deg, n=3000):
    dec = dec_deg + rng.uniform(-size_deg, size_deg, n)
    return ra_deg + rng.uniform(-size_deg, size_deg, n) / np.cos(np.radians(dec)), dec


def test_separation_is_that_of_astropy(rng):
    ra, dec = rng.uniform(0, 360, 500), rng.uniform(-90, 90, 500)
    expected = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(10, -80, unit="deg")).deg
    np.testing.assert_allclose(separation_deg(ra, dec, 10, -80), expected, rtol=1e-9)
    assert separation_deg(0, 0, 180, 0) == 180
    assert separation_deg(359.9, 0, 0.1, 0) == pytest.approx(0.2, rel=1e-12)


@pytest.mark.parametrize(("ra", "dec"), [(83.6, 22.0), (0.01, -59.0), (120.0, 89.5)])
def test_contained_twin(rng, ra, dec):
    events = _directions(rng, ra, dec, 0.4)
    centres = np.array([ra, ra + 0.2]), np.array([dec, dec - 0.1])
    expected = np.zeros(3000, dtype=bool)
    for centre in zip(*centres, strict=True):
        near = SkyCoord(*events, unit="deg").separation(SkyCoord(*centre, unit="deg"))
        expected |= near.deg < 0.15
    assert 0 < expected.sum() < 3000
    np.testing.assert_array_equal(contained(*events, *centres, 0.15), expected)


def test_contained_in_plane_twin(rng):
    pointing = np.array([200.0, -45.0])
    ra, dec = _directions(rng, *pointing, 2.0)
    a, d, d_0 = np.radians(ra - pointing[0]), np.radians(dec), np.radians(pointing[1])
    cosine = np.sin(d) * np.sin(d_0) + np.cos(d) * np.cos(d_0) * np.cos(a)
    east = np.degrees(np.cos(d) * np.sin(a) / cosine)
    north = np.degrees((np.sin(d) * np.cos(d_0) - np.cos(d) * np.sin(d_0) * np.cos(a)) / cosine)
    centres = np.array([[0.5, -0.7], [0.2, 0.9]])
    expected = np.any(
        np.hypot(east - centres[0][:, None], north - centres[1][:, None]) < 0.4, axis=0
    )
    assert expected.sum() > 100
    np.testing.assert_array_equal(contained_in_plane(ra, dec, pointing, centres, 0.4), expected)
    # A direction behind the observer projects onto the plane too, and must not count.
    behind = np.array([(pointing[0] + 180) % 360]), np.array([-pointing[1]])
    middle = np.zeros((2, 1))
    assert not contained_in_plane(*behind, pointing, middle, 0.4)[0]
    assert contained_in_plane(pointing[:1], pointing[1:], pointing, middle, 0.4)[0]


@pytest.mark.parametrize("dec", [-60.0, 0.0, 22.0, 80.0])
@pytest.mark.parametrize("offset", [0.5, 1.5])
def test_regions_keep_the_offset_and_stay_apart(dec, offset):
    radius = 0.11
    off = reflected_regions(83.0, dec, 83.0, dec + offset, radius)
    ra_off, dec_off = off.centres_deg
    np.testing.assert_allclose(separation_deg(83.0, dec, ra_off, dec_off), offset, rtol=1e-4)
    # Apart from each other within the grid, from the on region by 0.1 rad more.
    gaps = separation_deg(ra_off[1:], dec_off[1:], ra_off[:-1], dec_off[:-1])
    assert np.all(gaps > 2 * radius - 0.02)
    assert np.all(separation_deg(83.0, dec + offset, ra_off, dec_off) > 2 * radius + 0.05 * offset)
    # As many as fit on the ring, to one.
    width = 2 * np.arcsin(radius / offset)
    assert abs(len(off) - (2 * np.pi - width - 0.2) / width) <= 1


def test_regions_stay_clear_of_the_exclusion():
    exclusion = [(83.0, 22.0, 0.3), (83.5, 21.5, 0.2)]
    off = reflected_regions(83.0, 21.5, 83.0, 22.0, 0.11, exclusion)
    assert 0 < len(off) < len(reflected_regions(83.0, 21.5, 83.0, 22.0, 0.11))
    for ra, dec, radius in exclusion:
        assert np.all(separation_deg(*off.centres_deg, ra, dec) > radius + 0.11 - 0.02)


def test_regions_contain_the_events_near_their_centres(rng):
    off = reflected_regions(83.0, 21.5, 83.0, 22.0, 0.11)
    events = _directions(rng, 83.0, 21.5, 0.8, 20000)
    near = contained(*events, *off.centres_deg.copy(), 0.11)
    # On the sky and in the plane the circles differ by 4e-5 of their radius here.
    assert near.sum() > 1000
    assert np.sum(near != off.contain(*events)) <= 2
    assert not off.contain(np.array([83.0]), np.array([22.0]))[0]


@pytest.mark.parametrize(
    ("pointing", "radius", "exclusion", "reason"),
    [
        ((83.0, 22.0), 0.11, [], "inside the on region"),
        ((83.0, 22.1), 0.11, [], "inside the on region"),
        ((83.0, 24.0001), 2.0, [], "leaves no room"),
        ((83.0, 22.5), 0.11, [(83.0, 22.5, 0.7)], "touches the exclusion"),
    ],
)
def test_no_room_gives_a_reason(pointing, radius, exclusion, reason):
    off = reflected_regions(*pointing, 83.0, 22.0, radius, exclusion)
    assert len(off) == 0
    assert reason in off.reason
    assert off.centres_deg.shape == (2, 0)
    assert not off.contain(np.array([83.0]), np.array([22.3]))[0]


def test_a_region_smaller_than_the_grid_is_placed():
    off = reflected_regions(83.0, 22.5, 83.0, 22.0, 0.004)
    width = 2 * np.arcsin(0.004 / 0.5)
    assert abs(len(off) - (2 * np.pi - 0.2) / width) <= 2


@pytest.mark.data
@pytest.mark.parametrize("name", ["crab", "pks2155_flare", "pks2155_low", "msh1552", "rxj1713"])
def test_regions_are_those_of_gammapy_for_every_run(data_dir, dr1, name):
    from gammapy_spectra import find_regions

    target = reference_targets(data_dir)[name]
    seen = {}
    for path in reference_runs(data_dir, dr1, name).values():
        run = read_observation(path, hdus=("gti",))
        # Runs of one pointing have the same regions.
        seen[run.ra_pnt_deg, run.dec_pnt_deg] = run
    assert len(seen) >= 4 - (name == "msh1552") * 2
    for pointing, run in seen.items():
        off = off_regions(run, target)
        if off.reason:
            assert "inside the on region" in off.reason
            continue
        expected = find_regions(target, *pointing)
        assert off.centres_deg.shape == expected.shape
        assert separation_deg(*off.centres_deg, *expected).max() < 1e-10


@pytest.mark.data
def test_numbers_of_regions_of_the_crab_runs(data_dir, dr1):
    target = reference_targets(data_dir)["crab"]
    numbers = [
        len(off_regions(read_observation(path, hdus=("gti",)), target))
        for path in reference_runs(data_dir, dr1, "crab").values()
    ]
    assert numbers == [11, 11, 41, 41]


@pytest.mark.data
def test_the_run_without_room_is_named(data_dir, dr1):
    target = reference_targets(data_dir)["rxj1713"]
    runs = reference_runs(data_dir, dr1, "rxj1713")
    off = off_regions(read_observation(runs[20900], hdus=("gti",)), target)
    assert off.reason == "the pointing, 0.502 deg away, lies inside the on region"
