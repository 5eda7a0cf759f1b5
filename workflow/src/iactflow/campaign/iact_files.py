"""CORSIKA IACT files that a campaign names: which they are, and the runs that they hold."""

from __future__ import annotations

from collections.abc import Sequence

from iactflow.campaign.data_files import find_files
from iactflow.io.corsika import read_run_number

__all__ = ["files_by_run"]


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
    runs: dict[int, list[str]] = {}
    for file in find_files(patterns, campaign_file, key):
        runs.setdefault(read_run_number(file), []).append(file)
    return dict(sorted(runs.items()))
