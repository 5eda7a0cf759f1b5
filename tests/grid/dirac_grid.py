"""A DIRAC of two sites on this machine, its worker nodes, and launches of campaigns on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.workflow import REPOSITORY

from snakemake_executor_plugin_dirac.bridge_client import Bridge, bridge_command

SCRIPT = REPOSITORY / "tests/grid/dirac/dirac.sh"
DIRAC = Path(os.environ.get("IACTFLOW_DIRAC", REPOSITORY / ".platform/dirac"))
SOFTWARE = Path(sys.executable).parents[1]
APPTAINER = REPOSITORY / ".platform/apptainer"
IMAGE = REPOSITORY / "containers/build/iactflow"
LFN_BASE = "/hess/user/c/ciuser"
NODE = "/run/node"
# First line of a job, as a site's administrator would write it: with software of the site, and with
# an image, in which the job's script starts itself anew.
SETUP = f"export PATH={NODE}/software/bin:$PATH OMP_NUM_THREADS=1"
IMAGE_SETUP = (
    "export APPTAINERENV_IACTFLOW_EXPECT_IMAGE=1 APPTAINER_DROP_CAPS=CAP_SYS_RESOURCE; "
    f'[ -n "${{APPTAINER_CONTAINER:-}}" ] || PATH={APPTAINER}/bin:$PATH exec apptainer exec '
    f'--cleanenv --no-home --bind "${{PWD%/*}}" --pwd "$PWD" {IMAGE} bash "$0"'
)
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
        (echo run {{wildcards.run}}; ls {hidden} 2>/dev/null || true) >{{log}}
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
        # A folder that worker nodes do see: by a file in it, tests tell jobs what to do.
        self.site = self.folder.with_name(self.folder.name + "-site")
        self.site.mkdir()
        self.rc_file = self.folder / "client/diracosrc"
        self.pilots = []

    def script(self, action, *arguments):
        """Run the script that starts and stops it."""
        command = ["bash", str(SCRIPT), action, str(self.folder), str(DIRAC), *arguments]
        subprocess.run(command, check=True, timeout=300)

    def start_server(self):
        """Start the server; it ends by itself if this process is killed."""
        self.script("start", str(os.getpid()))

    def remove(self):
        """End everything, and remove its folders."""
        self.end_pilots()
        self.script("stop")
        for folder in (self.folder, self.launch, self.site):
            shutil.rmtree(folder)

    def new_pilots(self, *sites):
        """End all worker nodes and start new ones, that see no file of this side.

        A pilot asks ever less often for work while there is none: an old one would be late.
        """
        self.end_pilots()
        hidden = ":".join(sorted({"/tmp", tempfile.gettempdir(), str(REPOSITORY)}))
        visible = ":".join(
            str(path) for path in (DIRAC, APPTAINER, IMAGE, self.site) if path.exists()
        )
        command = ["bash", str(SCRIPT), "pilot", str(self.folder), str(DIRAC)]
        for site in sites or ("One", "Two"):
            with (self.folder / f"log/pilot-{site}.log").open("a") as log:
                options = {"stdout": log, "stderr": log, "start_new_session": True}
                process = subprocess.Popen(
                    [*command, site, hidden, visible, str(SOFTWARE)], **options
                )
            self.pilots.append(process)

    def end_pilots(self):
        """Kill worker nodes with everything that runs on them, as a site does."""
        for process in self.pilots:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.script("end-pilots")
        self.pilots.clear()

    @property
    def bridge_command(self):
        """Command that starts a bridge for the user."""
        return bridge_command(str(DIRAC / "bin/python"), str(self.rc_file))

    def bridge(self, **environment):
        """Return a bridge, with other variables than the user's."""
        if not environment:
            return Bridge(self.bridge_command)
        file = self.folder / "client/other"
        lines = [f". {self.rc_file}", *(f"export {k}={v}" for k, v in environment.items())]
        file.write_text("\n".join(lines))
        return Bridge(bridge_command(str(DIRAC / "bin/python"), str(file)), timeout_s=120)

    def command(self, *options, setup=SETUP):
        """Command line of a launch."""
        return [
            *(sys.executable, "-m", "snakemake", "--executor", "dirac", "--jobs", "50", *options),
            *("--dirac-python", str(DIRAC / "bin/python"), "--dirac-rc-file", str(self.rc_file)),
            *("--dirac-lfn-base", LFN_BASE, "--dirac-storage-elements", "SE-One,SE-Two"),
            *("--seconds-between-status-checks", "2", "--dirac-setup", setup, "--nolock"),
            *("--rerun-incomplete", "--show-failed-logs", "--keep-going"),
            *("--dirac-outage-s", "300"),
        ]

    def workflow(self, name, n, step=":"):
        """Make the folder of a small campaign of n jobs and their sum."""
        folder = self.launch / name
        folder.mkdir()
        hidden = f"{self.launch} {REPOSITORY}/Snakefile {self.folder}"
        text = WORKFLOW.format(n=n, step=step, hidden=hidden)
        # Products of different tests must not have the same name in the one catalogue.
        (folder / "Snakefile").write_text(text.replace("results/", f"results-{name}/"))
        return self.repository(folder)

    def checkout(self, name):
        """Make a folder with the files of the project that a campaign needs."""
        folder = self.launch / name
        names = ["Snakefile", "config", "workflow"]
        command = ["git", "ls-files", "-co", "--exclude-standard", *names]
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        for file in listed.stdout.splitlines():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / file, folder / file)
        return self.repository(folder)

    @staticmethod
    def repository(folder):
        """Make a folder a repository: Snakemake asks git for the sources."""
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        subprocess.run(["git", "add", "."], cwd=folder, check=True)
        return folder

    def start(self, folder, *options, **setup):
        """Start a launch; its output goes to a file beside its folder."""
        with (folder.parent / f"{folder.name}.log").open("a") as log:
            return subprocess.Popen(
                self.command(*options, **setup),
                cwd=folder,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def run(self, folder, *options, timeout=600, **setup):
        """Launch to the end; return exit code and output of all launches."""
        process = self.start(folder, *options, **setup)
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

    def wait_for(self, process, folder, condition, timeout=300):
        """Wait until a job in the ledger of a launch fulfils a condition; return the ledger."""
        deadline = time.monotonic() + timeout
        file = folder / ".dirac/ledger.json"
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            ledger = json.loads(file.read_text()) if file.exists() else {"jobs": {}}
            if any(map(condition, ledger["jobs"].values())):
                return ledger
            if ended:
                break
            time.sleep(0.3)
        raise AssertionError(self.output(folder))

    def wait_for_payload(self, ids, timeout=300):
        """Wait until the payload of one of these jobs runs; return the ids of all such."""
        bridge = self.bridge()
        deadline = time.monotonic() + timeout
        try:
            while time.monotonic() < deadline:
                status = bridge("status", ids=ids)
                running = [
                    int(n) for n, job in status.items() if job["MinorStatus"] == "Application"
                ]
                if running:
                    return running
                time.sleep(1)
        finally:
            bridge.close()
        raise AssertionError(status)

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
