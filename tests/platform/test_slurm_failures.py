"""How jobs end on a real SLURM of three nodes, and what the shipped profile makes of it.

Memory is watched by SLURM's own polling (``JobAcctGatherParams=OverMemoryKill``), which stands in
for the control groups of a farm; they would say OUT_OF_MEMORY where polling says FAILED.
"""

from __future__ import annotations

from collections import Counter

import pytest
import yaml
from snakemake_executor_plugin_slurm.partitions import read_partition_file
from tests.platform.slurm_farm import Launch

pytestmark = [pytest.mark.platform, pytest.mark.slow]


# The farm's partitions: the second attempt of a job fits in the second one alone.
PARTITIONS = {
    "short": {"max_runtime": "2h", "max_mem_mb": 3000},
    "long": {"max_runtime": "1d", "max_mem_mb": 8000},
}


@pytest.fixture(scope="module")
def failing(farm, tmp_path_factory):
    """Return the launch of the jobs that fail once; one of them is cancelled here."""
    folder = tmp_path_factory.mktemp("failing")
    partitions = folder / "partitions.yaml"
    partitions.write_text(yaml.safe_dump({"partitions": PARTITIONS}))
    launch = Launch(farm, folder, "failing", SNAKEMAKE_SLURM_PARTITIONS=str(partitions))
    try:
        launch.wait_until(_cancelled_runs, timeout_s=600)
        farm.ask("scancel", launch.jobs("cancelled")[0]["JobId"])
        yield launch
    finally:
        launch.kill()


def _cancelled_runs(launch):
    return any(job["JobState"] == "RUNNING" for job in launch.jobs("cancelled"))


@pytest.fixture(scope="module")
def interrupted(failing, farm, tmp_path_factory):
    """Return a launch that ended by SIGINT while some jobs ran and others waited.

    It runs beside the jobs that fail, whose time-outs take minutes.
    """
    launch = Launch(farm, tmp_path_factory.mktemp("interrupted"), "interrupted")
    try:
        launch.wait_until(_held_run_and_wait, timeout_s=600)
        launch.interrupt()
        launch.end(timeout_s=180)
    finally:
        launch.kill()
    return launch


def _held_run_and_wait(launch):
    states = {job["JobState"] for job in launch.jobs("hold")}
    return {"RUNNING", "PENDING"} <= states


@pytest.fixture(scope="module")
def relaunched(interrupted, farm):
    """Return the same command line, given again in the same folder, and run to its end."""
    (interrupted.folder / "go").touch()
    launch = Launch(farm, interrupted.folder, "interrupted")
    try:
        assert launch.end(timeout_s=600) == 0, launch.output
    finally:
        launch.kill()
    return launch


@pytest.fixture(scope="module")
def retried(failing, relaunched):
    """Return the launch of the jobs that fail once, ended."""
    assert failing.end(timeout_s=600) == 0, failing.output
    return failing


def test_sigint_leaves_no_job_in_the_queue(interrupted, farm):
    assert interrupted.process.returncode != 0
    states = Counter(job["JobState"] for job in interrupted.jobs())
    assert states == {"COMPLETED": 2, "CANCELLED": 4}
    assert not farm.queued(interrupted.run_id)


def test_a_relaunch_repeats_nothing_that_was_finished(interrupted, relaunched):
    submitted = Counter(job["Comment"].split("_")[1] for job in relaunched.jobs())
    assert submitted == {"hold": 4}
    starts = Counter((interrupted.folder / "starts.txt").read_text().split())
    assert [starts[f"finished_{number}.txt"] for number in range(2)] == [1, 1]
    assert all((interrupted.folder / f"held_{number}.txt").is_file() for number in range(4))


def test_a_job_over_its_time_limit_is_retried_with_more(retried):
    first, second = retried.jobs("too_long")
    assert (first["JobState"], first["TimeLimit"]) == ("TIMEOUT", "00:01:00")
    assert (second["JobState"], second["TimeLimit"]) == ("COMPLETED", "00:02:00")
    assert (retried.folder / "too_long.txt").read_text() == "2\n"


def test_a_job_over_its_memory_is_retried_with_more(retried, farm):
    first, second = retried.jobs("too_large")
    assert (first["JobState"], first["MinMemoryNode"]) == ("FAILED", "2000M")
    assert (second["JobState"], second["MinMemoryNode"]) == ("COMPLETED", "4000M")
    assert (retried.folder / "too_large.txt").read_text() == "4000\n"
    # It was SLURM that ended it, and for that reason.
    logs = "".join(log.read_text() for log in (farm.folder / "log").glob("slurmd-*.log"))
    assert f"StepId={first['JobId']}.0 exceeded memory limit" in logs


def test_a_job_that_was_cancelled_is_submitted_again(retried):
    first, second = retried.jobs("cancelled")
    assert first["JobState"] == "CANCELLED"
    assert second["JobState"] == "COMPLETED"
    # Both limits as the profile has them: its default grows with every attempt.
    assert (first["TimeLimit"], second["TimeLimit"]) == ("01:30:00", "03:00:00")


def test_the_partition_follows_from_run_time_and_memory(retried):
    used = {
        rule: [job["Partition"] for job in retried.jobs(rule)]
        for rule in ("too_long", "too_large", "cancelled")
    }
    assert used == {
        "too_long": ["short", "long"],
        "too_large": ["short", "long"],
        "cancelled": ["short", "long"],
    }


def test_the_example_of_partitions_is_one_that_the_plugin_reads(repository):
    found = read_partition_file(repository / "profiles/slurm/partitions.yaml")
    assert {p.name for p in found} == {"htc", "htc_highmem"}
    assert {p.limits.max_runtime for p in found} == {72 * 60}
