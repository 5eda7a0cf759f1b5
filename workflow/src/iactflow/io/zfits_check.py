"""Whether a zfits file is whole: FITS structure, checksums, places of its compressed columns.

The library that decompresses zfits trusts what a file says of itself. It is handed only files whose
header-data units are complete (FITS standard 4.0, sections 3.3 and 4.4.1), have the CHECKSUM and
DATASUM that they were written with (its appendix J) and hold every column of every tile where their
catalogue says (E. Lyard et al., arXiv:1709.02371, zfits).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from iactflow.errors import InputError

__all__ = ["Unit", "check_zfits"]

BLOCK, CARD = 2880, 80
MAX_CARDS = 100_000
# Blocks that are summed at a time.
PIECE = 1024 * BLOCK
ALL_ONES = 0xFFFFFFFF
TILE_HEADER = 16


class Unit(NamedTuple):
    """A header-data unit.

    Attributes
    ----------
    name : str
        Name of the extension; empty for the first.
    cards : dict of str to str
        Values by keyword, as they are written; text without its quotes.
    data_start, data_size : int
        Place and length of the data in bytes.
    """

    name: str
    cards: dict[str, str]
    data_start: int
    data_size: int


def check_zfits(path: str | Path) -> list[Unit]:
    """Check that a zfits file is as it was written.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    list of Unit
        Its units.

    Raises
    ------
    InputError
        If it is missing, empty, cut off, no FITS file, without checksums, or damaged.
    """
    if not Path(path).is_file():
        raise InputError(path, "file", "missing", "a zfits file")
    size = os.path.getsize(path)
    if size == 0:
        raise InputError(path, "file", "empty", "a zfits file")
    units = []
    with open(path, "rb") as file:
        if file.read(30) != b"SIMPLE  =                    T":
            raise InputError(path, "file", "no FITS header", "a zfits file")
        place = 0
        while place < size:
            unit = _read_header(path, file, place)
            stop = unit.data_start + -(-unit.data_size // BLOCK) * BLOCK
            if stop > size:
                raise InputError(path, f"byte {place}", f"cut off after {size} bytes", str(stop))
            _check_sums(path, file, place, unit, stop)
            if "ZTABLE" in unit.cards:
                _check_tiles(path, file, unit)
            units.append(unit)
            place = stop
    return units


def _read_header(path, file: BinaryIO, place: int) -> Unit:
    file.seek(place)
    cards: dict[str, str] = {}
    for _ in range(MAX_CARDS):
        card = file.read(CARD)
        if len(card) < CARD:
            raise InputError(path, f"byte {place}", "header without END", "a whole header")
        key = card[:8].rstrip().decode("latin1")
        if key == "END":
            break
        if card[8:10] == b"= ":
            cards.setdefault(key, _value(card[10:].decode("latin1")))
    else:
        raise InputError(path, f"byte {place}", "header without END", "a whole header")
    start = place + -(-(file.tell() - place) // BLOCK) * BLOCK
    unit = Unit(cards.get("EXTNAME", ""), cards, start, 0)
    n_axes = _number(path, unit, "NAXIS", 0, 999)
    size = abs(_number(path, unit, "BITPIX", -64, 64)) // 8 if n_axes else 0
    for axis in range(1, n_axes + 1):
        size *= _number(path, unit, f"NAXIS{axis}")
    size += _number(path, unit, "PCOUNT") if "PCOUNT" in cards else 0
    return unit._replace(data_size=size)


def _value(text: str) -> str:
    text = text.strip()
    return text[1:].split("'")[0].rstrip() if text[:1] == "'" else text.split("/")[0].strip()


def _number(path, unit: Unit, key: str, low: int = 0, high: int = 2**60) -> int:
    text = unit.cards.get(key, "missing")
    if not text.lstrip("-").isdigit() or not low <= int(text) <= high:
        raise InputError(path, f"{unit.name or 'first unit'}: {key}", text, f"{low} to {high}")
    return int(text)


def _check_sums(path, file: BinaryIO, start: int, unit: Unit, stop: int) -> None:
    """Sums of 32-bit words in ones' complement, of the data and of the whole unit."""
    where = unit.name or "first unit"
    for key in ("CHECKSUM", "DATASUM"):
        if key not in unit.cards:
            raise InputError(path, f"{where}: {key}", "missing", "checksums, to know of damage")
    data = _sum(file, unit.data_start, stop)
    if unit.cards["DATASUM"].strip() != str(data):
        raise InputError(path, f"{where}: DATASUM", "damaged data", unit.cards["DATASUM"])
    total = _folded(_sum(file, start, unit.data_start) + data)
    if total != ALL_ONES:
        raise InputError(path, f"{where}: CHECKSUM", "damaged unit", unit.cards["CHECKSUM"])


def _sum(file: BinaryIO, start: int, stop: int) -> int:
    file.seek(start)
    total = 0
    for place in range(start, stop, PIECE):
        words = np.frombuffer(file.read(min(PIECE, stop - place)), dtype=">u4")
        total = _folded(total + int(words.sum(dtype=np.uint64)))
    return total


def _folded(total: int) -> int:
    while total > ALL_ONES:
        total = (total & ALL_ONES) + (total >> 32)
    return total


def _check_tiles(path, file: BinaryIO, unit: Unit) -> None:
    """Every tile is where the catalogue says, and its columns lie in it one after the other."""
    n_columns, n_tiles = (_number(path, unit, key) for key in ("TFIELDS", "NAXIS2"))
    heap, rows = (_number(path, unit, key) for key in ("ZHEAPPTR", "ZNAXIS2"))
    width, allowed = _number(path, unit, "NAXIS1"), 16 * n_columns
    if width != allowed or n_columns == 0:
        raise InputError(path, f"{unit.name}: NAXIS1", width, f"{allowed}, 16 for each column")
    if heap > unit.data_size or n_tiles * width > heap:
        raise InputError(path, f"{unit.name}: ZHEAPPTR", heap, f"inside {unit.data_size} bytes")
    file.seek(unit.data_start)
    catalogue = np.frombuffer(file.read(n_tiles * width), dtype=">i8")
    found = 0
    for tile, entries in enumerate(catalogue.reshape(n_tiles, n_columns, 2)):
        size, offset = (entries[:, i].astype(object) for i in (0, 1))
        start = int(offset[0]) - TILE_HEADER
        places = start + TILE_HEADER + np.cumsum([0, *size[:-1]]).astype(object)
        end = int(offset[-1] + size[-1])
        where = f"{unit.name}: tile {tile}"
        if min(size) < 0 or start < 0 or any(offset != places) or heap + end > unit.data_size:
            raise InputError(path, where, "columns out of place", "the catalogue's places")
        file.seek(unit.data_start + heap + start)
        header = file.read(TILE_HEADER)
        length = int.from_bytes(header[8:16], "little")
        if header[:4] != b"TILE" or length != end - start - TILE_HEADER:
            raise InputError(path, where, "no tile", f"a tile of {end - start} bytes")
        found += int.from_bytes(header[4:8], "little")
    if found != rows:
        raise InputError(path, f"{unit.name}: ZNAXIS2", rows, f"{found}, rows of its tiles")
