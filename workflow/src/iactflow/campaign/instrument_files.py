"""Files of the instrument's version that a campaign simulates."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.schema import Instrument
from iactflow.errors import InputError

__all__ = ["DIGEST_FILE", "INSTRUMENT_FILE", "InstrumentFiles"]

DIGEST_FILE = "digest.txt"
INSTRUMENT_FILE = "instrument.yaml"


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
        """Files of the instrument's version, of those it extends, of the atmospheres: what every
        job reads, the version's own first."""
        folders = [self.folder]
        while (below := self._extended(folders[-1])) is not None and below not in folders:
            folders.append(below)
        folders.append(self.base / "config" / "atmospheres")
        return [
            str(path)
            for folder in folders
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        ]

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
        self.digest, self.files  # noqa: B018 - read here so that a bad one stops before any job


def _versions(folder: Path) -> list[str]:
    """Instruments at hand, as name and version."""
    found = folder.glob(f"*/*/{DIGEST_FILE}")
    return sorted(f"{p.parent.parent.name} {p.parent.name}" for p in found)
