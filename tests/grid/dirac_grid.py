"""A DIRAC of two sites on this machine, its worker nodes, and launches of campaigns on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.workflow import REPOSITORY

from snakemake_executor_plugin_dirac.bridge_client import Bridge, bridge_command

SCRIPT = REPOSITORY / "tests/grid/dirac/dirac.sh"
DIRAC = Path(os.environ.get("IACTFLOW_DIRAC", REPOSITORY / ".platform/dirac"))
SOFTWARE = Path(sys.executable).parents[1]
LFN_BASE = "/hess/user/c/ciuser"
NODE = "/run/node"
WORKFLOW = """
rule all:
    input:
        "results/sum.txt",
    localrule: True


rule simulate:
    output:
        "results/{{run}}/value.txt",
        directory("results/{{run}}/folder"),
    log:
        "logs/{{run}}.log",
    shell:
        \"\"\"
        (echo run {{wildcards.run}}; ls {hidden}) >{{log}}
        {step}
        mkdir {{output[1]}}; touch {{output[1]}}/empty; echo {{wildcards.run}} >{{output[1]}}/full
        echo {{wildcards.run}} >{{output[0]}}
        \"\"\"


rule add:
    input:
        expand("results/{{run}}/value.txt", run=range({n})),
        expand("results/{{run}}/folder", run=range({n})),
    output:
        "results/sum.txt",
    shell:
        "cat results/*/value.txt >{{output}}; cat results/*/folder/full >>{{output}}"
"""


class Grid:
    """A running DIRAC, and its worker nodes."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.launch = self.folder.with_name(self.folder.name + "-launch")
        self.launch.mkdir()
        self.rc_file = self.folder / "client/diracosrc"
        self.pilots = []

    def script(self, action, *arguments):
        """Run the script that starts and stops it."""
        command = ["bash", str(SCRIPT), action, str(self.folder), str(DIRAC), *arguments]
        subprocess.run(command, check=True, timeout=300)

    def pilot(self, site):
        """Start a worker node that sees neither checkout nor launching side."""
        hidden = f"{self.launch}:{REPOSITORY}"
        command = ["bash", str(SCRIPT), "pilot", str(self.folder), str(DIRAC), site, hidden]
        log = (self.folder / f"log/pilot-{site}-{len(self.pilots)}.log").open("w")
        process = subprocess.Popen(
            [*command, str(SOFTWARE)], stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        self.pilots.append(process)
        return process

    def end_pilots(self):
        """Kill worker nodes with everything that runs on them, as a site does."""
        for process in self.pilots:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.pilots.clear()

    def bridge(self, **environment):
        """Return a bridge, with other variables than the user's."""
        if not environment:
            return Bridge(bridge_command(str(DIRAC / "bin/python"), str(self.rc_file)))
        file = self.folder / "client/other"
        lines = [f". {self.rc_file}", *(f"export {k}={v}" for k, v in environment.items())]
        file.write_text("\n".join(lines))
        return Bridge(bridge_command(str(DIRAC / "bin/python"), str(file)), timeout_s=120)

    def command(self, *options):
        """Command line of a launch."""
        setup = f"export PATH={NODE}/software/bin:$PATH OMP_NUM_THREADS=1"
        return [
            *(sys.executable, "-m", "snakemake", "--executor", "dirac", "--jobs", "50", *options),
            *("--dirac-python", str(DIRAC / "bin/python"), "--dirac-rc-file", str(self.rc_file)),
            *("--dirac-lfn-base", LFN_BASE, "--dirac-storage-elements", "SE-One,SE-Two"),
            *("--seconds-between-status-checks", "2", "--dirac-setup", setup, "--nolock"),
            *("--rerun-incomplete", "--show-failed-logs", "--keep-going"),
        ]

    def workflow(self, name, n, step=":"):
        """Make the folder of a small campaign of n jobs and their sum."""
        folder = self.launch / name
        folder.mkdir()
        text = WORKFLOW.format(n=n, step=step, hidden=self.launch)
        # Products of different tests must not have the same name in the one catalogue.
        (folder / "Snakefile").write_text(text.replace("results/", f"results-{name}/"))
        return self.repository(folder)

    @staticmethod
    def repository(folder):
        """Make a folder a repository: Snakemake asks git for the sources."""
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        subprocess.run(["git", "add", "."], cwd=folder, check=True)
        return folder

    def start(self, folder, *options):
        """Start a launch; its output goes to a file beside its folder."""
        with (folder.parent / f"{folder.name}.log").open("a") as log:
            return subprocess.Popen(
                self.command(*options),
                cwd=folder,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def run(self, folder, *options, timeout=600):
        """Launch to the end; return exit code and output of all launches."""
        process = self.start(folder, *options)
        try:
            code = process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        return code, self.output(folder)

    @staticmethod
    def output(folder):
        """Output of all launches in a folder."""
        return (folder.parent / f"{folder.name}.log").read_text()

    def wait_for(self, folder, condition, timeout=300):
        """Wait until the ledger of a folder fulfils a condition."""
        deadline = time.monotonic() + timeout
        file = folder / ".dirac/ledger.json"
        while time.monotonic() < deadline:
            ledger = json.loads(file.read_text()) if file.exists() else {"jobs": {}}
            if condition(ledger):
                return ledger
            time.sleep(0.3)
        raise AssertionError(self.output(folder))

    def catalogued(self, prefix):
        """Names of all files below a folder of the catalogue, as the database has them."""
        names = self.query(
            "SELECT CONCAT(d.Name, '/', f.FileName) FROM FileCatalogDB.FC_Files f "
            "JOIN FileCatalogDB.FC_DirectoryList d ON d.DirID = f.DirID"
        )
        return sorted(name for name in names if name.startswith(f"{LFN_BASE}/{prefix}"))

    def metadata(self, field):
        """Values of a field of the catalogue, over all files that carry it."""
        return self.query(f"SELECT Value FROM FileCatalogDB.FC_FileMeta_{field}")

    def query(self, query):
        """Words of an answer of the database."""
        socket = self.folder / "mysql/s.sock"
        command = ["mariadb", "--no-defaults", "-N", "-S", str(socket), "-uroot", "-e", query]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
