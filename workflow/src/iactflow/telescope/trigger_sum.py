"""Analogue-sum trigger: the clipped signals of a patch of pixels, added.

As in the LST (Barrio et al., Proc. SPIE 8453 (2012) 84530N) with sim_telarray's parameters: the
sum is above the threshold for a least time and with a least excess, integrated over time.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.telescope.discriminator import (
    add_pulses,
    light_of_pixels,
    lit_groups,
    order_by_pixel,
    pixels_of_lit_groups,
)

__all__ = ["sum_trigger"]


@jit_leaf
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
def _clipped_signals(table, shower, night_sky, needed, baseline, start_ns, n_steps):
    """Signals of the pixels that are needed, one row each, and the row of each pixel."""
    first, order = order_by_pixel(shower.pixel, needed)
    nsb_first, nsb_order = order_by_pixel(night_sky.pixel, needed)
    row_of_pixel = np.full(needed.size, -1, dtype=np.int64)
    signals = np.empty((needed.sum(), n_steps), dtype=np.float32)
    row = 0
    for p in range(needed.size):
        if not needed[p]:
            continue
        signals[row] = -baseline[p]
        add_pulses(table, shower, order[first[p] : first[p + 1]], start_ns, signals[row])
        add_pulses(
            table, night_sky, nsb_order[nsb_first[p] : nsb_first[p + 1]], start_ns, signals[row]
        )
        signals[row] = np.minimum(signals[row], np.float32(table.clipping))
        row_of_pixel[p] = row
        row += 1
    return row_of_pixel, signals


@jit
def sum_trigger(table, sky, shower, night_sky, start_ns, n_steps):
    """Find when the sum of a patch was above the threshold.

    Parameters
    ----------
    table : TriggerTable
        Numbers of the trigger.
    sky : TriggerSky
        Baselines and least light.
    shower, night_sky : PhotoElectrons
        Photoelectrons, in any order.
    start_ns : float
        Begin of the time grid.
    n_steps : int
        Its length.

    Returns
    -------
    step : int
        First step at which a patch fired; -1: none did.
    n_on : int
        Pixels in patches that fired.
    """
    n_pixels = table.threshold.size
    light = light_of_pixels(shower.pixel, shower.amplitude, n_pixels)
    lit = lit_groups(table, sky.least, light)
    needed = pixels_of_lit_groups(table.groups, lit, n_pixels)
    row_of_pixel, signals = _clipped_signals(
        table, shower, night_sky, needed, sky.baseline, start_ns, n_steps
    )
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
