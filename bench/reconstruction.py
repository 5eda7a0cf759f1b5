"""From counts to the geometry of events, and the step of cleaning and measuring images alone.

Real files of sim_telarray, read beforehand. Ours: the events of a file, repeated to a batch of some
`N_TELESCOPE_EVENTS` telescope events. The peer: ctapipe's process tool on the same file, the CPU
time inside its ``CameraCalibrator``, ``ImageProcessor`` and ``ShowerProcessor``; what its event
source does with the counts is not counted. Same settings, same masks, same directions.

Times are CPU microseconds of the process per telescope event, one thread, everything compiled, best
of some repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

FILES = (
    ("gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst", "4 LSTs"),
    (
        "proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst",
        "LSTs and NectarCAMs",
    ),
)
N_TELESCOPE_EVENTS, REPEATS, PEER_REPEATS = 200, 7, 3
PEER = "ctapipe-process, its components"


def _cpu_us(function):
    """CPU time of a call, best of the repeats."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1e6 * best


def _repeated(batch):
    """The events of a batch again and again, under new numbers."""
    n_rows = sum(len(camera.tel_id) for camera in batch.cameras)
    times = max(1, round(N_TELESCOPE_EVENTS / n_rows))
    n_events = len(batch)
    columns = ("time_s", "time_qns", "event_type", "pointing_alt_deg", "pointing_az_deg", "obs_id")
    events = {name: np.tile(getattr(batch, name), times) for name in columns}
    cameras = tuple(_repeated_camera(camera, n_events, times) for camera in batch.cameras)
    return replace(batch, **events, event_id=np.arange(times * n_events), cameras=cameras, truth={})


def _repeated_camera(camera, n_events, times):
    n_rows = len(camera.tel_id)
    rows = np.tile(np.arange(n_rows), times)
    later = np.repeat(np.arange(times) * n_events, n_rows)
    return replace(
        camera,
        adc=camera.adc[rows],
        event_index=camera.event_index[rows] + later,
        read_out=None if camera.read_out is None else camera.read_out[rows],
        true_image=None,
        **{
            name: getattr(camera, name)[rows]
            for name in ("tel_id", "pointing_alt_deg", "pointing_az_deg", "time_offset_ns")
        },
    )


def _theirs_us(path, types):
    """Microseconds per telescope event in each component of ctapipe's tool."""
    from iactflow.crosscheck.ctapipe_process import process, read_processed

    best = {}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "processed.h5"
        for _ in range(1 + PEER_REPEATS):
            clock = process(path, output, {}, types, keep_images=False)
            best = {k: min(v, best.get(k, np.inf)) for k, v in clock.items()}
        n = len(read_processed(output).images["tel_id"])
    return {k: 1e6 * v / n for k, v in best.items()}


def _entries(path, label):
    from iactflow.imaging.clean import clean_images
    from iactflow.imaging.parameters import image_parameters
    from iactflow.instrument.neighbours import camera_neighbours
    from iactflow.io.reader import open_reader
    from iactflow.stereo.chain import chain_settings, make_images, reconstruct_events

    with open_reader(path) as reader:
        subarray = reader.subarray
        batch = _repeated(next(iter(reader.batches())))
    settings = chain_settings({}, subarray)
    images = [make_images(c, subarray, batch.coefficients, settings) for c in batch.cameras]
    n = sum(len(camera.tel_id) for camera in batch.cameras)

    def measure():
        for made in images:
            kind = subarray.types[made.batch.type_index]
            pixels = made.images.image_pe, made.images.peak_time_ns
            mask = clean_images(
                *pixels, camera_neighbours(kind.camera), settings.cleaning[made.batch.type_index]
            )
            image_parameters(*pixels, mask, kind)

    reconstruct_events(batch, subarray, settings)
    measure()
    theirs = _theirs_us(path, {int(t): subarray.telescope_type(t).name for t in subarray.tel_ids})
    steps = sum(theirs[key] for key in ("calibrate", "process_images", "process_shower"))
    ours = _cpu_us(lambda: reconstruct_events(batch, subarray, settings)) / n
    yield f"counts to geometry, {label}", ours, steps
    yield (
        f"cleaning and parameters of images, {label}",
        _cpu_us(measure) / n,
        theirs["process_images"],
    )


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    folder = Path(os.environ["IACTFLOW_DATA"]) / "sim"
    return [
        {"name": name, "value": ours, "unit": "CPU us", "peer": PEER, "peer_value": theirs,
         "ratio": theirs / ours}
        for file, label in FILES
        for name, ours, theirs in _entries(folder / file, label)
    ]  # fmt: skip
