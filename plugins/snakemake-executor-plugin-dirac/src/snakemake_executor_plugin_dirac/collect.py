"""What jobs that ended leave: reports, products, logs."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field

from snakemake_executor_plugin_dirac.bridge_client import BridgeError, Unreachable
from snakemake_executor_plugin_dirac.plan import log_files
from snakemake_executor_plugin_dirac.products import (
    collect_report,
    remove_outputs,
    unpack_logs,
)

__all__ = ["Collector", "Problem"]


@dataclass
class Problem:
    """Why a job failed.

    Parameters
    ----------
    message : str
        In words.
    logs : list of str
        Files with what the job said.
    """

    message: str
    logs: list = field(default_factory=list)


class Collector:
    """Fetch what ended jobs left, and write the ledger once for all of them.

    Parameters
    ----------
    bridge : callable
        Asks DIRAC.
    context : Context
        Ledger, inputs, folder.
    """

    def __init__(self, bridge, context):
        self.bridge = bridge
        self.context = context

    def collect(self, ended):
        """Fetch the results of jobs that ended.

        Parameters
        ----------
        ended : dict
            By DIRAC id: (PlannedJob, Verdict).

        Returns
        -------
        dict
            By id: None if the products are here, else a `Problem`.
        """
        if not ended:
            return {}
        folder = self.context.folder / "logs"
        answer = self.bridge("sandboxes", ids=sorted(ended), folder=str(folder), timeout_s=1800)
        results = {}
        for number, (planned, verdict) in sorted(ended.items()):
            logs = unpack_logs(folder / str(number), log_files(planned.job))
            problem = None
            if verdict.done:
                problem = self._products(planned, folder / str(number))
            if not verdict.done or problem:
                missing = answer["missing"].get(str(number))
                words = [
                    verdict.text,
                    problem,
                    f"no output sandbox: {missing}" if missing else None,
                ]
                results[number] = Problem("; ".join(filter(None, words)), logs)
                site = verdict.site if verdict.ban or problem else None
                self.context.ledger.finished(planned.key, "failed", site)
                if verdict.site is None:
                    # It never ran: the bans may have left it no site at all.
                    self.context.ledger.jobs[planned.key]["failed_sites"] = []
            else:
                results[number] = None
                self.context.ledger.finished(planned.key, "done")
                shutil.rmtree(folder / str(number))
        self.context.ledger.save()
        return results

    def _products(self, planned, folder):
        """Fetch the products of one job; the words of what went wrong, or None."""
        outputs = planned.spec["outputs"]
        try:
            report = json.loads((folder / "report.json").read_text())
            remove_outputs(outputs)
            files = collect_report(report, outputs)
            if files:
                self.bridge("fetch", files=files, timeout_s=7200)
            self.context.inputs.register(report["outputs"])
        except Unreachable:
            raise
        except (BridgeError, OSError, ValueError, KeyError) as error:
            return f"its products cannot be fetched: {error}"
        return None
