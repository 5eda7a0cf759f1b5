"""From horizontal directions to the sky, by astropy, from the place of an array.

Directions are those outside the atmosphere: the pointing of a telescope, and all directions that
were reconstructed around it, are taken as corrected for refraction. No table of the Earth's
rotation is downloaded: beyond the one that comes with astropy its rotation is off by less than a
second, 15 arcsec.
"""

from __future__ import annotations

import warnings

import numpy as np
from astropy import units
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

__all__ = ["horizontal_to_icrs_deg", "tai_seconds"]

#: 1970-01-01T00:00:00 TAI as modified Julian date.
_EPOCH_MJD = 40587.0


def tai_seconds(time_s, time_qns=0) -> Time:
    """Times of the data model.

    Parameters
    ----------
    time_s : array_like of int
        TAI seconds since 1970-01-01.
    time_qns : array_like of int, optional
        Quarters of a nanosecond after it.

    Returns
    -------
    Time
        In TAI.
    """
    seconds = np.asarray(time_s, dtype=np.int64)
    days, rest = np.divmod(seconds, 86400)
    fraction = (rest + np.asarray(time_qns) * 0.25e-9) / 86400.0
    return Time(_EPOCH_MJD + days, fraction, format="mjd", scale="tai")


def horizontal_to_icrs_deg(alt_deg, az_deg, time: Time, site: tuple[float, float, float]):
    """Directions on the sky.

    Parameters
    ----------
    alt_deg, az_deg : array_like, shape (n,)
        Altitude; azimuth from north through east.
    time : Time of shape (n,)
        Times.
    site : tuple of three float
        Longitude (east) and latitude in deg, height above sea level in m.

    Returns
    -------
    ra_deg, dec_deg : ndarray of float64, shape (n,)
        ICRS.
    """
    longitude_deg, latitude_deg, height_m = site
    location = EarthLocation.from_geodetic(
        longitude_deg * units.deg, latitude_deg * units.deg, height_m * units.m
    )
    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="Tried to get polar motions")
        frame = AltAz(obstime=time, location=location)
        sky = SkyCoord(az=az_deg * units.deg, alt=alt_deg * units.deg, frame=frame).icrs
    return sky.ra.deg, sky.dec.deg
