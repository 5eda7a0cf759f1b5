"""CORSIKA files with Cherenkov photons at telescopes (IACT package, eventio format).

Blocks and their meaning: D. Heck and J. Knapp, *Extensive Air Shower Simulation with CORSIKA: A
User's Guide*, section 10 (words of the run and event headers, Cherenkov flag bits), and K.
Bernloehr, Astropart. Phys. 30 (2008) 149 and the manual of his IACT/ATMO package (telescope
positions, array offsets, photon bunches, atmospheric profile).

What leaves this module is in the frame of the telescope positions: x, y, z in metres, z up from
the observation level. CORSIKA's own frame has x to magnetic north and y to the west; the array's x
axis is turned from it by ``ARRANG`` towards the west (it points to geographic north where
``ARRANG`` is the declination). CORSIKA's azimuth says where the particle goes to, from magnetic
north towards the west. Positions of bunches lie in the horizontal plane through the centre of a
telescope's sphere, relative to it; their time zero is when the primary, at the speed of light in
vacuum, would reach its core at the observation level.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from eventio import EventIOFile
from eventio import iact as blocks
from eventio.exceptions import WrongSize, WrongType
from zstandard import ZstdError

from iactflow.errors import InputError
from iactflow.io.corsika_header import (
    RUN_NUMBER,
    CorsikaRun,
    CorsikaShower,
    make_run,
    make_shower,
)

__all__ = ["CorsikaRun", "CorsikaShower", "read_corsika", "read_run_number"]

CM = 0.01
N_WORDS = 273
PARTICLES = 999  # array and telescope of a block of particles at the observation level
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    IndexError,
    TypeError,
    NotImplementedError,
    struct.error,
    WrongSize,
    WrongType,
    ZstdError,
)
ALLOWED = "a complete CORSIKA IACT file (eventio, plain, gzip or zstd)"


def read_corsika(path) -> tuple[CorsikaRun, Iterator[CorsikaShower]]:
    """Open a CORSIKA IACT file.

    Parameters
    ----------
    path : str or Path
        eventio file, also compressed by gzip or zstd.

    Returns
    -------
    run : CorsikaRun
        What holds for all showers.
    showers : iterator of CorsikaShower
        Showers in the order of the file, read one by one.

    Raises
    ------
    InputError
        If the file is missing, empty, not a CORSIKA IACT file, or truncated; the last also while
        iterating.
    """
    path = _existing(path)
    showers = _read(path)
    return next(showers), showers


def read_run_number(path) -> int:
    """Number of the run of a CORSIKA IACT file; nothing after its header is read.

    Parameters
    ----------
    path : str or Path
        As for `read_corsika`.

    Returns
    -------
    int
        The number.

    Raises
    ------
    InputError
        If the file is missing, empty, or has no run header before its first event.
    """
    path = _existing(path)
    with _readable(path):
        file = EventIOFile(str(path))
    try:
        while (block := _objects(path, file)) is not None:
            with _readable(path):
                if isinstance(block, blocks.RunHeader):
                    return int(_words(block)[RUN_NUMBER - 1])
                if isinstance(block, blocks.EventHeader):
                    break
    finally:
        file.close()
    raise InputError(path, "run header", "missing", ALLOWED)


def _existing(path):
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "file", "missing", ALLOWED)
    if path.stat().st_size == 0:
        raise InputError(path, "file", "empty", ALLOWED)
    return path


@contextmanager
def _readable(path):
    """Turn what a broken file makes the reader raise into one error."""
    try:
        yield
    except BROKEN as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(path, "file", f"broken or truncated ({reason})", ALLOWED) from error


def _read(path):
    """The run first, then its showers; one walk through the file."""
    with _readable(path):
        file = EventIOFile(str(path))
    try:
        start, block = _start(path, file)
        if block is None:
            raise InputError(path, "file", "no showers", ALLOWED)
        with _readable(path):
            header = _words(block)
            run = make_run(path, start, header)
        yield run
        ended = False
        while block is not None and not ended:
            shower = _shower(path, file, header, run)
            yield shower
            block, ended = _next_event(path, file)
            if block is not None:
                with _readable(path):
                    header = _words(block)
    finally:
        file.close()


def _objects(path, file):
    """Top-level blocks one by one; None at the end of the file."""
    with _readable(path):
        try:
            return next(file)
        except StopIteration:
            return None


def _start(path, file):
    """Blocks before the first event header, and that header."""
    start = {"card": "", "atmosphere": None, "header": None, "telescopes": None}
    while (block := _objects(path, file)) is not None:
        with _readable(path):
            if isinstance(block, blocks.EventHeader):
                break
            if isinstance(block, blocks.RunHeader):
                start["header"] = _words(block)
            elif isinstance(block, blocks.InputCard):
                start["card"] = bytes(block.parse()).decode("utf-8", errors="replace")
            elif isinstance(block, blocks.AtmosphericProfile):
                start["atmosphere"] = block.parse()
            elif isinstance(block, blocks.TelescopeDefinition):
                start["telescopes"] = _telescopes(block)
        if start["header"] is None:
            found = f"block {block.header.type}"
            raise InputError(path, "first block", found, "a CORSIKA run header (1200)")
    for key, what in (("header", "run header"), ("telescopes", "telescope definition")):
        if start[key] is None:
            raise InputError(path, what, "missing", ALLOWED)
    return start, block


def _words(block):
    """The 273 words of a CORSIKA header as float64."""
    data = block.read()
    if len(data) < 4 * (N_WORDS + 1) or struct.unpack("<i", data[:4])[0] != N_WORDS:
        raise WrongSize(f"header of {len(data)} bytes")
    return np.frombuffer(data, "<f4", N_WORDS, 4).astype(np.float64)


def _telescopes(block):
    """x, y, z and radius of the spheres in m, shape (n, 4)."""
    n = block.n_telescopes  # read when the block was opened
    values = np.frombuffer(block.read(), "<f4", 4 * n).reshape(4, n)
    return np.ascontiguousarray(values.T, dtype=np.float64) * CM


def _shower(path, file, header, run):
    """Photons of one shower, up to its end block."""
    offsets = None
    photons: list[dict[int, np.ndarray]] = []
    current: dict[int, np.ndarray] = {}
    while (block := _objects(path, file)) is not None:
        with _readable(path):
            if isinstance(block, blocks.EventEnd):
                if len(block.read()) < block.header.content_size:
                    raise EOFError("end of event")
                return make_shower(path, header, run, offsets, photons)
            if isinstance(block, blocks.ArrayOffsets):
                offsets = block.parse()[1]
            elif isinstance(block, blocks.TelescopeData):
                photons.append(_bunches(block, len(run.telescopes_m)))
            elif isinstance(block, blocks.TelescopeArrayHead):
                current = {}
            elif isinstance(block, blocks.TelescopeArrayEnd):
                photons.append(current)
            elif isinstance(block, blocks.Photons) and block.array_id != PARTICLES:
                _add(current, block, len(run.telescopes_m))
        if isinstance(block, blocks.EventHeader | blocks.RunEnd):
            raise InputError(path, "event", "without its end block", ALLOWED)
    raise InputError(path, "file", "broken or truncated (ends inside an event)", ALLOWED)


def _bunches(block, n_telescopes):
    """Bunches per telescope index of one re-use."""
    result: dict[int, np.ndarray] = {}
    for item in block:
        if isinstance(item, blocks.Photons):
            _add(result, item, n_telescopes)
    return result


def _add(result, block, n_telescopes):
    """Add a block of bunches; columns as in the table ``photon_bunches``."""
    if not 0 <= block.telescope < n_telescopes:
        raise ValueError(f"photons of telescope {block.telescope} of {n_telescopes}")
    bunches, _ = block.parse()
    photons = np.zeros((len(bunches), 8), dtype=np.float32)
    photons[:, 0] = bunches["x"] * CM
    photons[:, 1] = bunches["y"] * CM
    photons[:, 2] = bunches["cx"]
    photons[:, 3] = bunches["cy"]
    photons[:, 4] = bunches["time"]
    photons[:, 5] = bunches["zem"] * CM
    # The CEFFIC option marks wavelengths by a minus sign.
    photons[:, 6] = np.abs(bunches["wavelength"])
    photons[:, 7] = bunches["photons"]
    known = result.get(block.telescope)
    result[block.telescope] = photons if known is None else np.concatenate([known, photons])


def _next_event(path, file):
    """Header of the next event, and whether the run has ended."""
    while (block := _objects(path, file)) is not None:
        if isinstance(block, blocks.RunEnd):
            return None, True
        if isinstance(block, blocks.EventHeader):
            return block, False
    return None, False
