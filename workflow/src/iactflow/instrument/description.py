"""What a telescope array is: positions, optics, cameras, read-out, triggers.

The names and meanings of the parameters follow sim_telarray (Bernlöhr, Astropart. Phys. 30 (2008)
149, and the parameter schemas of the CTAO simulation models), in SI units with the unit in the
name. Telescope frame: z along the optical axis away from the mirror, x downward, y to the right
when looking from the camera to the dish, as in sim_telarray's mirror and camera lists; origin in
the plane of the dish's centre.
"""

from __future__ import annotations

from dataclasses import dataclass

from iactflow.instrument.describe_camera import Camera, Pixels, Readout, TelescopeTrigger
from iactflow.instrument.describe_optics import Alignment, Curve, Cylinder, Facets, Optics

__all__ = [
    "Alignment",
    "ArrayTrigger",
    "Camera",
    "Curve",
    "Cylinder",
    "Facets",
    "Instrument",
    "Optics",
    "Pixels",
    "Readout",
    "Site",
    "Telescope",
    "TelescopeTrigger",
    "TelescopeType",
]


@dataclass(frozen=True)
class Site:
    """Where the array stands.

    Attributes
    ----------
    name, atmosphere : str
        Name; name of the standard atmosphere (a folder of ``config/atmospheres``).
    latitude_deg, longitude_deg : float
        Position, north and east positive.
    altitude_m : float
        Observation level above sea level; z = 0 of all coordinates.
    magnetic_north_ut, magnetic_west_ut, magnetic_up_ut : float
        Geomagnetic field in microtesla, in the frame of the telescope positions.
    """

    name: str
    atmosphere: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    magnetic_north_ut: float
    magnetic_west_ut: float
    magnetic_up_ut: float


@dataclass(frozen=True)
class TelescopeType:
    """A type of telescope.

    Attributes
    ----------
    name : str
        ``HESS-I``, ``LST``, ``MST-NectarCam`` ...
    optics : Optics
        Reflector.
    camera : Camera
        Camera.
    """

    name: str
    optics: Optics
    camera: Camera


@dataclass(frozen=True)
class Telescope:
    """A telescope of the array.

    Attributes
    ----------
    tel_id, name : int, str
        Number and name.
    x_m, y_m, z_m : float
        Position: north, west, up; z from the observation level.
    type : TelescopeType
        What it is.
    throughput : float
        Factor on all efficiencies, 1 for the description itself.
    """

    tel_id: int
    name: str
    x_m: float
    y_m: float
    z_m: float
    type: TelescopeType
    throughput: float = 1.0


@dataclass(frozen=True)
class ArrayTrigger:
    """Coincidence of telescopes.

    Attributes
    ----------
    tel_ids : tuple of int
        Telescopes that take part.
    multiplicity, window_ns : int, float
        Telescopes in coincidence; width of the window after the light's expected delay.
    min_separation_m : float
        At least two of them are this far apart.
    hard_stereo : bool
        A telescope of this group is never read out alone.
    """

    tel_ids: tuple[int, ...]
    multiplicity: int
    window_ns: float
    min_separation_m: float = 0.0
    hard_stereo: bool = False


@dataclass(frozen=True)
class Instrument:
    """An array, as one version describes it.

    Attributes
    ----------
    name, version, digest : str
        Name; version; SHA-256 over all its numbers.
    site : Site
        Where it stands.
    telescopes : tuple of Telescope
        Telescopes, by ascending number.
    triggers : tuple of ArrayTrigger
        Any one of them makes an event.
    dead_time_s : float
        Dead time per read-out (recorded only: simulated events have an order, not a rate).
    """

    name: str
    version: str
    digest: str
    site: Site
    telescopes: tuple[Telescope, ...]
    triggers: tuple[ArrayTrigger, ...]
    dead_time_s: float
