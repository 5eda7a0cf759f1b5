"""Files of the instrument's version that a campaign simulates."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.schema import Instrument
from iactflow.errors import InputError

__all__ = ["DIGEST_FILE", "INSTRUMENT_FILE", "InstrumentFiles"]

DIGEST_FILE = "digest.txt"
INSTRUMENT_FILE = "instrument.yaml"
# Of an atmosphere: its other tables lie beside it.
PROFILE_FILE = "profile.ecsv"


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
    def files(self) -> list[str]:
        """Files of the instrument's version, of those it extends, of its atmosphere: what every
        job reads, the version's own first.
        """
        folders = [self.folder]
        while (below := self._extended(folders[-1])) is not None and below not in folders:
            folders.append(below)
        atmospheres = self.base / "config" / "atmospheres"
        named = (self._site(folder).get("atmosphere") for folder in folders)
        folders.append(atmospheres / next((name for name in named if name), ""))
        return [
            str(path)
            for folder in folders
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        ]

    @cached_property
    def inputs(self) -> list[str]:
        """Those that a job declares: the ones that tell where the others lie.

        Some forty files for every job of a production are most of the memory of its DAG. What is
        in ``config`` travels to workers with the sources; of a folder elsewhere, all are inputs.
        """
        if self.block.path is not None:
            return self.files
        telling = (INSTRUMENT_FILE, DIGEST_FILE, PROFILE_FILE)
        return [path for path in self.files if os.path.basename(path) in telling]

    @cached_property
    def sha256(self) -> str:
        """Digest of the content of all files: a job reruns when one of them changes."""
        digest = hashlib.sha256()
        for path in self.files:
            content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            digest.update(
                f"{Path(os.path.relpath(path, self.base)).as_posix()} {content}\n".encode()
            )
        return digest.hexdigest()

    def _site(self, folder: Path) -> dict:
        """Site of a version, as far as its own file tells."""
        site = read_campaign_file(folder / INSTRUMENT_FILE).get("site")
        return site if isinstance(site, dict) else {}

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
        atmospheres = self.base / "config" / "atmospheres"
        if not any(os.path.basename(path) == PROFILE_FILE for path in self.files):
            at_hand = sorted(path.parent.name for path in atmospheres.glob(f"*/{PROFILE_FILE}"))
            given = self._site(self.folder).get("atmosphere", "missing")
            raise InputError(
                self.folder / INSTRUMENT_FILE,
                "site.atmosphere",
                given,
                ", ".join(at_hand) or "none",
            )
        self.digest, self.files  # noqa: B018 - read here so that a bad one stops before any job


def _versions(folder: Path) -> list[str]:
    """Instruments at hand, as name and version."""
    found = folder.glob(f"*/*/{DIGEST_FILE}")
    return sorted(f"{p.parent.parent.name} {p.parent.name}" for p in found)
