"""Hadronic interactions: our calls of the generators beside chromo's own classes, and a pool.

CPU milliseconds per interaction of one thread, everything initialised; kinematics change from event
to event, as in a shower. chromo's classes drive the same library in the same process.
"""

from __future__ import annotations

import time

import numpy as np

PROTON, IRON = 14, 5626
N_EVENTS, N_LOW, N_IRON, REPEATS = 1000, 100, 100, 3


def _stream(number):
    return np.random.Generator(np.random.Philox(key=number))


def _milliseconds(make, n):
    """CPU time per event, best of the repeats."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        for i in range(n):
            make(i)
        best = min(best, time.process_time() - start)
    return 1e3 * best / n


def _theirs(projectile, n):
    """chromo's own classes: projectile by name, 1 TeV per nucleon."""
    import chromo

    def at(i):
        energy = 1000.0 * (1.0 + 1e-4 * (i % 7))
        return chromo.kinematics.FixedTarget(energy, projectile, "N14")

    if not hasattr(_theirs, "model"):
        _theirs.model = chromo.models.Sibyll23d(at(0), seed=1)
    model = _theirs.model

    def make(i):
        model.kinematics = at(i)
        next(iter(model(1))).final_state()

    return _milliseconds(make, n)


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    from iactflow.shower.hadrons.generators import HighEnergyModel
    from iactflow.shower.hadrons.pool import make_pool
    from iactflow.shower.hadrons.settings import HadronSettings
    from iactflow.shower.hadrons.urqmd import load_urqmd

    high, low = HighEnergyModel({}), load_urqmd()

    def ours(kind):
        size = max(kind // 100, 1)
        return lambda i: high.interact(kind, size * 1e6 * (1.0 + 1e-4 * (i % 7)), _stream(i))

    proton, iron = _milliseconds(ours(PROTON), N_EVENTS), _milliseconds(ours(IRON), N_IRON)
    slow = _milliseconds(lambda i: low.interact(PROTON, 2e4, _stream(i)), N_LOW)
    settings = HadronSettings(n_nodes=8, events_per_node=20)
    start = time.process_time()
    made = make_pool(settings)
    pool = time.process_time() - start
    # Last, since they set the library's decays anew.
    peers = _theirs("proton", N_EVENTS), _theirs("Fe56", N_IRON)
    entries = [
        {"name": f"interaction of {name} of 1 TeV per nucleon", "value": value, "unit": "CPU ms",
         "peer": "chromo's classes, same library", "peer_value": peer, "ratio": peer / value}
        for name, value, peer in zip(("a proton", "iron"), (proton, iron), peers, strict=True)
    ]  # fmt: skip
    n_events = int((made.sizes > 0).sum())
    return [
        *entries,
        {"name": "interaction of a proton of 20 GeV (UrQMD)", "value": slow, "unit": "CPU ms"},
        {"name": f"pool of {n_events} hadronic interactions", "value": pool, "unit": "CPU s"},
    ]
