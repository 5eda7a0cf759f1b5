"""A pool of hadronic interactions in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import awkward
import numpy as np

from iactflow.campaign.pool_key import generators_version, pool_key
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table, write_table
from iactflow.shower.hadrons.kinds import HADRONS, LARGEST_MASS_NUMBER, stable_nucleus
from iactflow.shower.hadrons.pool import HadronPool, Interactions, pool_of
from iactflow.shower.hadrons.settings import hadron_settings

__all__ = ["read_interactions", "read_pool", "write_pool"]

INTERACTIONS, CROSS_SECTIONS = "hadron_interactions", "hadron_cross_sections"
SETTINGS, KEY, VERSION = "hadron_settings", "hadron_pool_key", "hadron_generators"
_MOMENTA = ("px_mev", "py_mev", "pz_mev")
_PROJECTILES = (*HADRONS, *(stable_nucleus(a) for a in range(2, LARGEST_MASS_NUMBER + 1)))


def write_pool(
    path: str | Path, interactions: Interactions, metadata: Mapping | None = None
) -> None:
    """Write a pool.

    Parameters
    ----------
    path : str or Path
        ROOT file.
    interactions : Interactions
        The pool.
    metadata : mapping, optional
        What else the file shall say.
    """
    row, node, event = np.nonzero(interactions.sizes)
    sizes = interactions.sizes[row, node, event]
    columns = {
        "projectile_id": np.array(HADRONS, dtype=np.int32)[row],
        "energy_node": node.astype(np.int32),
        "interaction_id": event.astype(np.int32),
    }
    for i, name in enumerate(("particle_id", *_MOMENTA)):
        kind = np.int32 if i == 0 else np.float32
        flat = np.ascontiguousarray(interactions.secondaries[:, i].astype(kind))
        columns[name] = awkward.unflatten(flat, sizes)
    n = len(_PROJECTILES)
    cross_sections = {
        "projectile_id": np.array(_PROJECTILES, dtype=np.int32),
        "kinetic_mev": np.tile(np.exp(interactions.log_kinetic_xs), (n, 1)),
        "inverse_path_cm2_g": interactions.cross_section,
    }
    write_table(
        path,
        {INTERACTIONS: columns, CROSS_SECTIONS: cross_sections},
        {
            **(metadata or {}),
            SETTINGS: asdict(interactions.settings),
            KEY: pool_key(asdict(interactions.settings)),
            VERSION: generators_version(),
        },
    )


def read_interactions(path: str | Path) -> Interactions:
    """Read a pool.

    Parameters
    ----------
    path : str or Path
        ROOT file of `write_pool`.

    Returns
    -------
    Interactions
        The pool.

    Raises
    ------
    InputError
        If the file is broken, holds no pool, or its events do not fill the grid of its settings.
    """
    given = read_metadata(path).get(SETTINGS)
    if not isinstance(given, dict):
        raise InputError(path, SETTINGS, given, "settings of a pool of hadronic interactions")
    settings = hadron_settings(given)
    columns = read_table(path, INTERACTIONS)
    rows = np.full(max(HADRONS) + 1, -1)
    rows[list(HADRONS)] = np.arange(len(HADRONS))
    row = rows[np.clip(columns["projectile_id"], 0, max(HADRONS))]
    shape = len(HADRONS), settings.n_nodes, settings.events_per_node
    place = row, columns["energy_node"], columns["interaction_id"]
    for axis, (values, size) in enumerate(zip(place, shape, strict=True)):
        bad = (values < 0) | (values >= size)
        if bad.any():
            name = ("projectile_id", "energy_node", "interaction_id")[axis]
            found = int(columns[name][bad][0])
            raise InputError(path, f"{INTERACTIONS}.{name}", found, "a place of the grid")
    sizes = np.zeros(shape, dtype=np.int64)
    sizes[place] = awkward.to_numpy(awkward.num(columns["particle_id"]))
    order = np.ravel_multi_index(place, shape)
    if (np.diff(order) <= 0).any():
        raise InputError(path, INTERACTIONS, "rows out of order", "rows sorted by their key")
    _check_complete(path, settings, sizes)
    flat = [
        awkward.to_numpy(awkward.flatten(columns[name])).astype(np.float32)
        for name in ("particle_id", *_MOMENTA)
    ]
    table = read_table(path, CROSS_SECTIONS)
    if tuple(table["projectile_id"].tolist()) != _PROJECTILES:
        found = table["projectile_id"].tolist()[:3]
        raise InputError(path, f"{CROSS_SECTIONS}.projectile_id", found, "9 hadrons, 55 nuclei")
    kinetic = awkward.to_numpy(table["kinetic_mev"])
    return Interactions(
        settings,
        sizes,
        np.column_stack(flat),
        np.log(kinetic[0]),
        np.ascontiguousarray(awkward.to_numpy(table["inverse_path_cm2_g"])),
    )


def _check_complete(path: str | Path, settings, sizes: np.ndarray) -> None:
    filled = (sizes > 0).sum(axis=2)
    wanted = np.array([settings.events_of(kind) for kind in HADRONS])
    row, node = (int(v[0]) if v.size else -1 for v in np.nonzero(filled != wanted[:, None]))
    if row >= 0:
        allowed = f"{wanted[row]} interactions of {HADRONS[row]} at each energy"
        raise InputError(path, INTERACTIONS, int(filled[row, node]), allowed)


def read_pool(path: str | Path) -> HadronPool:
    """Read a pool as arrays for kernels.

    Parameters
    ----------
    path : str or Path
        ROOT file of `write_pool`.

    Returns
    -------
    HadronPool
        Arrays.

    Raises
    ------
    InputError
        As `read_interactions`.
    """
    return pool_of(read_interactions(path))
