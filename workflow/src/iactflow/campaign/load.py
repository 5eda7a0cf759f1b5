"""A loaded campaign: what the Snakefile asks for, built once, before the DAG."""

from __future__ import annotations

import ast
import hashlib
import os
from functools import cache, cached_property
from pathlib import Path

import pandas as pd

from iactflow.campaign.closure import closure_digest
from iactflow.campaign.config import read_campaign_file, validate_campaign
from iactflow.campaign.cuts import CutPlan
from iactflow.campaign.digest import config_sha256
from iactflow.campaign.event_lists import EventListPlan
from iactflow.campaign.mock_plan import MockPlan
from iactflow.campaign.mock_runs import mock_run_table
from iactflow.campaign.paths import Paths, band_name, dl3_file
from iactflow.campaign.reconstruction import Samples
from iactflow.campaign.responses import ResponsePlan
from iactflow.campaign.runs import chunk_runs, read_run_table, select_runs
from iactflow.campaign.schema import Campaign
from iactflow.campaign.simulations import Simulations
from iactflow.campaign.storage import StoragePlan
from iactflow.campaign.streams import campaign_seed
from iactflow.errors import InputError

__all__ = ["LoadedCampaign", "load_campaign", "open_run_table"]

DR1 = "dl3/hess-dl3-dr1"
FETCHED = "resources/dl3/hess-dl3-dr1"
INDICES = ("obs-index.fits.gz", "hdu-index.fits.gz")


def load_campaign(config: dict, files: list | tuple = (), base: str | Path = ".") -> LoadedCampaign:
    """Validate a campaign and everything it names, before any job starts.

    Parameters
    ----------
    config : dict
        Merged configuration, as Snakemake hands it over.
    files : sequence of path
        The files it was merged from; each is read again strictly, the last is named in errors.
    base : path
        Root of the repository, where relative paths start.

    Returns
    -------
    LoadedCampaign
        The campaign, its runs and its files.

    Raises
    ------
    InputError
        If anything in the campaign cannot be used.
    """
    if not files:
        raise InputError("command line", "--configfile", None, "a file of config/campaigns")
    for file in files:
        read_campaign_file(file)
    loaded = LoadedCampaign(validate_campaign(config, files[-1]), str(files[-1]), Path(base))
    loaded.check_files()
    return loaded


def open_run_table(files: list[str] | str, mock_source: dict | None) -> pd.DataFrame:
    """Open the table of all runs at hand.

    Parameters
    ----------
    files : list of str or str
        The TSV file of real runs; empty for mock runs.
    mock_source : dict or None
        ``mock``, the settings of mock runs, and ``runs_per_job``.

    Returns
    -------
    pandas.DataFrame
        One row per run, indexed by ``obs_id``.
    """
    if mock_source is None:
        return read_run_table(files if isinstance(files, str) else files[0])
    table = mock_run_table(mock_source["mock"], mock_source["runs_per_job"])
    return table.set_index("obs_id", drop=False)


