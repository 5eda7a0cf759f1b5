"""Safe range of a run: the energies of its file, and those above a threshold of the area."""

from __future__ import annotations

import numpy as np

from iactflow.errors import InputError
from iactflow.io.observation import Observation
from iactflow.response import interpolate

__all__ = ["begins_above", "safe_mask"]


def begins_above(area: np.ndarray, fraction: float) -> bool:
    """Whether an effective area has no threshold, and falls below where it would be later.

    It begins above the fraction of its largest value where simulations begin above the threshold
    of the telescopes, and is below it again where they end. Whoever asks for the energy of this
    fraction then finds the end.

    Parameters
    ----------
    area : ndarray of shape (m,)
        Effective area at ascending energies, in any unit.
    fraction : float
        Fraction of the largest area.

    Returns
    -------
    bool
        False where it rises through the fraction, and where it never falls below.
    """
    positive = np.flatnonzero(area > 0)
    if len(positive) == 0:
        return False
    known, limit = area[positive[0] :], fraction * np.max(area)
    return bool(known[0] >= limit and (known < limit).any())


def safe_mask(
    observation: Observation, energy_tev, area_m2, energy_edges_tev, safe_range: dict
) -> np.ndarray:
    """Bins of a run inside its safe range.

    Parameters
    ----------
    observation : Observation
        The run, with AEFF.
    energy_tev : ndarray of shape (m,)
        True energies, ascending, TeV.
    area_m2 : ndarray of shape (m,)
        Effective area at the source with any containment correction, m2.
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges in reconstructed energy, TeV.
    safe_range : dict
        Keys ``file_threshold`` and ``effective_area_min_fraction`` of the campaign.

    Returns
    -------
    ndarray of bool of shape (n,)
        True inside.

    Raises
    ------
    InputError
        If the fraction is asked for and the area begins above it: the threshold is not in the
        responses, and events that come from below them are missing.
    """
    mask = np.ones(len(energy_edges_tev) - 1, dtype=bool)
    if safe_range["file_threshold"]:
        limits = observation.aeff.lo_thres_tev, observation.aeff.hi_thres_tev
        mask &= interpolate.energy_mask(energy_edges_tev, *limits)
    fraction = safe_range["effective_area_min_fraction"]
    if fraction > 0:
        if begins_above(area_m2, fraction):
            first = np.flatnonzero(area_m2 > 0)[0]
            part = area_m2[first] / np.max(area_m2)
            found = f"{part:.2g} of the largest area at {energy_tev[first]:.3g} TeV, the least one"
            allowed = (
                f"responses from energies with less than {fraction:g} of it; or 0, and "
                "energy_min_tev of the models well above their begin"
            )
            key = "safe_range.effective_area_min_fraction"
            raise InputError(f"run {observation.obs_id}", key, found, allowed)
        threshold_tev = interpolate.threshold_energy_tev(energy_tev, area_m2, fraction)
        mask &= interpolate.energy_mask(energy_edges_tev, threshold_tev)
    return mask
