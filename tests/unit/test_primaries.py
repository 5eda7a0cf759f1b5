"""What is thrown: energies, cores and directions of primaries follow their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iactflow.campaign.schema_simulation import Production
from iactflow.shower.primaries import direction_of_flight, draw_primary

GAMMA = {
    "particle": "gamma",
    "run": 7,
    "n_showers": 4,
    "energy_min_tev": 0.2,
    "energy_max_tev": 0.6,
    "zenith_deg": 20.0,
    "azimuth_deg": 180.0,
    "offset_deg": 0.5,
    "core_radius_max_m": 120.0,
    "shower_reuse": 2,
}


def settings_of(**changes):
    block = Production.model_validate({**GAMMA, **changes}).model_dump(mode="json")
    return {"name": "gamma", **block}


def test_energies_follow_the_power_law():
    wide = {"energy_min_tev": 0.1, "energy_max_tev": 10.0, "shower_reuse": 1}
    settings = settings_of(spectral_index=2.7, **wide)
    energies = [draw_primary(settings, (70, 0), 1, 1, i).energy_tev for i in range(1, 4001)]
    above = np.mean(np.array(energies) > 0.3)
    low, high, cut = 0.1**-1.7, 10**-1.7, 0.3**-1.7
    assert above == pytest.approx((cut - high) / (low - high), abs=0.02)
    flat = settings_of(spectral_index=1.0, **wide)
    energies = [draw_primary(flat, (70, 0), 1, 1, i).energy_tev for i in range(1, 4001)]
    assert np.mean(np.log10(energies)) == pytest.approx(0.0, abs=0.03)


def test_cores_are_uniform_in_the_plane_of_the_shower():
    settings = settings_of(zenith_deg=55.0, azimuth_deg=90.0, offset_deg=0.0, shower_reuse=100)
    primaries = [draw_primary(settings, (35, 90), 1, 1, i) for i in range(1, 41)]
    flight = np.array(primaries[0].flight)
    np.testing.assert_allclose(flight, direction_of_flight(35, 90), atol=1e-12)
    # It comes from the east: x north, y west.
    altitude = np.radians(35)
    np.testing.assert_allclose(flight, [0, np.cos(altitude), -np.sin(altitude)], atol=1e-12)
    cores = np.concatenate([p.cores_m for p in primaries])
    cores = np.column_stack([cores, np.zeros(len(cores))])
    radius = np.linalg.norm(np.cross(cores, flight), axis=1)
    assert radius.max() <= 120.0
    assert np.mean(radius < 60.0) == pytest.approx(0.25, abs=0.025)
    # Along the axis the disk is stretched on the ground.
    assert np.std(cores[:, 1]) / np.std(cores[:, 0]) == pytest.approx(
        1 / np.sin(np.radians(35)), rel=0.05
    )


def test_diffuse_directions_fill_the_cone():
    cone = {"particle": "gamma_diffuse", "viewcone_deg": 5.0, "offset_deg": 0.0}
    settings = settings_of(shower_reuse=1, **cone)
    primaries = [draw_primary(settings, (70, 200), 1, 1, i) for i in range(1, 4001)]
    pointing = np.array(direction_of_flight(70, 200))
    angles = np.degrees([math.acos(np.dot(p.flight, pointing)) for p in primaries])
    np.testing.assert_allclose(angles, [p.offset_deg for p in primaries], atol=1e-5)
    assert angles.max() <= 5.0
    assert np.mean(angles < 2.5) == pytest.approx(0.25, abs=0.02)
    assert np.mean([p.alt_deg > 70 for p in primaries]) == pytest.approx(0.5, abs=0.03)


def test_an_offset_lies_where_its_angle_says():
    up = draw_primary(settings_of(offset_angle_deg=0.0), (70, 100), 1, 1, 1)
    assert (up.alt_deg, up.az_deg) == pytest.approx((70.5, 100.0))
    aside = draw_primary(settings_of(offset_angle_deg=90.0), (70, 100), 1, 1, 1)
    assert aside.alt_deg == pytest.approx(70.0, abs=0.01)
    assert aside.az_deg == pytest.approx(100.0 + 0.5 / math.cos(math.radians(70)), rel=1e-3)
