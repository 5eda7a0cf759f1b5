"""Extinction: tables, the model behind built ones, and the standard atmospheres of sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from iactflow.atmosphere.extinction import (
    OPAQUE,
    ExtinctionTable,
    read_modtran,
    thinned,
    transmission,
)
from iactflow.atmosphere.extinction_model import (
    Aerosols,
    gas_absorption,
    rayleigh_cross_section_cm2,
    site_extinction,
)
from iactflow.atmosphere.profile import read_profile_ecsv
from iactflow.atmosphere.site import (
    extinction_rows,
    geographic_field,
    load_atmosphere,
    magnetic_field,
    read_extinction_ecsv,
)
from iactflow.errors import InputError

ATMOSPHERES = Path(__file__).parents[2] / "config" / "atmospheres"
SITES = ("la_palma", "namibia", "paranal")
MODTRAN = "instrument/ctao_north_prod6/atm_trans_2156_1_3_2_0_0_0.1_0.1.dat"


@pytest.fixture(scope="module")
def small():
    return ExtinctionTable(
        np.array([2000.0, 3000.0, 10e3]),
        np.array([300.0, 400.0, 500.0]),
        np.array([[0.0, 0.0, 0.0], [0.2, 0.1, 0.05], [0.9, 0.4, 0.1]]),
        2000.0,
    )


def by_numpy(table, wavelength_nm, height_m, cos_zenith):
    tau = [np.interp(wavelength_nm, table.wavelengths_nm, row) for row in table.tau]
    return np.exp(-np.interp(height_m, table.heights_m, tau) / cos_zenith)


def test_transmission_by_hand(small):
    assert transmission(small, 400.0, 3000.0, 1.0) == pytest.approx(np.exp(-0.1))
    assert transmission(small, 400.0, 3000.0, 0.5) == pytest.approx(np.exp(-0.2))
    assert transmission(small, 350.0, 6500.0, 1.0) == pytest.approx(np.exp(-0.4))
    assert transmission(small, 400.0, 1900.0, 0.5) == 1.0
    assert transmission(small, 900.0, 50e3, 1.0) == pytest.approx(np.exp(-0.1))


def test_transmission_equals_numpy(small):
    generator = np.random.default_rng(2)
    for _ in range(200):
        values = generator.uniform((250.0, 2001.0, 0.5), (550.0, 20e3, 1.0))
        assert transmission(small, *values) == pytest.approx(by_numpy(small, *values), rel=1e-12)


def test_modtran(data_dir):
    table = read_modtran(data_dir / MODTRAN)
    assert table.observation_level_m == 2156.0
    assert table.tau.shape == (41, 801)
    # The first line of the file: 200 nm, 0.264958 from 2.206 km, opaque from 4.5 km on.
    assert table.tau[1, 0] == 0.264958
    assert table.tau[list(table.heights_m).index(4500.0), 0] == OPAQUE
    assert transmission(table, 200.0, 5000.0, 1.0) < 1e-20
    assert 0.75 < transmission(table, 400.0, 10e3, 1.0) < 0.85


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("300 0.1\n400 0.1\n", "H1"),
        ("# H2= x, H1= 3\n300 0.1\n", "H1"),
        ("# H2= 2, H1= 1\n300 0.1\n301 0.1\n", "H1"),
        ("# H2= 2, H1= 3\n300 0.1 0.2\n", "line 2"),
        ("# H2= 2, H1= 3\n300 word\n", "line 2"),
        ("# H2= 2, H1= 3\n300 -1\n301 0\n", "optical depth"),
        ("# H2= 2, H1= 3\n300 0.1\n301 0\n303 0\n", "wavelength"),
        ("# H2= 2, H1= 3\n", "wavelength"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    path = tmp_path / "atm_trans.dat"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_modtran(path)
    with pytest.raises(InputError, match="readable"):
        read_modtran(tmp_path / "none.dat")


def test_rayleigh_cross_section():
    # Bucholtz (1995), table 1: 4.51e-27 cm2 at 550 nm; both branches meet at 500 nm.
    assert rayleigh_cross_section_cm2(550.0) == pytest.approx(4.51e-27, rel=2e-3)
    below, above = rayleigh_cross_section_cm2([500.0, 500.001])
    assert below == pytest.approx(above, rel=1e-3)


@pytest.mark.parametrize("site", ["namibia", "paranal"])
def test_stored_tables_are_those_of_the_model(site):
    palma_profile, palma = load_atmosphere(ATMOSPHERES / "la_palma")
    profile, stored = load_atmosphere(ATMOSPHERES / site)
    gases = palma._replace(tau=gas_absorption(palma, palma_profile, 0.7))
    aerosols = Aerosols(
        **yaml.safe_load((ATMOSPHERES / site / "site.yaml").read_text())["aerosols"]
    )
    built = site_extinction(profile, stored.observation_level_m, gases, aerosols)
    assert built.heights_m == pytest.approx(stored.heights_m)
    assert stored.tau == pytest.approx(built.tau, rel=1e-3, abs=1e-5)


def cherenkov_light(table, height_m):
    waves = np.arange(300.0, 601.0, 5.0)
    passed = [transmission(table, wave, height_m, 1.0) for wave in waves]
    return np.sum(passed / waves**2) / np.sum(1.0 / waves**2)


def test_built_la_palma_against_modtran(data_dir):
    modtran = read_modtran(data_dir / MODTRAN)
    profile, stored = load_atmosphere(ATMOSPHERES / "la_palma")
    gases = stored._replace(tau=gas_absorption(stored, profile, 0.7))
    built = site_extinction(profile, 2156.0, gases, Aerosols(0.0318, 0.7, 4155.0))
    for height in (8000.0, 10e3):
        light = cherenkov_light(modtran, height)
        assert cherenkov_light(stored, height) == pytest.approx(light, rel=3e-4)
        assert cherenkov_light(built, height) == pytest.approx(light, rel=2e-3)


@pytest.mark.parametrize("site", SITES)
def test_standard_atmospheres(site):
    folder = ATMOSPHERES / site
    profile, table = load_atmosphere(folder)
    assert profile.height_m[-1] == 120e3
    assert read_profile_ecsv(folder / "profile.ecsv").source
    assert 0.70 < cherenkov_light(table, 10e3) < 0.80
    assert (folder / "extinction.ecsv").stat().st_size < 300_000
    north, west, up = magnetic_field(folder)
    assert west > 0.0  # declination to the west at all three sites
    assert up < 0.0 if site == "la_palma" else up > 0.0
    assert 20.0 < np.sqrt(north**2 + west**2 + up**2) < 45.0


def test_other_observation_level():
    _, table = load_atmosphere(ATMOSPHERES / "la_palma")
    _, higher = load_atmosphere(ATMOSPHERES / "la_palma", 2656.0)
    both = transmission(higher, 400.0, 10e3, 1.0) * transmission(table, 400.0, 2656.0, 1.0)
    assert both == pytest.approx(transmission(table, 400.0, 10e3, 1.0), rel=1e-12)
    _, lower = load_atmosphere(ATMOSPHERES / "la_palma", 1800.0)
    assert transmission(lower, 400.0, 10e3, 1.0) < transmission(table, 400.0, 10e3, 1.0)
    with pytest.raises(InputError, match="observation_level_m"):
        load_atmosphere(ATMOSPHERES / "la_palma", 2e5)


def test_field_by_hand():
    # Declination -90 deg: magnetic north lies in the west.
    assert geographic_field(20.0, 5.0, -90.0) == pytest.approx((0.0, 20.0, -5.0))


def test_round_trip_and_bad_files(tmp_path, small):
    path = tmp_path / "extinction.ecsv"
    extinction_rows(thinned(small, [300.0, 350.0, 400.0]), "x", "y").write(path)
    table = read_extinction_ecsv(path)
    assert table.tau[1] == pytest.approx([0.2, 0.15, 0.1])
    assert table.heights_m.tolist() == [2000.0, 3000.0, 10e3]
    path.write_text(path.read_text().replace("wavelength_nm", "wave"))
    with pytest.raises(InputError, match="wavelength_nm"):
        read_extinction_ecsv(path)
    with pytest.raises(InputError, match="file"):
        magnetic_field(tmp_path)
    (tmp_path / "site.yaml").write_text("magnetic_field: {horizontal_ut: 1.0}")
    with pytest.raises(InputError, match="down_ut"):
        magnetic_field(tmp_path)
