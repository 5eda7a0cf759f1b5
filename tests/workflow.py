"""Running Snakemake from the tests: in a process of its own, as a user does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def snakemake(
    *arguments,
    folder,
    profile="local",
    environment=None,
    timeout=600,
    check=False,
    prefix=(),
):
    """Run Snakemake on the checkout's Snakefile, with its results below a folder.

    Parameters
    ----------
    *arguments : str
        Arguments.
    folder : path
        Working folder: results go to ``results/`` below it.
    profile : str or None
        Profile of the repository.
    environment : dict, optional
        Further environment variables.
    timeout : float
        Seconds after which the process is killed.
    check : bool
        Raise with the output if the exit code is not zero.
    prefix : sequence of str
        Command that runs the command, such as one that changes the user.

    Returns
    -------
    subprocess.CompletedProcess
        With its standard output and error in ``stdout``.
    """
    command = [*prefix, sys.executable, "-m", "snakemake"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile")]
    if profile:
        command += ["--profile", str(REPOSITORY / "profiles" / profile)]
    command += ["--directory", str(folder), *map(str, arguments)]
    bin_folder = str(Path(sys.executable).parent)
    variables = {
        **os.environ,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        **(environment or {}),
    }
    result = subprocess.run(
        command,
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and result.returncode:
        raise AssertionError(f"exit code {result.returncode} of {command}:\n{result.stdout}")
    return result


def job_counts(output: str) -> Counter:
    """Jobs by rule, from the table that a dry run prints."""
    table = output.split("Job stats:", 1)[1] if "Job stats:" in output else ""
    counts = Counter()
    for line in table.splitlines()[1:]:
        match = re.fullmatch(r"(\w+)\s+(\d+)\s*", line)
        if match and match[1] not in ("job", "total"):
            counts[match[1]] = int(match[2])
        elif line.startswith("total"):
            break
    return counts
