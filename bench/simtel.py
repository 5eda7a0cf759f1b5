"""Reading files of sim_telarray: our reader, eventio's ``SimTelFile`` and ctapipe's event source.

The events of a real file are written several times behind its headers, so that what comes once
per file does not count; all three read the same file, compressed as sim_telarray's are. Times are
CPU milliseconds of the process per telescope event, one thread, best of some repeats. The
decompression alone, which all three need, stands beside them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

FILES = (
    ("gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst", "LST"),
    ("proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst", "North"),
)
SHOWER, HISTOGRAMS, ONCE = 2020, 100, {2022, 2023, 2033}
N_TIMES, REPEATS, WINDOW_LOG = 20, 3, 20


def lengthened(source: Path, target: Path, n_times: int = N_TIMES) -> None:
    """A file with its events several times."""
    import zstandard

    from iactflow.io.simtel_stream import SimtelStream

    with source.open("rb") as file:
        data = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    objects, start = [], 0
    with SimtelStream(source) as stream:
        while (header := stream.next_header()) is not None:
            stream.skip(header)
            objects.append((header.type, data[start : stream.position]))
            start = stream.position
    kinds = [kind for kind, _ in objects]
    first, last = kinds.index(SHOWER), kinds.index(HISTOGRAMS)
    again = b"".join(part for kind, part in objects[first:last] if kind not in ONCE)
    parts = [b"".join(part for _, part in objects[:last]), *[again] * (n_times - 1)]
    parts.append(b"".join(part for _, part in objects[last:]))
    # A window smaller than the file's own events, so that their repetition does not compress them.
    settings = zstandard.ZstdCompressionParameters.from_level(
        3, window_log=WINDOW_LOG, write_checksum=True
    )
    compressor = zstandard.ZstdCompressor(compression_params=settings)
    target.write_bytes(compressor.compress(b"".join(parts)))


def _ours(path):
    from iactflow.io.reader import open_reader

    with open_reader(path) as reader:
        return sum(len(c.tel_id) for batch in reader.batches() for c in batch.cameras)


def _eventio(path):
    from eventio import SimTelFile

    with SimTelFile(str(path)) as file:
        return sum(len(event["telescope_events"]) for event in file)


def _ctapipe(path):
    from ctapipe.io import SimTelEventSource

    with SimTelEventSource(path) as source:
        return sum(len(event.r0.tel) for event in source)


def _decompression(path):
    import zstandard

    size = 1 << 17
    buffer = bytearray(size)
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        while stream.readinto(buffer):
            pass
    return 0


def _cpu_ms(function, path):
    """CPU time of a call, best of the repeats, and what it returns."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        n = function(path)
        best = min(best, time.process_time() - start)
    return 1e3 * best, n


def run() -> list[dict]:
    """Measure and compare."""
    warnings.simplefilter("ignore")
    folder = Path(os.environ["IACTFLOW_DATA"]) / "sim"
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, label in FILES:
            path = Path(scratch) / name
            lengthened(folder / name, path)
            functions = (_ours, _eventio, _ctapipe, _decompression)
            times = {f: _cpu_ms(f, path) for f in functions}
            (ours, n), (eventio, n_eventio), (ctapipe, n_ctapipe) = (
                times[f] for f in functions[:3]
            )
            if not n == n_eventio == n_ctapipe:
                raise AssertionError(f"{n}, {n_eventio}, {n_ctapipe} telescope events")
            peers = (("eventio SimTelFile", eventio), ("ctapipe SimTelEventSource", ctapipe))
            for peer, value in peers:
                short = peer.split()[0]
                results.append(
                    {
                        "name": f"read simtel {label}, beside {short}",
                        "value": ours / n,
                        "unit": "ms CPU per telescope event",
                        "peer": peer,
                        "peer_value": value / n,
                        "ratio": value / ours,
                    }
                )
            results.append(
                {
                    "name": f"decompress simtel {label}",
                    "value": times[_decompression][0] / n,
                    "unit": "ms CPU per telescope event",
                }
            )
    return results
