"""Responses between the grid points: analytic cases, numpy twins and gammapy."""

from __future__ import annotations

import numpy as np
import pytest
from reference_targets import reference_runs, reference_targets
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import norm

from iactflow.campaign.directions import separation_deg
from iactflow.io.gadf import EffectiveArea, EnergyDispersion, PointSpread, read_observation
from iactflow.response.interpolate import (
    containment,
    effective_area_m2,
    energy_dispersion,
    energy_mask,
    geometric_centres,
    threshold_energy_tev,
)
from iactflow.science.dataset import definitions

ENERGY = np.geomspace(0.1, 100, 31)
OFFSET = np.array([0.0, 0.5, 1.0, 2.0])
MIGRA = np.linspace(0.2, 3, 141)


@pytest.fixture
def rng():
    return np.random.default_rng(20060729)


def _table(rng):
    return EffectiveArea(ENERGY, OFFSET, rng.uniform(1e4, 1e5, (3, 30)))


def test_area_twin(rng):
    table = _table(rng)
    grid = (table.offset_nodes_deg, np.log(geometric_centres(ENERGY)))
    twin = RegularGridInterpolator(grid, table.area_m2, bounds_error=False, fill_value=None)
    energy = np.exp(rng.uniform(np.log(0.1), np.log(100), 200))
    for offset in (0.0, 0.1, 0.5, 1.3, 2.0):
        expected = np.maximum(twin(np.column_stack([np.full(200, offset), np.log(energy)])), 0)
        np.testing.assert_allclose(effective_area_m2(table, energy, offset), expected, rtol=1e-12)


def test_area_that_is_linear_comes_back_exactly():
    centres = np.log(geometric_centres(ENERGY))
    table = EffectiveArea(ENERGY, OFFSET, np.array([[5], [4], [2]]) + 0.1 * centres)
    energy = np.geomspace(0.1, 100, 57)
    # The nodes of the offset bins are 0.25, 0.75 and 1.5 deg.
    expected = 4.5 + 0.1 * np.log(energy)
    np.testing.assert_allclose(effective_area_m2(table, energy, 0.5), expected, rtol=1e-12)


def test_area_outside_the_table_is_zero(rng):
    table = _table(rng)
    np.testing.assert_array_equal(effective_area_m2(table, np.array([0.09, 101.0]), 0.5), 0)
    np.testing.assert_array_equal(effective_area_m2(table, np.array([1.0]), 2.01), 0)


def test_area_with_a_single_offset_does_not_depend_on_it(rng):
    table = EffectiveArea(ENERGY, np.array([0.0, 2.0]), rng.uniform(1e4, 1e5, (1, 30)))
    energy = np.array([0.5, 5.0])
    np.testing.assert_array_equal(
        effective_area_m2(table, energy, 0.1), effective_area_m2(table, energy, 1.9)
    )


def test_points_of_the_file_are_nodes():
    area = np.array([[10.0], [20.0]]).repeat(30, axis=1)
    table = EffectiveArea(
        ENERGY, np.array([-0.25, 0.25, 0.75]), area, offset_nodes_deg=np.array([0.0, 0.5])
    )
    np.testing.assert_allclose(effective_area_m2(table, np.array([1.0]), 0.2), 14.0)


def _gaussian_psf(sigma_deg):
    rad = np.linspace(0, 1, 401)
    middle = 0.5 * (rad[1:] + rad[:-1])
    density = np.exp(-(middle**2) / (2 * sigma_deg**2)) / (2 * np.pi * np.radians(sigma_deg) ** 2)
    values = np.broadcast_to(density[:, None, None], (400, 3, 30)).copy()
    return PointSpread(ENERGY, OFFSET, rad, values)


@pytest.mark.parametrize("radius", [0.01, 0.05, 0.1123, 0.3])
def test_containment_of_a_gaussian(radius):
    expected = 1 - np.exp(-(radius**2) / (2 * 0.06**2))
    got = containment(_gaussian_psf(0.06), np.array([0.3, 3.0]), 0.7, radius)
    np.testing.assert_allclose(got, expected, atol=3e-4)


def test_containment_twin(rng):
    rad = np.linspace(0, 0.6, 61)
    psf = PointSpread(ENERGY, OFFSET, rad, rng.uniform(0, 1e4, (60, 3, 30)))
    rings = np.pi * np.diff(np.radians(rad) ** 2)
    cumulative = np.cumsum(psf.value_per_sr * rings[:, None, None], axis=0)
    grid = (rad[1:], psf.offset_nodes_deg, np.log(geometric_centres(ENERGY)))
    twin = RegularGridInterpolator(grid, cumulative, bounds_error=False, fill_value=None)
    energy = np.geomspace(0.1, 100, 40)
    for radius in (0.005, 0.11, 0.3, 0.6):
        points = np.column_stack([np.full(40, radius), np.full(40, 0.9), np.log(energy)])
        np.testing.assert_allclose(
            containment(psf, energy, 0.9, radius), np.maximum(twin(points), 0), rtol=1e-10
        )
    np.testing.assert_allclose(
        containment(psf, energy, 0.9, 5.0), containment(psf, energy, 0.9, 0.6), rtol=1e-12
    )
    np.testing.assert_array_equal(containment(psf, np.array([0.05]), 0.9, 0.1), 0)


def _gaussian_edisp(bias, sigma):
    integral = np.diff(norm.cdf(MIGRA, loc=1 + bias, scale=sigma))
    matrix = np.broadcast_to((integral / np.diff(MIGRA))[None, :, None], (3, 140, 30))
    return EnergyDispersion(ENERGY, MIGRA, OFFSET, matrix.copy())


