"""Forests in a file: their trees as tables, not as code, so that reading one runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import awkward
import numpy as np

from iactflow.discrimination.forest import KINDS, Forest, ForestBand, Trees
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table, write_table

__all__ = ["read_forests", "write_forests"]

FORESTS, TREES = "forests", "forest_trees"
KEY = ("telescope_type", "target")
NODES = ("feature", "threshold", "left", "right", "missing_left", "value", "variance")
BAND = "band"
LIMITS = ("energy_min_tev", "energy_max_tev", "zenith_min_deg", "zenith_max_deg")
NODE_TYPES = ("i8", "f8", "i8", "i8", "?", "f8", "f8")


def write_forests(path: str | Path, forests: Sequence[Forest], metadata: Mapping) -> None:
    """Write forests.

    Parameters
    ----------
    path : str or Path
        ROOT file.
    forests : sequence of Forest
        Forests; each type, target and band once; all of them have a band, or none.
    metadata : mapping
        How they were trained.
    """
    forests = sorted(forests, key=lambda forest: forest.key)
    columns = {name: np.array([getattr(f, name) for f in forests], dtype=str) for name in KEY}
    limits = {}
    if any(f.band is not None for f in forests):
        columns[BAND] = np.array([f.band.number for f in forests], dtype=np.int32)
        limits = {name: np.array([getattr(f.band, name) for f in forests]) for name in LIMITS}
    head = {
        **columns,
        "kind": np.array([f.kind for f in forests], dtype=str),
        "features": np.array([",".join(f.features) for f in forests], dtype=str),
        "baseline": np.array([f.baseline for f in forests], dtype=np.float64),
        "n_trees": np.array([len(f.trees.first) - 1 for f in forests], dtype=np.int64),
        "n_images": np.array([f.n_images for f in forests], dtype=np.int64),
        "n_showers": np.array([f.n_showers for f in forests], dtype=np.int64),
        **limits,
    }
    sizes = np.concatenate([np.diff(f.trees.first) for f in forests])
    small = {"feature": np.int32, "left": np.int32, "right": np.int32}
    rows = {
        **{name: np.repeat(values, head["n_trees"]) for name, values in columns.items()},
        "tree_id": np.concatenate([np.arange(n) for n in head["n_trees"]]),
    }
    for name in NODES:
        flat = np.concatenate([getattr(f.trees, name) for f in forests])
        rows[name] = awkward.unflatten(flat.astype(small.get(name, flat.dtype)), sizes)
    write_table(path, {FORESTS: head, TREES: rows}, metadata)


def _check(path, forest: Forest) -> None:
    """Refuse trees that would not end, or look beyond the features or their own nodes."""
    where, trees = f"{TREES} of {forest.telescope_type}, {forest.target}", forest.trees
    if forest.kind not in KINDS:
        raise InputError(path, f"{FORESTS}.kind", forest.kind, ", ".join(KINDS))
    inner = trees.feature >= 0
    if trees.feature.size and trees.feature.max() >= len(forest.features):
        allowed = f"below {len(forest.features)}"
        raise InputError(path, f"{where}, feature", int(trees.feature.max()), allowed)
    sizes = np.diff(trees.first)
    if (sizes < 1).any():
        raise InputError(path, where, "a tree without nodes", "a root")
    own = (np.arange(len(inner)) - np.repeat(trees.first[:-1], sizes))[inner]
    size = np.repeat(sizes, sizes)[inner]
    for name in ("left", "right"):
        child = getattr(trees, name)[inner]
        bad = (child <= own) | (child >= size)
        if bad.any():
            allowed = "a later node of the same tree"
            raise InputError(path, f"{where}, {name}", int(child[bad][0]), allowed)


def _band(head: Mapping, i: int) -> ForestBand | None:
    if BAND not in head:
        return None
    return ForestBand(int(head[BAND][i]), *(float(head[name][i]) for name in LIMITS))


def read_forests(path: str | Path) -> tuple[dict[tuple, Forest], dict]:
    """Read forests.

    Parameters
    ----------
    path : str or Path
        ROOT file of `write_forests`.

    Returns
    -------
    forests : dict of tuple to Forest
        By telescope type, target and, where there are bands, the band's number.
    metadata : dict
        How they were trained.

    Raises
    ------
    InputError
        If the file is broken, trees are missing, or would not end.
    """
    head, rows = read_table(path, FORESTS), read_table(path, TREES)
    found = {}
    for i in range(len(head["target"])):
        kind, target = str(head["telescope_type"][i]), str(head["target"][i])
        band = _band(head, i)
        inside = (rows["telescope_type"] == kind) & (rows["target"] == target)
        mine = np.flatnonzero(inside if band is None else inside & (rows[BAND] == band.number))
        mine = mine[np.argsort(rows["tree_id"][mine])]
        if not np.array_equal(rows["tree_id"][mine], np.arange(head["n_trees"][i])):
            allowed = f"{head['n_trees'][i]} trees"
            raise InputError(path, f"{TREES} of {kind}, {target}", len(mine), allowed)
        parts = [rows[name][mine] for name in NODES]
        sizes = awkward.to_numpy(awkward.num(parts[0]))
        for name, part in zip(NODES, parts, strict=True):
            if not np.array_equal(awkward.to_numpy(awkward.num(part)), sizes):
                raise InputError(path, f"{TREES}.{name}", "another length", "that of feature")
        flat = [
            awkward.to_numpy(awkward.flatten(part)).astype(dtype)
            for part, dtype in zip(parts, NODE_TYPES, strict=True)
        ]
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        names = tuple(str(head["features"][i]).split(","))
        numbers = int(head["n_images"][i]), int(head["n_showers"][i])
        forest = Forest(
            kind,
            target,
            str(head["kind"][i]),
            names,
            float(head["baseline"][i]),
            Trees(first, *flat),
            *numbers,
            band,
        )
        _check(path, forest)
        found[forest.key] = forest
    return found, read_metadata(path)
