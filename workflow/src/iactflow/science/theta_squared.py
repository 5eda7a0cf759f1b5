"""Theta-squared histograms of the on and off regions.

Counts against the squared distance from the source, and from the centres of the reflected regions:
a flat background makes equal counts per bin, a point source a peak at zero (Aharonian et al. 2006,
A&A 457, 899, figure 8).
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.campaign.directions import separation_deg
from iactflow.errors import InputError

__all__ = [
    "add_theta_squared",
    "clear_centres",
    "theta_squared_edges",
    "theta_squared_histograms",
]


def theta_squared_edges(on_radius_deg, n_bins=50):
    """Edges of the histograms: equal bins out to the square of twice the on radius.

    Parameters
    ----------
    on_radius_deg : float
        Radius of the on region, deg; its square is the edge of a bin when ``n_bins`` is a multiple
        of four.
    n_bins : int
        Number of bins.

    Returns
    -------
    ndarray of shape (n_bins + 1,)
        Edges, deg2.
    """
    return np.linspace(0.0, (2.0 * on_radius_deg) ** 2, n_bins + 1)


def clear_centres(centres_deg, theta_max_deg, circles):
    """Choose the off centres around which the whole histogram is free of sources.

    An off region next to the source is fit for the spectrum, but a wider circle about its centre
    would count the source again.

    Parameters
    ----------
    centres_deg : ndarray of shape (2, n)
        Centres of the off regions, right ascension and declination, deg.
    theta_max_deg : float
        Largest distance in the histogram, deg.
    circles : sequence of (ra_deg, dec_deg, radius_deg)
        On region and exclusion regions, deg.

    Returns
    -------
    ndarray of shape (2, k)
        The centres further from every circle; all of them when there is none, as with large on
        regions, and then the outer bins of the off histogram hold part of the source.
    """
    ra, dec = centres_deg
    clear = np.ones(len(ra), dtype=bool)
    for ra_deg, dec_deg, radius_deg in circles:
        clear &= separation_deg(ra, dec, ra_deg, dec_deg) > radius_deg + theta_max_deg
    return centres_deg[:, clear] if clear.any() else centres_deg


@jit
def theta_squared_histograms(ra_deg, dec_deg, centre_ra_deg, centre_dec_deg, edges_deg2):
    """Histogram of the squared distances from several centres, all centres together.

    Beyond half the distance of two centres their regions overlap, and an event counts for each.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray of shape (n,)
        Directions of the events, deg.
    centre_ra_deg, centre_dec_deg : ndarray of shape (k,)
        Centres, deg.
    edges_deg2 : ndarray of shape (b + 1,)
        Equal bins from zero, deg2.

    Returns
    -------
    ndarray of shape (b,)
        Counts; a bin holds its lower edge and not its upper.
    """
    n_bins = len(edges_deg2) - 1
    counts = np.zeros(n_bins)
    width = edges_deg2[n_bins] / n_bins
    for j in range(len(centre_ra_deg)):
        ra_0, dec_0 = np.radians(centre_ra_deg[j]), np.radians(centre_dec_deg[j])
        cos_0 = np.cos(dec_0)
        for i in range(len(ra_deg)):
            dec = np.radians(dec_deg[i])
            half = np.sin(0.5 * (np.radians(ra_deg[i]) - ra_0))
            square = np.sin(0.5 * (dec - dec_0)) ** 2 + cos_0 * np.cos(dec) * half * half
            theta = np.degrees(2.0 * np.arcsin(np.sqrt(min(square, 1.0))))
            b = int(theta * theta / width)
            if b < n_bins:
                counts[b] += 1.0
    return counts


def add_theta_squared(n_on, n_off, alpha):
    """Add up the histograms of runs, or of chunks of runs.

    Parameters
    ----------
    n_on, n_off, alpha : sequence of ndarray of shape (b,)
        Counts on and off and the ratio of the exposures, of each run or chunk. Of a run, alpha is
        one over its number of off regions.

    Returns
    -------
    n_on, n_off, alpha : ndarray of shape (b,)
        Sums, and the alpha that keeps the expected background, sum of alpha times off counts. In
        bins without off counts it is the mean.

    Raises
    ------
    InputError
        When there is nothing to add.
    """
    n_on, n_off, alpha = (np.asarray(x, dtype=float) for x in (n_on, n_off, alpha))
    if len(n_on) == 0:
        raise InputError("theta_squared", "runs", 0, "at least one run")
    total = n_off.sum(axis=0)
    mean = np.mean(alpha, axis=0)
    np.divide((alpha * n_off).sum(axis=0), total, out=mean, where=total > 0)
    return n_on.sum(axis=0), total, mean