def test_dispersion_of_a_gaussian_migration():
    true, reco = np.geomspace(0.3, 30, 21), np.geomspace(0.05, 200, 41)
    got = energy_dispersion(_gaussian_edisp(0.1, 0.2), true, reco, 0.6)
    ratio = reco[None, :] / geometric_centres(true)[:, None]
    expected = np.diff(norm.cdf(ratio, loc=1.1, scale=0.2), axis=1)
    np.testing.assert_allclose(got, expected, atol=2e-3)
    np.testing.assert_allclose(got.sum(axis=1), 1, rtol=1e-6)


def test_dispersion_twin(rng):
    table = EnergyDispersion(ENERGY, MIGRA, OFFSET, rng.uniform(0, 1, (3, 140, 30)))
    true, reco = np.geomspace(0.05, 150, 30), np.geomspace(0.1, 100, 20)
    middle = 0.5 * (MIGRA[1:] + MIGRA[:-1])
    grid = (table.offset_nodes_deg, middle, np.log(geometric_centres(ENERGY)))
    twin = RegularGridInterpolator(grid, table.matrix, bounds_error=False, fill_value=None)
    expected = np.zeros((29, 19))
    for i, energy in enumerate(geometric_centres(true)):
        points = np.column_stack([np.full(140, 1.2), middle, np.full(140, np.log(energy))])
        density = np.maximum(twin(points), 0)
        cumulative = np.insert(np.cumsum(density * np.diff(MIGRA)), 0, 0)
        expected[i] = np.diff(np.interp(reco / energy, MIGRA, cumulative / cumulative[-1]))
    np.testing.assert_allclose(
        energy_dispersion(table, true, reco, 1.2), expected, rtol=1e-9, atol=1e-8
    )


def test_dispersion_without_density_is_zero_and_finite():
    table = EnergyDispersion(ENERGY, MIGRA, OFFSET, np.zeros((3, 140, 30)))
    got = energy_dispersion(table, np.geomspace(1, 10, 4), np.geomspace(1, 10, 4), 0.5)
    np.testing.assert_array_equal(got, 0)
    outside = energy_dispersion(_gaussian_edisp(0, 0.2), ENERGY, ENERGY, 2.5)
    np.testing.assert_array_equal(outside, 0)


def test_threshold_of_a_power_law_with_a_plateau():
    energy = np.geomspace(0.1, 100, 31)
    area = np.minimum(1e5 * (energy / 10) ** 2, 1e5)
    assert threshold_energy_tev(energy, area, 0.1) == pytest.approx(10 * np.sqrt(0.1), rel=1e-12)
    assert threshold_energy_tev(energy, area, 0.0) == energy[0]


def test_threshold_without_a_rising_crossing_keeps_everything_that_has_area():
    energy = np.geomspace(1, 100, 5)
    assert threshold_energy_tev(energy, np.array([5, 10, 10, 1, 0.1]), 0.1) == energy[0]
    assert threshold_energy_tev(energy, np.array([0, 0, 9, 10, 10]), 0.1) == energy[2]
    assert threshold_energy_tev(energy, np.zeros(5), 0.1) == np.inf


def test_mask_keeps_bins_wholly_inside():
    edges = np.array([1.0, 2.0, 4.0, 8.0])
    np.testing.assert_array_equal(energy_mask(edges, 2.0, 8.0), [False, True, True])
    np.testing.assert_array_equal(energy_mask(edges, 2.1, 7.9), [False, False, False])
    np.testing.assert_array_equal(energy_mask(edges), True)


@pytest.mark.data
@pytest.mark.parametrize("name", ["crab", "pks2155_flare", "pks2155_low", "msh1552", "rxj1713"])
def test_responses_are_those_of_gammapy(data_dir, dr1, name):
    from gammapy_spectra import gammapy_dataset

    target = reference_targets(data_dir)[name]
    axes = definitions(target)["default"].axes
    true, reco = axes.energy_true_edges_tev, axes.energy_edges_tev
    for run, path in list(reference_runs(data_dir, dr1, name).items())[:2]:
        made, seen = gammapy_dataset(data_dir, dr1, name, run), read_observation(path)
        position = target["position"]
        pointing = seen.ra_pnt_deg, seen.dec_pnt_deg
        offset = separation_deg(*pointing, position["ra_deg"], position["dec_deg"])
        energy = geometric_centres(true)
        inside = containment(seen.psf, energy, offset, target["spectrum"]["on_radius_deg"])
        np.testing.assert_allclose(inside, made.containment, atol=1e-12)
        area = effective_area_m2(seen.aeff, energy, offset)
        if target["spectrum"]["containment_correction"]:
            area = area * inside
        exposure = made.dataset.exposure.quantity.to_value("m2 s").ravel()
        np.testing.assert_allclose(area * seen.livetime_s, exposure, rtol=1e-11)
        np.testing.assert_allclose(
            energy_dispersion(seen.edisp, true, reco, offset),
            made.dataset.edisp.get_edisp_kernel().data,
            atol=1e-11,
        )
        mask = energy_mask(reco, threshold_energy_tev(energy, area, 0.1))
        np.testing.assert_array_equal(mask, made.mask_aeff_max)
        mask = energy_mask(reco, seen.aeff.lo_thres_tev, seen.aeff.hi_thres_tev)
        np.testing.assert_array_equal(mask, made.mask_aeff_default)
