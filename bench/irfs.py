"""Responses from 10 million events: our kernel beside pyirf, from the same arrays.

Effective area, energy dispersion and point spread function, and the rate of as many background
events against energy and offset. pyirf gets its table with units ready made. Both sides' numbers
are compared before they are timed. Times are CPU seconds of the process, one thread, everything
compiled, best of some repeats; reading of files and cuts are left out on both sides.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import numpy as np

N_EVENTS, N_REUSE, REPEATS = 10_000_000, 10, 3
ENERGY_TEV = 10.0 ** (np.arange(-10, 21) / 10)
RECO_TEV = 10.0 ** (np.arange(-5, 11) / 5)
OFFSET_DEG, RAD_DEG = np.linspace(0.0, 3.0, 7), np.linspace(0.0, 1.0, 201)
MIGRA, FOV_DEG = np.linspace(0.2, 3.0, 141), np.linspace(0.0, 3.0, 16)
MAX_IMPACT_M = 1000.0


def _events():
    """Columns of events: power law, 15 % energy resolution, a King-like point spread function."""
    rng = np.random.default_rng(1)
    energy = np.repeat(10.0 ** rng.uniform(-1.0, 2.0, N_EVENTS // N_REUSE), N_REUSE)
    offset = np.repeat(3.0 * np.sqrt(rng.uniform(size=N_EVENTS // N_REUSE)), N_REUSE)
    return {
        "true_energy": energy,
        "reco_energy": energy * rng.normal(1.0, 0.15, N_EVENTS),
        "true_source_fov_offset": offset,
        "reco_source_fov_offset": np.abs(offset + rng.normal(0.0, 0.1, N_EVENTS)),
        "theta": 0.06 * np.sqrt(4.0 * (rng.uniform(size=N_EVENTS) ** -1.0 - 1.0)),
        "weight": energy**-0.7,
    }


def _ours(events, cluster, n_thrown):
    from iactflow.response.background import background_2d
    from iactflow.response.histograms import fill_background, fill_signal
    from iactflow.response.signal import (
        add_run,
        effective_area,
        energy_dispersion,
        no_area,
        point_spread,
    )

    columns = ("true_energy", "reco_energy", "true_source_fov_offset", "theta")
    axes = (ENERGY_TEV, OFFSET_DEG, MIGRA, RAD_DEG)
    signal = fill_signal(*(events[name] for name in columns), cluster, *axes)
    sums = add_run(no_area(*n_thrown.shape), signal, n_thrown, np.pi * MAX_IMPACT_M**2, N_REUSE)
    columns = ("reco_energy", "reco_source_fov_offset", "weight")
    rate = fill_background(*(events[name] for name in columns), cluster, RECO_TEV, FOV_DEG)
    return (
        effective_area(sums)[0],
        energy_dispersion(signal.migration, MIGRA),
        point_spread(signal.radial, RAD_DEG),
        background_2d(rate, RECO_TEV, FOV_DEG).rate_per_s_mev_sr,
    )


def _pyirf(table, info):
    import astropy.units as u
    from pyirf.irf import (
        background_2d,
        effective_area_per_energy_and_fov,
        energy_dispersion,
        psf_table,
    )

    energy, offset = ENERGY_TEV * u.TeV, OFFSET_DEG * u.deg
    area = effective_area_per_energy_and_fov(table, info, energy, offset)
    dispersion = energy_dispersion(table, energy, offset, MIGRA)
    psf = psf_table(table, energy, RAD_DEG * u.deg, offset)
    rate = background_2d(table, RECO_TEV * u.TeV, FOV_DEG * u.deg, 1 * u.s)
    return (
        area.to_value(u.m**2).T,
        dispersion.transpose(2, 1, 0),
        psf.to_value("sr-1").transpose(2, 1, 0),
        rate.to_value("s-1 MeV-1 sr-1"),
    )


def _cpu_s(function, repeats):
    """Result of a call, and its CPU time, best of the repeats."""
    best, result = np.inf, None
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        best = min(best, time.process_time() - start)
    return result, best


def run():
    """Measure both sides on the same events.

    Returns
    -------
    list of dict
        An entry.
    """
    import astropy.units as u
    from astropy.table import QTable
    from pyirf.simulations import SimulatedEventsInfo

    events = _events()
    units = {"weight": u.one, "theta": u.deg}
    units |= {name: u.deg if "offset" in name else u.TeV for name in events if name not in units}
    table = QTable({name: values * units[name] for name, values in events.items()}, copy=False)
    info = SimulatedEventsInfo(
        3 * N_EVENTS, 0.1 * u.TeV, 100 * u.TeV, MAX_IMPACT_M * u.m, -2.0, 0 * u.deg, 3 * u.deg
    )
    bins = ENERGY_TEV * u.TeV, OFFSET_DEG * u.deg
    n_thrown = info.calculate_n_showers_per_energy_and_fov(*bins).T
    cluster = np.arange(N_EVENTS) // N_REUSE
    _ours({name: values[:1000] for name, values in events.items()}, cluster[:1000], n_thrown)
    ours, seconds = _cpu_s(lambda: _ours(events, cluster, n_thrown), REPEATS)
    theirs, peer = _cpu_s(lambda: _pyirf(table, info), 1)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    return [
        {
            "name": "responses of 10 million events",
            "value": seconds,
            "unit": "CPU s",
            "peer": "pyirf",
            "peer_value": peer,
            "ratio": peer / seconds,
        }
    ]
