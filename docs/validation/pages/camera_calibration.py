"""Calibration of cameras: injected gains, pedestals, broken pixels and throughput come back."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from calibration_figures import draw_gains, draw_muons, draw_pulls, draw_sky, write_figure
from camera_events import SimulatedCamera, collected
from judged import compare, counted, table
from throughput_rows import DISH, N_MUONS, N_REFERENCE, N_TELESCOPES, lst_rows, muon_rows

from iactflow.calibration.camera import CameraSettings, calibrate_camera
from iactflow.calibration.pedestal import nsb_rate_ghz, squared_window_ns
from iactflow.calibration.pixel_status import BRIGHT, DEAD, NO_GAIN, PEDESTAL
from iactflow.calibration.single_pe import shape_of_curve
from iactflow.campaign.streams import campaign_seed
from iactflow.figures.style import style
from iactflow.io.reader import open_reader

TITLE = "Calibration of cameras"
HERE = Path(__file__).resolve().parents[1]
HESS, NECTAR = "hess1/2006", "ctao-north-alpha/6.0.0"
CONFIGS = [f"config/instruments/{version}/digest.txt" for version in (HESS, NECTAR)]
MODULES = [
    "iactflow.calibration.camera",
    "iactflow.calibration.collect",
    "iactflow.calibration.muons",
    "iactflow.calibration.rings",
    "iactflow.calibration.throughput",
    "iactflow.campaign.atomic",
    "iactflow.figures.style",
    "iactflow.instrument.load",
    "iactflow.io.reader",
    "iactflow.io.simtel",
    "iactflow.shower.cascade",
    "iactflow.shower.collect",
    "iactflow.shower.spheres",
    "iactflow.telescope.charge",
    "iactflow.telescope.detector",
    "iactflow.telescope.subarray",
    "iactflow.telescope.waveforms",
]
SEED = campaign_seed("calibration of cameras")
BROKEN, SHINING = (10, 20, 300), (30, 400)
LIGHT_PE, SINGLE_PE = 60.0, 0.8
MEAN, WIDTH = 0.2, 0.1
SKY_LEVELS = (0.3, 1.0, 3.0, 10.0)
READ_3255 = """
import io, sys, numpy, tables
with tables.open_file(sys.argv[1]) as file:
    row, flat = file.root.tel_0.calibration[0], file.root.tel_0.flatfield[0]
    out = io.BytesIO()
    numpy.savez(out, pe=row["dc_to_pe"], pedestal=row["pedestal_per_sample"],
                bad=row["unusable_pixels"], flat=flat["relative_gain_mean"])
