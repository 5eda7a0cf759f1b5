"""Numba's cache of compiled kernels, for jobs that compile side by side.

Numba saves an index and a file per signature without a lock: of two processes that compile the same
kernel for other types at once, one may find the other's code under its own signature.
"""

from __future__ import annotations

import fcntl
import sys
from functools import wraps

__all__ = ["guard_kernel_cache"]


def guard_kernel_cache() -> None:
    """Let one process at a time save a kernel, where numba is loaded.

    Wraps ``save`` of numba's cache files in a lock of the operating system on a file beside the
    kernel's index; a process that dies lets go of it. A second call changes nothing.
    """
    caching = sys.modules.get("numba.core.caching")
    if caching is None:
        return
    save = caching.IndexDataCacheFile.save
    if getattr(save, "is_guarded", False):
        return

    @wraps(save)
    def save_alone(self, key, data):
        with open(f"{self._index_path}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            save(self, key, data)

    save_alone.is_guarded = True
    caching.IndexDataCacheFile.save = save_alone
