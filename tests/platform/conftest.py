"""Real platforms: Apptainer with the image, and one run of the campaign ``ci`` without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conftest import missing
from tests.platform.slurm_farm import PATH as SLURM_PATH
from tests.platform.slurm_farm import PROGRAMS as SLURM_PROGRAMS
from tests.platform.slurm_farm import Farm
from tests.platform.storage_servers import PROGRAMS, Servers
from tests.products import CAMPAIGN, write_campaign
from tests.workflow import REPOSITORY, snakemake

from iactflow.campaign.image import DIGEST_FILE

INSTALLED = REPOSITORY / ".platform/apptainer/bin"
IMAGE = REPOSITORY / "containers/build/iactflow"
SIF = REPOSITORY / "containers/build/iactflow.sif"
# Who runs what an ordinary user runs, where the tests run as root.
NOBODY = 65534


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
def sif(image) -> Path:
    """Return the same image as one file."""
    if not SIF.is_file():
        missing(f"{SIF} is not built (tests/platform/setup.sh builds it)")
    return SIF


@pytest.fixture(scope="session")
def image_digest(image) -> str:
    """Return the digest that the image states."""
    return (image / DIGEST_FILE).read_text().strip()


@pytest.fixture(scope="session")
def cpu_class() -> dict[str, str]:
    """Environment that fixes the CPU class as the image does, for runs outside of it."""
    script = f". {REPOSITORY}/containers/cpu.sh; env -0"
    found = subprocess.run(
        ["env", "-i", "/bin/sh", "-c", script], capture_output=True, text=True, check=True
    ).stdout
    variables = dict(line.split("=", 1) for line in found.split("\0") if line)
    return {name: value for name, value in variables.items() if name not in ("PWD", "PATH", "_")}


@pytest.fixture(scope="session")
def emulated(tmp_path_factory):
    """Return a function of a CPU's name: environment in which the image's Python finds this CPU."""
    qemu = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    if qemu is None:
        missing("QEMU is not installed (tests/platform/setup.sh installs it)")

    def environment(cpu: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("cpu")
        shutil.copy(qemu, folder / "qemu")
        python = folder / "python"
        python.write_text(
            "#!/bin/sh\nPATH=${PATH#*:}\n"
            f'exec /mnt/cpu/qemu -cpu {cpu} "$(command -v python)" "$@"\n'
        )
        python.chmod(0o755)
        return {
            "APPTAINER_BIND": f"{folder}:/mnt/cpu:ro",
            "APPTAINERENV_PREPEND_PATH": "/mnt/cpu",
        }

    return environment


@pytest.fixture(scope="session")
def users():
    """Return a function of ``root`` or ``ordinary`` and a folder: that user, who then owns it.

    An ordinary user who runs the tests can be no other.
    """

    def user(who: str, folder: Path) -> SimpleNamespace:
        if who == "root" and os.geteuid() != 0:
            missing("the tests do not run as root")
        if who == "root" or os.geteuid() != 0:
            return SimpleNamespace(uid=os.geteuid(), prefix=(), environment={})
        os.chown(folder, NOBODY, NOBODY)
        identity = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        environment = {"HOME": str(folder), "XDG_CACHE_HOME": f"{folder}/.cache"}
        fuse = Path("/dev/fuse")
        if not fuse.exists() or fuse.stat().st_mode & 0o006 != 6:
            # Without the device a file is unpacked for every job.
            environment["APPTAINER_UNSQUASH"] = "1"
        return SimpleNamespace(uid=NOBODY, prefix=("setpriv", *identity), environment=environment)

    return user


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
def without_image(run_folder, cpu_class) -> Path:
    """Return the working folder of the campaign ``ci``, run in the environment of the tests.

    Bits are promised within the CPU class of the image alone.
    """
    folder = run_folder("local")
    options = ["--cores", "2", "--configfile", CAMPAIGN]
    snakemake("all", *options, folder=folder, environment=cpu_class, timeout=900, check=True)
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
