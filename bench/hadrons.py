"""Showers of protons, with a pool of interactions beside the models for every interaction.

Vertical protons at 1800 m with all their light as steps, none drawn at telescopes but in the last
entry: there the light from 300 to 600 nm, in clear air, falls on four spheres of 7 m on the square
of H.E.S.S. around a core beside it. The pool is a small one, made here: its size does not change
the time of a shower. Times are CPU seconds of the process, one thread, everything compiled.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

LEVEL_M = 1800.0
LAYERS = (
    [-186.5562, -94.919, 0.61289, 0.0, 0.01128292],
    [1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0],
    [994186.38, 878153.55, 636143.04, 772170.16, 1.0e9],
)
PROTON, IRON, GAMMA = 14, 5626, 1
N_NODES, EVENTS_PER_NODE = 12, 20
SQUARE_M = [[-84.8, 0.0, 0.0], [0.0, -84.8, 0.0], [84.8, 0.0, 0.0], [0.0, 84.8, 0.0]]
CORE_M, RADIUS_M = [60.0, 30.0], 7.0


class EveryInteraction:
    """UrQMD where the pool is, Sibyll above it: no event is used twice."""

    def __init__(self, settings):
        from iactflow.shower.hadrons.generators import HighEnergyModel
        from iactflow.shower.hadrons.urqmd import load_urqmd

        self.high, self.low = HighEnergyModel(settings), load_urqmd()
        self.switch_mev = 1e3 * settings.switch_gev

    def interact(self, kind, kinetic_mev, generator):
        """Secondaries of one interaction."""
        if kind >= 200 or kinetic_mev >= self.switch_mev:
            return self.high.interact(kind, kinetic_mev, generator)
        return self.low.interact(kind, kinetic_mev, generator)


def _light(atmosphere):
    """Function of a shower's number to a collector of its light at four telescopes."""
    from iactflow.shower.collect import LightCollector
    from iactflow.shower.light import make_light_yield
    from iactflow.shower.spheres import make_spheres, sphere_states

    spheres = make_spheres(SQUARE_M, [RADIUS_M] * len(SQUARE_M), [CORE_M])
    light = make_light_yield(300.0, 600.0)

    def collector(shower):
        states = sphere_states(1, "proton", 0, shower, 1, range(len(SQUARE_M)))
        return LightCollector(spheres, light, atmosphere, states)

    return collector


def _milliseconds(kind, energy_tev, n, atmosphere, models, collector=None):
    """CPU milliseconds per shower, with its light at telescopes where a collector is given."""
    from iactflow.campaign.streams import StreamKey
    from iactflow.shower.cascade import CascadeSettings, Primary, cascade_steps, step_buffer

    buffer, settings = step_buffer(), CascadeSettings(photonuclear=True)
    start = 0.0
    for shower in range(-1, n):
        if shower == 0:
            start = time.process_time()
        key = StreamKey(1, "shower", shower=shower + 1)
        generator = StreamKey(1, "hadron_interactions", shower=shower + 1).generator()
        primary = Primary(kind, energy_tev)
        drawn = collector(shower + 1) if collector else None
        for steps in cascade_steps(
            primary, atmosphere, settings, key.words(), buffer, models, generator
        ):
            if drawn:
                drawn.add(steps)
        if drawn:
            drawn.collected()
    return 1e3 * (time.process_time() - start) / n


def run() -> list[dict]:
    """Return the results."""
    from iactflow.atmosphere.profile import from_corsika_layers
    from iactflow.atmosphere.table import make_table
    from iactflow.shower.hadron_models import HadronModels
    from iactflow.shower.hadrons.generators import HighEnergyModel
    from iactflow.shower.hadrons.pool import make_pool, pool_of
    from iactflow.shower.hadrons.settings import HadronSettings

    atmosphere = make_table(from_corsika_layers(*LAYERS), LEVEL_M)
    settings = HadronSettings(n_nodes=N_NODES, events_per_node=EVENTS_PER_NODE)
    pool = pool_of(make_pool(settings))
    pooled = HadronModels(pool, HighEnergyModel(settings))
    single = HadronModels(pool._replace(max_kinetic_mev=0.0), EveryInteraction(settings))
    entries = []
    for name, kind, energy_tev, n, n_single in (
        ("gamma, 1 TeV", GAMMA, 1.0, 10, 0),
        ("proton, 0.1 TeV", PROTON, 0.1, 100, 20),
        ("proton, 1 TeV", PROTON, 1.0, 40, 0),
        ("iron, 10 TeV", IRON, 10.0, 6, 0),
    ):
        value = _milliseconds(kind, energy_tev, n, atmosphere, pooled)
        peer = _milliseconds(kind, energy_tev, n_single, atmosphere, single) if n_single else None
        entries.append(
            {
                "name": f"cascade with hadrons: {name}",
                "value": value,
                "unit": "ms CPU per shower",
                "peer": "every interaction generated" if peer else None,
                "peer_value": peer,
                "ratio": peer / value if peer else None,
            }
        )
    value = _milliseconds(PROTON, 1.0, 40, atmosphere, pooled, _light(atmosphere))
    name = "shower of a 1 TeV proton with its light, 4 telescopes"
    return [*entries, {"name": name, "value": value, "unit": "CPU ms"}]
