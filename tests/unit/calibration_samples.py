"""Charges of invented cameras, drawn photoelectron by photoelectron: slow and obvious."""

from __future__ import annotations

import awkward
import numpy as np

from iactflow.campaign.streams import StreamKey
from iactflow.io.batches import CameraBatch, EventBatch
from iactflow.io.root import write_table
from iactflow.io.subarray import Camera, Subarray, TelescopeType
from iactflow.io.subarray_tables import subarray_columns
from iactflow.io.waveform_packing import pack_waveforms

SIGMA = 0.4
EXCESS = 1.0 + SIGMA**2


def generator(name):
    """Random numbers of a test."""
    return StreamKey(7, name).generator()


def charges(draw, n_events, gain, light, pedestal=0.0, noise=10.0, sigma=SIGMA, spread=0.0):
    """Charges of pixels: Poisson photoelectrons, Gaussian amplitudes, noise; (n_events, n)."""
    flash = 1.0 + spread * draw.standard_normal((n_events, 1))
    n = draw.poisson(light * flash, (n_events, len(gain)))
    amplitude = n + sigma * np.sqrt(n) * draw.standard_normal(n.shape)
    return pedestal + gain * amplitude + noise * draw.standard_normal(n.shape)


def batch(adc, kind, obs_id=3):
    """Events of one type, of telescope 1."""
    n = len(adc)
    angle, index = np.full(n, 70.0), np.arange(n)
    camera = CameraBatch(0, index, np.ones(n, np.int64), adc, None, angle, angle, angle)
    run = np.full(n, obs_id)
    return EventBatch(
        run, index + 1, index + 1000, np.zeros(n, np.uint32), np.full(n, kind, np.uint8),
        angle, angle, (camera,), {},
    )  # fmt: skip


def subarray(n_pixels, n_samples, shape="hexagon", rotation_deg=0.0):
    """One telescope with a hexagonal patch of pixels of 0.16 deg; 15 m focal length."""
    pitch = 15.0 * np.radians(0.16)
    side = int(np.ceil(np.sqrt(n_pixels))) + 2
    q, r = (v.ravel() for v in np.meshgrid(np.arange(-side, side), np.arange(-side, side)))
    x, y = pitch * (q + 0.5 * r), pitch * np.sqrt(0.75) * r
    nearest = np.argsort(np.hypot(x, y), kind="stable")[:n_pixels]
    area = np.full(n_pixels, pitch**2 * np.sqrt(0.75))
    rate = 1.0 if n_samples > 1 else np.nan
    camera = Camera(
        "patch", x[nearest], y[nearest], area, shape, rotation_deg, 2, n_samples, rate,
        np.zeros((2, 0)), 1.0,
    )  # fmt: skip
    kind = TelescopeType("patch", camera, 15.0, 15.0, 107.0)
    one = np.array([1])
    return Subarray("one", one, np.zeros((1, 3)), (kind,), np.zeros(1, np.int64), 0.0, 0.0, 0.0)


def _rows(part):
    """Counts of a camera's events as a column, and their shape."""
    n, n_channels, n_pixels, n_samples = part.shape
    sizes = {
        "n_channels": np.full(n, n_channels, np.int16),
        "n_pixels": np.full(n, n_pixels, np.int32),
    }
    if n_samples == 1:
        return sizes | {"charge_adc": awkward.unflatten(part.ravel(), np.full(n, part[0].size))}
    words = [pack_waveforms(event.reshape(-1, n_samples)) for event in part]
    sizes["n_samples"] = np.full(n, n_samples, np.int32)
    flat = awkward.unflatten(np.concatenate(words), [len(event) for event in words])
    return sizes | {"waveform_packed": flat}


def write_raw(path, array, batches, calibration=None):
    """Write batches of telescope 1 as a file of raw data, events numbered through."""
    adc = np.concatenate([b.cameras[0].adc for b in batches])
    n = len(adc)
    obs_id = np.full(n, batches[0].obs_id[0])
    events = {"obs_id": obs_id, "event_id": np.arange(1, n + 1)}
    rows = {**events, "tel_id": np.ones(n, np.int16)}
    raw = "charges_r0" if adc.shape[-1] == 1 else "waveforms_r0"
    time = {"time_s": np.arange(1000, 1000 + n), "time_qns": np.zeros(n, np.uint32)}
    tables = {
        "trigger": {
            **events, **time, "event_type": np.concatenate([b.event_type for b in batches]),
            "tels_with_trigger": awkward.unflatten(np.ones(n, np.int16), np.ones(n, np.int64)),
        },
        "telescope_trigger": {
            **rows, "time_offset_ns": np.zeros(n, np.float32),
            "n_trigger_pixels": np.zeros(n, np.int32),
        },
        raw: {**rows, **_rows(adc)},
        "pointing": {
            "obs_id": obs_id[:1], "tel_id": np.ones(1, np.int16),
            **{name: values[:1] for name, values in time.items()},
            "altitude_deg": np.full(1, 70.0), "azimuth_deg": np.full(1, 180.0),
        },
        **subarray_columns(array),
    }  # fmt: skip
    if calibration is not None:
        tables["calibration"] = calibration
    write_table(path, tables)
