"""What a data file says of the telescopes that took it: positions, cameras, read-out.

Reconstruction reads this, never the description that a simulation was made from: real data, files
of sim_telarray and our own look the same. Frames are those of `iactflow.telescope.frames`: ground x
north, y west, z up; in the camera, light from above the pointing lands at positive x, light from a
larger azimuth at positive y (sim_telarray's camera lists, ctapipe's ``CameraFrame``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Camera", "Subarray", "TelescopeType"]


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera and its read-out.

    Attributes
    ----------
    name : str
        Name.
    pixel_x_m, pixel_y_m : ndarray of float64, shape (n_pixels,)
        Centres in the focal plane, rotation of the camera applied.
    pixel_area_m2 : ndarray of float64, shape (n_pixels,)
        Areas.
    pixel_shape : str
        ``hexagon``, ``square`` or ``circle``.
    pixel_rotation_deg : float
        Rotation of the pixels themselves: of hexagons, the direction of a corner from x towards y.
    n_channels, n_samples : int
        Gain channels (0 high, 1 low); samples of a waveform, 1 for charges.
    sampling_rate_ghz : float
        Samples per nanosecond; not a number for charges.
    pulse : ndarray of float64, shape (n_channels, n_points)
        Pulse of one photoelectron; empty (n_channels, 0) where unknown.
    pulse_step_ns : float
        Distance of its points.
    """

    name: str
    pixel_x_m: np.ndarray
    pixel_y_m: np.ndarray
    pixel_area_m2: np.ndarray
    pixel_shape: str
    pixel_rotation_deg: float
    n_channels: int
    n_samples: int
    sampling_rate_ghz: float
    pulse: np.ndarray
    pulse_step_ns: float

    @property
    def n_pixels(self) -> int:
        """Number of pixels.

        Returns
        -------
        int
            Pixels.
        """
        return len(self.pixel_x_m)


@dataclass(frozen=True, eq=False)
class TelescopeType:
    """Telescopes that are alike: optics and camera.

    Attributes
    ----------
    name : str
        Name.
    camera : Camera
        Camera.
    focal_length_m : float
        Effective focal length, which gives the plate scale; the nominal one where a file has no
        other.
    nominal_focal_length_m : float
        Distance of the focal plane.
    mirror_area_m2 : float
        Area of the mirrors.
    """

    name: str
    camera: Camera
    focal_length_m: float
    nominal_focal_length_m: float
    mirror_area_m2: float

    @property
    def pixel_lon_deg(self) -> np.ndarray:
        """Longitude of the pixels in the telescope frame, towards larger azimuth.

        Returns
        -------
        ndarray of float64, shape (n_pixels,)
            Plate scale times position, as in ctapipe's ``TelescopeFrame``.
        """
        return np.degrees(self.camera.pixel_y_m / self.focal_length_m)

    @property
    def pixel_lat_deg(self) -> np.ndarray:
        """Latitude of the pixels in the telescope frame, towards larger altitude.

        Returns
        -------
        ndarray of float64, shape (n_pixels,)
            Plate scale times position.
        """
        return np.degrees(self.camera.pixel_x_m / self.focal_length_m)


@dataclass(frozen=True, eq=False)
class Subarray:
    """Telescopes of a file.

    Attributes
    ----------
    name : str
        Name of the array, as the file tells it.
    tel_ids : ndarray of int64, shape (n_tel,)
        Telescopes, ascending.
    positions_m : ndarray of float64, shape (n_tel, 3)
        North, west, up from the reference point of the array at the observation level.
    types : tuple of TelescopeType
        Types; telescopes with equal optics and cameras share one.
    type_index : ndarray of int64, shape (n_tel,)
        Type of each telescope.
    height_m : float
        Observation level above sea level.
    latitude_deg, longitude_deg : float
        Reference point; not a number where the file does not tell.
    """

    name: str
    tel_ids: np.ndarray
    positions_m: np.ndarray
    types: tuple[TelescopeType, ...]
    type_index: np.ndarray
    height_m: float
    latitude_deg: float
    longitude_deg: float

    def telescope_type(self, tel_id: int) -> TelescopeType:
        """Type of a telescope.

        Parameters
        ----------
        tel_id : int
            Telescope.

        Returns
        -------
        TelescopeType
            Its type.

        Raises
        ------
        KeyError
            If the array has no such telescope.
        """
        index = np.flatnonzero(self.tel_ids == tel_id)
        if not len(index):
            raise KeyError(tel_id)
        return self.types[self.type_index[index[0]]]
