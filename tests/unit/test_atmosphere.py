"""Profiles and the table that kernels read."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.atmosphere import table as air
from iactflow.atmosphere.profile import (
    AtmosphereProfile,
    from_corsika_layers,
    read_atmprof,
    read_profile_ecsv,
)
from iactflow.atmosphere.refraction import refracted
from iactflow.errors import InputError

SCALE_M = 8000.0
# Five layers of the U.S. standard atmosphere after Linsley (CORSIKA User's Guide, table D.1).
AATM = (-186.5562, -94.919, 0.61289, 0.0, 0.01128292)
BATM = (1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0)
CATM = (994186.38, 878153.55, 636143.04, 772170.16, 1.0e9)


def exponential(spacing_m=1000.0):
    height = np.arange(0.0, 120.0e3 + 1.0, spacing_m)
    falling = np.exp(-height / SCALE_M)
    return AtmosphereProfile(
        height, 1.2e-3 * falling, 960.0 * falling, 2.8e-4 * falling, "exponential", "test"
    )


@pytest.fixture(scope="module")
def table():
    return air.make_table(exponential(), 1800.0)


def interpolated(table, height_m):
    """What the kernels read, by numpy."""
    nodes = np.linspace(table.bottom_m, table.top_m, table.density.size)
    return [
        np.interp(height_m, nodes, values)
        for values in (table.density, table.thickness, table.refractivity, table.delay_ns)
    ]


def test_exponential_atmosphere(table):
    for height in (0.0, 1800.0, 5025.0, 10e3, 33.333e3, 80e3):
        falling = np.exp(-height / SCALE_M)
        assert air.density_g_cm3(table, height) == pytest.approx(1.2e-3 * falling, rel=1e-5)
        assert air.thickness_g_cm2(table, height) == pytest.approx(960.0 * falling, rel=1e-5)
        assert air.refractivity(table, height) == pytest.approx(2.8e-4 * falling, rel=1e-5)
        assert air.height_m(table, 960.0 * falling) == pytest.approx(height, abs=0.1)
    delay = 2.8e-4 * SCALE_M * (np.exp(-1800 / SCALE_M) - np.exp(-10e3 / SCALE_M)) / 0.299792458
    assert air.light_delay_ns(table, 10e3) == pytest.approx(delay, rel=1e-5)
    assert air.light_delay_ns(table, 1800.0) == pytest.approx(0.0, abs=1e-9)


def test_kernels_equal_numpy(table):
    heights = np.random.default_rng(1).uniform(0.0, 120e3, 200)
    for height in heights:
        values = (
            air.density_g_cm3(table, height),
            air.thickness_g_cm2(table, height),
            air.refractivity(table, height),
            air.light_delay_ns(table, height),
        )
        assert values == pytest.approx(interpolated(table, height), rel=1e-9, abs=1e-18)


def test_limits(table):
    assert air.density_g_cm3(table, 130e3) == 0.0
    assert air.thickness_g_cm2(table, 130e3) == 0.0
    assert air.refractivity(table, 130e3) == 0.0
    assert air.height_m(table, 0.0) == table.top_m
    assert air.height_m(table, 2000.0) == pytest.approx(0.0)
    with pytest.raises(InputError, match="observation_level_m"):
        air.make_table(exponential(), 130e3)


def test_published_profile(data_dir):
    path = data_dir / "instrument/ctao_north_prod6/atmprof_ecmwf_north_winter_fixed.dat"
    profile = read_atmprof(path)
    assert profile.height_m.size == 55
    table = air.make_table(profile, 2156.0)
    # A line of the file.
    assert air.density_g_cm3(table, 10e3) == pytest.approx(
        profile.density_g_cm3[profile.height_m == 10e3][0], rel=1e-9
    )
    heights = np.arange(100.0, 40e3, 100.0)
    thickness = np.array([air.thickness_g_cm2(table, h) for h in np.append(heights, 40e3)])
    middle = np.array([air.density_g_cm3(table, h + 50.0) for h in heights])
    # The column between two heights is the density's integral: two columns of the file agree.
    assert -np.diff(thickness) / 1e4 == pytest.approx(middle, rel=0.008)
    back = [air.height_m(table, air.thickness_g_cm2(table, h)) for h in heights]
    assert back == pytest.approx(heights, abs=0.1)


def test_corsika_layers():
    profile = from_corsika_layers(AATM, BATM, CATM)
    assert profile.thickness_g_cm2[0] == pytest.approx(1036.1, abs=0.01)
    assert profile.height_m[-1] == pytest.approx(112829.2)
    assert profile.refractivity[0] == pytest.approx(2.83e-4)
    table = air.make_table(profile, 2200.0)
    # Layer 2 at 5 km: a + b exp(-h / c).
    expected = AATM[1] + BATM[1] * np.exp(-5.0e5 / CATM[1])
    assert air.thickness_g_cm2(table, 5000.0) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(InputError, match="catm"):
        from_corsika_layers(AATM, BATM, (0.0,) * 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table"),
        ("0 1e-3 1000\n", "line 1"),
        ("0 1e-3 1000 x\n", "line 1"),
        ("0 1e-3 1000 2e-4\n", "Alt"),
        ("0 1e-3 1000 2e-4\n0 1e-4 100 2e-5\n", "ascending"),
        ("0 1e-3 1000 2e-4\n1 2e-3 100 2e-5\n", "rho"),
        ("0 1e-3 1000 2e-4\n1 -2e-3 100 2e-5\n", "rho"),
        ("0 1e-3 1000 2e-4\n1 1e-4 nan 2e-5\n", "thick"),
        ("0 1e-3 0 2e-4\n1 1e-4 0 2e-5\n", "thick"),
    ],
)
def test_bad_profiles(tmp_path, text, message):
    path = tmp_path / "atmprof.dat"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_atmprof(path)


def test_missing_profiles(tmp_path):
    with pytest.raises(InputError, match="readable text"):
        read_atmprof(tmp_path / "none.dat")
    with pytest.raises(InputError, match="readable ECSV"):
        read_profile_ecsv(tmp_path / "none.ecsv")


def traced(table, height_m, zenith_rad, step_m=1.0):
    """Snell's law in thin layers, light followed down: angle and horizontal distance."""
    invariant = (1.0 + air.refractivity(table, height_m)) * np.sin(zenith_rad)
    heights = np.arange(table.observation_level_m + step_m / 2, height_m, step_m)
    index = 1.0 + np.array([air.refractivity(table, h) for h in heights])
    sine = invariant / index
    distance = np.sum(sine / np.sqrt(1.0 - sine**2)) * step_m
    ground = invariant / (1.0 + air.refractivity(table, table.observation_level_m))
    return np.arcsin(ground), distance


@pytest.mark.parametrize("zenith_deg", [5.0, 40.0, 60.0])
def test_refraction_against_ray_in_layers(table, zenith_deg):
    zenith = np.radians(zenith_deg)
    angle, distance = traced(table, 10e3, zenith)
    bent, shift = refracted(table, 10e3, np.cos(zenith))
    assert zenith - angle == pytest.approx(bent, rel=2e-3)
    assert (10e3 - 1800.0) * np.tan(zenith) - distance == pytest.approx(shift, rel=3e-3)
    assert shift > 0.0


def test_vertical_light_is_not_bent(table):
    assert refracted(table, 10e3, 1.0) == (0.0, 0.0)
