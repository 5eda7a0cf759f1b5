"""Charges integrated in a window around the trigger, as in the first cameras of H.E.S.S.

Each photoelectron gives the part of its charge that its pulse leaves inside the window, over the
part at the best time, for which gains are quoted; the mean charge of the night sky is taken off by
the AC coupling; then electronic noise, saturation and digitisation. Window and gains: Aharonian et
al., Astropart. Phys. 22 (2004) 109.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.campaign import philox

__all__ = ["read_charge"]

_WORD16 = np.uint64(0xFFFF)
_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)


@jit_leaf
def _add_charges(electrons, start_ns, table, charge):
    """Add the charges of photoelectrons inside the window, in mean photoelectrons."""
    n_gains, n_points = table.pulse.shape[0], table.pulse.shape[2]
    scale = 1.0 / table.step_ns
    for i in range(electrons.pixel.size):
        k = int((electrons.time_ns[i] - start_ns - table.first_ns) * scale + 0.5)
        if k < 0 or k >= n_points:
            continue
        for gain in range(n_gains):
            part = table.pulse[gain, 0, k]
            charge[gain, electrons.pixel[i]] += electrons.amplitude[i] * part


@jit
def read_charge(shower, night_sky, mean_rate_ghz, trigger_ns, table, state):
    """Read the charges of a triggered telescope.

    Parameters
    ----------
    shower, night_sky : PhotoElectrons
        Photoelectrons; those of the night sky in a window that holds that of the read-out and the
        length of a pulse before it.
    mean_rate_ghz : ndarray of float64, shape (n_pixels,)
        Mean current of the night sky that the AC coupling takes off: rate times mean amplitude.
    trigger_ns : float
        Trigger, on the clock of the photoelectrons; the window begins ``offset_ns`` before it.
    table : ReadoutTable
        Electronics in mode ``charge``.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place: a word for two pixels of both gains, four of one.

    Returns
    -------
    ndarray of uint16, shape (n_gains, n_pixels)
        Counts.
    """
    n_gains, n_pixels = table.counts.shape
    charge = np.zeros((n_gains, n_pixels), dtype=np.float32)
    start_ns = trigger_ns - table.offset_ns
    _add_charges(shower, start_ns, table, charge)
    _add_charges(night_sky, start_ns, table, charge)
    adc = np.empty((n_gains, n_pixels), dtype=np.uint16)
    word = np.uint64(0)
    n_drawn = 0
    for gain in range(n_gains):
        for pixel in range(n_pixels):
            if n_drawn % 4 == 0:
                word = philox.next_uint64(state)
            deviate = table.quantile[np.int64(word & _WORD16)]
            word = word >> np.uint64(16)
            n_drawn += 1
            mean = np.float32(mean_rate_ghz[pixel]) * table.mean_per_rate[gain]
            signal = table.counts[gain, pixel] * (charge[gain, pixel] - mean)
            count = table.pedestal[gain, pixel] + signal + table.noise[gain] * deviate + _HALF
            adc[gain, pixel] = np.uint16(min(max(count, _ZERO), table.max_signal[gain]))
    return adc
