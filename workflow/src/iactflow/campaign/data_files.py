"""Files that a campaign names by path or pattern: beside it, or below the third-party data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from glob import glob
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["find_files"]

DATA = "IACTFLOW_DATA"
ALLOWED = f"existing files, relative to the campaign file or to the environment variable {DATA}"


def find_files(
    patterns: Sequence[str],
    campaign_file: str,
    key: str,
    stored: Callable[[str], list[str]] | None = None,
) -> list[str]:
    """Files that patterns name.

    Parameters
    ----------
    patterns : sequence of str
        Paths or patterns (``*``, ``?``); what does not exist beside the campaign file is looked
        for below the folder of third-party data.
    campaign_file : str
        Campaign file.
    key : str
        Key of the list, for errors.
    stored : callable, optional
        Takes a pattern, returns addresses of files at sites; asked before any folder.

    Returns
    -------
    list of str
        Paths in the order of the list, those of a pattern in the order of their names.

    Raises
    ------
    InputError
        If nothing has such a name, or a file is named twice.
    """
    folders = [Path(campaign_file).parent]
    if os.environ.get(DATA):
        folders.append(Path(os.environ[DATA]))
    files: list[str] = []
    for i, pattern in enumerate(patterns):
        at_sites = stored(pattern) if stored is not None else []
        local = (_matching(folder, pattern) for folder in folders)
        found = at_sites or next(filter(None, local), None)
        if found is None:
            raise InputError(campaign_file, f"{key}[{i}]", pattern, ALLOWED)
        double = next((file for file in found if file in files), None)
        if double is not None:
            raise InputError(campaign_file, f"{key}[{i}]", double, "each file once")
        files += found
    return files


def _matching(folder: Path, pattern: str) -> list[str]:
    path = folder / pattern
    if path.is_file():
        return [str(path)]
    return sorted(file for file in glob(str(path)) if Path(file).is_file())
