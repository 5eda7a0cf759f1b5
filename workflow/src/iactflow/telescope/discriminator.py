"""Signals at discriminators on a fine time grid: superposed pulses, gates.

The pulse of a photoelectron is added at its own time, to a fraction of a step; the coupling takes
the mean of the night sky away (the baseline). The superposition is that of Campbell's theorem; the
gate follows the parameters of sim_telarray's discriminators (Bernlöhr 2008, Astropart. Phys. 30,
149, section 4.3).
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = [
    "add_pulses",
    "any_above",
    "light_of_pixels",
    "lit_groups",
    "lit_pixels",
    "open_gate",
    "order_by_pixel",
    "pixels_of_lit_groups",
]


@jit
def order_by_pixel(pixel, needed):
    """Sort photoelectrons by pixel, those of unneeded pixels left out.

    Parameters
    ----------
    pixel : ndarray of int32, shape (n,)
        Pixel of each photoelectron.
    needed : ndarray of bool, shape (n_pixels,)
        Pixels that are wanted.

    Returns
    -------
    first : ndarray of int64, shape (n_pixels + 1,)
        Those of pixel p are ``order[first[p]:first[p + 1]]``.
    order : ndarray of int64
        Indices of photoelectrons, in the order of the list within a pixel.
    """
    first = np.zeros(needed.size + 1, dtype=np.int64)
    for i in range(pixel.size):
        if needed[pixel[i]]:
            first[pixel[i] + 1] += 1
    for p in range(needed.size):
        first[p + 1] += first[p]
    place = first[:-1].copy()
    order = np.empty(first[-1], dtype=np.int64)
    for i in range(pixel.size):
        if needed[pixel[i]]:
            order[place[pixel[i]]] = i
            place[pixel[i]] += 1
    return first, order


@jit
def light_of_pixels(pixel, amplitude, n_pixels):
    """Sum of amplitudes in each pixel.

    Parameters
    ----------
    pixel : ndarray of int32, shape (n,)
        Pixel of each photoelectron.
    amplitude : ndarray of float32, shape (n,)
        Amplitudes.
    n_pixels : int
        Pixels of the camera.

    Returns
    -------
    ndarray of float64, shape (n_pixels,)
        Sums.
    """
    light = np.zeros(n_pixels, dtype=np.float64)
    for i in range(pixel.size):
        light[pixel[i]] += amplitude[i]
    return light


@jit
def lit_groups(table, least, light):
    """Groups with enough light of the shower to be simulated.

    Parameters
    ----------
    table : TriggerTable
        Groups, peak of the pulse, clipping.
    least : ndarray of float64, shape (n_groups,)
        Least light, in the unit of the threshold.
    light : ndarray of float64, shape (n_pixels,)
        Light of the pixels in mean photoelectrons.

    Returns
    -------
    ndarray of bool, shape (n_groups,)
        Whether a group takes part.
    """
    lit = np.zeros(table.groups.shape[0], dtype=np.bool_)
    for g in range(table.groups.shape[0]):
        most = 0.0
        for m in range(table.groups.shape[1]):
            p = table.groups[g, m]
            if p >= 0:
                most += min(table.clipping, table.pulse_peak * light[p])
        lit[g] = most > 0.0 and most >= least[g]
    return lit


@jit
def pixels_of_lit_groups(groups, lit, n_pixels):
    """Pixels that belong to a group that takes part.

    Parameters
    ----------
    groups : ndarray of int64, shape (n_groups, n_max)
        Pixels of each group, padded with -1.
    lit : ndarray of bool, shape (n_groups,)
        Groups that take part.
    n_pixels : int
        Pixels of the camera.

    Returns
    -------
    ndarray of bool, shape (n_pixels,)
        Whether a pixel is needed.
    """
    needed = np.zeros(n_pixels, dtype=np.bool_)
    for g in range(groups.shape[0]):
        if lit[g]:
            for m in range(groups.shape[1]):
                if groups[g, m] >= 0:
                    needed[groups[g, m]] = True
    return needed


@jit
def lit_pixels(table, least, pixel, amplitude):
    """Pixels of the groups that have enough light of the shower.

    Parameters
    ----------
    table : TriggerTable
        Groups, peak of the pulse, clipping.
    least : ndarray of float64, shape (n_groups,)
        Least light, in the unit of the threshold.
    pixel : ndarray of int32, shape (n,)
        Pixel of each photoelectron.
    amplitude : ndarray of float32, shape (n,)
        Amplitudes.

    Returns
    -------
    any_lit : bool
        Whether there is such a group.
    needed : ndarray of bool, shape (n_pixels,)
        Its pixels.
    """
    n_pixels = table.threshold.size
    lit = lit_groups(table, least, light_of_pixels(pixel, amplitude, n_pixels))
    return lit.any(), pixels_of_lit_groups(table.groups, lit, n_pixels)


@jit_leaf
def add_pulses(table, electrons, order, start_ns, signal):
    """Add the pulses of photoelectrons to a signal.

    Parameters
    ----------
    table : TriggerTable
        Pulse and time step.
    electrons : PhotoElectrons
        Photoelectrons.
    order : ndarray of int64
        Indices of those that are added.
    start_ns : float
        Time of the first step of the signal.
    signal : ndarray of float32, shape (n_steps,)
        Added to in place.
    """
    n_phases, n_pulse = table.pulse.shape
    scale = 1.0 / table.step_ns
    for i in order:
        begin = (electrons.time_ns[i] + table.pulse_start_ns - start_ns) * scale
        step = int(np.ceil(begin))
        phase = min(n_phases - 1, int((step - begin) * n_phases))
        low = max(0, -step)
        high = min(n_pulse, signal.size - step)
        if low >= high:
            continue
        amplitude = electrons.amplitude[i]
        # Slices of one length: the loop is worked off in whole vectors.
        pulse = table.pulse[phase, low:high]
        part = signal[step + low : step + high]
        for m in range(pulse.size):
            part[m] += amplitude * pulse[m]


@jit_leaf
def any_above(signal, threshold):
    """Whether a signal passes a threshold at all.

    Parameters
    ----------
    signal : ndarray of float32, shape (n_steps,)
        Signal.
    threshold : float
        Threshold.

    Returns
    -------
    bool
        Whether any step is above.
    """
    n_above = 0
    for i in range(signal.size):
        # Counting, not leaving at the first: the loop is worked off in whole vectors.
        n_above += signal[i] > threshold
    return n_above > 0


@jit_leaf
def open_gate(signal, threshold, n_over, n_gate, gate):
    """Output of a discriminator.

    Parameters
    ----------
    signal : ndarray of float32, shape (n_steps,)
        Signal.
    threshold : float
        Threshold, in the same unit.
    n_over : int
        Steps above the threshold before the output goes on, 1 or more.
    n_gate : int
        Steps by which it is on for longer than the signal is above the threshold; negative: on for
        as many steps as its magnitude.
    gate : ndarray of uint8, shape (n_steps,)
        Set to 1 in place where the output is on.

    Returns
    -------
    bool
        Whether it was on.
    """
    run, left, ever = 0, 0, False
    for i in range(signal.size):
        run = run + 1 if signal[i] > threshold else 0
        if n_gate < 0:
            if run == n_over:
                left = -n_gate
        elif run >= n_over:
            left = 1 + n_gate
        if left > 0:
            gate[i] = 1
            left -= 1
            ever = True
    return ever
