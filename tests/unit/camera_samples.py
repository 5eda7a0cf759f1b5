"""Cameras for the tests of pixels and read-out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from iactflow.campaign.streams import StreamKey
from iactflow.instrument.description import Camera, Curve, Pixels, Readout, TelescopeTrigger


def key_words(stage="camera", telescope=1):
    """Key of a stream of the tests."""
    return StreamKey(7, stage, telescope=telescope).words()


def hexagonal_pixels(n, pitch_m=0.05, diameter_m=0.049, rotation_deg=0.0):
    """The n pixels of a hexagonal lattice nearest to the centre."""
    steps = np.arange(-45, 46)
    a, b = np.meshgrid(steps, steps)
    x, y = pitch_m * (a + 0.5 * b).ravel(), pitch_m * np.sqrt(0.75) * b.ravel()
    nearest = np.argsort(np.round(np.hypot(x, y), 9), kind="stable")[:n]
    return Pixels(
        *turned(x[nearest], y[nearest], rotation_deg), diameter_m, "hexagon", rotation_deg
    )


def square_pixels(n_side, pitch_m=0.006, diameter_m=0.006, rotation_deg=0.0):
    """A square of square pixels."""
    line = pitch_m * (np.arange(n_side) - 0.5 * (n_side - 1))
    x, y = (v.ravel() for v in np.meshgrid(line, line))
    return Pixels(*turned(x, y, rotation_deg), diameter_m, "square", rotation_deg)


def turned(x, y, angle_deg):
    """Points turned from x to y."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return c * x - s * y, s * x + c * y


def gaussian_pulse(sigma_ns, centre_ns=0.0):
    """Pulse of peak 1, sigma * sqrt(2 pi) long."""
    time = centre_ns + np.linspace(-6 * sigma_ns, 6 * sigma_ns, 601)
    return Curve(time, np.exp(-0.5 * ((time - centre_ns) / sigma_ns) ** 2))


def single_pe():
    """Density of amplitudes with mean 1 and relative rms 0.4, as of a photomultiplier."""
    x = np.linspace(0.0, 5.0, 1001)
    y = np.exp(-0.5 * ((x - 0.985) / 0.42) ** 2)
    return _mean_one(x, y)


def single_pe_afterpulse():
    """The same with a flat tail that holds 2e-4."""
    x = np.linspace(0.0, 40.0, 8001)
    y = np.exp(-0.5 * ((x - 0.985) / 0.42) ** 2)
    y *= 1.0 / (np.sum(y) * (x[1] - x[0]))
    return Curve(x, y + np.where(x > 4.0, 2e-4 / 36.0, 0.0))


def _mean_one(x, y):
    mean = np.sum(x * y) / np.sum(y)
    return Curve(x / mean, y * mean)


def readout(mode="waveform", **changes):
    """Electronics with two gains, 1 GHz."""
    made = Readout(
        mode=mode, window_ns=16.0, sampling_ghz=1.0, n_samples=40, simulated_samples=80,
        sample_offset=10 if mode == "waveform" else 8,
        pulse_high=gaussian_pulse(1.2), pulse_low=gaussian_pulse(1.5),
        amplitude_high=20.0 if mode == "waveform" else 80.0,
        amplitude_low=1.3 if mode == "waveform" else 6.0,
        pedestal_high=400.0, pedestal_low=300.0, noise_high=5.0, noise_low=4.0,
        pedestal_variation=0.0, max_signal_high=4095, max_signal_low=4095, n_gains=2,
        photon_delay_ns=20.0,
    )  # fmt: skip
    return replace(made, **changes)


def trigger():
    """A trigger that no test of the read-out asks."""
    return TelescopeTrigger(
        "majority", gaussian_pulse(1.0), 1.0, 4.0, 0.0, 3, 1.0, -1.0, 1.0, 0.0,
        np.zeros((1, 1), dtype=np.int64), 0.5,
    )  # fmt: skip


def camera(pixels=None, **changes):
    """A camera whose pixels are all alike."""
    made = Camera(
        pixels=hexagonal_pixels(271) if pixels is None else pixels,
        light_guide=Curve(np.array([0.0, 20.0, 28.0]), np.array([0.75, 0.85, 0.3])),
        light_guide_wavelength=None, window=None, transmission=1.0,
        quantum_efficiency=Curve(np.array([250.0, 350.0, 650.0]), np.array([0.0, 0.4, 0.0])),
        collection_efficiency=0.95, qe_variation=0.0, single_pe=single_pe(),
        single_pe_afterpulse=single_pe_afterpulse(), gain_variation=0.0,
        transit_time_jitter_ns=0.0, transit_time_error_ns=0.0, nsb_rate_ghz=0.1,
        nsb_airmass=(0.0, 0.0), readout=readout(), trigger=trigger(),
    )  # fmt: skip
    return replace(made, **changes)
