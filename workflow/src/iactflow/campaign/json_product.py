"""JSON products as their stage wrote them: read without the provenance embedded in them.

Apart from `iactflow.campaign.embed`, so that reading a product needs none of the code that
writes provenance, and its closure stays small.
"""

from __future__ import annotations

import json
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["JSON_KEY", "read_json"]

JSON_KEY = "_provenance"


def read_json(path: str | Path) -> object:
    """Read a JSON product without the provenance embedded in it.

    Parameters
    ----------
    path : str or Path
        The product.

    Returns
    -------
    object
        As its stage wrote it.

    Raises
    ------
    InputError
        If it is missing or no JSON.
    """
    try:
        value = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise InputError(path, "file", "missing", "a JSON file") from None
    except ValueError as error:
        raise InputError(path, "content", str(error), "JSON") from None
    if isinstance(value, dict):
        value.pop(JSON_KEY, None)
    return value
