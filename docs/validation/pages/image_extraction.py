"""Images from waveforms: ctapipe's charges and times on real files, charges known beforehand."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ctapipe_images import EXTRACTORS, PEAK_INDEX, SHIFT, images_of_ctapipe
from judged import compare, counted, table

from iactflow.calibration.apply import calibrate
from iactflow.calibration.settings import ExtractionSettings, integration_correction
from iactflow.campaign import philox
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.figures.style import COLOURS, OURS, new_figure, style
from iactflow.instrument.load import load_instrument
from iactflow.io.batches import CameraBatch, Coefficients
from iactflow.io.reader import open_reader
from iactflow.telescope.amplitude import draw_amplitudes, make_amplitude_table
from iactflow.telescope.camera import PhotoElectrons, make_camera_table
from iactflow.telescope.night_sky import draw_night_sky, night_sky_rates
from iactflow.telescope.readout import make_readout_table
from iactflow.telescope.subarray import make_subarray
from iactflow.telescope.waveforms import read_waveforms

TITLE = "Images from waveforms"
HERE = Path(__file__).resolve().parents[1]
INSTRUMENTS = HERE.parents[1] / "config" / "instruments"
CAMERAS = (
    ("LST", "ctao-south-lsts/7.0.0", 1),
    ("NectarCAM", "ctao-north-alpha/6.0.0", 5),
    ("HESS-1U", "hess1u/phase2d3", 1),
)
CONFIGS = [f"config/instruments/{version}/digest.txt" for _, version, _ in CAMERAS]
MODULES = [
    "iactflow.calibration.apply",
    "iactflow.campaign.atomic",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.instrument.load",
    "iactflow.io.reader",
    "iactflow.io.simtel",
    "iactflow.telescope.night_sky",
    "iactflow.telescope.readout",
    "iactflow.telescope.subarray",
    "iactflow.telescope.waveforms",
]
WIDTH = 7
COLOUR_OF = {
    "neighbour_peak": OURS,
    "local_peak": COLOURS["vermilion"],
    "sliding_window": COLOURS["orange"],
    "fixed_window": COLOURS["green"],
}
N_PE = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
N_IMAGES = 8
HIGH_PE, LOW_PE = 100, 1000
ZENITH_DEG = 20.0
LENGTH_NS, TRIGGER_NS = 220.0, 120.0
SAME = """\
All events of all files of sim_telarray at hand, read by `iactflow.io.simtel` and by ctapipe 0.28,
and turned into charges and times with the window of ctapipe's defaults, 7 samples from 3 before the
peak (a fixed window has its peak at sample 11), by all five extractors. Both work in float32 and
must agree to the last bit: as many telescope events, and no pixel that differs.
"""
CORRECTIONS = """\
One over the part of the reference pulse inside 7 samples, by which charges of high and low gain are
multiplied, and what charges of high gain become with another one. In these files only LSTs (all but
an old file of muons) have different pulses in their two gains, and are sampled at 1.024 / ns: a
correction that takes one mean for both gains makes their charges 8 to 10 % too small, and leaves
NectarCAM, HESS-1U and FlashCam as they are; so do, by other amounts, the correction of the other
gain and a rate of 1 / ns (which FlashCam would not forgive). Here and in ctapipe each gain has its
own, by the file's rate.

