"""Tables of shapes: sums, smoothing, look-up against slow twins; nodes; files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iactflow.discrimination.shape_sums import Conditions, ShapeSums, ShapeTableSettings
from iactflow.discrimination.shape_table_files import (
    read_shape_sums,
    read_shape_tables,
    write_shape_sums,
)
from iactflow.discrimination.shape_tables import ShapeTables
from iactflow.discrimination.smoothing import smooth
from iactflow.discrimination.table_kernels import N_SUMS, UNIT, Binning, add_rows, look_up
from iactflow.errors import InputError
from iactflow.io.merge import merge_tables

BINNING = Binning(2.0, 0.5, 6, 50.0, 5)
SETTINGS = ShapeTableSettings(
    n_size_bins=30, size_max_pe=1e5, n_impact_bins=20, impact_max_m=400.0, min_entries=3.0
)


def drawn(n, seed=3):
    """Sizes, distances and quantities of images that follow a plane, with known scatter."""
    rng = np.random.default_rng(seed)
    impact = rng.uniform(0.0, 300.0, n)
    ln_size = rng.uniform(np.log(50.0), np.log(5000.0), n)
    noise = rng.normal(size=(n, 4)) * (0.01, 0.02, 0.2, 0.1)
    values = np.column_stack(
        [0.02 * ln_size, 0.1 + 1e-4 * impact, -6.0 + impact / 200.0, 0.3 + impact / 300.0]
    )
    return np.exp(ln_size), impact, values + noise


def conditions(n, zenith=20.0, offset=0.5, nsb=0.1, throughput=1.0):
    return Conditions(*(np.full(n, x) for x in (zenith, offset, nsb, throughput)))


def filled(parts, settings=SETTINGS, **given):
    sums = ShapeSums(settings)
    for size, impact, values in parts:
        sums.add("tel", conditions(len(size), **given), size, impact, values)
    return sums


def test_sums_equal_a_slow_twin():
    rng = np.random.default_rng(1)
    n = 400
    node = rng.integers(-1, 2, n)
    ln_size, impact = rng.uniform(1.5, 5.5, n), rng.uniform(-10.0, 300.0, n)
    values, weight = rng.normal(size=(n, 4)), rng.uniform(0.1, 3.0, n)
    values[::50, 2] = np.nan
    sums = np.zeros((2, 6, 5, N_SUMS), dtype=np.int64)
    left_out = add_rows(sums, BINNING, node, ln_size, impact, values, weight)
    slow, lost = np.zeros(sums.shape), 0
    for i in range(n):
        if node[i] < 0:
            continue
        a, b = int(np.floor((ln_size[i] - 2.0) / 0.5)), int(np.floor(impact[i] / 50.0))
        if not (0 <= a < 6 and 0 <= b < 5) or np.isnan(values[i]).any():
            lost += 1
            continue
        moments = [m for x in values[i] for m in (weight[i] * x, weight[i] * x * x)]
        slow[node[i], a, b] += [1.0, weight[i], weight[i] ** 2, *moments]
    assert left_out == lost > 0
    assert np.array_equal(sums[..., 0], slow[..., 0])
    assert np.allclose(sums[..., 1:] / UNIT, slow[..., 1:], atol=1e-7)


def test_look_up_equals_a_slow_twin():
    rng = np.random.default_rng(2)
    mean = rng.normal(size=(3, 6, 5, 4))
    mean[:, 2, 3] = np.nan
    scatter = np.where(np.isnan(mean), np.nan, rng.uniform(1.0, 2.0, mean.shape))
    n = 300
    node = np.column_stack([rng.integers(0, 3, n), rng.integers(0, 3, n)])
    share = rng.uniform(0.0, 1.0, n)
    weight = np.column_stack([share, 1.0 - share])
    weight[:50] = (1.0, 0.0)
    ln_size, impact = rng.uniform(1.8, 5.2, (n, 2)), rng.uniform(0.0, 260.0, n)
    found, spread = look_up(mean, scatter, BINNING, node, weight, ln_size, impact)

    def slow(table, x, y):
        if not (0 <= x < 6 and 0 <= y < 5) or np.isnan(table[int(x), int(y)]):
            return np.nan
        total = value = 0.0
        for a in range(6):
            for b in range(5):
                u, v = np.clip(x, 0.5, 5.5), np.clip(y, 0.5, 4.5)
                w = max(0.0, 1.0 - abs(a + 0.5 - u)) * max(0.0, 1.0 - abs(b + 0.5 - v))
                if w > 0.0 and not np.isnan(table[a, b]):
                    total, value = total + w, value + w * table[a, b]
        return value / total

    for tables, result in ((mean, found), (scatter, spread)):
        for i in range(n):
            wanted = sum(
                weight[i, c] * slow(tables[node[i, c], :, :, 1], (ln_size[i, c] - 2.0) / 0.5,
                                    impact[i] / 50.0)
                for c in range(2) if weight[i, c] > 0.0
            )  # fmt: skip
            assert np.isclose(result[i, 1], wanted, equal_nan=True)
    assert 0 < np.isnan(found[:, 1]).sum() < n


@pytest.mark.parametrize("sigma", [0.8, 1.5])
def test_smoothing_gives_a_plane_back_and_its_scatter(sigma):
    size, impact, values = drawn(60_000)
    tables = ShapeTables(filled([(size, impact, values)], replace(SETTINGS, smoothing_bins=sigma)))
    inner = (size > 100) & (size < 2500) & (impact < 260.0)
    found = tables.expect("tel", conditions(len(size)), size, impact)
    pulls = (values - found.mean) / found.scatter
    # The plane has no curvature: means to their statistical error, scatters to 2 %, for the bins
    # have a width that the plane's own gradient spreads values over.
    assert np.all(np.abs(pulls[inner].mean(axis=0)) < 5.0 / np.sqrt(inner.sum()))
    assert np.all(np.abs(pulls[inner].std(axis=0) - 1.0) < 0.03)


def test_smoothing_equals_a_weighted_fit():
    rng = np.random.default_rng(5)
    sums = np.zeros((6, 5, N_SUMS), dtype=np.int64)
    n = 500
    ln_size, impact = rng.uniform(2.0, 5.0, n), rng.uniform(0.0, 250.0, n)
    values, weight = rng.normal(size=(n, 4)) + ln_size[:, None], rng.uniform(0.5, 2.0, n)
    add_rows(sums[None], BINNING, np.zeros(n, dtype=np.int64), ln_size, impact, values, weight)
    mean, scatter = smooth(sums, 1.0, 1.0)
    a, b = (np.floor((ln_size - 2.0) / 0.5) - 3.0), np.floor(impact / 50.0) - 2.0
    near = (np.abs(a) <= 3) & (np.abs(b) <= 3)
    w = weight * np.exp(-0.5 * (a**2 + b**2)) * near
    design = np.column_stack([np.ones(n), a, b])
    plane = np.linalg.solve(
        (design * w[:, None]).T @ design + np.diag([0.0, 1e-3, 1e-3]) * w.sum(),
        (design * w[:, None]).T @ values[:, 1],
    )
    spread = np.sqrt(np.sum(w * (values[:, 1] - design @ plane) ** 2) / w.sum())
    assert np.isclose(mean[3, 2, 1], plane[0], rtol=1e-6)
    assert np.isclose(scatter[3, 2, 1], spread, rtol=1e-5)


def test_nothing_is_invented_beyond_one_bin():
    sums = np.zeros((12, 12, N_SUMS), dtype=np.int64)
    sums[5, 6, 0] = 100
    sums[5, 6, 1:3] = int(100 * UNIT)
    mean, _ = smooth(sums, 1.5, 2.0)
    assert np.argwhere(np.isfinite(mean[..., 0])).tolist() == [
        [a, b] for a in (4, 5, 6) for b in (5, 6, 7)
    ]
    mean, _ = smooth(sums, 0.0, 2.0)
    assert np.argwhere(np.isfinite(mean[..., 0])).tolist() == [[5, 6]]
    mean, _ = smooth(sums, 1.5, 101.0)
    assert not np.isfinite(mean).any()


def test_chunks_merge_exactly_in_files_too(tmp_path):
    parts = [drawn(2000, seed) for seed in range(3)]
    whole = filled([tuple(np.concatenate(x) for x in zip(*parts, strict=True))])
    one, other = filled(parts[:1]), filled(parts[:0:-1])
    for name, sums in (("one", one), ("other", other), ("whole", whole)):
        write_shape_sums(tmp_path / f"{name}.root", sums)
    merge_tables([tmp_path / "other.root", tmp_path / "one.root"], tmp_path / "merged.root")
    one.merge(other)
    for sums in (one, read_shape_sums(tmp_path / "merged.root")):
        assert list(sums.sums) == list(whole.sums)
        for node in whole.sums:
            assert np.array_equal(sums.sums[node], whole.sums[node])
    tables = read_shape_tables(tmp_path / "merged.root")
    assert np.array_equal(
        tables.types["tel"].mean, ShapeTables(whole).types["tel"].mean, equal_nan=True
    )


def test_other_bins_do_not_merge():
    with pytest.raises(InputError, match="binning"):
        filled([]).merge(filled([], replace(SETTINGS, n_size_bins=31)))


def test_nodes_are_interpolated_in_the_right_variables():
    size, impact, values = drawn(20_000)
    sums = ShapeSums(SETTINGS)
    for zenith, shift in ((0.0, 0.0), (60.0, 0.1)):
        sums.add("tel", conditions(len(size), zenith=zenith), size, impact, values + shift)
    tables = ShapeTables(sums)
    at = [tables.expect("tel", conditions(1, zenith=z), [500.0], [100.0]).mean[0]
          for z in (0.0, np.degrees(np.arccos(0.75)), 60.0)]  # fmt: skip
    assert np.allclose(at[2] - at[0], 0.1, atol=1e-6)
    assert np.allclose(at[1] - at[0], 0.05, atol=1e-6)


def test_throughput_shifts_sizes():
    size, impact, values = drawn(20_000)
    tables = ShapeTables(filled([(size, impact, values)]))
    clean = tables.expect("tel", conditions(1), [500.0], [100.0])
    worn = tables.expect("tel", conditions(1, throughput=0.8), [400.0], [100.0])
    assert np.allclose(worn.mean[0, [0, 1, 3]], clean.mean[0, [0, 1, 3]])
    # The same energy from 0.8 times the light.
    assert np.isclose(worn.mean[0, 2] + np.log(400.0), clean.mean[0, 2] + np.log(500.0))
    # Filled with worn telescopes, looked up with new ones: the same again.
    values[:, 2] += np.log(1.0 / 0.84)
    other = ShapeTables(filled([(0.84 * size, impact, values)], throughput=0.84))
    again = other.expect("tel", conditions(1), [500.0], [100.0])
    assert np.allclose(again.mean, clean.mean, atol=0.02)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"zenith": 30.0}, "zenith_deg of tel: got 30.0; allowed: 17.5 to 22.5"),
        ({"nsb": 1.0}, "nsb_rate_ghz of tel: got 1.0; allowed: 0.0631 to 0.158"),
        ({"nsb": np.nan}, "nsb_rate_ghz of tel: got nan"),
        ({"throughput": 0.5}, "throughput of tel: got 0.5; allowed: 0.7 to 1.3"),
    ],
)
def test_conditions_beyond_the_nodes_are_refused(given, key):
    tables = ShapeTables(filled([drawn(3000)]), "tables.root")
    with pytest.raises(InputError, match=key) as caught:
        tables.expect("tel", conditions(1, **given), [500.0], [100.0])
    assert caught.value.file == "tables.root"


def test_offsets_beyond_the_nodes_have_no_expectation():
    tables = ShapeTables(filled([drawn(3000)]))
    offsets = conditions(3)._replace(offset_deg=np.array([0.0, 1.5, 1.6]))
    found = tables.expect("tel", offsets, np.full(3, 500.0), np.full(3, 100.0))
    assert np.isfinite(found.mean[:, 0]).tolist() == [True, True, False]


def test_nodes_must_fill_a_grid_and_types_be_known():
    size, impact, values = drawn(3000)
    sums = filled([(size, impact, values)])
    sums.add("tel", conditions(3000, zenith=40.0, offset=1.0), size, impact, values)
    with pytest.raises(InputError, match="no simulations of Node"):
        ShapeTables(sums)
    with pytest.raises(InputError, match="telescope_type: got 'other'; allowed: tel"):
        ShapeTables(filled([drawn(3000)])).expect("other", conditions(1), [500.0], [100.0])
    with pytest.raises(InputError, match="no simulated image"):
        ShapeTables(filled([]))
