"""Responses between nodes: nodes themselves, peaks that move, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iactflow.errors import InputError
from iactflow.response.grid import (
    GridConditions,
    Reach,
    corner_weights,
    interpolate_responses,
    mean_quantiles,
)
from iactflow.response.parametrised import responses

EDGES = np.linspace(0.0, 3.0, 121)
NODES = [
    GridConditions(z, a, n, t)
    for z in (20.0, 40.0, 50.0)
    for a in (0.0, 180.0)
    for n in (1.0, 4.0)
    for t in (0.7, 1.0)
]


def gauss(mean, width):
    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    return np.exp(-0.5 * ((centres - mean) / width) ** 2) / (width * np.sqrt(2.0 * np.pi))


def test_weights_are_linear_in_the_coordinates():
    wanted = GridConditions(30.0, 90.0, 2.0, 0.85)
    weights = corner_weights(NODES, wanted)
    assert len(weights) == 16
    assert sum(weights.values()) == pytest.approx(1.0)
    for column, of in (
        (0, lambda v: np.cos(np.radians(v))),
        (2, np.log10),
        (3, np.asarray),
    ):
        mean = sum(w * of(NODES[i][column]) for i, w in weights.items())
        assert mean == pytest.approx(of(wanted[column]))


def test_azimuth_closes_the_circle():
    weights = corner_weights(NODES, GridConditions(20.0, 270.0, 1.0, 1.0))
    assert {NODES[i].azimuth_deg: w for i, w in weights.items()} == pytest.approx(
        {0.0: 0.5, 180.0: 0.5}
    )


@pytest.mark.parametrize("node", NODES[::5])
def test_a_node_is_itself(node):
    assert corner_weights(NODES, node) == {NODES.index(node): 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zenith_deg": 50.5}, "zenith_deg: got 50.5; allowed: 20 to 50"),
        ({"zenith_deg": 19.0}, "zenith_deg: got 19.0"),
        ({"nsb_factor": 0.5}, "nsb_factor: got 0.5; allowed: 1 to 4"),
        ({"nsb_factor": 0.0}, "above 0 for the night sky"),
        ({"throughput": 1.1}, "throughput: got 1.1; allowed: 0.7 to 1"),
        ({"zenith_deg": np.nan}, "a finite number"),
    ],
)
def test_beyond_the_nodes_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        corner_weights(NODES, NODES[0]._replace(**change))


def test_a_reach_takes_the_outermost_node():
    wanted = NODES[-1]._replace(zenith_deg=51.0, nsb_factor=4.5)
    assert corner_weights(NODES, wanted, Reach(1.5, 0.0, 0.1)) == {len(NODES) - 1: 1.0}
    one = [GridConditions(20.0, 180.0)]
    assert corner_weights(one, GridConditions(20.0, 190.0), Reach(0.0, 10.0)) == {0: 1.0}
    with pytest.raises(InputError, match="180, the only azimuth"):
        corner_weights(one, GridConditions(20.0, 191.0), Reach(0.0, 10.0))


def test_a_grid_with_holes_is_refused():
    with pytest.raises(InputError, match=r"no node at \(50.0, 180.0, 4.0, 1.0\)"):
        corner_weights(NODES[:-1], NODES[0])
    with pytest.raises(InputError, match="one twice"):
        corner_weights([*NODES, NODES[0]], NODES[0])


def test_peaks_move_and_do_not_double():
    found = mean_quantiles([gauss(0.8, 0.1), gauss(1.2, 0.2)], [0.5, 0.5], EDGES)
    # Densities are flat inside bins: steps of a hundredth remain.
    np.testing.assert_allclose(found, gauss(1.0, 0.15), atol=0.04)
    assert np.sum(found * np.diff(EDGES)) == pytest.approx(1.0)


def test_a_distribution_alone_is_kept_whatever_its_gaps():
    rough = np.random.default_rng(1).poisson(0.7, len(EDGES) - 1).astype(float)
    found = mean_quantiles([rough, 0.0 * rough, rough], [0.3, 0.2, 0.5], EDGES)
    np.testing.assert_allclose(found, rough, atol=1e-6)
    assert not mean_quantiles([0.0 * rough], [1.0], EDGES).any()


@pytest.fixture(scope="module")
def between():
    nodes = [(GridConditions(z, 180.0), responses(z)) for z in (30.0, 40.0)]
    return nodes, interpolate_responses(nodes, GridConditions(35.0, 180.0))


def test_responses_between_nodes_are_near_those_of_the_place(between):
    _, found = between
    truth = responses(35.0)
    energy = np.sqrt(found.aeff.energy_edges_tev[1:] * found.aeff.energy_edges_tev[:-1])
    ratio = found.aeff.area_m2[:, energy > 0.5] / truth.aeff.area_m2[:, energy > 0.5]
    np.testing.assert_allclose(ratio, 1.0, atol=0.03)
    np.testing.assert_allclose(found.edisp.matrix, truth.edisp.matrix, atol=1e-5)
    rate, expected = found.bkg.rate_per_s_mev_sr, truth.bkg.rate_per_s_mev_sr
    np.testing.assert_allclose(rate[10:], expected[10:], rtol=0.03)
    np.testing.assert_allclose(found.psf.value_per_sr, truth.psf.value_per_sr, rtol=1e-4, atol=1e-2)


def test_other_axes_are_refused(between):
    nodes = list(between[0])
    aeff = replace(nodes[1][1].aeff, energy_edges_tev=1.1 * nodes[1][1].aeff.energy_edges_tev)
    nodes[1] = (nodes[1][0], replace(nodes[1][1], aeff=aeff))
    with pytest.raises(InputError, match=r"aeff\.energy_edges_tev"):
        interpolate_responses(nodes, GridConditions(35.0, 180.0))
