"""The executor: submissions, one status call per poll, products and logs fetched, one kill call."""

from __future__ import annotations

import os
import shutil
import sys
import time

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from snakemake_executor_plugin_dirac.bridge_client import (
    Bridge,
    BridgeError,
    Unreachable,
    bridge_command,
)
from snakemake_executor_plugin_dirac.collect import Collector
from snakemake_executor_plugin_dirac.context import Context
from snakemake_executor_plugin_dirac.jdl import InvalidResource
from snakemake_executor_plugin_dirac.ledger import LedgerError
from snakemake_executor_plugin_dirac.metadata import MetadataRule
from snakemake_executor_plugin_dirac.plan import plan_job, prepare_submission, submissions
from snakemake_executor_plugin_dirac.resume import adopt
from snakemake_executor_plugin_dirac.sandbox import SecretInSandbox
from snakemake_executor_plugin_dirac.states import judge

__all__ = ["Executor"]

EXPECTED = (BridgeError, InvalidResource, LedgerError, MetadataRule, SecretInSandbox, OSError)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0


class Executor(RemoteExecutor):
    """Run Snakemake jobs on a DIRAC grid without a shared file system."""

    def __post_init__(self):
        """Check settings, credentials and server before any job."""
        settings = self.workflow.executor_settings
        if self.workflow.overwrite_workdir:
            raise WorkflowError(
                "the executor dirac has no use for --directory: jobs elsewhere have another "
                "folder. Start Snakemake in the working folder, with Snakefile and configuration."
            )
        self.tracked = {}
        self.outage_since = None
        self.cancelling = False
        try:
            self.context = Context(self.workflow, settings)
            if settings.dry_submission:
                self.print_plan()
                sys.exit(0)
            self.bridge = Bridge(bridge_command(settings.python, settings.rc_file))
            self.context.lock()
            who = self.bridge("check", timeout_s=90, minimum_s=settings.proxy_min_s)
            self.warn_of_metadata()
        except EXPECTED as error:
            raise WorkflowError(str(error)) from error
        self.collector = Collector(self.bridge, self.context)
        self.logger.info(
            f"DIRAC {who['dirac']}: {who['user']} of {who['vo']}, group {who['group']}, proxy "
            f"valid for {who['seconds_left'] / 3600:.1f} h"
        )
        if self.workflow.envvars:
            names = ", ".join(sorted(self.workflow.envvars))
            self.logger.warning(
                f"Variables {names} are not sent to jobs; the site's setup has to define them."
            )

    def warn_of_metadata(self):
        """Declare metadata in the catalogue; say which stay unsearchable."""
        refused = self.bridge("declare", fields=self.context.metadata_fields())["refused"]
        if refused:
            self.logger.warning(
                f"Metadata {', '.join(sorted(refused))} cannot be searched for in the catalogue "
                "until its manager declares them (meta index -f NAME TYPE)."
            )

    def print_plan(self):
        """Print what would be submitted, grouped, with every JDL; no server is asked."""
        jobs = [job for job in self.workflow.dag.needrun_jobs() if not job.is_local]
        planned = [
            plan_job(job, self.format_job_exec(job), self.context, missing_ok=True) for job in jobs
        ]
        groups = submissions(planned, self.context.settings.max_parametric)
        lines = [
            f"dry submission: {len(planned)} jobs in {len(groups)} submissions, none sent",
            "inputs that other jobs have yet to make will choose the site once they exist",
        ]
        for number, group in enumerate(groups, 1):
            folder = self.context.folder / "dry" / f"{number:06d}"
            sandbox = prepare_submission(group, folder, self.context)
            rules = sorted({one.job.name for one in group.planned})
            lines.append(f"\nsubmission {number}: {len(group.planned)} jobs of {', '.join(rules)}")
            size = sum(os.path.getsize(file) for file in sandbox)
            lines.append(f"sandbox: {len(sandbox)} files, {size} bytes, in {folder}")
            lines.append(group.jdl(sandbox, f"dry-{number:06d}", self.context.settings.job_type))
        print("\n".join(lines), flush=True)

    def get_python_executable(self):
        """Return the Python that the site's setup put first."""
        return "python"

    def run_job(self, job):
        """Submit one job."""
        self.run_jobs([job])

    def run_jobs(self, jobs):
        """Submit jobs that are ready: what is on the grid is followed, the rest sent in bulk."""
        for job in jobs:
            self.run_job_pre(job)
        try:
            planned = [plan_job(job, self.format_job_exec(job), self.context) for job in jobs]
            planned = self.context.catalogue_large_inputs(
                planned,
                self.bridge,
                lambda job: plan_job(job, self.format_job_exec(job), self.context),
            )
            adopted, planned = self.persist(
                "resume", lambda: adopt(planned, self.context.ledger, self.bridge)
            )
            for one, number in adopted:
                self.logger.info(
                    f"Job {one.name}: follows DIRAC job {number} of an earlier launch."
                )
                self.track(one, number)
            for group in submissions(planned, self.context.settings.max_parametric):
                self.submit(group)
        except EXPECTED as error:
            raise WorkflowError(str(error)) from error

    def submit(self, group):
        """Send one submission; its name is on disk before it leaves.

        Parameters
        ----------
        group : Submission
            Jobs of equal requirements.
        """
        ledger, settings = self.context.ledger, self.context.settings
        name = ledger.next_group()
        keys = [one.key for one in group.planned]
        sandbox = prepare_submission(group, self.context.folder / "sandboxes" / name, self.context)
        jdl = group.jdl(sandbox, name, settings.job_type)
        (self.context.folder / "sandboxes" / name / "jobs.jdl").write_text(jdl)
        ledger.intend(
            keys,
            [one.fingerprint for one in group.planned],
            [one.name for one in group.planned],
            name,
        )
        ids = self.persist("submission", self.sender(name, jdl, len(keys)))
        ledger.submitted(keys, ids)
        for one, number in zip(group.planned, ids, strict=True):
            self.track(one, number)
        shutil.rmtree(self.context.folder / "sandboxes" / name)
        self.logger.info(f"DIRAC submission {name}: {len(ids)} jobs, ids {ids[0]} to {ids[-1]}")

    def sender(self, name, jdl, count):
        """Return a function that sends a description once, however often it is called.

        Parameters
        ----------
        name : str
            Name of the submission.
        jdl : str
            Description.
        count : int
            Jobs in it.

        Returns
        -------
        callable
            Returns ids in the order of the jobs.
        """
        attempts = []

        def send():
            # An answer that was lost is looked up by the name of the submission.
            sent = self.bridge("find", group=name) if attempts else {}
            attempts.append(name)
            confirmed = [int(i) for i, entry in sent.items() if entry["Status"] != "Submitting"]
            if len(confirmed) == count:
                return sorted(confirmed)
            if sent:
                self.bridge("kill", ids=sorted(map(int, sent)))
            return self.bridge("submit", jdl=jdl)

        return send

    def persist(self, what, function):
        """Call again while nobody answers, up to the outage that the settings allow.

        Parameters
        ----------
        what : str
            For the message.
        function : callable
            Raises Unreachable.

        Returns
        -------
        object
            What it returns.
        """
        started, pause = time.monotonic(), FIRST_PAUSE_S
        while True:
            try:
                return function()
            except Unreachable as error:
                if time.monotonic() - started > self.context.settings.outage_s:
                    raise
                self.logger.warning(f"{what}: {error}; again in {pause:.0f} s")
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    def track(self, planned, number):
        """Follow a job on the grid.

        Parameters
        ----------
        planned : PlannedJob
            The job.
        number : int
            Its DIRAC id.
        """
        self.tracked[number] = planned
        self.report_job_submission(SubmittedJobInfo(planned.job, external_jobid=str(number)))

    async def check_active_jobs(self, active_jobs):
        """Look at all jobs in one call; fetch what ended."""
        if not active_jobs or self.cancelling:
            return
        ids = sorted({int(info.external_jobid) for info in active_jobs})
        try:
            status = self.bridge("status", ids=ids)
            verdicts = {number: self.verdict(number, status.get(str(number))) for number in ids}
            silent = [number for number, verdict in verdicts.items() if verdict.kill]
            if silent:
                self.bridge("kill", ids=silent)
            ended = [number for number, verdict in verdicts.items() if verdict.ended]
            if self.cancelling:
                return
            results = self.collector.collect({n: (self.tracked[n], verdicts[n]) for n in ended})
            self.outage_since = None
        except Unreachable as error:
            self.note_outage(error)
            results = {}
        except BridgeError as error:
            raise WorkflowError(str(error)) from error
        for info in active_jobs:
            number = int(info.external_jobid)
            if number not in results:
                yield info
                continue
            self.tracked.pop(number)
            problem = results[number]
            if problem is None:
                self.report_job_success(info)
            else:
                self.report_job_error(info, msg=f"{problem.message}. ", aux_logs=problem.logs)

    def verdict(self, number, status):
        """Judge one job by its status."""
        return judge(number, status, time.time(), self.context.settings.heartbeat_timeout_s)

    def note_outage(self, error):
        """Tell of a server that does not answer; give up when it lasts too long."""
        now = time.monotonic()
        if self.outage_since is None:
            self.outage_since = now
            self.logger.warning(f"{error}; jobs go on, the next look follows")
        elif now - self.outage_since > self.context.settings.outage_s:
            raise WorkflowError(str(error)) from error

    def cancel_jobs(self, active_jobs):
        """Kill everything on the grid in one call."""
        # From here on the poll would take our own kills for failures.
        self.cancelling = True
        ids = sorted(self.tracked)
        if not ids:
            return
        try:
            self.bridge("kill", ids=ids, timeout_s=120)
        except BridgeError as error:
            self.logger.error(
                f"{error}. {len(ids)} jobs are still on the grid; the same command line finds them."
            )
            return
        for number in ids:
            self.context.ledger.finished(self.tracked[number].key, "killed")
        self.context.ledger.save()
        self.logger.info(f"DIRAC: {len(ids)} jobs killed in one call")

    def shutdown(self):
        """End the bridge with the executor."""
        super().shutdown()
        if hasattr(self, "bridge"):
            self.bridge.close()
