"""Standard errors of the centre and the axis of an image, from its moments and its size.

The centre of gravity of N photoelectrons of an ellipse with rms length l and width w scatters by
l / sqrt(N) along and w / sqrt(N) across the axis; the angle of the axis by l w / (l^2 - w^2) /
sqrt(N), from the variance of the mixed second moment (two-dimensional normal distribution; used for
image axes by Hofmann et al. 1999, Astropart. Phys. 12, 135, section 3). That is what single
photoelectrons do. Real images scatter more, as the light comes from few particles: in our
simulation of H.E.S.S. I the distance by which an image axis misses the core is, at a given size,
the same at all impact distances b, which makes the angle's error a length over b sqrt(N), and the
centre scatters across the axis by more close to the shower. The centre of gravity along the axis
moves with the impact distance too, as telescopes at different distances see other parts of the
shower.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from iactflow._jit import jit

__all__ = ["ErrorModel", "ImageErrors", "image_errors"]

#: An axis of unknown direction: rms of an angle that is uniform over half a turn.
UNKNOWN_AXIS_RAD = math.pi / math.sqrt(12.0)
#: Impact distance, m, below which images change no more.
CLOSEST_M = 15.0


class ErrorModel(NamedTuple):
    """What the scatter of photoelectrons is multiplied with.

    Fitted to images of gamma rays from 0.2 to 60 TeV in H.E.S.S. I at 20 deg (own simulation,
    cleaning 5/10 p.e.): angles and distances of the axes to the plane of the true shower, in bins
    of size and impact distance, and the distances of the centres from the source against those of
    the other telescopes.

    Attributes
    ----------
    noise : float
        Factor on the angle's error from single photoelectrons: excess noise and night sky.
    arm_m : float
        Distance by which the axis of an image of one photoelectron misses the core.
    across : float
        Factor on the width over sqrt(N), far from the shower.
    near_m : float
        Impact distance below which the centre scatters more.
    floor : float
        What is left of both at large N, in units of the width and of the angle at N = 1.
    floor_along : float
        Part of the length by which the centre along the axis scatters at least.
    """

    noise: float = 1.3
    arm_m: float = 155.0
    across: float = 2.8
    near_m: float = 60.0
    floor: float = 0.02
    floor_along: float = 0.25


class ImageErrors(NamedTuple):
    """Standard errors of images.

    Attributes
    ----------
    across_rad : ndarray of float64, shape (n,)
        Centre of gravity, across the axis.
    axis_rad : ndarray of float64, shape (n,)
        Angle of the axis.
    along_rad : ndarray of float64, shape (n,)
        Centre of gravity, along the axis.
    """

    across_rad: np.ndarray
    axis_rad: np.ndarray
    along_rad: np.ndarray


@jit
def image_errors(size_pe, length_deg, width_deg, impact_m, model):
    """Estimate the errors of images (kernel).

    Parameters
    ----------
    size_pe : ndarray of float64, shape (n,)
        Photoelectrons.
    length_deg, width_deg : ndarray of float64, shape (n,)
        Rms along and across the axis, positive.
    impact_m : ndarray of float64, shape (n,)
        Distance of the telescope from the shower, roughly; below `CLOSEST_M` as there.
    model : ErrorModel
        Constants.

    Returns
    -------
    ImageErrors
        Errors; the angle's at most that of an unknown axis.
    """
    n = size_pe.size
    across, axis, along = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        length, width = math.radians(length_deg[i]), math.radians(width_deg[i])
        photons, floor2 = 1.0 / size_pe[i], model.floor**2
        # Written so that what is not a number counts as close.
        impact = impact_m[i] if impact_m[i] > CLOSEST_M else CLOSEST_M
        near = model.across**2 * (1.0 + (model.near_m / impact) ** 2)
        across[i] = width * math.sqrt(near * photons + floor2)
        along[i] = length * math.sqrt(near * photons + model.floor_along**2)
        axis[i] = UNKNOWN_AXIS_RAD
        difference = length**2 - width**2
        if difference > 0.0:
            unit2 = (length * width / difference) ** 2 * (model.noise**2 * photons + floor2)
            value = math.sqrt(unit2 + (model.arm_m / impact) ** 2 * photons)
            axis[i] = min(UNKNOWN_AXIS_RAD, value)
    return ImageErrors(across, axis, along)
