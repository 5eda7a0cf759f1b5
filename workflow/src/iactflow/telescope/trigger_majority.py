"""Majority and next-neighbour triggers: outputs of discriminators that overlap.

Sectors: Funk et al. 2004, Astropart. Phys. 22, 285, section 3. Parameters: `iactflow.telescope`'s
``trigger`` module.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.telescope.discriminator import (
    add_pulses,
    any_above,
    light_of_pixels,
    lit_groups,
    open_gate,
    order_by_pixel,
    pixels_of_lit_groups,
)

__all__ = ["majority_trigger"]


@jit
def _overlap(table, g, row_of_pixel, gates, limit):
    """First step before ``limit`` at which a group fires; ``limit`` if it does not."""
    count = np.zeros(limit, dtype=np.int64)
    for m in range(table.groups.shape[1]):
        p = table.groups[g, m]
        if p >= 0 and row_of_pixel[p] >= 0:
            for i in range(limit):
                count[i] += gates[row_of_pixel[p], i]
    centre = row_of_pixel[table.groups[g, 0]]
    run = 0
    for i in range(limit):
        enough = count[i] >= table.multiplicity
        if table.kind == 1:
            enough = enough and gates[centre, i] == 1
        run = run + 1 if enough else 0
        if run == table.n_overlap:
            return i
    return limit


@jit_leaf
def _add_to_buckets(table, electrons, start_ns, buckets):
    """Sum amplitudes in intervals of the length of a pulse's core."""
    last = buckets.shape[1] - 1
    for i in range(electrons.pixel.size):
        k = int((electrons.time_ns[i] - start_ns) / table.core_ns)
        buckets[electrons.pixel[i], min(max(k, 0), last)] += electrons.amplitude[i]


@jit
def _hot_pixels(table, shower, night_sky, needed, baseline, start_ns, n_steps):
    """Pixels whose signal could pass the threshold.

    At any time the cores of pulses from two neighbouring intervals can meet; of all others no more
    than the tails.
    """
    first_ns = start_ns - table.pulse_start_ns - table.pulse.shape[1] * table.step_ns
    length = (n_steps + table.pulse.shape[1]) * table.step_ns
    buckets = np.zeros((needed.size, int(length / table.core_ns) + 1), dtype=np.float32)
    _add_to_buckets(table, shower, first_ns, buckets)
    _add_to_buckets(table, night_sky, first_ns, buckets)
    hot = np.zeros(needed.size, dtype=np.bool_)
    for p in range(needed.size):
        if not needed[p]:
            continue
        whole, most, before = 0.0, 0.0, 0.0
        for k in range(buckets.shape[1]):
            now = np.float64(buckets[p, k])
            most = max(most, before + now)
            whole += now
            before = now
        bound = table.pulse_peak * (most + table.tail * (whole - most))
        hot[p] = bound > table.threshold[p] + baseline[p]
    return hot


@jit
def _open_gates(table, shower, night_sky, hot, baseline, start_ns, n_steps):
    """Outputs of the discriminators: row of each pixel, -1 without one; rows; their number."""
    first, order = order_by_pixel(shower.pixel, hot)
    nsb_first, nsb_order = order_by_pixel(night_sky.pixel, hot)
    row_of_pixel = np.full(hot.size, -1, dtype=np.int64)
    gates = np.zeros((hot.sum(), n_steps), dtype=np.uint8)
    signal = np.empty(n_steps, dtype=np.float32)
    n_on = 0
    for p in range(hot.size):
        if not hot[p]:
            continue
        signal[:] = -baseline[p]
        add_pulses(table, shower, order[first[p] : first[p + 1]], start_ns, signal)
        dark = nsb_order[nsb_first[p] : nsb_first[p + 1]]
        add_pulses(table, night_sky, dark, start_ns, signal)
        if not any_above(signal, table.threshold[p]):
            continue
        if open_gate(signal, table.threshold[p], table.n_over, table.n_gate, gates[n_on]):
            row_of_pixel[p] = n_on
            n_on += 1
    return row_of_pixel, gates, n_on


@jit
def majority_trigger(table, sky, shower, night_sky, start_ns, n_steps):
    """Find when enough discriminators of a group were on together.

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
        First step at which a group fired; -1: none did.
    n_on : int
        Pixels whose output was on.
    """
    n_pixels = table.threshold.size
    light = light_of_pixels(shower.pixel, shower.amplitude, n_pixels)
    lit = lit_groups(table, sky.least, light)
    needed = pixels_of_lit_groups(table.groups, lit, n_pixels)
    hot = _hot_pixels(table, shower, night_sky, needed, sky.baseline, start_ns, n_steps)
    row_of_pixel, gates, n_on = _open_gates(
        table, shower, night_sky, hot, sky.baseline, start_ns, n_steps
    )
    best = n_steps
    for g in range(table.groups.shape[0]):
        if not lit[g] or (table.kind == 1 and row_of_pixel[table.groups[g, 0]] < 0):
            continue
        together = 0
        for m in range(table.groups.shape[1]):
            if table.groups[g, m] >= 0 and row_of_pixel[table.groups[g, m]] >= 0:
                together += 1
        if together >= table.multiplicity:
            best = _overlap(table, g, row_of_pixel, gates, best)
    return (best if best < n_steps else -1), n_on
