"""Cameras under the night sky: widths of pedestals against sim_telarray, closure of calibration."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from eventio import SimTelFile
from judged import compare, counted, table

from iactflow.campaign import philox
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.figures.style import COLOURS, OURS, new_figure, style
from iactflow.instrument.load import load_instrument
from iactflow.telescope.amplitude import draw_amplitudes, make_amplitude_table
from iactflow.telescope.camera import PhotoElectrons, make_camera_table, no_photoelectrons
from iactflow.telescope.charge import read_charge
from iactflow.telescope.night_sky import airmass_factor, draw_night_sky, night_sky_rates
from iactflow.telescope.readout import make_readout_table
from iactflow.telescope.waveforms import read_waveforms

TITLE = "Cameras and read-out"
HERE = Path(__file__).resolve().parents[1]
INSTRUMENTS = HERE.parents[1] / "config" / "instruments"
SOUTH, NORTH_6, NORTH_7 = (
    "ctao-south-lsts/7.0.0",
    "ctao-north-alpha/6.0.0",
    "ctao-north-alpha/7.0.0",
)
HESS, HESS_1U = "hess1/2006", "hess1u/phase2d3"
VERSIONS = (SOUTH, NORTH_6, NORTH_7, HESS, HESS_1U)
CONFIGS = [f"config/instruments/{version}/digest.txt" for version in VERSIONS]
MODULES = [
    "iactflow.campaign.atomic",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.instrument.load",
    "iactflow.telescope.charge",
    "iactflow.telescope.night_sky",
    "iactflow.telescope.readout",
    "iactflow.telescope.waveforms",
]
# Pixels farther than this from all light of the shower hold night sky and noise alone.
DARK_M = 0.08
N_IMAGES = 40
N_PE = 50
START_NS, LENGTH_NS, TRIGGER_NS = 0.0, 220.0, 120.0
WIDTHS = """\
Samples of pixels farther than 8 cm from all light of a shower, in files of
`gammasim/simtools-tests` (BSD-3-Clause), and of our cameras under the night sky alone: rate, pulse,
amplitudes of single photoelectrons with after-pulses, electronic noise, digitisation. LST-1, with
another pulse, is left out. The tolerance, 5 %, holds the errors of the few images of
sim_telarray and what is not known: whether the outer pixels of the LST, which detect less light of
showers, see less night sky as well (1 % of the width; here they do), and how the rate grows with
the air mass m.

