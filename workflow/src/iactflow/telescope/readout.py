"""Electronics of a camera as kernels take them: pulses, gains, pedestals, noise, saturation.

A photoelectron of amplitude a at the time t adds ``a c p(s - t)`` to the sample at the time s,
where p is the pulse of peak 1 and c the counts at the peak of a mean photoelectron. The inputs are
AC-coupled: the mean of the night-sky signal is taken off, so that the pedestal does not move with
the background while its width does (Bernlöhr, Astropart. Phys. 30 (2008) 149, section 4.3).
Pulses are tabulated at 1/64 of a sample; a photoelectron takes the nearest of these phases.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from iactflow.errors import InputError
from iactflow.instrument.description import Camera, Curve
from iactflow.telescope.camera import CameraTable

__all__ = ["N_PHASES", "ReadoutTable", "make_readout_table"]

N_PHASES = 64
# Noise comes from a table of quantiles: one in 2**16 is finer than any digitisation here shows.
_NOISE_BITS = 16
# Part of the pulse's integral of absolute values that may be cut off at either end.
_NEGLIGIBLE = 1e-3


class ReadoutTable(NamedTuple):
    """Read-out of one telescope.

    Attributes
    ----------
    offset_ns : float
        The read-out begins this long before the trigger.
    sample_ns : float
        Length of a sample; of the window in charge mode.
    n_samples : int
        Samples; 1 in charge mode.
    pulse : ndarray of float32, shape (n_gains, n_phases, n_points)
        Waveform mode: pulse at the samples ``first_point ...`` after that of a photoelectron.
        Charge mode: shape (n_gains, 1, n_points), charge inside the window, over that at the best
        time, of photoelectrons at steps of ``step_ns`` from ``first_ns``.
    first_point : int
        See ``pulse``.
    first_ns, step_ns : float
        See ``pulse``.
    counts : ndarray of float32, shape (n_gains, n_pixels)
        Counts at the peak of a mean photoelectron; per photoelectron in charge mode.
    pedestal : ndarray of float32, shape (n_gains, n_pixels)
        Counts.
    noise : ndarray of float32, shape (n_gains,)
        Rms electronic noise in counts.
    max_signal : ndarray of float32, shape (n_gains,)
        Largest count.
    mean_per_rate : ndarray of float32, shape (n_gains,)
        Mean of a sample, over ``counts``, for photoelectrons at one per ns.
    quantile : ndarray of float32, shape (65536,)
        Equally probable values of a standard normal deviate, with variance 1.
    """

    offset_ns: float
    sample_ns: float
    n_samples: int
    pulse: np.ndarray
    first_point: int
    first_ns: float
    step_ns: float
    counts: np.ndarray
    pedestal: np.ndarray
    noise: np.ndarray
    max_signal: np.ndarray
    mean_per_rate: np.ndarray
    quantile: np.ndarray


def make_readout_table(camera: Camera, table: CameraTable) -> ReadoutTable:
    """Lay out the electronics of one telescope for kernels.

    Parameters
    ----------
    camera : Camera
        Description.
    table : CameraTable
        Pixels of the telescope: gains and pedestals.

    Returns
    -------
    ReadoutTable
        Table for `iactflow.telescope.charge.read_charge` (mode ``charge``) or
        `iactflow.telescope.waveforms.read_waveforms` (mode ``waveform``).

    Raises
    ------
    InputError
        If mode or number of gains is unknown or a pulse has no integral.
    """
    readout = camera.readout
    if readout.n_gains not in (1, 2):
        raise InputError("camera", "readout.n_gains", readout.n_gains, "1 or 2")
    if readout.mode not in ("charge", "waveform"):
        raise InputError("camera", "readout.mode", readout.mode, "charge or waveform")
    gains = slice(readout.n_gains)
    pulses = (readout.pulse_high, readout.pulse_low)[gains]
    integrals = np.array([_integral(pulse) for pulse in pulses])
    if not np.all(integrals > 0.0):
        raise InputError("camera", "readout.pulse", integrals.tolist(), "an integral above 0")
    amplitude = np.array([readout.amplitude_high, readout.amplitude_low])[gains]
    pedestal = np.array([readout.pedestal_high, readout.pedestal_low])[gains]
    shift = readout.pedestal_variation * table.pedestal_deviation[gains]
    sample_ns = 1.0 / readout.sampling_ghz
    if readout.mode == "charge":
        window = float(readout.window_ns)
        pulse, first_ns, step_ns = _window_table(pulses, window)
        shape = (window, 1, pulse, 0, first_ns, step_ns)
        mean_per_rate = pulse.sum(axis=(1, 2)) * step_ns
    else:
        pulse, first_point = _pulse_table(pulses, sample_ns)
        shape = (sample_ns, int(readout.n_samples), pulse, first_point, 0.0, 0.0)
        mean_per_rate = pulse.sum(axis=(1, 2)) / N_PHASES * sample_ns
    return ReadoutTable(
        readout.sample_offset * sample_ns, *shape,
        np.outer(amplitude, table.gain).astype(np.float32),
        (pedestal[:, None] + shift).astype(np.float32),
        np.array([readout.noise_high, readout.noise_low], dtype=np.float32)[gains],
        np.array([readout.max_signal_high, readout.max_signal_low], dtype=np.float32)[gains],
        mean_per_rate.astype(np.float32), _normal_quantiles(),
    )  # fmt: skip


def _integral(pulse: Curve) -> float:
    return float(np.sum(0.5 * (pulse.y[1:] + pulse.y[:-1]) * np.diff(pulse.x)))


def _evaluate(pulse: Curve, time_ns):
    return np.interp(time_ns, pulse.x, pulse.y, left=0.0, right=0.0)


def _ends(pulses):
    """Times between which all but a negligible part of each pulse lies."""
    first, last = [], []
    for pulse in pulses:
        time = np.linspace(pulse.x[0], pulse.x[-1], 4001)
        part = np.cumsum(np.abs(_evaluate(pulse, time)))
        part /= part[-1]
        first.append(time[max(np.searchsorted(part, _NEGLIGIBLE) - 1, 0)])
        last.append(time[min(np.searchsorted(part, 1.0 - _NEGLIGIBLE) + 1, time.size - 1)])
    return min(first), max(last)


def _pulse_table(pulses, sample_ns):
    """Pulses at the samples after a photoelectron, for all its phases within a sample."""
    begin, end = _ends(pulses)
    first = int(np.floor(begin / sample_ns))
    last = int(np.ceil(end / sample_ns)) + 1
    # Whole vectors of eight for the processor.
    last += -(last - first + 1) % 8
    phase = (np.arange(N_PHASES) + 0.5) / N_PHASES
    time = (np.arange(first, last + 1) - phase[:, None]) * sample_ns
    keep = (time >= begin) & (time <= end)
    table = [np.where(keep, _evaluate(pulse, time), 0.0) for pulse in pulses]
    return np.ascontiguousarray(table, dtype=np.float32), first


def _window_table(pulses, window_ns):
    """Charge inside a window against the photoelectron's time in it, over that at the best time.

    Gains are measured in the same window with light at its best time.
    """
    begin, end = _ends(pulses)
    step = 1.0 / N_PHASES
    time = np.arange(-end - step, window_ns - begin + 2 * step, step)
    rows = []
    for pulse in pulses:
        fine = np.linspace(pulse.x[0], pulse.x[-1], 8001)
        value = _evaluate(pulse, fine)
        running = np.concatenate([[0.0], np.cumsum(0.5 * (value[1:] + value[:-1]))])
        until, before = (np.interp(t - time, fine, running) for t in (window_ns, 0.0))
        rows.append((until - before) / np.max(until - before))
    return np.array(rows, dtype=np.float32)[:, None, :], float(time[0]), step


@cache
def _normal_quantiles():
    """Quantiles that all telescopes share: one table stays in the processor's cache."""
    n = 1 << _NOISE_BITS
    quantile = ndtri((np.arange(n) + 0.5) / n)
    return (quantile / np.std(quantile)).astype(np.float32)
