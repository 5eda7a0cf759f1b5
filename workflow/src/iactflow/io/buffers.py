"""Memory for large arrays that is used again once nobody holds it.

Fresh memory comes from the system page by page, each filled with zeros: for samples that takes as
long as their decoding.
"""

from __future__ import annotations

import sys

import numpy as np

__all__ = ["BufferPool"]

MARGIN = 1.1


def _references(buffers: list[np.ndarray]) -> list[int]:
    """How many hold each of these."""
    return [sys.getrefcount(buffer) for buffer in buffers]


# Of a buffer that only its list holds, counted in the same way.
ALONE = _references([np.empty(1, dtype=np.uint8)])[0]


class BufferPool:
    """Buffers of bytes, handed out as arrays.

    Arrays are views: a buffer is free when the last array on it, and all that was made of it by
    slicing or reshaping, is gone. So what is held stays what it is.

    Parameters
    ----------
    n_buffers : int, optional
        Buffers to keep.
    """

    def __init__(self, n_buffers: int = 3) -> None:
        self.n_buffers = n_buffers
        self._buffers: list[np.ndarray] = []

    def take(self, n_values: int, dtype: type) -> np.ndarray:
        """Room for values.

        Parameters
        ----------
        n_values : int
            Number.
        dtype : type
            Type.

        Returns
        -------
        ndarray, shape (n_values,)
            Room, with anything in it.
        """
        size = n_values * np.dtype(dtype).itemsize
        free = [i for i, n in enumerate(_references(self._buffers)) if n == ALONE]
        for i in free:
            if self._buffers[i].size >= size:
                return self._buffers[i][:size].view(dtype)
        if free:
            # Too small for this: for the next one as well.
            self._buffers.pop(free[0])
        made = np.empty(max(int(MARGIN * size), 1), dtype=np.uint8)
        if len(self._buffers) < self.n_buffers:
            self._buffers.append(made)
        return made[:size].view(dtype)
