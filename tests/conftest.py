"""Fixtures shared by all tests."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# Runs of campaigns teach what jobs cost: neither from nor to the plans of whoever runs the tests.
LEARNT = tempfile.mkdtemp(prefix="iactflow-tests-")
os.environ["IACTFLOW_COSTS"] = f"{LEARNT}/costs.yaml"
atexit.register(shutil.rmtree, LEARNT, ignore_errors=True)

# Numba's cache takes one writer at a time: of two that add kernels to an index at once, one finds
# the other's code under its own name, and dies of it. In the environment, for the next run.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["NUMBA_CACHE_DIR"] = f"{sys.prefix}/numba-tests/{worker}"


def missing(reason: str) -> None:
    """Fail under continuous integration, skip with the reason elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (required when CI=true)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def loggers_speak() -> None:
    """Tools of ctapipe silence the loggers of the process that they run in."""
    for name, logger in logging.Logger.manager.loggerDict.items():
        if name.partition(".")[0] == "iactflow" and isinstance(logger, logging.Logger):
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of third-party data, from the environment variable IACTFLOW_DATA."""
    value = os.environ.get("IACTFLOW_DATA")
    if not value:
        missing("IACTFLOW_DATA is not set: no third-party data")
    path = Path(value)
    if not path.is_dir():
        missing(f"IACTFLOW_DATA={value} is not a folder")
    return path


@pytest.fixture(scope="session")
def dr1(data_dir) -> Path:
    """H.E.S.S. DL3 DR1."""
    path = data_dir / "dl3" / "hess-dl3-dr1"
    if not (path / "obs-index.fits.gz").exists():
        missing(f"{path} does not hold H.E.S.S. DL3 DR1")
    return path
