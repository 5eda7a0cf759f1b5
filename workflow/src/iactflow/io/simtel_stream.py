"""Bytes of a file of sim_telarray, decompressed piece by piece, and its top-level objects.

The container is eventio: K. Bernloehr, "eventio: a machine-independent hierarchical data format"
(with his CORSIKA IACT/ATMO package). An object at the top level starts with a sync marker; then
come a word of type (16 bits), flags and version (12 bits), the identifier, and the length (30
bits, 12 more in an extension where bit 17 of the first word is set). Bit 30 of the length says
that the object holds nothing but other objects.

Neither memory nor time depends on what a damaged length claims: bytes are taken as the file
delivers them, and an object that claims more than `MAX_OBJECT_BYTES` is refused. Offsets in errors
are of the decompressed stream.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zstandard

from iactflow.errors import InputError

__all__ = [
    "ALLOWED",
    "EXTENDED",
    "MAX_OBJECT_BYTES",
    "ObjectHeader",
    "SimtelStream",
    "unpack_header",
]

ALLOWED = "a complete sim_telarray file (eventio, plain, gzip or zstd)"
#: An array event of a hundred cameras of 2000 pixels with 128 samples of two gains is 60 MB.
MAX_OBJECT_BYTES = 256 * 1024**2

SYNC = 0xD41F8A37
SYNC_SWAPPED = 0x378A1FD4
#: Bit of the first word that says that a fourth follows.
EXTENDED = 1 << 17
LENGTH_MASK = (1 << 30) - 1
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# So small that not even a piece of nothing but repetitions (4 bytes for 128 kB) fills memory.
ZSTD_PIECE, GZIP_PIECE = 16 * 1024, 64 * 1024
PIECE = 256 * 1024


class ObjectHeader(NamedTuple):
    """Header of an object.

    Attributes
    ----------
    type, version, id : int
        Kind of object, its version, its identifier.
    offset : int
        Where its content starts in the decompressed stream.
    length : int
        Bytes of its content.
    """

    type: int
    version: int
    id: int
    offset: int
    length: int


def unpack_header(
    first: int, identifier: int, second: int, extension: int
) -> tuple[int, int, int, int]:
    """Fields of the words of a header.

    Parameters
    ----------
    first, identifier, second, extension : int
        Words; the last is 0 where there is none.

    Returns
    -------
    tuple of four int
        Type, version, identifier with its sign, length.
    """
    signed = identifier - (1 << 32) if identifier >> 31 else identifier
    length = (second & LENGTH_MASK) + ((extension & 0xFFF) << 30)
    return first & 0xFFFF, first >> 20, signed, length


class SimtelStream:
    """Objects at the top level of a file, one after the other; a context manager.

    Parameters
    ----------
    path : str or Path
        File; its first bytes tell how it is compressed.

    Raises
    ------
    InputError
        If the file is missing, empty, or does not start with a sync marker.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(path, "file", "missing", ALLOWED)
        if self.path.stat().st_size == 0:
            raise InputError(path, "file", "empty", ALLOWED)
        self._file = self.path.open("rb")
        self._pieces = _decompressed(self.path, self._file)
        self._piece = memoryview(b"")
        self._buffer = np.empty(PIECE, dtype=np.uint8)
        self.position = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def next_header(self) -> ObjectHeader | None:
        """Header of the next object; None at the end of the file.

        Returns
        -------
        ObjectHeader or None
            Header.

        Raises
        ------
        InputError
            If the file is cut or what follows is not an object.
        """
        start = self.position
        if not len(self._piece) and not self._refill():
            if start == 0:
                raise InputError(self.path, "file", "empty", ALLOWED)
            return None
        sync, first, identifier, second = self._take(16, "object").view("<u4").tolist()
        if sync != SYNC:
            found = "big-endian" if sync == SYNC_SWAPPED else f"no sync marker ({sync:#010x})"
            raise InputError(self.path, f"byte {start}", found, ALLOWED)
        extension = int(self._take(4, "object").view("<u4")[0]) if first & EXTENDED else 0
        kind, version, signed, length = unpack_header(first, identifier, second, extension)
        return ObjectHeader(kind, version, signed, self.position, length)

    def content(self, header: ObjectHeader) -> np.ndarray:
        """Content of the object whose header was read last.

        Parameters
        ----------
        header : ObjectHeader
            Header.

        Returns
        -------
        ndarray of uint8, shape (length,)
            Content, valid until the next call.

        Raises
        ------
        InputError
            If the file is cut within it, or it is too large.
        """
        what = f"object {header.type}"
        if header.length > MAX_OBJECT_BYTES:
            raise InputError(
                self.path,
                f"{what} at byte {header.offset}",
                f"{header.length} bytes",
                f"at most {MAX_OBJECT_BYTES}; the length of a damaged object may be anything",
            )
        return self._take(header.length, what)

    def skip(self, header: ObjectHeader) -> None:
        """Pass over the content of the object whose header was read last.

        Parameters
        ----------
        header : ObjectHeader
            Header.

        Raises
        ------
        InputError
            If the file is cut within it.
        """
        left = header.length
        while left:
            taken = min(left, PIECE)
            self._take(taken, f"object {header.type}")
            left -= taken

    def _take(self, n, what):
        if n > len(self._buffer):
            self._buffer = np.empty(n + n // 4, dtype=np.uint8)
        view = memoryview(self._buffer)
        filled = 0
        while filled < n:
            if not len(self._piece) and not self._refill():
                where = f"{what} at byte {self.position - filled}"
                raise InputError(self.path, where, "cut: the file ends inside it", ALLOWED)
            taken = min(n - filled, len(self._piece))
            view[filled : filled + taken] = self._piece[:taken]
            self._piece = self._piece[taken:]
            filled += taken
            self.position += taken
        return self._buffer[:n]

    def _refill(self):
        """Next bytes; whether there are any."""
        for piece in self._pieces:
            if len(piece):
                self._piece = memoryview(piece)
                return True
        return False


def _decompressed(path, file):
    """Pieces of the decompressed stream; every frame or member of it must be whole."""
    head = file.read(4)
    file.seek(0)
    if head[:2] == GZIP:
        return _members(path, file, lambda: zlib.decompressobj(wbits=31), GZIP_PIECE, b"\0")
    if head == ZSTD:
        return _members(path, file, zstandard.ZstdDecompressor().decompressobj, ZSTD_PIECE, b"")
    return iter(lambda: file.read(PIECE), b"")


def _members(path, file, new, size, padding):
    """Decompress frames or members one after the other; between them there may be padding."""
    worker, data = None, b""
    while data := data or file.read(size):
        if worker is None:
            data = data.lstrip(padding)
            worker = new() if data else None
            continue
        try:
            piece = worker.decompress(data)
        except (zlib.error, zstandard.ZstdError) as error:
            where = f"compressed byte {file.tell()}"
            raise InputError(path, where, f"damaged ({error})", ALLOWED) from None
        data = b""
        if worker.eof:
            data, worker = worker.unused_data, None
        yield piece
    if worker is not None:
        raise InputError(path, f"compressed byte {file.tell()}", "cut inside a frame", ALLOWED)
