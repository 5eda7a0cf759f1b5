"""Damaged copies of a file, and what a reader makes of them in a process of its own."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np

KINDS = ("cut", "flip", "zeros", "noise", "insert", "remove")
SECONDS = 60.0


def mutate(data: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """A damaged copy: cut, bits flipped, stretches overwritten, put in or taken out."""
    place = int(rng.integers(len(data)))
    length = int(rng.choice([1, 4, 80, 700, 2880]))
    stretch = slice(place, place + length)
    if kind == "cut":
        return data[:place]
    if kind == "insert":
        return data[:place] + rng.bytes(length) + data[place:]
    if kind == "remove":
        return data[:place] + data[place + length :]
    changed = np.frombuffer(data, dtype=np.uint8).copy()
    if kind == "flip":
        # A single bit.
        changed[place] ^= 1 << rng.integers(8)
    elif kind == "zeros":
        changed[stretch] = 0
    else:
        changed[stretch] = rng.integers(0, 256, len(changed[stretch]))
    return changed.tobytes()


def mutations(data: bytes, n: int, seed: int):
    """Name and content of so many damaged copies."""
    for i in range(n):
        kind = KINDS[i % len(KINDS)]
        yield f"{kind} {i}", mutate(data, kind, np.random.default_rng([seed, i]))


def _work(read, paths, connection):
    for path in paths:
        connection.send(read(path))
    connection.send(None)


def read_apart(read, paths: list[Path]) -> list:
    """Results of a function of a path, from a forked process: it may crash or hang alone.

    Raises AssertionError with the path at which it crashed, or took longer than a minute.
    """
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(read, paths, theirs), daemon=True)
    process.start()
    theirs.close()
    results = []
    try:
        for path in [*paths, None]:
            assert mine.poll(SECONDS), f"{path}: hangs"
            try:
                result = mine.recv()
            except EOFError:
                process.join(SECONDS)
                raise AssertionError(f"{path}: crash, exit code {process.exitcode}") from None
            results += [] if path is None else [result]
    finally:
        process.kill()
        process.join()
    return results