class LoadedCampaign:
    """A validated campaign with its run table, its chunks and its paths.

    Parameters
    ----------
    model : Campaign
        Validated configuration.
    file : str
        Campaign file, named in errors.
    base : Path
        Root of the repository.
    """

    def __init__(self, model: Campaign, file: str, base: Path) -> None:
        self.model, self.file, self.base = model, file, base
        self.name = model.campaign
        self.paths = Paths(model.campaign)
        self.config = model.model_dump(mode="json")
        # Where files lie changes no product: what `config_sha256` leaves out, and this.
        placed = {key: value for key, value in self.config.items() if key != "storage"}
        self.config_sha256 = config_sha256(placed)
        self.seed = model.seed if model.seed is not None else campaign_seed(model.campaign)
        self.is_mock = model.data.source == "mock"
        self.targets = {
            name: target
            for name, target in model.targets.items()
            if model.only_targets is None or name in model.only_targets
        }
        self.storage = StoragePlan(model, self.paths, file, base)
        self.simulations = Simulations(model, self.config, self.paths, file, base, self.storage)
        self.samples = Samples(
            model, self.config, self.paths, self.simulations, file, self.seed, self.storage
        )
        self.cuts = CutPlan(model, self.config, self.paths, self.samples, file)
        self.responses = ResponsePlan(
            model, self.config, self.paths, self.simulations, self.samples, file
        )
        # What event lists of any origin are made with: the campaign's own responses and cuts.
        made = (
            [self.paths.responses.format(node=n) for n in self.responses.nodes],
            self.cuts.product,
        )
        self.mock_plan = MockPlan(self.config, self.paths, self.samples, file, *made)
        self.event_lists = EventListPlan(self.config, self.paths, self.samples, file, *made)
        self.dl3_root = self._dl3_root() if self.targets else ""

    def _dl3_root(self) -> str:
        data = self.model.data
        if self.is_mock:
            return self.paths.mock_root
        if data.dl3_root is not None:
            return data.dl3_root
        below = os.environ.get("IACTFLOW_DATA")
        if below and ((Path(below) / DR1 / INDICES[0]).exists() or not data.fetch.enabled):
            return str(Path(below) / DR1)
        if data.fetch.enabled:
            return FETCHED
        raise InputError(
            self.file,
            "data.dl3_root",
            None,
            "a folder with DL3 files, or the environment variable IACTFLOW_DATA, or "
            "data.fetch.enabled: true",
        )

    @property
    def fetches(self) -> bool:
        """Whether the runs are downloaded: wanted, and not at hand."""
        return (
            bool(self.targets)
            and not self.is_mock
            and self.model.data.fetch.enabled
            and not (Path(self.dl3_root) / INDICES[0]).exists()
        ) or self.dl3_root == FETCHED

    @property
    def run_table_file(self) -> list[str]:
        """The file of the run table; none for mock runs."""
        return [] if self.is_mock else [str(self.base / self.model.data.run_table)]

    @property
    def mock_source(self) -> dict | None:
        """What a job needs to list the mock runs; None for real data."""
        if not self.is_mock:
            return None
        return {"mock": self.config["mock"], "runs_per_job": self.model.execution.runs_per_job}

    @cached_property
    def run_table(self) -> pd.DataFrame:
        """All runs at hand."""
        return open_run_table(self.run_table_file, self.mock_source)

    @cached_property
    def runs(self) -> dict[str, pd.DataFrame]:
        """Runs by target."""
        return {
            name: select_runs(
                self.run_table,
                target.observations,
                target.position,
                file=self.file,
                key=f"targets.{name}.observations",
            )
            for name, target in self.targets.items()
        }

    @cached_property
    def chunks(self) -> dict[str, dict[str, list[int]]]:
        """Runs by target and chunk."""
        size = self.model.execution.runs_per_job
        return {
            name: chunk_runs([int(i) for i in table["obs_id"]], size)
            for name, table in self.runs.items()
        }

    @cached_property
    def mock_chunks(self) -> dict[str, list[int]]:
        """Mock runs by chunk; empty for real data."""
        if not self.is_mock:
            return {}
        obs_ids = [int(i) for i in self.run_table["obs_id"]]
        return chunk_runs(obs_ids, self.model.execution.runs_per_job)

    @cached_property
    def bands(self) -> dict[str, list[str]]:
        """Energy bands of the sky maps by target."""
        return {
            name: [band_name(b) for m in target.sky_maps for b in m.energy_bands_tev]
            for name, target in self.targets.items()
        }

    @cached_property
    def _files(self) -> dict[int, str]:
        table = self.run_table
        return {
            int(i): dl3_file(self.dl3_root, f)
            for i, f in zip(table["obs_id"], table["file"], strict=True)
        }

    def runs_digest(self, target: str) -> str:
        """Digest of the rows of a target's runs: the run list is made anew when they change.

        Parameters
        ----------
        target : str
            Name of the target.

        Returns
        -------
        str
            Hexadecimal digest.
        """
        text = self.runs[target].to_csv(index=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def dl3_files(self, target: str, chunk: str | None = None) -> list[str]:
        """DL3 files of a target, or of one of its chunks.

        Parameters
        ----------
        target : str
            Name of the target.
        chunk : str, optional
            Name of the chunk; all of them if left out.

        Returns
        -------
        list of str
            Paths in ascending ``obs_id``.
        """
        chunks = self.chunks[target]
        obs_ids = chunks[chunk] if chunk else [i for c in chunks.values() for i in c]
        return [self._files[i] for i in obs_ids]

    @property
    def indices(self) -> tuple[str, str]:
        """Observation index and HDU index of the DL3 data."""
        return tuple(dl3_file(self.dl3_root, name) for name in INDICES)

    def target_settings(self, target: str, without: tuple[str, ...] = ()) -> dict:
        """Settings of a target, defaults filled in.

        Parameters
        ----------
        target : str
            Name of the target.
        without : tuple of str
            Keys that are left out, so that their change reruns nothing.

        Returns
        -------
        dict
            The block of the campaign, and its ``name``.
        """
        block = self.config["targets"][target]
        return {"name": target, **{k: v for k, v in block.items() if k not in without}}

    @cache  # noqa: B019 - one campaign lives as long as its process
    def code(self, rule: str) -> str:
        """Digest of the code that a rule runs: the import closure of its script.

        Parameters
        ----------
        rule : str
            Name of the rule, and of its script.

        Returns
        -------
        str
            Hexadecimal digest.
        """
        script = self.base / "workflow" / "scripts" / f"{rule}.py"
        modules = {
            node.module
            for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module != "iactflow.campaign.job"
        }
        digests = [closure_digest(module) for module in sorted(modules)]
        return (
            digests[0] if len(digests) == 1 else hashlib.sha256(repr(digests).encode()).hexdigest()
        )

    def check_files(self) -> None:
        """Check that every file that the campaign reads exists.

        Raises
        ------
        InputError
            For the first file that is missing.
        """
        self.storage.check()
        self.simulations.check_files()
        self.samples.check_files()
        self.cuts.check()
        self.responses.check()
        self.mock_plan.check_files()
        self.event_lists.check_files()
        runs = self.runs
        if not self.targets or self.is_mock or self.fetches:
            return
        needed = {name: self.dl3_files(name) for name in runs}
        root = Path(self.dl3_root)
        if not all((root / name).is_file() for name in INDICES):
            raise InputError(
                self.file,
                "data.dl3_root",
                self.dl3_root,
                "a folder that holds " + " and ".join(INDICES),
            )
        for name, files in needed.items():
            for path in files:
                if not os.path.isfile(path):
                    raise InputError(
                        self.file,
                        f"targets.{name}.observations",
                        path,
                        "runs whose file exists below data.dl3_root",
                    )

    @property
    def identity(self) -> dict[str, str]:
        """What every sidecar says of the campaign."""
        return {"config_sha256": self.config_sha256, "image": self.model.image}

    @property
    def facts(self) -> dict:
        """What the summary and the overview say of the campaign itself."""
        data = self.config["data"]
        return {
            "campaign": self.name,
            "description": self.model.description,
            "config_file": self.file,
            "config_sha256": self.config_sha256,
            "config": self.config,
            "image": self.model.image,
            "seed": self.seed,
            "data_source": data["source"],
            "targets": {n: self.target_settings(n) for n in self.targets},
            "simulations": {n: self.simulations.settings(n) for n in self.simulations.productions},
            **({"frozen": frozen} if (frozen := self._frozen_facts) else {}),
        }

    @property
    def _frozen_facts(self) -> dict[str, dict]:
        """What the report says of productions that were not simulated."""
        return {name: found.facts for name, found in self.storage.frozen.items()}

    @property
    def needed_files(self) -> list[str]:
        """DL3 files and indices that the campaign reads, each once."""
        files = {f for name in self.targets for f in self.dl3_files(name)}
        return [*self.indices, *sorted(files)]

    @cached_property
    def checksums(self) -> dict[str, dict]:
        """Size and SHA-256 of the files of the release, by path below the data root."""
        path = self.base / Path(self.model.data.run_table).with_suffix(".sha256.tsv")
        if not path.is_file():
            raise InputError(path, "data.fetch.enabled", "missing file", "a table of checksums")
        table = pd.read_csv(path, sep="\t")
        return {
            row.file: {"sha256": row.sha256, "size_bytes": int(row.size_bytes)}
            for row in table.itertuples()
        }
