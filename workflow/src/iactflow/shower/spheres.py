"""Spheres around telescopes, for every re-use of a shower, and the tree that finds them.

Every node of the tree is a sphere that holds those below it. Nodes stand in the order of a walk
from the root, each with the number of the node that follows when it is passed over (Smits, Journal
of Graphics Tools 3 (1998) 1): a walk needs no stack, and a set of spheres that no light can reach
costs one test.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.campaign.philox import new_state
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError

__all__ = ["Spheres", "make_spheres", "sphere_states"]

SLACK_M = 1.0e-6


class Spheres(NamedTuple):
    """Spheres in the frame of the shower; sphere ``reuse * n_tel + telescope``.

    Attributes
    ----------
    x_m, y_m, z_m, radius_m : ndarray of float64, shape (n,)
        Centres, z above the observation level; radii.
    kind : ndarray of int64, shape (n,)
        Type of telescope: the first axis of `iactflow.shower.light.LightYield`.
    n_telescopes : int
        Telescopes of the array.
    highest_m : float
        Largest distance of a point of a sphere from the observation level.
    node_x_m, node_y_m, node_z_m, node_radius_m : ndarray of float64, shape (2 n - 1,)
        Nodes of the tree.
    node_next : ndarray of int64, shape (2 n - 1,)
        Node that follows when this one is passed over.
    node_sphere : ndarray of int64, shape (2 n - 1,)
        Sphere of a leaf; -1 otherwise.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    z_m: np.ndarray
    radius_m: np.ndarray
    kind: np.ndarray
    n_telescopes: int
    highest_m: float
    node_x_m: np.ndarray
    node_y_m: np.ndarray
    node_z_m: np.ndarray
    node_radius_m: np.ndarray
    node_next: np.ndarray
    node_sphere: np.ndarray


def make_spheres(positions_m, radii_m, cores_m, kinds=None) -> Spheres:
    """Spheres of all telescopes in all re-uses of a shower.

    Parameters
    ----------
    positions_m : array_like, shape (n_tel, 3)
        Centres of the spheres: north, west, up from the observation level.
    radii_m : array_like, shape (n_tel,)
        Radii.
    cores_m : array_like, shape (n_reuse, 2)
        Cores, north and west, where the axis of the shower crosses the observation level.
    kinds : array_like of int, shape (n_tel,), optional
        Types of telescopes; all 0 by default.

    Returns
    -------
    Spheres
        For kernels.

    Raises
    ------
    InputError
        If there is no sphere, shapes do not match, a number is not finite or a radius not positive.
    """
    positions = np.asarray(positions_m, dtype=np.float64)
    radii = np.asarray(radii_m, dtype=np.float64)
    cores = np.asarray(cores_m, dtype=np.float64)
    n_tel = radii.size
    kinds = np.zeros(n_tel, dtype=np.int64) if kinds is None else np.asarray(kinds, dtype=np.int64)
    for key, value, shape in (
        ("positions_m", positions, (n_tel, 3)),
        ("radii_m", radii, (max(n_tel, 1),)),
        ("cores_m", cores, (max(len(cores), 1), 2)),
        ("kinds", kinds, (n_tel,)),
    ):
        if value.shape != shape or not np.all(np.isfinite(value)):
            raise InputError("spheres", key, value.shape, f"finite numbers, shape {shape}")
    if not np.all(radii > 0.0):
        raise InputError("spheres", "radii_m", float(radii.min()), "positive numbers")
    centres = np.tile(positions, (len(cores), 1))
    centres[:, :2] -= np.repeat(cores, n_tel, axis=0)
    x, y, z = (np.ascontiguousarray(column) for column in centres.T)
    radius = np.tile(radii, len(cores))
    nodes, following, owner = build_tree(x, y, z, radius)
    highest = float(np.max(np.abs(z) + radius))
    kind = np.tile(kinds, len(cores))
    return Spheres(x, y, z, radius, kind, n_tel, highest, *nodes, following, owner)


