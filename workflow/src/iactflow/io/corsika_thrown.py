"""What the headers of a CORSIKA IACT file say of the primaries that were thrown.

Words are numbered as in the tables of the CORSIKA User's Guide (section 10, "run header", "event
header"), from 1. Directions and lengths leave this module as those of `iactflow.io.corsika` do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["CorsikaThrown", "make_thrown"]

CM = 0.01
# Words of the run header.
N_SHOWERS, SCATTER_X, SCATTER_Y = 93, 248, 249
# Words of the event header.
PARTICLE, SLOPE, ENERGY_MIN, ENERGY_MAX = 3, 58, 59, 60
ZENITH_MIN, ZENITH_MAX, AZIMUTH_MIN, AZIMUTH_MAX = 81, 82, 83, 84
ROTATION, N_REUSE, CONE_INNER, CONE_OUTER = 93, 98, 153, 154
# Angles are in single precision: of 360 deg it keeps 3e-5.
SAME_DEG, DECIMALS = 1e-3, 4


@dataclass(frozen=True)
class CorsikaThrown:
    """What was thrown, and onto which area.

    Attributes
    ----------
    particle_id : int
        Primary of the first shower in CORSIKA's numbering.
    n_showers : int
        Showers that the run was to have (``NSHOW``).
    n_reuse : int
        Core positions per shower (``CSCAT``).
    energy_min_tev, energy_max_tev : float
        Range of energies (``ERANGE``).
    slope : float
        Index of the power law, negative (``ESLOPE``).
    direction_deg : tuple of two float, or None
        Altitude and azimuth that the primaries, or the axis of their cone, come from (``THETAP``,
        ``PHIP``), azimuth from the x axis (north) through east; None: directions were drawn from
        ranges of zenith angle and azimuth.
    viewcone_deg : tuple of two float
        Least and largest angle from that direction (``VIEWCONE``).
    scatter_m : tuple of two float
        Radius of the disk of cores and 0, or half the sides of a rectangle; zeros: cores were not
        scattered.
    """

    particle_id: int
    n_showers: int
    n_reuse: int
    energy_min_tev: float
    energy_max_tev: float
    slope: float
    direction_deg: tuple[float, float] | None
    viewcone_deg: tuple[float, float]
    scatter_m: tuple[float, float]


def make_thrown(header: np.ndarray, event: np.ndarray) -> CorsikaThrown:
    """What was thrown, from the header of the run and that of its first event.

    Parameters
    ----------
    header, event : ndarray of float64, shape (273,)
        Words.

    Returns
    -------
    CorsikaThrown
        Primaries and cores.
    """

    def of_run(number):
        return float(header[number - 1])

    def of_event(number):
        return float(event[number - 1])

    return CorsikaThrown(
        particle_id=int(of_event(PARTICLE)),
        n_showers=int(of_run(N_SHOWERS)),
        n_reuse=int(of_event(N_REUSE)),
        energy_min_tev=of_event(ENERGY_MIN) / 1000.0,
        energy_max_tev=of_event(ENERGY_MAX) / 1000.0,
        slope=of_event(SLOPE),
        direction_deg=_direction_deg(
            (of_event(ZENITH_MIN), of_event(ZENITH_MAX)),
            (of_event(AZIMUTH_MIN), of_event(AZIMUTH_MAX)),
            math.degrees(of_event(ROTATION)),
        ),
        viewcone_deg=(of_event(CONE_INNER), of_event(CONE_OUTER)),
        scatter_m=(of_run(SCATTER_X) * CM, of_run(SCATTER_Y) * CM),
    )


def _direction_deg(zenith, azimuth, rotation_deg):
    """Where primaries come from; None where that is a range."""
    at_zenith = max(zenith) < SAME_DEG
    fixed = zenith[1] - zenith[0] < SAME_DEG and (at_zenith or azimuth[1] - azimuth[0] < SAME_DEG)
    if not fixed:
        return None
    # CORSIKA's azimuth is that of flight, to the west.
    towards = 0.0 if at_zenith else (180.0 - (azimuth[0] - rotation_deg)) % 360.0
    return round(90.0 - zenith[0], DECIMALS), round(towards, DECIMALS) % 360.0