The correction is that of a pulse whose table begins with a sample. Over all phases between pulse
and samples the mean is another one, shown last: charges are off by as much, all alike, which tables
filled from simulations take out.
"""
KNOWN = """\
So many photoelectrons in all pixels at once, at eight phases between light and samples, with the
amplitudes of single photoelectrons, the night sky at {zenith:.0f} deg, electronic noise, two gains
and digitisation, read out by our cameras and extracted with the gains of their descriptions.
Windows around the peak of the neighbours' sum see a pixel's own noise as it is: without light the
mean is 0, within three of its errors. A window that follows the pixel's own noise, around its
largest sample or where the sum is largest, finds a charge where there is none: the bias of the
pedestal, which is quoted. At {high} and {low} photoelectrons the mean charge is the mean amplitude
of the description (next to 1) times the correction times the part of the pulse inside the window,
averaged over the same phases; 1 % is allowed for after-pulses and their amplitudes, pulses of 1/64
sample, and windows that noise moves by a sample. ctapipe's numbers are the same: see above.
"""


def _settings(method, peak_index=PEAK_INDEX):
    return ExtractionSettings(method, WIDTH, SHIFT, peak_index=peak_index)


def _ours(path):
    """Our images of showers by the same keys, the type of the telescope, and the types."""
    found, kinds = {}, {}
    with open_reader(path) as reader:
        for batch in reader.batches():
            for camera in batch.cameras:
                kind = reader.subarray.types[camera.type_index]
                kinds.setdefault(kind.camera.name, kind.camera)
                event_id = batch.event_id[camera.event_index]
                for method in EXTRACTORS:
                    images = calibrate(camera, kind, batch.coefficients, _settings(method))
                    for row, tel_id in enumerate(camera.tel_id):
                        value = (images.image_pe[row], images.peak_time_ns[row], kind.camera.name)
                        found[int(event_id[row]), int(tel_id), method] = value
    return found, kinds


def _same_rows():
    """Rows of all files, and one camera of each type for the corrections."""
    rows, cameras = [], {}
    folder = Path(os.environ["IACTFLOW_DATA"]) / "sim"
    for path in sorted(folder.glob("*.simtel.*")):
        theirs, (ours, kinds) = images_of_ctapipe(path), _ours(path)
        short = path.name.split("_za")[0].split(".simtel")[0]
        for name, camera in kinds.items():
            cameras[f"{name}, {short}"] = camera
            mine = {key: value for key, value in ours.items() if value[2] == name}
            shared = [key for key in mine if key in theirs]
            label = f"{short}, {name}"
            n_pixels = len(shared) * camera.n_pixels
            for what, text in enumerate(("charge", "time")):
                differ = sum(np.count_nonzero(mine[k][what] != theirs[k][what]) for k in shared)
                quantity = f"{label}: pixels of {n_pixels} with another {text}"
                rows.append(compare(quantity, differ, 0, 0))
        counts = [len({key[:2] for key in found}) for found in (ours, theirs)]
        rows.append(compare(f"{short}: telescope events", *counts, 0))
    return rows, cameras


def _phase_parts(camera, n_phases):
    """Part of the pulse inside the window around its largest sample: phases, channels."""
    sample_ns, time = 1.0 / camera.sampling_rate_ghz, camera.pulse_step_ns
    parts = np.empty((n_phases, len(camera.pulse)))
    for channel, pulse in enumerate(camera.pulse):
        at = time * np.arange(len(pulse))
        for i in range(n_phases):
            samples = np.arange((i + 0.5) / n_phases, len(pulse) * time / sample_ns) * sample_ns
            values = np.interp(samples, at, pulse)
            first = max(values.argmax() - SHIFT, 0)
            inside = values[first : first + WIDTH].sum() * sample_ns
            parts[i, channel] = inside / (pulse.sum() * time)
    return parts


def _correction_lines(cameras):
    """Corrections of every camera, and charges of high gain with others, in Markdown."""
    head = ["camera", "rate [1 / ns]", "high", "low", "low for high", "mean of both"]
    head += ["rate of 1 / ns", "none", "mean over phases"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for label, camera in cameras.items():
        right = integration_correction(camera, ExtractionSettings())
        wrong_rate = replace(camera, sampling_rate_ghz=1.0)
        others = [right[-1], right.mean()]
        others.append(integration_correction(wrong_rate, ExtractionSettings())[0])
        others += [1.0, 1.0 / _phase_parts(camera, 20)[:, 0].mean()]
        cells = [label, f"{camera.sampling_rate_ghz:.3f}", f"{right[0]:.4f}"]
        cells.append(f"{right[1]:.4f}" if len(right) > 1 else "-")
        cells += [f"{100 * (other / right[0] - 1) + 0.0:+.1f} %" for other in others]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


class _Result(NamedTuple):
    """Mean and its error, of charges over all pixels and images, by number of photoelectrons."""

    mean: np.ndarray
    error: np.ndarray


class _Camera:
    """A camera of ours that sees equal light in all pixels."""

    def __init__(self, version, tel_id):
        instrument = load_instrument(INSTRUMENTS / version)
        described = next(t for t in instrument.telescopes if t.tel_id == tel_id).type.camera
        self.kind = make_subarray(instrument).telescope_type(tel_id)
        seed = campaign_seed(f"extraction {version}")
        self.table = make_camera_table(described, StreamKey(seed, "camera").words())
        self.readout = make_readout_table(described, self.table)
        self.prompt = make_amplitude_table(described.single_pe)
        self.sky = make_amplitude_table(described.single_pe_afterpulse)
        self.rates = night_sky_rates(described, self.table, ZENITH_DEG)
        self.state = philox.new_state(StreamKey(seed, "night_sky").words())
        pulse = described.readout.pulse_high
        self.peak_ns = pulse.x[np.argmax(pulse.y)]

    @property
    def coefficients(self):
        """Gains and pedestals of the description."""
        counts = self.readout.counts.astype(float)
        counts *= (self.readout.mean_per_rate / self.readout.sample_ns)[:, None]
        nothing = np.zeros(counts.shape)
        gain = (1.0 / counts).astype(np.float32)
        return Coefficients(self.readout.pedestal, gain, nothing, nothing > 0, nothing)

    def peak_sample(self):
        """Sample of the peak of the light, in high gain."""
        return int(np.floor(self.readout.offset_ns / self.readout.sample_ns))

    def batch(self, n_pe):
        """Images of so many photoelectrons in each pixel, at all phases."""
        n_pixels = self.table.x_m.size
        pixel = np.repeat(np.arange(n_pixels, dtype=np.int32), n_pe)
        images = []
        for phase in (np.arange(N_IMAGES) + 0.5) / N_IMAGES:
            at_ns = TRIGGER_NS - self.peak_ns + phase * self.readout.sample_ns
            time = np.full(pixel.size, at_ns, dtype=np.float32)
            shower = PhotoElectrons(
                pixel, time, draw_amplitudes(self.prompt, self.state, pixel.size)
            )
            sky = draw_night_sky(self.rates, 0.0, LENGTH_NS, self.sky, self.state)
            current = self.rates * self.sky.mean
            images.append(
                read_waveforms(shower, sky, current, TRIGGER_NS, self.readout, self.state)
            )
        nothing = np.zeros(N_IMAGES)
        index, tel_id = np.arange(N_IMAGES), np.ones(N_IMAGES, dtype=np.int64)
        return CameraBatch(0, index, tel_id, np.array(images), None, *(nothing,) * 3)

    def charges(self):
        """Means of the charges of all methods, and which gain was used: by photoelectrons."""
        means = {method: [] for method in COLOUR_OF}
        low = []
        for n_pe in N_PE:
            batch = self.batch(n_pe)
            for method, found in means.items():
                settings = _settings(method, self.peak_sample())
                images = calibrate(batch, self.kind, {1: self.coefficients}, settings)
                charge = images.image_pe.astype(float)
                # pixels of an image share its phase alone, which is one of few that are all used
                error = charge.std(axis=1).mean() / np.sqrt(charge.size)
                found.append((charge.mean(), error))
            low.append(images.channel.mean())
        results = {m: _Result(*np.array(found).T) for m, found in means.items()}
        return results, np.array(low)

    def expected(self):
        """Charge over photoelectrons of windows at the peak of the pulse, by channel."""
        part = _phase_parts(self.kind.camera, N_IMAGES).mean(axis=0)
        correction = integration_correction(self.kind.camera, ExtractionSettings())
        return self.prompt.mean * part * correction


def _known_rows(name, camera, results, low):
    rows = []
    for method in COLOUR_OF:
        mean, error = results[method].mean[0], results[method].error[0]
        unbiased = method in ("neighbour_peak", "fixed_window")
        text = f"{name}, no light, {method}: mean charge [p.e.], in errors of {error:.4f}"
        rows.append(compare(text, mean, 0.0, 3.0 if unbiased else None, error=error, unit="sigma"))
    expected = camera.expected()
    for n_pe, channel in ((HIGH_PE, 0), (LOW_PE, 1)):
        i = N_PE.index(n_pe)
        gain = ("high", "low")[channel]
        text = f"{name}, {n_pe} p.e.: pixels in {gain} gain"
        rows.append(compare(text, low[i] if channel else 1.0 - low[i], 1.0, 0.0))
        text = f"{name}, {n_pe} p.e., {gain} gain: charge over light"
        ratio = results["neighbour_peak"].mean[i] / n_pe
        rows.append(compare(text, ratio, expected[channel], 0.01 * expected[channel]))
    return rows


def _draw(drawn):
    figure = new_figure(11.0, 6.4)
    axes = figure.subplots(2, len(drawn), sharex="row")
    for column, (name, camera, results) in enumerate(drawn):
        upper, lower = axes[:, column]
        n_pe, dim = np.array(N_PE, dtype=float), np.array(N_PE) <= 20
        for method, colour in reversed(COLOUR_OF.items()):
            mean, error = results[method]
            label = method.replace("_", " ")
            bias = mean - n_pe * camera.prompt.mean
            upper.errorbar(
                n_pe[dim], bias[dim], error[dim], marker="o", ms=4, color=colour, label=label
            )
            ratio, ratio_error = mean[1:] / n_pe[1:], error[1:] / n_pe[1:]
            lower.errorbar(n_pe[1:], ratio, ratio_error, marker="o", ms=4, color=colour)
        for channel, value in enumerate(camera.expected()):
            text = "expected, " + ("high gain", "low gain")[channel]
            dashes = ("--", ":")[channel]
            lower.axhline(value, color=COLOURS["black"], ls=dashes, lw=1.0, label=text)
        upper.axhline(0.0, color=COLOURS["grey"], lw=1.0)
        upper.set_title(name, loc="left")
        upper.set(xlabel="light [p.e.]", ylim=(-1.6, 3.0))
        lower.set(xlabel="light [p.e.]", xscale="log", ylim=(0.7, 1.35))
    axes[0, 0].set_ylabel("charge less light [p.e.]")
    axes[1, 0].set_ylabel("charge / light")
    axes[0, 0].legend()
    axes[1, 0].legend()
    return figure


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    same, cameras = _same_rows()
    known, drawn = [], []
    for name, version, tel_id in CAMERAS:
        camera = _Camera(version, tel_id)
        results, low = camera.charges()
        known += _known_rows(name, camera, results, low)
        drawn.append((name, camera, results))
    with style(), atomic_output(HERE / "image-extraction.png") as temporary:
        _draw(drawn).savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    text = KNOWN.format(zenith=ZENITH_DEG, high=HIGH_PE, low=LOW_PE)
    parts = [f"**{counted([*same, *known])}**", "## Charges and times of ctapipe", SAME.strip()]
    parts += [table(same), "## Correction for the window", CORRECTIONS.strip()]
    parts += [_correction_lines(cameras), "## Charges known beforehand", text.strip()]
    parts += ["![image-extraction](image-extraction.png)", table(known)]
    return "\n\n".join(parts)
