"""The one place where numba is switched on: cached, IEEE arithmetic, one thread."""

from __future__ import annotations

import numba

__all__ = ["jit", "jit_leaf"]


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


def jit_leaf(function):
    """Compile a helper that makes no arrays: as `jit`, without counting references.

    Numba counts the references of every array that a function is given, with atomic instructions:
    in a helper of a few operations (a random number, a look-up) that takes several times as long
    as the work itself. A function that only reads and writes arrays it was given needs none of it.

    Parameters
    ----------
    function : callable
        Arrays and numbers in, numbers out; it makes no arrays, and returns none.

    Returns
    -------
    callable
        The compiled function; ``.py_func`` is the interpreted one.
    """
    return numba.njit(cache=True, fastmath=False, error_model="numpy", _nrt=False)(function)
