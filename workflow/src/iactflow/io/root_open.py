"""Opening of ROOT files: whole, ours, and of the version that we read."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import cramjam
import uproot

from iactflow.campaign.digest import json_sha256
from iactflow.errors import InputError
from iactflow.io.root_write import FORMAT, HEADER, VERSION

__all__ = ["BROKEN", "first_line", "open_file", "read_header"]

#: What uproot and the decompressor raise on a file that is cut or overwritten.
BROKEN = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    StopIteration,
    MemoryError,
    struct.error,
    cramjam.DecompressionError,
    uproot.DeserializationError,
)


def open_file(path: str | Path) -> uproot.ReadOnlyDirectory:
    """Open a ROOT file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    uproot.ReadOnlyDirectory
        The file, open.

    Raises
    ------
    InputError
        If it is missing, empty, cut off, or no ROOT file.
    """
    if not Path(path).is_file():
        raise InputError(path, "file", "missing", "a ROOT file")
    size = Path(path).stat().st_size
    if size == 0:
        raise InputError(path, "file", "empty", "a ROOT file")
    try:
        # No cache: what was read once is not read again, and would stay in memory.
        file = uproot.open(path, array_cache=None)
    except BROKEN as error:
        raise InputError(path, "file", first_line(error), "a whole ROOT file") from None
    if size < file.file.fEND:
        end = file.file.fEND
        file.close()
        raise InputError(path, "file", f"cut off after {size} bytes", f"{end} bytes")
    return file


def first_line(error: BaseException) -> str:
    """What an error says, for a message of one line.

    Parameters
    ----------
    error : BaseException
        Error.

    Returns
    -------
    str
        Its type and the first line of its text.
    """
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def read_header(path: str | Path, file: uproot.ReadOnlyDirectory) -> dict:
    """Read the header of a file of ours.

    Parameters
    ----------
    path : str or Path
        Named in errors.
    file : uproot.ReadOnlyDirectory
        The file, open.

    Returns
    -------
    dict
        Header: tables and metadata.

    Raises
    ------
    InputError
        If there is none, it is damaged, or of another format or version.
    """
    try:
        header = json.loads(str(file[HEADER])) if HEADER in file else None
    except BROKEN as error:
        raise InputError(path, HEADER, first_line(error), "JSON") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(path, HEADER, "missing", f"a ROOT file of the format {FORMAT}")
    if header.get("version") != VERSION:
        raise InputError(path, f"{HEADER}.version", header.get("version"), str(VERSION))
    if header.pop("sha256", None) != json_sha256(header):
        raise InputError(path, HEADER, "damaged content", "what was written")
    return header
