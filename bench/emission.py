"""Cherenkov light of showers: drawn towards telescopes beside all of it, in one process.

Vertical gammas of 1 TeV at 1800 m, every photon from 300 to 600 nm in clear air. Both ways use the
same steps and the same kernels for angle, flight and spheres. Times are CPU seconds of the process,
one thread, everything compiled; they are the best of some repeats. The four spheres stand on the
square of H.E.S.S. with a radius of 7 m; the 51 are CTAO's southern array.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from pathlib import Path

import numpy as np

LEVEL_M = 1800.0
SQUARE_M = [[-84.8, 0.0, 0.0], [0.0, -84.8, 0.0], [84.8, 0.0, 0.0], [0.0, 84.8, 0.0]]
CORE_M = [60.0, 30.0]
N_SHOWERS, REPEATS, CAPACITY = 4, 3, 65536
SOUTH = "instrument/arrays/ctao_south_alpha_14MST37SST.ecsv"
RADII_M = {"MSTS": 8.0, "SSTS": 3.0}
LAYERS = (
    [-186.5562, -94.919, 0.61289, 0.0, 0.01128292],
    [1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0],
    [994186.38, 878153.55, 636143.04, 772170.16, 1.0e9],
)


def _spheres(positions, radii):
    from iactflow.shower.spheres import make_spheres

    return make_spheres(positions, radii, [CORE_M])


def _southern_array():
    from astropy.table import Table

    table = Table.read(Path(os.environ["IACTFLOW_DATA"]) / SOUTH)
    positions = np.array([table[f"position_{axis}"] for axis in "xyz"]).T
    return _spheres(positions, [RADII_M[str(name)[:4]] for name in table["telescope_name"]])


def _shower(number, atmosphere, buffer):
    from iactflow.campaign.streams import StreamKey
    from iactflow.shower.cascade import CascadeSettings, Primary, cascade_steps

    words = StreamKey(1, "shower", "gamma", shower=number).words()
    return cascade_steps(Primary(1, 1.0), atmosphere, CascadeSettings(), words, buffer)


def _shower_seconds(spheres, n_showers, atmosphere, light, buffer):
    """CPU seconds per shower of the cascade and of its light, best of the repeats."""
    from iactflow.shower.collect import LightCollector
    from iactflow.shower.spheres import sphere_states

    best = []
    for _ in range(REPEATS):
        spent = np.zeros(2)
        for number in range(n_showers):
            states = sphere_states(1, "gamma", 0, number, 1, range(spheres.n_telescopes))
            start = time.process_time()
            collector = LightCollector(spheres, light, atmosphere, states)
            spent[1] += time.process_time() - start
            buffers = iter(_shower(number, atmosphere, buffer))
            while True:
                start = time.process_time()
                steps = next(buffers, None)
                middle = time.process_time()
                spent[0] += middle - start
                if steps is None:
                    break
                collector.add(steps)
                spent[1] += time.process_time() - middle
            start = time.process_time()
            collector.collected()
            spent[1] += time.process_time() - start
        best.append(spent)
    return min(best, key=np.sum) / n_showers


def _brute_seconds(spheres, atmosphere, light, buffer):
    """CPU seconds of the light of the first shower by brute force."""
    from iactflow.campaign.philox import new_state
    from iactflow.campaign.streams import StreamKey
    from iactflow.shower.brute_force import emit_brute_force
    from iactflow.shower.photons import empty_photons

    state = new_state(StreamKey(1, "brute force").words())
    photons, owners = empty_photons(CAPACITY), np.empty(CAPACITY, dtype=np.int32)

    def draw(steps):
        resume = np.array([0.0, 0.0, -1.0])
        while resume[0] < len(steps):
            emit_brute_force(
                steps, atmosphere, light, spheres, True, state, resume, photons, owners
            )

    # A step at rest shines nowhere: this compiles.
    draw(np.ones((1, buffer.shape[1])))
    spent = 0.0
    for steps in _shower(0, atmosphere, buffer):
        start = time.process_time()
        draw(steps)
        spent += time.process_time() - start
    return spent


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    from iactflow.atmosphere.profile import from_corsika_layers
    from iactflow.atmosphere.table import make_table
    from iactflow.shower.cascade import step_buffer
    from iactflow.shower.light import make_light_yield

    atmosphere = make_table(from_corsika_layers(*LAYERS), LEVEL_M)
    light, buffer = make_light_yield(300.0, 600.0), step_buffer()
    arguments = atmosphere, light, buffer
    four = _spheres(SQUARE_M, [7.0] * 4)
    driven = _shower_seconds(four, 1, *arguments)[1]
    brute = _brute_seconds(four, *arguments)
    few = _shower_seconds(four, N_SHOWERS, *arguments).sum()
    many = _shower_seconds(_southern_array(), N_SHOWERS, *arguments).sum()
    total = "shower of a 1 TeV gamma with its light"
    return [
        {"name": "light of a 1 TeV gamma, 4 telescopes", "value": 1e3 * driven, "unit": "CPU ms",
         "peer": "brute force, same kernels", "peer_value": 1e3 * brute, "ratio": brute / driven},
        {"name": f"{total}, 4 telescopes", "value": 1e3 * few, "unit": "CPU ms"},
        {"name": f"{total}, 51 telescopes", "value": 1e3 * many, "unit": "CPU ms"},
        {"name": f"{total}, 51 over 4 telescopes", "value": many / few, "unit": "times"},
    ]  # fmt: skip
