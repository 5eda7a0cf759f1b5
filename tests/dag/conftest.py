"""Campaigns for the tests of the DAG: real definitions, empty files."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
import yaml


@pytest.fixture(scope="session")
def empty_release(tmp_path_factory, repository):
    """Return a data root with the names of the H.E.S.S. release, and nothing in the files."""
    root = tmp_path_factory.mktemp("release")
    (root / "data").mkdir()
    table = pd.read_csv(repository / "config/observations/hess-dl3-dr1.tsv", sep="\t")
    for name in [*table["file"], "obs-index.fits.gz", "hdu-index.fits.gz"]:
        (root / name).touch()
    return root


@pytest.fixture
def campaign(tmp_path, repository, empty_release):
    """Return a function that writes a shipped campaign with changes, and gives its path."""

    def write(name="hess-dl3-dr1", change=None):
        content = yaml.safe_load((repository / f"config/campaigns/{name}.yaml").read_text())
        if name == "hess-dl3-dr1":
            content["data"] = {"dl3_root": str(empty_release)}
        if change is not None:
            change(content)
        file = tmp_path / "campaign.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    yield write
    shutil.rmtree(tmp_path / ".snakemake", ignore_errors=True)
