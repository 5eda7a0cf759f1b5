"""Pedestals of pixels, and the night sky that their width tells.

Photoelectrons of rate r with gain g that come at random give a charge, integrated in a window, the
variance r g^2 <a^2> times the integral over time of the squared part of a pulse that the window
holds (Campbell's theorem: Rice, Bell System Tech. J. 23 (1944) 282, section 1.5; for cameras of
telescopes Bernlöhr, Astropart. Phys. 30 (2008) 149, section 4.3); a is the amplitude of a
photoelectron over the mean one. AC coupling keeps the mean where it is. H.E.S.S. took the night
sky from this width, and from the anodes' currents (Aharonian et al., Astropart. Phys. 22 (2004)
109, section 5).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.calibration.moments import Moments
from iactflow.errors import InputError

__all__ = [
    "Pedestals",
    "nsb_rate_ghz",
    "nsb_rate_of_current_ghz",
    "pedestals",
    "squared_window_ns",
]

ELEMENTARY_CHARGE_C = 1.602176634e-19


class Pedestals(NamedTuple):
    """Pedestals of a camera.

    Attributes
    ----------
    level_adu, level_error_adu : ndarray of float64, shape (n_channels, n_pixels)
        Pedestal per sample (of the charge where there are no samples) and its standard error.
    sample_std_adu : ndarray of float64, shape (n_channels, n_pixels)
        Standard deviation of a sample.
    charge : Moments
        Of the sum over the window that charges of pulses are taken from.
    """

    level_adu: np.ndarray
    level_error_adu: np.ndarray
    sample_std_adu: np.ndarray
    charge: Moments


def pedestals(whole: Moments, sample_square: np.ndarray, window: Moments, n_samples: int):
    """Pedestals from events without light of showers.

    Parameters
    ----------
    whole : Moments
        Of the counts summed over all samples.
    sample_square : ndarray of float64, shape (n_channels, n_pixels)
        Mean square of the samples' counts.
    window : Moments
        Of the counts summed over the window of pulses.
    n_samples : int
        Samples of the read-out.

    Returns
    -------
    Pedestals
        Errors come from the scatter between events: neighbouring samples are correlated.
    """
    level = whole.mean / n_samples
    square = np.maximum(sample_square - level**2, 0.0) * whole.n / (whole.n - 1.0)
    error = np.sqrt(whole.mean_variance) / n_samples
    return Pedestals(level, error, np.sqrt(square), window)


def squared_window_ns(
    pulse: np.ndarray, step_ns: float, window_ns: float, best: bool = False
) -> float:
    """Integral over time of the squared part of a pulse inside a window.

    Parameters
    ----------
    pulse : ndarray of float64, shape (n_points,)
        Pulse of one photoelectron; any norm.
    step_ns : float
        Distance of its points.
    window_ns : float
        Window in which charges are integrated.
    best : bool, optional
        Whether gains belong to light at the best time in this window, as those of cameras that
        read charges, and not to the whole pulse.

    Returns
    -------
    float
        The window itself for a short pulse. In ns.

    Raises
    ------
    InputError
        If the pulse has no integral above 0, or a length is not above 0.
    """
    total = float(np.sum(pulse)) * step_ns
    if not (total > 0.0 and window_ns > 0.0 and step_ns > 0.0):
        raise InputError("calibration", "pulse", (total, window_ns), "an integral above 0")
    running = np.concatenate([[0.0], np.cumsum(pulse)]) * step_ns
    edges = np.arange(running.size) * step_ns
    step = min(step_ns, window_ns / 64.0)
    start = np.arange(-window_ns, edges[-1] + step, step)
    part = np.interp(start + window_ns, edges, running) - np.interp(start, edges, running)
    return float(np.sum((part / (part.max() if best else total)) ** 2) * step)


def nsb_rate_ghz(
    charge_variance, electronic_variance, gain_adu, square_amplitude: float, window_ns: float
):
    """Rate of night-sky photoelectrons from the width of pedestals.

    Parameters
    ----------
    charge_variance, electronic_variance : float or ndarray
        Variance of the charge in counts squared: under the sky; in the dark.
    gain_adu : float or ndarray
        Counts per mean photoelectron.
    square_amplitude : float
        Mean square of the amplitude of a photoelectron of the night sky, after-pulses included,
        over the squared mean of a prompt one.
    window_ns : float
        `squared_window_ns`.

    Returns
    -------
    float or ndarray
        Photoelectrons per ns.
    """
    excess = np.asarray(charge_variance) - electronic_variance
    return excess / (np.asarray(gain_adu) ** 2 * square_amplitude * window_ns)


def nsb_rate_of_current_ghz(current_a, dark_current_a, multiplication: float):
    """Rate of night-sky photoelectrons from the current of a photomultiplier's anode.

    Parameters
    ----------
    current_a, dark_current_a : float or ndarray
        Current under the sky and in the dark, in ampere.
    multiplication : float
        Electrons at the anode per photoelectron, after-pulses included.

    Returns
    -------
    float or ndarray
        Photoelectrons per ns: current over charge.
    """
    charge = ELEMENTARY_CHARGE_C * multiplication
    return (np.asarray(current_a) - dark_current_a) / charge * 1e-9
