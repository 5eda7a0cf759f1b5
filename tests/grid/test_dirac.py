"""A real DIRAC on this machine: two sites, their storage, one catalogue, and what can go wrong.

What is real, and what is absent, is said in README.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise

import pytest
from dirac_grid import DIRAC, IMAGE, IMAGE_SETUP, LFN_BASE, NODE, Grid
from tests.conftest import missing
from tests.products import activities, differing, digests
from tests.workflow import REPOSITORY

from snakemake_executor_plugin_dirac.bridge_client import Bridge, BridgeError
from snakemake_executor_plugin_dirac.jdl import Requirements, parametric_jdl

pytestmark = [pytest.mark.platform, pytest.mark.slow]


@pytest.fixture(scope="module")
def grid():
    """Return a running DIRAC."""
    if not (DIRAC / "bin/dirac-service").exists():
        missing(f"no DIRAC in {DIRAC} (tests/grid/dirac/install.sh installs it)")
    if shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        missing("MariaDB is not installed (tests/grid/dirac/install.sh installs it)")
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"]).returncode:
        missing("worker nodes need mount name spaces, and those need root")
    grid = Grid(tempfile.mkdtemp(prefix="dirac-"))
    grid.folder.chmod(0o755)
    try:
        grid.start_server()
        yield grid
    finally:
        grid.remove()


def states(grid, folder):
    """Status by name of every job that DIRAC ever got from a campaign."""
    ledger = json.loads((folder / ".dirac/ledger.json").read_text())
    bridge, found = grid.bridge(), []
    for batch in range(1, ledger["batch"] + 1):
        jobs = bridge("find", group=f"snk-{ledger['token']}-{batch:06d}")
        found += [(job["JobName"], job["Status"], job["Site"]) for job in jobs.values()]
    bridge.close()
    return found


def refused(bridge, words, minimum_s=60):
    """Check that a bridge refuses with these words, and end it."""
    try:
        with pytest.raises(BridgeError, match=words):
            bridge("check", minimum_s=minimum_s)
    finally:
        bridge.close()


def test_what_is_wrong_with_proxy_group_or_server_is_told(grid, tmp_path):
    refused(grid.bridge(X509_USER_PROXY=tmp_path / "none"), r"proxy.*dirac-proxy-init")
    refused(grid.bridge(), r"is valid for .*dirac-proxy-init", minimum_s=1e9)
    grid.script("proxy", "no_vo", str(tmp_path / "proxy"))
    (tmp_path / "etc").mkdir()
    text = (grid.folder / "client/etc/dirac.cfg").read_text()
    # A client of several organisations: a configuration that names one gives it to every group.
    (tmp_path / "etc/dirac.cfg").write_text(text.replace("VirtualOrganization", "Other"))
    other = grid.bridge(X509_USER_PROXY=tmp_path / "proxy", DIRAC_ROOT_PATH=tmp_path)
    refused(other, "belongs to no virtual organisation")
    (tmp_path / "etc/dirac.cfg").write_text(text.replace("9135", "1"))
    refused(grid.bridge(DIRAC_ROOT_PATH=tmp_path), r"configuration server in dirac\.cfg")


def test_a_failing_job_shows_its_log_and_a_banned_site_runs_none(grid):
    grid.new_pilots()
    folder = grid.workflow(
        "plain", 2, step="[ {wildcards.run} != 1 ] || (echo broken >>{log}; false)"
    )
    code, output = grid.run(folder, "--set-resources", "simulate:dirac_banned_sites=LCG.One.fr")
    assert code == 1, output
    assert (folder / "results-plain/0/value.txt").read_text() == "0\n"
    assert (folder / "results-plain/0/folder/empty").exists()
    assert not (folder / "results-plain/1").exists()
    # Each job looked for files of the launching side, and found none.
    assert (folder / "logs/0.log").read_text() == "run 0\n"
    assert (folder / "logs/1.log").read_text() == "run 1\nbroken\n"
    assert re.search(r"DIRAC job \d+ at LCG\.Two\.fr: Failed", output)
    assert "broken" in output
    assert {site for _, _, site in states(grid, folder)} == {"LCG.Two.fr"}
    # An empty file exists in no storage; every other product exactly once.
    names = ["results-plain/0/folder/full", "results-plain/0/value.txt"]
    assert grid.catalogued("results-plain") == [f"{LFN_BASE}/{name}" for name in names]
    assert "LCG.Two.fr" in grid.metadata("site")


def test_a_failed_job_goes_to_the_other_site(grid):
    grid.new_pilots("One")
    step = f"if grep -q LCG.One {NODE}/pilot.cfg; then exit 1; fi"
    folder = grid.workflow("elsewhere", 1, step=step)
    process = grid.start(folder, "--retries", "1")
    try:
        grid.wait_for(process, folder, lambda job: job["failed_sites"] == ["LCG.One.fr"])
        grid.new_pilots()
        assert process.wait(timeout=300) == 0, grid.output(folder)
    finally:
        process.kill()
        process.wait()
    simulated = [found for found in states(grid, folder) if found[0].startswith("simulate")]
    assert [found[1:] for found in simulated] == [("Failed", "LCG.One.fr"), ("Done", "LCG.Two.fr")]


def test_a_killed_pilot_loses_nothing(grid):
    calm = grid.site / "calm"
    grid.new_pilots()
    folder = grid.workflow("pilot", 2, step=f"[ -e {calm} ] || sleep 1000")
    process = grid.start(folder, "--retries", "3", "--dirac-heartbeat-timeout-s", "60")
    try:
        ledger = grid.wait_for(process, folder, lambda job: job["id"])
        ids = [job["id"] for job in ledger["jobs"].values()]
        running = grid.wait_for_payload(ids)
        calm.touch()
        grid.new_pilots()
        assert process.wait(timeout=600) == 0, grid.output(folder)
    finally:
        process.kill()
        process.wait()
    silent = re.findall(r"DIRAC job (\d+) at .*; no sign of life", grid.output(folder))
    assert set(running) <= set(map(int, silent))
    assert (folder / "results-pilot/sum.txt").read_text() == "0\n1\n0\n1\n"
    assert len(grid.catalogued("results-pilot")) == 5
    found = states(grid, folder)
    done = [name for name, status, _ in found if status == "Done"]
    assert len(done) == len(set(done)) == 3
    assert {status for _, status, _ in found} == {"Done", "Killed"}


def test_a_campaign_survives_its_launching_machine_and_a_restart_of_the_server(grid):
    grid.end_pilots()
    folder = grid.workflow("survivor", 4, step="sleep 5")
    process = grid.start(folder)
    ledger = grid.wait_for(process, folder, lambda job: job["id"])
    process.kill()
    process.wait()
    assert len({job["id"] for job in ledger["jobs"].values()}) == 4
    grid.new_pilots()
    process = grid.start(folder, "--retries", "2", "--dirac-heartbeat-timeout-s", "120")
    try:
        grid.wait_for(process, folder, lambda job: job["state"] == "done")
        grid.script("stop-services")
        time.sleep(5)
        grid.script("start-services")
        assert process.wait(timeout=600) == 0, grid.output(folder)
    finally:
        process.kill()
        process.wait()
    output = grid.output(folder)
    assert output.count("of an earlier launch") == 4
    assert "jobs go on" in output
    expected = "".join(f"{run}\n" for run in range(4))
    assert (folder / "results-survivor/sum.txt").read_text() == expected * 2
    assert len(grid.catalogued("results-survivor")) == 9
    # No job of the first launch was sent again unless DIRAC itself lost it.
    done = [name for name, status, _ in states(grid, folder) if status == "Done"]
    assert len(done) == len(set(done)) == 5


def in_image_and_here(grid, name, target, *options):
    """Run a campaign in its image on the grid, beside it on this machine; return both folders.

    Checks that the products have the same content, and that each job on the grid has looked
    whether it runs in a container, and where its modules come from.
    """
    if not (IMAGE / "opt/iactflow/iactflow").is_dir():
        missing(f"{IMAGE} is not built (tests/platform/setup.sh builds it)")
    grid.new_pilots()
    folder, here = grid.checkout(name), grid.checkout(f"{name}-here")
    campaign = ("--configfile", f"config/campaigns/{name}.yaml")
    # Bits are promised within the CPU class of the image alone.
    in_class = ["sh", "-c", '. "$0"; exec "$@"', str(REPOSITORY / "containers/cpu.sh")]
    local = [sys.executable, "-m", "snakemake", target, "--cores", "1", "--quiet"]
    on_this_machine = subprocess.Popen([*in_class, *local, *campaign], cwd=here)
    try:
        launch = (target, *options, *campaign)
        code, output = grid.run(folder, *launch, setup=IMAGE_SETUP, timeout=1800)
        assert code == 0, output
        assert on_this_machine.wait(timeout=1800) == 0
    finally:
        on_this_machine.kill()
        on_this_machine.wait()
    assert not differing(digests(folder), digests(here))
    assert {json.dumps(job["iactflow:checkout_modules"]) for job in activities(folder)} == {"[]"}
    assert {job["iactflow:checkout_modules"] for job in activities(here)} == {None}
    return folder, here


def test_a_simulation_in_its_image_has_the_same_content_as_on_this_machine(grid):
    target = "results/photons-ci/simulations/gamma/summary.json"
    metadata = (
        "campaign=config.campaign run=wildcards.run "
        "particle=config.simulations.{production}.particle "
        "zenith_deg=config.simulations.{production}.zenith_deg "
        "azimuth_deg=config.simulations.{production}.azimuth_deg"
    )
    folder, here = in_image_and_here(grid, "photons-ci", target, "--dirac-metadata", metadata)
    assert len(digests(here)) >= 4
    ledger = json.loads((folder / ".dirac/ledger.json").read_text())
    product = next(path for path in ledger["products"] if path.endswith("summary.json"))
    assert ledger["products"][product]["lfn"] == f"{LFN_BASE}/{product}"
    assert set(grid.metadata("particle")) == {"gamma"}
    assert set(grid.metadata("campaign")) == {"photons-ci"}
    assert set(map(float, grid.metadata("zenith_deg"))) == {20.0}
    assert set(map(float, grid.metadata("azimuth_deg"))) == {180.0}
    assert set(grid.metadata("site")) <= {"LCG.One.fr", "LCG.Two.fr"}


def test_the_smallest_campaign_to_its_gate_in_the_image_is_that_of_this_machine(grid):
    folder, here = in_image_and_here(grid, "ci", "all")
    assert len(digests(here)) >= 25
    # Every job ran on the grid, once: only targets that collect ran on the launching side.
    done = [name for name, status, _ in states(grid, folder) if status == "Done"]
    assert len(done) == len(activities(folder)) == len(activities(here))
    # Every product is in the catalogue: a file by its name, a folder by its files.
    stored = grid.catalogued("results/ci")
    for product in digests(here):
        name = f"{LFN_BASE}/{product}"
        assert any(lfn == name or lfn.startswith(f"{name}/") for lfn in stored), product


def test_interrupt_kills_everything_in_one_call(grid):
    grid.end_pilots()
    folder = grid.workflow("interrupt", 20)
    process = grid.start(folder)
    grid.wait_for(process, folder, lambda job: job["id"])
    process.send_signal(signal.SIGINT)
    process.wait(timeout=300)
    assert {status for _, status, _ in states(grid, folder)} == {"Killed"}
    assert "20 jobs killed in one call" in grid.output(folder)


# The last: killed jobs linger in DIRAC's task queue, where each costs a pilot one request.
def test_a_thousand_jobs_are_submitted_listed_and_killed_in_fifteen_seconds(grid, tmp_path):
    grid.end_pilots()
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/bash\nsleep 1\n")
    # The priority of the server: the time is theirs, and not that of what else runs here.
    bridge = Bridge(["nice", "-n", "-15", *grid.bridge_command])
    bridge("check", minimum_s=60)
    jobs = [{"index": i, "name": f"job-{i}", "lfns": []} for i in range(1000)]
    jdl = parametric_jdl(Requirements(600, 1), jobs, [str(script)], "thousand")
    moments = [time.monotonic()]
    ids = bridge("submit", jdl=jdl)
    moments.append(time.monotonic())
    status = bridge("status", ids=[*ids, *ids])
    moments.append(time.monotonic())
    bridge("kill", ids=ids)
    moments.append(time.monotonic())
    assert len(set(ids)) == len(status) == 1000
    assert [status[str(number)]["JobName"] for number in ids] == [job["name"] for job in jobs]
    assert {job["Status"] for job in bridge("status", ids=ids).values()} == {"Killed"}
    assert bridge.calls["submit"] == bridge.calls["kill"] == 1
    bridge.close()
    seconds = [f"{end - start:.1f}" for start, end in pairwise(moments)]
    print(f"1000 jobs submitted, listed, killed in {', '.join(seconds)} s")
    assert moments[-1] - moments[0] < 15, seconds