Two things were found here. The rates of a configuration of sim_telarray are for clean mirrors:
times `mirror_degraded_reflection` (0.784 and 0.8 for the LSTs, 1 for NectarCAM) they fit the widths
of both cameras at 20 deg. And from 20 to 40 deg they grow as a part f = 0.84 of airglow does under
an extinction of k = 0.29 mag per air mass, (1 - f + f m) 10^(-0.4 k (m - 1)) (Patat, A&A 400 (2003)
1183). The last rows give the rates that the widths of the samples ask for, over that at the zenith.
"""
CLOSURE = """\
{n_pe} photoelectrons in each pixel, with the amplitudes of single photoelectrons and the night sky,
read out and calibrated with the gains of the description: all samples, or the charge, less the
pedestal. The reference is the mean amplitude of the description, next to 1, times the part of the
pulse that the read-out holds; the tolerance is 1 %. Charges of H.E.S.S. I without light have the
width of the night sky in 16 ns: rate times excess noise times the integral of the squared part of a
pulse that is inside the window (Campbell), with 0.2 photoelectrons of electronics; 2 % is three
times the error that after-pulses leave.
"""


class _File(NamedTuple):
    """A file of sim_telarray: name, instrument, zenith angle, telescopes by label."""

    name: str
    version: str
    zenith_deg: float
    telescopes: dict


_LST, _MST = {"LST": (2, 3, 4)}, {"NectarCAM": tuple(range(5, 14))}
FILES = (
    _File(
        "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst",
        SOUTH, 40.0, {"LST": (1, 2, 3, 4)},
    ),
    _File(
        "gamma_diffuse_run000010_za20deg_azm000deg_North_alpha_6.0.0_test_file.simtel.zst",
        NORTH_6, 20.0, _LST | _MST,
    ),
    _File(
        "proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst",
        NORTH_7, 20.0, _LST | _MST,
    ),
)  # fmt: skip


class _Samples(NamedTuple):
    """Samples less the pedestal: high and low gain, shape (n_pixels, n_samples)."""

    high: np.ndarray
    low: np.ndarray

    def widths(self):
        """Rms of samples of both gains, of sums in high gain, with errors."""
        result = []
        for value in (self.high**2, self.low**2, self.high.sum(axis=1, keepdims=True) ** 2):
            square = value.mean(axis=1)
            width = math.sqrt(square.mean())
            result.append((width, square.std() / math.sqrt(square.size) / (2.0 * width)))
        return result


def _telescope(version, tel_id):
    instrument = load_instrument(INSTRUMENTS / version)
    return next(t for t in instrument.telescopes if t.tel_id == tel_id)


def _theirs(file: _File) -> dict[str, _Samples]:
    """Dark pixels of sim_telarray, per type of telescope."""
    found = {label: ([], []) for label in file.telescopes}
    kinds = {tel: label for label, tels in file.telescopes.items() for tel in tels}
    pixels = {
        label: _telescope(file.version, tels[0]).type.camera.pixels
        for label, tels in file.telescopes.items()
    }
    with SimTelFile(str(Path(os.environ["IACTFLOW_DATA"]) / "sim" / file.name)) as events:
        for event in events:
            for tel_id, data in event["telescope_events"].items():
                if tel_id not in kinds:
                    continue
                adc = data["adc_samples"].astype(float)
                pedestal = np.asarray(event["camera_monitorings"][tel_id]["pedestal"])
                counts = np.asarray(event["photoelectrons"][tel_id - 1]["photoelectrons"])
                dark = _dark(pixels[kinds[tel_id]], counts)
                for gain in (0, 1):
                    level = pedestal[gain, dark, None] / adc.shape[2]
                    found[kinds[tel_id]][gain].append(adc[gain, dark] - level)
    return {label: _Samples(*map(np.concatenate, parts)) for label, parts in found.items()}


def _dark(pixels, counts):
    lit = np.flatnonzero(counts > 0)
    if not lit.size:
        return np.ones(counts.size, dtype=bool)
    dx, dy = (v[:, None] - v[lit] for v in (pixels.x_m, pixels.y_m))
    return np.min(np.hypot(dx, dy), axis=1) > DARK_M


class _Camera:
    """A camera of ours with its tables and streams."""

    def __init__(self, version, tel_id, zenith_deg):
        self.kind = _telescope(version, tel_id).type
        camera, seed = self.kind.camera, campaign_seed(f"electronics {version}")
        words = StreamKey(seed, "camera", telescope=tel_id).words()
        self.table = make_camera_table(camera, words)
        self.readout = make_readout_table(camera, self.table)
        self.prompt = make_amplitude_table(camera.single_pe)
        self.sky = make_amplitude_table(camera.single_pe_afterpulse)
        self.rates = night_sky_rates(camera, self.table, zenith_deg)
        self.state = philox.new_state(StreamKey(seed, "night_sky", telescope=tel_id).words())
        self.read = read_charge if camera.readout.mode == "charge" else read_waveforms

    def signal(self, shower):
        """Counts less the pedestal of one read-out."""
        sky = draw_night_sky(self.rates, START_NS, LENGTH_NS, self.sky, self.state)
        current = self.rates * self.sky.mean
        adc = self.read(shower, sky, current, TRIGGER_NS, self.readout, self.state)
        pedestal = self.readout.pedestal
        return adc - pedestal.reshape(pedestal.shape + (1,) * (adc.ndim - 2))

    def dark(self) -> _Samples:
        """Read-outs without a shower."""
        found = [self.signal(no_photoelectrons()) for _ in range(N_IMAGES)]
        return _Samples(*(np.concatenate([f[gain] for f in found]) for gain in (0, 1)))

    def closure(self):
        """Calibrated charge over the true number, its error and its reference, per gain."""
        n_pixels = self.table.x_m.size
        pixel = np.repeat(np.arange(n_pixels, dtype=np.int32), N_PE)
        # The trigger is at the peak of the pulse; all phases of the sampling.
        pulse = self.kind.camera.readout.pulse_high
        first = TRIGGER_NS - pulse.x[np.argmax(pulse.y)] - 0.5
        time = (first + (np.arange(pixel.size) % N_PE + 0.5) / N_PE).astype(np.float32)
        sums = []
        for _ in range(N_IMAGES // 4):
            amplitude = draw_amplitudes(self.prompt, self.state, pixel.size)
            signal = self.signal(PhotoElectrons(pixel, time, amplitude))
            counts = self.readout.counts.astype(float)
            if signal.ndim == 3:
                signal = signal.sum(axis=2)
                counts = counts * (self.readout.mean_per_rate / self.readout.sample_ns)[:, None]
            sums.append(signal / counts / N_PE)
        sums = np.concatenate(sums, axis=1)
        error = sums.std(axis=1) / math.sqrt(sums.shape[1])
        start = TRIGGER_NS - self.readout.offset_ns
        return sums.mean(axis=1), error, self._expected(first + 0.5 - start)

    def _expected(self, light_ns):
        """Part of the pulses inside the read-out for light at a time in it, times the mean."""
        readout = self.kind.camera.readout
        charge = readout.mode == "charge"
        window = readout.window_ns if charge else readout.n_samples / readout.sampling_ghz
        parts = []
        for pulse in (readout.pulse_high, readout.pulse_low):
            part = _inside(pulse, window, np.array([light_ns]))[0]
            best = _inside(pulse, window, np.arange(-60.0, 60.0, 0.01)).max() if charge else 1.0
            parts.append(self.prompt.mean * part / best)
        return parts


def _asked_rate(camera, samples):
    """Rate that the width of the samples asks for (Campbell), per ns."""
    readout = camera.kind.camera.readout
    counts, noise = readout.amplitude_high, readout.noise_high
    square = camera.sky.excess_noise * camera.sky.mean**2
    pulse = (camera.readout.pulse[0].astype(float) ** 2).sum() / camera.readout.pulse.shape[1]
    area = counts**2 * square * pulse * camera.readout.sample_ns
    return ((samples.high**2).mean() - noise**2 - 1 / 12) / area


def _width_rows():
    rows, rates, drawn = [], [], []
    for file in FILES:
        theirs = _theirs(file)
        for label, tels in file.telescopes.items():
            camera = _Camera(file.version, tels[0], file.zenith_deg)
            ours = camera.dark()
            name = f"{label}, {file.version}, {file.zenith_deg:.0f} deg"
            parts = ("samples, high gain", "samples, low gain", "sums, high gain")
            for part, a, b in zip(parts, ours.widths(), theirs[label].widths(), strict=True):
                row = (f"{name}: rms of {part} [counts]", a[0], b[0], 5.0)
                rows.append(compare(*row, error=b[0] / 100, unit="%"))
            factor = airmass_factor(camera.kind.camera.nsb_airmass, file.zenith_deg)
            asked = _asked_rate(camera, theirs[label]) / camera.kind.camera.nsb_rate_ghz
            rates.append(compare(f"{name}: rate over that at the zenith", factor, asked, None))
            drawn.append((name, ours.high.ravel(), theirs[label].high.ravel()))
    return rows + rates, drawn


def _closure_rows():
    rows = []
    cases = [("LST", SOUTH, 1), ("NectarCAM", NORTH_6, 5), ("HESS-1U", HESS_1U, 1)]
    for label, version, tel_id in [*cases, ("H.E.S.S. I", HESS, 1)]:
        camera = _Camera(version, tel_id, 20.0)
        mean, error, expected = camera.closure()
        for gain, name in enumerate(("high", "low")):
            text = f"{label}, {name} gain: charge over {N_PE} p.e. (error {error[gain]:.4f})"
            rows.append(compare(text, mean[gain], expected[gain], 0.01))
    readout = camera.kind.camera.readout
    counts = readout.amplitude_high
    width = np.std([camera.signal(no_photoelectrons())[0] / counts for _ in range(N_IMAGES)])
    square = camera.sky.excess_noise * camera.sky.mean**2
    rate = float(camera.rates.mean()) * square
    expected = math.sqrt(rate * _squared_window_ns(readout) + (readout.noise_high / counts) ** 2)
    label = "H.E.S.S. I: rms of pedestals [p.e.]"
    rows.append(compare(label, width, expected, 2.0, error=expected / 100, unit="%"))
    ideal = math.sqrt(rate * readout.window_ns / square)
    rows.append(compare("the same, over sqrt(0.1 / ns x 16 ns)", width / ideal, None, None))
    return rows


def _inside(pulse, window_ns, time_ns):
    """Part of a pulse's integral inside a window, for light at times in that window."""
    running = np.concatenate(
        [[0.0], np.cumsum(0.5 * (pulse.y[1:] + pulse.y[:-1]) * np.diff(pulse.x))]
    )
    until, before = (np.interp(t - time_ns, pulse.x, running) for t in (window_ns, 0.0))
    return (until - before) / running[-1]


