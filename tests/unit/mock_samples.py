"""Simulated samples after the reconstruction with known detection: what mock runs are drawn from.

Every event inside the disk of cores is detected with one probability, whatever its energy, core
and offset: rates follow from the flux and the area alone. Directions have a Gaussian error. A
`threshold` takes low energies away, and makes their directions worse.
"""

from __future__ import annotations

import awkward
import numpy as np

from iactflow.discrimination.splits import part_of_showers
from iactflow.dl3.rotation import unit_vectors, vector_angles_deg
from iactflow.io.root import write_table
from iactflow.io.tables import TABLES
from iactflow.telescope.stages.record import thrown_columns

SEED = 21
SPLITS = {"mock": 1.0}
DETECTED = 0.3
SIGMA_DEG = 0.05
ENERGY_WIDTH = 0.1
RADIUS_M = 300.0
AREA_CM2 = np.pi * (100.0 * RADIUS_M) ** 2
ENERGIES_TEV = (0.3, 30.0)
SITE = {"latitude_deg": -23.2717, "longitude_deg": 16.5002, "height_m": 1835.0}


def fill(name, rows, given):
    """Columns of a table: those given, zeros or not a number in the others."""
    columns = {}
    for column in TABLES[name].columns:
        if column.name in given:
            columns[column.name] = np.asarray(given[column.name]).astype(
                str if column.dtype == "U" else column.dtype
            )
        elif not column.optional and not column.shape:
            if column.dtype == "U":
                columns[column.name] = np.full(rows, "x")
            else:
                value = np.nan if column.dtype.startswith("f") else 0
                columns[column.name] = np.full(rows, value, dtype=column.dtype)
    return columns


def turned(true, distance_deg, angle):
    """Directions at distances and angles from unit vectors."""
    helper = np.where(np.abs(true[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    one = np.cross(true, helper)
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two, distance = np.cross(true, one), np.radians(distance_deg)[:, None]
    angle = angle[:, None]
    across = np.cos(angle) * one + np.sin(angle) * two
    return np.cos(distance) * true + np.sin(distance) * across


def horizontal(vectors):
    """Altitude and azimuth of vectors (north, west, up)."""
    longitude, latitude = vector_angles_deg(vectors)
    return latitude, (-longitude) % 360.0


def thrown(settings, seed):
    """Energies and offsets of showers, cores of their events, and which are detected."""
    rng = np.random.default_rng(seed)
    n, (low, high) = settings["n_showers"], ENERGIES_TEV
    energy = 1.0 / (1.0 / low + rng.uniform(size=n) * (1.0 / high - 1.0 / low))
    cone = np.radians(settings["viewcone_deg"])
    offset = np.degrees(np.arccos(1.0 - rng.uniform(size=n) * (1.0 - np.cos(cone))))
    if settings["viewcone_deg"] == 0.0:
        offset = np.full(n, settings["offset_deg"])
    return rng, energy, offset


def threshold(energy_tev):
    """Share of the detected events that is left, and width of directions over the usual one."""
    return 1.0 / (1.0 + (0.5 / energy_tev) ** 4), 1.0 + 0.3 / energy_tev


def write_sample(
    path, *, n_showers=4000, reuse=2, offset_deg=0.5, viewcone_deg=0.0, particle=1, run=1,
    pointing=(70.0, 180.0), nsb_factor=1.0, throughput=1.0, seed=5, splits=None, law=None,
):  # fmt: skip
    """Write a DL2 file; returns columns of its events."""
    settings = {"n_showers": n_showers, "shower_reuse": reuse, "viewcone_deg": viewcone_deg}
    settings |= {"energy_min_tev": ENERGIES_TEV[0], "energy_max_tev": ENERGIES_TEV[1]}
    settings |= {"spectral_index": 2.0, "offset_deg": offset_deg, "core_radius_max_m": RADIUS_M}
    rng, energy, offset = thrown(settings, seed)
    left, wider = law(energy) if law else (np.ones(n_showers), np.ones(n_showers))
    chance = DETECTED * left[:, None]
    shower, number = np.nonzero(rng.uniform(size=(n_showers, reuse)) < chance)
    n = len(shower)
    axis = unit_vectors(-pointing[1], [pointing[0]])
    true = turned(np.repeat(axis, n_showers, axis=0), offset, rng.uniform(0, 2 * np.pi, n_showers))
    error_deg = SIGMA_DEG * wider[shower] * np.sqrt(-2.0 * np.log(rng.uniform(size=n)))
    reco = turned(true[shower], error_deg, rng.uniform(0.0, 2.0 * np.pi, n))
    alt_deg, az_deg = horizontal(reco)
    true_alt_deg, true_az_deg = horizontal(true[shower])
    events = {
        "obs_id": np.full(n, run),
        "event_id": 100 * (shower + 1) + number,
        "particle_id": np.full(n, particle),
        "shower_id": shower + 1,
        "reuse_id": number,
        "is_valid": np.ones(n, bool),
        "alt_deg": alt_deg,
        "az_deg": az_deg,
        "energy_tev": energy[shower] * np.exp(ENERGY_WIDTH * rng.normal(size=n)),
        "true_energy_tev": energy[shower],
        "true_alt_deg": true_alt_deg,
        "true_az_deg": true_az_deg,
        "true_core_x_m": np.zeros(n),
        "true_core_y_m": np.zeros(n),
        "mean_scaled_width": rng.normal(size=n),
        "multiplicity": 2 + shower % 3,
        "split": part_of_showers(SEED, str(particle), run, shower + 1, splits or SPLITS),
    }
    runs = {
        "obs_id": [run], "particle_id": [particle], "shower_id_min": [1],
        "shower_id_max": [n_showers], "n_showers": [n_showers], "shower_reuse": [reuse],
        "energy_range_min_tev": [ENERGIES_TEV[0]], "energy_range_max_tev": [ENERGIES_TEV[1]],
        "spectral_index": [-2.0], "min_scatter_range_m": [0.0], "max_scatter_range_m": [RADIUS_M],
        "pointing_alt_deg": [pointing[0]], "pointing_az_deg": [pointing[1]],
        "min_viewcone_radius_deg": [0.0 if viewcone_deg else offset_deg],
        "max_viewcone_radius_deg": [viewcone_deg or offset_deg],
    }  # fmt: skip
    tel = {"obs_id": [run], "tel_id": [1]}
    angles = {"altitude_deg": [pointing[0]], "azimuth_deg": [pointing[1]]}
    tables = {
        "events_dl2": fill("events_dl2", n, events),
        "simulated_events": fill("simulated_events", n, events),
        "simulation_runs": fill("simulation_runs", 1, runs),
        "thrown_events": thrown_columns(settings, run, particle, energy, offset),
        "pointing": fill("pointing", 1, {**tel, **angles}),
        "telescope_states": fill(
            "telescope_states", 1, {**tel, **angles, "throughput": [throughput]}
        ),
        "array": fill("array", 1, {"array_name": ["four"], **{k: [v] for k, v in SITE.items()}}),
        "array_telescopes": fill("array_telescopes", 2, {"tel_id": [1, 2]}),
    }
    pairs = np.tile(np.array([1, 2], np.int16), n)
    tables["events_dl2"]["telescopes"] = awkward.unflatten(pairs, np.full(n, 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"seed": SEED, "splits": splits or SPLITS, "nsb_factor": nsb_factor}
    write_table(path, tables, metadata)
    return events
