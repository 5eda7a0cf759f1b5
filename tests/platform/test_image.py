"""The image itself: labels and digest, each of its forms, each kind of user, CPUs of its class.

Other CPUs are emulated by QEMU: programs find another processor when they ask for it.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from tests.products import activities, digests, write_campaign
from tests.workflow import REPOSITORY, snakemake

pytestmark = [pytest.mark.platform, pytest.mark.slow]

MOCK_RUNS = "results/ci/dl3/mock/00000"
# Functions whose last bits depend on the instructions that a library takes; digests of results.
PROBE = REPOSITORY / "tests/platform/cpu_probe.py"
# What a processor of 2008 would have libraries do.
SSE_ALONE = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Nehalem",
}


@pytest.fixture(scope="module")
def apptainer(container_environment):
    """Return a function that runs Apptainer and gives back what it printed."""

    def run(*arguments, environment=None):
        result = subprocess.run(
            ["apptainer", "--silent", *map(str, arguments)],
            env={**os.environ, **container_environment, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture(scope="module")
def probe(apptainer, image):
    """Return a function that runs the probe inside the image."""

    def run(*options, environment=None):
        bind = ("--bind", f"{PROBE}:/mnt/cpu_probe.py")
        command = ("python", "/mnt/cpu_probe.py")
        arguments = ("exec", "--no-home", *bind, *options, image, *command)
        return json.loads(apptainer(*arguments, environment=environment))

    return run


@pytest.mark.parametrize("form", ["folder", "sif"])
def test_labels_tell_version_commit_and_lock(form, request, apptainer):
    image = request.getfixturevalue({"folder": "image", "sif": "sif"}[form])
    labels = json.loads(apptainer("inspect", "--json", image))["data"]["attributes"]["labels"]
    version = next(
        line.split('"')[1]
        for line in (REPOSITORY / "pyproject.toml").read_text().splitlines()
        if line.startswith("version = ")
    )
    lock = subprocess.run(
        ["sha256sum", REPOSITORY / "envs/base.txt"], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    assert labels["org.opencontainers.image.version"] == version
    assert labels["iactflow.lock.sha256"] == lock
    commit = labels["org.opencontainers.image.revision"].removesuffix("-changed")
    subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=REPOSITORY, check=True)


def test_the_digest_is_that_of_the_contents(apptainer, image, sif, image_digest, tmp_path):
    digest = ("sh", "/opt/iactflow/digest.sh")
    for form in (image, sif):
        assert apptainer("exec", "--cleanenv", "--no-home", form, *digest).strip() == image_digest
    # One file with one character more.
    changed = tmp_path / "select.py"
    name = "opt/iactflow/iactflow/dl3/select.py"
    changed.write_text((image / name).read_text() + "#")
    bind = ("--bind", f"{changed}:/{name}")
    found = apptainer("exec", "--cleanenv", "--no-home", *bind, image, *digest).strip()
    assert len(found) == 64
    assert found != image_digest


@pytest.mark.parametrize("who", ["root", "ordinary"])
@pytest.mark.parametrize("form", ["folder", "sif"])
def test_a_job_runs_in_every_form_for_every_user(
    form, who, request, image_digest, container_environment, run_folder, users, mock_runs
):
    image = request.getfixturevalue({"folder": "image", "sif": "sif"}[form])
    folder = run_folder(f"{form}-{who}")
    user = users(who, folder)
    pinned = f"{image}@sha256:{image_digest}"
    campaign = write_campaign(folder / "ci.yaml", lambda content: content.update(image=pinned))
    snakemake(
        *(MOCK_RUNS, "--cores", "1", "--configfile", campaign),
        folder=folder,
        profile="local-apptainer",
        environment={**container_environment, **user.environment},
        prefix=user.prefix,
        check=True,
    )
    assert (folder / MOCK_RUNS).stat().st_uid == user.uid
    (job,) = activities(folder)
    assert job["iactflow:container"] == str(image)
    assert job["iactflow:image_digest"] == image_digest
    assert job["iactflow:checkout_modules"] == []
    assert digests(folder) == mock_runs


@pytest.fixture(scope="module")
def mock_runs(image_campaign, cpu_class, run_folder):
    """Digests of the same job outside the image, on the CPU class of the image."""
    folder = run_folder("mock-runs")
    arguments = (MOCK_RUNS, "--cores", "1", "--configfile", image_campaign)
    snakemake(*arguments, folder=folder, environment=cpu_class, check=True)
    return digests(folder)


def test_another_image_than_the_pinned_one_runs_no_job(
    sif, container_environment, run_folder, tmp_path
):
    pinned = f"{sif}@sha256:{'ab' * 32}"
    campaign = write_campaign(tmp_path / "ci.yaml", lambda content: content.update(image=pinned))
    folder = run_folder("other-digest")
    result = snakemake(
        *(MOCK_RUNS, "--cores", "1", "--configfile", campaign),
        folder=folder,
        profile="local-apptainer",
        environment=container_environment,
    )
    assert result.returncode != 0
    assert f"{sif} is another image than the campaign pins" in result.stdout
    assert not (folder / MOCK_RUNS).exists()


def test_bits_follow_the_cpu_where_nothing_is_pinned(probe):
    switches = {f"APPTAINERENV_{name}": value for name, value in SSE_ALONE.items()}
    here, old = probe("--cleanenv"), probe("--cleanenv", environment=switches)
    changed = {name for name in here if here[name] != old[name]}
    assert changed >= {"cos_float32", "product", "solution"}


def test_the_image_pins_what_the_host_would_switch(probe):
    # Without --cleanenv the host's environment comes in, and the image's own stands above it.
    assert probe(environment=SSE_ALONE) == probe("--cleanenv")


@pytest.mark.parametrize("cpu", ["Haswell", "EPYC"])
def test_bits_are_the_same_on_every_cpu_of_the_class(cpu, probe, emulated):
    assert probe("--cleanenv", environment=emulated(cpu)) == probe("--cleanenv")
