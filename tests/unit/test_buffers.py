"""Memory that is used again: never while anybody holds it."""

from __future__ import annotations

import numpy as np

from iactflow.io.buffers import BufferPool


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_it_is_free():
    pool = BufferPool()
    first = pool.take(1000, np.uint16)
    assert (first.shape, first.dtype) == ((1000,), np.uint16)
    place = address(first)
    del first
    again = pool.take(1000, np.uint16)
    assert address(again) == place


def test_what_is_held_stays_what_it_is():
    pool, held = BufferPool(2), []
    for value in range(6):
        array = pool.take(500, np.int32)
        array[:] = value
        # A view of a view, as batches are.
        held.append(array.reshape(5, 100)[1:3])
        del array
    for value, view in enumerate(held):
        assert set(view.ravel()) == {value}
    assert len({address(view) for view in held}) == 6


def test_a_buffer_that_is_too_small_makes_room():
    pool = BufferPool(1)
    pool.take(10, np.uint8)
    large = address(pool.take(10_000, np.uint8))
    assert address(pool.take(10_000, np.uint8)) == large
