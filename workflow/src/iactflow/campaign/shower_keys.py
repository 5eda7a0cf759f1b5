"""Keys of the random streams of many showers, as `iactflow.campaign.streams` defines them."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from iactflow.campaign.streams import StreamKey

__all__ = ["shower_keys"]

_WORD = 8


def shower_keys(
    campaign_seed: int, stage: str, particle: str, run: int, first: int, last: int
) -> np.ndarray:
    """Keys of the streams of a range of showers.

    All that is the same in their encodings is made once: a key takes a microsecond, not ten.

    Parameters
    ----------
    campaign_seed : int
        Seed of the campaign.
    stage : str
        Stage that draws.
    particle : str
        Primary particle.
    run : int
        Run.
    first, last : int
        Showers of the run.

    Returns
    -------
    ndarray of uint64, shape (last - first + 1, 2)
        Row by row those of `iactflow.campaign.streams.StreamKey.words`.

    Raises
    ------
    InputError
        As for `iactflow.campaign.streams.StreamKey`.
    """
    encoded = StreamKey(campaign_seed, stage, particle, run, 0).encoded()
    # Encodings differ in the bytes of the number alone, and here in its first one.
    other = StreamKey(campaign_seed, stage, particle, run, 1).encoded()
    at = next(i for i, (a, b) in enumerate(zip(encoded, other, strict=True)) if a != b)
    for end in (first, last):
        StreamKey(campaign_seed, stage, particle, run, end)
    head, tail = blake2b(encoded[:at], digest_size=2 * _WORD), encoded[at + _WORD :]
    digests = bytearray()
    for shower in range(first, last + 1):
        digest = head.copy()
        digest.update(shower.to_bytes(_WORD, "little") + tail)
        digests += digest.digest()
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64).reshape(-1, 2)
