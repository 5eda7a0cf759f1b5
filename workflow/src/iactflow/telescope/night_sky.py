"""Photoelectrons of the night sky: a Poisson process in each pixel.

Their amplitudes follow the distribution with after-pulses, which a steady light has within any
window. Numbers per pixel come from the inverse of the Poisson distribution (Devroye, Non-Uniform
Random Variate Generation (1986), chapter X.3), in parts of bounded mean; each photoelectron then
takes one random word: half of it its time, half of it its amplitude.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Camera
from iactflow.telescope.amplitude import amplitude_of
from iactflow.telescope.camera import CameraTable, PhotoElectrons

__all__ = [
    "airmass_factor",
    "complete_night_sky",
    "draw_night_sky",
    "night_sky_rates",
    "poisson",
]

_LOW32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_UNIT32 = 1.0 / 4294967296.0
# Above it exp(-mean) would lose digits, and the search take long.
_LARGEST_MEAN = 64.0
# A division in each step of the search would take longer than all the rest of it.
_INVERSE = np.concatenate([[0.0], 1.0 / np.arange(1.0, 256.0)])


def airmass_factor(coefficients, zenith_deg: float) -> float:
    """Night-sky light at a zenith angle relative to the zenith (Patat, A&A 400 (2003) 1183).

    A part f is airglow, a layer whose brightness grows with the air mass m; all light suffers an
    extinction of k magnitudes per air mass.

    Parameters
    ----------
    coefficients : tuple of two float
        (f, k).
    zenith_deg : float
        Zenith angle, below 90.

    Returns
    -------
    float
        (1 - f + f m) 10^(-0.4 k (m - 1)) with m = 1 / cos(zenith angle).
    """
    airglow, extinction = coefficients
    more = 1.0 / np.cos(np.deg2rad(zenith_deg)) - 1.0
    return (1.0 + airglow * more) * 10.0 ** (-0.4 * extinction * more)


def night_sky_rates(
    camera: Camera,
    table: CameraTable,
    zenith_deg: float,
    level: float = 1.0,
    throughput: float = 1.0,
) -> np.ndarray:
    """Rates of night-sky photoelectrons in the pixels of a telescope.

    Parameters
    ----------
    camera : Camera
        Description.
    table : CameraTable
        Pixels: broken ones have no rate, others follow their quantum efficiency.
    zenith_deg : float
        Zenith angle of the pointing.
    level : float or ndarray of float64, shape (n_pixels,)
        Brightness relative to the description's dark field.
    throughput : float
        Efficiency of the telescope relative to the description.

    Returns
    -------
    ndarray of float64, shape (n_pixels,)
        Photoelectrons per ns.

    Raises
    ------
    InputError
        If the zenith angle or the brightness is out of range.
    """
    if not 0.0 <= zenith_deg < 90.0:
        raise InputError("night sky", "zenith_deg", zenith_deg, "0 to below 90")
    if not np.all(np.asarray(level) >= 0.0):
        raise InputError("night sky", "level", level, "0 or more")
    factor = airmass_factor(camera.nsb_airmass, zenith_deg) * throughput
    return camera.nsb_rate_ghz * factor * level * table.qe


@jit_leaf
def poisson(mean, state):
    """Draw a Poisson number.

    Parameters
    ----------
    mean : float
        Mean.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced by a word for each part of the mean of at most 64.

    Returns
    -------
    int
        Number.
    """
    total = 0
    while mean > 0.0:
        part = min(mean, _LARGEST_MEAN)
        mean -= part
        u = philox.uniform(state)
        probability = np.exp(-part)
        k = 0
        # Below the last digit of the sum of probabilities the search would never end.
        while u >= probability and (k < part or probability > 1e-18):
            u -= probability
            k += 1
            probability *= part * _INVERSE[k]
        total += k
    return total


@jit_leaf
def _draw_pixel(place, n, pixel, start_ns, gap_ns, jump_ns, length_ns, amplitudes, state, out):
    """Fill n entries from a place on: times from the start, those after the gap jump over it."""
    for k in range(place, place + n):
        word = philox.next_uint64(state)
        time_ns = length_ns * (np.float64(word & _LOW32) * _UNIT32)
        if time_ns >= gap_ns:
            time_ns += jump_ns
        out.pixel[k] = pixel
        out.time_ns[k] = start_ns + time_ns
        out.amplitude[k] = amplitude_of(word >> _SHIFT32, amplitudes)


@jit
def _room(n):
    """Arrays of n photoelectrons."""
    return PhotoElectrons(
        np.empty(n, dtype=np.int32), np.empty(n, dtype=np.float32), np.empty(n, dtype=np.float32)
    )


@jit
def draw_night_sky(rates_ghz, start_ns, length_ns, amplitudes, state):
    """Draw the photoelectrons of the night sky in a window.

    Parameters
    ----------
    rates_ghz : ndarray of float64, shape (n_pixels,)
        Rates, see `night_sky_rates`; 0: nothing is drawn.
    start_ns, length_ns : float
        Window.
    amplitudes : AmplitudeTable
        Distribution with after-pulses.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place.

    Returns
    -------
    PhotoElectrons
        Sorted by pixel, in no order of time.
    """
    counts = np.empty(rates_ghz.size, dtype=np.int64)
    for i in range(counts.size):
        counts[i] = poisson(rates_ghz[i] * length_ns, state)
    out = _room(counts.sum())
    place = np.int64(0)
    for i in range(counts.size):
        _draw_pixel(
            place, counts[i], i, start_ns, length_ns, 0.0, length_ns, amplitudes, state, out
        )
        place += counts[i]
    return out


@jit
def complete_night_sky(sky, drawn, drawn_ns, window_ns, rates_ghz, amplitudes, state):
    """Add what a window still lacks to a night sky of which a part is drawn.

    Parameters
    ----------
    sky : PhotoElectrons
        Sorted by pixel.
    drawn : ndarray of bool, shape (n_pixels,)
        Pixels in which it is drawn.
    drawn_ns, window_ns : tuple of two float
        Begin and end: of what is drawn; of the window.
    rates_ghz : ndarray of float64, shape (n_pixels,)
        Rates.
    amplitudes : AmplitudeTable
        Distribution with after-pulses.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place.

    Returns
    -------
    PhotoElectrons
        Sorted by pixel, in no order of time: all of ``sky`` and the rest of the window.
    """
    start, stop = window_ns
    length = stop - start
    # The gap: what is drawn of the window.
    gap = min(max(drawn_ns[0] - start, 0.0), length)
    jump = min(max(drawn_ns[1] - start, gap), length) - gap
    counts = np.empty(rates_ghz.size, dtype=np.int64)
    for i in range(counts.size):
        mean = rates_ghz[i] * (length - jump if drawn[i] else length)
        counts[i] = poisson(mean, state)
    n_sky = sky.pixel.size
    out = _room(n_sky + counts.sum())
    place, entry = np.int64(0), 0
    for i in range(counts.size):
        while entry < n_sky and sky.pixel[entry] == i:
            out.pixel[place] = i
            out.time_ns[place] = sky.time_ns[entry]
            out.amplitude[place] = sky.amplitude[entry]
            place, entry = place + 1, entry + 1
        skip = jump if drawn[i] else 0.0
        _draw_pixel(place, counts[i], i, start, gap, skip, length - skip, amplitudes, state, out)
        place += counts[i]
    return out
