"""Ray tracing of H.E.S.S. I: nanoseconds per photon, random numbers included.

A star 1 deg from the axis lights a disc of 7.5 m radius, 60 % of which is mirror. Times are CPU
seconds of the process, one thread, everything compiled, best of some repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from pathlib import Path

import numpy as np

INSTRUMENT = Path(__file__).resolve().parents[1] / "config" / "instruments" / "hess1" / "2006"
N_PHOTONS, REPEATS, RADIUS_M = 200_000, 7, 7.5


def _nanoseconds(optics) -> float:
    from iactflow.campaign.philox import fill_uniform, new_state
    from iactflow.campaign.streams import StreamKey
    from iactflow.telescope.optics import make_optics_table
    from iactflow.telescope.raytrace import empty_hits, trace_photons
    from iactflow.telescope.spot import star_photons

    table = make_optics_table(optics, 20.0, StreamKey(1, "mirror", telescope=1).words())
    state = new_state(StreamKey(1, "optics").words())
    deviates = np.empty(2 * N_PHOTONS)
    fill_uniform(state, deviates)
    photons, _ = star_photons(1.0, 30.0, np.inf, RADIUS_M, deviates.reshape(-1, 2))
    hits, index = empty_hits(N_PHOTONS)
    arguments = (photons, np.eye(3), np.zeros(3), table, state, hits, index)
    trace_photons(*arguments)
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        trace_photons(*arguments)
        spent.append(time.process_time() - start)
    return 1e9 * min(spent) / N_PHOTONS


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    from dataclasses import replace

    from iactflow.instrument.load import load_instrument

    optics = load_instrument(INSTRUMENT).telescopes[0].type.optics
    bare = replace(optics, masts=(), transmission=(0.89,))
    name = "ray tracing of a photon, H.E.S.S. I"
    return [
        {"name": f"{name}, masts one by one", "value": _nanoseconds(optics), "unit": "CPU ns"},
        {"name": f"{name}, masts as a factor", "value": _nanoseconds(bare), "unit": "CPU ns"},
    ]
