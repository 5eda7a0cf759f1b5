"""Progress of a long job, in its log."""

from __future__ import annotations

import logging
import time

__all__ = ["Progress"]

LOGGER = logging.getLogger("iactflow")
EVERY_S = 30.0


class Progress:
    """Says now and then how far a job is.

    Parameters
    ----------
    what : str
        What is counted.
    total : int
        How many there are.
    every_s : float, optional
        Time between two lines.
    """

    def __init__(self, what: str, total: int, every_s: float = EVERY_S) -> None:
        self.what, self.total, self.every_s = what, total, every_s
        self.done = 0
        self.start = self.last = time.monotonic()

    def step(self, note: str = "") -> None:
        """Count one; write a line when it is time.

        Parameters
        ----------
        note : str, optional
            Added to the line.
        """
        self.done += 1
        now = time.monotonic()
        if now - self.last >= self.every_s:
            self.last = now
            LOGGER.info("%s", self._line(now, note))

    def finish(self, note: str = "") -> None:
        """Write the last line.

        Parameters
        ----------
        note : str, optional
            Added to the line.
        """
        LOGGER.info("%s", self._line(time.monotonic(), note))

    def _line(self, now: float, note: str) -> str:
        elapsed = max(now - self.start, 1e-9)
        rate = self.done / elapsed
        left = (self.total - self.done) / rate if rate > 0 else float("inf")
        parts = [
            f"{self.done} of {self.total} {self.what}",
            f"{rate:.3g} per s",
            f"{left:.0f} s left",
        ]
        return ", ".join([*parts, note] if note else parts)