def _squared_window_ns(readout):
    """Integral over time of the squared part of a pulse that is inside the window."""
    inside = _inside(readout.pulse_high, readout.window_ns, np.arange(-60.0, 60.0, 0.01))
    return float(np.sum((inside / inside.max()) ** 2) * 0.01)


def _draw(drawn):
    figure = new_figure(10.0, 4.2)
    wanted = [drawn[0], drawn[2]]
    for axes, (name, ours, theirs) in zip(figure.subplots(1, 2), wanted, strict=True):
        bins = np.arange(-100.5, 301.5, 4.0)
        for values, colour, label in (
            (theirs, COLOURS["vermilion"], "sim_telarray"),
            (ours, OURS, "iactflow"),
        ):
            kept, _ = np.histogram(values, bins)
            density = kept / values.size / 4.0
            axes.stairs(density, bins, color=colour, label=label)
        axes.set(yscale="log", ylim=(1e-7, 0.1), xlabel="sample less pedestal [counts]")
        axes.set_ylabel("density [1 / count]")
        axes.set_title(name, loc="left")
        axes.legend()
    return figure


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    widths, drawn = _width_rows()
    closure = _closure_rows()
    with style(), atomic_output(HERE / "camera-electronics.png") as temporary:
        _draw(drawn).savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    parts = [f"**{counted([*widths, *closure])}**", "## Widths under the night sky"]
    parts += [WIDTHS.strip(), table(widths), "![camera-electronics](camera-electronics.png)"]
    parts += ["## Closure", CLOSURE.format(n_pe=N_PE).strip(), table(closure)]
    return "\n\n".join(parts)
