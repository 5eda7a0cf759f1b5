"""Kernels that are compiled side by side end up each under its own signature."""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from numba.core.caching import IndexDataCacheFile

from iactflow.campaign.kernel_cache import guard_kernel_cache

SIGNATURES = ("float32", "float64")


class Slow(IndexDataCacheFile):
    """A cache file whose reader of the index waits until the other one has read it as well."""

    both = threading.Barrier(2)

    def _load_index(self):
        found = super()._load_index()
        with contextlib.suppress(threading.BrokenBarrierError):
            self.both.wait(timeout=0.3)
        return found


def saved_together(tmp_path):
    """Save two signatures at once, each by a cache file of its own, and load both."""
    Slow.both = threading.Barrier(2)
    files = [Slow(str(tmp_path), "kernel-1.py311", "stamp") for _ in SIGNATURES]
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(file.save, name, f"code of {name}")
            for file, name in zip(files, SIGNATURES, strict=True)
        ]
        for job in jobs:
            job.result()
    one = IndexDataCacheFile(str(tmp_path), "kernel-1.py311", "stamp")
    return {name: one.load(name) for name in SIGNATURES}


def test_each_signature_has_its_own_code(tmp_path):
    guard_kernel_cache()
    assert saved_together(tmp_path) == {name: f"code of {name}" for name in SIGNATURES}


def test_without_the_guard_one_is_lost_or_wrong(tmp_path, monkeypatch):
    """What the guard is for: should numba ever lock its files itself, this says so."""
    guard_kernel_cache()
    monkeypatch.setattr(IndexDataCacheFile, "save", IndexDataCacheFile.save.__wrapped__)
    assert saved_together(tmp_path) != {name: f"code of {name}" for name in SIGNATURES}


def test_a_second_guard_changes_nothing():
    guard_kernel_cache()
    once = IndexDataCacheFile.save
    guard_kernel_cache()
    assert IndexDataCacheFile.save is once


def test_without_numba_there_is_nothing_to_guard(monkeypatch):
    bare = IndexDataCacheFile.save.__wrapped__
    monkeypatch.setattr(IndexDataCacheFile, "save", bare)
    monkeypatch.delitem(sys.modules, "numba.core.caching")
    guard_kernel_cache()
    assert IndexDataCacheFile.save is bare


@pytest.mark.parametrize("name", SIGNATURES)
def test_one_process_alone_is_as_before(tmp_path, name):
    guard_kernel_cache()
    file = IndexDataCacheFile(str(tmp_path), "kernel-1.py311", "stamp")
    file.save(name, 1)
    assert file.load(name) == 1
