"""Key of a pool of hadronic interactions: equal settings make one product for all campaigns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import version

__all__ = ["generators_version", "pool_key"]

# Part of every key: a change of what a pool holds or how it draws must change it.
ENCODING = "iactflow.hadrons.1"


@cache
def generators_version() -> str:
    """Version of the package that holds the event generators.

    Returns
    -------
    str
        Such as ``chromo 0.11.0``.
    """
    return f"chromo {version('chromo')}"


def pool_key(settings: Mapping) -> str:
    """Key of the pool that settings make.

    Parameters
    ----------
    settings : mapping
        The whole block ``shower.hadrons``: models, limits, grid, seed.

    Returns
    -------
    str
        16 hexadecimal digits, of the settings and the version of the generators.
    """
    text = json.dumps([ENCODING, generators_version(), dict(settings)], sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()
