"""Gamma rays, protons and nuclei on H.E.S.S. I at 20 deg: one simulated sample for several pages.

Simulations and their geometry are kept in ``results/validation`` under a digest of the code and the
settings that they follow from, so that a second page does not make them again.
``hadron_sample.py RUN ...`` makes single runs, side by side if wanted.
"""

from __future__ import annotations

import json
import sys
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.closure import closure_digest
from iactflow.campaign.pool_key import pool_key
from iactflow.campaign.schema_simulation import Production, Shower
from iactflow.shower.hadrons.stages import make_hadron_pool
from iactflow.stereo.stages.reconstruct_geometry import reconstruct_geometry
from iactflow.telescope.stages.events import simulate_events
from iactflow.telescope.stages.setup import make_setup

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = REPOSITORY / "config"
CONFIGS = [
    str(path.relative_to(REPOSITORY))
    for folder in ("instruments/hess1/2006", "atmospheres")
    for path in sorted((CONFIG / folder).rglob("*"))
    if path.is_file()
]
SIMULATE = ["iactflow.telescope.stages.events"]
GEOMETRY_OF = ["iactflow.stereo.stages.reconstruct_geometry"]
MODULES = [
    "iactflow.campaign.atomic",
    "iactflow.campaign.closure",
    "iactflow.campaign.pool_key",
    "iactflow.campaign.schema_simulation",
    "iactflow.shower.hadrons.stages",
    *GEOMETRY_OF,
    *SIMULATE,
]
SEED = 22
#: The pool of the default campaign, smaller than that of the default settings.
SHOWER = {"hadrons": {"n_nodes": 16, "events_per_node": 150}}
POINTING = {"zenith_deg": 20.0, "azimuth_deg": 180.0}
#: As far as cosmic rays trigger, and beyond; where most of them do.
WIDE = {"viewcone_deg": 5.0, "core_radius_max_m": 600.0, "shower_reuse": 10}
NARROW = {"viewcone_deg": 3.0, "core_radius_max_m": 400.0, "shower_reuse": 8}
POINT = {"offset_deg": 0.5, "core_radius_max_m": 400.0, "shower_reuse": 5}


def _run(particle, low_tev, high_tev, n_showers, where, index=2.0):
    energies = {"energy_min_tev": low_tev, "energy_max_tev": high_tev, "spectral_index": index}
    return {"particle": particle, "n_showers": n_showers, **energies, **POINTING, **where}


#: Runs by number. Energies of nuclei are those of the whole nucleus.
RUNS = {
    1: _run("gamma", 0.15, 50.0, 1600, POINT),
    2: _run("gamma", 0.5, 16.0, 250, POINT, 1.5),
    3: _run("gamma", 2.0, 16.0, 130, {**POINT, "shower_reuse": 10}, 1.0),
    11: _run("proton", 0.03, 50.0, 1500, WIDE),
    12: _run("proton", 0.03, 50.0, 1500, WIDE),
    13: _run("proton", 0.5, 50.0, 400, NARROW),
    14: _run("proton", 0.5, 50.0, 400, NARROW),
    21: _run("helium", 0.1, 50.0, 800, WIDE),
    31: _run("nitrogen", 0.2, 50.0, 300, WIDE),
    41: _run("silicon", 0.3, 50.0, 250, WIDE),
    51: _run("iron", 0.5, 50.0, 250, WIDE),
}
#: Cleaning and images as in Aharonian et al. 2006 (A&A 457, 899).
GEOMETRY = {
    "extraction": {},
    "cleaning": {
        "picture_threshold_pe": 10.0,
        "boundary_threshold_pe": 5.0,
        "min_picture_neighbors": 0,
    },
    "stereo": {"min_size_pe": 80.0, "max_distance_deg": 2.0},
}


def _digest(modules, *values) -> str:
    code = [closure_digest(module) for module in modules]
    files = [(REPOSITORY / path).read_bytes().hex() for path in CONFIGS]
    text = json.dumps([code, files, SEED, *values], sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _shower() -> dict:
    return Shower.model_validate(SHOWER).model_dump(mode="json")


def pool() -> str:
    """Make the pool of hadronic interactions, or find it.

    Returns
    -------
    str
        Its file.
    """
    shower = _shower()
    path = REPOSITORY / "results" / "hadrons" / f"{pool_key(shower['hadrons'])}.root"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(path) as target:
            params = SimpleNamespace(settings=shower["hadrons"])
            make_hadron_pool(None, SimpleNamespace(pool=str(target)), params, SimpleNamespace())
    return str(path)


def _production(run: int) -> dict:
    """Settings of a run as a production, with its showers."""
    block = Production.model_validate({**RUNS[run], "run": run}).model_dump(mode="json")
    shower = _shower()
    if block["particle"] == "gamma":
        del shower["hadrons"]
    return {"name": block["particle"], **block, "shower": shower}


def _job(settings: dict, n_showers: int) -> tuple:
    """Inputs, parameters and wildcards of a simulation."""
    hadrons = [] if settings["particle"] == "gamma" else [pool()]
    files = [str(REPOSITORY / path) for path in CONFIGS]
    return (
        SimpleNamespace(instrument=files, conditions=[], hadrons=hadrons),
        SimpleNamespace(settings=settings, seed=SEED, showers=(1, n_showers)),
        SimpleNamespace(run=str(settings["run"]), production=settings["name"]),
    )


def setup_of(run: int, n_showers: int):
    """Array and air of the first showers of a run.

    Parameters
    ----------
    run : int
        One of `RUNS`.
    n_showers : int
        Showers.

    Returns
    -------
    Setup
        As of `iactflow.telescope.stages.setup`.
    """
    return make_setup(*_job(_production(run), n_showers))


def raw_and_geometry(run: int) -> tuple[Path, Path]:
    """Simulate a run, or find it.

    Parameters
    ----------
    run : int
        One of `RUNS`.

    Returns
    -------
    raw, geometry : Path
        Folders of the stages ``simulate_events`` and ``reconstruct_geometry``.
    """
    settings = _production(run)
    name = _digest(SIMULATE, settings)
    raw = _kept(f"{run}-raw-{name}", lambda folder: _simulate(settings, folder))
    name = _digest(GEOMETRY_OF, name, GEOMETRY)
    return raw, _kept(f"{run}-geometry-{name}", lambda folder: _reconstruct(raw, folder))


def _kept(name: str, make) -> Path:
    """Folder of results, made if it is not there."""
    folder = REPOSITORY / "results" / "validation" / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(folder) as target:
            make(str(target))
    return folder


def _simulate(settings: dict, folder: str) -> None:
    inputs, params, wildcards = _job(settings, settings["n_showers"])
    simulate_events(inputs, SimpleNamespace(events=folder), params, wildcards)


def _reconstruct(raw: Path, folder: str) -> None:
    reconstruct_geometry(
        SimpleNamespace(raw=str(raw)),
        SimpleNamespace(geometry=folder),
        SimpleNamespace(settings=GEOMETRY),
        SimpleNamespace(),
    )


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print(*raw_and_geometry(int(wanted)), flush=True)
