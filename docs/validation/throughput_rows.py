"""Throughput of simulated telescopes from muons; muons of a foreign simulation."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from judged import compare
from muon_events import MuonTelescope, ring_of_fit

from iactflow.calibration.muons import MuonSettings, fit_muon, good_rings
from iactflow.calibration.pedestal import squared_window_ns
from iactflow.calibration.rings import fit_rings
from iactflow.calibration.throughput import intrinsic_spread, mean_throughput
from iactflow.campaign.streams import campaign_seed
from iactflow.io.reader import open_reader

SEED = campaign_seed("throughput of telescopes")
MEAN, WIDTH = 0.2, 0.1
N_TELESCOPES, N_MUONS, N_REFERENCE = 200, 12, 1000
DISH = {"mirror_radius_m": 5.84, "shadow_radius_m": 1.1}


def _fits(telescope, images, settings):
    """Efficiencies of the muons whose rings can be used, and their errors."""
    lon, lat = telescope.kind.pixel_lon_deg, telescope.kind.pixel_lat_deg
    rings = fit_rings(images.image_pe, images.image_pe > 5.0, lon, lat, 0.2)
    window = squared_window_ns(*_pulse(telescope), best=True)
    tables = telescope.tables
    square = tables.afterpulsing.excess_noise * tables.afterpulsing.mean**2
    noise = tables.readout.noise[0] / tables.readout.counts[0]
    noise = np.sqrt(tables.rates_ghz[0] * square * window + noise**2)
    fits = []
    for i in np.flatnonzero(good_rings(rings, telescope.kind, settings)):
        ring = rings.lon_deg[i], rings.lat_deg[i], rings.radius_deg[i]
        fit = fit_muon(images.image_pe[i], noise, ring, telescope.kind, settings)
        if fit.is_valid:
            fits.append((i, fit))
    return fits


def _pulse(telescope):
    """Pulse, its step and the window of charges of a telescope."""
    readout = telescope.detector.instrument.telescopes[0].type.camera.readout
    time = np.arange(readout.pulse_high.x[0], readout.pulse_high.x[-1], 0.05)
    pulse = np.interp(time, readout.pulse_high.x, readout.pulse_high.y)
    return pulse, 0.05, readout.window_ns


def _efficiencies(fits):
    return np.array([(fit.efficiency, fit.efficiency_error) for _, fit in fits]).T


def muon_rows():
    telescope = MuonTelescope(SEED, 1.0, DISH["mirror_radius_m"])
    settings = MuonSettings(excess_noise=telescope.tables.prompt.excess_noise, **DISH)
    images = telescope.images(range(N_REFERENCE))
    fits = _fits(telescope, images, settings)
    efficiency, error = _efficiencies(fits)
    spread = intrinsic_spread(efficiency, error)
    reference = mean_throughput(efficiency, error, spread)
    injected, found = [], []
    for k in range(N_TELESCOPES):
        throughput = 0.5 + 0.5 * (k + 0.5) / N_TELESCOPES
        one = MuonTelescope(SEED + 1 + k, throughput, DISH["mirror_radius_m"])
        pair = _efficiencies(_fits(one, one.images(range(N_MUONS)), settings))
        found.append(mean_throughput(*pair, spread, reference.value, reference.error))
        injected.append(throughput)
    injected = np.array(injected)
    value, sigma = np.array([(t.value, t.error) for t in found]).T
    pulls = (value - injected) / sigma
    label = f"throughput of {N_TELESCOPES} telescopes, error {100 * np.median(sigma / value):.2g} %"
    ratio = np.average(value / injected, weights=(injected / sigma) ** 2)
    ratio_error = 1.0 / np.sqrt(np.sum((injected / sigma) ** 2))
    rows = [
        compare(f"{label}, mean pull", pulls.mean(), 0.0, MEAN),
        compare(f"{label}, width of pulls", pulls.std(), 1.0, WIDTH),
        compare(f"throughput, mean ratio (error {ratio_error:.4f})", ratio, 1.0, 0.01),
        compare("mean efficiency at throughput 1", reference.value, 0.10, None),
        compare("spread of muons beyond the errors of their fits", spread, None, None),
        compare("rings used of those thrown", len(fits) / N_REFERENCE, None, None),
    ]
    return rows, (injected, value, sigma, pulls), (telescope, images, fits, settings)


def lst_rows():
    """Rings of muons in an LST: fitted against true photoelectrons."""
    path = Path(os.environ["IACTFLOW_DATA"]) / "sim" / "lst_muons_with_true_photons.simtel.zst"
    rows = []
    with open_reader(path, true_images=True) as reader:
        subarray, batches = reader.subarray, list(reader.batches())
    kind = subarray.types[0]
    settings = MuonSettings(mirror_radius_m=11.7, excess_noise=1.222)
    for batch in batches:
        (camera,) = batch.cameras
        known = batch.coefficients[int(camera.tel_id[0])]
        for adc, truth in zip(camera.adc, camera.true_image, strict=True):
            signal = (adc[0] - known.pedestal_adu[0][:, None]) * known.pe_per_adu[0][:, None]
            rows += _lst_ring(signal, truth, kind, settings, len(rows) // 2 + 1)
    return rows


def _lst_ring(signal, truth, kind, settings, number):
    """One muon: charges in a window around its light; the sky's mean from pixels without it."""
    bright = truth > 5
    peak = int(np.median(signal[bright].argmax(axis=1)))
    image = signal[:, max(peak - 3, 0) : peak + 5].sum(axis=1)
    dark = truth == 0
    image = (image - image[dark].mean()).astype(np.float32)
    rings = fit_rings(
        image[None], (image > 8.0)[None], kind.pixel_lon_deg, kind.pixel_lat_deg, 0.15
    )
    ring = rings.lon_deg[0], rings.lat_deg[0], rings.radius_deg[0]
    fit = fit_muon(image, np.full(image.size, image[dark].std()), ring, kind, settings)
    away = np.abs(np.hypot(kind.pixel_lon_deg - fit.lon_deg, kind.pixel_lat_deg - fit.lat_deg)
                  - fit.radius_deg)  # fmt: skip
    near = away < settings.annulus_deg
    error = fit.efficiency_error / fit.efficiency
    values = ring_of_fit(fit, kind, settings)
    # Charges in their window over true photoelectrons, from all light of the event.
    part = image[bright].sum() / truth[bright].sum()
    label = f"LST, muon {number}: photoelectrons of the ring"
    return [
        compare(label, values[near].sum(), part * truth[near].sum(), 3.0 * error * values.sum()),
        compare(f"LST, muon {number}: efficiency", fit.efficiency, None, None),
    ]
