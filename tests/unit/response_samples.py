"""Simulated samples after the reconstruction, from simple laws: DL2 files and what was thrown.

Showers are thrown as the real ones are. An event triggers with a probability of its energy and core
distance; background is wider than gamma rays, and less like them.
"""

from __future__ import annotations

import awkward
import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.discrimination.splits import part_of_showers
from iactflow.io.root import write_table
from iactflow.io.tables import TABLES
from iactflow.shower.primaries import draw_primary
from iactflow.telescope.stages.record import thrown_columns

SEED = 11
SPLITS = {"train_energy": 0.2, "test_cuts": 0.4, "test_irfs": 0.4}
POINTING = (70.0, 180.0)


def fill(name, rows, given):
    """Columns of a table: those given, zeros or not a number in the others."""
    columns = {}
    for column in TABLES[name].columns:
        if column.name in given:
            columns[column.name] = np.asarray(given[column.name]).astype(column.dtype)
        elif not column.optional and not column.shape:
            value = np.nan if column.dtype.startswith("f") else 0
            columns[column.name] = np.full(rows, value, dtype=column.dtype)
    return columns


def law(**changes):
    """Block of a production."""
    return {
        "n_showers": 400,
        "shower_reuse": 5,
        "energy_min_tev": 0.1,
        "energy_max_tev": 30.0,
        "spectral_index": 2.0,
        "viewcone_deg": 0.0,
        "offset_deg": 0.5,
        "core_radius_max_m": 300.0,
        **changes,
    }


def throw(settings, seed=3, run=None):
    """Primaries: energies, offsets and position angles of showers; cores of their events.

    Those of a run are drawn as the simulation does, from the streams of its showers.
    """
    rng = np.random.default_rng([seed, settings["n_showers"]])
    n, reuse = settings["n_showers"], settings["shower_reuse"]
    low, high = settings["energy_min_tev"], settings["energy_max_tev"]
    power = 1.0 - settings["spectral_index"]
    u = rng.uniform(size=n)
    energy = (
        low * (high / low) ** u
        if power == 0.0
        else (low**power + u * (high**power - low**power)) ** (1.0 / power)
    )
    cone = np.radians(settings["viewcone_deg"])
    offset = np.degrees(np.arccos(1.0 - rng.uniform(size=n) * (1.0 - np.cos(cone))))
    if cone == 0.0:
        offset = np.full(n, settings["offset_deg"])
    angle = rng.uniform(0.0, 2.0 * np.pi, n)
    if run is not None:
        block = {**settings, "offset_angle_deg": 0.0}
        drawn = [draw_primary(block, POINTING, SEED, run, i + 1) for i in range(n)]
        energy, offset = np.array([(p.energy_tev, p.offset_deg) for p in drawn]).T
    radius = settings["core_radius_max_m"] * np.sqrt(rng.uniform(size=(n, reuse)))
    around = rng.uniform(0.0, 2.0 * np.pi, (n, reuse))
    return {
        "energy": energy,
        "offset": offset,
        "angle": angle,
        "radius": radius,
        "around": around,
        "noise": rng.normal(size=(n, reuse, 5)),
        "light": rng.normal(size=n),
        "chance": rng.uniform(size=(n, reuse)),
    }


def own_run(settings, run):
    """Run whose showers the simulation would have drawn; None for files of other origin."""
    return run if "particle" in settings else None


def directions(offset_deg, angle, alt_deg, az_deg):
    """Directions at an offset from another, at position angles."""
    alt, az, off = np.radians(alt_deg), np.radians(az_deg), np.radians(offset_deg)
    sin_alt = np.sin(alt) * np.cos(off) + np.cos(alt) * np.sin(off) * np.cos(angle)
    new_alt = np.arcsin(np.clip(sin_alt, -1.0, 1.0))
    x = np.cos(off) - np.sin(alt) * sin_alt
    y = np.sin(off) * np.sin(angle) * np.cos(alt)
    return np.degrees(new_alt), (np.degrees(az + np.arctan2(y, x))) % 360.0


def core_columns(thrown, alt_deg, az_deg):
    """Cores on the ground of events in the plane perpendicular to the shower, shape (n, reuse)."""
    alt, az = np.radians(alt_deg)[:, None], np.radians(az_deg)[:, None]
    axis = np.stack([np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)])
    # Two unit vectors perpendicular to the axis: horizontal, and the other one.
    flat = np.stack([-axis[1], axis[0], 0.0 * axis[2]]) / np.cos(alt)
    up = np.cross(axis, flat, axis=0)
    place = thrown["radius"] * (np.cos(thrown["around"]) * flat + np.sin(thrown["around"]) * up)
    place = place - axis * (place[2] / axis[2])
    return place[0], place[1]


def chance_of_trigger(energy_tev, radius_m):
    """Probability of a trigger."""
    reach = 120.0 + 60.0 * np.log10(energy_tev / 0.1)
    return 1.0 / (1.0 + np.exp((radius_m - reach) / 20.0))


