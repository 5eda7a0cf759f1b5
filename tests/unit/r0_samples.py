"""Small files of raw data: waveforms and charges of two types of telescope, made by hand."""

from __future__ import annotations

import awkward
import numpy as np

from iactflow.io.root import write_table
from iactflow.io.subarray import Camera, Subarray, TelescopeType
from iactflow.io.subarray_tables import subarray_columns
from iactflow.io.waveform_packing import pack_waveforms

N_EVENTS = 12
#: Shapes of the two cameras: channels, pixels, samples.
SHAPES = ((2, 37, 30), (1, 19, 1))
TYPE_OF = {1: 0, 2: 1, 4: 0, 7: 1}


def camera(name, shape):
    """A camera of hexagons in a row."""
    n_channels, n_pixels, n_samples = shape
    x = 0.05 * np.arange(n_pixels)
    rate = 1.0 if n_samples > 1 else np.nan
    pulse = np.exp(-0.5 * ((np.arange(20) - 8) / 3.0) ** 2) * np.ones((n_channels, 1))
    area = np.full(n_pixels, 2e-3)
    return Camera(name, x, 0 * x, area, "hexagon", 0.0, n_channels, n_samples, rate, pulse, 0.5)


def make_subarray():
    """Four telescopes of two types."""
    types = tuple(
        TelescopeType(name, camera(name, shape), 16.0, 15.5, 100.0)
        for name, shape in zip(("wave", "charge"), SHAPES, strict=True)
    )
    tel_ids = np.array(sorted(TYPE_OF))
    index = np.array([TYPE_OF[int(t)] for t in tel_ids])
    positions = np.column_stack([10.0 * tel_ids, -tel_ids, 0.0 * tel_ids])
    return Subarray("test", tel_ids, positions, types, index, 2000.0, 28.0, -17.0)


def make_events(seed=3):
    """Telescopes of each event, and their counts, as a dictionary of (event, telescope)."""
    rng = np.random.default_rng(seed)
    adc = {}
    for event in range(1, N_EVENTS + 1):
        for tel in rng.choice(sorted(TYPE_OF), size=rng.integers(1, 5), replace=False):
            shape = SHAPES[TYPE_OF[int(tel)]]
            counts = rng.poisson(300.0, shape) + rng.integers(0, 3000, (*shape[:2], 1)) // 100 * 9
            adc[100 * event, int(tel)] = counts.astype(np.uint16)
    return dict(sorted(adc.items()))


def jagged(rows, dtype):
    """Rows of different lengths as a column."""
    lengths = [row.size for row in rows]
    flat = np.concatenate([np.ravel(row) for row in rows] or [np.empty(0)]).astype(dtype)
    return awkward.unflatten(flat, lengths)


def _keys(keys):
    return {
        "obs_id": np.full(len(keys), 5),
        "event_id": np.array([e for e, _ in keys], dtype=np.int64),
        "tel_id": np.array([t for _, t in keys], dtype=np.int16),
    }


def _raw(adc, kind, name):
    keys = [key for key in adc if TYPE_OF[key[1]] == kind]
    shapes = np.array([adc[key].shape for key in keys]).reshape(-1, 3)
    sizes = {
        "n_channels": shapes[:, 0].astype(np.int16),
        "n_pixels": shapes[:, 1].astype(np.int32),
    }
    if name == "charges_r0":
        rows = [adc[key] for key in keys]
        return {**_keys(keys), **sizes, "charge_adc": jagged(rows, np.uint16)}
    rows = [pack_waveforms(adc[key].reshape(-1, adc[key].shape[2])) for key in keys]
    sizes["n_samples"] = shapes[:, 2].astype(np.int32)
    return {**_keys(keys), **sizes, "waveform_packed": jagged(rows, np.uint16)}


def _calibration(time_s, pedestal):
    rows = [
        (tel, c, p)
        for tel, kind in TYPE_OF.items()
        for c in range(SHAPES[kind][0])
        for p in range(SHAPES[kind][1])
    ]
    tel, channel, pixel = np.array(rows).T
    n = len(rows)
    return {
        "obs_id": np.full(n, 5),
        "tel_id": tel.astype(np.int16),
        "channel": channel.astype(np.int16),
        "pixel_id": pixel.astype(np.int32),
        "time_s": np.full(n, time_s),
        "time_qns": np.zeros(n, dtype=np.uint32),
        "pedestal_adu": (pedestal + pixel).astype(np.float32),
        "pedestal_std_adu": np.full(n, 2.5, dtype=np.float32),
        "pe_per_adu": np.full(n, 0.02, dtype=np.float32),
        "flatfield": (1.0 + 0.01 * pixel).astype(np.float32),
        "time_shift_ns": (0.1 * pixel).astype(np.float32),
        "status": (pixel == 3).astype(np.uint8),
    }


