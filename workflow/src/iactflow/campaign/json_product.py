"""JSON products: written as JSON can hold them, read without the provenance embedded in them.

Apart from `iactflow.campaign.embed`, so that reading a product needs none of the code that
writes provenance, and its closure stays small.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["JSON_KEY", "plain", "read_json", "write_json"]

JSON_KEY = "_provenance"


def plain(value: object) -> object:
    """Turn numbers and arrays into what JSON holds; what is not finite becomes null.

    Parameters
    ----------
    value : object
        Dicts, sequences, arrays, numpy scalars.

    Returns
    -------
    object
        Dicts, lists, str, int, float, bool and None alone.
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        # Arrays and scalars of numpy, without an import of it.
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: str | Path, value: object) -> None:
    """Write a JSON product; numbers that are not finite become null.

    Parameters
    ----------
    path : str or Path
        File to write.
    value : object
        As `plain` takes it.
    """
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


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
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(path, "file", "missing", "a JSON file") from None
    except ValueError as error:
        raise InputError(path, "content", str(error), "JSON") from None
    if isinstance(value, dict):
        value.pop(JSON_KEY, None)
    return value
