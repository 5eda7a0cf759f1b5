"""Real XRootD servers for tests, and what may befall them."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path

from tests.workflow import REPOSITORY

HERE = REPOSITORY / "tests/platform"
SCRIPT = HERE / "xrootd.sh"
PROGRAMS = ("xrootd", "xrdsssadmin")
CLIENT = (sys.executable, str(HERE / "storage_client.py"))


def free_ports(n: int) -> int:
    """First of some adjacent ports that nothing listens on."""
    while True:
        first = random.SystemRandom().randrange(20000, 30000)
        try:
            for port in range(first, first + n):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


class Servers:
    """Storage elements ``one`` and ``two``, each a server with a folder of its own."""

    names = ("one", "two")

    def __init__(self) -> None:
        # Outside the folders of pytest, which only their owner may enter: servers are not root.
        self.folder = Path(tempfile.mkdtemp(prefix="xrootd-", dir="/tmp"))
        self.first = free_ports(4)
        self._script("start", self.folder, self.first, *self.names)

    def _script(self, *arguments) -> None:
        # Unbounded output would keep the pipe of a test open for as long as a server lives.
        command = ["bash", str(SCRIPT), *map(str, arguments)]
        subprocess.run(command, check=True, timeout=60)

    def stop(self) -> None:
        """End all."""
        self._script("stop", self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def down(self, name: str) -> None:
        """End one at once."""
        self._script("down", self.folder, name)

    def up(self, name: str) -> None:
        """Start it again."""
        self._script("up", self.folder, name)

    def port(self, name: str) -> int:
        """Port of a server."""
        return self.first + self.names.index(name)

    @property
    def proxy_port(self) -> int:
        """Port of the bad network."""
        return self.first + 2

    @property
    def dead_port(self) -> int:
        """Port that nothing listens on."""
        return self.first + 3

    def address(self, name: str, path: str = "/data") -> str:
        """Address of a file or folder."""
        return f"root://localhost:{self.port(name)}/{path}"

    def disk(self, name: str, path: str = "/data") -> Path:
        """Where a server keeps a file."""
        return self.folder / name / "data" / path.lstrip("/")

    def put(self, name: str, path: str, content: bytes) -> Path:
        """Write a file on a server's disk, as its owner."""
        file = self.disk(name, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if os.geteuid() == 0:
            owner = self.disk(name, "/").stat()
            for part in [file, *file.parents]:
                if part == self.disk(name, "/"):
                    break
                os.chown(part, owner.st_uid, owner.st_gid)
        return file

    def environment(self, key: bool) -> dict[str, str]:
        """Environment of a client with or without the key."""
        found = {k: v for k, v in os.environ.items() if not k.startswith(("XRD", "Xrd"))}
        # The user's own time-outs must not matter.
        found["XRD_REQUESTTIMEOUT"] = "1800"
        if key:
            found |= {"XrdSecSSSKT": str(self.folder / "key"), "XrdSecPROTOCOL": "sss,unix"}
        return found

    def start_client(self, action: str, address: str, local: Path, *settings: str, key=True):
        """Start a request in a process of its own."""
        return subprocess.Popen(
            [*CLIENT, action, address, str(local), *settings],
            env=self.environment(key),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def client(self, *arguments, key=True, timeout=120) -> tuple[int, str, str]:
        """Status, standard output and standard error of a request."""
        with self.start_client(*arguments, key=key) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return process.returncode, out.strip(), err

    @contextmanager
    def network(self, name: str, bytes_per_second: int = 0, marker: str = "-"):
        """A bad network before a server; yields its process."""
        process = self.start_network(name, bytes_per_second, marker)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def start_network(self, name: str, bytes_per_second: int = 0, marker: str = "-"):
        """Start it, and wait until it listens."""
        ports = map(str, (self.proxy_port, self.port(name), bytes_per_second))
        process = subprocess.Popen(
            [sys.executable, str(HERE / "tcp_proxy.py"), *ports, marker],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline().strip() == "ready"
        return process

    def through_network(self, path: str) -> str:
        """Address of a file behind the bad network."""
        return f"root://localhost:{self.proxy_port}/{path}"


def local_copy(folder: Path, address: str) -> Path:
    """Where a client keeps the copy of a file."""
    host, _, path = address.removeprefix("root://").partition("//")
    return folder / host.replace(":", "_") / path


def write_catalogue(file: Path, files: dict[str, bytes]) -> Path:
    """Write the catalogue of some files."""
    rows = [f"{name}\t{len(data)}\t{zlib.adler32(data):08x}" for name, data in files.items()]
    file.write_text("\n".join(["file\tsize_bytes\tadler32", *rows]) + "\n")
    return file
