"""Geometry of sky maps: the tangent-plane (gnomonic, TAN) projection with square pixels.

Projection: Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3. The pixel grid is centred on
the tangent point; right ascension increases to the left, declination upwards. Pixels are counted
from 0 at the centre of the lower left one (a FITS header counts from 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from iactflow._jit import jit
from iactflow.errors import InputError

__all__ = ["MapGeometry", "project_tangent", "unit_vectors"]


@jit
def project_tangent(ra_deg, dec_deg, ra0_deg, dec0_deg):
    """Gnomonic projection of directions around a tangent point.

    Calabretta & Greisen 2002, eqs. 54, 12 and 13, with the native pole at the tangent point.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Directions, deg.
    ra0_deg, dec0_deg : float
        Tangent point, deg.

    Returns
    -------
    xi_deg, eta_deg : ndarray, shape (n,)
        Coordinates in the tangent plane, eastward and northward, deg; NaN for directions 90 deg
        or more from the tangent point.
    """
    xi_deg = np.empty(ra_deg.size)
    eta_deg = np.empty(ra_deg.size)
    sin0, cos0 = math.sin(math.radians(dec0_deg)), math.cos(math.radians(dec0_deg))
    for i in range(ra_deg.size):
        delta = math.radians(ra_deg[i] - ra0_deg)
        sin_dec, cos_dec = math.sin(math.radians(dec_deg[i])), math.cos(math.radians(dec_deg[i]))
        cos_theta = sin0 * sin_dec + cos0 * cos_dec * math.cos(delta)
        if cos_theta <= 0.0:
            xi_deg[i] = np.nan
            eta_deg[i] = np.nan
            continue
        xi_deg[i] = math.degrees(cos_dec * math.sin(delta) / cos_theta)
        northward = cos0 * sin_dec - sin0 * cos_dec * math.cos(delta)
        eta_deg[i] = math.degrees(northward / cos_theta)
    return xi_deg, eta_deg


def unit_vectors(ra_deg, dec_deg) -> np.ndarray:
    """Unit vectors of directions.

    Parameters
    ----------
    ra_deg, dec_deg : float or ndarray, shape (...)
        Directions, deg.

    Returns
    -------
    ndarray, shape (..., 3)
        Towards (0, 0), (90, 0) and the pole.
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


@dataclass(frozen=True)
class MapGeometry:
    """A square map in tangent-plane projection.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Centre, which is the tangent point, ICRS, deg.
    n_pixels : int
        Pixels along each side.
    pixel_deg : float
        Size of the central pixel, deg.
    """

    ra_deg: float
    dec_deg: float
    n_pixels: int
    pixel_deg: float

    @classmethod
    def create(cls, ra_deg, dec_deg, size_deg, pixel_deg) -> MapGeometry:
        """Geometry of a map of a given size.

        Parameters
        ----------
        ra_deg, dec_deg : float
            Centre, ICRS, deg.
        size_deg : float
            Width and height, deg; rounded to whole pixels.
        pixel_deg : float
            Pixel size, deg.

        Returns
        -------
        MapGeometry
            The geometry.

        Raises
        ------
        InputError
            When the map holds no pixel, or reaches 90 deg from its centre.
        """
        n_pixels = round(size_deg / pixel_deg)
        if n_pixels < 1 or size_deg > 90.0:
            raise InputError("sky map", "size_deg", size_deg, "at least one pixel, at most 90 deg")
        return cls(float(ra_deg), float(dec_deg), n_pixels, float(pixel_deg))

    @property
    def centre_pixel(self) -> float:
        """Pixel coordinate of the centre, in both directions."""
        return 0.5 * (self.n_pixels - 1)

    def header(self) -> dict:
        """FITS keywords of the projection.

        Returns
        -------
        dict
            Keyword to value, for an image of shape (n_pixels, n_pixels).
        """
        return {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CRPIX1": self.centre_pixel + 1.0,
            "CRPIX2": self.centre_pixel + 1.0,
            "CDELT1": -self.pixel_deg,
            "CDELT2": self.pixel_deg,
            "CRVAL1": self.ra_deg,
            "CRVAL2": self.dec_deg,
            "RADESYS": "ICRS",
        }

    def pixels(self, ra_deg, dec_deg) -> tuple[np.ndarray, np.ndarray]:
        """Pixel coordinates of directions.

        Parameters
        ----------
        ra_deg, dec_deg : ndarray, shape (n,)
            Directions, ICRS, deg.

        Returns
        -------
        column, row : ndarray, shape (n,)
            Pixel coordinates; NaN in the hemisphere that the projection cannot show.
        """
        ra, dec = np.atleast_1d(np.float64(ra_deg)), np.atleast_1d(np.float64(dec_deg))
        xi, eta = project_tangent(ra, dec, self.ra_deg, self.dec_deg)
        return self.centre_pixel - xi / self.pixel_deg, self.centre_pixel + eta / self.pixel_deg

    def directions(self, column, row) -> tuple[np.ndarray, np.ndarray]:
        """Directions of pixel coordinates.

        Parameters
        ----------
        column, row : float or ndarray, shape (n,)
            Pixel coordinates.

        Returns
        -------
        ra_deg, dec_deg : ndarray, shape (n,)
            Directions, ICRS, deg, right ascension from 0 to 360.
        """
        x, y, z = np.moveaxis(self._vectors(np.float64(column), np.float64(row)), -1, 0)
        return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arcsin(z))

    def _vectors(self, column, row):
        xi = -np.radians(self.pixel_deg) * (column - self.centre_pixel)
        eta = np.radians(self.pixel_deg) * (row - self.centre_pixel)
        towards = unit_vectors(self.ra_deg, self.dec_deg)
        east = unit_vectors(self.ra_deg + 90.0, 0.0)
        north = np.cross(towards, east)
        vectors = towards + xi[..., None] * east + eta[..., None] * north
        return vectors / np.sqrt(1.0 + xi * xi + eta * eta)[..., None]

    @cached_property
    def vectors(self) -> np.ndarray:
        """Unit vectors of all pixel centres, shape (n_pixels, n_pixels, 3), row first."""
        row, column = np.indices((self.n_pixels, self.n_pixels), dtype=np.float64)
        return self._vectors(column, row)

    @cached_property
    def solid_angle_sr(self) -> np.ndarray:
        """Solid angles of all pixels, shape (n_pixels, n_pixels), sr.

        The gnomonic projection maps a solid angle at the distance theta from the tangent point to
        an area in the plane that is larger by 1 / cos(theta)^3; taken at the pixel centre.
        """
        step = np.radians(self.pixel_deg) * (np.arange(self.n_pixels) - self.centre_pixel)
        squares = 1.0 + step[:, None] ** 2 + step[None, :] ** 2
        return np.radians(self.pixel_deg) ** 2 * squares**-1.5

    def outside(self, circles) -> np.ndarray:
        """Pixels whose centre lies in none of a list of circles.

        Parameters
        ----------
        circles : list of dict
            Circles with ``ra_deg``, ``dec_deg`` and ``radius_deg``.

        Returns
        -------
        ndarray of bool, shape (n_pixels, n_pixels)
            True outside.
        """
        keep = np.ones((self.n_pixels, self.n_pixels), dtype=bool)
        for circle in circles:
            centre = unit_vectors(circle["ra_deg"], circle["dec_deg"])
            # The chord resolves small separations, which the cosine does not.
            chord = 2.0 * np.sin(0.5 * np.radians(circle["radius_deg"]))
            keep &= np.sum((self.vectors - centre) ** 2, axis=-1) >= chord**2
        return keep
