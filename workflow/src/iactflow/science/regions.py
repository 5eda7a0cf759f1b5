"""Reflected background regions, and which events lie in circles on the sky.

The off regions have the shape of the on region and its offset from the pointing, so that the
acceptance, which depends to first order on the offset alone, is the same (Berge, Funk & Hinton
2007, A&A 466, 1219, section 4.3). They are copies of the on region turned about the pointing.

Positions follow the procedure of gammapy 2.1 (``ReflectedRegionsFinder`` with its default
settings), so that both place the same regions. It works in the tangent plane at the pointing
(gnomonic projection: Calabretta & Greisen 2002, A&A 395, 1077, equations 54 and 55), sampled on a
grid of 0.01 deg that is symmetric about the pointing:

- consecutive regions are one angular width of the on region apart, the width being that of the
  grid points inside it as seen from the pointing;
- the first and the last stay 0.1 rad further away from the on region;
- a region that holds an excluded grid point is turned on by 0.1 rad; a grid point is excluded when
  the pixel of the exclusion mask that it falls into is, and the mask has pixels of 0.02 deg in the
  tangent plane at the centre of the on region, which is the centre of a pixel.

A region may therefore cut into its neighbour or the exclusion by less than a pixel. Where a region
just touches the exclusion, the pixel decides: finer or shifted masks place other regions, one more
or one less, which is no error of either. Off regions are circles in the plane; against circles of
the sky their area is short by the square of the offset in rad, 2e-4 at 0.8 deg.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iactflow._jit import jit
from iactflow.campaign.directions import separation_deg

__all__ = [
    "ReflectedRegions",
    "contained",
    "contained_in_plane",
    "reflected_regions",
]

GRID_DEG = 0.01
MASK_DEG = 0.02
MARGIN_RAD = 0.1
STEP_RAD = 0.1
_GRID_EXTRA_DEG = 0.3
_MAX_REGIONS = 10000


@dataclass(frozen=True)
class ReflectedRegions:
    """Off regions of one run.

    Parameters
    ----------
    ra_pnt_deg, dec_pnt_deg : float
        Pointing, ICRS, deg.
    east_deg, north_deg : ndarray of shape (n,)
        Centres in the tangent plane at the pointing, deg; ordered by the angle from the on region,
        from north through east.
    plane_radius_deg : float
        Radius in that plane, deg.
    radius_deg : float
        Radius on the sky, that of the on region, deg.
    reason : str
        Why there is none; empty when there are some.
    """

    ra_pnt_deg: float
    dec_pnt_deg: float
    east_deg: np.ndarray
    north_deg: np.ndarray
    plane_radius_deg: float
    radius_deg: float
    reason: str = ""

    def __len__(self):
        return len(self.east_deg)

    @property
    def centres_deg(self):
        """Centres on the sky: right ascension and declination, ICRS, deg, of shape (2, n)."""
        centres = [
            _deproject(x, y, np.radians(self.ra_pnt_deg), np.radians(self.dec_pnt_deg))
            for x, y in zip(np.radians(self.east_deg), np.radians(self.north_deg), strict=True)
        ]
        ra, dec = np.degrees(np.array(centres).reshape(-1, 2)).T
        return np.array([ra % 360.0, dec])

    def contain(self, ra_deg, dec_deg):
        """Which directions lie inside any of the regions.

        Parameters
        ----------
        ra_deg, dec_deg : ndarray of shape (m,)
            Directions, ICRS, deg.

        Returns
        -------
        ndarray of bool of shape (m,)
            True inside at least one region.
        """
        pointing = np.array([self.ra_pnt_deg, self.dec_pnt_deg])
        centres = np.array([self.east_deg, self.north_deg])
        return contained_in_plane(ra_deg, dec_deg, pointing, centres, self.plane_radius_deg)


def reflected_regions(
    ra_pnt_deg, dec_pnt_deg, ra_on_deg, dec_on_deg, on_radius_deg, exclusion=()
) -> ReflectedRegions:
    """Place the off regions of one run.

    Parameters
    ----------
    ra_pnt_deg, dec_pnt_deg : float
        Pointing, ICRS, deg.
    ra_on_deg, dec_on_deg, on_radius_deg : float
        On region, deg.
    exclusion : sequence of (ra_deg, dec_deg, radius_deg)
        Circles that no off region may touch. The on region itself needs none: off regions stay
        clear of it.

    Returns
    -------
    ReflectedRegions
        The regions; none, with a reason, when the run leaves no room.
    """
    offset_deg = separation_deg(ra_pnt_deg, dec_pnt_deg, ra_on_deg, dec_on_deg)
    pointing, empty = (float(ra_pnt_deg), float(dec_pnt_deg)), np.empty(0)
    if offset_deg <= on_radius_deg:
        reason = f"the pointing, {offset_deg:.3f} deg away, lies inside the on region"
        return ReflectedRegions(*pointing, empty, empty, 0.0, float(on_radius_deg), reason)
    on = np.radians([ra_on_deg, dec_on_deg, on_radius_deg], dtype=float)
    circles = np.radians(np.array(exclusion, dtype=float).reshape(-1, 3))
    east, north, radius, width = _place(np.radians(pointing), on, offset_deg, circles)
    reason = ""
    if len(east) == 0 and 2.0 * (width + MARGIN_RAD) >= 2.0 * np.pi:
        reason = f"at an offset of {offset_deg:.3f} deg the on region leaves no room on the ring"
    elif len(east) == 0:
        reason = "every position on the ring touches the exclusion"
    return ReflectedRegions(*pointing, east, north, radius, float(on_radius_deg), reason)


@jit
def contained(ra_deg, dec_deg, centre_ra_deg, centre_dec_deg, radius_deg):
    """Which directions lie inside any of several circles of one radius.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray of shape (n,)
        Directions, deg.
    centre_ra_deg, centre_dec_deg : ndarray of shape (k,)
        Centres of the circles, deg.
    radius_deg : float
        Their radius, deg; the rim does not belong to the circle.

    Returns
    -------
    ndarray of bool of shape (n,)
        True inside at least one circle: overlapping circles count a direction once.
    """
    n, k = len(ra_deg), len(centre_ra_deg)
    x, y, z = np.empty(k), np.empty(k), np.empty(k)
    for j in range(k):
        x[j], y[j], z[j] = _unit(np.radians(centre_ra_deg[j]), np.radians(centre_dec_deg[j]))
    # Compared as the squared chord, which keeps its precision at small angles.
    limit = 4.0 * np.sin(0.5 * np.radians(radius_deg)) ** 2
    inside = np.zeros(n, dtype=np.bool_)
    for i in range(n):
        u, v, w = _unit(np.radians(ra_deg[i]), np.radians(dec_deg[i]))
        for j in range(k):
            if (u - x[j]) ** 2 + (v - y[j]) ** 2 + (w - z[j]) ** 2 < limit:
                inside[i] = True
                break
    return inside


@jit
def contained_in_plane(ra_deg, dec_deg, pointing_deg, centres_deg, radius_deg):
    """Which directions lie inside any of several circles in the tangent plane at the pointing.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray of shape (n,)
        Directions, deg.
    pointing_deg : ndarray of shape (2,)
        Right ascension and declination of the pointing, deg.
    centres_deg : ndarray of shape (2, k)
        Centres of the circles, east and north in the plane, deg.
    radius_deg : float
        Their radius in the plane, deg; the rim does not belong to the circle.

    Returns
    -------
    ndarray of bool of shape (n,)
        True inside at least one circle: overlapping circles count a direction once.
    """
    ra_0, dec_0 = np.radians(pointing_deg[0]), np.radians(pointing_deg[1])
    inside = np.zeros(len(ra_deg), dtype=np.bool_)
    for i in range(len(ra_deg)):
        east, north, front = _project(np.radians(ra_deg[i]), np.radians(dec_deg[i]), ra_0, dec_0)
        if not front:
            continue
        x, y = np.degrees(east), np.degrees(north)
        for j in range(centres_deg.shape[1]):
            square = (x - centres_deg[0, j]) ** 2 + (y - centres_deg[1, j]) ** 2
            if square < radius_deg * radius_deg:
                inside[i] = True
                break
    return inside


@jit
def _unit(ra, dec):
    return np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)


@jit
def _project(ra, dec, ra_0, dec_0):
    """Gnomonic projection: east and north in rad, and whether the direction is in front."""
    cosine = np.sin(dec_0) * np.sin(dec) + np.cos(dec_0) * np.cos(dec) * np.cos(ra - ra_0)
    east = np.cos(dec) * np.sin(ra - ra_0)
    north = np.cos(dec_0) * np.sin(dec) - np.sin(dec_0) * np.cos(dec) * np.cos(ra - ra_0)
    return east / cosine, north / cosine, cosine > 0.0


@jit
def _deproject(x, y, ra_0, dec_0):
    ra = ra_0 + np.arctan2(x, np.cos(dec_0) - y * np.sin(dec_0))
    dec = np.arcsin((np.sin(dec_0) + y * np.cos(dec_0)) / np.sqrt(1.0 + x * x + y * y))
    return ra, dec


@jit
def _circle(ra, dec, radius, ra_0, dec_0, unit):
    """A circle of the sky in the plane: its scale is that along the meridian, over 1 arcsec."""
    arcsec = np.radians(1.0 / 3600.0)
    east, north, _ = _project(ra, dec, ra_0, dec_0)
    east_n, north_n, _ = _project(ra, dec + arcsec, ra_0, dec_0)
    scale = np.hypot(east_n - east, north_n - north) / arcsec
    return east / unit, north / unit, radius * scale / unit


@jit
def _width(east, north, radius, shift):
    """Angular width, seen from the pointing, of the grid points inside a circle in the plane."""
    towards = np.arctan2(north, east)
    lowest, highest = np.inf, -np.inf
    for i in range(np.ceil(east - radius - shift), np.floor(east + radius - shift) + 1):
        for j in range(np.ceil(north - radius - shift), np.floor(north + radius - shift) + 1):
            x, y = i + shift, j + shift
            if np.hypot(x - east, y - north) < radius:
                angle = np.arctan2(y, x) - towards
                angle -= 2.0 * np.pi * np.rint(angle / (2.0 * np.pi))
                lowest, highest = min(lowest, angle), max(highest, angle)
    return max(highest - lowest, 0.0)


@jit
def _touches(east, north, radius, shift, pointing, on, mask):
    """Whether a circle in the plane at the pointing holds an excluded grid point."""
    grid, pixel = np.radians(GRID_DEG), np.radians(MASK_DEG)
    for i in range(np.ceil(east - radius - shift), np.floor(east + radius - shift) + 1):
        for j in range(np.ceil(north - radius - shift), np.floor(north + radius - shift) + 1):
            x, y = i + shift, j + shift
            if np.hypot(x - east, y - north) >= radius:
                continue
            ra, dec = _deproject(x * grid, y * grid, pointing[0], pointing[1])
            u, v, _ = _project(ra, dec, on[0], on[1])
            u, v = np.rint(u / pixel), np.rint(v / pixel)
            for c in range(len(mask)):
                if np.hypot(u - mask[c, 0], v - mask[c, 1]) < mask[c, 2]:
                    return True
    return False


@jit
def _place(pointing, on, offset_deg, exclusion):
    """Centres and radius of the off regions in the plane, deg, and the angular width, rad."""
    grid, pixel = np.radians(GRID_DEG), np.radians(MASK_DEG)
    mask = np.empty_like(exclusion)
    for c in range(len(exclusion)):
        ra, dec, radius = exclusion[c]
        mask[c, 0], mask[c, 1], mask[c, 2] = _circle(ra, dec, radius, on[0], on[1], pixel)
    n_grid = np.rint((4.0 * offset_deg + _GRID_EXTRA_DEG) / GRID_DEG)
    # The grid is centred on the pointing: an even number of points leaves it between two.
    shift = 0.0 if n_grid % 2 else 0.5
    east, north, radius = _circle(on[0], on[1], on[2], pointing[0], pointing[1], grid)
    width = _width(east, north, radius, shift)
    if width <= 0.0:
        # The circle holds no two grid points: its own width as seen from the pointing.
        width = 2.0 * np.arcsin(min(radius / np.hypot(east, north), 1.0))
    x, y = np.empty(_MAX_REGIONS), np.empty(_MAX_REGIONS)
    n, angle, last = 0, width + MARGIN_RAD, 2.0 * np.pi - width - MARGIN_RAD
    while angle < last and n < _MAX_REGIONS:
        # Position angles grow from north to east.
        x[n] = east * np.cos(angle) + north * np.sin(angle)
        y[n] = north * np.cos(angle) - east * np.sin(angle)
        if _touches(x[n], y[n], radius, shift, pointing, on, mask):
            angle += STEP_RAD
        else:
            n += 1
            angle += width
    return x[:n] * GRID_DEG, y[:n] * GRID_DEG, radius * GRID_DEG, width
