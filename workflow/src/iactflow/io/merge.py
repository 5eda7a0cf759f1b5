"""Merging of ROOT files: sorted by event key, complete in what was thrown; export to TTree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import awkward
import numpy as np
import uproot

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.digest import digest_columns
from iactflow.errors import InputError
from iactflow.io.datamodel import Table
from iactflow.io.root import LEVEL, Columns, read_file, storable, write_table
from iactflow.io.tables import find_table

__all__ = ["check_thrown", "export_ttree", "merge_tables"]

RUNS, THROWN = "simulation_runs", "thrown_events"


def _concatenate(parts: Sequence[Columns], name: str) -> np.ndarray | awkward.Array:
    values = [part[name] for part in parts]
    if any(hasattr(v, "layout") for v in values):
        return awkward.concatenate(values)
    return np.concatenate(values)


def _merge(table: Table, parts: Sequence[Columns], paths: Sequence[Path]) -> Columns:
    """One table from the parts of all files."""
    names = set(parts[0])
    for path, part in zip(paths, parts, strict=True):
        if set(part) != names:
            differing = sorted(names ^ set(part))
            raise InputError(path, table.name, f"columns {differing}", f"those of {paths[0]}")
    if not table.key:
        first = digest_columns(parts[0])
        for path, part in zip(paths, parts, strict=True):
            if digest_columns(part) != first:
                raise InputError(path, table.name, "another content", f"that of {paths[0]}")
        return parts[0]
    merged = {c.name: _concatenate(parts, c.name) for c in table.columns if c.name in names}
    keys = [merged[name] for name in table.key]
    order = np.lexsort(keys[::-1])
    merged = {name: values[order] for name, values in merged.items()}
    keys = [merged[name] for name in table.key]
    if len(order) > 1:
        double = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
        if double.any():
            row = int(np.flatnonzero(double)[0])
            found = {name: merged[name][row].item() for name in table.key}
            origin = [np.full(len(part[table.key[0]]), i) for i, part in enumerate(parts)]
            second = paths[int(np.concatenate(origin)[order][row + 1])]
            raise InputError(second, table.name, found, "each key once in a merge")
    return merged


def check_thrown(file: str | Path, tables: dict[str, Columns]) -> None:
    """Check that every simulated run brings what was thrown, so that no normalisation is lost.

    Parameters
    ----------
    file : str or Path
        Named in the error.
    tables : dict of str to dict of str to array
        Tables of a file; those without `thrown_events` and `simulation_runs` pass.

    Raises
    ------
    InputError
        If a run has events but no thrown events, or the thrown events of a run are not its
        showers times their re-uses.
    """
    if THROWN not in tables:
        if RUNS in tables:
            raise InputError(file, THROWN, "missing table", f"the thrown events beside {RUNS}")
        return
    thrown = tables[THROWN]
    known = np.unique(thrown["obs_id"])
    for name, columns in tables.items():
        lost = np.setdiff1d(columns.get("obs_id", known), known)
        if len(lost):
            raise InputError(file, f"{THROWN}.obs_id", "missing", f"run {lost[0]} of {name}")
    if RUNS not in tables:
        return
    runs = tables[RUNS]
    for run, showers, reuse in zip(
        runs["obs_id"], runs["n_showers"], runs["shower_reuse"], strict=True
    ):
        counted = int(thrown["n_thrown"][thrown["obs_id"] == run].sum())
        expected = int(showers) * int(reuse)
        if counted != expected:
            raise InputError(file, f"{THROWN}.n_thrown, run {run}", counted, str(expected))


def merge_tables(paths: Iterable[str | Path], out: str | Path) -> None:
    """Merge ROOT files: rows sorted by the key of their table, whatever the order of the files.

    Parameters
    ----------
    paths : iterable of str or Path
        Files with the same tables, columns and metadata.
    out : str or Path
        Merged file.

    Raises
    ------
    InputError
        If there is no file, a file is broken, tables, columns or metadata differ, a key stands
        twice, or thrown events are missing (`check_thrown`).
    """
    # By name first: what does not depend on the key must not depend on the caller's order.
    paths = sorted(map(Path, paths))
    if not paths:
        raise InputError(out, "merge", "no files", "at least one file")
    files = []
    for path in paths:
        tables, metadata = read_file(path)
        check_thrown(path, tables)
        files.append((tables, metadata))
    names, common = list(files[0][0]), files[0][1]
    for path, (tables, metadata) in zip(paths, files, strict=True):
        if set(tables) != set(names):
            raise InputError(path, "tables", ", ".join(tables), f"those of {paths[0]}")
        for key in sorted({*metadata, *common}):
            if metadata.get(key) != common.get(key):
                raise InputError(path, f"metadata {key}", metadata.get(key), str(common.get(key)))
    merged = {
        name: _merge(find_table(name, out), [tables[name] for tables, _ in files], paths)
        for name in names
    }
    write_table(out, merged, common)


def export_ttree(path_in: str | Path, path_out: str | Path) -> None:
    """Copy the tables of a file to TTrees, for releases of ROOT without RNTuple.

    Variable-length columns get a counter branch ``<column>_size``. Metadata are left out.

    Parameters
    ----------
    path_in : str or Path
        File written by `iactflow.io.root.write_table`.
    path_out : str or Path
        ROOT file with one TTree per table.

    Raises
    ------
    InputError
        As for `iactflow.io.root.read_table`.
    """
    tables, _ = read_file(path_in)
    with (
        atomic_output(path_out) as temporary,
        uproot.recreate(temporary, compression=uproot.ZLIB(LEVEL)) as file,
    ):
        for name, columns in tables.items():
            branches = {key: storable(values) for key, values in columns.items()}
            file.mktree(name, branches, counter_name=lambda column: f"{column}_size")
