"""Simulations inside the image: nothing is left to compile, and the bits are those of its class."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.products import activities, differing, digests
from tests.workflow import REPOSITORY, snakemake

from iactflow.io.root import list_tables, read_table

pytestmark = [pytest.mark.platform, pytest.mark.slow]

CHUNK = "results/photons-ci/simulations/gamma/run1/chunks/00000"


@pytest.fixture(scope="module")
def campaign(image, tmp_path_factory) -> Path:
    """Return the smallest simulation, cut down to one job and pinned to the image built here."""
    content = yaml.safe_load((REPOSITORY / "config/campaigns/photons-ci.yaml").read_text())
    content["image"] = str(image)
    content["simulations"]["gamma"]["n_showers"] = 8
    file = tmp_path_factory.mktemp("simulation") / "photons-ci.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="module")
def compiled(image) -> Path:
    """Return the folder of compiled kernels on this node, removed: a node that is new."""
    digest = (image / "opt/iactflow/numba-cache/digest").read_text().strip()
    folder = Path(f"/tmp/iactflow-cache-{os.getuid()}/numba-{digest}")
    shutil.rmtree(folder, ignore_errors=True)
    return folder


@pytest.fixture(scope="module")
def inside(campaign, compiled, container_environment, run_folder) -> Path:
    """Return the working folder of a job that ran inside the image, the first on its node."""
    folder = run_folder("simulation")
    snakemake(
        *(CHUNK, "--cores", "1", "--configfile", campaign),
        folder=folder,
        profile="local-apptainer",
        # The working folder is another than the checkout, whose instruments jobs read.
        environment={**container_environment, "APPTAINER_BIND": str(REPOSITORY / "config")},
        timeout=300,
        check=True,
    )
    return folder


def _kernels(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.nb[ci]"))


def test_a_job_compiles_nothing(inside, image, compiled):
    assert [job["iactflow:container"] for job in activities(inside)] == [str(image)]
    with_image = _kernels(image / "opt/iactflow/numba-cache")
    assert len(with_image) > 100
    assert _kernels(compiled) == with_image


def test_events_have_the_same_bits_outside_of_it_in_its_cpu_class(
    inside, campaign, run_folder, cpu_class
):
    folder = run_folder("simulation-class")
    options = ("--cores", "1", "--configfile", campaign)
    snakemake(CHUNK, *options, folder=folder, environment=cpu_class, check=True)
    expected = digests(folder)
    assert expected
    assert not differing(digests(inside), expected)


def test_the_full_instruction_set_of_this_cpu_changes_last_bits_of_sums_alone(
    inside, campaign, run_folder
):
    folder = run_folder("simulation-native")
    snakemake(*(CHUNK, "--cores", "1", "--configfile", campaign), folder=folder, check=True)
    files = sorted((folder / CHUNK).glob("*.root"))
    assert files
    for expected in files:
        _all_but_equal(inside / CHUNK / expected.name, expected)


def _all_but_equal(found, expected):
    tables = list_tables(expected)
    assert list_tables(found) == tables
    assert tables["trigger"] > 0
    for name in tables:
        others = read_table(expected, name)
        for column, values in read_table(found, name).items():
            if getattr(values, "dtype", np.dtype(object)).kind == "f":
                # Numpy adds in another order: 4e-16 in the photons of a shower, nothing elsewhere.
                np.testing.assert_allclose(values, others[column], rtol=1e-14, err_msg=column)
            else:
                assert np.array_equal(values, others[column]), column
