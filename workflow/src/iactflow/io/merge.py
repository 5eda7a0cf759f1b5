"""Merging of ROOT files: sorted by event key, complete in what was thrown; export to TTree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import uproot

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.column_digest import digest_columns
from iactflow.errors import InputError
from iactflow.io.datamodel import Table
from iactflow.io.root import (
    iterate_table,
    list_columns,
    read_file,
    read_metadata,
    read_table,
)
from iactflow.io.root_write import Columns, RootWriter, concatenate, storable
from iactflow.io.tables import find_table

__all__ = ["check_thrown", "export_ttree", "merge_tables"]

ZLIB_LEVEL = 5
RUNS, THROWN = "simulation_runs", "thrown_events"
RANGE = ("n_showers", "shower_id_min", "shower_id_max")


def _order(table: Table, parts: Sequence[Columns]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order of all rows by key; file of each row in that order; whether it repeats the one before.

    The order of rows with the same key is that of their files.
    """
    keys = [np.concatenate([part[name] for part in parts]) for name in table.key]
    origin = np.repeat(np.arange(len(parts)), [len(part[table.key[0]]) for part in parts])
    order = np.lexsort([origin, *keys[::-1]])
    double = np.zeros(len(order), dtype=bool)
    if len(order) > 1:
        keys = [key[order] for key in keys]
        double[1:] = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
    return order, origin[order], double


def _refuse_doubles(
    table: Table, parts: Sequence[Columns], paths: Sequence[Path], found: tuple
) -> None:
    order, origin, double = found
    if double.any():
        row = int(np.flatnonzero(double)[0])
        values = concatenate([{name: part[name] for name in table.key} for part in parts])
        key = {name: values[name][order][row].item() for name in table.key}
        raise InputError(paths[origin[row]], table.name, key, "each key once in a merge")


def _merge_shared(table: Table, parts: Sequence[Columns], paths: Sequence[Path]) -> Columns:
    """Rows that several files may hold, each once."""
    order, origin, double = _order(table, parts)
    merged = {name: values[order] for name, values in concatenate(parts).items()}
    again = np.flatnonzero(double)
    for name, values in merged.items():
        unequal = values[again] != values[again - 1]
        if values.dtype.kind == "f":
            # Not a number says that something is unknown: so do both.
            unequal &= ~(np.isnan(values[again]) & np.isnan(values[again - 1]))
        differs = again[unequal]
        if len(differs):
            row = differs[0]
            wanted = f"{values[row - 1].item()}, as in {paths[origin[row - 1]]}"
            raise InputError(paths[origin[row]], f"{table.name}.{name}", values[row].item(), wanted)
    return {name: values[~double] for name, values in merged.items()}


def _merge_sums(table: Table, parts: Sequence[Columns]) -> Columns:
    """Rows of the same key become one: counts add up, the rest must be equal by its meaning."""
    order, _, double = _order(table, parts)
    merged = {name: values[order] for name, values in concatenate(parts).items()}
    starts = np.flatnonzero(~double)
    return {
        name: np.add.reduceat(values, starts)
        if name in table.adds and len(starts)
        else values[starts]
        for name, values in merged.items()
    }


def _merge_runs(table: Table, parts: Sequence[Columns], paths: Sequence[Path]) -> Columns:
    """Ranges of showers, adjacent ones joined; ranges that overlap are the same showers twice."""
    order, origin, _ = _order(table, parts)
    merged = {name: values[order] for name, values in concatenate(parts).items()}
    same = np.zeros(len(order), dtype=bool)
    same[1:] = merged["obs_id"][1:] == merged["obs_id"][:-1]
    joined = same.copy()
    for row in np.flatnonzero(same):
        run = merged["obs_id"][row]
        first, before = merged["shower_id_min"][row], merged["shower_id_max"][row - 1]
        if first <= before:
            wanted = f"showers that {paths[origin[row - 1]]} does not hold, which ends at {before}"
            raise InputError(
                paths[origin[row]], f"{table.name}.shower_id_min, run {run}", int(first), wanted
            )
        for name in set(merged) - set(RANGE):
            one, other = merged[name][row - 1], merged[name][row]
            if one != other:
                raise InputError(
                    paths[origin[row]],
                    f"{table.name}.{name}, run {run}",
                    other.item(),
                    f"{one.item()}, as in {paths[origin[row - 1]]}",
                )
        joined[row] = first == before + 1
    starts = np.flatnonzero(~joined)
    stops = np.append(starts[1:], len(order)) - 1
    result = {name: values[starts] for name, values in merged.items()}
    result["shower_id_max"] = merged["shower_id_max"][stops]
    if len(starts):
        result["n_showers"] = np.add.reduceat(merged["n_showers"], starts)
    return result


