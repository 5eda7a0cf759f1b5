"""Array trigger: telescopes that fire within a window, after the light's expected delay.

Light of a distant source arrives as a plane front from the pointing direction; its delay between
telescopes is taken off before times are compared, as the central triggers of H.E.S.S. (Funk et al.
2004, Astropart. Phys. 22, 285, section 4) and of sim_telarray's ``array_triggers`` do. Of a group
of telescopes, any ``multiplicity`` must lie within the window, and two of those within it at least
``min_separation_m`` apart. Any satisfied group makes an event.

Read out are the telescopes that fired inside the window of a satisfied group, and telescopes of
other groups that fired within their own group's window around the event, unless they belong to
groups of hard stereo only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.instrument.description import ArrayTrigger
from iactflow.telescope.frames import sky_direction

__all__ = [
    "LIGHT_SPEED_M_NS",
    "ArrayDecision",
    "array_trigger",
    "front_delays_ns",
    "least_telescopes",
]

LIGHT_SPEED_M_NS = 0.299792458


class ArrayDecision(NamedTuple):
    """What the array trigger says.

    Attributes
    ----------
    time_ns : float
        When the coincidence was complete, corrected to the reference point of the array.
    tel_ids : tuple of int
        Telescopes that are read out, ascending.
    """

    time_ns: float
    tel_ids: tuple[int, ...]


def front_delays_ns(positions_m: np.ndarray, alt_deg: float, az_deg: float) -> np.ndarray:
    """Delay of a plane front of light at the telescopes.

    Parameters
    ----------
    positions_m : ndarray of float64, shape (n, 3)
        Where light has its times, centres of the telescopes' spheres: north, west, up.
    alt_deg, az_deg : float
        Direction from which the light comes.

    Returns
    -------
    ndarray of float64, shape (n,)
        Arrival after that at the reference point.

    Raises
    ------
    InputError
        If the altitude is outside [0, 90] deg.
    """
    return -(np.asarray(positions_m) @ sky_direction(alt_deg, az_deg)) / LIGHT_SPEED_M_NS


def least_telescopes(triggers: tuple[ArrayTrigger, ...]) -> int:
    """Telescopes without which no group can be satisfied.

    Parameters
    ----------
    triggers : tuple of ArrayTrigger
        Groups.

    Returns
    -------
    int
        Smallest multiplicity.

    Raises
    ------
    InputError
        If there is no group, or a multiplicity is below 1 or above the number of its telescopes.
    """
    if not triggers:
        raise InputError("instrument", "triggers", triggers, "at least one group of telescopes")
    for group in triggers:
        if not 1 <= group.multiplicity <= len(group.tel_ids):
            allowed = f"1 to {len(group.tel_ids)}, the telescopes of the group"
            raise InputError("instrument", "triggers.multiplicity", group.multiplicity, allowed)
    return min(group.multiplicity for group in triggers)


def _far_apart(members, positions, separation_m: float) -> bool:
    if separation_m <= 0.0:
        return True
    for i, a in enumerate(members):
        for b in members[i + 1 :]:
            distance = sum((u - v) ** 2 for u, v in zip(positions[a], positions[b], strict=True))
            if distance >= separation_m**2:
                return True
    return False


def _coincidence(group: ArrayTrigger, times: dict, positions: dict):
    """Time and telescopes of the first window of a group that satisfies it; None: there is none."""
    fired = sorted((times[tel], tel) for tel in group.tel_ids if tel in times)
    for first in range(len(fired) - group.multiplicity + 1):
        begin = fired[first][0]
        inside = [tel for t, tel in fired[first:] if t - begin <= group.window_ns]
        for n in range(group.multiplicity, len(inside) + 1):
            if _far_apart(inside[:n], positions, group.min_separation_m):
                return times[inside[n - 1]], inside
    return None


def array_trigger(
    triggers: tuple[ArrayTrigger, ...],
    tel_ids: list[int],
    times_ns: list[float],
    delays_ns: dict[int, float],
    positions_m: dict[int, tuple[float, float, float]],
) -> ArrayDecision | None:
    """Decide whether an array records an event, and which telescopes.

    Parameters
    ----------
    triggers : tuple of ArrayTrigger
        Groups.
    tel_ids : list of int
        Telescopes that fired.
    times_ns : list of float
        When they did, on one clock.
    delays_ns : dict of int to float
        Delay of each telescope: that of the front, `front_delays_ns`, and its own.
    positions_m : dict of int to tuple of three float
        Positions of the telescopes.

    Returns
    -------
    ArrayDecision or None
        None: no event.
    """
    times = {tel: t - delays_ns[tel] for tel, t in zip(tel_ids, times_ns, strict=True)}
    event_ns, read = np.inf, set()
    for group in triggers:
        found = _coincidence(group, times, positions_m)
        if found is not None:
            event_ns = min(event_ns, found[0])
            read.update(found[1])
    if not read:
        return None
    for group in triggers:
        if group.hard_stereo:
            continue
        for tel in group.tel_ids:
            if tel in times and abs(times[tel] - event_ns) <= group.window_ns:
                read.add(tel)
    return ArrayDecision(float(event_ns), tuple(sorted(read)))
