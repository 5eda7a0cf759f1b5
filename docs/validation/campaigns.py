"""Targets of a campaign file and the stage functions, called without a workflow."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

from iactflow.campaign.config import read_campaign_file, validate_campaign
from iactflow.campaign.runs import read_run_table, select_runs
from iactflow.errors import InputError
from iactflow.science.stages.extract_spectra import extract_spectra
from iactflow.science.stages.fit_spectrum import fit_spectrum
from iactflow.science.stages.sky_maps import fill_sky_map, make_sky_map

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = 1


def data_dir() -> Path:
    """Folder of third-party data."""
    value = os.environ.get("IACTFLOW_DATA")
    if not value or not Path(value).is_dir():
        raise InputError("environment", "IACTFLOW_DATA", value, "the folder of third-party data")
    return Path(value)


def read_campaign(path: str):
    """Validated campaign file of this repository."""
    return validate_campaign(read_campaign_file(REPOSITORY / path), path)


class RealTarget:
    """A target of a campaign on H.E.S.S. DL3 DR1, with its runs and a folder to work in."""

    def __init__(self, campaign, name: str, folder: Path) -> None:
        target, root = campaign.targets[name], data_dir() / "dl3" / "hess-dl3-dr1"
        self.settings = {"name": name, **target.model_dump(mode="json")}
        table = read_run_table(campaign.data.run_table, REPOSITORY)
        runs = select_runs(
            table, target.observations, target.position, file=campaign.campaign, key=name
        )
        self.obs_ids = [int(run) for run in runs["obs_id"]]
        self.files = [str(root / file) for file in runs["file"]]
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.observations = self.folder / "observations.tsv"
        runs[["obs_id", "file"]].to_csv(self.observations, sep="\t", index=False)

    def _inputs(self):
        return SimpleNamespace(dl3=self.files, observations=str(self.observations))

    def spectrum(self) -> dict:
        """Block ``spectrum`` of the summary."""
        params = SimpleNamespace(settings=self.settings, obs_ids=self.obs_ids, seed=SEED)
        ogip = self.folder / "ogip"
        extract_spectra(self._inputs(), SimpleNamespace(ogip=ogip), params, SimpleNamespace())
        names = {"spectrum": "json", "flux_points": "ecsv", "profiles": "ecsv"}
        names["theta_squared"] = "ecsv"
        outputs = {name: self.folder / f"{name}.{end}" for name, end in names.items()}
        inputs = SimpleNamespace(ogip=[ogip])
        fit_spectrum(inputs, SimpleNamespace(**outputs), params, SimpleNamespace())
        return json.loads(outputs["spectrum"].read_text())

    def sky_map(self, band: str) -> dict:
        """Headline numbers of the sky map of one band."""
        params = SimpleNamespace(settings=self.settings, obs_ids=self.obs_ids)
        wildcards, sums = SimpleNamespace(band=band), self.folder / "sums.fits"
        fill_sky_map(self._inputs(), SimpleNamespace(maps=sums), params, wildcards)
        outputs = SimpleNamespace(maps=self.folder / "maps.fits", summary=self.folder / "map.json")
        make_sky_map(SimpleNamespace(chunks=[sums]), outputs, params, wildcards)
        return json.loads(outputs.summary.read_text())[band]


def mock_target(campaign, name: str) -> dict:
    """Settings of a target of a mock campaign."""
    return {"name": name, **campaign.targets[name].model_dump(mode="json")}


def mock_block(campaign, n_runs: int) -> dict:
    """Block ``mock`` of a campaign with another number of runs and without the flare."""
    block = campaign.mock.model_dump(mode="json")
    block["n_runs"] = n_runs
    block["source"].update(flare_factor=1.0, flare_start_s=0.0, flare_duration_s=0.0)
    return block
