"""Photons at a telescope: the record that showers and detectors share.

Positions lie in the horizontal plane through the centre of the telescope's sphere, relative to that
centre; directions are those of flight; time zero is when the primary, at the speed of light in
vacuum, would reach its core. The columns are those of the table ``photon_bunches``.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "COLUMNS",
    "COS_X",
    "COS_Y",
    "HEIGHT_M",
    "TIME_NS",
    "WAVELENGTH_NM",
    "WEIGHT",
    "X_M",
    "Y_M",
    "empty_photons",
]

X_M = 0  # to the north
Y_M = 1  # to the west
COS_X = 2  # direction of flight; the photon moves downward
COS_Y = 3
TIME_NS = 4
HEIGHT_M = 5  # of emission, above sea level
WAVELENGTH_NM = 6  # 0: to be drawn by the detector, with the extinction still to be applied
WEIGHT = 7  # photons in the bunch; 1 for our own showers
COLUMNS = (
    "x_m",
    "y_m",
    "cos_x",
    "cos_y",
    "time_ns",
    "emission_height_m",
    "wavelength_nm",
    "n_photons",
)


def empty_photons(n: int) -> np.ndarray:
    """Room for photons.

    Parameters
    ----------
    n : int
        Number of photons.

    Returns
    -------
    ndarray of float32, shape (n, 8)
        Zeros.
    """
    return np.zeros((n, len(COLUMNS)), dtype=np.float32)
