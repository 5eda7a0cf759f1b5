"""Real platforms: Apptainer with the image, and one run of the campaign ``ci`` without it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.platform.slurm_farm import PATH as SLURM_PATH
from tests.platform.slurm_farm import PROGRAMS as SLURM_PROGRAMS
from tests.platform.slurm_farm import Farm
from tests.platform.storage_servers import PROGRAMS, Servers
from tests.products import CAMPAIGN, write_campaign
from tests.workflow import REPOSITORY, snakemake

INSTALLED = REPOSITORY / ".platform/apptainer/bin"
IMAGE = REPOSITORY / "containers/build/iactflow"


@pytest.fixture(scope="session")
def container_environment() -> dict[str, str]:
    """Environment in which Apptainer runs here, and in which every job proves its image."""
    environment = {
        "PATH": f"{INSTALLED}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        # Handed into the container, where --cleanenv lets nothing else in.
        "APPTAINERENV_IACTFLOW_EXPECT_IMAGE": "1",
    }
    if shutil.which("apptainer", path=environment["PATH"]) is None:
        missing("Apptainer is not installed (tests/platform/setup.sh installs it)")
    if os.geteuid() == 0:
        # Root inside a container often may not raise resource limits, and cannot hand that on.
        environment["APPTAINER_DROP_CAPS"] = "CAP_SYS_RESOURCE"
    return environment


@pytest.fixture(scope="session")
def image() -> Path:
    """Folder that holds the image, as the farm's unpacked images on CVMFS are."""
    if not (IMAGE / "opt/iactflow/iactflow").is_dir():
        missing(f"{IMAGE} is not built (tests/platform/setup.sh builds it)")
    return IMAGE


@pytest.fixture(scope="session")
def image_campaign(image, tmp_path_factory) -> Path:
    """Return the campaign ``ci``, pinned to the image built here."""
    file = tmp_path_factory.mktemp("campaign") / "ci.yaml"
    return write_campaign(file, lambda content: content.update(image=str(image)))


@pytest.fixture(scope="session")
def run_folder():
    """Return a function that makes a working folder outside /tmp, which Apptainer always binds."""
    root = REPOSITORY / ".platform/runs"
    shutil.rmtree(root, ignore_errors=True)

    def make(name: str) -> Path:
        folder = root / name
        folder.mkdir(parents=True)
        return folder

    yield make
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def without_image(run_folder) -> Path:
    """Return the working folder of the campaign ``ci``, run in the environment of the tests."""
    folder = run_folder("local")
    options = ["--cores", "2", "--configfile", CAMPAIGN]
    snakemake("all", *options, folder=folder, timeout=900, check=True)
    return folder


@pytest.fixture(scope="session")
def storage_servers():
    """Two storage elements behind real XRootD servers."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            missing(f"{program} is not installed (tests/platform/setup.sh installs XRootD)")
    found = Servers()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def farm():
    """Return a running SLURM of three nodes."""
    for program in SLURM_PROGRAMS:
        if shutil.which(program, path=SLURM_PATH) is None:
            missing(f"{program} is not installed (tests/platform/setup.sh installs SLURM)")
    found = Farm()
    yield found
    found.stop()
