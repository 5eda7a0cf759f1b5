"""Analogue-sum trigger: the clipped signals of a patch of pixels, added.

As in the LST (Barrio et al., Proc. SPIE 8453 (2012) 84530N) with sim_telarray's parameters: the
sum is above the threshold for a least time and with a least excess, integrated over time.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.telescope.discriminator import (
    add_pulses,
    first_of_pixel,
    pixels_of_lit_groups,
    total,
)

__all__ = ["sum_trigger"]


@jit
def _lit_groups(table, amplitude, first, variance, margin):
    """Groups whose shower light could lift the sum above the threshold."""
    lit = np.zeros(table.groups.shape[0], dtype=np.bool_)
    for g in range(table.groups.shape[0]):
        light, spread = 0.0, 0.0
        for m in range(table.groups.shape[1]):
            p = table.groups[g, m]
            if p >= 0:
                light += min(
                    table.clipping, table.pulse_peak * total(amplitude, first[p], first[p + 1])
                )
                spread += variance[p]
        lit[g] = light > 0.0 and light + margin * np.sqrt(spread) > table.threshold[0]
    return lit


@jit
def _first_above(table, summed, limit):
    """First step before ``limit`` at which a sum fires; ``limit`` if it does not."""
    run, excess = 0, 0.0
    for i in range(limit):
        over = summed[i] - table.threshold[0]
        if over > 0.0:
            run += 1
            excess += over * table.step_ns
            if run >= table.n_overlap and excess >= table.least_excess:
                return i
        else:
            run, excess = 0, 0.0
    return limit


@jit
def sum_trigger(
    table,
    pixel,
    time_ns,
    amplitude,
    nsb_pixel,
    nsb_time_ns,
    nsb_amplitude,
    baseline,
    start_ns,
    n_steps,
    margin,
):
    """Find when the sum of a patch was above the threshold.

    Parameters
    ----------
    table : TriggerTable
        Numbers of the trigger.
    pixel, time_ns, amplitude : ndarray, shape (n,)
        Photoelectrons of the shower: pixel (int64, ascending), time, amplitude in mean
        photoelectrons.
    nsb_pixel, nsb_time_ns, nsb_amplitude : ndarray, shape (m,)
        The same of the night sky.
    baseline : ndarray of float64, shape (n_pixels,)
        Mean signal of the night sky, taken away by the coupling.
    start_ns : float
        Begin of the time grid.
    n_steps : int
        Its length.
    margin : float
        Standard deviations of the night sky by which a patch's light may miss the threshold and
        the patch is still simulated.

    Returns
    -------
    step : int
        First step at which a patch fired; -1: none did.
    n_on : int
        Pixels in patches that fired.
    """
    n_pixels = table.threshold.size
    first = first_of_pixel(pixel, n_pixels)
    nsb_first = first_of_pixel(nsb_pixel, n_pixels)
    square = 0.0
    for i in range(nsb_amplitude.size):
        square += nsb_amplitude[i] ** 2
    # Campbell's theorem; the mean square over the mean, and the mean over the rate, from the list.
    mean = max(total(nsb_amplitude, 0, nsb_amplitude.size), 1e-300)
    variance = baseline * (square / mean) * table.pulse_square / table.pulse_area
    lit = _lit_groups(table, amplitude, first, variance, margin)
    needed = pixels_of_lit_groups(table.groups, lit, n_pixels)
    row_of_pixel = np.full(n_pixels, -1, dtype=np.int64)
    signals = np.empty((needed.sum(), n_steps), dtype=np.float64)
    row = 0
    for p in range(n_pixels):
        if not needed[p]:
            continue
        signal = signals[row]
        signal[:] = -baseline[p]
        add_pulses(table, time_ns, amplitude, first[p], first[p + 1], start_ns, signal)
        add_pulses(
            table, nsb_time_ns, nsb_amplitude, nsb_first[p], nsb_first[p + 1], start_ns, signal
        )
        np.minimum(signal, table.clipping, signal)
        row_of_pixel[p] = row
        row += 1
    best, n_on = n_steps, 0
    fired = np.zeros(n_pixels, dtype=np.bool_)
    summed = np.empty(n_steps, dtype=np.float64)
    for g in range(table.groups.shape[0]):
        if not lit[g]:
            continue
        summed[:] = 0.0
        for m in range(table.groups.shape[1]):
            if table.groups[g, m] >= 0:
                summed += signals[row_of_pixel[table.groups[g, m]]]
        step = _first_above(table, summed, n_steps)
        best = min(best, step)
        for m in range(table.groups.shape[1]):
            p = table.groups[g, m]
            if step < n_steps and p >= 0 and not fired[p]:
                fired[p] = True
                n_on += 1
    return (best if best < n_steps else -1), n_on
