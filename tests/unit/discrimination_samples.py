"""Invented events after the geometry: sizes, widths and energies that follow simple laws."""

from __future__ import annotations

import numpy as np

from iactflow.io.root import write_table
from iactflow.io.tables import TABLES

SPLITS = {"train_energy": 0.4, "train_direction": 0.3, "test_irfs": 0.3}
POINTING = (70.0, 180.0)
TYPES = np.array(["big", "big", "small", "small"])
N_TEL = 4


def _filled(name, rows, given):
    """Columns of a table: those given, zeros or not a number in the others."""
    columns = {}
    for column in TABLES[name].columns:
        if column.name in given:
            columns[column.name] = given[column.name]
        elif not column.optional:
            fill = np.nan if column.dtype.startswith("f") else 0
            columns[column.name] = np.full(rows, fill, dtype=column.dtype)
    return columns


def images(shower, seed=1, n_reuse=3, offset_deg=0.5):
    """Truth and images of showers: dictionaries of columns, by event and by image."""
    n = len(shower) * n_reuse
    energy = np.empty(n)
    noise, place = np.empty((n, N_TEL, 4)), np.empty((n, N_TEL, 2))
    for i, number in enumerate(shower):
        rng = np.random.default_rng([seed, number])
        here = slice(i * n_reuse, (i + 1) * n_reuse)
        energy[here] = 10.0 ** rng.uniform(-0.5, 1.0)
        noise[here] = rng.normal(size=(n_reuse, N_TEL, 4))
        place[here] = rng.uniform(size=(n_reuse, N_TEL, 2))
    impact = 20.0 + 200.0 * place[..., 0]
    ln_size = np.log(energy)[:, None] + 6.5 - impact / 150.0 + 0.1 * noise[..., 0]
    psi = 2.0 * np.pi * place[..., 1]
    disp = 0.2 + impact / 200.0 + 0.02 * noise[..., 1]
    width = 0.05 + 0.01 * ln_size + 0.005 * noise[..., 2]
    return {
        "shower_id": np.repeat(shower, n_reuse),
        "reuse_id": np.tile(np.arange(n_reuse), len(shower)),
        "energy": energy,
        "impact": impact,
        "size": np.exp(ln_size),
        "width": width,
        "length": 0.1 + 0.02 * ln_size + 0.01 * noise[..., 3],
        # The axis points to the source or away from it; the skewness knows.
        "psi": np.where(place[..., 0] % 0.1 < 0.05, psi, psi + np.pi),
        "skewness": np.where(place[..., 0] % 0.1 < 0.05, 1.0, -1.0),
        "lon": -disp * np.cos(psi),
        "lat": offset_deg - disp * np.sin(psi),
        "disp": disp,
    }


def write_geometry(path, shower, *, particle=1, run=7, factor=1.0, throughput=1.0, data=False,
                   wider=0.0, **changes):  # fmt: skip
    """Write a file as ``reconstruct_geometry`` does; returns what `images` made."""
    made = images(np.asarray(shower), **changes)
    n = len(made["energy"])
    event_id = 100 * made["shower_id"] + made["reuse_id"]
    events = {"obs_id": np.full(n, run), "event_id": event_id}
    source = {"alt": np.full(n, POINTING[0] + 0.5), "az": np.full(n, POINTING[1])}
    rows = {name: np.repeat(values, N_TEL) for name, values in events.items()}
    rows["tel_id"] = np.tile(np.arange(1, N_TEL + 1, dtype=np.int16), n)
    parameters = {
        "hillas_intensity": made["size"].ravel() * throughput,
        "hillas_width_deg": made["width"].ravel() + wider,
        "hillas_length_deg": made["length"].ravel(),
        "hillas_psi_deg": np.degrees(made["psi"]).ravel(),
        "hillas_fov_lon_deg": made["lon"].ravel(),
        "hillas_fov_lat_deg": made["lat"].ravel(),
        "hillas_r_deg": np.hypot(made["lon"], made["lat"]).ravel(),
        "hillas_skewness": made["skewness"].ravel(),
    }
    geometry = {
        **events,
        "is_valid": np.ones(n, dtype=bool),
        "alt_deg": source["alt"],
        "az_deg": source["az"],
        "multiplicity": np.full(n, N_TEL, dtype=np.int16),
        "telescopes": np.tile(np.arange(1, N_TEL + 1, dtype=np.int16), (n, 1)),
    }
    tables = {
        "geometry": _filled("geometry", n, geometry),
        "parameters": _filled("parameters", n * N_TEL, {**rows, **parameters}),
        "telescope_geometry": {**rows, "impact_distance_m": made["impact"].ravel()},
        "pointing": _filled("pointing", N_TEL, {
            "obs_id": np.full(N_TEL, run), "tel_id": np.arange(1, N_TEL + 1, dtype=np.int16),
            "altitude_deg": np.full(N_TEL, POINTING[0]),
            "azimuth_deg": np.full(N_TEL, POINTING[1])}),
        "array_telescopes": _filled("array_telescopes", N_TEL, {
            "tel_id": np.arange(1, N_TEL + 1, dtype=np.int16), "telescope_type": TYPES}),
    }  # fmt: skip
    if not data:
        tables |= _truth(made, events, source, particle, run, throughput)
    write_table(path, tables, {"nsb_factor": factor})
    return made


def _truth(made, events, source, particle, run, throughput):
    n, showers = len(made["energy"]), np.unique(made["shower_id"])
    n_showers = int(showers[-1] - showers[0] + 1)
    one = {"obs_id": np.array([run]), "particle_id": np.array([particle], dtype=np.int32)}
    truth = {
        **events,
        "shower_id": made["shower_id"],
        "reuse_id": made["reuse_id"].astype(np.int32),
        "particle_id": np.full(n, particle, dtype=np.int32),
        "true_energy_tev": made["energy"],
        "true_alt_deg": source["alt"],
        "true_az_deg": source["az"],
    }
    ranges = {
        **one,
        "shower_id_min": showers[:1],
        "shower_id_max": showers[-1:],
        "n_showers": np.array([n_showers]),
        "shower_reuse": np.array([3], dtype=np.int32),
        "spectral_index": np.array([-1.0]),
    }
    states = {
        "obs_id": np.full(N_TEL, run),
        "tel_id": np.arange(1, N_TEL + 1, dtype=np.int16),
        "throughput": np.full(N_TEL, throughput),
        "nsb_rate_ghz": np.full(N_TEL, 0.1),
    }
    return {
        "simulated_events": _filled("simulated_events", n, truth),
        "simulation_runs": _filled("simulation_runs", 1, ranges),
        "thrown_events": _filled(
            "thrown_events", 1, {**one, "n_thrown": np.array([3 * n_showers])}
        ),
        "telescope_states": _filled("telescope_states", N_TEL, states),
    }
