"""Shapes and variations of injected sources against their formulas, gammapy and integration."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from gammapy.modeling.models import (
    DiskSpatialModel,
    GaussianSpatialModel,
    ShellSpatialModel,
)
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import chi2, kstest

from iactflow.campaign import mock_truth
from iactflow.campaign.schema_mock import Mock, MockExtension, MockSource
from iactflow.dl3 import from_responses, sky_model
from iactflow.response import parametrised

POSITION = {"ra_deg": 83.6, "dec_deg": 22.0}
P_MIN = 1e-3
SHAPES = {
    "gaussian": {"shape": "gaussian", "sigma_deg": 0.4},
    "disk": {"shape": "disk", "radius_deg": 0.5},
    "shell": {"shape": "shell", "radius_deg": 0.6, "width_deg": 0.2},
}


def source(**changes):
    block = MockSource.model_validate({"position": POSITION, **changes})
    return block.model_dump(mode="json")


def generator(seed=1):
    return np.random.Generator(np.random.Philox(key=seed))


def factor(block, time_s):
    """The factor of time itself: the twin of its integral."""
    value = 1.0
    if 0.0 <= time_s - block["flare_start_s"] < block["flare_duration_s"]:
        value *= block["flare_factor"]
    if block["periodic"]:
        p = block["periodic"]
        angle = 2.0 * np.pi * (time_s / p["period_s"] - p["phase"])
        value *= 1.0 + p["fraction"] * np.cos(angle)
    return value


VARIATIONS = {
    "constant": {},
    "flare": {"flare_factor": 4.0, "flare_start_s": 300.0, "flare_duration_s": 200.0},
    "period": {"periodic": {"period_s": 333.0, "phase": 0.3, "fraction": 0.8}},
}


@pytest.mark.parametrize("name", VARIATIONS)
def test_integral_of_the_factor(name):
    block = source(**VARIATIONS[name])
    for stop_s in (100.0, 350.0, 1000.0):
        expected = quad(lambda t: factor(block, t), 0.0, stop_s, limit=500, points=[300.0, 500.0])[
            0
        ]
        assert mock_truth.factor_integral_s(block, stop_s) == pytest.approx(expected, rel=1e-6)
    mean = mock_truth.factor_mean_between(block, [100.0, 700.0], [200.0, 900.0])
    pieces = [quad(lambda t: factor(block, t), *ends)[0] for ends in ((100, 200), (700, 900))]
    assert mean == pytest.approx(sum(pieces) / 300.0, rel=1e-6)


@pytest.mark.parametrize("name", VARIATIONS)
def test_times_follow_the_factor(name):
    block = source(**VARIATIONS[name])
    times_s = sky_model.draw_times_s(block, 200.0, 900.0, 20000, generator())
    assert 0.0 <= times_s.min() <= times_s.max() <= 700.0
    edges = np.linspace(200.0, 900.0, 15)
    expected = np.diff(mock_truth.factor_integral_s(block, edges))
    expected = expected / expected.sum() * len(times_s)
    observed = np.histogram(times_s + 200.0, edges)[0]
    assert chi2.sf(np.sum((observed - expected) ** 2 / expected), len(expected) - 1) > P_MIN


def test_a_long_mean_forgets_the_phase():
    block = source(**VARIATIONS["period"])
    assert mock_truth.factor_mean_between(block, [0.0], [333.0 * 7]) == pytest.approx(1.0)


@pytest.mark.parametrize("name", SHAPES)
def test_distances_follow_the_shape(name):
    model = {
        "gaussian": GaussianSpatialModel(sigma="0.4 deg", frame="icrs"),
        "disk": DiskSpatialModel(r_0="0.5 deg", edge_width=1e-4, frame="icrs"),
        "shell": ShellSpatialModel(radius="0.4 deg", width="0.2 deg", frame="icrs"),
    }[name]
    distance_deg = sky_model.draw_distance_deg(SHAPES[name], 5000, generator(7))
    grid = np.linspace(0.0, 4.0 if name == "gaussian" else 0.65, 4001) * units.deg
    values = model(grid, 0.0 * units.deg).to_value("sr-1") * np.sin(grid.to_value("rad"))
    cumulative = np.append(0.0, np.cumsum(0.5 * (values[1:] + values[:-1])))
    cumulative /= cumulative[-1]
    test = kstest(distance_deg, lambda x: np.interp(x, grid.value, cumulative))
    assert test.pvalue > P_MIN
    assert distance_deg.max() <= sky_model.source_radius_deg(SHAPES[name]) * 1.5


def test_directions_lie_at_their_distances_to_all_sides():
    distance_deg = np.linspace(0.01, 1.0, 4000)
    ra_deg, dec_deg = sky_model.draw_directions_deg(distance_deg, 200.0, -60.0, generator())
    centre, found = SkyCoord(200.0, -60.0, unit="deg"), SkyCoord(ra_deg, dec_deg, unit="deg")
    np.testing.assert_allclose(centre.separation(found).deg, distance_deg, atol=1e-9)
    quadrants = np.histogram(centre.position_angle(found).deg, [0, 90, 180, 270, 360])[0]
    assert chi2.sf(np.sum((quadrants - 1000.0) ** 2 / 1000.0), 3) > P_MIN


def test_an_extended_source_is_seen_with_the_area_of_each_photon():
    """Photons of a shell around the pointing: number and offsets from the areas alone."""
    shape = {"shape": "shell", "radius_deg": 1.0, "width_deg": 0.3}
    block = Mock.model_validate(
        {
            "source": source(extension=shape, amplitude=3e-10),
            "wobble_offset_deg": 0.01,
            "dead_time_fraction": 0.0,
            "run_duration_s": 1000.0,
        }
    ).model_dump(mode="json")
    tables = parametrised.responses(20.0)
    _, ra_deg, dec_deg, energy_tev = from_responses.sample_source(
        block, block["source"], 1, tables, generator(3)
    )
    offsets_deg = sky_model.draw_distance_deg(shape, 4000, generator(4))
    edges = np.geomspace(0.03, 100.0, 400)
    centre = np.sqrt(edges[1:] * edges[:-1])
    area_cm2 = np.mean(
        [parametrised.effective_area_m2(centre, offset) for offset in offsets_deg], axis=0
    )
    flux = mock_truth.flux_per_cm2_s_tev(block["source"], centre)
    expected = np.sum(flux * area_cm2 * 1e4 * np.diff(edges)) * 1000.0
    # Areas between tabulated offsets are interpolated: they differ by a per cent.
    assert abs(len(energy_tev) - expected) < 4.0 * np.sqrt(expected) + 0.015 * expected
    centre = SkyCoord(POSITION["ra_deg"], POSITION["dec_deg"], unit="deg")
    distance_deg = centre.separation(SkyCoord(ra_deg, dec_deg, unit="deg")).deg
    assert 0.5 < np.median(distance_deg) < 0.8


REFUSED = {
    "a disk without a radius": {"extension": {"shape": "disk"}},
    "a gaussian with a radius": {
        "extension": {"shape": "gaussian", "sigma_deg": 0.1, "radius_deg": 1.0}
    },
    "a shell thicker than itself": {
        "extension": {"shape": "shell", "radius_deg": 0.1, "width_deg": 0.2}
    },
    "a flare and a period": {**VARIATIONS["flare"], **VARIATIONS["period"]},
    "a cut-off that is missing": {"model": "ecpl"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_sources_that_contradict_themselves(name):
    with pytest.raises(ValidationError):
        source(**REFUSED[name])


def test_sources_and_conditions_of_the_block():
    one = {"position": POSITION}
    for wrong in (
        {},
        {"source": one, "sources": [one]},
        {"sources": [one, one]},
        {"source": one, "zenith_deg": []},
    ):
        with pytest.raises(ValidationError):
            Mock.model_validate(wrong)
    assert MockExtension.model_validate(SHAPES["shell"]).width_deg == 0.2
