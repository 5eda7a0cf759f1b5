"""Catalogues and manifests: size and adler32 of files, as tab-separated text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .errors import StorageError

__all__ = ["MANIFEST", "Replica", "format_catalogue", "parse_catalogue", "read_catalogue"]

COLUMNS = ("file", "size_bytes", "adler32")
# Stands in every folder that was stored: what belongs to it. Not part of the local copy.
MANIFEST = ".manifest.adler32.tsv"


class Replica(NamedTuple):
    """What a file must be."""

    size_bytes: int
    adler32: str


def parse_catalogue(text: str, name: str) -> dict[str, Replica]:
    """Read a catalogue.

    Parameters
    ----------
    text : str
        Header ``file size_bytes adler32``, then a line per file, tab-separated.
    name : str
        Named in errors.

    Returns
    -------
    dict of str to Replica
        By path, relative to the folder that the catalogue is of.

    Raises
    ------
    StorageError
        If a line is no such line, leads out of the folder, or a file stands twice.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        found = repr(lines[0]) if lines else "nothing"
        raise StorageError(name, "header", found, "tab-separated columns " + ", ".join(COLUMNS))
    found: dict[str, Replica] = {}
    for line in lines[1:]:
        cells = line.split("\t")
        good = len(cells) == 3 and cells[1].isdigit() and re.fullmatch("[0-9a-f]{8}", cells[2])
        if not good or cells[0].startswith("/") or ".." in cells[0].split("/"):
            allowed = "relative path, size in bytes, adler32 as eight hexadecimal digits"
            raise StorageError(name, "line", repr(line), allowed)
        if cells[0] in found:
            raise StorageError(name, "file", cells[0], "each file once")
        found[cells[0]] = Replica(int(cells[1]), cells[2])
    return found


def read_catalogue(path: str | Path) -> dict[str, Replica]:
    """Read the file of a catalogue.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict of str to Replica
        By path, relative to the folder that the catalogue is of.

    Raises
    ------
    StorageError
        If the file is missing or is no catalogue.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(str(path), "catalogue", str(error), "a readable text file") from None
    return parse_catalogue(text, str(path))


def format_catalogue(replicas: Iterable[tuple[str, Replica]]) -> str:
    """Write a catalogue.

    Parameters
    ----------
    replicas : iterable of (str, Replica)
        Path relative to the folder, and what the file must be.

    Returns
    -------
    str
        Text, files in the order of their names.
    """
    rows = [
        f"{name}\t{replica.size_bytes}\t{replica.adler32}" for name, replica in sorted(replicas)
    ]
    return "\n".join(["\t".join(COLUMNS), *rows]) + "\n"
