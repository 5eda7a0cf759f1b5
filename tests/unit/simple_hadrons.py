"""A pool and a model of hadronic interactions that are simple enough to be known, for tests.

A hadron gives 0.4 of its kinetic energy to a nucleon (a meson to a pion), 0.1 stays with the
nucleus, and the rest goes to as many pions of each charge, at a few hundred MeV of transverse
momentum. A nucleus falls apart: one nucleon interacts, the others fly on.
"""

from __future__ import annotations

import numpy as np

from iactflow.shower.hadron_models import HadronModels
from iactflow.shower.hadrons.kinds import HADRONS
from iactflow.shower.hadrons.pool import HadronPool, Interactions
from iactflow.shower.hadrons.pool_files import write_pool
from iactflow.shower.hadrons.settings import HadronSettings
from iactflow.shower.species import (
    GAMMA,
    NEUTRON,
    PION_MINUS,
    PION_PLUS,
    PION_ZERO,
    PROTON,
    mass_mev,
)

LEADING, LOST = 0.4, 0.1
CUT_MEV = 300.0
LENGTH_G_CM2 = {"baryon": 90.0, "meson": 120.0, "nucleus": 40.0}
MAX_KINETIC_MEV = 80e3


def _vector(kind, kinetic, transverse, azimuth):
    mass = mass_mev(float(kind))
    momentum = np.sqrt(kinetic * (kinetic + 2.0 * mass))
    across = min(transverse, 0.5 * momentum)
    flat = np.array([np.cos(azimuth), np.sin(azimuth)]) * across
    return [kind, *flat, np.sqrt(momentum**2 - across**2)]


def _two_photons(pion, generator):
    p = np.array(pion[1:])
    mass = mass_mev(float(PION_ZERO))
    energy = np.sqrt(p @ p + mass**2)
    cosine, azimuth = generator.uniform(-1.0, 1.0), generator.uniform(0.0, 2.0 * np.pi)
    sine = np.sqrt(1.0 - cosine**2)
    own = 0.5 * mass * np.array([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine])
    first = own + p * ((own @ p) / (mass * (energy + mass)) + 0.5)
    return [[GAMMA, *first], [GAMMA, *(p - first)]]


def simple_event(kind, kinetic, generator):
    """Secondaries of an interaction of a hadron or a nucleus."""
    if kind >= 200:
        mass_number = kind // 100
        each = kinetic / mass_number
        spectators = [[PROTON, 0.0, 0.0, _vector(PROTON, each, 0.0, 0.0)[3]]] * (mass_number - 1)
        return np.array([*spectators, *simple_event(PROTON, each, generator)])
    meson = kind <= 12
    lead = PION_PLUS if meson else (PROTON if generator.random() < 0.5 else NEUTRON)
    left = (1.0 - LOST) * kinetic
    rows = [_vector(lead, LEADING * kinetic, 300.0, generator.uniform(0.0, 2.0 * np.pi))]
    n = 3 * (1 + int(np.log1p(kinetic / 5e3)))
    share = generator.dirichlet(np.ones(n)) * ((1.0 - LOST - LEADING) * kinetic)
    assert share.sum() < left
    for i, energy in enumerate(share):
        pion = (PION_PLUS, PION_MINUS, PION_ZERO)[i % 3]
        total = energy - mass_mev(float(pion))
        if total <= 1.0:
            continue
        vector = _vector(pion, total, generator.exponential(300.0), generator.uniform(0.0, 6.283))
        rows += _two_photons(vector, generator) if pion == PION_ZERO else [vector]
    return np.array(rows)


def simple_pool(n_events=40, per_e=3.0, seed=5, max_kinetic_mev=MAX_KINETIC_MEV, length=None):
    """Pool of `simple_event`."""
    length = LENGTH_G_CM2 if length is None else length
    generator = np.random.default_rng(seed)
    grid = np.log(CUT_MEV) + np.arange(0.0, 1.0 + per_e * np.log(max_kinetic_mev / CUT_MEV)) / per_e
    rows = np.full(64, -1, dtype=np.int64)
    rows[list(HADRONS)] = np.arange(len(HADRONS))
    nuclei = np.full(57, -1, dtype=np.int64)
    nuclei[2:] = len(HADRONS)
    starts, events = np.zeros((len(HADRONS), len(grid), n_events + 1), dtype=np.int64), []
    for r, kind in enumerate(HADRONS):
        for node, log_kinetic in enumerate(grid):
            starts[r, node, 0] = len(events)
            for event in range(n_events):
                events += simple_event(kind, np.exp(log_kinetic), generator).tolist()
                starts[r, node, event + 1] = len(events)
    grid_xs = np.log(100.0) + np.arange(18.0)
    cross = np.empty((len(HADRONS) + 1, len(grid_xs)))
    for r, kind in enumerate(HADRONS):
        cross[r] = 1.0 / length["meson" if kind <= 12 else "baryon"]
    cross[len(HADRONS) :] = 1.0 / length["nucleus"]
    secondaries = np.array(events, dtype=np.float32)
    return HadronPool(grid, rows, starts, secondaries, grid_xs, cross, nuclei, max_kinetic_mev)


class SimpleModel:
    """`simple_event` as a model of interactions."""

    def interact(self, kind, kinetic_mev, generator):
        """Secondaries of one interaction."""
        return simple_event(kind, kinetic_mev, generator)


def simple_models(**more):
    """Models for a cascade."""
    return HadronModels(simple_pool(**more), SimpleModel(), CUT_MEV)


def write_simple_pool(path, n_nodes=10, events_per_node=6):
    """File of a pool of `simple_event`, with settings of the package's models."""
    settings = HadronSettings(n_nodes=n_nodes, events_per_node=events_per_node)
    sizes = np.zeros((len(HADRONS), n_nodes, events_per_node), dtype=np.int64)
    generator, events = np.random.default_rng(2), []
    for row, kind in enumerate(HADRONS):
        for node, log_kinetic in enumerate(settings.log_kinetic()):
            for event in range(settings.events_of(kind)):
                rows = simple_event(kind, np.exp(log_kinetic), generator).tolist()
                sizes[row, node, event] = len(rows)
                events += rows
    simple = simple_pool(n_events=1)
    cross = simple.cross_section[[*range(len(HADRONS)), *[len(HADRONS)] * 55]]
    secondaries = np.array(events, dtype=np.float32)
    write_pool(path, Interactions(settings, sizes, secondaries, simple.log_kinetic_xs, cross))
    return str(path)
