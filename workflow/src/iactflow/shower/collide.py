"""Interactions of hadrons with nuclei of the air: how often, and what comes out of the pool.

The pool holds events of a generator at a few kinetic energies (`iactflow.shower.hadrons.pool`). A
projectile between two of them takes an event of the lower or the upper one, with a probability
linear in the logarithm of the energy: the mean of what comes out is then interpolated. The
difference of its energy to that of the node is given to the secondaries in proportion to their
kinetic energies, so that what the nucleus keeps is that of the event; directions stay, apart from a
turn by a random azimuth.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.particles import HADRONIC, KIND, KINETIC, push_momentum, unit
from iactflow.shower.species import FIRST_NUCLEUS, mass_mev, rest_energy_mev

__all__ = ["collide", "draw_event", "energy_scale", "inelastic_per_g_cm2"]

# Factors on the kinetic energies outside of which the whole event is scaled with the projectile.
LEAST_SCALE, LARGEST_SCALE = 0.5, 2.0


@jit
def inelastic_per_g_cm2(pool, kind, kinetic):
    """Inverse mean free path between inelastic interactions.

    Parameters
    ----------
    pool : HadronPool
        Cross-sections.
    kind, kinetic : float
        CORSIKA's number; kinetic energy in MeV.

    Returns
    -------
    float
        cm2/g.
    """
    number = int(kind)
    row = pool.nucleus_rows[number // 100] if kind >= FIRST_NUCLEUS else pool.rows[number]
    grid = pool.log_kinetic_xs
    position = (np.log(kinetic) - grid[0]) / (grid[1] - grid[0])
    i = min(max(int(position), 0), grid.size - 2)
    part = min(max(position - i, 0.0), 1.0)
    low = pool.cross_section[row, i]
    return low + part * (pool.cross_section[row, i + 1] - low)


@jit
def draw_event(pool, row, kinetic, state):
    """Draw an event of the pool.

    Parameters
    ----------
    pool : HadronPool
        Events.
    row : int
        Of the projectile.
    kinetic : float
        Its kinetic energy in MeV.
    state : ndarray of uint64, shape (11,)
        Random stream; two words are used.

    Returns
    -------
    tuple of int
        Node; first secondary and the one after the last.
    """
    grid = pool.log_kinetic
    position = (np.log(kinetic) - grid[0]) / (grid[1] - grid[0])
    node = min(max(int(position), 0), grid.size - 2)
    if unit(state) < position - node:
        node += 1
    event = int(unit(state) * (pool.starts.shape[2] - 1))
    return node, pool.starts[row, node, event], pool.starts[row, node, event + 1]


@jit
def energy_scale(kinetic, of_node, total):
    """Factor on the kinetic energies of an event's secondaries.

    Parameters
    ----------
    kinetic, of_node : float
        Kinetic energies of the projectile and of the event's, MeV.
    total : float
        Sum of the kinetic energies of the secondaries.

    Returns
    -------
    float
        Such that the difference of the projectiles goes to the secondaries; where that would be
        less than half or more than twice what they have, the ratio of the projectiles.
    """
    if total > 0.0:
        scale = 1.0 + (kinetic - of_node) / total
        if LEAST_SCALE <= scale <= LARGEST_SCALE:
            return scale
    return kinetic / of_node


@jit
def collide(work, pool):
    """Put the secondaries of an interaction from the pool on the stack.

    Parameters
    ----------
    work : record of WORK
        Stack, counts and tally are changed. What the event does not give back is tallied as
        hadronic: target nuclei take it to break up, and keep it.
    pool : HadronPool
        Events.
    """
    p, state = work.flying, work.state
    kinetic, rows = p[KINETIC], pool.secondaries
    node, first, last = draw_event(pool, pool.rows[int(p[KIND])], kinetic, state)
    total = 0.0
    for i in range(first, last):
        px, py, pz = np.float64(rows[i, 1]), np.float64(rows[i, 2]), np.float64(rows[i, 3])
        momentum2, mass = px * px + py * py + pz * pz, mass_mev(rows[i, 0])
        total += momentum2 / (np.sqrt(momentum2 + mass * mass) + mass)
    scale = energy_scale(kinetic, np.exp(pool.log_kinetic[node]), total)
    azimuth = 2.0 * np.pi * unit(state)
    cosine, sine = np.cos(azimuth), np.sin(azimuth)
    balance = kinetic + rest_energy_mev(p[KIND])
    for i in range(first, last):
        px, py, pz = np.float64(rows[i, 1]), np.float64(rows[i, 2]), np.float64(rows[i, 3])
        px, py = cosine * px - sine * py, sine * px + cosine * py
        balance -= push_momentum(work, np.float64(rows[i, 0]), px, py, pz, scale)
    work.tally[HADRONIC] += balance
