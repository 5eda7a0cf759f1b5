"""Light drawn towards telescopes: against known rings, against numpy, against all the light."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from light_samples import (
    LEVEL_M,
    SCALE_M,
    SEA_LEVEL,
    air_table,
    all_light,
    expected_moments,
    hits_on_a_grid,
    make_step,
    random_steps,
)

from iactflow.atmosphere.extinction import ExtinctionTable
from iactflow.atmosphere.refraction import refracted
from iactflow.atmosphere.table import SPEED_OF_LIGHT_M_NS
from iactflow.errors import InputError
from iactflow.instrument.description import Curve
from iactflow.shower.collect import (
    LightCollector,
    collect_photons,
    group_photons,
    reuse_groups,
)
from iactflow.shower.emission import _window
from iactflow.shower.flight import arrive, refraction_reach_m
from iactflow.shower.light import make_light_yield
from iactflow.shower.spheres import make_spheres, sphere_states

TABLE = air_table()
LIGHT = make_light_yield(300.0, 600.0)
CROSS = np.array([[-0.2, -85.0, 3.0], [85.1, -0.4, 8.0], [0.2, 85.0, -2.0], [-85.0, 0.3, 0.0]])


def brighter(factor, light=LIGHT):
    return light._replace(photons_per_m=light.photons_per_m * factor)


def collect(steps, spheres, light=LIGHT, *, refraction=False, seed=1, capacity=65536, tel_ids=None):
    tel_ids = range(spheres.n_telescopes) if tel_ids is None else tel_ids
    n_reuse = spheres.x_m.size // spheres.n_telescopes
    states = sphere_states(seed, "gamma", 0, 0, n_reuse, tel_ids)
    collector = LightCollector(spheres, light, TABLE, states, refraction, capacity)
    collector.add(steps)
    return collector.collected()


def test_photons_of_a_telescope_in_the_middle():
    light, radius = brighter(50.0), 6.0
    step = make_step((0.0, 0.0, 900.0), (0.0, 0.0, -1.0), 900.0)
    photons = collect(step, make_spheres([[0.0, 0.0, 0.0]], [radius], [[0.0, 0.0]]), light).photons
    # A sphere is hit where its centre lies within R of the ray: below R / sin(theta).
    heights = np.linspace(0.0, 900.0, 9001)
    sine_2 = 1.0 - (1.0 + SEA_LEVEL * np.exp(-(LEVEL_M + heights) / SCALE_M)) ** -2
    near = heights * np.sqrt(sine_2) < radius
    expected = light.photons_per_m[0] * np.sum(sine_2[near]) * 0.1
    assert near.sum() == pytest.approx(10 * radius / 0.0209, rel=0.02)
    assert len(photons) == pytest.approx(expected, abs=4 * np.sqrt(expected) + 1e-3 * expected)
    azimuth = np.arctan2(photons[:, 3], photons[:, 2])
    assert abs(np.mean(np.exp(1j * azimuth))) < 4 / np.sqrt(len(photons))
    assert np.hypot(photons[:, 2], photons[:, 3]) == pytest.approx(0.0209, rel=0.04)


@pytest.mark.parametrize(("apart", "share"), [(103.1, 1), (90.0, 0), (117.0, 0)])
def test_ring_of_a_vertical_track(apart, share):
    # From 8 km above the ground sin(theta) is 0.0129 and the radius of the ring 103.1 m.
    light = brighter(1e3)
    step = make_step((0.0, 0.0, 8000.0), (0.0, 0.0, -1.0), 5.0)
    spheres = make_spheres([[apart, 0.0, 0.0]], [7.0], [[0.0, 0.0]])
    photons = collect(step, spheres, light).photons
    sine_2 = 1.0 - (1.0 + SEA_LEVEL * np.exp(-(LEVEL_M + 7997.5) / SCALE_M)) ** -2
    ring = 7997.5 * np.sqrt(sine_2 / (1.0 - sine_2))
    assert ring == pytest.approx(103.1, abs=0.1)
    # The chord of the ring through the sphere, over its circumference.
    chord = np.arcsin(7.0 / ring) / np.pi
    expected = share * 5.0 * light.photons_per_m[0] * sine_2 * chord
    assert len(photons) == pytest.approx(expected, abs=4 * np.sqrt(expected) + 0.01 * expected)
    if share:
        radius = np.hypot(photons[:, 0] + apart, photons[:, 1])
        assert radius == pytest.approx(ring, rel=2e-3)
        time = 7997.5 / np.sqrt(1 - sine_2) / SPEED_OF_LIGHT_M_NS
        below, above = (SEA_LEVEL * np.exp(-h / SCALE_M) for h in (LEVEL_M, LEVEL_M + 7997.5))
        time += SCALE_M * (below - above) / np.sqrt(1 - sine_2) / SPEED_OF_LIGHT_M_NS
        assert photons[:, 4].mean() == pytest.approx(2.5 / SPEED_OF_LIGHT_M_NS + time, abs=0.01)
        assert photons[:, 5].mean() == pytest.approx(LEVEL_M + 7997.5, abs=0.5)
        assert np.all(photons[:, 7] == 1.0)


def _random_cases():
    draw = np.random.default_rng(7)
    for case in range(40):
        height = 10.0 ** draw.uniform(0.8, 4.1)
        tilt, turn = draw.uniform(0.0, 0.6), draw.uniform(0.0, 2 * np.pi)
        direction = np.array([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), 0.0])
        direction[2] = -np.cos(tilt)
        gamma = draw.choice([45.0, 80.0, 1e3])
        length = min(draw.exponential(150.0), 1.2 * height)
        # Aim at the ring, or at its middle.
        beside = draw.choice([0.0, 0.018]) * height + draw.normal(0.0, 4.0)
        across = np.cross(direction, [0.3, -0.8, 0.5])
        at = -direction / direction[2] * height
        centre = at + across / np.linalg.norm(across) * beside
        step = make_step((0.0, 0.0, height), direction, length, gamma, gamma * draw.uniform(0.8, 1))
        yield case, step, np.array([centre[0], centre[1], draw.normal(0.0, 3.0)])


def test_windows_hold_every_hit_and_little_more():
    used = []
    for _, step, centre in _random_cases():
        *_, rays, hit = hits_on_a_grid(step[0], centre, 7.0, 200, 3000)
        spheres = make_spheres([centre], [7.0], [[0.0, 0.0]])
        low, high, half, most, towards = _window(step[0], TABLE, spheres, False, 0)
        s = (np.arange(200) + 0.5) / 200 * step[0, 7]
        along, towards = step[0, 4:7], np.array(towards)
        azimuth = np.arctan2(rays @ np.cross(along, towards), rays @ towards)
        inside = (s >= low)[:, None] & (s <= high)[:, None] & (np.abs(azimuth) <= half)
        assert not np.any(hit & ~inside)
        if hit.sum() > 2000:
            used.append(hit.sum() / inside.sum())
            sine_2 = 1.0 - (rays[hit.any(axis=1), 0] @ along) ** 2
            assert np.all(sine_2 <= most * (1 + 1e-6))
    assert len(used) > 5
    assert np.median(used) > 0.5


def test_random_geometries_against_numpy():
    pulls, hit = [], 0
    for case, step, centre in _random_cases():
        total, x, y, height = expected_moments(step[0], centre, 7.0, LIGHT)
        bright = 2e4 / max(total, 5.0)
        spheres = make_spheres([centre], [7.0], [[0.0, 0.0]])
        photons = collect(step, spheres, brighter(bright), seed=case).photons.astype(float)
        expected = total * bright
        # Half a per cent for the grid of the integral.
        error = np.hypot(np.sqrt(expected + 1.0), 5e-3 * expected)
        pulls.append((len(photons) - expected) / error)
        if len(photons) > 1000:
            hit += 1
            for ours, mean in ((0, x), (1, y), (5, height)):
                spread = max(photons[:, ours].std(), 1e-3)
                error = spread * np.hypot(1.0 / np.sqrt(len(photons)), 0.02)
                pulls.append((photons[:, ours].mean() - mean) / error)
    assert hit > 15
    assert np.max(np.abs(pulls)) < 4.0
    assert np.std(pulls) < 1.2


@pytest.mark.parametrize(("zenith", "refraction"), [(0.0, False), (20.0, True), (60.0, True)])
def test_telescope_driven_light_is_all_the_light_that_hits(zenith, refraction):
    steps = random_steps(300, zenith, seed=int(zenith) + 1)
    spheres = make_spheres(CROSS, [15.0, 10.0, 15.0, 10.0], [[0.0, 0.0], [-60.0, 20.0]])
    brute = all_light(steps, spheres, LIGHT, TABLE, refraction)
    driven = [collect(steps, spheres, refraction=refraction, seed=s) for s in range(10)]
    counts = np.mean([d.counts() for d in driven], axis=0)
    error = np.sqrt(np.maximum(counts, 1.0) * 1.1)
    assert np.max(np.abs(brute.counts() - counts) / error) < 4.0
    total = counts.sum()
    assert brute.counts().sum() == pytest.approx(total, abs=4 * np.sqrt(1.1 * total))
    ours = np.concatenate([d.photons for d in driven]).astype(float)
    theirs = brute.photons.astype(float)
    for column in range(7):
        error = ours[:, column].std() / np.sqrt(len(theirs))
        assert abs(ours[:, column].mean() - theirs[:, column].mean()) < 4 * error, column
        width = np.sqrt(np.mean((ours[:, column] - ours[:, column].mean()) ** 4))
        variances = ours[:, column].var(), theirs[:, column].var()
        assert abs(np.diff(variances)[0]) < 5 * width / np.sqrt(len(theirs)), column


def test_refraction_moves_light_as_its_formula_says():
    ux, uz = np.sin(0.9), -np.cos(0.9)
    args = (0.0, 0.0, 9000.0, ux, 0.0, uz, 0.0, 0.0, 0.0)
    straight, bent = arrive(TABLE, False, *args), arrive(TABLE, True, *args)
    angle, moved = refracted(TABLE, LEVEL_M + 9000.0, -uz)
    assert straight[0] - bent[0] == pytest.approx(moved)
    assert 0.1 < moved < 10.0
    assert np.arcsin(straight[2]) - np.arcsin(bent[2]) == pytest.approx(angle)
    assert straight[4] - bent[4] == pytest.approx(moved * ux / SPEED_OF_LIGHT_M_NS)
    # Vertical light goes straight; on the way to a plane above the ground the bend counts on.
    vertical = (0.0, 0.0, 9000.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0)
    assert arrive(TABLE, True, *vertical) == arrive(TABLE, False, *vertical)
    raised = arrive(TABLE, True, *args[:-1], 50.0)
    assert raised[0] == pytest.approx(bent[0] - 50.0 * np.tan(np.arcsin(bent[2])))


def test_light_comes_earlier_to_a_plane_above_the_ground():
    for refraction in (False, True):
        ground, raised = (
            arrive(TABLE, refraction, 0.0, 0.0, 9000.0, 0.6, 0.0, -0.8, 0.0, 0.0, z)[4]
            for z in (0.0, 40.0)
        )
        delay = 40.0 / 0.8 / SPEED_OF_LIGHT_M_NS * (1.0 + SEA_LEVEL * np.exp(-1820.0 / SCALE_M))
        assert ground - raised == pytest.approx(delay, rel=2e-3)


def test_the_reach_of_refraction_is_a_bound():
    used = []
    for height in (300.0, 2000.0, 8000.0, 20000.0):
        for cosine in (0.98, 0.8, 0.5, 0.2, 0.1):
            reach = refraction_reach_m(TABLE, LEVEL_M + height, cosine, 60.0)
            for lower, slope in ((1.0, 1.0), (0.7, 1.0), (1.0, 1.3)):
                uz = -min(1.0, cosine * slope)
                path = (0.0, 0.0, height * lower, np.sqrt(1.0 - uz * uz), 0.0, uz, 0.0, 0.0)
                for z in (-60.0, 0.0, 60.0):
                    straight, bent = (arrive(TABLE, on, *path, z)[0] for on in (False, True))
                    assert abs(straight - bent) <= reach
                    used.append(abs(straight - bent) / reach)
    # Without slack it would be no bound, with too much it would cost time.
    assert 0.9 < np.max(used) < 1.0


def test_light_from_below_the_mirror_does_not_count():
    step = make_step((0.0, 0.0, -1.0), (0.0, 0.0, -1.0), 4.0)
    spheres = make_spheres([[0.0, 0.0, 0.0]], [7.0], [[0.0, 0.0]])
    assert len(collect(step, spheres, brighter(1e3)).photons) == 0


def test_dark_and_rising_steps_give_no_light():
    spheres = make_spheres([[0.0, 0.0, 0.0]], [7.0], [[0.0, 0.0]])
    dark = make_step((0.0, 0.0, 5000.0), (0.0, 0.0, -1.0), 5000.0, 30.0, 20.0)
    rising = make_step((0.0, 0.0, 50.0), (0.3, 0.0, 1.0), 500.0)
    flat = make_step((-50.0, 0.0, 4.0), (1.0, 0.0, -0.01), 50.0)
    steps = np.concatenate([dark, rising, flat])
    assert len(collect(steps, spheres, brighter(1e3)).photons) == 0


def test_content_depends_on_nothing_else():
    steps = random_steps(400, 20.0)
    spheres = make_spheres(CROSS, [12.0] * 4, [[0.0, 0.0], [40.0, 20.0]])
    whole = collect(steps, spheres, refraction=True)
    assert len(whole.photons) > 300
    small = collect(steps, spheres, refraction=True, capacity=7)
    assert np.array_equal(small.photons, whole.photons)
    assert np.array_equal(small.offsets, whole.offsets)
    states = sphere_states(1, "gamma", 0, 0, 2, range(4))
    parts = (steps[i : i + 90] for i in range(0, 400, 90))
    chunks = collect_photons(parts, spheres, LIGHT, TABLE, states)
    assert np.array_equal(chunks.photons, whole.photons)
    # Telescope 2 alone, and among many others, sees the same.
    alone = collect(steps, make_spheres(CROSS[2:3], [12.0], [[0.0, 0.0], [40.0, 20.0]]),
                    refraction=True, tel_ids=[2])  # fmt: skip
    assert np.array_equal(alone.at(1, 0), whole.at(1, 2))
    far = np.random.default_rng(0).uniform(-800, 800, (40, 3)) * [1, 1, 0.02]
    crowd = make_spheres(np.concatenate([CROSS, far]), [12.0] * 44, [[0.0, 0.0], [40.0, 20.0]])
    assert np.array_equal(collect(steps, crowd, refraction=True).at(1, 2), whole.at(1, 2))


def test_types_have_yields_and_extinction_of_their_own():
    blue = Curve(np.array([300.0, 400.0]), np.array([0.4, 0.4]))
    tau = np.array([[0.0, 0.0], [0.5, 0.5]])
    table = ExtinctionTable(np.array([LEVEL_M, LEVEL_M + 1.0]), np.array([300.0, 600.0]), tau, 0.0)
    flat = Curve(np.array([300.0, 600.0]), np.ones(2))
    light = make_light_yield(300.0, 600.0, [flat, blue], table)
    steps = random_steps(200, 0.0)
    spheres = make_spheres([CROSS[0], CROSS[0]], [15.0] * 2, [[0.0, 0.0]], [0, 1])
    without = make_light_yield(300.0, 600.0, [flat, blue])
    clear = collect(steps, spheres, brighter(20.0, without)).counts()[0]
    seen = collect(steps, spheres, brighter(20.0, light))
    counts = seen.counts()[0]
    cosine = np.sqrt(1.0 - np.sum(seen.photons[:, 2:4] ** 2, axis=1)).mean()
    assert counts[0] / clear[0] == pytest.approx(np.exp(-0.5 / cosine), rel=0.05)
    assert counts[1] / counts[0] == pytest.approx(0.4 * 0.5, rel=0.1)
    assert seen.at(0, 1)[:, 6].max() <= 400.0
    # All light, thinned to each type, gives the same.
    brute = all_light(steps, spheres, brighter(3.0, light), TABLE, False).counts()[0]
    assert brute == pytest.approx(counts * 0.15, abs=5 * np.sqrt(0.15 * counts.max()))


def test_bad_input():
    spheres = make_spheres(CROSS, [12.0] * 4, [[0.0, 0.0]], [0, 0, 0, 1])
    states = sphere_states(1, "gamma", 0, 0, 1, range(4))
    with pytest.raises(InputError, match="kinds"):
        LightCollector(spheres, LIGHT, TABLE, states)
    with pytest.raises(InputError, match="states"):
        LightCollector(spheres, LIGHT, TABLE, states[:2])
    good = LightCollector(spheres._replace(kind=spheres.kind * 0), LIGHT, TABLE, states)
    with pytest.raises(InputError, match="steps"):
        good.add(np.zeros((4, 9)))
    assert good.collected().counts().tolist() == [[0, 0, 0, 0]]


def test_photons_are_put_in_order_like_a_stable_sort():
    draw = np.random.default_rng(8)
    spheres = make_spheres(CROSS, [12.0] * 4, [[0.0, 0.0]] * 3)
    owners = draw.integers(0, 11, 5000).astype(np.int32)  # none at the last sphere
    photons = draw.random((5000, 8)).astype(np.float32)
    parts = [(photons[:1200], owners[:1200]), (photons[1200:], owners[1200:])]
    found = group_photons(parts, spheres)
    assert np.array_equal(found.photons, photons[np.argsort(owners, kind="stable")])
    assert found.offsets.tolist() == [np.count_nonzero(owners < k) for k in range(13)]


def test_collector_lets_go_of_photons_beyond_its_limit():
    steps = random_steps(400, 20.0)
    spheres = make_spheres(CROSS, [12.0] * 4, [[0.0, 0.0], [40.0, 20.0]])
    whole = collect(steps, spheres)
    n = len(whole.photons)
    for most, complete in ((n, True), (n - 1, False)):
        states = sphere_states(1, "gamma", 0, 0, 2, range(4))
        collector = LightCollector(spheres, LIGHT, TABLE, states, False, 50, most)
        collector.add(steps)
        assert collector.complete is complete
        assert collector.counts.tolist() == whole.counts().ravel().tolist()
        if complete:
            assert np.array_equal(collector.collected().photons, whole.photons)
        else:
            with pytest.raises(InputError, match="most_photons"):
                collector.collected()


def test_memory_per_photon():
    """No copies: at most 45 bytes per photon above the buffers, of which 32 stay."""
    spheres = make_spheres(CROSS, [12.0] * 4, [[0.0, 0.0]])
    steps = random_steps(400, 0.0)
    states = sphere_states(1, "gamma", 0, 0, 1, range(4))
    tracemalloc.start()
    collector = LightCollector(spheres, brighter(300.0), TABLE, states, False, 1000)
    n = collector.add(steps)
    found = collector.collected()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n == len(found.photons) > 20_000
    assert peak < 45.0 * n + 2e5
    assert kept < 32.0 * n + 2e5


def test_groups_of_reuses():
    assert reuse_groups([5, 3, 9, 2, 2, 2], 8) == [slice(0, 2), slice(2, 3), slice(3, 6)]
    assert reuse_groups([0, 0, 20], 10) == [slice(0, 2), slice(2, 3)]
    assert reuse_groups([4], 1) == [slice(0, 1)]
