"""Runs of `hadron_sample` on another version of H.E.S.S. I."""

from __future__ import annotations

from pathlib import Path

import hadron_sample
from hadron_sample import REPOSITORY

from iactflow.telescope.stages.events import simulate_events
from iactflow.telescope.stages.setup import make_setup

VERSION = "instruments/hess1/2006-2"
#: The version's own files first.
CONFIGS = [
    str(path.relative_to(REPOSITORY))
    for path in sorted((hadron_sample.CONFIG / VERSION).rglob("*"))
    if path.is_file()
] + hadron_sample.CONFIGS


def _job(run: int, n_showers: int | None = None) -> tuple:
    settings = hadron_sample._production(run)
    inputs, params, wildcards = hadron_sample._job(settings, n_showers or settings["n_showers"])
    inputs.instrument = [str(REPOSITORY / path) for path in CONFIGS]
    return inputs, params, wildcards


def setup_of(run: int, n_showers: int):
    """Array and air of the first showers of a run.

    Parameters
    ----------
    run : int
        One of `hadron_sample.RUNS`.
    n_showers : int
        Showers.

    Returns
    -------
    Setup
        As of `iactflow.telescope.stages.setup`.
    """
    return make_setup(*_job(run, n_showers))


def raw(run: int) -> Path:
    """Simulate a run, or find it.

    Parameters
    ----------
    run : int
        One of `hadron_sample.RUNS`.

    Returns
    -------
    Path
        Folder of the stage ``simulate_events``.
    """
    files = [(REPOSITORY / path).read_bytes().hex() for path in CONFIGS]
    settings = hadron_sample._production(run)
    name = hadron_sample._digest(hadron_sample.SIMULATE, settings, VERSION, files)

    def simulate(folder):
        inputs, params, wildcards = _job(run)
        simulate_events(inputs, type(inputs)(events=folder), params, wildcards)

    return hadron_sample._kept(f"{run}-raw-{name}", simulate)


if __name__ == "__main__":
    import sys

    for wanted in sys.argv[1:]:
        print(raw(int(wanted)), flush=True)
