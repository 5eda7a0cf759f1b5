"""Fields of an object that comes seldom, read one after the other within its bounds.

Numbers are little-endian. Counts of variable length ("vint") hold 7 bits in one byte, 14 in two
and so on, the number of leading ones of the first byte telling how many follow; signed ones are
zigzag (0, -1, 1, -2, ...): eventio's ``put_count`` and ``put_scount``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from iactflow.errors import InputError
from iactflow.io.simtel_stream import ALLOWED, EXTENDED, ObjectHeader, unpack_header

__all__ = ["Fields"]

INT16, INT32 = struct.Struct("<h"), struct.Struct("<i")
FLOAT32 = struct.Struct("<f")


class Fields:
    """A cursor over the content of an object.

    Parameters
    ----------
    path : str or Path
        File.
    header : ObjectHeader
        Header of the object.
    data : ndarray of uint8
        Its content.
    start, end : int, optional
        Part of it to read.
    """

    def __init__(self, path, header: ObjectHeader, data: np.ndarray, start=0, end=None):
        self.path, self.header, self.data = path, header, data
        self.position = start
        self.end = len(data) if end is None else end

    def fail(self, found, allowed=ALLOWED) -> InputError:
        """Error at the present place.

        Parameters
        ----------
        found : object
            What is wrong.
        allowed : str, optional
            What is allowed.

        Returns
        -------
        InputError
            To be raised.
        """
        what = f"object {self.header.type}" if self.header.type else "end"
        where = f"{what} at byte {self.header.offset + self.position}"
        return InputError(self.path, where, found, allowed)

    def fail_at(self, found, place: int) -> InputError:
        """Error at another place.

        Parameters
        ----------
        found : object
            What is wrong.
        place : int
            Byte of the object's content.

        Returns
        -------
        InputError
            To be raised.
        """
        self.position = place
        return self.fail(found)

    def need_version(self, *versions: int) -> None:
        """Refuse other versions of the object.

        Parameters
        ----------
        *versions : int
            Those that can be read.

        Raises
        ------
        InputError
            If it is none of them.
        """
        if self.header.version not in versions:
            raise self.fail(f"version {self.header.version}", f"versions {versions}")

    def skip(self, n: int) -> int:
        """Move on.

        Parameters
        ----------
        n : int
            Bytes.

        Returns
        -------
        int
            Where the bytes start.

        Raises
        ------
        InputError
            If the object has not as many.
        """
        start = self.position
        if n < 0 or start + n > self.end:
            raise self.fail(f"{n} bytes where {self.end - start} are left")
        self.position = start + n
        return start

    def int16(self) -> int:
        """Signed 16-bit number.

        Returns
        -------
        int
            Value.
        """
        return INT16.unpack_from(self.data, self.skip(2))[0]

    def int32(self) -> int:
        """Signed 32-bit number.

        Returns
        -------
        int
            Value.
        """
        return INT32.unpack_from(self.data, self.skip(4))[0]

    def float32(self) -> float:
        """Single-precision number.

        Returns
        -------
        float
            Value.
        """
        return FLOAT32.unpack_from(self.data, self.skip(4))[0]

    def count(self, largest: int = 1 << 24) -> int:
        """Signed 32-bit number that counts something.

        Parameters
        ----------
        largest : int, optional
            Largest sensible value.

        Returns
        -------
        int
            Value.

        Raises
        ------
        InputError
            If it is negative or larger.
        """
        return self._counted(self.int32(), largest)

    def short_count(self, largest: int = 1 << 15) -> int:
        """As `count`, of 16 bits.

        Parameters
        ----------
        largest : int, optional
            Largest sensible value.

        Returns
        -------
        int
            Value.

        Raises
        ------
        InputError
            If it is negative or larger.
        """
        return self._counted(self.int16(), largest)

    def _counted(self, value, largest):
        if not 0 <= value <= largest:
            raise self.fail(f"count {value}", f"from 0 to {largest}")
        return value

    def unsigned_vint(self) -> int:
        """Count of variable length.

        Returns
        -------
        int
            Value.
        """
        first = int(self.data[self.skip(1)])
        more = 8 - (first ^ 0xFF).bit_length()
        value = first & (0x7F >> more)
        start = self.skip(more)
        for byte in self.data[start : start + more].tolist():
            value = value << 8 | byte
        return value

    def vint(self) -> int:
        """Signed number of variable length.

        Returns
        -------
        int
            Value.
        """
        value = self.unsigned_vint()
        return -(value >> 1) - 1 if value & 1 else value >> 1

    def array(self, dtype: str, n: int) -> np.ndarray:
        """Numbers in a row.

        Parameters
        ----------
        dtype : str
            Their type, without byte order.
        n : int
            How many.

        Returns
        -------
        ndarray, shape (n,)
            A copy.

        Raises
        ------
        InputError
            If the object has not as many.
        """
        kind = np.dtype(dtype).newbyteorder("<")
        start = self.skip(n * kind.itemsize)
        return np.frombuffer(self.data, kind, n, start).astype(np.dtype(dtype))

    def text(self, n: int) -> str:
        """Characters.

        Parameters
        ----------
        n : int
            How many.

        Returns
        -------
        str
            Text; what is no UTF-8 is replaced.
        """
        start = self.skip(n)
        return bytes(self.data[start : start + n]).decode("utf-8", errors="replace")

    def objects(self) -> Iterator[Fields]:
        """Objects that this one holds.

        Yields
        ------
        Fields
            Each of them, over its own bytes.

        Raises
        ------
        InputError
            If one is longer than what holds it.
        """
        while self.position < self.end:
            start = self.skip(12)
            words = np.frombuffer(self.data, "<u4", 3, start).tolist()
            extension = self.int32() if words[0] & EXTENDED else 0
            kind, version, identifier, length = unpack_header(*words, extension)
            begin = self.skip(length)
            header = ObjectHeader(kind, version, identifier, self.header.offset + begin, length)
            yield Fields(self.path, header, self.data[begin : begin + length])
