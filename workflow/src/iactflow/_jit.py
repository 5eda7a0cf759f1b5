"""The one place where numba is switched on: cached, IEEE arithmetic, one thread."""

from __future__ import annotations

import numba

__all__ = ["jit"]


def jit(function):
    """Compile a kernel: no Python objects, results cached on disk, no fast-math, no threads.

    Parameters
    ----------
    function : callable
        Arrays and numbers in, arrays and numbers out.

    Returns
    -------
    callable
        The compiled function; ``.py_func`` is the interpreted one.
    """
    return numba.njit(cache=True, fastmath=False, error_model="numpy")(function)
