"""Calibration events of simulated cameras: dark, pulsed light, single photoelectrons."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iactflow.calibration.camera import CameraEvents
from iactflow.calibration.collect import Window, collect_events
from iactflow.campaign import philox
from iactflow.campaign.streams import StreamKey
from iactflow.instrument.load import load_instrument
from iactflow.io.batches import CameraBatch, EventBatch
from iactflow.telescope.amplitude import make_amplitude_table
from iactflow.telescope.camera import make_camera_table, no_photoelectrons
from iactflow.telescope.charge import read_charge
from iactflow.telescope.night_sky import draw_night_sky, night_sky_rates
from iactflow.telescope.readout import make_readout_table
from iactflow.telescope.waveforms import read_waveforms

INSTRUMENTS = Path(__file__).resolve().parents[2] / "config" / "instruments"
SKY_NS, TRIGGER_NS, FLASH_NS = 220.0, 120.0, 0.5
# Pulses come this long after the trigger, so that all of their window is read out.
AFTER_NS = 12.0


class SimulatedCamera:
    """A camera whose gains, pedestals, efficiencies and broken pixels are known.

    Parameters
    ----------
    version : str
        Instrument and version.
    tel_id : int
        Telescope.
    seed : int
        Seed of the streams.
    night_sky : float
        Factor on the night sky.
    broken : sequence of int
        Pixels without signal.
    gain, pedestal : ndarray of float, shape (n_channels, n_pixels), optional
        Counts per photoelectron (of the whole pulse) and pedestal in place of the description's.
    bright : sequence of int
        Pixels with 30 times the night sky.
    """

    def __init__(
        self, version, tel_id, seed, night_sky=1.0, broken=(), gain=None, pedestal=None, bright=()
    ):
        array = load_instrument(INSTRUMENTS / version)
        self.kind = next(t for t in array.telescopes if t.tel_id == tel_id).type
        camera = self.kind.camera
        key = StreamKey(seed, "camera", telescope=tel_id)
        self.table = make_camera_table(camera, key.words(), broken)
        self.readout = make_readout_table(camera, self.table)
        self.prompt = make_amplitude_table(camera.single_pe)
        self.after = make_amplitude_table(camera.single_pe_afterpulse)
        self.waveform = camera.readout.mode == "waveform"
        # Counts per mean photoelectron: at the best time in the window, or of the whole pulse.
        whole = self.readout.mean_per_rate / self.readout.sample_ns if self.waveform else 1.0
        self.per_peak = np.broadcast_to(self.prompt.mean * whole, (camera.readout.n_gains,))
        if gain is not None:
            counts = (gain / self.per_peak[:, None]).astype(np.float32)
            self.readout = self.readout._replace(counts=counts)
        if pedestal is not None:
            self.readout = self.readout._replace(pedestal=pedestal.astype(np.float32))
        self.rates = night_sky_rates(camera, self.table, 20.0, night_sky)
        self.rates[list(bright)] *= 30.0
        self.state = philox.new_state(StreamKey(seed, "events", telescope=tel_id).words())
        pulse = camera.readout.pulse_high
        self.flash = TRIGGER_NS - pulse.x[np.argmax(pulse.y)]
        self.flash += AFTER_NS if self.waveform else self._best_ns()

    def _best_ns(self):
        """Shift of the light to the best time in the window of charges."""
        table = self.readout
        best = table.first_ns + int(table.pulse[0, 0].argmax()) * table.step_ns
        return best + TRIGGER_NS - table.offset_ns - self.flash - FLASH_NS / 2

    @property
    def gain(self):
        """Counts per mean photoelectron, shape (n_channels, n_pixels)."""
        return self.readout.counts.astype(np.float64) * self.per_peak[:, None]

    def event(self, light_pe):
        """Counts of an event with a mean of photoelectrons in a pixel of mean efficiency."""
        sky = draw_night_sky(self.rates, 0.0, SKY_NS, self.after, self.state)
        shower = no_photoelectrons()
        if light_pe > 0.0:
            rates = light_pe * self.table.qe / FLASH_NS
            shower = draw_night_sky(rates, self.flash, FLASH_NS, self.prompt, self.state)
            if self.waveform:
                shower.time_ns[:] += self.table.transit_time_ns[shower.pixel]
        read = read_waveforms if self.waveform else read_charge
        current = self.rates * self.after.mean
        adc = read(shower, sky, current, TRIGGER_NS, self.readout, self.state)
        return adc if self.waveform else adc[..., None]

    def batch(self, light_pe, kind, n):
        """Events of a type, for telescope 1."""
        adc = np.array([self.event(light_pe) for _ in range(n)])
        index, angle = np.arange(n), np.full(n, 70.0)
        camera = CameraBatch(0, index, np.ones(n, np.int64), adc, None, angle, angle, angle)
        kinds = np.full(n, kind, np.uint8)
        zero = np.zeros(n, np.int64)
        return EventBatch(zero, index, zero, zero, kinds, angle, angle, (camera,), {})


def collected(camera, batches, window=None) -> CameraEvents:
    """Charges of a list of batches, as `iactflow.calibration.collect` takes them."""
    rate = camera.kind.camera.readout.sampling_ghz if camera.waveform else np.nan
    events, _ = collect_events(lambda: batches, {1: rate}, window or Window(), 2**30)
    return events[1]
