"""Energies and offsets of showers that were thrown, drawn again without a file of them.

Every shower draws its primary from a stream of its own: what was thrown follows from its number.
Laws and order of the random numbers are those of `iactflow.shower.primaries.draw_primary`, here
for many showers at a time, without directions and cores.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iactflow._jit import jit
from iactflow.campaign.philox import philox4x64
from iactflow.campaign.shower_keys import shower_keys

__all__ = ["redraw_primaries"]

_SHIFT = np.uint64(11)
_STEP = 1.0 / 9007199254740992.0


@jit
def _uniforms(keys):
    """First two uniform numbers in [0, 1) of streams: both lie in the first block."""
    out = np.empty((len(keys), 2))
    one, zero = np.uint64(1), np.uint64(0)
    for i in range(len(keys)):
        block = philox4x64(one, zero, zero, zero, keys[i, 0], keys[i, 1])
        out[i, 0] = np.float64(block[0] >> _SHIFT) * _STEP
        out[i, 1] = np.float64(block[1] >> _SHIFT) * _STEP
    return out


def redraw_primaries(
    settings: Mapping, campaign_seed: int, run: int, first: int, last: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw energies and offsets of a range of showers again.

    Parameters
    ----------
    settings : mapping
        ``particle``, ``energy_min_tev``, ``energy_max_tev``, ``spectral_index``, ``viewcone_deg``
        and, without a cone, ``offset_deg`` of the production.
    campaign_seed, run : int
        Seed of the campaign that simulated them; run.
    first, last : int
        Showers of the run.

    Returns
    -------
    energy_tev, offset_deg : ndarray of float64, shape (last - first + 1,)
        Energies, and angles from the pointing, to the last digits those that were thrown.
    """
    keys = shower_keys(campaign_seed, "primary", settings["particle"], run, first, last)
    u = _uniforms(keys)
    low, high = settings["energy_min_tev"], settings["energy_max_tev"]
    power = 1.0 - settings["spectral_index"]
    if abs(power) < 1e-9:
        energy = low * (high / low) ** u[:, 0]
    else:
        energy = (low**power + u[:, 0] * (high**power - low**power)) ** (1.0 / power)
    if settings["viewcone_deg"] > 0.0:
        span = 1.0 - np.cos(np.radians(settings["viewcone_deg"]))
        return energy, np.degrees(np.arccos(1.0 - u[:, 1] * span))
    return energy, np.full(len(energy), float(settings["offset_deg"]))
