"""Parametrised responses against their published sources."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from scipy.integrate import quad

from iactflow.errors import InputError
from iactflow.io.gadf import find_files, read_observation
from iactflow.response import parametrised as p

DR1_RUN = 20136


@pytest.fixture(scope="module")
def dr1_run(dr1):
    """A run of the public release at 38.5 deg zenith."""
    return read_observation(find_files(dr1)[DR1_RUN], hdus=("aeff", "psf", "bkg"))


def test_area_on_axis_is_the_published_one():
    from gammapy.irf import EffectiveAreaTable2D
    from gammapy.maps import MapAxis

    axis = MapAxis.from_energy_bounds("0.1 TeV", "50 TeV", nbin=12, name="energy_true")
    published = EffectiveAreaTable2D.from_parametrization(axis, "HESS").quantity[:, 0]
    ours = p.effective_area_m2(axis.center.to_value("TeV"), 0.0)
    np.testing.assert_allclose(ours, published.to_value(units.m**2), rtol=1e-12)


def test_zenith_moves_threshold_and_area():
    # The trigger threshold goes from 100 GeV at the zenith to 700 GeV at 60 deg.
    assert p.safe_energy_min_tev(60.0) / p.safe_energy_min_tev(0.0) == pytest.approx(7.0, rel=0.01)
    # At 60 deg everything happens at 2^2.8 times the energy and on four times the area.
    at_zenith = p.effective_area_m2(np.array([0.2, 1.0, 9.0]), 0.0, 0.0)
    inclined = p.effective_area_m2(2**2.8 * np.array([0.2, 1.0, 9.0]), 0.0, 60.0)
    np.testing.assert_allclose(inclined, 4.0 * at_zenith)


def test_area_falls_to_half_at_its_width():
    ratio = p.effective_area_m2(0.5, 1.75) / p.effective_area_m2(0.5, 0.0)
    assert ratio == pytest.approx(0.5)


def test_threshold_is_where_the_area_is_a_tenth_of_its_maximum():
    largest = max(p.effective_area_m2(np.geomspace(1, 100, 500), 0.0))
    at_threshold = p.effective_area_m2(p.safe_energy_min_tev(), 0.0)
    assert at_threshold == pytest.approx(0.1 * largest, rel=0.02)
    assert p.responses(20.0).aeff.lo_thres_tev == p.safe_energy_min_tev()


def test_migration_is_log_normal_and_unbiased():
    edges = np.linspace(0.2, 3.0, 20001)
    fraction = p.migration_fraction(edges[:-1], edges[1:])
    middle = 0.5 * (edges[1:] + edges[:-1])
    assert fraction.sum() == pytest.approx(1.0, abs=1e-9)
    assert (fraction * middle).sum() == pytest.approx(1.0, abs=1e-6)
    spread = (fraction * (middle - 1.0) ** 2).sum()
    assert spread == pytest.approx(np.expm1(p.ENERGY_RESOLUTION**2), rel=1e-5)


def test_psf_containment_against_numerical_integration():
    sigma = (0.046, 0.12)

    def density(radius):
        gauss = [np.exp(-0.5 * (radius / s) ** 2) for s in sigma]
        return 2.0 * np.pi * radius * (gauss[0] + 0.15 * gauss[1])

    total = quad(density, 0.0, 2.0)[0]
    radii = np.linspace(0.01, 0.4, 9)
    expected = [quad(density, 0.0, radius)[0] / total for radius in radii]
    radius68 = np.interp(0.68, [quad(density, 0.0, r)[0] / total for r in R_FINE], R_FINE)
    np.testing.assert_allclose(p.psf_containment(radii, radius68), expected, atol=2e-4)
    assert p.psf_containment(0.11, 0.11) == pytest.approx(0.68)


R_FINE = np.linspace(0.05, 0.3, 501)


def test_tables_are_normalised():
    tables = p.responses(20.0)
    total = np.sum(tables.edisp.matrix * np.diff(tables.edisp.migra_edges)[:, None], axis=1)
    np.testing.assert_allclose(total, 1.0)
    cosines = np.cos(np.deg2rad(tables.psf.rad_edges_deg))
    solid_angle_sr = 2.0 * np.pi * -np.diff(cosines)
    total = np.tensordot(solid_angle_sr, tables.psf.value_per_sr, axes=1)
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)
    contained = np.cumsum(solid_angle_sr * tables.psf.value_per_sr[:, 1, 16])
    energy_tev = np.sqrt(tables.psf.energy_edges_tev[16] * tables.psf.energy_edges_tev[17])
    radius68 = np.interp(0.68, contained, tables.psf.rad_edges_deg[1:])
    assert radius68 == pytest.approx(p.psf_radius68_deg(energy_tev, 0.5), rel=0.01)


def test_background_table_is_the_formula_at_its_centres():
    bkg = p.responses(20.0).bkg
    energy_tev = np.sqrt(bkg.energy_edges_tev[10] * bkg.energy_edges_tev[11])
    centres = 0.5 * (bkg.x_edges_deg[1:] + bkg.x_edges_deg[:-1])
    offset_deg = np.hypot(centres[40], centres[20])
    expected = 1e-6 * p.HADRON_FRACTION * p.hadron_flux_per_m2_s_sr_tev(energy_tev)
    expected *= p.effective_area_m2(energy_tev, 0.0) / (1.0 + (offset_deg / 2.0) ** 3)
    assert bkg.rate_per_s_mev_sr[10, 20, 40] == pytest.approx(expected)
    assert bkg.rate_per_s_mev_sr[10, 0, 0] == 0.0


@pytest.mark.parametrize("zenith_deg", [-1.0, 61.0])
def test_zenith_outside_the_formulas_is_refused(zenith_deg):
    with pytest.raises(InputError, match=r"zenith_deg.*0 to 60"):
        p.responses(zenith_deg)


@pytest.mark.data
def test_background_of_the_public_release(dr1_run):
    aeff, bkg = dr1_run.aeff, dr1_run.bkg
    energy_tev = np.sqrt(bkg.energy_edges_tev[1:] * bkg.energy_edges_tev[:-1])
    middle = len(bkg.x_edges_deg) // 2
    on_axis = bkg.rate_per_s_mev_sr[:, middle - 2 : middle + 2, middle - 2 : middle + 2]
    on_axis = 1e6 * on_axis.mean(axis=(1, 2))
    area_tev = np.sqrt(aeff.energy_edges_tev[1:] * aeff.energy_edges_tev[:-1])
    area_m2 = np.interp(np.log(energy_tev), np.log(area_tev), aeff.area_m2[0])
    use = (energy_tev > 0.9) & (energy_tev < 8.0)
    fraction = on_axis[use] / (p.hadron_flux_per_m2_s_sr_tev(energy_tev[use]) * area_m2[use])
    np.testing.assert_allclose(fraction, p.HADRON_FRACTION, rtol=0.25)
    centres = 0.5 * (bkg.x_edges_deg[1:] + bkg.x_edges_deg[:-1])
    offset_deg = np.hypot(*np.meshgrid(centres, centres))
    plane = bkg.rate_per_s_mev_sr[np.argmin(np.abs(energy_tev - 1.0))] / on_axis[use][0] * 1e6
    for low in (0.5, 1.0, 1.5, 1.75):
        ring = (offset_deg >= low) & (offset_deg < low + 0.25)
        assert p.acceptance(offset_deg[ring]).mean() == pytest.approx(plane[ring].mean(), rel=0.1)


@pytest.mark.data
def test_offset_dependence_of_area_and_psf_of_the_public_release(dr1_run):
    aeff, psf = dr1_run.aeff, dr1_run.psf
    for energy_tev in (0.5, 1.0, 10.0):
        column = aeff.area_m2[:, np.searchsorted(aeff.energy_edges_tev, energy_tev) - 1]
        ours = p.effective_area_m2(energy_tev, aeff.offset_nodes_deg)
        np.testing.assert_allclose((ours / ours[0])[:4], (column / column[0])[:4], rtol=0.25)
    solid_angle_sr = -2.0 * np.pi * np.diff(np.cos(np.deg2rad(psf.rad_edges_deg)))
    for energy_tev in (0.3, 1.0, 5.0, 20.0):
        i = np.searchsorted(psf.energy_edges_tev, energy_tev) - 1
        contained = np.cumsum(solid_angle_sr * psf.value_per_sr[:, 1, i])
        radius68 = np.interp(0.68, contained / contained[-1], psf.rad_edges_deg[1:])
        assert p.psf_radius68_deg(energy_tev, 0.5) == pytest.approx(radius68, rel=0.15)
