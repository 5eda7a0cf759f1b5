"""Primary particles: energy from a power law, direction in the field of view, cores.

Energies follow E^-index between two limits (inverse of the integral). Directions are uniform in
solid angle inside a cone around the pointing, or lie at one offset from it. Cores are uniform in a
disk in the plane perpendicular to the shower through the array's centre, and are projected along
the shower's axis to the observation level, as CORSIKA's IACT option does for its CSCAT areas.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.campaign import philox
from iactflow.campaign.streams import StreamKey

__all__ = ["PARTICLE_ID", "Thrown", "direction_of_flight", "draw_primary"]

# CORSIKA's numbers; a muon is a negative one. Nuclei are 100 A + Z.
PARTICLE_ID = {
    "gamma": 1,
    "gamma_diffuse": 1,
    "electron": 3,
    "muon": 6,
    "proton": 14,
    "helium": 402,
    "nitrogen": 1407,
    "silicon": 2814,
    "iron": 5626,
}


class Thrown(NamedTuple):
    """A primary particle and the cores of its shower.

    Attributes
    ----------
    shower_id, particle_id : int
        Shower of the run; kind of particle in CORSIKA's numbers.
    energy_tev : float
        Energy.
    alt_deg, az_deg : float
        Direction that it comes from.
    offset_deg : float
        Angle of that from the pointing.
    flight : tuple of three float
        Direction of flight, a unit vector.
    cores_m : ndarray of float64, shape (n_reuse, 2)
        Cores at the observation level, north and west of the array's centre.
    """

    shower_id: int
    particle_id: int
    energy_tev: float
    alt_deg: float
    az_deg: float
    offset_deg: float
    flight: tuple[float, float, float]
    cores_m: np.ndarray


def _frame(alt_deg: float, az_deg: float) -> np.ndarray:
    """Unit vectors to a direction, to larger altitude and to larger azimuth."""
    alt, az = np.radians([alt_deg, az_deg])
    return np.array(
        [
            [np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)],
            [-np.sin(alt) * np.cos(az), np.sin(alt) * np.sin(az), np.cos(alt)],
            [-np.sin(az), -np.cos(az), 0.0],
        ]
    )


def direction_of_flight(alt_deg: float, az_deg: float) -> tuple[float, float, float]:
    """Direction of flight of what comes from a point of the sky.

    Parameters
    ----------
    alt_deg, az_deg : float
        Altitude; azimuth from north through east.

    Returns
    -------
    tuple of three float
        Unit vector: north, west, up.
    """
    return tuple(-_frame(alt_deg, az_deg)[0])


def _energy_tev(settings: dict, u: float) -> float:
    low, high = settings["energy_min_tev"], settings["energy_max_tev"]
    power = 1.0 - settings["spectral_index"]
    if abs(power) < 1e-9:
        return float(low * (high / low) ** u)
    return float((low**power + u * (high**power - low**power)) ** (1.0 / power))


def _cores_m(towards: np.ndarray, radius_m: float, draws: np.ndarray) -> np.ndarray:
    """Cores at z = 0 of points drawn uniformly in a disk perpendicular to a direction."""
    across = np.cross(towards, [0.0, 0.0, 1.0])
    if np.hypot(*across[:2]) < 1e-12:
        across = np.array([1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    along = np.cross(towards, across)
    radius = radius_m * np.sqrt(draws[:, :1])
    angle = 2.0 * np.pi * draws[:, 1:]
    points = radius * (np.cos(angle) * across + np.sin(angle) * along)
    return np.ascontiguousarray((points - points[:, 2:] / towards[2] * towards)[:, :2])


def draw_primary(
    settings: dict,
    pointing_deg: tuple[float, float],
    campaign_seed: int,
    run: int,
    shower_id: int,
) -> Thrown:
    """Draw a primary and its cores from the stream of its shower.

    Parameters
    ----------
    settings : dict
        Block of a production: ``particle``, ``energy_min_tev``, ``energy_max_tev``,
        ``spectral_index``, ``offset_deg``, ``offset_angle_deg``, ``viewcone_deg``,
        ``core_radius_max_m``, ``shower_reuse``.
    pointing_deg : tuple of two float
        Altitude and azimuth of the pointing.
    campaign_seed, run, shower_id : int
        Name the random stream.

    Returns
    -------
    Thrown
        The particle.
    """
    particle = settings["particle"]
    key = StreamKey(campaign_seed, "primary", particle, run, shower_id)
    n_reuse = settings["shower_reuse"]
    draws = np.empty(3 + 2 * n_reuse)
    philox.fill_uniform(philox.new_state(key.words()), draws)
    if settings["viewcone_deg"] > 0.0:
        span = 1.0 - np.cos(np.radians(settings["viewcone_deg"]))
        offset, angle = np.arccos(1.0 - draws[1] * span), 2.0 * np.pi * draws[2]
    else:
        offset, angle = np.radians([settings["offset_deg"], settings["offset_angle_deg"]])
    frame = _frame(*pointing_deg)
    sine = np.sin(offset)
    towards = np.array([np.cos(offset), sine * np.cos(angle), sine * np.sin(angle)]) @ frame
    return Thrown(
        shower_id,
        PARTICLE_ID[particle],
        _energy_tev(settings, draws[0]),
        float(np.degrees(np.arcsin(towards[2]))),
        float(np.degrees(np.arctan2(-towards[1], towards[0])) % 360.0),
        float(np.degrees(offset)),
        tuple(float(-c) for c in towards),
        _cores_m(towards, settings["core_radius_max_m"], draws[3:].reshape(n_reuse, 2)),
    )
