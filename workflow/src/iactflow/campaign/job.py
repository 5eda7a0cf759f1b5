"""The body of every script: ``run_job(snakemake, function)``.

The job writes to temporary names. Its products appear at once when all of them are there, whole,
and the provenance sidecar last. Whoever sees the sidecar sees a finished job.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from iactflow.campaign.atomic import publish, remove, remove_stale, temporary_name
from iactflow.campaign.catalogue import check_file
from iactflow.campaign.closure import closure_digest
from iactflow.campaign.cost import measure, size_bytes
from iactflow.campaign.digest import content_digest
from iactflow.campaign.embed import embed
from iactflow.campaign.image import pinned_digest
from iactflow.campaign.job_error import JobError
from iactflow.campaign.kernel_cache import guard_kernel_cache
from iactflow.campaign.provenance import (
    CONTAINER_VARIABLE,
    Activity,
    container_digest,
    entity,
    input_digest,
    prov_document,
    short_provenance,
    write_sidecar,
)
from iactflow.errors import InputError

__all__ = ["JobError", "run_job"]

PROVENANCE = "provenance"
IDENTITY = "iactflow_campaign"
EXPECT_IMAGE = "IACTFLOW_EXPECT_IMAGE"
# Where Snakemake binds the launching side's Python path, behind the image's own.
HOST_PYTHON = Path("/mnt/snakemake_searchpaths")
# Names of the script itself; multiprocessing adds the second one.
MAIN = ("__main__", "__mp_main__")


class _Console(AbstractContextManager):
    """Send standard output and error, also those of compiled code, to the log of the job.

    An exception ends the process with status 1: its traceback goes to the log (bad input has
    none), one line to the real standard error.
    """

    def __init__(self, log: str | None, rule: str) -> None:
        self.log, self.rule = log, rule
        self.saved: list[int] = []

    def __enter__(self):
        if self.log is not None:
            Path(self.log).parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            self._flush()
            self.saved = [os.dup(1), os.dup(2)]
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            os.close(descriptor)
        self.stream = os.fdopen(os.dup(2), "w", buffering=1, errors="replace")
        self.python = sys.stdout, sys.stderr
        if self.log is not None:
            sys.stdout = sys.stderr = self.stream
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.logger = logging.getLogger("iactflow")
        self.level = self.logger.level
        self.logger.addHandler(self.handler)
        self.logger.setLevel(logging.INFO)
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, Exception):
            if isinstance(error, InputError | JobError):
                print(error, file=self.stream)
            else:
                traceback.print_exception(kind, error, trace, file=self.stream)
        self.logger.removeHandler(self.handler)
        self.logger.setLevel(self.level)
        self._flush()
        sys.stdout, sys.stderr = self.python
        self.stream.close()
        for number, saved in enumerate(self.saved, start=1):
            os.dup2(saved, number)
            os.close(saved)
        if isinstance(error, Exception):
            self._announce(error)
            raise SystemExit(1) from None

    def _announce(self, error: Exception) -> None:
        if isinstance(error, InputError | JobError):
            line = str(error)
        else:
            line = f"{type(error).__name__}: {error}".partition("\n")[0]
        where = f" (log: {self.log})" if self.log else ""
        print(f"{self.rule}: {line}{where}", file=sys.stderr, flush=True)

    @staticmethod
    def _flush() -> None:
        sys.stdout.flush()
        sys.stderr.flush()


@contextmanager
def _terminated_cleanly() -> Iterator[None]:
    """Turn SIGTERM, by which batch systems end a job, into an exit that removes temporaries."""

    def stop(number, frame):
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _named(files: object) -> dict[str, str | list[str]]:
    """Named entries of ``snakemake.input`` and the like: a path, or a list of paths."""
    return {
        name: str(value) if isinstance(value, str | Path) else [str(v) for v in value]
        for name, value in files.items()
    }


def _flat(named: dict[str, str | list[str]]) -> list[str]:
    return [p for v in named.values() for p in ([v] if isinstance(v, str) else v)]


def _check_code(code: str | None, module: str) -> str:
    installed = closure_digest(module)
    if code is None:
        raise JobError(f"params.code is missing: the closure digest of {module}")
    if code != installed:
        raise JobError(
            f"the image or environment holds other code than the launching side: {module} has "
            f"digest {installed} here, {code} there; rebuild the image or reinstall the package"
        )
    return installed


def _check_image(snakemake: object) -> None:
    """Refuse another image than the one that the campaign pins by its digest."""
    pinned = pinned_digest(getattr(snakemake, "config", {}).get(IDENTITY, {}).get("image") or "")
    container = os.environ.get(CONTAINER_VARIABLE)
    if pinned and container and container_digest() != pinned:
        raise JobError(
            f"{container} is another image than the campaign pins: its digest is "
            f"{container_digest() or 'unknown'}; allowed: {pinned}"
        )


def _checkout_modules(snakemake: object) -> list[str] | None:
    """Modules loaded from the checkout or the host, when the job was asked to run in its image.

    Raises
    ------
    JobError
        If it runs outside a container, or a module comes from the checkout or the host.
    """
    if os.environ.get(EXPECT_IMAGE) != "1":
        return None
    if not os.environ.get(CONTAINER_VARIABLE):
        raise JobError(f"{EXPECT_IMAGE}=1, but the job runs outside a container")
    # Scripts lie in workflow/scripts of the checkout; they alone may come from there.
    folder = getattr(snakemake, "scriptdir", None)
    roots = {HOST_PYTHON, Path.cwd().resolve()} | (
        {Path(folder).resolve().parents[1]} if folder else set()
    )
    loaded = []
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or name in MAIN:
            continue
        if any(Path(file).resolve().is_relative_to(root) for root in roots):
            loaded.append(name)
    if loaded:
        raise JobError(
            f"loaded from the checkout or the host instead of the image: {', '.join(loaded)}"
        )
    return loaded


def _check_read(inputs: dict[str, str | list[str]], params: dict) -> None:
    """Hold inputs against the checksums of their files that a parameter of the same name lists."""
    for name, files in inputs.items():
        expected = params.get(name)
        if not isinstance(expected, list) or not expected:
            continue
        paths = [files] if isinstance(files, str) else files
        for path, checksum in zip(paths, expected, strict=True):
            if checksum is not None:
                check_file(path, checksum)


def _check_written(pairs: list[tuple[Path, str]]) -> None:
    for temporary, final in pairs:
        if not temporary.exists():
            raise JobError(f"{final} was not written")
        empty = not any(temporary.iterdir()) if temporary.is_dir() else not temporary.stat().st_size
        if empty:
            raise JobError(f"{final} is empty")


def _activity(snakemake: object, function: Callable, code: str, params: dict) -> Activity:
    # Said by the Snakefile in the configuration, not in params: a rebuilt image reruns nothing.
    campaign = getattr(snakemake, "config", {}).get(IDENTITY, {})
    return Activity(
        rule=snakemake.rule,
        wildcards={name: str(value) for name, value in snakemake.wildcards.items()},
        code=code,
        function=f"{function.__module__}.{function.__qualname__}",
        config_sha256=campaign.get("config_sha256"),
        image=campaign.get("image"),
        settings=params.get("settings"),
        seed=params.get("seed"),
        start=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _finish(
    activity: Activity,
    pairs: list[tuple[Path, str]],
    inputs: list[str],
    sidecar: str | None,
    written: Path | None,
    verbatim: bool,
) -> None:
    """Check, stamp and publish the products of a job."""
    _check_written(pairs)
    if not verbatim:
        short = short_provenance(activity)
        for temporary, _ in pairs:
            embed(temporary, short)
    activity.cost.output_bytes = size_bytes(temporary for temporary, _ in pairs)
    if sidecar is not None:
        used = {p: entity(p, p, input_digest(p)) for p in inputs}
        made = {final: entity(tmp, final, content_digest(tmp)) for tmp, final in pairs}
        activity.end = datetime.now(UTC).isoformat(timespec="milliseconds")
        write_sidecar(written, prov_document(activity, used, made))
        pairs = [*pairs, (written, sidecar)]
    publish(pairs)


def _paths(files: object) -> list[str]:
    """Every path, the unnamed ones included, each once."""
    values = files.values() if isinstance(files, dict) else files
    flat = [p for v in values for p in ([v] if isinstance(v, str | Path) else v)]
    return list(dict.fromkeys(map(str, flat)))


def _temporaries(outputs: dict[str, str | list[str]]) -> tuple[SimpleNamespace, list]:
    """Temporary names in the shape of the outputs, and the pairs (temporary, final)."""
    pairs, shaped = [], {}
    for name, value in outputs.items():
        finals = [value] if isinstance(value, str) else value
        new = [(temporary_name(final), final) for final in finals]
        pairs += new
        shaped[name] = str(new[0][0]) if isinstance(value, str) else [str(t) for t, _ in new]
    return SimpleNamespace(**shaped), pairs


def _run(snakemake: object, function: Callable, module: str, verbatim: bool) -> None:
    params = dict(snakemake.params.items())
    outputs = _named(snakemake.output)
    unnamed = set(_paths(snakemake.output)) - set(_flat(outputs))
    if unnamed:
        raise JobError(f"outputs without a name: {', '.join(sorted(unnamed))}")
    sidecar = outputs.pop(PROVENANCE, None)
    _check_image(snakemake)
    code = _check_code(params.get("code"), module)
    handed, pairs = _temporaries(outputs)
    written = None if sidecar is None else temporary_name(sidecar)
    inputs = _paths(snakemake.input)
    try:
        activity = _activity(snakemake, function, code, params)
        for _, final in pairs:
            Path(final).parent.mkdir(parents=True, exist_ok=True)
            remove_stale(final)
        with measure() as activity.cost:
            named = _named(snakemake.input)
            _check_read(named, params)
            function(
                SimpleNamespace(**named),
                handed,
                SimpleNamespace(**params),
                SimpleNamespace(**dict(snakemake.wildcards.items())),
            )
        # After the call: what a stage imports on demand counts as loaded.
        activity.checkout_modules = _checkout_modules(snakemake)
        activity.cost.input_bytes = size_bytes(inputs)
        _finish(activity, pairs, inputs, sidecar, written, verbatim)
    finally:
        for temporary in [*(t for t, _ in pairs), *([written] if written else [])]:
            remove(temporary)


def run_job(
    snakemake: object, function: Callable, *, module: str | None = None, verbatim: bool = False
) -> None:
    """Run one stage function as a Snakemake job.

    Opens the log, checks that the installed code is that of the launching side, holds inputs
    against the checksums that a parameter of the same name lists (``size_bytes:adler32``, a file
    each), measures the cost, calls ``function(inputs, outputs, params, wildcards)`` with simple
    namespaces (outputs under temporary names, each ending with its final name), checks that every
    output was made, embeds the short provenance, writes the sidecar to the output named
    ``provenance`` and renames.

    Parameters
    ----------
    snakemake : object
        The object that Snakemake gives to a script: ``input``, ``output``, ``params``,
        ``wildcards``, ``log``, ``rule``, ``config``. Read from ``params``: ``code`` (closure
        digest of the module by the launching side, required), ``settings``, ``seed``; from
        ``config["iactflow_campaign"]``: ``config_sha256``, ``image``.
    function : callable
        The stage.
    module : str, optional
        Module whose closure is checked; by default the function's.
    verbatim : bool, optional
        Publish the products byte for byte, without provenance inside: files that others made and
        published checksums of.

    Raises
    ------
    SystemExit
        With status 1 after any error. One line stands on standard error; the log has the
        traceback, except for bad input (`iactflow.errors.InputError`), which needs none.
    """
    guard_kernel_cache()
    log = next((str(name) for name in snakemake.log), None)
    with _terminated_cleanly(), _Console(log, snakemake.rule):
        _run(snakemake, function, module or function.__module__, verbatim)
