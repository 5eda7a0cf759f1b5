"""Amplitudes of single photoelectrons, by the inverse of their distribution.

The density is linear between the points of its curve, so that its integral is quadratic there and
is inverted exactly at equal steps of probability; between the steps the inverse is taken as linear.
The highest step is divided once more, because after-pulses reach far beyond it with probabilities
of 1e-4 and below (Bernlöhr, Astropart. Phys. 30 (2008) 149, section 4.2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Curve

__all__ = ["AmplitudeTable", "amplitude_of", "draw_amplitudes", "make_amplitude_table"]

_BITS = 12
_N_STEPS = 1 << _BITS
_LAST = _N_STEPS - 1
_FRACTION = np.float32(1.0 / (1 << 20))
_TAIL_FRACTION = np.float32(1.0 / (1 << 8))


class AmplitudeTable(NamedTuple):
    """Inverse of a distribution of amplitudes.

    Attributes
    ----------
    body : ndarray of float32, shape (4097,)
        Amplitude at equal steps of probability.
    tail : ndarray of float32, shape (4097,)
        The same inside the highest step.
    mean : float
        Mean amplitude.
    excess_noise : float
        Mean square over squared mean.
    """

    body: np.ndarray
    tail: np.ndarray
    mean: float
    excess_noise: float


def make_amplitude_table(curve: Curve) -> AmplitudeTable:
    """Invert a distribution of amplitudes.

    Parameters
    ----------
    curve : Curve
        Density against the amplitude in units of a mean photoelectron; any norm.

    Returns
    -------
    AmplitudeTable
        Table for `amplitude_of`.

    Raises
    ------
    InputError
        If the density is negative or vanishes everywhere.
    """
    x, density = np.asarray(curve.x, dtype=np.float64), np.asarray(curve.y, dtype=np.float64)
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(x)
    total = float(np.sum(steps))
    if np.any(density < 0.0) or not total > 0.0:
        raise InputError("camera", "single_pe", total, "a density, nowhere negative")
    density = density / total
    integral = np.concatenate([[0.0], np.cumsum(steps / total)])
    body = _inverse(np.arange(_N_STEPS + 1) / _N_STEPS, x, density, integral)
    tail = _inverse(
        1.0 - (1.0 - np.arange(_N_STEPS + 1) / _N_STEPS) / _N_STEPS, x, density, integral
    )
    mean, square = _moments(x, density)
    return AmplitudeTable(body.astype(np.float32), tail.astype(np.float32), mean, square / mean**2)


def _inverse(probability, x, density, integral):
    """Amplitude at which a density that is linear between points has a given integral."""
    inside = np.clip(np.searchsorted(integral, probability, side="right") - 1, 0, x.size - 2)
    # Of equal integrals the first: no amplitude lies where the density vanishes.
    last = np.searchsorted(integral, integral[-1], side="left") - 1
    inside = np.minimum(inside, last)
    low, width = density[inside], x[inside + 1] - x[inside]
    slope = (density[inside + 1] - low) / width
    rest = np.maximum(probability - integral[inside], 0.0)
    root = np.sqrt(np.maximum(low**2 + 2.0 * slope * rest, 0.0))
    step = np.divide(2.0 * rest, low + root, out=np.zeros_like(rest), where=low + root > 0.0)
    return x[inside] + np.minimum(step, width)


def _moments(x, density):
    """Mean and mean square of a density that is linear between points (Simpson is exact)."""
    a, b = x[:-1], x[1:]
    middle, centre = 0.5 * (a + b), 0.5 * (density[:-1] + density[1:])
    mean = np.sum((b - a) / 6.0 * (a * density[:-1] + 4.0 * middle * centre + b * density[1:]))
    square = (b - a) / 6.0 * (a**2 * density[:-1] + 4.0 * middle**2 * centre + b**2 * density[1:])
    # The mean square has a cubic integrand, for which Simpson's rule is exact as well.
    return float(mean), float(np.sum(square))


@jit_leaf
def amplitude_of(word, table):
    """Amplitude for a random word of 32 bits.

    Parameters
    ----------
    word : uint64
        Below 2**32, uniform.
    table : AmplitudeTable
        Inverse of the distribution.

    Returns
    -------
    float32
        Amplitude.
    """
    k = np.int64(word >> np.uint64(20))
    if k < _LAST:
        f = np.float32(np.int64(word & np.uint64(0xFFFFF))) * _FRACTION
        return table.body[k] + f * (table.body[k + 1] - table.body[k])
    k = np.int64((word >> np.uint64(8)) & np.uint64(0xFFF))
    f = np.float32(np.int64(word & np.uint64(0xFF))) * _TAIL_FRACTION
    return table.tail[k] + f * (table.tail[k + 1] - table.tail[k])


@jit
def draw_amplitudes(table, state, n):
    """Draw amplitudes of photoelectrons, two from each random word.

    Parameters
    ----------
    table : AmplitudeTable
        Inverse of the distribution.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place.
    n : int
        Photoelectrons.

    Returns
    -------
    ndarray of float32, shape (n,)
        Amplitudes in units of a mean photoelectron.
    """
    amplitude = np.empty(n, dtype=np.float32)
    for i in range(0, n, 2):
        word = philox.next_uint64(state)
        amplitude[i] = amplitude_of(word & np.uint64(0xFFFFFFFF), table)
        if i + 1 < n:
            amplitude[i + 1] = amplitude_of(word >> np.uint64(32), table)
    return amplitude
