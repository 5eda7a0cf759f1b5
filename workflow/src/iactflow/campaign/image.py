"""The reference of an image: where it lies, and the digest that it must have."""

from __future__ import annotations

import re
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["DIGEST_FILE", "check_image", "image_path", "pinned_digest"]

MARK = "@sha256:"
# Where an image states its digest (containers/digest.sh).
DIGEST_FILE = "opt/iactflow/image.digest"


def _is_address(reference: str) -> bool:
    """Whether a registry serves the image: digests of addresses are the registry's."""
    return "://" in reference


def image_path(reference: str) -> str:
    """Return what Apptainer is given: a path without its digest, an address as it is.

    Parameters
    ----------
    reference : str
        Value of the campaign's key ``image``: ``PATH``, ``PATH@sha256:DIGEST`` or an address.

    Returns
    -------
    str
        Path or address.
    """
    return reference if _is_address(reference) else reference.partition(MARK)[0]


def pinned_digest(reference: str) -> str | None:
    """Return the digest that the reference of a local image holds.

    Parameters
    ----------
    reference : str
        Value of the campaign's key ``image``.

    Returns
    -------
    str or None
        What stands behind ``@sha256:``; None without it, and of an address, whose digest Apptainer
        itself verifies.
    """
    return None if _is_address(reference) else reference.partition(MARK)[2] or None


def check_image(reference: str, file: str) -> None:
    """Check that a local image exists and is the pinned one; else every job would fail.

    Of a file in SIF format the digest is seen by the jobs alone.

    Parameters
    ----------
    reference : str
        Value of the campaign's key ``image``.
    file : str
        The campaign's file, for the message.

    Raises
    ------
    InputError
        If nothing is there, if the digest is none, or if a folder states another one.
    """
    if _is_address(reference):
        return
    path, pinned = Path(image_path(reference)), pinned_digest(reference)
    if not path.exists():
        allowed = "an existing image (make image builds containers/iactflow.sif) or its address"
        raise InputError(file, "image", str(path), allowed)
    if pinned is None:
        return
    if not re.fullmatch("[0-9a-f]{64}", pinned):
        raise InputError(file, "image", reference, f"PATH{MARK} and 64 hexadecimal digits")
    stated = path / DIGEST_FILE
    if path.is_dir() and (not stated.is_file() or stated.read_text().strip() != pinned):
        found = stated.read_text().strip() if stated.is_file() else "no digest"
        raise InputError(file, "image", reference, f"the digest of what lies there: {found}")
