"""Gamma rays on CTAO North (4 LST, 9 MST) at 20 deg: simulated runs and their geometry.

``ctao_sample.py RUN ...`` makes single runs, side by side if wanted.
"""

from __future__ import annotations

import kept_runs
from kept_runs import KeptRuns, config_files, make_runs

from iactflow.campaign.schema_simulation import Cascade, Production

CONFIGS = config_files("instruments/ctao-north-alpha/6.0.0", "atmospheres")
MODULES = [*kept_runs.MODULES, "iactflow.campaign.schema_simulation"]
SEED = 23
OFFSET_DEG, REUSE = 0.5, 5
COMMON = {
    "particle": "gamma",
    "zenith_deg": 20.0,
    "azimuth_deg": 180.0,
    "offset_deg": OFFSET_DEG,
    "shower_reuse": REUSE,
    "spectral_index": 1.0,
}


def _run(low_tev, high_tev, core_radius_max_m, n_showers):
    energies = {"energy_min_tev": low_tev, "energy_max_tev": high_tev}
    return {**COMMON, **energies, "core_radius_max_m": core_radius_max_m, "n_showers": n_showers}


#: Runs by number, flat in ln E: those that fill tables, and a tenth of a decade to both sides of
#: each energy that is judged. No choice of cuts or tables was made with the showers of the tested
#: runs: others, of runs 11 to 13, were for that.
TRAINING = (1, 2, 3, 4, 5, 6, 7, 8)
TESTED = {21: 0.1, 22: 1.0, 23: 10.0}
RUNS = {
    1: _run(0.03, 0.3, 400.0, 180),
    2: _run(0.3, 3.0, 600.0, 80),
    3: _run(3.0, 30.0, 900.0, 60),
    4: _run(0.05, 0.2, 400.0, 180),
    5: _run(0.5, 2.0, 600.0, 100),
    **{run: _run(5.0, 20.0, 900.0, 20) for run in (6, 7, 8)},
    **{
        run: _run(energy * 10.0**-0.1, energy * 10.0**0.1, radius, n)
        for (run, energy), radius, n in zip(
            TESTED.items(), (400.0, 600.0, 900.0), (200, 120, 110), strict=True
        )
    },
}
#: Levels of the cleaning as in ctapipe's base configuration.
GEOMETRY = {
    "extraction": {},
    "cleaning": {
        "picture_threshold_pe": 9.0,
        "boundary_threshold_pe": 4.5,
        "min_picture_neighbors": 2,
        "per_type": {"LST*": {"picture_threshold_pe": 8.5, "boundary_threshold_pe": 4.25}},
    },
    "stereo": {"min_size_pe": 50.0, "max_leakage": 0.2},
}


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
    shower = {"backend": "iactflow", "cascade": Cascade().model_dump()}
    return {"name": "gamma", **block, "shower": shower}


SAMPLE = KeptRuns("ctao-", CONFIGS, SEED, production, GEOMETRY)


if __name__ == "__main__":
    make_runs(SAMPLE.geometry_of)
