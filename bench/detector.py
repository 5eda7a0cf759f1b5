"""Detector response: from photons at the telescopes to raw data, and read-outs of one telescope.

H.E.S.S. I in mode `charge`, four telescopes at 20 deg from the zenith: ray tracing, photoelectrons,
night sky, triggers, read-out. Events of 1 TeV gammas with the core 100 m from the array's centre,
and of gammas of a spectrum of index -2 from 0.1 to 30 TeV inside 400 m, all that are thrown.

Read-outs in mode `waveform`: night sky in the window and the pulse before it, a shower's 1000
photoelectrons, pulses in two gains, noise, digitisation. Beside them, in the same process, the toy
model of waveforms of ctapipe, which puts one noiseless pulse per gain into each pixel.

Times are CPU milliseconds of the process, one thread, everything compiled, best of some repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from pathlib import Path

import numpy as np

CONFIG = Path(__file__).resolve().parents[1] / "config"
ALTITUDE_DEG, AZIMUTH_DEG = 70.0, 180.0
HESS = "hess1/2006"
WAVEFORMS = (
    ("LST", "ctao-south-lsts/7.0.0", 1),
    ("NectarCAM", "ctao-north-alpha/6.0.0", 5),
    ("HESS-1U", "hess1u/phase2d3", 1),
)
N_SHOWERS, N_REUSE, REPEATS = 8, 4, 5
RADIUS_M, FIXED_M = 400.0, 100.0
ENERGIES_TEV = (0.1, 30.0)
N_ELECTRONS = 1000
PEER = "ctapipe toymodel"


def _cpu_ms(function):
    """CPU time of a call, best of the repeats."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1e3 * best


def _instrument(version):
    from iactflow.instrument.load import load_instrument

    return load_instrument(CONFIG / "instruments" / version)


class _Showers:
    """Photons of gamma showers at H.E.S.S. I, per shower and re-use."""

    def __init__(self, instrument):
        from iactflow.atmosphere.site import load_atmosphere
        from iactflow.atmosphere.table import make_table
        from iactflow.shower.cascade import step_buffer
        from iactflow.shower.light import make_light_yield
        from iactflow.telescope.detector_tables import light_responses

        profile, extinction = load_atmosphere(CONFIG / "atmospheres" / "namibia", 1800.0)
        self.instrument = instrument
        self.atmosphere = make_table(profile, extinction.observation_level_m)
        self.kinds, responses = light_responses(instrument)
        low, high = min(r.x[0] for r in responses), max(r.x[-1] for r in responses)
        self.light = make_light_yield(low, high, responses, extinction)
        self.room = step_buffer()

    def photons(self, number, energy_tev, cores_m):
        """Photons of a shower: one dictionary of telescopes per core."""
        from iactflow.campaign.streams import StreamKey
        from iactflow.shower.cascade import CascadeSettings, Primary, cascade_steps
        from iactflow.shower.collect import collect_photons
        from iactflow.shower.spheres import make_spheres, sphere_states

        telescopes = self.instrument.telescopes
        optics = telescopes[0].type.optics
        positions = [(t.x_m, t.y_m, t.z_m + optics.sphere_height_m) for t in telescopes]
        radii = [t.type.optics.sphere_radius_m for t in telescopes]
        kinds = [self.kinds[t.tel_id] for t in telescopes]
        tel_ids = [t.tel_id for t in telescopes]
        spheres = make_spheres(positions, radii, cores_m, kinds)
        states = sphere_states(1, "gamma", 0, number, len(cores_m), tel_ids)
        words = StreamKey(1, "shower", "gamma", shower=number).words()
        primary = Primary(1, energy_tev, ALTITUDE_DEG, AZIMUTH_DEG)
        steps = cascade_steps(primary, self.atmosphere, CascadeSettings(), words, self.room)
        found = collect_photons(steps, spheres, self.light, self.atmosphere, states)
        return [
            {tel_id: found.at(reuse, i) for i, tel_id in enumerate(tel_ids)}
            for reuse in range(len(cores_m))
        ]


