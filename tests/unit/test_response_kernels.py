"""Kernels of the responses beside numpy; what was thrown in bins; areas and their errors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from iactflow.response.histograms import fill_background, fill_signal
from iactflow.response.signal import (
    Axes,
    add_run,
    effective_area,
    energy_dispersion,
    no_area,
    point_spread,
    ring_solid_angle_sr,
    signal_tables,
    widened,
)
from iactflow.response.thrown import spread_shares

ENERGY = np.logspace(-1, 2, 16)
OFFSET = np.array([0.0, 0.5, 1.0, 2.0])
MIGRA, RAD = np.linspace(0.2, 3.0, 29), np.array([0.0, 0.05, 0.1, 0.3, 1.0])


def made_up_events(n=1200, reuse=4, seed=5):
    """Events of showers, some beyond all axes, some on edges, some without an energy."""
    rng = np.random.default_rng(seed)
    true = np.repeat(10.0 ** rng.uniform(-1.3, 2.3, n // reuse), reuse)
    offset = np.repeat(rng.uniform(0.0, 2.2, n // reuse), reuse)
    energy = true * rng.normal(1.0, 0.5, n)
    theta = np.abs(rng.normal(0.0, 0.4, n))
    true[:reuse], true[reuse : 2 * reuse] = ENERGY[0], ENERGY[-1]
    true[2 * reuse : 3 * reuse], offset[:reuse] = ENERGY[3], OFFSET[-1]
    theta[7], theta[8], energy[9] = RAD[-1], RAD[2], np.nan
    energy[:4] = true[:4] * MIGRA[[0, 5, -1, -1]]
    return true, energy, offset, theta, np.repeat(np.arange(n // reuse), reuse)


def numpy_signal(true, energy, offset, theta, cluster):
    """The slow, obvious twin of `fill_signal`."""
    with np.errstate(invalid="ignore"):
        migra = energy / true
    selected = np.histogram2d(offset, true, [OFFSET, ENERGY])[0]
    squares = sum(
        np.histogram2d(offset[cluster == c], true[cluster == c], [OFFSET, ENERGY])[0] ** 2
        for c in np.unique(cluster)
    )
    known = np.isfinite(migra)
    rows = np.column_stack([offset, migra, true])[known]
    migration = np.histogramdd(rows, [OFFSET, MIGRA, ENERGY])[0]
    radial = np.histogramdd(np.column_stack([theta, offset, true]), [RAD, OFFSET, ENERGY])[0]
    return selected, squares, migration, radial


def test_signal_histograms_are_those_of_numpy():
    events = made_up_events()
    made = fill_signal(*events, ENERGY, OFFSET, MIGRA, RAD)
    for ours, theirs in zip(made, numpy_signal(*events), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert made.selected.sum() > 500
    assert (made.squares > made.selected).any()


def test_uneven_bins_and_clusters_of_one_event():
    events = made_up_events(reuse=1)
    edges = np.array([0.07, 0.09, 0.5, 0.51, 40.0])
    made = fill_signal(*events, edges, OFFSET, MIGRA, RAD)
    expected = np.histogram2d(events[2], events[0], [OFFSET, edges])[0]
    np.testing.assert_array_equal(made.selected, expected)
    np.testing.assert_array_equal(made.squares, expected)


def test_background_histograms_are_those_of_numpy():
    _, energy, offset, _, cluster = made_up_events()
    weight = np.random.default_rng(2).uniform(0.1, 2.0, len(energy))
    made = fill_background(energy, offset, weight, cluster, ENERGY, OFFSET)
    known = np.isfinite(energy)
    of_cluster = np.stack(
        [
            np.histogram2d(
                energy[known & mine], offset[known & mine], [ENERGY, OFFSET],
                weights=weight[known & mine],
            )[0]
            for mine in (cluster == c for c in np.unique(cluster))
        ]
    )  # fmt: skip
    np.testing.assert_allclose(made.rate_per_s, of_cluster.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(made.squares, (of_cluster**2).sum(axis=0), rtol=1e-12)
    by_energy = of_cluster.sum(axis=2)
    np.testing.assert_allclose(made.energy_squares, (by_energy**2).sum(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(made.n_showers, (by_energy > 0.0).sum(axis=0))
    assert made.n_showers_in_all == (by_energy.sum(axis=1) > 0.0).sum()


def test_no_events_make_empty_responses():
    none = np.zeros(0)
    made = fill_signal(none, none, none, none, none, ENERGY, OFFSET, MIGRA, RAD)
    area, error = effective_area(no_area(*made.selected.shape))
    assert not area.any()
    assert np.isnan(error).all()
    assert not energy_dispersion(made.migration, MIGRA).any()
    assert not point_spread(made.radial, RAD).any()
    assert fill_background(none, none, none, none, ENERGY, OFFSET).n_showers_in_all == 0


def test_known_probability_and_gaussian_dispersion():
    """A detector that takes 30 % of the events and measures energies to 10 %."""
    rng = np.random.default_rng(8)
    n, chance, width = 400_000, 0.3, 0.1
    true = 10.0 ** rng.uniform(-1.0, 2.0, n)
    offset = 2.0 * np.sqrt(rng.uniform(size=n))
    kept = rng.uniform(size=n) < chance
    thrown = np.histogram2d(offset, true, [OFFSET, ENERGY])[0]
    events = true[kept], (true * rng.normal(1.0, width, n))[kept], offset[kept]
    theta = 0.1 * np.sqrt(-2.0 * np.log(rng.uniform(size=n)))[kept]
    migra = np.linspace(0.5, 1.5, 51)
    signal = fill_signal(*events, theta, np.arange(kept.sum()), ENERGY, OFFSET, migra, RAD)
    area, error = effective_area(add_run(no_area(*thrown.shape), signal, thrown, 5e4, 1))
    pull = (area - chance * 5e4) / error
    assert abs(pull.mean()) < 0.5
    assert 0.7 < pull.std() < 1.3
    binomial = 5e4 * np.sqrt(area / 5e4 * (1.0 - area / 5e4) / (thrown - 1.0))
    np.testing.assert_allclose(error, binomial, rtol=1e-12)
    density = energy_dispersion(signal.migration, migra)
    np.testing.assert_allclose((density * 0.02).sum(axis=1), 1.0, rtol=1e-12)
    centres = 0.5 * (migra[1:] + migra[:-1])
    mean = (density * centres[None, :, None] * 0.02).sum(axis=1)
    rms = np.sqrt((density * (centres[None, :, None] - mean[:, None]) ** 2 * 0.02).sum(axis=1))
    np.testing.assert_allclose(mean, 1.0, atol=0.01)
    np.testing.assert_allclose(rms, width, rtol=0.1)
    psf = point_spread(signal.radial, RAD)
    inside = (psf * ring_solid_angle_sr(RAD)[:, None, None]).cumsum(axis=0)
    expected = -np.expm1(-0.5 * (RAD[1:] / 0.1) ** 2)
    np.testing.assert_allclose(inside[:, 0].mean(axis=1), expected, atol=0.01)


def test_errors_of_areas_know_showers_that_are_used_again():
    """Repeated experiments scatter as their error says; the binomial one is too small."""
    rng = np.random.default_rng(4)
    reuse, n_showers, edges = 10, 500, np.array([0.1, 100.0])
    areas, errors = [], []
    for _ in range(200):
        chance = rng.beta(1.0, 2.0, n_showers)  # what showers differ by
        kept = rng.uniform(size=(n_showers, reuse)) < chance[:, None]
        cluster = np.nonzero(kept)[0]
        ones = np.ones(len(cluster))
        signal = fill_signal(
            ones, ones, ones, 0.0 * ones, cluster, edges, OFFSET[[0, 3]], MIGRA, RAD
        )
        thrown = np.array([[float(reuse * n_showers)]])
        area, error = effective_area(add_run(no_area(1, 1), signal, thrown, 1.0, reuse))
        areas.append(area[0, 0])
        errors.append(error[0, 0])
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)
    binomial = np.sqrt(np.mean(areas) * (1 - np.mean(areas)) / (reuse * n_showers))
    assert np.mean(errors) > 1.5 * binomial


def thrown_rows(low, high, n, cone=(0.0, 0.0)):
    rows = len(low)
    return {
        "energy_min_tev": np.array(low),
        "energy_max_tev": np.array(high),
        "viewcone_min_deg": np.full(rows, cone[0]),
        "viewcone_max_deg": np.full(rows, cone[1]),
        "n_thrown": np.array(n),
    }


def spread(rows, *law):
    return np.tensordot(rows["n_thrown"], spread_shares(rows, *law), axes=1)


def test_thrown_events_stay_where_edges_agree():
    tenths = 10.0 ** (np.arange(0, 6) / 10.0)
    rows = thrown_rows(tenths[:-1], tenths[1:], [7, 5, 4, 2, 1], (0.5, 0.5))
    found = spread(rows, 2.0, (1.0, 3.0), 10.0 ** (np.arange(0, 11, 2) / 20.0 * 2), OFFSET)
    # Edges of fifths of a decade; a point at 0.5 deg lies in the second bin of offset.
    assert found[1].tolist()[:2] == pytest.approx([12.0, 6.0])
    assert not found[[0, 2]].any()


@pytest.mark.parametrize("index", [1.0, 2.0, 2.7])
def test_thrown_events_are_spread_as_they_were_drawn(index):
    rows = thrown_rows([1.0], [10.0], [1000], (0.0, 2.0))
    edges, offsets = np.array([0.5, 2.0, 4.0, 20.0]), np.array([0.0, 0.5, 1.0, 2.0, 3.0])
    found = spread(rows, index, (1.2, 8.0), edges, offsets)
    grid = np.linspace(1.2, 8.0, 200_001)
    density = grid**-index
    inside = [density[(grid >= a) & (grid < b)].sum() for a, b in pairwise(edges)]
    ring = np.array([ring_solid_angle_sr(offsets[i : i + 2])[0] for i in range(4)])
    expected = 1000.0 * np.outer(np.append(ring[:3] / ring[:3].sum(), 0.0), inside / np.sum(inside))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-9)


def test_a_single_offset_is_filed_as_two_equal_bins():
    events = made_up_events()
    edges = np.array([0.25, 0.75])
    signal = fill_signal(*events, ENERGY, edges, MIGRA, RAD)
    axes = Axes(ENERGY, edges, np.array([0.5]), MIGRA, RAD)
    thrown = np.full(signal.selected.shape, 1e4)
    sums = add_run(no_area(*thrown.shape), signal, thrown, 1.0, 4)
    for table in signal_tables(axes, sums, signal):
        wide = widened(table)
        np.testing.assert_array_equal(wide.offset_edges_deg, [0.25, 0.5, 0.75])
        for name in ("area_m2", "matrix", "value_per_sr"):
            values = getattr(wide, name, None)
            if values is not None:
                axis = values.shape.index(2)
                first, second = np.moveaxis(values, axis, 0)
                np.testing.assert_array_equal(first, second)
        assert widened(wide) is wide
