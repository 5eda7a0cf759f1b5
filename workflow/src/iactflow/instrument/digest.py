"""Identity of an instrument: SHA-256 over all its numbers, frozen beside a version."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from iactflow.errors import InputError
from iactflow.instrument.description import Instrument

__all__ = ["DIGEST_FILE", "check_digest", "flatten", "freeze", "instrument_digest"]

DIGEST_FILE = "digest.txt"
# What names an instrument is not one of its numbers: a copy under another name is the same.
NAMES = frozenset({"name", "version", "digest"})


def flatten(thing, key: str = "") -> dict[str, object]:
    """Every value of a description by its place in it.

    Parameters
    ----------
    thing : object
        Description, or a part of it.
    key : str, optional
        Its own place.

    Returns
    -------
    dict of str to object
        Numbers, texts, arrays and None by key with dots, in the order of the description.
        Telescopes are keyed by their number, their type by its name.
    """
    if isinstance(thing, Instrument):
        flat = {}
        for part in (f.name for f in fields(thing) if f.name not in NAMES | {"telescopes"}):
            flat |= flatten(getattr(thing, part), part)
        types = {t.type.name: t.type for t in thing.telescopes}
        for telescope in thing.telescopes:
            for f in fields(telescope):
                value = getattr(telescope, f.name)
                flat[f"telescopes.{telescope.tel_id}.{f.name}"] = (
                    value.name if f.name == "type" else value
                )
        for name in sorted(types):
            flat |= flatten(types[name], f"types.{name}")
        return flat
    if is_dataclass(thing):
        items = [(f.name, getattr(thing, f.name)) for f in fields(thing)]
    elif isinstance(thing, dict):
        items = sorted(thing.items())
    elif isinstance(thing, tuple):
        items = list(enumerate(thing))
    else:
        return {key: thing}
    flat = {key: f"{len(items)} entries"} if isinstance(thing, tuple) else {}
    for name, value in items:
        flat |= flatten(value, f"{key}.{name}" if key else str(name))
    return flat


def instrument_digest(instrument: Instrument) -> str:
    """SHA-256 over all numbers and choices of a description.

    Numbers enter as float64 in little-endian order, -0 as 0; names of the instrument and of the
    version, sources and the layout of files do not enter.

    Parameters
    ----------
    instrument : Instrument
        Description.

    Returns
    -------
    str
        Hexadecimal digest.
    """
    digest = sha256(b"iactflow instrument 1\n")
    for key, value in sorted(flatten(instrument).items()):
        digest.update(f"{key}\n".encode())
        if isinstance(value, str | bool) or value is None:
            digest.update(repr(value).encode())
            continue
        array = np.asarray(value, dtype="<f8") + 0.0
        # One pattern of bits for every "not a number".
        array = np.where(np.isnan(array), np.nan, array)
        digest.update(f"{array.shape}\n".encode() + array.astype("<f8").tobytes())
    return digest.hexdigest()


def check_digest(directory: Path, digest: str) -> None:
    """Compare a digest with the frozen one, if there is one.

    Parameters
    ----------
    directory : Path
        Version.
    digest : str
        Of its numbers as they are.

    Raises
    ------
    InputError
        The version is frozen with other numbers.
    """
    file = Path(directory) / DIGEST_FILE
    if not file.exists():
        return
    frozen = file.read_text("utf-8").strip()
    if frozen != digest:
        raise InputError(
            file,
            "digest",
            digest,
            f"{frozen}: numbers of a frozen version do not change. Undo the change, or make a new"
            f" version beside it: an instrument.yaml that says 'extends: {Path(directory).name}'"
            " and holds what differs; then run iactflow instrument freeze on it",
        )


def freeze(directory: Path, digest: str) -> Path:
    """Freeze a version: write its digest beside it.

    Parameters
    ----------
    directory : Path
        Version.
    digest : str
        Of its numbers.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        It is frozen already, with other numbers.
    """
    check_digest(directory, digest)
    file = Path(directory) / DIGEST_FILE
    file.write_text(f"{digest}\n", "utf-8")
    return file