def events_of(settings, particle, run, seed, is_gamma):
    """Events that triggered: DL2 columns and truth, all in one dictionary."""
    thrown = throw(settings, seed, own_run(settings, run))
    shape = thrown["radius"].shape
    energy = np.broadcast_to(thrown["energy"][:, None], shape)
    visible = energy if is_gamma else energy / 3.0
    kept = thrown["chance"] < chance_of_trigger(visible, thrown["radius"])
    shower, reuse = np.nonzero(kept)
    alt, az = directions(thrown["offset"], thrown["angle"], *POINTING)
    x, y = core_columns(thrown, alt, az)
    noise = thrown["noise"][kept]
    centre = 0.0 if is_gamma else 2.5
    theta = 0.06 * np.hypot(noise[:, 0], noise[:, 1])
    near = np.arctan2(noise[:, 1], noise[:, 0])
    reco = directions(theta, near, alt[shower], az[shower])
    width = centre + noise[:, 2] * (1.0 if is_gamma else 1.5) + 0.3 * thrown["light"][shower]
    gammaness = 1.0 / (1.0 + np.exp(1.5 * (width - 1.2)))
    return {
        "obs_id": np.full(len(shower), run),
        "event_id": 100 * (shower + 1) + reuse,
        "particle_id": np.full(len(shower), particle),
        "shower_id": shower + 1,
        "reuse_id": reuse,
        "is_valid": np.ones(len(shower), bool),
        "true_energy_tev": energy[kept],
        "true_alt_deg": alt[shower],
        "true_az_deg": az[shower],
        "true_core_x_m": x[kept],
        "true_core_y_m": y[kept],
        "energy_tev": visible[kept] * np.exp(0.15 * noise[:, 3]),
        "energy_forest_tev": visible[kept] * np.exp(0.10 * noise[:, 3]),
        "alt_deg": reco[0],
        "az_deg": reco[1],
        "alt_forest_deg": alt[shower],
        "az_forest_deg": az[shower],
        "mean_scaled_width": width,
        "mean_scaled_length": 0.5 * centre + noise[:, 4],
        "gammaness": gammaness,
        "multiplicity": 2 + (np.arange(len(shower)) % 3),
    }


def write_sample(path, settings, *, particle=1, run=1, seed=3, shower_range=None, nsb_factor=1.0,
                 is_gamma=None):  # fmt: skip
    """Write a DL2 file of a production, or of a range of its showers; returns all its events."""
    is_gamma = particle == 1 if is_gamma is None else is_gamma
    events = events_of(settings, particle, run, seed, is_gamma)
    first, last = shower_range or (1, settings["n_showers"])
    mine = (events["shower_id"] >= first) & (events["shower_id"] <= last)
    events = {name: values[mine] for name, values in events.items()}
    events["split"] = part_of_showers(SEED, str(particle), run, events["shower_id"], SPLITS)
    n = int(mine.sum())
    thrown = throw(settings, seed, own_run(settings, run))
    here = slice(first - 1, last)
    diffuse = settings["viewcone_deg"] > 0.0
    runs = {
        "obs_id": [run],
        "particle_id": [particle],
        "shower_id_min": [first],
        "shower_id_max": [last],
        "n_showers": [last - first + 1],
        "shower_reuse": [settings["shower_reuse"]],
        "energy_range_min_tev": [settings["energy_min_tev"]],
        "energy_range_max_tev": [settings["energy_max_tev"]],
        "spectral_index": [-settings["spectral_index"]],
        "min_viewcone_radius_deg": [0.0 if diffuse else settings["offset_deg"]],
        "max_viewcone_radius_deg": [settings["viewcone_deg" if diffuse else "offset_deg"]],
        "min_scatter_range_m": [0.0],
        "max_scatter_range_m": [settings["core_radius_max_m"]],
        "seed": [SEED],
    }
    tables = {
        "events_dl2": fill("events_dl2", n, events),
        "simulated_events": fill("simulated_events", n, events),
        "simulation_runs": fill("simulation_runs", 1, runs),
        "thrown_events": thrown_columns(
            settings, run, particle, thrown["energy"][here], thrown["offset"][here]
        ),
        "pointing": fill(
            "pointing",
            1,
            {"obs_id": [run], "tel_id": [1], "altitude_deg": [70.0], "azimuth_deg": [180.0]},
        ),
    }
    pairs = np.tile(np.array([1, 2], np.int16), n)
    tables["events_dl2"]["telescopes"] = awkward.unflatten(pairs, np.full(n, 2))
    metadata = {"seed": SEED, "splits": SPLITS, "nsb_factor": nsb_factor}
    if "particle" in settings:
        metadata["particle"] = settings["particle"]
    write_table(path, tables, metadata)
    return events


def distance_deg(events):
    """Angle of reconstructed from true directions."""
    return separation_deg(
        events["az_deg"], events["alt_deg"], events["true_az_deg"], events["true_alt_deg"]
    )
