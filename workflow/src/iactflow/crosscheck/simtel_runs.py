"""Runs of a file of sim_telarray, each in a file that eventio reads as a whole.

eventio (2.1) ends at the first histograms, and where a frame of zstd ends inside an object.
"""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import BinaryIO

import zstandard
from eventio.base import read_header, read_sync_marker

__all__ = ["split_runs"]

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
RUN = 2000
# History and names of a run stand before its header.
BEFORE = (70, 75)
PIECE, COMPRESSED = 1 << 20, 1 << 16


def split_runs(path: str | Path, folder: str | Path) -> list[Path]:
    """Split a file where its runs begin.

    Parameters
    ----------
    path : str or Path
        File.
    folder : str or Path
        Where the runs are written, not compressed, if they are several or in several frames.

    Returns
    -------
    list of Path
        A file for each run; the file itself where it holds one.
    """
    path = Path(path)
    starts, end = _walk(path)
    if len(starts) == 1 and not _in_frames(path):
        return [path]
    parts = []
    with _decompressed(path) as file:
        for start, stop in zip(starts, [*starts[1:], end], strict=True):
            parts.append(Path(folder) / f"run_{len(parts)}.simtel")
            with parts[-1].open("wb") as out:
                for place in range(start, stop, PIECE):
                    out.write(file.read(min(PIECE, stop - place)))
    return parts


def _decompressed(path: Path) -> BinaryIO:
    """Open a file, whatever its compression."""
    with path.open("rb") as file:
        head = file.read(4)
    if head == ZSTD:
        worker = zstandard.ZstdDecompressor()
        reader = worker.stream_reader(path.open("rb"), read_across_frames=True)
        return io.BufferedReader(reader, PIECE)
    return gzip.open(path) if head[:2] == GZIP else path.open("rb")


def _walk(path: Path) -> tuple[list[int], int]:
    """Where runs begin in the decompressed file, the first at its start, and where it ends."""
    starts, before, place = [], None, 0
    with _decompressed(path) as file:
        while file.peek(1):
            read_sync_marker(file)
            header = read_header(file, offset=place, toplevel=True)
            if header.type == RUN:
                starts.append(place if before is None else before)
            if header.type not in BEFORE:
                before = None
            elif before is None:
                before = place
            place = header.content_address + header.content_size
            left = header.content_size
            while left > 0:
                left -= len(file.read(min(left, PIECE))) or left
    return [0, *starts[1:]], place


def _in_frames(path: Path) -> bool:
    """Whether a file is several frames of zstd."""
    with path.open("rb") as file:
        if file.read(4) != ZSTD:
            return False
        file.seek(0)
        worker = zstandard.ZstdDecompressor().decompressobj()
        for piece in iter(lambda: file.read(COMPRESSED), b""):
            if worker.eof:
                return True
            worker.decompress(piece)
            if worker.unused_data:
                return True
    return False
