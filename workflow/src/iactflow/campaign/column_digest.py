"""Digest of a column of a table, whole or in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

import numpy as np

__all__ = ["ColumnDigest", "digest_column", "digest_columns", "join_digests"]


def _array_bytes(values: np.ndarray) -> tuple[str, bytes | np.ndarray]:
    """Canonical type and bytes: little-endian, C order; strings in UTF-8 with their lengths."""
    if values.dtype.kind in "OUS":
        texts = [v if isinstance(v, bytes) else str(v).encode() for v in values.ravel().tolist()]
        # FITS pads strings with blanks, numpy with zeros: neither is content.
        texts = [t.rstrip(b" \0") for t in texts]
        return "str", b"".join(len(t).to_bytes(4, "little") + t for t in texts)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"no canonical bytes for dtype {values.dtype}")
    ordered = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    if ordered.dtype.kind in "fc":
        # One not-a-number, whatever its bits.
        ordered = np.where(np.isnan(ordered), ordered.dtype.type(np.nan), ordered)
    # Not copied: hashes read memory.
    return ordered.dtype.str.replace("|", "<"), ordered.reshape(-1).view(np.uint8)


class ColumnDigest:
    """Digest of one column by name, type, shape and values, whatever the batches it comes in.

    Parameters
    ----------
    name : str
        Name of the column.
    new_hash : callable, optional
        Makes the hash: of `hashlib` or `xxhash`.
    """

    def __init__(self, name: str, new_hash: Callable = sha256) -> None:
        self.name, self.kind, self.rows = name, None, 0
        self.jagged, self.shape = False, ()
        self.new_hash = new_hash
        self.counts, self.data = new_hash(), new_hash()

    def update(self, values: object) -> None:
        """Add rows.

        Parameters
        ----------
        values : array_like or awkward.Array
            Their values; any byte order.

        Raises
        ------
        TypeError
            If it holds what has no canonical bytes, or another type than before.
        """
        self.jagged = hasattr(values, "layout")
        if self.jagged:
            import awkward

            counts = awkward.to_numpy(awkward.num(values, axis=1)).astype("<i8")
            self.counts.update(counts.view(np.uint8))
            rows, shape = len(counts), ()
            values = awkward.to_numpy(awkward.flatten(values, axis=1))
        else:
            values = np.atleast_1d(values)
            rows, shape = len(values), values.shape[1:]
        kind, data = _array_bytes(values)
        if self.kind not in (None, kind):
            raise TypeError(f"{self.name}: {kind} after {self.kind}")
        self.kind, self.shape = kind, shape
        self.rows += rows
        self.data.update(data)

    def hexdigest(self) -> str:
        """Digest of all rows so far.

        Returns
        -------
        str
            Hexadecimal digits, 64 of them with SHA-256.
        """
        form = f"jagged:{self.rows}" if self.jagged else f"{self.rows}:{self.shape}"
        total = self.new_hash(f"{self.name}\0{self.kind}:{form}".encode())
        total.update(self.counts.digest() + self.data.digest())
        return total.hexdigest()


def digest_column(name: str, values: object, new_hash: Callable = sha256) -> str:
    """Digest of one column by name, type, shape and values.

    Parameters
    ----------
    name : str
        Name of the column.
    values : array_like or awkward.Array
        Its values; any byte order.
    new_hash : callable, optional
        Makes the hash: of `hashlib` or `xxhash`.

    Returns
    -------
    str
        Hexadecimal digits, 64 of them with SHA-256.

    Raises
    ------
    TypeError
        If it holds what has no canonical bytes.
    """
    digest = ColumnDigest(name, new_hash)
    digest.update(values)
    return digest.hexdigest()


def digest_columns(columns: Mapping[str, object]) -> str:
    """Digest of columns by name, type, shape and values, independent of their order.

    Parameters
    ----------
    columns : mapping of str to array_like or awkward.Array
        Columns; any byte order.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        If a column holds what has no canonical bytes.
    """
    return join_digests({name: digest_column(name, values) for name, values in columns.items()})


def join_digests(digests: Mapping[str, str]) -> str:
    """Digest of a table from those of its columns, independent of their order.

    Parameters
    ----------
    digests : mapping of str to str
        From `digest_column`, by name of the column.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    total = sha256()
    for name in sorted(digests):
        total.update(bytes.fromhex(digests[name]))
    return total.hexdigest()
