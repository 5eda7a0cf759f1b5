"""Cost records."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from iactflow.campaign.cost import CostRecord, measure, size_bytes
from iactflow.errors import InputError

BURN = "import time; t = time.process_time()\nwhile time.process_time() - t < 0.3: pass"


def test_cpu_of_the_process_and_of_children_is_counted():
    with measure() as cost:
        exec(BURN)
        subprocess.run([sys.executable, "-c", BURN], check=True)
    assert 0.55 < cost.cpu_s < 3.0
    assert cost.wall_s >= 0.55
    assert cost.hostname == socket.gethostname()


def test_waiting_costs_wall_time_only():
    with measure() as cost:
        time.sleep(0.2)
    assert 0.2 <= cost.wall_s < 1.0
    assert cost.cpu_s < 0.15


def test_memory_is_in_megabytes():
    with measure() as cost:
        array = np.ones(30_000_000)
    assert array.nbytes / 1e6 < cost.max_rss_mb < 20_000


def test_cost_of_a_failure_is_known():
    with pytest.raises(ZeroDivisionError), measure() as cost:
        _ = 1 / 0
    assert cost.wall_s > 0
    assert cost.max_rss_mb > 0


@pytest.mark.parametrize(("text", "value"), [("12.5", 12.5), ("", None), (None, None)])
def test_hs06_comes_from_the_environment(monkeypatch, text, value):
    monkeypatch.delenv("IACTFLOW_HS06_PER_CORE", raising=False)
    if text is not None:
        monkeypatch.setenv("IACTFLOW_HS06_PER_CORE", text)
    with measure() as cost:
        pass
    assert cost.hs06_per_core == value
    assert CostRecord(**cost.as_dict()) == cost


@pytest.mark.parametrize("text", ["ten", "-1", "0", "nan", "inf"])
def test_bad_hs06_is_named(monkeypatch, text):
    monkeypatch.setenv("IACTFLOW_HS06_PER_CORE", text)
    with pytest.raises(InputError, match=f"IACTFLOW_HS06_PER_CORE: got '{text}'"), measure():
        pass


def test_sizes_of_files_and_folders(tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "a").write_bytes(b"12345")
    (tmp_path / "d" / "b").write_bytes(b"12")
    (tmp_path / "c").write_bytes(b"1")
    assert size_bytes([tmp_path / "d", tmp_path / "c"]) == 8
