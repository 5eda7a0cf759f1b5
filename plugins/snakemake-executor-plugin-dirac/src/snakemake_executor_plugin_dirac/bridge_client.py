"""The other end of ``dirac_side/bridge.py``: one process, one line of JSON each way."""

from __future__ import annotations

import json
import os
import queue
import shlex
import subprocess
import tempfile
import threading
from pathlib import Path

__all__ = ["Bridge", "BridgeError", "Unreachable", "bridge_command", "explain"]

SCRIPT = Path(__file__).parent / "dirac_side" / "bridge.py"
# Of Snakemake's Python: they would make DIRAC's Python import from the wrong place.
NOT_FOR_DIRAC = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")

HELP = {
    "proxy": "make a new one: dirac-proxy-init -g GROUP (or dirac-login GROUP)",
    "no_vo": "choose a group of your experiment: dirac-proxy-init -g GROUP; a group's VO stands in "
    "/Registry/Groups/GROUP/VO of the configuration service",
    "unreachable": "is the configuration server in dirac.cfg right, the network up, the service "
    "running? Jobs that were submitted go on; the same command line continues",
    "refused": "DIRAC's own words stand before this",
    "start": "dirac-python must be the Python of an environment in which `import DIRAC` works",
}


class BridgeError(Exception):
    """What DIRAC refused, with what to do about it."""

    def __init__(self, kind, message):
        super().__init__(explain(kind, message))
        self.kind = kind


class Unreachable(BridgeError):
    """Nobody answers: worth another attempt."""


def explain(kind, message):
    """Write an error of the bridge for a person.

    Parameters
    ----------
    kind : str
        A key of ``HELP``.
    message : str
        DIRAC's words.

    Returns
    -------
    str
        One line.
    """
    return f"DIRAC: {' '.join(str(message).split())} ({HELP.get(kind, HELP['refused'])})"


def bridge_command(python, rc_file=None):
    """Command that starts the bridge.

    Parameters
    ----------
    python : str
        DIRAC's Python.
    rc_file : str, optional
        Shell file that sets its environment (``diracosrc``, ``bashrc``).

    Returns
    -------
    list of str
        Command.
    """
    if not rc_file:
        return [python, str(SCRIPT)]
    script = f". {shlex.quote(rc_file)} && exec {shlex.quote(python)} {shlex.quote(str(SCRIPT))}"
    return ["bash", "-c", script]


class Bridge:
    """DIRAC in a process of its own, started when first asked and again when it has died.

    Parameters
    ----------
    command : list of str
        From `bridge_command`.
    timeout_s : float
        Seconds that a request may take.
    """

    def __init__(self, command, timeout_s=300.0):
        self.command = command
        self.timeout_s = timeout_s
        self.calls = {}
        self._process = None
        self._answers = None
        self._number = 0
        self._lock = threading.RLock()

    def __call__(self, operation, timeout_s=None, **arguments):
        """Ask; the answer's value comes back.

        Parameters
        ----------
        operation : str
            One of ``OPERATIONS`` of the bridge.
        timeout_s : float, optional
            Seconds, if not the usual.
        **arguments : object
            JSON.

        Returns
        -------
        object
            JSON.

        Raises
        ------
        Unreachable
            If no server answers, or not in time.
        BridgeError
            If DIRAC refuses.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            self.calls[operation] = self.calls.get(operation, 0) + 1
            self._number += 1
            request = {"id": self._number, "op": operation, **arguments}
            try:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
            except OSError as error:
                self.close()
                raise Unreachable("unreachable", f"the bridge ended: {error}") from error
            return self._answer(self._number, timeout_s or self.timeout_s)

    def _start(self):
        environment = {k: v for k, v in os.environ.items() if k not in NOT_FOR_DIRAC}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=environment,
                # Ctrl-C is for Snakemake, which then kills its jobs through this very process.
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise BridgeError("start", f"cannot start {self.command[0]}: {error}") from error
        self._answers = queue.SimpleQueue()
        reader = threading.Thread(
            target=_read, args=(self._process.stdout, self._answers), daemon=True
        )
        reader.start()
        self._answer(0, self.timeout_s)

    def _answer(self, number, timeout_s):
        try:
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty as error:
            self.close()
            raise Unreachable("unreachable", f"no answer within {timeout_s:.0f} s") from error
        if line is None:
            words = self._last_words()
            self.close()
            if number == 0:
                raise BridgeError("start", f"the bridge did not start: {words}")
            raise Unreachable("unreachable", f"the bridge ended: {words}")
        answer = json.loads(line)
        if answer["id"] != number:
            self.close()
            raise BridgeError("refused", f"answer {answer['id']} to request {number}")
        if answer["ok"]:
            return answer["value"]
        if number == 0:
            self.close()
        error = Unreachable if answer["kind"] == "unreachable" else BridgeError
        raise error(answer["kind"], answer["message"])

    def _last_words(self):
        self._process.wait(timeout=10)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}"

    def close(self):
        """End the process."""
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return
            process.stdin.close()
            try:
                process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._errors.close()


def _read(stream, answers):
    with stream:
        for line in stream:
            answers.put(line)
    answers.put(None)
