"""Run tables: read, validate, select per target, cut into chunks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.schema import Observations, Position
from iactflow.errors import InputError

__all__ = ["COLUMNS", "chunk_runs", "chunk_showers", "read_run_table", "select_runs"]

COLUMNS = {
    "obs_id": "int64",
    "target_name": "str",
    "ra_pnt_deg": "float64",
    "dec_pnt_deg": "float64",
    "zenith_deg": "float64",
    "start_utc": "str",
    "stop_utc": "str",
    "livetime_s": "float64",
    "file": "str",
}
"""Columns of every run table and their types; others may follow."""


def read_run_table(path: str | Path, base: str | Path = ".") -> pd.DataFrame:
    """Read a run table.

    Parameters
    ----------
    path : str or Path
        Tab-separated file with at least the columns of `COLUMNS`.
    base : str or Path
        Folder that a relative path starts from.

    Returns
    -------
    pandas.DataFrame
        One row per run, indexed by ``obs_id`` (kept as a column), in ascending order.

    Raises
    ------
    InputError
        If the file is missing, lacks a column, holds a value of another type, or a run twice.
    """
    full = Path(base) / path
    if not full.is_file():
        raise InputError(path, "data.run_table", "missing file", "a TSV file of runs")
    table = pd.read_csv(full, sep="\t", dtype=str, keep_default_na=False)
    for name, dtype in COLUMNS.items():
        if name not in table:
            raise InputError(path, name, "missing column", "columns " + ", ".join(COLUMNS))
        if dtype == "str":
            continue
        values = pd.to_numeric(table[name], errors="coerce")
        bad = values.isna() | ~np.isfinite(values)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                path, f"{name}, line {row + 2}", table[name].iloc[row], f"a number ({dtype})"
            )
        table[name] = values.astype(dtype)
    doubles = table["obs_id"][table["obs_id"].duplicated()]
    if len(doubles):
        raise InputError(path, "obs_id", int(doubles.iloc[0]), "each run once")
    return table.sort_values("obs_id").set_index("obs_id", drop=False)


def select_runs(
    table: pd.DataFrame,
    observations: Observations,
    position: Position,
    *,
    file: str,
    key: str,
) -> pd.DataFrame:
    """Runs of one target.

    Parameters
    ----------
    table : pandas.DataFrame
        All runs at hand.
    observations : Observations
        Pinned list or selection.
    position : Position
        Position of the target.
    file, key : str
        Campaign file and key, named in errors.

    Returns
    -------
    pandas.DataFrame
        Selected rows, ascending ``obs_id``.

    Raises
    ------
    InputError
        If a pinned run or the target's name is not in the table, or the selection is empty.
    """
    if observations.obs_ids is not None or observations.run_list is not None:
        wanted, key = _pinned(observations, file, key)
        unknown = [run for run in wanted if run not in table.index]
        if unknown:
            raise InputError(file, key, unknown[0], _runs_at_hand(table))
        return table.loc[sorted(wanted)]
    keep = np.ones(len(table), dtype=bool)
    if observations.target_name is not None:
        names = sorted(set(table["target_name"]))
        if observations.target_name not in names:
            allowed = "a target of the run table: " + ", ".join(names)
            raise InputError(file, f"{key}.target_name", observations.target_name, allowed)
        keep &= table["target_name"] == observations.target_name
    if observations.radius_deg is not None:
        distance = separation_deg(
            table["ra_pnt_deg"], table["dec_pnt_deg"], position.ra_deg, position.dec_deg
        )
        keep &= distance <= observations.radius_deg
    if observations.zenith_max_deg is not None:
        keep &= table["zenith_deg"] <= observations.zenith_max_deg
    if observations.livetime_min_s is not None:
        keep &= table["livetime_s"] >= observations.livetime_min_s
    start = pd.to_datetime(table["start_utc"], format="ISO8601")
    if observations.start is not None:
        keep &= start >= pd.Timestamp(observations.start)
    if observations.stop is not None:
        keep &= start < pd.Timestamp(observations.stop)
    if not keep.any():
        given = observations.model_dump(exclude_none=True)
        raise InputError(file, key, given, "a selection that leaves a run; " + _runs_at_hand(table))
    return table[keep]


def _pinned(observations: Observations, file: str, key: str) -> tuple[list[int], str]:
    if observations.obs_ids is not None:
        return observations.obs_ids, f"{key}.obs_ids"
    path = Path(file).parent / observations.run_list
    if not path.is_file():
        raise InputError(file, f"{key}.run_list", observations.run_list, "an existing TSV file")
    table = pd.read_csv(path, sep="\t", dtype=str)
    if "obs_id" not in table:
        raise InputError(path, "obs_id", "missing column", "a TSV file with a column obs_id")
    bad = [value for value in table["obs_id"] if not str(value).isdigit()]
    if bad:
        raise InputError(path, "obs_id", bad[0], "whole numbers")
    return [int(value) for value in table["obs_id"]], f"{key}.run_list"


def _runs_at_hand(table: pd.DataFrame) -> str:
    return f"{len(table)} runs at hand, from {table.index.min()} to {table.index.max()}"


def chunk_runs(obs_ids: list[int], runs_per_job: int) -> dict[str, list[int]]:
    """Cut a list of runs into chunks, one job each.

    Parameters
    ----------
    obs_ids : list of int
        Runs, ascending.
    runs_per_job : int
        Most runs in a chunk.

    Returns
    -------
    dict
        Runs by chunk name (five digits).
    """
    starts = range(0, len(obs_ids), runs_per_job)
    return {f"{i:05d}": obs_ids[s : s + runs_per_job] for i, s in enumerate(starts)}


def chunk_showers(n_showers: int, showers_per_job: int) -> dict[str, tuple[int, int]]:
    """Cut the showers of a run into chunks, one job each.

    Parameters
    ----------
    n_showers : int
        Showers of the run; their numbers start at 1.
    showers_per_job : int
        Most showers in a chunk.

    Returns
    -------
    dict
        First and last shower by chunk name (five digits).
    """
    return {
        f"{i:05d}": (first, min(first + showers_per_job - 1, n_showers))
        for i, first in enumerate(range(1, n_showers + 1, showers_per_job))
    }