def sphere_states(
    campaign_seed: int, particle: str, run: int, shower: int, n_reuse: int, telescopes
) -> np.ndarray:
    """Random streams of the light of a shower, one per sphere.

    Parameters
    ----------
    campaign_seed, run, shower : int
        Indices of the streams (design note 003).
    particle : str
        Primary particle.
    n_reuse : int
        Re-uses.
    telescopes : sequence of int
        Numbers of the telescopes (``tel_id``), in the order of the spheres.

    Returns
    -------
    ndarray of uint64, shape (n_reuse * n_tel, 11)
        States at the beginning of the streams of stage ``cherenkov``.
    """
    return np.array(
        [
            new_state(
                StreamKey(
                    campaign_seed, "cherenkov", particle, run, shower, reuse, telescope
                ).words()
            )
            for reuse in range(n_reuse)
            for telescope in telescopes
        ],
        dtype=np.uint64,
    )


@jit
def build_tree(x_m, y_m, z_m, radius_m):
    """Build the tree of nested spheres.

    Parameters
    ----------
    x_m, y_m, z_m, radius_m : ndarray of float64, shape (n,)
        Spheres.

    Returns
    -------
    tuple
        Four arrays of float64, shape (2 n - 1,): x, y, z, radius of the nodes; two of int64: the
        node that follows when one is passed over, and the sphere of a leaf or -1.
    """
    n = x_m.size
    nodes = (np.empty(2 * n - 1), np.empty(2 * n - 1), np.empty(2 * n - 1), np.empty(2 * n - 1))
    following = np.empty(2 * n - 1, dtype=np.int64)
    owner = np.full(2 * n - 1, -1, dtype=np.int64)
    order = np.arange(n)
    # Ranges of `order` still to be made into nodes, the next one last.
    first, last = np.empty(n + 1, dtype=np.int64), np.empty(n + 1, dtype=np.int64)
    first[0], last[0] = 0, n
    waiting, node = 1, 0
    while waiting > 0:
        waiting -= 1
        low, high = first[waiting], last[waiting]
        middle = _enclose(x_m, y_m, z_m, radius_m, order, low, high, nodes, node)
        # A binary tree with m leaves has 2 m - 1 nodes.
        following[node] = node + 2 * (high - low) - 1
        if high - low == 1:
            owner[node] = order[low]
        else:
            first[waiting], last[waiting] = middle, high
            first[waiting + 1], last[waiting + 1] = low, middle
            waiting += 2
        node += 1
    return nodes, following, owner


@jit_leaf
def _extent(values, order, low, high):
    least, most = np.inf, -np.inf
    for place in range(low, high):
        least = min(least, values[order[place]])
        most = max(most, values[order[place]])
    return 0.5 * (least + most), most - least


@jit_leaf
def _enclose(x, y, z, radius, order, low, high, nodes, node):
    """Enclose ``order[low:high]`` in a node; part them in place, return where they part."""
    cx, extent_x = _extent(x, order, low, high)
    cy, extent_y = _extent(y, order, low, high)
    cz, _ = _extent(z, order, low, high)
    reach = 0.0
    for place in range(low, high):
        k = order[place]
        distance = np.sqrt((x[k] - cx) ** 2 + (y[k] - cy) ** 2 + (z[k] - cz) ** 2)
        reach = max(reach, distance + radius[k])
    if high - low > 1:
        # Rounding must not leave a sphere outside a node that holds it.
        reach += SLACK_M
    nodes[0][node], nodes[1][node], nodes[2][node], nodes[3][node] = cx, cy, cz, reach
    middle = low
    for place in range(low, high):
        k = order[place]
        if (x[k] < cx) if extent_x >= extent_y else (y[k] < cy):
            order[place], order[middle] = order[middle], k
            middle += 1
    # Centres on top of one another cannot be parted by position.
    return middle if low < middle < high else (low + high) // 2
