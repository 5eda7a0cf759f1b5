"""From raw data to the file of events: our R0 beside ctapipe's process tool on a simtel file.

Both files hold the same counts: those of a real file of sim_telarray, repeated. Ours is our R0, its
waveforms packed as the simulation packs them, through `reconstruct_file`; ctapipe's is a simtel
file through ``ctapipe-process`` with the same settings, and without images written, as ours. A
whole pass is compared: opening, reading with checksums, charges, images, geometry, writing of
parameters and events. Ours in a second row stops before the file: reading and chain alone, beside
what ctapipe spends in its source, calibrator, image and shower processors.

Times are CPU milliseconds of the process per telescope event, one thread, everything compiled;
passes of the two take turns, best of each.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
import time
import warnings
from pathlib import Path

import awkward
import numpy as np

from bench.simtel import FILES, lengthened

# Images as a job of simulations for many telescopes has them: some thousands.
N_TIMES, REPEATS = 300, 3
PEER = "ctapipe-process on simtel"
STEPS = ("read", "calibrate", "process_images", "process_shower")


def _calibration(batch, obs_id):
    """Rows of the table ``calibration`` of a batch's coefficients."""
    parts = []
    for tel_id, c in batch.coefficients.items():
        channel, pixel = np.indices(c.pedestal_adu.shape).reshape(2, -1)
        n = len(pixel)
        parts.append(
            {
                "obs_id": np.full(n, obs_id),
                "tel_id": np.full(n, tel_id),
                "channel": channel,
                "pixel_id": pixel,
                "time_s": np.zeros(n, np.int64),
                "time_qns": np.zeros(n, np.uint32),
                "pedestal_adu": c.pedestal_adu.ravel(),
                "pedestal_std_adu": c.pedestal_std_adu.ravel(),
                "pe_per_adu": c.pe_per_adu.ravel(),
                "flatfield": np.ones(n),
                "time_shift_ns": c.time_shift_ns.ravel(),
                "status": c.unusable.ravel(),
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _event_rows(batch, first):
    """Keys and packed waveforms of a batch by event and telescope, events numbered from one on."""
    from iactflow.io.waveform_packing import pack_waveforms

    found = []
    for camera in batch.cameras:
        for row, adc in enumerate(camera.adc):
            words = pack_waveforms(np.ascontiguousarray(adc, np.uint16).reshape(-1, adc.shape[2]))
            pointing = camera.pointing_alt_deg[row], camera.pointing_az_deg[row]
            key = int(camera.event_index[row]) + first, int(camera.tel_id[row])
            found.append((*key, adc.shape, words, pointing))
    return sorted(found, key=lambda row: row[:2])


def _write_r0(source, target):
    """Our raw data with the events of a simtel file; all of one run, under one calibration."""
    from iactflow.io.reader import open_reader
    from iactflow.io.root import RootWriter
    from iactflow.io.subarray_tables import subarray_columns
    from iactflow.io.tables import find_table

    def append(name, columns):
        kinds = {column.name: column.dtype for column in find_table(name, "bench").columns}
        writer.append(name, {key: _as_type(v, kinds[key]) for key, v in columns.items()})

    batches = ("trigger", "telescope_trigger", "waveforms_r0", "simulated_events")
    with open_reader(source) as reader:
        array = subarray_columns(reader.subarray)
        tables = (*batches, "pointing", "calibration", *array)
        with RootWriter(target, tables, {"production": "bench"}) as writer:
            pointing, first, calibration = {}, 1, None
            for batch in reader.batches():
                rows = _event_rows(batch, first)
                obs_id = int(batch.obs_id[0])
                calibration = calibration or _calibration(batch, obs_id)
                for name, columns in _columns(batch, rows, first, obs_id).items():
                    append(name, columns)
                pointing |= {tel_id: where for _, tel_id, *_, where in rows}
                first += len(batch)
            tel_ids = np.array(sorted(pointing))
            where = np.array([pointing[tel_id] for tel_id in tel_ids])
            zero = np.zeros(len(tel_ids), np.int64)
            keys = {"obs_id": zero + obs_id, "tel_id": tel_ids, "time_s": zero, "time_qns": zero}
            angles = {"altitude_deg": where[:, 0], "azimuth_deg": where[:, 1]}
            append("pointing", keys | angles)
            append("calibration", calibration)
            for name, columns in array.items():
                writer.append(name, columns)


def _as_type(values, kind):
    return awkward.values_astype(values, kind) if hasattr(values, "layout") else values.astype(kind)


def _columns(batch, rows, first, obs_id):
    """Tables of a batch; events come at intervals of a second."""
    n, event, tel_id = len(batch), *(np.array(c) for c in zip(*(r[:2] for r in rows), strict=True))
    event_id = first + np.arange(n)
    keys = {"obs_id": np.full(len(rows), obs_id), "event_id": event, "tel_id": tel_id}
    counts = np.bincount(event - first, minlength=n)
    sizes = np.array([row[2] for row in rows])
    head = {"obs_id": np.full(n, obs_id), "event_id": event_id}
    words = awkward.unflatten(np.concatenate([r[3] for r in rows]), [r[3].size for r in rows])
    return {
        "trigger": {
            **head,
            "time_s": event_id,
            "time_qns": np.zeros(n, np.uint32),
            "event_type": batch.event_type,
            "tels_with_trigger": awkward.unflatten(tel_id, counts),
        },
        "telescope_trigger": {
            **keys,
            "time_offset_ns": np.zeros(len(rows)),
            "n_trigger_pixels": np.zeros(len(rows), np.int32),
        },
        "waveforms_r0": {
            **keys,
            "n_channels": sizes[:, 0],
            "n_pixels": sizes[:, 1],
            "n_samples": sizes[:, 2],
            "waveform_packed": words,
        },
        "simulated_events": {**head, **batch.truth},
    }


def _chain_ms(path):
    """Reading and chain of a whole file, without the file that is made."""
    from iactflow.io.reader import open_reader
    from iactflow.stereo.chain import chain_settings, iterate_file

    start = time.process_time()
    with open_reader(path) as reader:
        settings = chain_settings({}, reader.subarray)
        n = sum(len(found.tel_id) for _, found in iterate_file(reader, settings))
    return 1e3 * (time.process_time() - start), n


def _file_ms(path, out):
    from iactflow.stereo.stages.reconstruct_geometry import reconstruct_file

    start = time.process_time()
    reconstruct_file(path, out, {})
    return 1e3 * (time.process_time() - start)


def _entries(source, label, folder):
    from iactflow.crosscheck.ctapipe_process import process, read_processed
    from iactflow.io.reader import open_reader

    simtel, r0 = folder / source.name, folder / f"{label}.root"
    lengthened(source, simtel, N_TIMES)
    _write_r0(simtel, r0)
    with open_reader(r0) as reader:
        subarray = reader.subarray
    types = {int(t): subarray.telescope_type(t).name for t in subarray.tel_ids}
    out, theirs = folder / "ours.root", folder / "theirs.h5"
    process(simtel, theirs, {}, types, keep_images=False, max_events=2)
    _file_ms(r0, out)
    whole, chain, clock = np.inf, np.inf, {}
    for _ in range(REPEATS):
        whole = min(whole, _file_ms(r0, out))
        made, n = _chain_ms(r0)
        chain = min(chain, made)
        found = process(simtel, theirs, {}, types, keep_images=False)
        clock = {key: min(value, clock.get(key, np.inf)) for key, value in found.items()}
    if n != len(read_processed(theirs).images["tel_id"]) or n % N_TIMES:
        raise AssertionError(f"{n} telescope events, not as many as ctapipe's")
    steps = sum(clock[key] for key in STEPS)
    rows = ((f"R0 to file, {label}", whole, clock["all"]),
            (f"R0 to geometry in memory, {label}", chain, steps))  # fmt: skip
    return [
        {
            "name": name,
            "value": ours / n,
            "unit": "ms CPU per telescope event",
            "peer": PEER,
            "peer_value": 1e3 * peer / n,
            "ratio": 1e3 * peer / ours,
        }
        for name, ours, peer in rows
    ]


def run() -> list[dict]:
    """Measure.

    Returns
    -------
    list of dict
        Entries for `bench.run`.
    """
    warnings.simplefilter("ignore")
    folder = Path(os.environ["IACTFLOW_DATA"]) / "sim"
    with tempfile.TemporaryDirectory() as scratch:
        return [
            entry
            for name, label in FILES
            for entry in _entries(folder / name, label, Path(scratch))
        ]
