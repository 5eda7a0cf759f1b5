"""Images from waveforms: counts to photoelectrons and pulse times, by our kernels and by ctapipe.

Real files of sim_telarray, read beforehand: telescope events of LSTs, NectarCAMs and of H.E.S.S. I
with its upgraded cameras. The peer does the same from the same counts: what its event source does
with them (pedestal, conversion, gain channel) and its ``CameraCalibrator`` with the same window.

Times are CPU microseconds of the process per telescope event, one thread, everything compiled, best
of some repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
import warnings
from pathlib import Path

import numpy as np

PEER = "ctapipe R1 calibration + CameraCalibrator"
EXTRACTORS = {
    "neighbour_peak": "NeighborPeakWindowSum",
    "local_peak": "LocalPeakWindowSum",
    "fixed_window": "FixedWindowSum",
}
FILES = (
    ("gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst", "LST"),
    ("proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst", "MST"),
    ("gamma_with_obslevel_particles.simtel.zst", "HESS-1U"),
)
N_EVENTS, N_TELESCOPE_EVENTS, REPEATS = 8, 60, 15


def _cpu_us(function, repeats=REPEATS):
    """CPU time of a call, best of the repeats."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1e6 * best


def _ours(path, wanted):
    """Batch of one type of telescope, its events repeated to a size beyond the caches."""
    from dataclasses import replace

    from iactflow.io.reader import open_reader

    with open_reader(path) as reader:
        batch = next(iter(reader.batches()))
        cameras = [c for c in batch.cameras if wanted in reader.subarray.types[c.type_index].name]
        camera = max(cameras or batch.cameras, key=lambda c: c.adc.size)
        kind = reader.subarray.types[camera.type_index]
    rows = np.arange(N_TELESCOPE_EVENTS) % len(camera.adc)
    camera = replace(
        camera, adc=camera.adc[rows], tel_id=camera.tel_id[rows], read_out=None, true_image=None
    )
    return camera, kind, batch.coefficients


def _theirs(path, tel_ids):
    """What calibrates all telescope events of these telescopes by ctapipe."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.io import EventSource
    from ctapipe.io.simteleventsource import apply_simtel_r1_calibration
    from traitlets.config import Config

    with EventSource(path, max_events=N_EVENTS, focal_length_choice="EQUIVALENT") as source:
        source.gain_selector.threshold = 4000.0
        subarray, selector = source.subarray, source.gain_selector
        pairs = []
        for event in source:
            for tel_id in set(event.r0.tel) & set(tel_ids):
                pedestal = source.file_.camera_monitorings[tel_id]
                level = pedestal["pedestal"] / pedestal["n_ped_slices"]
                pairs.append(
                    (event, tel_id, level, source.file_.laser_calibrations[tel_id]["calib"])
                )

    def run(name):
        config = Config({"CameraCalibrator": {"image_extractor_type": name}})
        calibrator = CameraCalibrator(subarray=subarray, config=config)

        def calibrate_all():
            for event, tel_id, level, factor in pairs:
                waveform, channel = apply_simtel_r1_calibration(
                    event.r0.tel[tel_id].waveform, level, factor, selector
                )
                event.r1.tel[tel_id].waveform = waveform
                event.r1.tel[tel_id].selected_gain_channel = channel
                calibrator._calibrate_dl0(event, tel_id)
                calibrator._calibrate_dl1(event, tel_id)

        return calibrate_all, len(pairs)

    return run


def _entries(name, wanted):
    from iactflow.calibration.apply import calibrate
    from iactflow.calibration.settings import ExtractionSettings

    path = Path(os.environ["IACTFLOW_DATA"]) / "sim" / name
    camera, kind, coefficients = _ours(path, wanted)
    peer = _theirs(path, np.unique(camera.tel_id))
    shape = " x ".join(map(str, camera.adc.shape[1:]))
    entries = []
    for method, extractor in EXTRACTORS.items():
        settings = ExtractionSettings(method)

        def ours(settings=settings):
            return calibrate(camera, kind, coefficients, settings)

        theirs, count = peer(extractor)
        ours()
        theirs()
        value = _cpu_us(ours) / len(camera.adc)
        peer_value = _cpu_us(theirs, 5) / count
        entries.append(
            {"name": f"images of {wanted}, {shape}, {method}", "value": value, "unit": "CPU us",
             "peer": PEER, "peer_value": peer_value, "ratio": peer_value / value}
        )  # fmt: skip
    return entries


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [entry for name, wanted in FILES for entry in _entries(name, wanted)]
