"""Stereo geometry: pairs, fit and impact distances of images, beside ctapipe's HillasReconstructor.

Images of a real file of sim_telarray by ctapipe; both sides get the same parameters. Ours takes
them in one batch, its events repeated to some thousands, and makes more (the fit); the peer goes
event by event. Times are CPU microseconds of the process per telescope event, one thread,
everything compiled, best of some repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
import warnings
from pathlib import Path

import numpy as np

FILE = "proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst"
N_COPIES, REPEATS = 1000, 7
COLUMNS = {
    "hillas_intensity": ("hillas", "intensity", ""),
    "hillas_fov_lon_deg": ("hillas", "fov_lon", "deg"),
    "hillas_fov_lat_deg": ("hillas", "fov_lat", "deg"),
    "hillas_r_deg": ("hillas", "r", "deg"),
    "hillas_length_deg": ("hillas", "length", "deg"),
    "hillas_width_deg": ("hillas", "width", "deg"),
    "hillas_psi_deg": ("hillas", "psi", "deg"),
    "leakage_intensity_width_2": ("leakage", "intensity_width_2", ""),
    "morphology_n_pixels": ("morphology", "n_pixels", ""),
}


def _cpu_us(function):
    """CPU time of a call, best of the repeats."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1e6 * best


def _events(path):
    """Events with ctapipe's image parameters, and what reconstructs one of them."""
    from copy import deepcopy

    from ctapipe.calib import CameraCalibrator
    from ctapipe.image import ImageProcessor
    from ctapipe.io import EventSource
    from ctapipe.reco import HillasReconstructor

    with EventSource(path) as source:
        calibrate = CameraCalibrator(subarray=source.subarray)
        process = ImageProcessor(subarray=source.subarray)
        reconstruct = HillasReconstructor(subarray=source.subarray)
        events = []
        for event in source:
            calibrate(event)
            process(event)
            events.append(deepcopy(event))
    return events, reconstruct


def _batch(events, subarray):
    """Arguments of our function: the events, repeated."""
    rows = [(n, tel, e.dl1.tel[tel].parameters) for n, e in enumerate(events) for tel in e.dl1.tel]
    rows.sort(key=lambda row: row[:2])

    def column(group, name, unit):
        values = [getattr(getattr(row[2], group), name) for row in rows]
        return np.tile([float(v.to_value(unit) if unit else v) for v in values], N_COPIES)

    def pointing(name):
        return np.array([getattr(e.monitoring.pointing, name).to_value("deg") for e in events])

    alt, az = pointing("array_altitude"), pointing("array_azimuth")
    event = np.array([row[0] for row in rows])
    copies = np.repeat(np.arange(N_COPIES) * len(events), len(rows))
    tel = np.searchsorted(subarray.tel_ids, [row[1] for row in rows])
    return (
        np.tile(event, N_COPIES) + copies,
        np.tile(tel, N_COPIES),
        {name: column(*where) for name, where in COLUMNS.items()},
        np.tile(alt[event], N_COPIES),
        np.tile(az[event], N_COPIES),
        np.tile(alt, N_COPIES),
        np.tile(az, N_COPIES),
        len(events) * N_COPIES,
        subarray,
    )


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    from iactflow.io.reader import open_reader
    from iactflow.stereo.reconstruct import StereoSettings, reconstruct_batch

    path = Path(os.environ["IACTFLOW_DATA"]) / "sim" / FILE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events, reconstruct = _events(path)
        with open_reader(path) as reader:
            batch = _batch(events, reader.subarray)
        for event in events:
            reconstruct(event)
        theirs = _cpu_us(lambda: [reconstruct(event) for event in events])
    reconstruct_batch(*batch, StereoSettings())
    value = _cpu_us(lambda: reconstruct_batch(*batch, StereoSettings())) / len(batch[0])
    peer_value = theirs / (len(batch[0]) / N_COPIES)
    return [
        {"name": "stereo geometry: pairs, fit, impact distances", "value": value, "unit": "CPU us",
         "peer": "ctapipe HillasReconstructor", "peer_value": peer_value,
         "ratio": peer_value / value}
    ]  # fmt: skip