def _events():
    """Photons per event: of 1 TeV at 100 m, and of a spectrum."""
    showers = _Showers(_instrument(HESS))
    random = np.random.default_rng(1)
    fixed, spectrum = [], []
    for number in range(N_SHOWERS):
        angle = random.uniform(0.0, 2.0 * np.pi, N_REUSE)
        cores = FIXED_M * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        fixed += showers.photons(number, 1.0, cores)
    low, high = (1.0 / energy for energy in ENERGIES_TEV)
    for number in range(10 * N_SHOWERS):
        energy = 1.0 / random.uniform(high, low)
        angle, distance = random.uniform(0.0, 2.0 * np.pi, N_REUSE), random.uniform(size=N_REUSE)
        distance = RADIUS_M * np.sqrt(distance)
        cores = np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)
        spectrum += showers.photons(1000 + number, energy, cores)
    return fixed, spectrum


def _hess_entries():
    from iactflow.telescope.detector import Detector, EventKey

    detector = Detector(_instrument(HESS), ALTITUDE_DEG, AZIMUTH_DEG)
    entries = []
    for name, events in zip(
        ("1 TeV gamma at 100 m", "gamma of a spectrum"), _events(), strict=True
    ):

        def respond(events=events):
            return [
                detector.respond(photons, EventKey(1, "gamma", 1, number, 0))[0]
                for number, photons in enumerate(events)
            ]

        triggered = sum(event is not None for event in respond())
        label = f"H.E.S.S. I detector, {name}, {triggered} of {len(events)} trigger"
        entries.append({"name": label, "value": _cpu_ms(respond) / len(events), "unit": "CPU ms"})
    return entries


def _readout(version, tel_id):
    """Night sky and read-out of a telescope as one call, and its waveforms' shape."""
    from iactflow.campaign import philox
    from iactflow.campaign.streams import StreamKey
    from iactflow.telescope.camera import PhotoElectrons
    from iactflow.telescope.detector import Detector
    from iactflow.telescope.night_sky import draw_night_sky
    from iactflow.telescope.waveforms import read_waveforms

    tables = Detector(_instrument(version), ALTITUDE_DEG, AZIMUTH_DEG).tables[tel_id]
    random = np.random.default_rng(2)
    pixel = random.integers(0, 100, N_ELECTRONS).astype(np.int32)
    times = random.normal(0.0, 3.0, N_ELECTRONS).astype(np.float32)
    shower = PhotoElectrons(pixel, times, np.ones(N_ELECTRONS, dtype=np.float32))
    state = philox.new_state(StreamKey(1, "night_sky").words())
    low, high = tables.readout_reach_ns
    rates, current = tables.rates_ghz[0], tables.currents[0]

    def read():
        electrons = draw_night_sky(rates, low, high - low, tables.afterpulsing, state)
        return read_waveforms(shower, electrons, current, 0.0, tables.readout, state)

    return read, read().shape


def _toy_model(n_gains, n_pixels, n_samples):
    """One pulse per pixel and gain, by ctapipe."""
    import astropy.units as u
    from ctapipe.image.toymodel import WaveformModel

    pulse_ns = np.arange(-10.0, 30.0, 0.1)
    pulse = np.tile(np.exp(-0.5 * (pulse_ns / 1.1) ** 2), (n_gains, 1))
    model = WaveformModel(pulse, 0.1 * u.ns, 1.0 * u.ns)
    charge, peak = np.full(n_pixels, 20.0), np.full(n_pixels, 15.0)
    return lambda: model.get_waveform(charge, peak, n_samples)


def _waveform_entries():
    entries = []
    for name, version, tel_id in WAVEFORMS:
        read, shape = _readout(version, tel_id)
        toy = _toy_model(*shape)
        toy()
        ours, theirs = _cpu_ms(read), _cpu_ms(toy)
        label = f"waveforms of {name}, {shape[0]} x {shape[1]} x {shape[2]}, with night sky"
        entries.append(
            {"name": label, "value": ours, "unit": "CPU ms", "peer": PEER, "peer_value": theirs,
             "ratio": theirs / ours}
        )  # fmt: skip
    return entries


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    return _hess_entries() + _waveform_entries()
