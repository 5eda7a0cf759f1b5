"""Fixtures shared by all tests."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path

import numba  # noqa: F401 - loaded before its cache is guarded
import pytest

from iactflow.campaign.kernel_cache import guard_kernel_cache

REPOSITORY = Path(__file__).resolve().parents[1]

# Runs of campaigns teach what jobs cost: neither from nor to the plans of whoever runs the tests.
LEARNT = tempfile.mkdtemp(prefix="iactflow-tests-")
os.environ["IACTFLOW_COSTS"] = f"{LEARNT}/costs.yaml"
atexit.register(shutil.rmtree, LEARNT, ignore_errors=True)

# Two processes of tests share numba's cache, and compile side by side. What ctapipe compiles when
# it is imported, `make env` compiled: its cache of two files a kernel no lock of ours could guard.
guard_kernel_cache()


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
