"""CORSIKA IACT files that a campaign names: which they are, and the runs that they hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from iactflow.errors import InputError
from iactflow.io.corsika import read_run_number

__all__ = ["files_by_run"]

DATA = "IACTFLOW_DATA"
ALLOWED = f"existing files, relative to the campaign file or to the environment variable {DATA}"


def files_by_run(patterns: Sequence[str], campaign_file: str, key: str) -> dict[int, list[str]]:
    """Files that patterns name, by the run in their headers.

    Parameters
    ----------
    patterns : sequence of str
        Paths or patterns (``*``, ``?``); what does not exist beside the campaign file is looked
        for below the folder of third-party data.
    campaign_file : str
        Campaign file.
    key : str
        Key of the list, for errors.

    Returns
    -------
    dict of int to list of str
        Paths by run, runs ascending; those of a run in the order of the list, then of their names.

    Raises
    ------
    InputError
        If nothing has such a name, a file is named twice, or is no CORSIKA IACT file.
    """
    folders = [Path(campaign_file).parent]
    if os.environ.get(DATA):
        folders.append(Path(os.environ[DATA]))
    files: list[str] = []
    for i, pattern in enumerate(patterns):
        found = next(filter(None, (_matching(folder, pattern) for folder in folders)), None)
        if found is None:
            raise InputError(campaign_file, f"{key}[{i}]", pattern, ALLOWED)
        double = next((file for file in found if file in files), None)
        if double is not None:
            raise InputError(campaign_file, f"{key}[{i}]", double, "each file once")
        files += found
    runs: dict[int, list[str]] = {}
    for file in files:
        runs.setdefault(read_run_number(file), []).append(file)
    return dict(sorted(runs.items()))


def _matching(folder: Path, pattern: str) -> list[str]:
    path = folder / pattern
    if path.is_file():
        return [str(path)]
    return sorted(file for file in glob(str(path)) if Path(file).is_file())
