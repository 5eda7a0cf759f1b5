"""Background: smoothing keeps what it must, rings and cells agree, real events lose regions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.map_samples import make_run

from iactflow.errors import InputError
from iactflow.response.background import (
    background_2d,
    background_3d,
    exposure_mev_sr,
    refuse_few_showers,
    scaled_background,
    smooth_rate,
    symmetric_grid,
)
from iactflow.response.histograms import Background, fill_background
from iactflow.response.off_data import free_fraction, off_data_background
from iactflow.response.signal import ring_solid_angle_sr

ENERGY = 10.0 ** (np.arange(-5, 6) / 5.0)
OFFSET = np.linspace(0.0, 2.0, 11)
EXPOSURE = exposure_mev_sr(ENERGY, OFFSET)
CENTRES = np.sqrt(ENERGY[1:] * ENERGY[:-1])


def test_a_flat_power_law_is_left_as_it_is():
    law = 3.0 * CENTRES[:, None] ** -2.7 * np.ones(len(OFFSET) - 1)
    found = smooth_rate(law * EXPOSURE, EXPOSURE, ENERGY, OFFSET, 0.2, 0.5, 2.7)
    np.testing.assert_allclose(found, law, rtol=1e-10)


def test_smoothing_keeps_the_sum_and_draws_bins_together():
    rng = np.random.default_rng(1)
    expected = 4e-6 * CENTRES[:, None] ** -2.7 * EXPOSURE * np.exp(-(OFFSET[None, 1:] ** 2) / 4.0)
    rate = rng.poisson(expected / expected.max() * 30.0).astype(float)
    smooth = smooth_rate(rate, EXPOSURE, ENERGY, OFFSET, 0.15, 0.4, 2.7)
    assert np.sum(smooth * EXPOSURE) == pytest.approx(rate.sum())
    truth = expected / EXPOSURE * (30.0 / expected.max())

    def off(density):
        return np.sqrt(np.mean((density / truth - 1.0)[:5] ** 2))

    assert off(smooth) < 0.5 * off(rate / EXPOSURE)


def test_no_smoothing_is_the_histogram():
    rate = np.random.default_rng(1).uniform(size=EXPOSURE.shape)
    found = smooth_rate(rate, EXPOSURE, ENERGY, OFFSET, 0.0, 0.0, 2.7)
    np.testing.assert_allclose(found, rate / EXPOSURE, rtol=1e-12)


def test_no_event_makes_no_background():
    none = Background(np.zeros(EXPOSURE.shape), np.zeros(EXPOSURE.shape), None, None, 0)
    assert not background_2d(none, ENERGY, OFFSET, 0.2, 0.3).rate_per_s_mev_sr.any()


def test_cells_are_symmetric_and_hold_the_rings():
    rate = np.outer(CENTRES**-2.7, 1.0 - 0.2 * 0.5 * (OFFSET[1:] + OFFSET[:-1])) * EXPOSURE
    flat = Background(rate, rate**2, None, None, 100)
    table = background_2d(flat, ENERGY, OFFSET)
    grid = symmetric_grid(2.0, 0.2)
    cells = background_3d(table, grid).rate_per_s_mev_sr
    np.testing.assert_array_equal(cells, cells.transpose(0, 2, 1))
    np.testing.assert_array_equal(cells, cells[:, ::-1])
    centres = 0.5 * (grid[1:] + grid[:-1])
    x, y = np.meshgrid(centres, centres)
    inside = (np.hypot(x, y) > 0.2) & (np.hypot(x, y) < 1.8)
    expected = CENTRES[0] ** -2.7 * (1.0 - 0.2 * np.hypot(x, y))
    np.testing.assert_allclose(cells[0][inside], expected[inside], rtol=1e-12)
    assert not cells[:, np.hypot(x, y) > 2.0].any()


def test_few_showers_are_refused():
    few = fill_background([1.0, 1.1], [0.1, 0.2], [1.0, 1.0], [7, 7], ENERGY, OFFSET)
    refuse_few_showers("node", few, 1)
    with pytest.raises(InputError, match="min_background_showers: got '1 background showers"):
        refuse_few_showers("node", few, 2)


def test_a_looser_background_takes_the_rate_of_the_cuts():
    energy, offset = [0.5, 0.6, 2.0, 3.0], [0.1, 0.2, 0.5, 1.0]
    weight, shower = [2.0, 1.0, 3.0, 4.0], [1, 1, 2, 3]
    loose = fill_background(energy, offset, weight, shower, ENERGY, OFFSET)
    tight = fill_background(energy[:3], offset[:3], weight[:3], shower[:3], ENERGY, OFFSET)
    found, numbers = scaled_background("node", tight, loose, 2)
    assert found.rate_per_s.sum() == pytest.approx(6.0)
    assert numbers["background_scale"] == pytest.approx(0.6)
    # The two events of the first shower lie in one bin of energy, that of the second in another.
    assert numbers["background_scale_error"] == pytest.approx(np.sqrt(3.0**2 + 3.0**2) / 10.0)
    np.testing.assert_allclose(found.rate_per_s, 0.6 * loose.rate_per_s)
    assert found.n_showers_in_all == 3
    with pytest.raises(InputError, match="min_scale_showers: got '2 background showers"):
        scaled_background("node", tight, loose, 3)


CIRCLE = {"ra_deg": 83.6, "dec_deg": 22.0, "radius_deg": 0.3}


def test_free_part_of_rings():
    rings = np.array([0.0, 0.3, 0.6, 1.0])
    centred = free_fraction(83.6, 22.0, rings, [CIRCLE])
    np.testing.assert_allclose(centred, [0.0, 1.0, 1.0], atol=0.01)
    beside = free_fraction(83.6, 21.5, np.array([0.0, 1.0]), [CIRCLE])
    lost = ring_solid_angle_sr(np.array([0.0, 0.3])) / ring_solid_angle_sr(np.array([0.0, 1.0]))
    assert beside[0] == pytest.approx(1.0 - lost[0], abs=0.005)


def test_real_events_outside_regions_make_the_rate():
    """A flat sky of events: its rate comes out, whatever is cut out of it."""
    rng = np.random.default_rng(3)
    runs, density = [], 2000.0  # events per square degree
    for dec in (21.5, 22.5):
        run = make_run(1)
        n = rng.poisson(density * np.pi * 4.0)
        radius, angle = 2.0 * np.sqrt(rng.uniform(size=n)), rng.uniform(0.0, 2.0 * np.pi, n)
        decs = dec + radius * np.cos(angle)
        changed = {
            "ra_pnt_deg": 83.6,
            "dec_pnt_deg": dec,
            "livetime_s": 100.0,
            "event_ra_deg": 83.6 + radius * np.sin(angle) / np.cos(np.radians(decs)),
            "event_dec_deg": decs,
            "event_energy_tev": np.full(n, 1.05),
        }
        runs.append((type(run)(**{**vars(run), **changed}), [CIRCLE]))
    rings = np.linspace(0.0, 1.5, 6)
    found = off_data_background(runs, ENERGY, rings)
    area = ring_solid_angle_sr(rings) / np.radians(1.0) ** 2
    pull = (found.rate_per_s.sum(axis=0) - density / 100.0 * area) / np.sqrt(
        found.squares.sum(axis=0)
    )
    assert np.abs(pull).max() < 4.0
    assert found.n_showers_in_all > 10_000
    covered = [(run, [{**CIRCLE, "radius_deg": 1.0}]) for run, _ in runs]
    with pytest.raises(InputError, match=r"no free sky at 0 to 0\.3 deg"):
        off_data_background(covered, ENERGY, rings)
