"""The campaign ``ci`` inside a real Apptainer image: same products, nothing from outside."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from tests.products import activities, differing, digests
from tests.workflow import REPOSITORY, snakemake

pytestmark = [pytest.mark.platform, pytest.mark.slow]

RUN_LIST = "results/ci/dl3/crab/observations.tsv"
# Imports what each rule's script imports, in a fresh Python without the host's search paths.
PROBE = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
files = {n: getattr(m, "__file__", None) for n, m in sys.modules.items()}
json.dump({n: f for n, f in files.items() if f}, sys.stdout)
"""


@pytest.fixture(scope="module")
def inside(image_campaign, container_environment, run_folder):
    """Return the working folder of the campaign, run inside the image."""
    folder = run_folder("apptainer")
    snakemake(
        *("all", "--cores", "2", "--configfile", image_campaign),
        folder=folder,
        profile="local-apptainer",
        environment=container_environment,
        timeout=900,
        check=True,
    )
    return folder


def _script_modules():
    """Modules that the scripts of the rules import."""
    lines = (
        line.split()[1]
        for script in (REPOSITORY / "workflow/scripts").glob("*.py")
        for line in script.read_text().splitlines()
        if line.startswith("from iactflow")
    )
    return sorted(set(lines))


def test_the_image_holds_every_module_that_any_script_imports(image, container_environment):
    names = _script_modules()
    assert len(names) > 15
    command = ["apptainer", "exec", "--cleanenv", "--no-home", "--pwd", "/", str(image)]
    answer = subprocess.run(
        [*command, "python", "-c", PROBE, *names],
        env={**os.environ, **container_environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    files = json.loads(answer.stdout)
    assert {"iactflow", "numpy", "numba", "gammapy", "astropy", "iminuit"} <= files.keys()
    elsewhere = {
        name: file
        for name, file in files.items()
        if not file.startswith(("/opt/iactflow/", "/usr/lib/python3"))
    }
    assert not elsewhere


def test_every_job_ran_in_the_image_and_nothing_came_from_outside(inside, image):
    jobs = activities(inside)
    assert len(jobs) > 15
    assert {job["iactflow:container"] for job in jobs} == {str(image)}
    # An empty list: looked for and not found. Without the check it would be null.
    assert {json.dumps(job["iactflow:checkout_modules"]) for job in jobs} == {"[]"}
    assert json.loads((inside / "results/ci/summary.json").read_text())["image"] == str(image)


def test_products_have_the_same_content_as_without_the_image(inside, without_image):
    expected = digests(without_image)
    assert len(expected) > 25
    assert not differing(digests(inside), expected)


def test_an_image_with_other_code_is_refused(
    image_campaign, container_environment, run_folder, tmp_path
):
    changed = tmp_path / "select.py"
    source = REPOSITORY / "workflow/src/iactflow/dl3/select.py"
    changed.write_text(source.read_text() + "\nOTHER = 1\n")
    bind = f"{changed}:/opt/iactflow/iactflow/dl3/select.py"
    folder = run_folder("other-code")
    result = snakemake(
        *(RUN_LIST, "--cores", "1", "--configfile", image_campaign),
        folder=folder,
        profile="local-apptainer",
        environment={**container_environment, "APPTAINER_BIND": bind},
    )
    assert result.returncode != 0
    assert "the image or environment holds other code than the launching side" in result.stdout
    assert "iactflow.dl3.select" in result.stdout
    assert not (folder / RUN_LIST).exists()


def test_a_job_that_should_be_in_the_image_and_is_not_is_refused(tmp_path, image_campaign):
    # The profile without containers, on purpose.
    result = snakemake(
        *(RUN_LIST, "--cores", "1", "--configfile", image_campaign),
        folder=tmp_path,
        environment={"IACTFLOW_EXPECT_IMAGE": "1"},
    )
    assert result.returncode != 0
    assert "the job runs outside a container" in result.stdout