def _simulation(events, cores):
    n = len(events)
    return {
        "simulation_runs": {
            "obs_id": np.array([5]), "particle_id": np.array([1], dtype=np.int32),
            "shower_id_min": np.array([1]), "shower_id_max": np.array([N_EVENTS]),
            "n_showers": np.array([N_EVENTS]), "shower_reuse": np.array([1], dtype=np.int32),
            "energy_range_min_tev": np.array([0.1]), "energy_range_max_tev": np.array([10.0]),
            "spectral_index": np.array([-2.0]), "pointing_alt_deg": np.array([70.0]),
            "pointing_az_deg": np.array([180.0]), "min_viewcone_radius_deg": np.array([0.5]),
            "max_viewcone_radius_deg": np.array([0.5]), "min_scatter_range_m": np.array([0.0]),
            "max_scatter_range_m": np.array([200.0]), "observation_level_m": np.array([2000.0]),
            "wavelength_min_nm": np.array([240.0], dtype=np.float32),
            "wavelength_max_nm": np.array([700.0], dtype=np.float32),
            "seed": np.array([7], dtype=np.uint64),
        },
        "thrown_events": {
            "obs_id": np.array([5]), "particle_id": np.array([1], dtype=np.int32),
            "energy_min_tev": np.array([0.1]), "energy_max_tev": np.array([10.0]),
            "viewcone_min_deg": np.array([0.5]), "viewcone_max_deg": np.array([0.5]),
            "n_thrown": np.array([N_EVENTS]),
        },
        "simulated_events": {
            "obs_id": np.full(n, 5), "event_id": events, "shower_id": events // 100,
            "reuse_id": np.zeros(n, dtype=np.int32), "particle_id": np.ones(n, dtype=np.int32),
            "true_energy_tev": 0.1 * np.arange(1.0, n + 1), "true_alt_deg": np.full(n, 70.5),
            "true_az_deg": np.full(n, 180.0),
            "true_h_first_int_m": np.full(n, 2e4, dtype=np.float32),
            "true_x_max_g_cm2": np.full(n, 300.0, dtype=np.float32),
            "true_core_x_m": cores, "true_core_y_m": -cores,
        },
    }  # fmt: skip


def make_tables(adc, subarray):
    """All tables of a file of raw data."""
    keys = list(adc)
    events = np.unique([event for event, _ in keys])
    tels = [np.array([t for e, t in keys if e == event]) for event in events]
    n, m = len(events), len(keys)
    first, second = _calibration(1000, 100.0), _calibration(1006, 200.0)
    return {
        **_simulation(events, np.arange(float(n))),
        "trigger": {
            "obs_id": np.full(n, 5), "event_id": events, "time_s": 1000 + events // 100,
            "time_qns": np.arange(n, dtype=np.uint32), "event_type": np.full(n, 32, dtype=np.uint8),
            "tels_with_trigger": jagged(tels, np.int16),
        },
        "telescope_trigger": {
            **_keys(keys), "time_offset_ns": np.arange(m, dtype=np.float32),
            "n_trigger_pixels": np.full(m, 4, dtype=np.int32),
        },
        "true_images": {
            **_keys(keys),
            "true_image_sum": np.array([int(a[0, :, 0].sum()) for a in adc.values()]),
            "true_image": jagged([a[0, :, 0] for a in adc.values()], np.int32),
        },
        "waveforms_r0": _raw(adc, 0, "waveforms_r0"),
        "charges_r0": _raw(adc, 1, "charges_r0"),
        "pointing": {
            "obs_id": np.full(8, 5), "tel_id": np.repeat(sorted(TYPE_OF), 2).astype(np.int16),
            "time_s": np.tile([1000, 1004], 4), "time_qns": np.zeros(8, dtype=np.uint32),
            "altitude_deg": np.tile([70.0, 71.0], 4), "azimuth_deg": np.tile([180.0, 181.0], 4),
        },
        "calibration": {k: np.concatenate([first[k], second[k]]) for k in first},
        **subarray_columns(subarray),
    }  # fmt: skip


def write_sample(path, adc=None, change=None):
    """Write a file; a function may change its tables before."""
    adc = make_events() if adc is None else adc
    tables = make_tables(adc, make_subarray())
    if change is not None:
        change(tables)
    write_table(path, tables, {"production": "test"})
    return adc
