"""A farm of the tests: its queue and its own account of jobs, and Snakemake launched on it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.workflow import REPOSITORY

SCRIPT = REPOSITORY / "tests/platform/slurm.sh"
WORKFLOW = REPOSITORY / "tests/platform/slurm_jobs.smk"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
# The shipped profile waits for a busy farm and for its file system; this farm is idle and local.
QUICK = (
    *("--slurm-init-seconds-before-status-checks", "2"),
    *("--seconds-between-status-checks", "2"),
    *("--latency-wait", "10"),
)


class Farm:
    """A SLURM of three nodes with two cores each, from start to stop.

    Attributes
    ----------
    folder : pathlib.Path
        Its configuration, state and logs.
    environment : dict of str to str
        What leads to it.
    """

    def __init__(self):
        # A short path: a socket's name has at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self._script("start", "3", "2")
        self.environment = {
            "SLURM_CONF": f"{self.folder}/slurm.conf",
            "PATH": f"{self.folder}/bin:{Path(sys.executable).parent}:{PATH}",
        }

    def _script(self, action, *arguments):
        command = ["bash", str(SCRIPT), action, str(self.folder), *arguments]
        subprocess.run(command, check=True, timeout=120)

    def stop(self):
        """End the farm and remove what it left."""
        self._script("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *command):
        """Return what one of SLURM's commands prints."""
        return subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    def queued(self, run_id):
        """State by number of the jobs of a launch that wait, run or come to their end."""
        lines = self.ask("squeue", "--noheader", "--name", run_id, "--format", "%i %T")
        return dict(line.split() for line in lines.splitlines())

    def jobs(self, run_id):
        """All jobs of a launch as the controller knows them, in the order of submission."""
        lines = self.ask("scontrol", "--oneliner", "show", "job").splitlines()
        found = (dict(re.findall(r"(\w+)=(\S+)", line)) for line in lines)
        mine = [job for job in found if job.get("JobName") == run_id]
        return sorted(mine, key=lambda job: int(job["JobId"]))

    def nodes(self):
        """Node by number of every batch job that has ended, from the logs of the nodes."""
        jobs = {}
        for log in Path(self.folder, "log").glob("slurmd-node?.log"):
            for number in re.findall(r"\[(\d+)\.batch\] done with job", log.read_text()):
                jobs[number] = log.stem.removeprefix("slurmd-")
        return jobs


class Launch:
    """Snakemake with the shipped profile on a farm, in the background.

    Parameters
    ----------
    farm : Farm
        The farm.
    folder : pathlib.Path
        Working folder.
    target : str
        Rule of ``slurm_jobs.smk``.
    **environment : str
        Further environment variables.
    """

    def __init__(self, farm, folder, target, **environment):
        self.farm = farm
        self.folder = Path(folder)
        self.log = self.folder / f"{target}-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "snakemake", target, "--snakefile", str(WORKFLOW)]
        command += ["--profile", str(REPOSITORY / "profiles/slurm"), *QUICK]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **farm.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell's background job ignores SIGINT, and so would all that it starts.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def output(self):
        """What Snakemake has said."""
        return self.log.read_text()

    @property
    def run_id(self):
        """Name that the jobs of this launch have in the queue, once it is known."""
        found = re.search(r"SLURM run ID: (\S+)", self.output)
        return found and found[1]

    def jobs(self, rule=None):
        """Jobs of this launch, or of one rule of it, as the controller knows them."""
        found = self.farm.jobs(self.run_id) if self.run_id else []
        return [j for j in found if rule is None or j["Comment"].startswith(f"rule_{rule}")]

    def wait_until(self, ready, timeout_s):
        """Wait until a function of this launch returns true."""
        deadline = time.monotonic() + timeout_s
        while not ready(self):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.5)

    def interrupt(self):
        """Do what Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def end(self, timeout_s):
        """Wait for the end, and return the exit code."""
        return self.process.wait(timeout=timeout_s)

    def kill(self):
        """End Snakemake if it has not ended, whatever its jobs do."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
