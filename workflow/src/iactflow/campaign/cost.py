"""What a job costs: measured inside the job, kept in its provenance sidecar."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["CostRecord", "hs06_per_core", "measure", "size_bytes"]

HS06_VARIABLE = "IACTFLOW_HS06_PER_CORE"


@dataclass
class CostRecord:
    """Cost of one job.

    Attributes
    ----------
    cpu_s : float
        CPU time of the process and its finished children, user and system, s.
    wall_s : float
        Elapsed time, s.
    max_rss_mb : float
        Largest resident memory of the process or of a finished child since it started, MB.
    input_bytes, output_bytes : int
        Size of the inputs and of the outputs, bytes.
    hostname : str
        Machine.
    hs06_per_core : float or None
        HEP-SPEC06 of one core, as the site gives it; None where it gives none.
    """

    cpu_s: float = 0.0
    wall_s: float = 0.0
    max_rss_mb: float = 0.0
    input_bytes: int = 0
    output_bytes: int = 0
    hostname: str = ""
    hs06_per_core: float | None = None

    def as_dict(self) -> dict:
        """Plain dictionary for JSON.

        Returns
        -------
        dict
            Field names and values.
        """
        return asdict(self)


def hs06_per_core() -> float | None:
    """HEP-SPEC06 of one core from the environment variable IACTFLOW_HS06_PER_CORE.

    Returns
    -------
    float or None
        None where the variable is not set.

    Raises
    ------
    InputError
        If it is no positive number.
    """
    text = os.environ.get(HS06_VARIABLE)
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise InputError("environment", HS06_VARIABLE, text, "a positive number")
    return value


def size_bytes(paths: Iterable[str | Path]) -> int:
    """Size of files and folders.

    Parameters
    ----------
    paths : iterable of str or Path
        Files, or folders counted with everything in them.

    Returns
    -------
    int
        Bytes.
    """
    total = 0
    for path in map(Path, paths):
        files = path.rglob("*") if path.is_dir() else [path]
        total += sum(f.stat().st_size for f in files if f.is_file())
    return total


def _cpu_s() -> float:
    usage = os.times()
    return usage.user + usage.system + usage.children_user + usage.children_system


def _max_rss_mb() -> float:
    # Linux counts in units of 1024 bytes.
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(w).ru_maxrss for w in who) * 1024 / 1e6


@contextmanager
def measure() -> Iterator[CostRecord]:
    """Measure the block.

    Yields
    ------
    CostRecord
        Filled at the end of the block, also when it fails; sizes are left to the caller.

    Raises
    ------
    InputError
        If IACTFLOW_HS06_PER_CORE is no positive number.
    """
    record = CostRecord(hostname=socket.gethostname(), hs06_per_core=hs06_per_core())
    cpu_s, wall_s = _cpu_s(), time.monotonic()
    try:
        yield record
    finally:
        record.cpu_s = _cpu_s() - cpu_s
        record.wall_s = time.monotonic() - wall_s
        record.max_rss_mb = _max_rss_mb()
