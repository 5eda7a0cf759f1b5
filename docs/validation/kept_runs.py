"""Simulated runs and their geometry, kept in ``results/validation`` for pages that share them.

Folders are named by a digest of the code and the settings that they follow from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.closure import closure_digest
from iactflow.stereo.stages.reconstruct_geometry import reconstruct_geometry
from iactflow.telescope.stages.events import simulate_events
from iactflow.telescope.stages.setup import make_setup

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = REPOSITORY / "config"
SIMULATE = ["iactflow.telescope.stages.events"]
GEOMETRY_OF = ["iactflow.stereo.stages.reconstruct_geometry"]
MODULES = ["iactflow.campaign.atomic", "iactflow.campaign.closure", *GEOMETRY_OF, *SIMULATE]


def config_files(*folders: str) -> list[str]:
    """List the files below folders of the configuration.

    Parameters
    ----------
    *folders : str
        Below ``config``.

    Returns
    -------
    list of str
        Paths below the repository; of each folder in order.
    """
    return [
        str(path.relative_to(REPOSITORY))
        for folder in folders
        for path in sorted((CONFIG / folder).rglob("*"))
        if path.is_file()
    ]


class KeptRuns(NamedTuple):
    """Runs of one array with one seed.

    Attributes
    ----------
    prefix : str
        Names of folders begin with it.
    configs : list of str
        Files of instrument and atmosphere.
    seed : int
        Seed of all runs.
    settings_of : callable
        Number of a run to its settings as a production, with ``shower``.
    geometry : dict
        Settings of extraction, cleaning and stereo geometry.
    pool : callable, optional
        Makes the file of hadronic interactions; by default runs have none.
    """

    prefix: str
    configs: list[str]
    seed: int
    settings_of: Callable[[int], dict]
    geometry: dict
    pool: Callable[[], str] | None = None

    def job(self, settings: dict, n_showers: int) -> tuple:
        """Inputs, parameters and wildcards of a simulation.

        Parameters
        ----------
        settings : dict
            Of a production.
        n_showers : int
            Its first showers.

        Returns
        -------
        inputs, params, wildcards : namespace
            As a rule gives them.
        """
        hadronic = self.pool is not None and "hadrons" in settings["shower"]
        files = [str(REPOSITORY / path) for path in self.configs]
        return (
            SimpleNamespace(
                instrument=files, conditions=[], hadrons=[self.pool()] if hadronic else []
            ),
            SimpleNamespace(settings=settings, seed=self.seed, showers=(1, n_showers)),
            SimpleNamespace(run=str(settings["run"]), production=settings["name"]),
        )

    def setup_of(self, run: int, n_showers: int):
        """Array and air of the first showers of a run.

        Parameters
        ----------
        run : int
            Its number.
        n_showers : int
            Showers.

        Returns
        -------
        Setup
            As of `iactflow.telescope.stages.setup`.
        """
        return make_setup(*self.job(self.settings_of(run), n_showers))

    def raw(self, run: int) -> Path:
        """Simulate a run, or find it.

        Parameters
        ----------
        run : int
            Its number.

        Returns
        -------
        Path
            Folder of the stage ``simulate_events``.
        """
        settings = self.settings_of(run)

        def simulate(folder: str) -> None:
            inputs, params, wildcards = self.job(settings, settings["n_showers"])
            simulate_events(inputs, SimpleNamespace(events=folder), params, wildcards)

        return _kept(f"{self.prefix}{run}-raw-{self._digest(SIMULATE, settings)}", simulate)

    def geometry_of(self, run: int) -> Path:
        """Simulate a run and reconstruct its geometry, or find it.

        Parameters
        ----------
        run : int
            Its number.

        Returns
        -------
        Path
            Folder of the stage ``reconstruct_geometry``.
        """

        def reconstruct(folder: str) -> None:
            reconstruct_geometry(
                SimpleNamespace(raw=str(self.raw(run))),
                SimpleNamespace(geometry=folder),
                SimpleNamespace(settings=self.geometry),
                SimpleNamespace(),
            )

        name = self._digest([*SIMULATE, *GEOMETRY_OF], self.settings_of(run), self.geometry)
        return _kept(f"{self.prefix}{run}-geometry-{name}", reconstruct)

    def _digest(self, modules, *values) -> str:
        code = [closure_digest(module) for module in modules]
        files = [(REPOSITORY / path).read_bytes().hex() for path in self.configs]
        text = json.dumps([code, files, self.seed, *values], sort_keys=True)
        return blake2b(text.encode(), digest_size=8).hexdigest()


def _kept(name: str, make: Callable[[str], None]) -> Path:
    """Folder of results, made if it is not there."""
    folder = REPOSITORY / "results" / "validation" / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(folder) as target:
            make(str(target))
    return folder


def make_runs(make: Callable[[int], Path], wanted: Iterable[str] = ()) -> None:
    """Make single runs, and print where they are.

    Parameters
    ----------
    make : callable
        Number of a run to its folder.
    wanted : iterable of str, optional
        Numbers; by default those of the command line.
    """
    for run in wanted or sys.argv[1:]:
        print(make(int(run)), flush=True)
