"""Gamma rays, protons and nuclei on H.E.S.S. I at 20 deg: one simulated sample for several pages.

``hadron_sample.py RUN ...`` makes single runs, side by side if wanted.
"""

from __future__ import annotations

from types import SimpleNamespace

import kept_runs
from kept_runs import REPOSITORY, KeptRuns, config_files, make_runs

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.pool_key import pool_key
from iactflow.campaign.schema_simulation import Production, Shower
from iactflow.shower.hadrons.stages import make_hadron_pool

CONFIGS = config_files("instruments/hess1/2006", "atmospheres")
MODULES = [
    *kept_runs.MODULES,
    "iactflow.campaign.pool_key",
    "iactflow.campaign.schema_simulation",
    "iactflow.shower.hadrons.stages",
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


def shower_settings() -> dict:
    """Settings of showers with hadrons.

    Returns
    -------
    dict
        As of a campaign.
    """
    return Shower.model_validate(SHOWER).model_dump(mode="json")


def pool() -> str:
    """Make the pool of hadronic interactions, or find it.

    Returns
    -------
    str
        Its file.
    """
    shower = shower_settings()
    path = REPOSITORY / "results" / "hadrons" / f"{pool_key(shower['hadrons'])}.root"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(path) as target:
            params = SimpleNamespace(settings=shower["hadrons"])
            make_hadron_pool(None, SimpleNamespace(pool=str(target)), params, SimpleNamespace())
    return str(path)


def production(run: int) -> dict:
    """Settings of a run as a production, with its showers.

    Parameters
    ----------
    run : int
        One of `RUNS`.

    Returns
    -------
    dict
        Settings.
    """
    block = Production.model_validate({**RUNS[run], "run": run}).model_dump(mode="json")
    shower = shower_settings()
    if block["particle"] == "gamma":
        del shower["hadrons"]
    return {"name": block["particle"], **block, "shower": shower}


SAMPLE = KeptRuns("", CONFIGS, SEED, production, GEOMETRY, pool)


if __name__ == "__main__":
    make_runs(SAMPLE.geometry_of)
