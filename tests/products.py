"""What a finished campaign left behind, as its provenance sidecars tell it."""

from __future__ import annotations

from pathlib import Path

import yaml

from iactflow.campaign.provenance import read_sidecar
from tests.workflow import REPOSITORY

CAMPAIGN = REPOSITORY / "config/campaigns/ci.yaml"
# They name the image and state the cost of every job; page and figure are compared as they are.
ABOUT_THE_EXECUTION = {
    f"results/ci/{name}" for name in ("summary.json", "overview.html", "rule_graph.png")
}


def write_campaign(file, change):
    """Write the campaign ``ci`` with changes, and return its path."""
    content = yaml.safe_load(CAMPAIGN.read_text())
    change(content)
    file.write_text(yaml.safe_dump(content))
    return file


def sidecar_files(folder):
    """Files of the sidecars of all jobs; hidden ones are what a killed job did not finish."""
    files = Path(folder).glob("results/**/*.prov.json")
    return sorted(file for file in files if not file.name.startswith("."))


def sidecars(folder):
    """Sidecars of all jobs below a working folder."""
    files = sidecar_files(folder)
    assert files, f"no sidecar below {folder}"
    return [read_sidecar(file) for file in files]


def activities(folder):
    """Activity of every job: rule, container, modules from elsewhere."""
    return [document["activity"]["iactflow:job"] for document in sidecars(folder)]


def digests(folder):
    """Content digest of every product but those that tell of the execution itself."""
    found = {}
    for document in sidecars(folder):
        for generated in document["wasGeneratedBy"].values():
            entity = document["entity"][generated["prov:entity"]]
            found[entity["prov:location"]] = entity["iactflow:content_digest"]
    return {path: found[path] for path in sorted(found) if path not in ABOUT_THE_EXECUTION}


def differing(one, other):
    """Products that are missing on one side, or whose content differs."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
