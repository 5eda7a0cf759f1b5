"""Atomic outputs: written under a temporary name in the same folder, then renamed.

A reader sees the whole product or none. The temporary name ends with the product's name, so that
writers which choose a format by suffix still do.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "atomic_output",
    "publish",
    "remove",
    "remove_stale",
    "sync",
    "temporary_name",
]

PREFIX = ".tmp-"


def temporary_name(path: str | Path) -> Path:
    """Unused hidden name beside a product.

    Parameters
    ----------
    path : str or Path
        Final name.

    Returns
    -------
    Path
        In the same folder, with the same suffixes.
    """
    path = Path(path)
    return path.with_name(f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}-{path.name}")


def remove_stale(path: str | Path) -> None:
    """Remove what a killed job left of a product under temporary names.

    Parameters
    ----------
    path : str or Path
        Final name; nobody else may be making it.
    """
    path = Path(path)
    for stale in path.parent.glob(f"{PREFIX}*-*-{glob.escape(path.name)}"):
        remove(stale)


def remove(path: str | Path) -> None:
    """Remove a file or a folder if it is there.

    Parameters
    ----------
    path : str or Path
        What to remove.
    """
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(path: str | Path) -> None:
    """Force a file, or a folder with everything in it, to the disk.

    Parameters
    ----------
    path : str or Path
        File or folder.
    """
    path = Path(path)
    if path.is_dir():
        for entry in path.rglob("*"):
            _flush(entry)
    _flush(path)


def publish(pairs: Iterable[tuple[str | Path, str | Path]]) -> None:
    """Rename finished temporaries to their final names, in the order given.

    All are forced to the disk before the first is renamed: a failure to write leaves no product.

    Parameters
    ----------
    pairs : iterable of (temporary, final)
        Files or folders.

    Raises
    ------
    FileNotFoundError
        If a temporary is missing; nothing has been renamed then.
    """
    pairs = [(Path(temporary), Path(final)) for temporary, final in pairs]
    for temporary, final in pairs:
        if not temporary.exists():
            raise FileNotFoundError(f"{final} was not written")
        sync(temporary)
    for temporary, final in pairs:
        if final.is_dir() and not final.is_symlink():
            # A folder cannot be replaced by a rename: the old one steps aside first.
            old = temporary_name(final)
            os.replace(final, old)
            os.replace(temporary, final)
            remove(old)
        else:
            os.replace(temporary, final)
    for folder in {final.parent for _, final in pairs}:
        _flush(folder)


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Write a file or a folder whole or not at all.

    Parameters
    ----------
    path : str or Path
        Final name; its folder is made if needed.

    Yields
    ------
    Path
        Temporary name to write to, or to make as a folder. It is renamed at the end of the
        block, removed on an error.

    Raises
    ------
    FileNotFoundError
        If the block wrote nothing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        yield temporary
        publish([(temporary, path)])
    finally:
        remove(temporary)
