"""Comparators of H.E.S.S.: width of their pulse from the pixels above threshold of one event."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import hadron_sample
import numpy as np
from eventio import EventIOFile
from kept_runs import CONFIG
from scipy.signal import fftconvolve

from iactflow.atmosphere.extinction import transmission
from iactflow.campaign.schema_simulation import Production
from iactflow.campaign.streams import StreamKey
from iactflow.instrument.load import load_instrument
from iactflow.telescope.detector import EventKey
from iactflow.telescope.spectrum import spectral_response
from iactflow.telescope.stages.setup import make_detector, make_setup
from iactflow.telescope.stages.showers import simulate

#: A gamma ray of 1 TeV with its core at CT1, mirrors at 0.768 of new ones.
EVENT = "gamma_with_obslevel_particles.simtel.zst"
INSTRUMENT = "instruments/hess1u/phase2d3"
#: discriminator_sigsum_over_threshold of the file.
LEAST_AREA = 0.3
WIDTHS = (1.0, 0.7, 0.6, 0.5)
PEAKS = (2.4, 8.0)
#: Photoelectrons of the pixels that stand for others; their number.
N_ELECTRONS, N_PIXELS = 14, 4000
STEP_NS, N_STEPS, AT_NS = 0.1, 600, 20.0
BAND_NM = (300.0, 600.0)
EMISSION_M = 6000.0
N_GAMMA = 40


def _walk(item, found):
    kind = type(item).__name__
    if kind == "PixelList":
        pixels = item.parse()
        found[f"pixels {pixels['code']}"] = pixels["pixel_list"]
    elif getattr(item.header, "only_subobjects", False):
        for part in item:
            _walk(part, found)
    elif kind in ("MCPhotoelectronSum", "ADCSamples", "CameraMonitoring"):
        found[kind] = item.parse()


def read_event() -> dict:
    """Read the event of HESS-1U.

    Returns
    -------
    dict
        Objects of the file by kind; ``pixels 0``: those above the trigger's threshold.
    """
    found: dict = {}
    with EventIOFile(Path(os.environ["IACTFLOW_DATA"]) / "sim" / EVENT) as file:
        for item in file:
            _walk(item, found)
    return found


def _reference(event, readout):
    """Peaks and charges of pixels in photoelectrons; whether they were above threshold."""
    monitor = event["CameraMonitoring"]
    pedestal = monitor["pedestal"][0] / monitor["n_ped_slices"]
    wave = (event["ADCSamples"][0] - pedestal[:, None]) / readout.amplitude_high
    above = np.isin(np.arange(len(wave)), event["pixels 0"])
    return *_peak_and_charge(wave), above


def _peak_and_charge(wave):
    first = np.maximum(wave.argmax(axis=1) - 5, 0)[:, None]
    index = np.arange(wave.shape[1])
    window = (index >= first) & (index < first + 16)
    return wave.max(axis=1), np.sum(wave * window, axis=1)


def _electrons(setup, random):
    """Photoelectrons of pixels and night sky on a grid of time."""
    detector, grid = make_detector(setup), []
    for shower in simulate(setup):
        for reuse, photons in enumerate(shower.photons):
            key = EventKey(setup.seed, "proton", setup.run, shower.thrown.shower_id, reuse)
            for tel_id, of_tel in photons.items():
                if len(of_tel):
                    grid += _pixels(detector.photoelectrons(tel_id, of_tel, key), random)
        if len(grid) > N_PIXELS:
            break
    return np.array(grid)


def _pixels(electrons, random):
    rows = []
    numbers = np.bincount(electrons.pixel)
    for pixel in np.flatnonzero((numbers > 0) & (numbers <= N_ELECTRONS)):
        if numbers[pixel] < 3 and random.random() > 0.15:
            continue
        mine = electrons.pixel == pixel
        time = electrons.time_ns[mine].astype(float)
        time += AT_NS + random.random() - np.median(time)
        inside = (time >= 0.0) & (time < STEP_NS * N_STEPS)
        place = (time[inside] / STEP_NS).astype(int)
        rows.append(np.bincount(place, electrons.amplitude[mine][inside], N_STEPS))
    return rows


def _night_sky(shape, rate_ghz, single_pe, random):
    number = random.poisson(rate_ghz * STEP_NS, shape)
    amplitude = random.choice(single_pe.x, number.sum(), p=single_pe.y / single_pe.y.sum())
    return np.bincount(np.repeat(np.arange(number.size), number.ravel()), amplitude,
                       number.size).reshape(shape)  # fmt: skip


def _convolve(grid, pulse, width):
    """Signal from the pulse, so many times as wide about its peak; its mean per photoelectron."""
    peak_ns = pulse.x[np.argmax(pulse.y)]
    time = np.arange(0.0, pulse.x[-1], STEP_NS)
    shape = np.interp((time - peak_ns) / width + peak_ns, pulse.x, pulse.y, left=0.0, right=0.0)
    return fftconvolve(grid, shape[None], axes=1)[:, :N_STEPS], shape.sum() * STEP_NS


def _excess(signal):
    """Largest area of one excursion of signals above zero."""
    most, area = np.zeros(len(signal)), np.zeros(len(signal))
    for column in signal.T:
        area = np.where(column > 0.0, area + column * STEP_NS, 0.0)
        most = np.maximum(most, area)
    return most


def _log_likelihood(fired, simulated, reference):
    """Of the event's pixels, by a logistic regression of simulated ones on peak and charge."""
    peak, charge, above = reference
    used = (simulated[0] > PEAKS[0]) & (simulated[0] < PEAKS[1])
    x = np.column_stack([np.ones(used.sum()), simulated[0][used], simulated[1][used]])
    y, b = fired[used].astype(float), np.zeros(3)
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-x @ b))
        hessian = (x * (p * (1.0 - p))[:, None]).T @ x + 1e-6 * np.eye(3)
        b += np.linalg.solve(hessian, x.T @ (y - p))
    mine = (peak > PEAKS[0]) & (peak < PEAKS[1])
    z = np.column_stack([np.ones(mine.sum()), peak[mine], charge[mine]])
    p = np.clip(1.0 / (1.0 + np.exp(-z @ b)), 0.01, 0.99)
    return float(np.sum(np.log(np.where(above[mine], p, 1.0 - p)))), float(p.sum())


