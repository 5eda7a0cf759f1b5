"""Manifest of a frozen production: which chunks it has, what their files must be, who made them.

One text file: a catalogue of files (`iactflow.campaign.catalogue`), below lines ``# key: JSON``
that say what the production is, one ``# chunk: JSON`` per chunk with the jobs that made it, and in
the end the digest of all lines above it. Whatever reads catalogues reads it as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.catalogue import format_catalogue, parse_catalogue
from iactflow.campaign.digest import canonical_json
from iactflow.errors import InputError

__all__ = ["Chunk", "Manifest", "read_manifest", "write_manifest"]

MAGIC = "# iactflow frozen production, version 1"
CHUNK, DIGEST = "# chunk: ", "# sha256: "
ALLOWED = "a manifest as iactflow freeze wrote it, whole and not edited"


@dataclass(frozen=True)
class Chunk:
    """A chunk of a production, and the jobs that made it.

    Attributes
    ----------
    run : int
        Run.
    name : str
        Name of the chunk.
    path : str
        Its folder, below that of the production.
    showers : list of int
        First and last shower; empty where the files alone tell.
    storage_elements : list of str
        Where its replicas lie, by the names of the file of sites; empty: in a local folder.
    jobs : list of dict
        Those that made it, the last one its files: ``activity`` and ``made``, PROV attributes of
        the job and of its product; ``software``, versions, and ``used``, PROV entities by
        location, beside those of the manifest, which all jobs share.
    """

    run: int
    name: str
    path: str
    showers: list[int]
    storage_elements: list[str]
    jobs: list[dict]


@dataclass(frozen=True)
class Manifest:
    """A frozen production.

    Attributes
    ----------
    campaign, production : str
        Campaign that made it, and its name there.
    seed : int
        Seed of that campaign.
    settings : dict
        Blocks of that campaign: ``production``, ``shower``, ``instrument``.
    instrument_digest : str
        Digest of the instrument's version.
    conditions : dict
        Digest of the conditions by run, where it follows observations.
    folder : str
        Folder that the files lie below: local, absolute or relative to the manifest; or below the
        base path of every storage element.
    software, used : dict
        Versions that all jobs ran with, and PROV entities whose content all read, by location.
    chunks : list of Chunk
        By ascending run and name.
    files : dict of str to str
        ``size_bytes:adler32`` by path below the folder.
    sha256 : str
        Digest of all of the file but its last line; empty before it is written.
    """

    campaign: str
    production: str
    seed: int
    settings: dict
    instrument_digest: str
    conditions: dict
    folder: str
    software: dict
    used: dict
    chunks: list[Chunk]
    files: dict[str, str]
    sha256: str = ""

    @cached_property
    def files_of(self) -> dict[str, list[str]]:
        """Files by path of their chunk."""
        found: dict[str, list[str]] = {chunk.path: [] for chunk in self.chunks}
        for name in self.files:
            found.setdefault(name.rpartition("/")[0], []).append(name)
        return found


# Written line by line, in this order; chunks and files follow.
HEAD = ("campaign", "production", "seed", "folder", "instrument_digest", "settings", "conditions",
        "software", "used")  # fmt: skip


def write_manifest(manifest: Manifest, path: str | Path) -> str:
    """Write a manifest, whole or not at all; the same for the same production.

    Parameters
    ----------
    manifest : Manifest
        The production.
    path : str or Path
        File to write; its folder is made.

    Returns
    -------
    str
        Digest that its last line holds.
    """
    lines = [MAGIC, *(f"# {key}: {canonical_json(getattr(manifest, key))}" for key in HEAD)]
    chunks = sorted(manifest.chunks, key=lambda chunk: (chunk.run, chunk.name))
    lines += [CHUNK + canonical_json(asdict(chunk)) for chunk in chunks]
    text = "".join(f"{line}\n" for line in lines) + format_catalogue(manifest.files)
    digest = sha256(text.encode()).hexdigest()
    with atomic_output(path) as temporary:
        temporary.write_text(f"{text}{DIGEST}{digest}\n", encoding="utf-8")
    return digest


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Manifest
        The production.

    Raises
    ------
    InputError
        If the file is missing, no manifest, damaged, or edited.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "manifest", str(error), ALLOWED) from None
    if not text.startswith(f"{MAGIC}\n"):
        raise InputError(path, "line 1", text.partition("\n")[0][:60], MAGIC)
    above, _, last = text.removesuffix("\n").rpartition("\n")
    found = sha256(f"{above}\n".encode()).hexdigest()
    if last != DIGEST + found:
        raise InputError(path, "last line", last[:80], f"{DIGEST}{found}: {ALLOWED}")
    lines = above.splitlines()
    chunks = [Chunk(**json.loads(line[len(CHUNK) :])) for line in lines if line.startswith(CHUNK)]
    return Manifest(
        **_head(lines[1 : len(HEAD) + 1]),
        chunks=chunks,
        files=parse_catalogue(above, path),
        sha256=found,
    )


def _head(lines: Sequence[str]) -> Mapping:
    """Keys and values of the first lines."""
    pairs = (line.removeprefix("# ").partition(": ") for line in lines)
    return {key: json.loads(value) for key, _, value in pairs}
