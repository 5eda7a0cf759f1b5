"""Catalogues of files at storage elements: size and adler32 of each, as a table."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from pathlib import Path

from iactflow.campaign.atomic import atomic_output
from iactflow.errors import InputError

__all__ = [
    "check_file",
    "format_catalogue",
    "parse_catalogue",
    "read_catalogue",
    "sum_file",
    "write_catalogue",
]

COLUMNS = ("file", "size_bytes", "adler32")
BLOCK_BYTES = 1 << 24


def read_catalogue(path: str | Path) -> dict[str, str]:
    """Read the catalogue of a folder at a storage element.

    Parameters
    ----------
    path : str or Path
        Tab-separated table with the columns file, size_bytes and adler32.

    Returns
    -------
    dict of str to str
        By path below the folder, in the order of the names: ``size_bytes:adler32``.

    Raises
    ------
    InputError
        If the file is missing, or a line is no such line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "catalogue", str(error), "a readable table") from None
    return parse_catalogue(text, path)


def parse_catalogue(text: str, path: str | Path) -> dict[str, str]:
    """Read the text of a catalogue; lines that begin with ``#`` are left out.

    Parameters
    ----------
    text : str
        As of the file.
    path : str or Path
        The file, named in errors.

    Returns
    -------
    dict of str to str
        As of `read_catalogue`.

    Raises
    ------
    InputError
        If a line is no such line.
    """
    lines = text.splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    if not rows or tuple(rows[0]) != COLUMNS:
        columns = ", ".join(COLUMNS)
        raise InputError(path, "header", rows[0] if rows else None, f"tab-separated {columns}")
    found: dict[str, str] = {}
    for row in rows[1:]:
        good = len(row) == 3 and row[1].isdigit() and re.fullmatch("[0-9a-f]{8}", row[2])
        if not good or row[0].startswith("/") or ".." in row[0].split("/"):
            allowed = "relative path, size in bytes, adler32 as eight hexadecimal digits"
            raise InputError(path, "line", "\t".join(row), allowed)
        if row[0] in found:
            raise InputError(path, "file", row[0], "each file once")
        found[row[0]] = f"{row[1]}:{row[2]}"
    return dict(sorted(found.items()))


def write_catalogue(folder: str | Path, path: str | Path) -> int:
    """Write the catalogue of a folder, read from end to end.

    Parameters
    ----------
    folder : str or Path
        Folder whose files, also those in folders below, are listed; hidden ones are left out.
    path : str or Path
        Table to write.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    InputError
        If the folder is missing or holds no file.
    """
    folder = Path(folder)
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and not any(p.startswith(".") for p in file.relative_to(folder).parts)
    )
    if not names:
        raise InputError(folder, "catalogue", "no file", "a folder that holds files")
    with atomic_output(Path(path)) as temporary:
        text = format_catalogue({name: sum_file(folder / name) for name in names})
        temporary.write_text(text, encoding="utf-8")
    return len(names)


def format_catalogue(files: Mapping[str, str]) -> str:
    """Write the text of a catalogue.

    Parameters
    ----------
    files : mapping of str to str
        ``size_bytes:adler32`` by path below the folder.

    Returns
    -------
    str
        Lines, files in the order of their names.
    """
    rows = [[name, *files[name].split(":")] for name in sorted(files)]
    return "".join("\t".join(row) + "\n" for row in [COLUMNS, *rows])


def sum_file(path: str | Path) -> str:
    """Read a file from end to end.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        ``size_bytes:adler32``.
    """
    size, total = 0, zlib.adler32(b"")
    with Path(path).open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            size, total = size + len(block), zlib.adler32(block, total)
    return f"{size}:{total:08x}"


def check_file(path: str | Path, expected: str) -> None:
    """Hold a file against what a catalogue says of it.

    Parameters
    ----------
    path : str or Path
        The file, read from end to end if its size is right.
    expected : str
        ``size_bytes:adler32``.

    Raises
    ------
    InputError
        If it is missing, or another file.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "file", "missing", f"size:adler32 {expected}")
    size = path.stat().st_size
    if size != int(expected.partition(":")[0]):
        raise InputError(path, "size_bytes", size, f"size:adler32 {expected}")
    found = sum_file(path)
    if found != expected:
        raise InputError(path, "size:adler32", found, expected)
