"""Read an instrument description from its version directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from iactflow.errors import InputError
from iactflow.instrument.build import (
    build_telescope_type,
    build_telescopes,
    build_triggers,
    dead_time,
    site,
)
from iactflow.instrument.description import Instrument
from iactflow.instrument.digest import check_digest, instrument_digest
from iactflow.instrument.documents import Leaf, read_type, read_version

__all__ = ["find_instrument", "load_instrument"]

BLOCKS = ("name", "version", "site", "dead_time_s", "telescopes", "triggers")


def load_instrument(directory: str | Path, check: bool = True) -> Instrument:
    """Read an instrument from a version directory.

    Parameters
    ----------
    directory : str or Path
        ``config/instruments/<name>/<version>``: ``instrument.yaml``, a document per telescope
        type, tables.
    check : bool, optional
        Compare the digest with the frozen one.

    Returns
    -------
    Instrument
        Description with its digest.

    Raises
    ------
    InputError
        Missing documents or tables, unknown or missing keys, values without source or out of
        range, numbers that differ from the frozen ones.
    """
    directory = Path(directory)
    file = directory / "instrument.yaml"
    blocks, chain = read_version(directory)
    unknown = [key for key in blocks if key not in BLOCKS]
    missing = [key for key in BLOCKS if key not in blocks]
    if unknown or missing:
        problem = f"unknown key {unknown[0]}" if unknown else f"missing key {missing[0]}"
        raise InputError(file, "document", problem, ", ".join((*BLOCKS, "extends", "source")))
    types = {}
    for name in sorted({_type_name(b, k, file) for k, b in blocks["telescopes"].items()}):
        document = chain[-1] / f"{name}.yaml"
        types[name] = build_telescope_type(name, read_type(name, chain), document)
    telescopes = build_telescopes(blocks["telescopes"], types, file)
    instrument = Instrument(
        name=blocks["name"],
        version=blocks["version"],
        digest="",
        site=site(blocks, file),
        telescopes=telescopes,
        triggers=build_triggers(blocks["triggers"], {t.tel_id for t in telescopes}, file),
        dead_time_s=dead_time(blocks, file),
    )
    instrument = replace(instrument, digest=instrument_digest(instrument))
    if check:
        check_digest(directory, instrument.digest)
    return instrument


def _type_name(block, tel_id, file: Path) -> str:
    leaf = block.get("type") if isinstance(block, dict) else None
    if not isinstance(tel_id, int) or not isinstance(leaf, Leaf) or not isinstance(leaf.value, str):
        raise InputError(file, f"telescopes.{tel_id}", leaf, "a telescope number with a type")
    return leaf.value


def find_instrument(
    name: str | Path, version: str | None = None, root: str | Path = "config/instruments"
) -> Instrument:
    """Read an instrument by its name and version, or by its directory.

    Parameters
    ----------
    name : str or Path
        Name (``hess1``), name and version (``hess1/2006``), or a version directory.
    version : str, optional
        Version; without it there must be but one.
    root : str or Path, optional
        Folder that holds the instruments.

    Returns
    -------
    Instrument
        Description.

    Raises
    ------
    InputError
        No such instrument or version, a version left open, or a bad description.
    """
    for base in (Path(name), Path(root) / name):
        if version is None and (base / "instrument.yaml").is_file():
            return load_instrument(base)
        if version is not None and (base / version / "instrument.yaml").is_file():
            return load_instrument(base / version)
    folder = Path(root) / name
    versions = sorted(f.parent.name for f in folder.glob("*/instrument.yaml"))
    if version is None and len(versions) == 1:
        return load_instrument(folder / versions[0])
    if versions:
        raise InputError(folder, "version", version, ", ".join(versions))
    names = sorted({f.parents[1].name for f in Path(root).glob("*/*/instrument.yaml")})
    raise InputError(root, "instrument", str(name), ", ".join(names) or "a version directory")