def _append_rows(writer: RootWriter, table: Table, paths: Sequence[Path]) -> None:
    """Rows of a table by their key; file after file where the keys allow it."""
    keys = [read_table(path, table, table.key) for path in paths]
    found = order, origin, _ = _order(table, keys)
    _refuse_doubles(table, keys, paths, found)
    changes = np.flatnonzero(np.diff(origin, prepend=-1, append=-1))
    files = origin[changes[:-1]]
    in_order = all(np.all(np.diff(order[origin == i]) == 1) for i in files)
    if len(set(files)) == len(files) and in_order:
        for i in [*files, *(set(range(len(paths))) - set(files))]:
            for columns in iterate_table(paths[i], table):
                writer.append(table, columns)
        return
    merged = concatenate([read_table(path, table) for path in paths])
    writer.append(table, {name: values[order] for name, values in merged.items()})


def _append(writer: RootWriter, table: Table, paths: Sequence[Path], added: bool) -> None:
    """One table from the parts of all files."""
    special = table.shared or not table.key or (added and (table.adds or table.name == RUNS))
    if not special:
        _append_rows(writer, table, paths)
        return
    parts = [read_table(path, table) for path in paths]
    if not table.key:
        first = digest_columns(parts[0])
        for path, part in zip(paths, parts, strict=True):
            if digest_columns(part) != first:
                raise InputError(path, table.name, "another content", f"that of {paths[0]}")
        writer.append(table, parts[0])
    elif table.name == RUNS:
        writer.append(table, _merge_runs(table, parts, paths))
    elif table.adds:
        writer.append(table, _merge_sums(table, parts))
    else:
        writer.append(table, _merge_shared(table, parts, paths))


def check_thrown(file: str | Path, tables: dict[str, Columns]) -> None:
    """Check that every simulated run brings what was thrown, so that no normalisation is lost.

    Parameters
    ----------
    file : str or Path
        Named in the error.
    tables : dict of str to dict of str to array
        Tables of a file; those without `thrown_events` and `simulation_runs` pass. Of other
        tables the column ``obs_id`` is enough.

    Raises
    ------
    InputError
        If a run has events but no thrown events, its range of showers does not hold their number,
        or the thrown events of a run are not its showers times their re-uses.
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
    spans = runs["shower_id_max"] - runs["shower_id_min"] + 1
    for run, showers, span in zip(runs["obs_id"], runs["n_showers"], spans, strict=True):
        if showers != span:
            key = f"{RUNS}.n_showers, run {run}"
            raise InputError(file, key, int(showers), f"{span}, shower_id_min to shower_id_max")
    for run in np.unique(runs["obs_id"]):
        mine = runs["obs_id"] == run
        counted = int(thrown["n_thrown"][thrown["obs_id"] == run].sum())
        expected = int((runs["n_showers"] * runs["shower_reuse"])[mine].sum())
        if counted != expected:
            raise InputError(file, f"{THROWN}.n_thrown, run {run}", counted, str(expected))


def _check_file(path: Path, columns: dict[str, list[str]]) -> None:
    """Check the thrown events of a file, without reading more than it takes."""
    tables = {}
    for name, names in columns.items():
        wanted = names if name in (RUNS, THROWN) else [n for n in ("obs_id",) if n in names]
        tables[name] = read_table(path, name, wanted) if wanted else {}
    check_thrown(path, tables)


def merge_tables(paths: Iterable[str | Path], out: str | Path) -> None:
    """Merge ROOT files: rows sorted by the key of their table, whatever the order of the files.

    Files may hold parts of one run, made from disjoint ranges of its showers: their thrown events
    add up, and the parts of a whole run give the same content however it was cut. Files whose
    keys follow each other are copied in batches.

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
        twice, ranges of showers overlap, or thrown events are missing (`check_thrown`).
    """
    # By name first: what does not depend on the key must not depend on the caller's order.
    paths = sorted(map(Path, paths))
    if not paths:
        raise InputError(out, "merge", "no files", "at least one file")
    columns = [list_columns(path) for path in paths]
    names, common = list(columns[0]), read_metadata(paths[0])
    for path, found in zip(paths, columns, strict=True):
        _check_file(path, found)
        if set(found) != set(names):
            raise InputError(path, "tables", ", ".join(found), f"those of {paths[0]}")
        for name in names:
            differing = sorted(set(found[name]) ^ set(columns[0][name]))
            if differing:
                raise InputError(path, name, f"columns {differing}", f"those of {paths[0]}")
        metadata = read_metadata(path)
        for key in sorted({*metadata, *common}):
            if metadata.get(key) != common.get(key):
                raise InputError(path, f"metadata {key}", metadata.get(key), str(common.get(key)))
    with RootWriter(out, names, common) as writer:
        for name in names:
            # Thrown events without their ranges of showers could be the same ones twice.
            added = RUNS in names or THROWN not in names
            _append(writer, find_table(name, out), paths, added)


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
        uproot.recreate(temporary, compression=uproot.ZLIB(ZLIB_LEVEL)) as file,
    ):
        for name, columns in tables.items():
            branches = {key: storable(values) for key, values in columns.items()}
            file.mktree(name, branches, counter_name=lambda column: f"{column}_size")
