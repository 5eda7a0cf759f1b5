"""Comparison with CORSIKA: sums, statistics, and files written from our own showers."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import corsika_samples as samples
import numpy as np
import pytest
from scipy import stats

from iactflow.atmosphere.table import make_table
from iactflow.cli import main
from iactflow.errors import InputError
from iactflow.io.corsika import read_corsika
from iactflow.shower import compare_corsika
from iactflow.shower.compare_corsika import compare_files, run_profile
from iactflow.shower.compare_primaries import (
    cascade_settings,
    is_forced,
    our_showers,
    start_height_m,
)
from iactflow.shower.compare_statistics import CONTAINMENT, compare, quantiles
from iactflow.shower.compare_sums import (
    ACROSS,
    ACROSS_EDGES_DEG,
    DELAY,
    DELAY_EDGES_NS,
    N_SUMS,
    OUTWARD,
    OUTWARD_EDGES_DEG,
    distances_m,
    make_geometry,
    ring_areas_m2,
    sum_photons,
)

EDGES = np.array([0.0, 60.0, 90.0, 120.0, 160.0, 200.0, 2000.0])
SPHERES = np.array([(x, 0.0, 5.0, 8.0) for x in (40.0, 75.0, 105.0, 140.0, 180.0)])
TILTED = (math.sin(0.5), 0.0, -math.cos(0.5))


def random_photons(n, n_spheres, generator):
    photons = np.zeros((n, 8), dtype=np.float32)
    photons[:, :2] = generator.uniform(-8.0, 8.0, (n, 2))
    photons[:, 2:4] = generator.normal((math.sin(0.5), 0.0), 0.03, (n, 2))
    photons[:, 4] = generator.normal(0.0, 200.0, n)
    photons[:, 7] = generator.uniform(1.0, 5.0, n)
    return photons, generator.integers(n_spheres, size=n)


def slow_sums(photons, owners, geometry, edges):
    """Photon by photon, as the definitions say."""
    sums = np.zeros((len(edges) - 1, N_SUMS))
    axis = geometry.axis
    for row, owner in zip(photons.astype(float), owners, strict=True):
        place = geometry.centre_m[owner] + [row[0], row[1], 0.0]
        away = place - np.dot(place, axis) * axis
        distance = math.sqrt(np.dot(away, away))
        away /= distance
        flight = np.array([row[2], row[3], -math.sqrt(1.0 - row[2] ** 2 - row[3] ** 2)])
        outward = math.degrees(np.dot(flight, away))
        across = abs(math.degrees(np.dot(flight, np.cross(axis, away))))
        delay = row[4] - np.dot(place, axis) / 0.299792458
        for b in range(len(edges) - 1):
            if edges[b] <= distance < edges[b + 1]:
                sums[b, :2] += (row[7], row[7] ** 2)
                for columns, value, limits in (
                    (OUTWARD, outward, OUTWARD_EDGES_DEG),
                    (ACROSS, across, ACROSS_EDGES_DEG),
                    (DELAY, delay, DELAY_EDGES_NS),
                ):
                    place_in = sum(value >= limit for limit in limits[1:-1])
                    sums[b, columns.start + place_in] += row[7]
    return sums


def test_sums_equal_slow_ones():
    generator = np.random.default_rng(3)
    geometry = make_geometry(TILTED, SPHERES, np.array([[0.0, 0.0], [30.0, -60.0]]))
    photons, owners = random_photons(500, 10, generator)
    sums = sum_photons(photons, owners, geometry, EDGES)
    np.testing.assert_allclose(sums, slow_sums(photons, owners, geometry, EDGES), rtol=1e-9)
    # What lies beyond the histograms is in their last bins.
    assert sums[:, DELAY].sum() == pytest.approx(sums[:, 0].sum())
    assert sums[:, DELAY.stop - 1].sum() > 0.0


def test_geometry_by_hand():
    """A sphere to the north of an axis that flies 45 deg northward: 100 m sin 45 deg away."""
    axis = (math.sqrt(0.5), 0.0, -math.sqrt(0.5))
    geometry = make_geometry(axis, np.array([(100.0, 0.0, 0.0, 5.0)]), np.zeros((1, 2)))
    assert geometry.distance_m == pytest.approx([100.0 * math.sqrt(0.5)])
    # Light along the axis reaches it when the front does: no delay, no angle.
    photon = np.zeros((1, 8), dtype=np.float32)
    photon[0, 2], photon[0, 7] = math.sqrt(0.5), 1.0
    photon[0, 4] = 100.0 * math.sqrt(0.5) / 0.299792458
    sums = sum_photons(photon, np.zeros(1, dtype=int), geometry, np.array([0.0, 1000.0]))
    assert sums[0, :2].tolist() == [1.0, 1.0]
    # In a bin next to zero, on either side where rounding may go.
    assert sums[0, OUTWARD][29:31].sum() == 1.0
    assert sums[0, ACROSS][0] == 1.0
    assert sums[0, DELAY][39:41].sum() == 1.0
    assert distances_m(photon, np.zeros(1, dtype=int), geometry) == pytest.approx([70.710678])


def test_ring_areas():
    generator = np.random.default_rng(4)
    geometry = make_geometry((0.0, 0.0, -1.0), np.array([(50.0, 0.0, 0.0, 30.0)]), np.zeros((1, 2)))
    edges = np.array([0.0, 30.0, 45.0, 70.0, 300.0])
    areas = ring_areas_m2(geometry, edges)
    assert areas.sum() == pytest.approx(math.pi * 900.0)
    r, phi = 30.0 * np.sqrt(generator.random(200_000)), 2.0 * np.pi * generator.random(200_000)
    counted = np.histogram(np.hypot(50.0 + r * np.cos(phi), r * np.sin(phi)), edges)[0]
    assert areas / areas.sum() == pytest.approx(counted / 200_000, abs=0.004)
    # A sphere around the axis: rings inside it, and the rest of its circle.
    centred = make_geometry((0.0, 0.0, -1.0), np.array([(0.0, 0.0, 0.0, 30.0)]), np.zeros((1, 2)))
    expected = math.pi * np.array([100.0, 800.0, 0.0])
    assert ring_areas_m2(centred, np.array([0.0, 10.0, 40.0, 50.0])) == pytest.approx(expected)


def test_quantiles_are_those_of_the_photons():
    """Weighted photons, whatever a few of them far off the axis do."""
    draw = np.random.default_rng(7)
    n = 40_000
    values = (draw.normal(0.6, 0.4, n), np.abs(draw.standard_cauchy(n)) / 5.0,
              draw.gamma(2.0, 2.0, n))  # fmt: skip
    sums = np.zeros(N_SUMS)
    weight = draw.uniform(1.0, 3.0, n)
    kinds = (
        (OUTWARD, OUTWARD_EDGES_DEG), (ACROSS, ACROSS_EDGES_DEG), (DELAY, DELAY_EDGES_NS)
    )  # fmt: skip
    for one, (columns, edges) in zip(values, kinds, strict=True):
        sums[columns] = np.histogram(np.clip(one, edges[0], edges[-1] - 1e-9), edges, None, None,
                                     weight)[0]  # fmt: skip

    def exact(one, part):
        order = np.argsort(one)
        return np.interp(part, np.cumsum(weight[order]) / weight.sum(), one[order])

    low, high = 0.5 - CONTAINMENT / 2.0, 0.5 + CONTAINMENT / 2.0
    outward, across, delay = values
    expected = (
        exact(outward, 0.5), (exact(outward, high) - exact(outward, low)) / 2.0,
        exact(across, CONTAINMENT),
        exact(delay, 0.5), (exact(delay, high) - exact(delay, low)) / 2.0,
    )  # fmt: skip
    assert quantiles(sums) == pytest.approx(expected, rel=0.005)
    assert quantiles(np.stack([sums, 5.0 * sums])).shape == (2, 5)
    assert np.all(np.isnan(quantiles(np.zeros(N_SUMS))))


def toy_showers(n, generator):
    """Light with a common fluctuation, a skew one, and that of photons; per bin."""
    total = generator.gamma(4.0, 0.25, (n, 1))
    light = generator.poisson(total * np.array([900.0, 700.0, 500.0, 300.0, 100.0, 10.0]))
    sums = np.zeros((n, 6, N_SUMS))
    sums[..., 0] = sums[..., 1] = light
    for columns in (OUTWARD, ACROSS, DELAY):
        sums[..., columns.start + 3] = light
    return sums


def test_probabilities_are_uniform_and_see_a_difference():
    generator = np.random.default_rng(5)
    shape, light, wrong = [], [], []
    for _ in range(60):
        ours = [toy_showers(200, generator) for _ in range(2)]
        theirs = np.concatenate([toy_showers(1, generator) for _ in range(2)])
        result = compare(theirs, ours, np.ones(6), EDGES, generator)
        shape.append(result["p_value"])
        light.append(result["total_light"]["p_value"])
        assert result["n_qualifying_bins"] == result["ndf"] == 5
        theirs[:, 1, 0] *= 1.4
        wrong.append(compare(theirs, ours, np.ones(6), EDGES, generator)["p_value"])
    assert stats.kstest(shape, "uniform").pvalue > 0.01
    assert stats.kstest(light, "uniform").pvalue > 0.01
    assert np.median(wrong) < 0.01


def test_bunches_widen_the_errors():
    generator = np.random.default_rng(6)
    ours = [toy_showers(500, generator)]
    theirs = toy_showers(1, generator)
    plain = compare(theirs, ours, np.ones(6), EDGES, generator)
    theirs[..., 1] *= 5.0
    bunched = compare(theirs, ours, np.ones(6), EDGES, generator)
    assert bunched["photons_per_bunch"] == pytest.approx(5.0)
    # The last bin needs 50 bunches of 5, more than its 100 photons.
    assert (plain["n_qualifying_bins"], bunched["n_qualifying_bins"]) == (5, 4)
    assert bunched["chi_square"] < plain["chi_square"]


def blank(level_cm=180000.0, text="", n=1, **changes):
    """A file without photons: its primaries and spheres are what ours are made for."""
    events = [
        samples.event_header(w2=i + 1, **changes)
        + samples.offsets([0.0], [0.0])
        + samples.reuse(0, {})
        + samples.event_end()
        for i in range(n)
    ]
    spheres = samples.telescopes((100.0 * SPHERES).tolist())
    return b"".join([samples.run_header(level_cm), samples.card(text), spheres, *events])


def from_our_showers(path, factor=1.0, n=3, **changes):
    """A CORSIKA file that holds showers of ours, made with other random numbers."""
    path.write_bytes(blank(n=n, **changes))
    run, showers = read_corsika(path)
    content = [samples.run_header(), samples.telescopes((100.0 * SPHERES).tolist())]
    table = make_table(run_profile(run), run.observation_level_m)
    for shower in showers:
        (lit,) = our_showers(run, shower, table, (99, 0), 1)
        bunches = {}
        for t in range(len(SPHERES)):
            rows = lit.at(0, t).astype(float)
            rows[:, [0, 1, 5]] *= 100.0
            bunches[t] = np.column_stack([rows[:, :6], factor * rows[:, 7], rows[:, 6]])
        content += [
            samples.event_header(w2=shower.event_number, **changes),
            samples.offsets([0.0], [0.0]),
            samples.reuse(0, bunches),
            samples.event_end(),
        ]
    path.write_bytes(b"".join([*content, samples.run_end()]))
    return path


GAMMA = {"w4": 30.0, "w11": math.radians(30.0), "w12": math.radians(-40.0)}


@pytest.fixture(autouse=True)
def few_showers(monkeypatch):
    monkeypatch.setattr(compare_corsika, "LEAST_SHOWERS_OF_FILE", 300)


def test_closure_with_our_own_showers(tmp_path, capsys):
    path = from_our_showers(tmp_path / "ours.corsika", **GAMMA)
    out = tmp_path / "out.json"
    assert main(["compare-corsika", str(path), "--json", str(out)]) == 0
    result = json.loads(out.read_text())
    block = result["files"][0]
    assert block["showers_per_primary"] == 100
    assert abs(block["total_light"]["deviation_sigma"]) < 3.0
    assert block["p_value"] > 0.01
    assert block["n_qualifying_bins"] >= 5
    assert result["passed"] is True
    assert "ours / theirs" in capsys.readouterr().out
    for row in block["bins"]:
        if row["qualifies"]:
            for name in ("outward_median_deg", "delay_median_ns"):
                pull = (row[name]["ours"] - row[name]["theirs"]) / row[name]["error"]
                assert abs(pull) < 5.0


def test_too_much_light_is_seen(tmp_path):
    path = from_our_showers(tmp_path / "ours.corsika", 8.0, **GAMMA)
    result = compare_files([path], progress=lambda text: None)
    assert not result["passed"]
    assert result["combined"]["total_light"]["deviation_sigma"] < -3.0


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("", {"w3": 14.0}, "hadrons"),
        ("CERQEF F T F\n", {}, "CERQEF"),
        ("", {"w11": math.radians(70.0)}, "no photons|60 deg"),
    ],
)
def test_refused(tmp_path, text, changes, message):
    path = tmp_path / "x.corsika"
    path.write_bytes(blank(text=text, **changes) + samples.run_end())
    with pytest.raises(InputError, match=message):
        compare_files([path], progress=lambda text: None)


def test_bad_requests(tmp_path):
    with pytest.raises(InputError, match="at least one file"):
        compare_files([])
    with pytest.raises(InputError, match="showers"):
        compare_files([tmp_path / "x"], showers=10)


def first_shower(tmp_path, text="", **changes):
    path = tmp_path / "x.corsika"
    path.write_bytes(blank(text=text, **changes) + samples.run_end())
    run, showers = read_corsika(path)
    return run, next(showers)


def test_start_of_the_primary(tmp_path):
    run, shower = first_shower(tmp_path, w158=1.12e7)
    table = make_table(run_profile(run), run.observation_level_m)
    assert start_height_m(shower, table) is None
    _, lower = first_shower(tmp_path, w158=2.0e6)
    assert start_height_m(lower, table) == pytest.approx(20e3)
    _, deeper = first_shower(tmp_path, w158=1.12e7, w5=100.0)
    assert 15e3 < start_height_m(deeper, table) < 17e3
    assert cascade_settings(run).electron_cut_mev == pytest.approx(20.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_fixed_first_interaction(tmp_path, sign):
    """All light of a photon forced to convert at 8 km comes from below that height."""
    text = "FIXHEI 800000. 0\n"
    run, shower = first_shower(tmp_path, text, w4=100.0, w7=sign * 8.0e5, w11=0.0)
    assert is_forced(run, shower)
    assert not is_forced(run, replace(shower, first_interaction_m=20e3))
    table = make_table(run_profile(run), run.observation_level_m)
    heights = np.concatenate(
        [lit.photons[:, 5] for lit in our_showers(run, shower, table, (1, 0), 5)]
    )
    assert 7500.0 < heights.max() <= 8000.0


def test_largest_zenith_angle(tmp_path):
    run, shower = first_shower(tmp_path, w4=20.0, w11=np.float32(math.radians(60.0)))
    table = make_table(run_profile(run), run.observation_level_m)
    assert shower.altitude_deg != 30.0
    assert sum(1 for _ in our_showers(run, shower, table, (1, 0), 2)) == 2


def test_part_of_the_photons(tmp_path):
    run, shower = first_shower(tmp_path, w4=50.0, w11=0.0)
    table = make_table(run_profile(run), run.observation_level_m)
    full, part = (
        sum(len(lit.photons) for lit in our_showers(run, shower, table, (1, 0), 20, fraction))
        for fraction in (1.0, 0.1)
    )
    assert part == pytest.approx(0.1 * full, abs=5.0 * math.sqrt(0.1 * full))