sys.stdout.buffer.write(out.getvalue())
"""
PULLS = """\
Cameras read out by `iactflow.telescope`: dark events, pulses of {light:g} photoelectrons under the
night sky, and pulses of {single:g} in the dark, calibrated by `iactflow.calibration`. H.E.S.S. I
reads charges; NectarCAM waveforms, here with the gains and pedestals that a real camera had in run
3255 (`ctapipe_io_nectarcam`, BSD-3-Clause). A pull is the difference to the injected value over the
standard error that the calibration states; a mean within 0.2 and a width of 1 within 0.1 are asked
of all pixels that are usable. Three pixels have no signal, two have 30 times the night sky; these
and no others must be found. The night sky's rate from the width of pedestals may be 1 % off, more
than its statistical error. Times of pixels differ by 0.5 ns rms; 0.02 ns are left to what a window
of whole samples does to a centre of gravity.
"""
REAL = """\
What the calibration of run 3255 says of itself. Its pedestals belong to each of 60 samples; where
all take their mean, charges of 16 samples err by less than 0.05 photoelectrons, a fifth of what the
electronics scatters them by (3.6 counts a sample): one pedestal per pixel is enough.
`ff-1m_flasher.simtel.zst` holds one event of a flasher, so that the statistics of photoelectrons
must come from pixels in place of events: the variance of charges between pixels, less the
pedestals' and that of gains and efficiencies (2 % and 3.5 %), over F^2 times the mean. The error is
that of a variance from as many pixels.
"""
MUONS = """\
Muons of 8 to 60 GeV from 900 m above a telescope of H.E.S.S. I: {n} telescopes whose throughput is
drawn from 0.5 to 1, {m} muons each; the reference, {r} muons at throughput 1, is fitted in the same
way. Their efficiencies scatter by more than the errors of the fits (scattering, knock-on electrons,
shadows of masts); this spread, taken from the reference, is part of the errors of all telescopes.
Efficiencies are photoelectrons per photon from 300 to 600 nm on a disc of the mirrors' area less
the shadow of the camera and its structure (radius {shadow} m); only ratios are judged.
`lst_muons_with_true_photons.simtel.zst` has three muons in an LST (pyeventio, MIT): the
photoelectrons of the fitted ring against the true ones, within three standard errors.
"""


def _run_3255():
    """Gains, pedestals and flat field of a real camera."""
    path = Path(os.environ["IACTFLOW_DATA"]) / "instrument" / "nectarcam_calibration_run3255.hdf5"
    # The package that reads the file has the name of a module of these pages.
    command = [sys.executable, "-I", "-c", READ_3255, str(path)]
    found = subprocess.run(command, check=True, capture_output=True)
    with np.load(io.BytesIO(found.stdout)) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _injected(real):
    """Gains and pedestals for a simulation: unusable pixels take the median."""
    gain, pedestal = 1.0 / real["pe"], real["pedestal"].mean(axis=2)
    for values in (gain, pedestal):
        for channel, bad in zip(values, real["bad"], strict=True):
            good = ~bad & np.isfinite(channel)
            middle = np.median(channel[good])
            # A simulated camera has no outliers of its own.
            wild = ~good | (np.abs(channel - middle) > 0.3 * middle)
            channel[wild] = middle
    return gain, pedestal


def _pull(name, value, error, truth, ok):
    """Rows of mean and width of pulls, and the pulls."""
    pulls = (value - truth)[ok] / error[ok]
    label = f"{name}: {ok.sum()} pixels, error {100 * np.median(error[ok] / truth[ok]):.2g} %"
    rows = [
        compare(f"{label}, mean pull", pulls.mean(), 0.0, MEAN),
        compare(f"{label}, width of pulls", pulls.std(), 1.0, WIDTH),
    ]
    return rows, pulls


def _status_row(name, status):
    bad = {int(p): int(status[0, p]) for p in np.flatnonzero(status[0])}
    expected = dict.fromkeys(BROKEN, DEAD | NO_GAIN | PEDESTAL) | dict.fromkeys(SHINING, BRIGHT)
    wrong = set(bad.items()) ^ set(expected.items())
    return compare(f"{name}: pixels with another status than injected", len(wrong), 0, 0)


def _camera(name, camera, lid, n_events, n_single):
    """Rows, pulls, calibrations of a camera under the night sky and under its lid."""
    events = collected(
        camera, [camera.batch(0.0, 2, n_events), camera.batch(LIGHT_PE, 0, n_events)]
    )
    found = calibrate_camera(events, CameraSettings(excess_noise=camera.prompt.excess_noise))
    ok, gain, pedestals = found.status[0] == 0, camera.gain, found.pedestals
    part = events.pulse_part
    truth = 1.0 / (camera.table.qe[ok] * gain[0, ok])
    factor = np.zeros(ok.size)
    factor[ok] = truth
    ours = found.flat_field.factor / found.gain_adu[0]
    # Only ratios of pixels are the flat field's: scaled to the same mean.
    factor *= ours[ok].mean() / truth.mean()
    cases = [
        ("pedestal, high gain", pedestals.level_adu[0], pedestals.level_error_adu[0],
         camera.readout.pedestal[0].astype(float)),
        ("pedestal, low gain", pedestals.level_adu[1], pedestals.level_error_adu[1],
         camera.readout.pedestal[1].astype(float)),
        ("gain, photo-statistics", found.gain_adu[0], found.gain_error_adu[0], gain[0]),
        ("low gain", found.gain_adu[1], found.gain_error_adu[1], gain[1]),
        ("ratio of gains", found.ratio.ratio, found.ratio.error,
         gain[0] * part[0] / (gain[1] * part[1])),
        ("flat-field factor over gain", ours,
         ours * found.flat_field.error / found.flat_field.factor, factor),
    ]  # fmt: skip
    rows, pulls = [_status_row(name, found.status)], {}
    for label, *values in cases:
        more, pulls[f"{name}: {label}"] = _pull(f"{name}: {label}", *values, ok)
        rows += more
    if camera.waveform:
        times = -camera.table.transit_time_ns
        times = times - times[found.flat_field.used].mean()
        rms = np.std((found.times.shift_ns - times)[ok])
        label = f"{name}: time shifts less injected ones, rms [ns]"
        rows.append(compare(label, rms, 0.0, 0.02))
    single = [lid.batch(0.0, 2, 300), lid.batch(20.0, 0, 300), lid.batch(SINGLE_PE, 1, n_single)]
    curve = lid.kind.camera.single_pe
    settings = CameraSettings(camera.prompt.excess_noise, shape=shape_of_curve(curve.x, curve.y))
    events = collected(lid, single)
    spectra = calibrate_camera(events, settings)
    fit, label = spectra.spectra, f"{name}: gain, single photoelectrons"
    truth = lid.gain[0] * events.pulse_part[0]
    more, pulls[label] = _pull(label, fit.value[:, 1], fit.error[:, 1], truth, fit.converged)
    rows += more
    return rows, pulls, found, (fit, events, settings.shape, truth)


def _sky_rows(version, tel_id, name):
    """Rates of the night sky from pedestals, over those injected."""
    rows, points = [], []
    for level in SKY_LEVELS:
        camera = SimulatedCamera(version, tel_id, SEED + 1, night_sky=level)
        events = collected(camera, [camera.batch(0.0, 2, 150), camera.batch(LIGHT_PE, 0, 10)])
        readout, pulse = camera.kind.camera.readout, camera.kind.camera.readout.pulse_high
        time = np.arange(pulse.x[0], pulse.x[-1], 0.02)
        width = 16.0 if camera.waveform else readout.window_ns
        best = not camera.waveform
        window = squared_window_ns(np.interp(time, pulse.x, pulse.y), 0.02, width, best)
        noise = readout.noise_high**2 * (width if camera.waveform else 1.0)
        square = camera.after.excess_noise * (camera.after.mean / camera.prompt.mean) ** 2
        rate = nsb_rate_ghz(
            events.pedestals.charge.variance[0], noise, camera.gain[0], square, window
        )
        rows.append(
            compare(f"{name}: night sky of {camera.rates.mean():.3g} / ns, ratio",
                    rate.mean() / camera.rates.mean(), 1.0, 0.01)
        )  # fmt: skip
        points.append((camera.rates.mean(), rate.mean(), rate.std()))
    return rows, np.array(points)


def _real_rows(real):
    good = ~real["bad"].any(axis=0) & np.isfinite(real["pe"]).all(axis=0)
    gain = 1.0 / real["pe"][:, good]
    away = real["pedestal"][:, good] - real["pedestal"][:, good].mean(axis=2, keepdims=True)
    windows = np.lib.stride_tricks.sliding_window_view(away[0], 16, axis=1).sum(axis=2)
    error_pe = np.median(windows.std(axis=1) / gain[0])
    rows = [
        compare("run 3255: median gain, high [counts]", np.median(gain[0]), 58.0, None),
        compare("run 3255: spread of gains", gain[0].std() / gain[0].mean(), None, None),
        compare("run 3255: median ratio of gains", np.median(gain[0] / gain[1]), 13.8, None),
        compare(
            "run 3255: mean flat field of usable pixels", real["flat"][0, good].mean(), 1.0, None
        ),
        compare(
            "run 3255: charge of 16 samples with one pedestal for all, rms error [p.e.]",
            error_pe,
            0.0,
            0.05,
        ),
    ]
    return [*rows, _flasher_row()]


def _flasher_row():
    """Gain of a flasher's camera from one event, over all pixels."""
    path = Path(os.environ["IACTFLOW_DATA"]) / "sim" / "ff-1m_flasher.simtel.zst"
    with open_reader(path, true_images=True) as reader:
        batch = next(iter(reader.batches()))
    (camera,) = batch.cameras
    known = batch.coefficients[int(camera.tel_id[0])]
    adc = camera.adc[0, 0].astype(float) - known.pedestal_adu[0][:, None]
    lit, dark = adc.sum(axis=1), adc[:, :10].sum(axis=1)
    # Noise of all samples from those before the light.
    pedestal = dark.var(ddof=1) * adc.shape[1] / 10.0
    mean = lit.mean()
    excess = lit.var(ddof=1) - pedestal - (0.02**2 + 0.035**2) * mean**2
    gain = excess / (1.2494705 * mean)
    error = gain * lit.var(ddof=1) / excess * np.sqrt(2.0 / lit.size)
    truth = mean / camera.true_image[0].mean()
    label = f"flasher: counts per photoelectron, {lit.size} pixels of one event"
    return compare(label, gain, truth, 3.0, error=error, unit="sigma")


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    real = _run_3255()
    gain, pedestal = _injected(real)
    hess = SimulatedCamera(HESS, 1, SEED, 1.0, BROKEN, bright=SHINING)
    hess_lid = SimulatedCamera(HESS, 1, SEED + 2, 0.0)
    injected = {"gain": gain, "pedestal": pedestal}
    nectar = SimulatedCamera(NECTAR, 5, SEED, 1.0, BROKEN, bright=SHINING, **injected)
    nectar_lid = SimulatedCamera(NECTAR, 5, SEED + 2, 0.0, **injected)
    rows, pulls, _, _ = _camera("H.E.S.S. I", hess, hess_lid, 2000, 2500)
    more, pulls_2, found, single = _camera("NectarCAM", nectar, nectar_lid, 500, 1000)
    rows += more
    sky_hess, points_hess = _sky_rows(HESS, 1, "H.E.S.S. I")
    sky_nectar, points_nectar = _sky_rows(NECTAR, 5, "NectarCAM")
    rows += sky_hess + sky_nectar
    real_rows = _real_rows(real)
    light_rows, throughputs, muons = muon_rows()
    light_rows += lst_rows()
    with style():
        figures = [
            write_figure(draw_pulls(pulls | pulls_2), "camera-calibration-pulls", "Pulls"),
            write_figure(
                draw_gains(single, nectar, found, "NectarCAM"),
                "camera-calibration-gains",
                "Spectrum of a pixel; gains found against injected",
            ),
            write_figure(
                draw_sky({"H.E.S.S. I": points_hess, "NectarCAM": points_nectar}),
                "camera-calibration-sky",
                "Night sky from pedestals against injected",
            ),
            write_figure(
                draw_muons(throughputs, muons),
                "camera-calibration-muons",
                "A muon ring with its fit; throughput found against injected",
            ),
        ]
    about = MUONS.format(n=N_TELESCOPES, m=N_MUONS, r=N_REFERENCE, shadow=DISH["shadow_radius_m"])
    return "\n\n".join([
        f"**{counted([*rows, *real_rows, *light_rows])}**", "## Pixels",
        PULLS.format(light=LIGHT_PE, single=SINGLE_PE).strip(), *figures[:3], table(rows),
        "## Real and foreign cameras", REAL.strip(), table(real_rows),
        "## Throughput", about.strip(), figures[3], table(light_rows),
    ])  # fmt: skip
