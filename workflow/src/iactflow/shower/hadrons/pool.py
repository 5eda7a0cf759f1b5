"""Pool of hadronic interactions: events made beforehand at fixed energies, drawn by kernels.

Below some 80 GeV a shower has hundreds of interactions, each of which costs milliseconds in UrQMD.
They are drawn from a pool: for each hadron and each energy of a grid, uniform in the logarithm of
the kinetic energy, some hundred events. The pool holds no randomness of a shower: every event has
a stream of its own, keyed by settings, hadron, energy and number.

Nucleons and pions, charged kaons, antiprotons are generated; neutrons, negative pions, neutral
kaons and antineutrons are their images in isospin (`UrQMD.interact_both`). Where the model for
high energies holds, all are generated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from iactflow.campaign.pool_key import pool_key
from iactflow.campaign.progress import Progress
from iactflow.campaign.streams import StreamKey
from iactflow.shower.hadrons.cross_sections import (
    all_hadrons,
    cross_section_grid,
    nuclear_cross_sections,
)
from iactflow.shower.hadrons.generators import HighEnergyModel
from iactflow.shower.hadrons.kinds import HADRONS, LARGEST_MASS_NUMBER
from iactflow.shower.hadrons.settings import HadronSettings
from iactflow.shower.hadrons.urqmd import load_urqmd

__all__ = ["HadronPool", "Interactions", "make_pool", "pool_of"]

N_KINDS = 64
# What is generated, and its images; of a K0L every other event is one of K0.
_IMAGES = ((8, (9,)), (14, (13,)), (11, (10,)), (12, (10,)), (15, (25,)))
_KAON_0_LONG = 10


class HadronPool(NamedTuple):
    """Interactions and cross-sections of hadrons in air, as arrays for kernels.

    Attributes
    ----------
    log_kinetic : ndarray of float64, shape (n_nodes,)
        ln(kinetic energy / MeV) of the events, uniform.
    rows : ndarray of int64, shape (64,)
        Row of a hadron by CORSIKA's number; -1: none.
    starts : ndarray of int64, shape (n_rows, n_nodes, n_events + 1)
        Secondaries of event e of row r at energy n are ``starts[r, n, e]`` to
        ``starts[r, n, e + 1]``.
    secondaries : ndarray of float32, shape (n, 4)
        CORSIKA's number, momentum in MeV in the laboratory, z along the projectile.
    log_kinetic_xs : ndarray of float64, shape (m,)
        ln(kinetic energy / MeV) of the cross-sections, uniform; of a nucleus as a whole.
    cross_section : ndarray of float64, shape (n_rows + 55, m)
        Inverse mean free paths in air, cm2/g: hadrons as ``rows``, then nuclei.
    nucleus_rows : ndarray of int64, shape (57,)
        Row of the cross-sections of a nucleus by mass number; -1: none.
    max_kinetic_mev : float
        Above this kinetic energy interactions are generated one by one.
    """

    log_kinetic: np.ndarray
    rows: np.ndarray
    starts: np.ndarray
    secondaries: np.ndarray
    log_kinetic_xs: np.ndarray
    cross_section: np.ndarray
    nucleus_rows: np.ndarray
    max_kinetic_mev: float


class Interactions(NamedTuple):
    """What a pool is made of, as its file holds it.

    Attributes
    ----------
    settings : HadronSettings
        What it was made with.
    sizes : ndarray of int64, shape (n_rows, n_nodes, n_events)
        Secondaries of each event; 0 where there are fewer.
    secondaries : ndarray of float32, shape (n, 4)
        Of all events in this order.
    log_kinetic_xs : ndarray of float64, shape (m,)
        As of `HadronPool`.
    cross_section : ndarray of float64, shape (n_rows + 55, m)
        As of `HadronPool`.
    """

    settings: HadronSettings
    sizes: np.ndarray
    secondaries: np.ndarray
    log_kinetic_xs: np.ndarray
    cross_section: np.ndarray


def make_pool(settings: HadronSettings) -> Interactions:
    """Generate all interactions of a pool, and its cross-sections.

    Parameters
    ----------
    settings : HadronSettings
        Models and grid.

    Returns
    -------
    Interactions
        The pool.
    """
    shape = len(HADRONS), settings.n_nodes, settings.events_per_node
    sizes = np.zeros(shape, dtype=np.int64)
    found: dict[tuple[int, int, int], np.ndarray] = {}
    progress = Progress("energies", settings.n_nodes)
    for node, log_kinetic in enumerate(settings.log_kinetic()):
        for kind, event, products in _node(settings, node, float(np.exp(log_kinetic))):
            row = HADRONS.index(kind)
            found[row, node, event] = products.astype(np.float32)
            sizes[row, node, event] = len(products)
        progress.step(f"{np.exp(log_kinetic) / 1e3:.3g} GeV")
    progress.finish(f"{len(found)} events")
    grid = cross_section_grid()
    nuclei = nuclear_cross_sections(settings.seed, grid)
    secondaries = np.concatenate([found[key] for key in sorted(found)])
    return Interactions(settings, sizes, secondaries, grid, np.vstack([all_hadrons(grid), nuclei]))


def _node(
    settings: HadronSettings, node: int, kinetic_mev: float
) -> Iterator[tuple[int, int, np.ndarray]]:
    """All events at one energy: kind, number, secondaries."""

    stage = f"hadron pool {pool_key(asdict(settings))}"

    def stream(kind: int, event: int) -> np.random.Generator:
        return StreamKey(settings.seed, stage, str(kind), run=node, shower=event).generator()

    if kinetic_mev >= 1e3 * settings.switch_gev:
        model = HighEnergyModel(settings)
        for kind in HADRONS:
            for event in range(settings.events_of(kind)):
                yield kind, event, model.interact(kind, kinetic_mev, stream(kind, event))
        return
    urqmd = load_urqmd()
    for kind, (image,) in _IMAGES:
        for event in range(settings.events_of(kind)):
            generator = stream(kind, event)
            products, mirrored = urqmd.interact_both(kind, kinetic_mev, generator)
            yield kind, event, products
            # K0 from the images of K+ at even numbers, its antiparticle from those of K- at odd.
            if image != _KAON_0_LONG or event % 2 == (kind == 12):
                yield image, event, mirrored


def pool_of(interactions: Interactions) -> HadronPool:
    """Arrays for kernels; events of rare hadrons stand as often as those of the others.

    Parameters
    ----------
    interactions : Interactions
        The pool.

    Returns
    -------
    HadronPool
        Arrays.
    """
    settings, sizes = interactions.settings, interactions.sizes
    n_rows, n_nodes, n_events = sizes.shape
    ends = np.cumsum(sizes.reshape(-1)).reshape(sizes.shape)
    starts = np.zeros((n_rows, n_nodes, n_events + 1), dtype=np.int64)
    parts, n = [], 0
    for row, kind in enumerate(HADRONS):
        events = np.arange(n_events) % settings.events_of(kind)
        for node in range(n_nodes):
            last, size = ends[row, node], sizes[row, node]
            places = [np.arange(last[e] - size[e], last[e]) for e in events]
            starts[row, node] = n + np.concatenate([[0], np.cumsum(size[events])])
            n = starts[row, node, -1]
            parts.append(interactions.secondaries[np.concatenate(places)])
    rows = np.full(N_KINDS, -1, dtype=np.int64)
    rows[list(HADRONS)] = np.arange(n_rows)
    nuclei = np.full(LARGEST_MASS_NUMBER + 1, -1, dtype=np.int64)
    nuclei[2:] = n_rows + np.arange(LARGEST_MASS_NUMBER - 1)
    return HadronPool(
        settings.log_kinetic(),
        rows,
        starts,
        np.concatenate(parts),
        interactions.log_kinetic_xs,
        interactions.cross_section,
        nuclei,
        1e3 * settings.transition_gev,
    )
