"""What was submitted and what is catalogued, on disk before anything depends on it."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

__all__ = ["Ledger", "LedgerError"]

VERSION = 1


class LedgerError(Exception):
    """A ledger that cannot be read."""


class Ledger:
    """Jobs by what they make, and products by their path, in one JSON file.

    A job passes ``intended`` (named, not yet sent), ``submitted`` (with its DIRAC id), and ends as
    ``done``, ``failed`` or ``killed``. The name of a submission is on disk before it is sent, so
    that a machine that dies in between finds the ids on the server by that name.

    Parameters
    ----------
    file : path
        Where it is kept; created when first written.

    Raises
    ------
    LedgerError
        If the file holds something else.
    """

    def __init__(self, file):
        self.file = Path(file)
        self.content = {"version": VERSION, "token": None, "batch": 0, "jobs": {}, "products": {}}
        if self.file.exists():
            try:
                self.content = json.loads(self.file.read_text())
                version = self.content["version"]
            except (ValueError, KeyError, TypeError) as error:
                raise LedgerError(f"{self.file} is not a ledger of DIRAC jobs: {error}") from error
            if version != VERSION:
                raise LedgerError(f"{self.file} has version {version}; this code reads {VERSION}")
        if self.content["token"] is None:
            self.content["token"] = secrets.token_hex(8)

    @property
    def jobs(self):
        """Jobs by key."""
        return self.content["jobs"]

    @property
    def products(self):
        """Catalogued files by their path in the working folder."""
        return self.content["products"]

    def save(self):
        """Write the ledger: whole or not at all, also when the machine loses power."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        with temporary.open("w") as stream:
            json.dump(self.content, stream, indent=0, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.file)
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def next_group(self):
        """Return the name of a new submission, at most 32 characters and never used before.

        Returns
        -------
        str
            Name.
        """
        self.content["batch"] += 1
        return f"snk-{self.content['token']}-{self.content['batch']:06d}"

    def intend(self, keys, fingerprints, names, group):
        """Record what is about to be submitted, and write it.

        Parameters
        ----------
        keys, fingerprints, names : sequences of str
            Of the jobs.
        group : str
            Name of the submission.
        """
        for key, fingerprint, name in zip(keys, fingerprints, names, strict=True):
            failed_sites = []
            old = self.jobs.get(key)
            if old and old["fingerprint"] == fingerprint:
                failed_sites = old["failed_sites"]
            self.jobs[key] = {
                "fingerprint": fingerprint,
                "name": name,
                "group": group,
                "state": "intended",
                "id": None,
                "failed_sites": failed_sites,
            }
        self.save()

    def submitted(self, keys, ids):
        """Record the ids that DIRAC gave, and write them.

        Parameters
        ----------
        keys : sequence of str
            Jobs, in the order of their submission.
        ids : sequence of int
            Ids.
        """
        for key, number in zip(keys, ids, strict=True):
            self.jobs[key].update(state="submitted", id=int(number))
        self.save()

    def finished(self, key, state, failed_site=None):
        """Record the end of a job; ``save`` is the caller's, once for many.

        Parameters
        ----------
        key : str
            Job.
        state : str
            One of done, failed, killed.
        failed_site : str, optional
            Site where it failed: the next attempt goes elsewhere.
        """
        record = self.jobs[key]
        record["state"] = state
        if failed_site and failed_site not in record["failed_sites"]:
            record["failed_sites"].append(failed_site)

    def failed_sites(self, key, fingerprint):
        """Return the sites where this very job has failed.

        Parameters
        ----------
        key, fingerprint : str
            Job and what it computes.

        Returns
        -------
        list of str
            Sites.
        """
        record = self.jobs.get(key)
        return (
            list(record["failed_sites"]) if record and record["fingerprint"] == fingerprint else []
        )
