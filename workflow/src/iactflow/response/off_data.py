"""Background from real runs: their events outside exclusion regions, stacked in the field of view.

Around the pointing of each run, rings lose the part of their solid angle that lies in exclusion
regions, and the events in it. Events over time and remaining solid angle of all runs are the rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.errors import InputError
from iactflow.io.observation import Observation
from iactflow.response.histograms import Background, fill_background

__all__ = ["free_fraction", "off_data_background"]

# Points in which the free part of a ring is told: across it, and around.
ACROSS, AROUND = 10, 180


def _around(ra_deg: float, dec_deg: float, offset_deg, angle_deg) -> tuple[np.ndarray, np.ndarray]:
    """Directions at offsets and position angles from a direction."""
    dec, offset, angle = np.radians(dec_deg), np.radians(offset_deg), np.radians(angle_deg)
    sine = np.sin(dec) * np.cos(offset) + np.cos(dec) * np.sin(offset) * np.cos(angle)
    y = np.sin(angle) * np.sin(offset) * np.cos(dec)
    x = np.cos(offset) - np.sin(dec) * sine
    return ra_deg + np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))


def _free(ra_deg, dec_deg, circles: Sequence[dict]) -> np.ndarray:
    """Which directions lie in no exclusion region."""
    free = np.ones(np.shape(ra_deg), dtype=bool)
    for circle in circles:
        distance = separation_deg(ra_deg, dec_deg, circle["ra_deg"], circle["dec_deg"])
        free &= distance > circle["radius_deg"]
    return free


def free_fraction(
    ra_deg: float, dec_deg: float, offset_edges_deg, circles: Sequence[dict]
) -> np.ndarray:
    """Fractions of rings around a pointing that lie in no exclusion region.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Pointing, ICRS.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges of the rings.
    circles : sequence of dict
        Exclusion regions: ``ra_deg``, ``dec_deg``, ``radius_deg``.

    Returns
    -------
    ndarray of float64, shape (k,)
        Fractions of the solid angles, from points that share them evenly.
    """
    # Even in solid angle: even in the square of the half sine.
    edges = np.sin(0.5 * np.radians(offset_edges_deg)) ** 2
    steps = (np.arange(ACROSS) + 0.5) / ACROSS
    squares = edges[:-1, None] + np.diff(edges)[:, None] * steps[None, :]
    offset = 2.0 * np.degrees(np.arcsin(np.sqrt(squares)))[:, :, None]
    angle = 360.0 * (np.arange(AROUND) + 0.5)[None, None, :] / AROUND
    return _free(*_around(ra_deg, dec_deg, offset, angle), circles).mean(axis=(1, 2))


def off_data_background(
    runs: Iterable[tuple[Observation, Sequence[dict]]], energy_edges_tev, offset_edges_deg
) -> Background:
    """Rate of real events in the field of view.

    Parameters
    ----------
    runs : iterable of tuple
        Runs, each with its exclusion regions as of `free_fraction`.
    energy_edges_tev : ndarray of float64, shape (n + 1,)
        Edges in energy.
    offset_edges_deg : ndarray of float64, shape (k + 1,)
        Edges in offset.

    Returns
    -------
    Background
        Rates as if no region were excluded; events stand for showers.

    Raises
    ------
    InputError
        If there is no run, or regions exclude a ring in all of them.
    """
    free_s = np.zeros(len(offset_edges_deg) - 1)
    energy, offset = [np.zeros(0)], [np.zeros(0)]
    for run, circles in runs:
        pointing = run.ra_pnt_deg, run.dec_pnt_deg
        free_s += run.livetime_s * free_fraction(*pointing, offset_edges_deg, circles)
        keep = _free(run.event_ra_deg, run.event_dec_deg, circles)
        ra, dec = run.event_ra_deg[keep], run.event_dec_deg[keep]
        energy.append(run.event_energy_tev[keep])
        offset.append(separation_deg(ra, dec, *pointing))
    if not (free_s > 0.0).all():
        ring = int(np.flatnonzero(free_s <= 0.0)[0])
        at = f"{offset_edges_deg[ring]:g} to {offset_edges_deg[ring + 1]:g} deg"
        raise InputError("responses", "off_data", f"no free sky at {at}", "runs with free sky")
    energy, offset = np.concatenate(energy), np.concatenate(offset)
    events = np.arange(len(energy))
    found = fill_background(
        energy, offset, np.ones(len(energy)), events, energy_edges_tev, offset_edges_deg
    )
    rate, squares = found.rate_per_s / free_s, found.squares / free_s**2
    return found._replace(rate_per_s=rate, squares=squares, energy_squares=squares.sum(axis=1))
