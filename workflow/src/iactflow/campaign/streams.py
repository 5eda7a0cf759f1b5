"""Random streams: one per campaign, stage, particle, run, shower, re-use, telescope, NSB level.

The generator is counter-based (Philox4x64-10, Salmon et al. 2011, doi:10.1145/2063384.2063405): a
stream is defined by its key alone, so the same shower has the same content whatever the size of
the chunk or the executor. Kernels draw the same stream through `iactflow.campaign.philox`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from hashlib import blake2b

import numpy as np

from iactflow.errors import InputError

__all__ = ["StreamKey", "campaign_seed"]

# Part of every key: a change of the encoding must change it, and with it every stream.
ENCODING = b"iactflow.streams.1"


def campaign_seed(name: str) -> int:
    """Seed of a campaign that names none: a hash of its name.

    Parameters
    ----------
    name : str
        Name of the campaign.

    Returns
    -------
    int
        Inside [0, 2**63).
    """
    digest = blake2b(ENCODING + b".campaign:" + name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@dataclass(frozen=True)
class StreamKey:
    """What one random stream belongs to.

    Attributes
    ----------
    campaign_seed : int
        Seed of the campaign.
    stage : str
        Stage that draws: ``"shower"``, ``"detector"``, ``"mock"`` ...
    particle : str, optional
        Primary particle.
    run, shower, reuse, telescope, nsb_level : int, optional
        Run; shower in the run; re-use of the shower at another core position; telescope; level of
        the night-sky background. Zero where a stage does not tell them apart.

    Raises
    ------
    InputError
        If a number is not an integer inside [0, 2**63), or a name is not a string.
    """

    campaign_seed: int
    stage: str
    particle: str = ""
    run: int = 0
    shower: int = 0
    reuse: int = 0
    telescope: int = 0
    nsb_level: int = 0

    def __post_init__(self):
        for name, is_text, _ in _FIELDS:
            value = getattr(self, name)
            if is_text:
                if not isinstance(value, str):
                    raise InputError("random stream", name, value, "a string")
            elif isinstance(value, bool | np.bool_) or not (
                isinstance(value, int | np.integer) and 0 <= value < 2**63
            ):
                raise InputError("random stream", name, value, "an integer in [0, 2**63)")

    def encoded(self) -> bytes:
        """Canonical bytes of the key: version, then every field as name and value with lengths.

        Returns
        -------
        bytes
            Equal for equal keys only.
        """
        parts = [_START]
        for name, is_text, label in _FIELDS:
            value = getattr(self, name)
            parts.append(label)
            if is_text:
                parts.append(_with_length(value.encode()))
            else:
                parts.append(_EIGHT_BYTES + int(value).to_bytes(8, "little"))
        return b"".join(parts)

    def key(self) -> tuple[int, int]:
        """Key of the generator: BLAKE2b of `encoded`, 128 bits.

        Returns
        -------
        tuple of two int
            Unsigned 64-bit words, the lower first.
        """
        digest = blake2b(self.encoded(), digest_size=16).digest()
        return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")

    def words(self) -> np.ndarray:
        """Key as an array, for kernels.

        Returns
        -------
        ndarray of uint64, shape (2,)
            For `iactflow.campaign.philox.new_state`.
        """
        return np.array(self.key(), dtype=np.uint64)

    def generator(self) -> np.random.Generator:
        """Generator at the beginning of the stream.

        Returns
        -------
        numpy.random.Generator
            Draws from ``numpy.random.Philox`` with this key and counter 0.
        """
        return np.random.Generator(np.random.Philox(key=self.words(), counter=0))


def _with_length(part: bytes) -> bytes:
    return len(part).to_bytes(4, "little") + part


# Events make several keys per telescope: what is the same in all of them is encoded once.
_START = _with_length(ENCODING)
_EIGHT_BYTES = (8).to_bytes(4, "little")
_FIELDS = tuple(
    (field.name, field.type == "str", _with_length(field.name.encode()))
    for field in fields(StreamKey)
)
