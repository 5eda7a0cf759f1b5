"""What all jobs of a launch share: settings, sources, ledger, metadata."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from snakemake_executor_plugin_dirac.jdl import InvalidResource
from snakemake_executor_plugin_dirac.ledger import Ledger, LedgerError
from snakemake_executor_plugin_dirac.metadata import parse_rules
from snakemake_executor_plugin_dirac.products import LocalInputs
from snakemake_executor_plugin_dirac.sandbox import sources_digest, usable_sources, write_archive

__all__ = ["Context"]

# Searchable types of the catalogue; what is not listed is text.
NUMBERS = {"zenith_deg": "FLOAT", "azimuth_deg": "FLOAT", "run": "INT"}


class Context:
    """Shared by all jobs of one launch.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        The workflow.
    settings : ExecutorSettings
        The executor's settings.

    Raises
    ------
    InvalidResource
        If a setting is missing.
    """

    def __init__(self, workflow, settings):
        self.settings = settings
        if not settings.lfn_base or not settings.lfn_base.startswith("/"):
            raise InvalidResource(
                f"dirac-lfn-base: {settings.lfn_base!r}; allowed: a folder of the catalogue, such "
                "as /VO/user/i/initials"
            )
        self.storage_elements = (settings.storage_elements or "").replace(",", " ").split()
        if not self.storage_elements:
            raise InvalidResource("dirac-storage-elements: none; allowed: one or more names")
        self.metadata_rules = parse_rules(settings.metadata or "")
        self.folder = Path(settings.state).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(self.folder / "ledger.json")
        self.inputs = LocalInputs(self.ledger)
        self.config = workflow.config
        patterns = (settings.exclude_sources or "").split()
        self.sources = set(usable_sources(workflow.dag.get_sources(), patterns))
        self.sources_digest = sources_digest(self.sources)
        self.sources_archive = self.folder / "sources.tar.gz"
        write_archive(self.sources_archive, self.sources)

    def lock(self):
        """Hold the state folder until the process ends: two launches would submit twice.

        Raises
        ------
        LedgerError
            If another launch holds it.
        """
        self._held = open(self.folder / "lock", "w")  # noqa: SIM115  held until the process ends
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LedgerError(f"{self.folder} is in use by another launch") from error

    def metadata_fields(self):
        """Metadata that products carry, with their types in the catalogue.

        Returns
        -------
        dict
            Type by name.
        """
        names = ["rule", "site", "job_fingerprint", *self.metadata_rules]
        return {name: NUMBERS.get(name, "VARCHAR(128)") for name in names}

    def catalogue_large_inputs(self, planned, bridge, plan_again):
        """Put inputs that are too large for a sandbox into the catalogue.

        Parameters
        ----------
        planned : list of PlannedJob
            Jobs.
        bridge : callable
            Asks DIRAC.
        plan_again : callable
            Plans a Snakemake job anew, now with catalogued inputs.

        Returns
        -------
        list of PlannedJob
            Jobs; those with new catalogue entries planned anew.
        """
        limit = self.settings.sandbox_max_mb * 1e6
        heavy = [one for one in planned if sum(map(os.path.getsize, one.local_files)) > limit]
        if not heavy:
            return planned
        files = sorted({file for one in heavy for file in one.local_files})
        base = self.settings.lfn_base.rstrip("/")
        entries = bridge(
            "put",
            files=[
                {
                    "lfn": f"{base}/{file}",
                    "path": os.path.abspath(file),
                    "fingerprint": f"input-{self.inputs.checksum(file)}",
                }
                for file in files
            ],
            storage_elements=self.storage_elements,
            timeout_s=7200,
        )
        self.inputs.register(
            {"path": file, **entry} for file, entry in zip(files, entries, strict=True)
        )
        self.ledger.save()
        again = {id(one) for one in heavy}
        return [plan_again(one.job) if id(one) in again else one for one in planned]
