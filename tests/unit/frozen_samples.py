"""A finished production in a working folder: real settings and provenance, files without events."""

from __future__ import annotations

from pathlib import Path

import yaml
from tests.workflow import REPOSITORY

from iactflow.campaign.load import LoadedCampaign, load_campaign
from iactflow.campaign.provenance import Activity, entity, prov_document, write_sidecar
from iactflow.cli import main

PRODUCTION = "results/photons-ci/simulations/gamma"


def write_campaign(file: Path, change=None, name: str = "photons-ci") -> Path:
    """Write a shipped campaign with changes."""
    content = yaml.safe_load((REPOSITORY / f"config/campaigns/{name}.yaml").read_text())
    if change is not None:
        change(content)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content))
    return file


def load(file: Path) -> LoadedCampaign:
    """Load a campaign."""
    return load_campaign(yaml.safe_load(file.read_text()), [str(file)], REPOSITORY)


def level_files(campaign: LoadedCampaign, production: str) -> list[str]:
    """Names of the files of a chunk."""
    block = campaign.simulations.productions[production]
    return [f"nsb{level:g}.root" for level in block.nsb_levels]


def finish(file: Path, folder: Path, **changes) -> LoadedCampaign:
    """Write what the jobs of a campaign's productions leave, with changed attributes of jobs."""
    campaign = load(file)
    simulations, paths = campaign.simulations, campaign.paths
    for production in simulations.productions:
        for chunk in simulations.jobs(paths.simulated_chunk, production):
            run = chunk.split("/run")[1].partition("/")[0]
            (folder / chunk).mkdir(parents=True)
            for name in level_files(campaign, production):
                (folder / chunk / name).write_text(f"{name} of {chunk}")
            keys = {
                "rule": "simulate_events",
                "code": "c" * 32,
                "function": "iactflow.telescope.stages.events.simulate_events",
                "wildcards": {"production": production, "run": run, "chunk": chunk[-5:]},
                "settings": simulations.settings(production),
                "seed": campaign.seed,
                "start": "2026-01-01T00:00:00+00:00",
                "end": "2026-01-01T00:01:00+00:00",
                **changes,
            }
            used = {"config/site.yaml": entity(file, "config/site.yaml", "d" * 64)}
            made = {chunk: entity(folder / chunk, chunk, f"{chunk[-5:]:0>64}")}
            sidecar = folder / paths.sidecar(chunk)
            write_sidecar(sidecar, prov_document(Activity(**keys), used, made))
    return campaign


def finish_photons(campaign: LoadedCampaign, folder: Path, photons: str) -> None:
    """Write what a job leaves that keeps photons."""
    (folder / photons).parent.mkdir(parents=True, exist_ok=True)
    (folder / photons).write_text(photons)
    activity = Activity(
        rule="simulate_showers",
        code="b" * 32,
        function="iactflow.telescope.stages.showers.simulate_showers",
        wildcards={"production": "gamma"},
        settings=campaign.simulations.shower_settings("gamma"),
        seed=campaign.seed,
    )
    made = {photons: entity(folder / photons, photons, "f" * 64)}
    write_sidecar(folder / campaign.paths.sidecar(photons), prov_document(activity, {}, made))


def frozen(file: Path, folder: Path, out: Path, *options: str) -> int:
    """Run the command; its exit code."""
    arguments = ["freeze", file, "--directory", folder, "--out", out, *options]
    return main(list(map(str, arguments)))


def start_from(manifest: Path | str, production: str = "gamma"):
    """Change a campaign so that a production starts from a manifest."""

    def change(content):
        content.setdefault("storage", {}).setdefault("frozen", {})[production] = str(manifest)

    return change
