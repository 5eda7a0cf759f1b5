"""Spheres around telescopes and their tree."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.campaign.philox import new_state
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.shower.spheres import make_spheres, sphere_states


def _random_spheres(n_tel=17, n_reuse=5):
    draw = np.random.default_rng(3)
    positions = draw.uniform(-500.0, 500.0, (n_tel, 3)) * [1.0, 1.0, 0.05]
    return make_spheres(
        positions, draw.uniform(2.0, 12.0, n_tel), draw.uniform(-300.0, 300.0, (n_reuse, 2))
    )


def test_spheres_stand_relative_to_the_cores():
    spheres = make_spheres(
        [[10.0, 20.0, 3.0], [-5.0, 0.0, -1.0]], [7.0, 9.0], [[0, 0], [100, -50]], [0, 1]
    )
    assert spheres.x_m == pytest.approx([10.0, -5.0, -90.0, -105.0])
    assert spheres.y_m == pytest.approx([20.0, 0.0, 70.0, 50.0])
    assert spheres.z_m == pytest.approx([3.0, -1.0, 3.0, -1.0])
    assert spheres.radius_m == pytest.approx([7.0, 9.0, 7.0, 9.0])
    assert spheres.kind.tolist() == [0, 1, 0, 1]
    assert spheres.n_telescopes == 2
    assert spheres.highest_m == 10.0


def test_every_node_holds_what_is_below_it():
    spheres = _random_spheres()
    n = spheres.x_m.size
    assert sorted(spheres.node_sphere[spheres.node_sphere >= 0]) == list(range(n))
    for node in range(2 * n - 1):
        below = spheres.node_sphere[node : spheres.node_next[node]]
        below = below[below >= 0]
        assert below.size * 2 - 1 == spheres.node_next[node] - node
        distance = np.sqrt(
            (spheres.x_m[below] - spheres.node_x_m[node]) ** 2
            + (spheres.y_m[below] - spheres.node_y_m[node]) ** 2
            + (spheres.z_m[below] - spheres.node_z_m[node]) ** 2
        )
        assert np.all(distance + spheres.radius_m[below] <= spheres.node_radius_m[node])


def test_leaves_are_the_spheres_themselves():
    spheres = _random_spheres()
    leaf = spheres.node_sphere >= 0
    k = spheres.node_sphere[leaf]
    assert np.array_equal(spheres.node_x_m[leaf], spheres.x_m[k])
    assert np.array_equal(spheres.node_radius_m[leaf], spheres.radius_m[k])


def test_spheres_on_top_of_one_another():
    spheres = make_spheres([[1.0, 2.0, 3.0]] * 5, [7.0] * 5, [[0, 0]] * 3)
    assert sorted(spheres.node_sphere[spheres.node_sphere >= 0]) == list(range(15))
    assert spheres.node_next[0] == 29


def test_tree_parts_space():
    spheres = _random_spheres(50, 4)
    # Were the halves arbitrary, every node would be about as large as the root.
    assert np.median(spheres.node_radius_m) < 0.05 * spheres.node_radius_m[0]


def test_streams_are_those_of_the_keys():
    states = sphere_states(11, "gamma", 2, 3, 2, [1, 4, 5])
    assert states.shape == (6, 11)
    assert states.dtype == np.uint64
    key = StreamKey(11, "cherenkov", "gamma", 2, 3, reuse=1, telescope=4)
    assert np.array_equal(states[4], new_state(key.words()))


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (([], [], [[0, 0]]), "positions_m"),
        (([[0, 0]], [7.0], [[0, 0]]), "positions_m"),
        (([[0, 0, np.nan]], [7.0], [[0, 0]]), "positions_m"),
        (([[0, 0, 0]], [0.0], [[0, 0]]), "radii_m"),
        (([[0, 0, 0]], [7.0], []), "cores_m"),
        (([[0, 0, 0]], [7.0], [[0, 0]], [0, 1]), "kinds"),
    ],
)
def test_bad_input(arguments, key):
    with pytest.raises(InputError, match=key):
        make_spheres(*arguments)
