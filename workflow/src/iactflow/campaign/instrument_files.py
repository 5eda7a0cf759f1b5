"""Files of the instrument's version that a campaign simulates."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cached_property
from pathlib import Path

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.schema import Instrument
from iactflow.errors import InputError

__all__ = ["DIGEST_FILE", "INSTRUMENT_FILE", "InstrumentFiles"]

DIGEST_FILE = "digest.txt"
INSTRUMENT_FILE = "instrument.yaml"
ATMOSPHERES = Path("config/atmospheres")


class InstrumentFiles:
    """Where the description of an instrument lies.

    Parameters
    ----------
    block : Instrument
        Block ``instrument`` of the campaign.
    file : str
        Campaign file, named in errors.
    base : Path
        Root of the repository.
    """

    def __init__(self, block: Instrument, file: str, base: Path) -> None:
        self.block, self.file, self.base = block, file, base

    @property
    def folder(self) -> Path:
        """Folder of the instrument's version."""
        if self.block.path is not None:
            return self.base / self.block.path
        return self.base / "config" / "instruments" / self.block.name / self.block.version

    @cached_property
    def _folders(self) -> list[Path]:
        """Folder of the version, and of those it extends."""
        folders = [self.folder]
        while (below := self._extended(folders[-1])) is not None and below not in folders:
            folders.append(below)
        return folders

    @cached_property
    def _atmosphere(self) -> tuple[Path, object]:
        """File that names the atmosphere of the site, and the name; the version's own first."""
        for folder in self._folders:
            file = folder / INSTRUMENT_FILE
            site = read_campaign_file(file).get("site")
            if isinstance(site, dict) and "atmosphere" in site:
                return file, site["atmosphere"]
        return self.folder / INSTRUMENT_FILE, "missing"

    @cached_property
    def _atmosphere_files(self) -> list[str]:
        """Files of the atmosphere of the site."""
        return _files_below(self.base / ATMOSPHERES / str(self._atmosphere[1]))

    @cached_property
    def files(self) -> list[str]:
        """Files of the instrument's version, of those it extends, of its atmosphere: what every
        job reads, the version's own first.
        """
        own = [path for folder in self._folders for path in _files_below(folder)]
        return [*own, *self._atmosphere_files]

    @cached_property
    def inputs(self) -> list[str]:
        """Those that a job declares: what tells where the others lie, and which they are.

        Some forty files for every job of a production were most inputs of its DAG. ``digest.txt``
        stands for all numbers of the instrument, as every job checks. What is in ``config``
        travels to workers with the sources; of a folder elsewhere, all files are inputs.
        """
        if self.block.path is not None:
            return self.files
        telling = [f for f in self.files if os.path.basename(f) in (INSTRUMENT_FILE, DIGEST_FILE)]
        return [*telling, *self._atmosphere_files]

    @cached_property
    def sha256(self) -> str:
        """Digest of the content of all files: a job reruns when one of them changes."""
        digest = hashlib.sha256()
        for path in self.files:
            content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            digest.update(f"{os.path.relpath(path, self.base)} {content}\n".encode())
        return digest.hexdigest()

    def _extended(self, folder: Path) -> Path | None:
        """Version that a version of an instrument extends."""
        file = folder / INSTRUMENT_FILE
        if not file.is_file():
            raise InputError(file, "file", "missing", "the description of an instrument")
        extends = read_campaign_file(file).get("extends")
        return None if extends is None else Path(os.path.normpath(folder.parent / str(extends)))

    @property
    def digest(self) -> str:
        """Digest of the instrument's version, as its file says.

        Raises
        ------
        InputError
            If there is none.
        """
        path = self.folder / DIGEST_FILE
        text = path.read_text(encoding="utf-8").split() if path.is_file() else []
        if not text or len(text[0]) != 64 or set(text[0]) - set("0123456789abcdef"):
            raise InputError(path, "digest", text[:1] or "missing", "64 hexadecimal digits")
        return text[0]

    def check(self) -> None:
        """Check that the version exists, with its digest.

        Raises
        ------
        InputError
            If it does not.
        """
        block = self.block
        if not self.folder.is_dir():
            if block.path is not None:
                raise InputError(self.file, "instrument.path", block.path, "an existing folder")
            at_hand = ", ".join(_versions(self.base / "config" / "instruments")) or "none"
            given = f"{block.name} {block.version}"
            raise InputError(
                self.file, "instrument", given, f"a folder <name>/<version>: {at_hand}"
            )
        if not self._atmosphere_files:
            at_hand = ", ".join(sorted(p.name for p in (self.base / ATMOSPHERES).glob("*")))
            file, name = self._atmosphere
            raise InputError(file, "site.atmosphere", name, at_hand or "none")
        self._check_sources()
        self.digest, self.files  # noqa: B018 - read here so that a bad one stops before any job

    def _check_sources(self) -> None:
        """Check that git knows the files that no job declares: workers get what it lists."""
        hidden = sorted(set(self.files) - set(self.inputs))
        if not hidden:
            return
        command = ["git", "-C", str(self.base), "ls-files", "-z", "--others", "--", *hidden]
        try:
            listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return  # No git, or no repository: sources travel without it, or not at all.
        if listed:
            name = listed.split("\0")[0]
            raise InputError(
                self.file,
                "instrument",
                name,
                "files that git knows (git add), or a folder elsewhere as instrument.path",
            )


def _files_below(folder: Path) -> list[str]:
    """Files of a folder that are not hidden, in the order of their names."""
    found = sorted(folder.rglob("*"))
    return [str(path) for path in found if path.is_file() and not path.name.startswith(".")]


def _versions(folder: Path) -> list[str]:
    """Instruments at hand, as name and version."""
    found = folder.glob(f"*/*/{DIGEST_FILE}")
    return sorted(f"{p.parent.parent.name} {p.parent.name}" for p in found)
