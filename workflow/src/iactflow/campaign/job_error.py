"""The error of a job that says itself why it ends."""

from __future__ import annotations

__all__ = ["JobError"]


class JobError(RuntimeError):
    """A job that says itself why it ends: its text is for the user, without a traceback."""