def fit_width(setup) -> tuple[dict, float, float]:
    """Fit the width of the pulse at the comparators, relative to that of the read-out.

    Parameters
    ----------
    setup : Setup
        Protons whose pixels are looked at.

    Returns
    -------
    found : dict of float to tuple
        Log-likelihood, pixels expected above threshold and those that were, by width.
    width, error : float
        Vertex of the parabola through the three narrowest, and its standard error.
    """
    camera = load_instrument(CONFIG / INSTRUMENT, check=False).telescopes[0].type.camera
    trigger, readout = camera.trigger, camera.readout
    reference = _reference(read_event(), readout)
    random = StreamKey(hadron_sample.SEED, "comparators").generator()
    grid = _electrons(setup, random)
    grid = grid + _night_sky(grid.shape, camera.nsb_rate_ghz, camera.single_pe_afterpulse, random)
    wave, area = _convolve(grid, readout.pulse_high, 1.0)
    wave = wave[:, :: round(1.0 / STEP_NS)] - camera.nsb_rate_ghz * area
    noise = readout.noise_high / readout.amplitude_high
    simulated = _peak_and_charge(wave + noise * random.standard_normal(wave.shape))
    found = {}
    mine = (reference[0] > PEAKS[0]) & (reference[0] < PEAKS[1])
    for width in WIDTHS:
        signal, area = _convolve(grid, readout.pulse_high, width)
        over = trigger.amplitude * (signal - camera.nsb_rate_ghz * area) - trigger.threshold
        fired = _excess(over) > LEAST_AREA
        found[width] = *_log_likelihood(fired, simulated, reference), int(reference[2][mine].sum())
    below, best, beyond = (found[width][0] for width in WIDTHS[:0:-1])
    step, bend = WIDTHS[2] - WIDTHS[3], below - 2.0 * best + beyond
    return found, WIDTHS[2] + 0.5 * step * (below - beyond) / bend, step / np.sqrt(-bend)


def efficiencies() -> tuple[float, float, float]:
    """Photoelectrons per photon of 300 to 600 nm in the telescope's sphere, new mirrors.

    Returns
    -------
    ours, theirs, error : float
        Both with light from the same kind of shower, and the error of theirs.
    """
    where = {"offset_deg": 0.0, "core_radius_max_m": 0.7, "shower_reuse": 1, "run": 61,
             "zenith_deg": 20.0, "azimuth_deg": 0.0}  # fmt: skip
    law = {"energy_min_tev": 0.999, "energy_max_tev": 1.001, "spectral_index": 2.0}
    block = {"particle": "gamma", "n_showers": N_GAMMA, **law, **where}
    block = Production.model_validate(block).model_dump(mode="json")
    shower = hadron_sample.shower_settings()
    del shower["hadrons"]
    job = hadron_sample.SAMPLE.job({"name": "gamma", **block, "shower": shower}, N_GAMMA)
    setup = make_setup(*job)
    ct1 = replace(setup.instrument.telescopes[0], x_m=0.0, y_m=0.0)
    setup = replace(setup, instrument=replace(setup.instrument, telescopes=(ct1,)))
    detector, n_drawn, n_electrons = make_detector(setup), 0, 0
    for shower in simulate(setup):
        for reuse, photons in enumerate(shower.photons):
            key = EventKey(setup.seed, "gamma", setup.run, shower.thrown.shower_id, reuse)
            n_drawn += len(photons[ct1.tel_id])
            n_electrons += detector.photoelectrons(ct1.tel_id, photons[ct1.tel_id], key).pixel.size
    ours = n_electrons / n_drawn * _drawn_per_photon(setup, ct1.type)
    sums = read_event()["MCPhotoelectronSum"]
    folder = CONFIG / INSTRUMENT
    mirrors = load_instrument(folder, check=False).telescopes[0].type.optics.degraded_reflection
    n_theirs = float(sums["n_pe"][0])
    theirs = n_theirs / mirrors / float(sums["photons_atm_3_6"][0])
    return ours, theirs, theirs / np.sqrt(n_theirs)


def _drawn_per_photon(setup, kind):
    """Photons that are drawn for one of the band that arrives."""
    response = spectral_response(kind)
    wave = np.arange(setup.band_nm[0], 700.0)
    cosine = np.sin(np.radians(setup.alt_deg))
    light = [transmission(setup.extinction, w, EMISSION_M, cosine) / w**2 for w in wave]
    value = np.interp(wave, response.x, response.y, left=0.0, right=0.0) * light
    inside = (wave >= BAND_NM[0]) & (wave <= BAND_NM[1])
    return float(value.sum() / np.sum(np.array(light)[inside]))
