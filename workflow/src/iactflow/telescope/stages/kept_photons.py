"""Kept photons read back: they must be those that the settings of the production give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import awkward
import numpy as np

from iactflow.errors import InputError
from iactflow.io.root import iterate_table, read_metadata, read_table
from iactflow.io.tables import TABLES
from iactflow.shower.photons import COLUMNS, empty_photons
from iactflow.shower.primaries import Thrown, draw_primary
from iactflow.telescope.stages.setup import Setup
from iactflow.telescope.stages.showers import LitShower, describe_photons, run_columns

__all__ = ["read_showers"]

# Truth is drawn again; another machine's logarithms may differ in the last bits.
SAME = 1e-12


def read_showers(path: str | Path, setup: Setup) -> Iterator[LitShower]:
    """Read the showers of a file that `iactflow.telescope.stages.showers.simulate_showers` wrote.

    Parameters
    ----------
    path : str or Path
        ROOT file.
    setup : Setup
        Array and air of the run.

    Returns
    -------
    iterator of LitShower
        The showers, with the photons that they had.

    Raises
    ------
    InputError
        If the file is broken, or was made for another production, instrument, pointing, run, seed
        or range of showers, for other telescopes, or holds other primaries or cores.
    """
    _check_header(path, setup)
    primaries = [
        draw_primary(setup.settings, (setup.alt_deg, setup.az_deg), setup.seed, setup.run, i)
        for i in range(setup.showers[0], setup.showers[1] + 1)
    ]
    _check_primaries(path, primaries)
    return _lit_showers(path, setup, primaries)


def _check_header(path: str | Path, setup: Setup) -> None:
    """Who made the file, for which showers and telescopes."""
    metadata = read_metadata(path)
    for key, value in describe_photons(setup).items():
        if metadata.get(key) != value:
            raise InputError(path, f"metadata {key}", metadata.get(key), str(value))
    runs = read_table(path, "simulation_runs")
    if len(runs["obs_id"]) != 1:
        raise InputError(path, "simulation_runs", len(runs["obs_id"]), "one range of showers")
    wanted = run_columns(setup, *setup.showers)
    for column in TABLES["simulation_runs"].columns:
        found, value = runs[column.name][0], np.array(wanted[column.name], dtype=column.dtype)
        if found != value:
            raise InputError(path, f"simulation_runs.{column.name}", found.item(), str(value))
    tel_ids = np.unique(read_table(path, "telescope_light", ["tel_id"])["tel_id"]).tolist()
    if tel_ids != setup.tel_ids:
        raise InputError(path, "telescope_light.tel_id", tel_ids, str(setup.tel_ids))


def _check_primaries(path: str | Path, primaries: list[Thrown]) -> None:
    """Truth and cores of the file against those that the settings give."""
    cores = np.concatenate([primary.cores_m for primary in primaries])
    expected = {
        "showers": {
            "shower_id": [primary.shower_id for primary in primaries],
            "particle_id": [primary.particle_id for primary in primaries],
            "true_energy_tev": [primary.energy_tev for primary in primaries],
            "true_alt_deg": [primary.alt_deg for primary in primaries],
            "true_az_deg": [primary.az_deg for primary in primaries],
        },
        "shower_cores": {
            "shower_id": [p.shower_id for p in primaries for _ in p.cores_m],
            "true_core_x_m": cores[:, 0],
            "true_core_y_m": cores[:, 1],
        },
    }
    for name, columns in expected.items():
        found = read_table(path, name, list(columns))
        for column, values in columns.items():
            if len(found[column]) != len(values):
                raise InputError(path, name, f"{len(found[column])} rows", f"{len(values)} rows")
            values = np.asarray(values, dtype=np.float64)
            wrong = np.flatnonzero(~np.isclose(found[column], values, rtol=SAME, atol=SAME))
            if len(wrong):
                row = int(wrong[0])
                got = found[column][row].item()
                raise InputError(path, f"{name}.{column}, row {row}", got, str(values[row]))


def _lit_showers(path: str | Path, setup: Setup, primaries: list[Thrown]) -> Iterator[LitShower]:
    truth = read_table(path, "showers")
    profiles = read_table(path, "longitudinal_profiles")
    light = _photons_by_shower(path)
    waiting = next(light, None)
    for row, thrown in enumerate(primaries):
        parts = {}
        if waiting is not None and waiting[0] == thrown.shower_id:
            parts = waiting[1]
            waiting = next(light, None)
        photons = tuple(
            {tel_id: parts.get((reuse, tel_id), empty_photons(0)) for tel_id in setup.tel_ids}
            for reuse in range(len(thrown.cores_m))
        )
        yield LitShower(
            thrown,
            float(truth["true_h_first_int_m"][row]),
            float(truth["true_x_max_g_cm2"][row]),
            float(truth["n_photons"][row]),
            awkward.to_numpy(profiles["depth_g_cm2"][row]),
            awkward.to_numpy(profiles["n_charged"][row]),
            photons,
        )


def _photons_by_shower(path: str | Path) -> Iterator[tuple[int, dict[tuple[int, int], np.ndarray]]]:
    """Photons by re-use and telescope of one shower after the other; one cluster in memory."""
    keys = ("shower_id", "reuse_id", "tel_id")
    shower_id, parts = None, {}
    for columns in iterate_table(path, "photon_bunches", (*keys, *COLUMNS)):
        place = np.stack([columns[key] for key in keys])
        rows = np.stack([columns[name] for name in COLUMNS], axis=1)
        cuts = np.flatnonzero(np.any(np.diff(place, axis=1) != 0, axis=0)) + 1
        for part in np.split(np.arange(len(rows)), cuts):
            if not len(part):
                continue
            shower, reuse, tel_id = place[:, part[0]].tolist()
            if shower != shower_id:
                if parts:
                    yield shower_id, parts
                shower_id, parts = shower, {}
            before = parts.get((reuse, tel_id), empty_photons(0))
            parts[reuse, tel_id] = np.concatenate([before, rows[part]])
    if parts:
        yield shower_id, parts
