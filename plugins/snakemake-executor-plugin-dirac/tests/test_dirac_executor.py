"""The executor for DIRAC on a grid in a folder: the protocol is real, the server is not.

A real DIRAC is in ``tests/grid/test_dirac.py``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snakemake_executor_plugin_dirac.bridge_client import Bridge, BridgeError, Unreachable
from snakemake_executor_plugin_dirac.ledger import Ledger, LedgerError

FAKE = Path(__file__).with_name("dirac_fake_bridge.py")
WORKFLOW = """
envvars:
    "GRID_PASSWORD",


rule all:
    input:
        "results/sum.txt",
    localrule: True


rule simulate:
    output:
        "results/{run}.txt",
    log:
        "logs/{run}.log",
    shell:
        "echo run {wildcards.run} >{log}; "
        "[ \\"${{SITE:-}}\\" != '%s' ]; echo {wildcards.run} >{output}"


rule add:
    input:
        expand("results/{run}.txt", run=range(3)),
    output:
        "results/sum.txt",
    shell:
        "cat {input} >{output}"
"""
PASSWORD = "never-in-a-script"


class Campaign:
    """A small workflow in a folder of its own, and the grid that it uses."""

    def __init__(self, folder, broken_site="none"):
        self.folder, self.grid = folder / "launch", folder / "grid"
        self.folder.mkdir()
        self.grid.mkdir()
        (self.folder / "Snakefile").write_text(WORKFLOW % broken_site)
        self.python = folder / "dirac-python"
        self.python.write_text(f"#!/bin/sh\nexec {sys.executable} {FAKE} {self.grid}\n")
        self.python.chmod(0o755)
        subprocess.run(["git", "init", "-q"], cwd=self.folder, check=True)
        subprocess.run(["git", "add", "."], cwd=self.folder, check=True)
        self.environment = {
            **os.environ,
            "GRID_PASSWORD": PASSWORD,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def behave(self, **what):
        """Choose what goes wrong."""
        (self.grid / "behaviour.json").write_text(json.dumps(what))

    def command(self, *options):
        """Command line of a launch."""
        return [
            *(sys.executable, "-m", "snakemake", "--executor", "dirac", "--jobs", "10", *options),
            *("--dirac-python", str(self.python), "--dirac-lfn-base", "/hess/user"),
            *("--dirac-storage-elements", "SE-1", "--seconds-between-status-checks", "0"),
            *("--dirac-metadata", "run=wildcards.run", "--nolock", "--rerun-incomplete"),
        ]

    def launch(self, *options):
        """Run Snakemake to its end."""
        return subprocess.run(
            self.command(*options),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )

    def die_while_jobs_run(self):
        """Launch, and kill Snakemake as a machine that goes down does; then jobs end at once."""
        self.behave(hold=True)
        process = self.start(lambda: "status" in self.lines("calls"))
        process.kill()
        process.wait()
        self.behave(quick=True)

    def start(self, until):
        """Run Snakemake until a condition holds; return the process."""
        with (self.folder.parent / "launch.log").open("w") as log:
            process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                # Whoever runs the tests in the background had interrupts ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        deadline = time.monotonic() + 300
        while not until():
            assert process.poll() is None, (self.folder.parent / "launch.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    def lines(self, name):
        """Lines that the grid wrote: submissions, calls, kills."""
        file = self.grid / f"{name}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def ledger(self):
        """Ledger on disk."""
        file = self.folder / ".dirac/ledger.json"
        return json.loads(file.read_text()) if file.exists() else {"jobs": {}}


@pytest.fixture
def campaign(tmp_path):
    """Return a campaign that nothing disturbs yet."""
    return Campaign(tmp_path)


def test_a_campaign_runs_to_its_end(campaign):
    result = campaign.launch()
    assert result.returncode == 0, result.stdout
    assert (campaign.folder / "results/sum.txt").read_text() == "0\n1\n2\n"
    # Three jobs in one submission, and then the one that needs them, where its inputs are.
    first, second = campaign.lines("submissions")
    assert "Parameters = 3;" in first
    assert "InputData" not in first
    assert "/hess/user/results/0.txt" in second
    calls = campaign.lines("calls")
    assert calls.count("submit") == 2
    # The grid runs jobs when it is asked for their status: one look at all of them is enough.
    assert calls.count("status") == 2
    assert (campaign.folder / "logs/1.log").read_text() == "run 1\n"
    products = campaign.ledger["products"]
    assert sorted(products) == [
        "results/0.txt",
        "results/1.txt",
        "results/2.txt",
        "results/sum.txt",
    ]
    metadata = {k: v for line in campaign.lines("metadata") for k, v in line.items()}
    assert metadata["/hess/user/results/2.txt"] == {"rule": "simulate", "run": "2"}
    # The declared variable is named to the user, and its value has gone nowhere.
    assert "GRID_PASSWORD are not sent" in result.stdout
    everywhere = [*campaign.grid.rglob("*"), *campaign.folder.rglob("*")]
    assert not [f for f in everywhere if f.is_file() and PASSWORD.encode() in f.read_bytes()]


def test_a_failed_job_goes_to_another_site_and_shows_its_log(tmp_path):
    campaign = Campaign(tmp_path, broken_site="LCG.One.fr")
    result = campaign.launch("--retries", "1", "--show-failed-logs", "results/1.txt")
    assert result.returncode == 0, result.stdout
    first, second = campaign.lines("submissions")
    assert "BannedSites" not in first
    assert 'BannedSites = {"LCG.One.fr"};' in second
    assert re.search(r"DIRAC job 1 at LCG.One.fr: Failed", result.stdout)
    assert "run 1" in result.stdout


def test_a_server_that_goes_away_loses_nothing(campaign):
    gone = {"kind": "unreachable", "message": "Connection refused"}
    campaign.behave(status=gone, submit=gone, sandboxes=gone, quick=True)
    result = campaign.launch("results/0.txt")
    assert result.returncode == 0, result.stdout
    assert len(campaign.lines("submissions")) == 1
    assert "Connection refused" in result.stdout


def test_an_answer_that_is_lost_submits_nothing_twice(campaign):
    campaign.behave(die_after_submit=True, quick=True)
    result = campaign.launch("results/0.txt", "results/1.txt")
    assert result.returncode == 0, result.stdout
    assert len(campaign.lines("submissions")) == 1


@pytest.mark.parametrize(
    ("kind", "message", "advice"),
    [
        ("proxy", "the proxy has expired", "dirac-proxy-init"),
        ("no_vo", "the proxy's group None belongs to no virtual organisation", "a group of your"),
        ("unreachable", "initialise: Connection refused", "configuration server in dirac.cfg"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(campaign, kind, message, advice):
    campaign.behave(start={"kind": kind, "message": message})
    result = campaign.launch("results/0.txt")
    assert result.returncode != 0
    line = next(line for line in result.stdout.splitlines() if message in line)
    assert advice in line
    assert "Traceback" not in result.stdout


def test_interrupt_kills_all_jobs_in_one_call(campaign):
    campaign.behave(hold=True)
    process = campaign.start(lambda: "status" in campaign.lines("calls"))
    process.send_signal(signal.SIGINT)
    process.wait(timeout=300)
    assert campaign.lines("kills") == [[1, 2, 3]]
    assert {job["state"] for job in campaign.ledger["jobs"].values()} == {"killed"}


def test_jobs_of_a_machine_that_died_are_followed(campaign):
    campaign.die_while_jobs_run()
    result = campaign.launch()
    assert result.returncode == 0, result.stdout
    # The three went out once; the second launch sent the sum alone.
    assert [("Parameters = 3;" in jdl) for jdl in campaign.lines("submissions")] == [True, False]
    assert "follows DIRAC job 2" in result.stdout
    assert campaign.lines("kills") == []


def test_jobs_of_other_code_are_killed_and_not_followed(campaign):
    campaign.die_while_jobs_run()
    with (campaign.folder / "Snakefile").open("a") as stream:
        stream.write("\n# A change.\n")
    result = campaign.launch("results/0.txt")
    assert result.returncode == 0, result.stdout
    (killed,) = campaign.lines("kills")
    assert len(killed) == 1
    assert len(campaign.lines("submissions")) == 2


def test_dry_submission_asks_no_server(campaign):
    campaign.python.unlink()
    result = campaign.launch("--dirac-dry-submission")
    assert result.returncode == 0, result.stdout
    assert "4 jobs in 1 submissions, none sent" in result.stdout
    assert "Parameters = 4;" in result.stdout
    assert campaign.ledger["jobs"] == {}


def test_a_secret_on_the_command_line_is_refused(campaign):
    result = campaign.launch("results/0.txt", "--config", f"password={PASSWORD}")
    assert result.returncode != 0
    assert "GRID_PASSWORD would stand in a job script" in result.stdout
    assert campaign.lines("submissions") == []


def test_a_python_without_dirac_is_named():
    with pytest.raises(BridgeError, match=r"import DIRAC.*works"):
        Bridge([sys.executable, "-c", "raise SystemExit(1)"])("check")
    with pytest.raises(BridgeError, match="cannot start /no/python"):
        Bridge(["/no/python"])("check")


def test_a_bridge_that_hangs_or_dies_is_unreachable_and_starts_anew(tmp_path):
    script = tmp_path / "bridge.py"
    script.write_text(
        'import sys, time\nprint(\'{"id": 0, "ok": true, "value": {}}\', flush=True)\n'
        "line = sys.stdin.readline()\n"
        "time.sleep(60) if 'slow' in line else sys.exit('gone')\n"
    )
    bridge = Bridge([sys.executable, str(script)])
    with pytest.raises(Unreachable, match="no answer within"):
        bridge("slow", timeout_s=0.3)
    with pytest.raises(Unreachable, match="gone"):
        bridge("check")
    bridge.close()


def test_snakemake_never_imports_dirac():
    code = "import sys, snakemake_executor_plugin_dirac; sys.exit('DIRAC' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    package = Path(sys.modules["snakemake_executor_plugin_dirac"].__file__).parent
    for file in package.glob("*.py"):
        assert not re.search(r"^\s*(import|from) DIRAC", file.read_text(), re.M), file


def test_a_damaged_ledger_is_not_overwritten(tmp_path):
    file = tmp_path / "ledger.json"
    file.write_text('{"jobs": ')
    with pytest.raises(LedgerError, match=r"ledger\.json"):
        Ledger(file)
    file.write_text('{"version": 9}')
    with pytest.raises(LedgerError, match="version 9"):
        Ledger(file)


def test_a_ledger_is_written_whole(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.intend(["a"], ["f"], ["n"], ledger.next_group())
    before = ledger.file.read_text()
    ledger.jobs["a"]["state"] = {"not", "json"}
    with pytest.raises(TypeError):
        ledger.save()
    assert ledger.file.read_text() == before
    names = {ledger.next_group() for _ in range(3)}
    assert len(names) == 3
    assert max(map(len, names)) <= 32
