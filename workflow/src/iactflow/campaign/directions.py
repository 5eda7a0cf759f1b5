"""Angles between directions on the sky."""

from __future__ import annotations

import numpy as np

__all__ = ["separation_deg"]


def separation_deg(ra_a_deg, dec_a_deg, ra_b_deg, dec_b_deg):
    """Great-circle distance, by the haversine formula: exact for small angles too.

    Parameters
    ----------
    ra_a_deg, dec_a_deg, ra_b_deg, dec_b_deg : float or array
        Two directions, deg; they are broadcast.

    Returns
    -------
    float or array
        Distance, deg.
    """
    ra_a, dec_a, ra_b, dec_b = (np.radians(x) for x in (ra_a_deg, dec_a_deg, ra_b_deg, dec_b_deg))
    square = (
        np.sin(0.5 * (dec_b - dec_a)) ** 2
        + np.cos(dec_a) * np.cos(dec_b) * np.sin(0.5 * (ra_b - ra_a)) ** 2
    )
    return np.degrees(2.0 * np.arcsin(np.sqrt(np.minimum(square, 1.0))))
