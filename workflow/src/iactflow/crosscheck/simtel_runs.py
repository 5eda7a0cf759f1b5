"""Runs of a file of sim_telarray, each in a file of its own."""

from __future__ import annotations

from pathlib import Path

from iactflow.io.simtel_stream import SimtelStream, decompressed

__all__ = ["split_runs"]

RUN = 2000
# History and names of a run stand before its header.
BEFORE = (70, 75)


def split_runs(path: str | Path, folder: str | Path) -> list[Path]:
    """Split a file where its runs begin.

    Parameters
    ----------
    path : str or Path
        File.
    folder : str or Path
        Where the runs are written, not compressed, if they are several.

    Returns
    -------
    list of Path
        A file for each run; the file itself where it holds one.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = Path(path)
    starts = _starts(path)
    if len(starts) < 2:
        return [path]
    parts = [Path(folder) / f"run_{k}.simtel" for k in range(len(starts))]
    ends, position, k = [*starts[1:], None], 0, 0
    out = parts[0].open("wb")
    with path.open("rb") as file:
        for piece in decompressed(path, file):
            while ends[k] is not None and position + len(piece) >= ends[k]:
                taken = ends[k] - position
                out.write(piece[:taken])
                out.close()
                piece, position, k = piece[taken:], ends[k], k + 1
                out = parts[k].open("wb")
            out.write(piece)
            position += len(piece)
    out.close()
    return parts


def _starts(path: Path) -> list[int]:
    """Where runs begin in the decompressed file; the first at its start."""
    starts, before = [], None
    with SimtelStream(path) as stream:
        place = stream.position
        while (header := stream.next_header()) is not None:
            stream.skip(header)
            if header.type == RUN:
                starts.append(place if before is None else before)
            if header.type not in BEFORE:
                before = None
            elif before is None:
                before = place
            place = stream.position
    return [0, *starts[1:]]
