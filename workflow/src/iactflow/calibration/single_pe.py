"""Spectra of single photoelectrons: gain, light and noise of every pixel from its charges.

A charge is the pedestal with Gaussian noise plus a Poisson number of photoelectrons, each of an
amplitude of its own (Bellamy et al., NIM A 339 (1994) 468, equation 9; for NectarCAM with a
component of low charges Caroff et al., Proc. SPIE 11119 (2019) 111191W). The amplitudes may follow
any distribution. With their characteristic function psi the spectrum has

    Phi(k) = exp(mu (psi(k g) - 1) + i k p - k^2 s^2 / 2),

and its Fourier transform, with the width of a bin, gives the probabilities of all bins to all
orders of photoelectrons, and their derivatives by light mu, gain g, pedestal p, noise s and a
factor w on the width of the amplitudes around their mean. The likelihood of the counts, given
their sum, is maximised by Fisher scoring, all pixels at the same time; errors are those of the
Fisher information (Cramer, Mathematical Methods of Statistics (1946), section 33.3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError

__all__ = [
    "PARAMETERS",
    "SpeFit",
    "SpeShape",
    "Spectra",
    "charge_spectra",
    "fit_spectra",
    "shape_of_curve",
    "spectrum_probabilities",
    "two_gaussians",
]

PARAMETERS = ("light_pe", "gain_adu", "pedestal_adu", "noise_adu", "width")
# Table of the characteristic function: step in radians per mean amplitude, and end. At the end the
# noise of any camera that resolves photoelectrons has long put it out.
STEP, END = 0.04, 120.0
# All but the pedestal.
POSITIVE = np.array([0, 1, 3, 4])
MAX_ROUNDS, SMALL, MOST_DAMPING = 60, 1e-3, 1e8
TINY = 1e-13


class SpeShape(NamedTuple):
    """Amplitudes of single photoelectrons over their mean.

    Attributes
    ----------
    value, slope : ndarray of complex128, shape (n,)
        Characteristic function at multiples of ``STEP`` and its derivative.
    excess_noise : float
        Mean square over squared mean.
    """

    value: np.ndarray
    slope: np.ndarray
    excess_noise: float


class Spectra(NamedTuple):
    """Histograms of charges of all pixels.

    Attributes
    ----------
    counts : ndarray of float64, shape (n_pixels, n_bins)
        Events.
    start_adu : ndarray of float64, shape (n_pixels,)
        Lower edge of the first bin.
    bin_adu : float
        Width of a bin.
    """

    counts: np.ndarray
    start_adu: np.ndarray
    bin_adu: float


class SpeFit(NamedTuple):
    """Fitted spectra.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_pixels, 5)
        `PARAMETERS` and standard errors; 0 for those held fixed.
    deviance, n_free : ndarray, shape (n_pixels,)
        -2 ln of the likelihood over that of the counts themselves; bins with counts less
        parameters.
    converged : ndarray of bool, shape (n_pixels,)
        Whether the maximum was found with all parameters in range.
    """

    value: np.ndarray
    error: np.ndarray
    deviance: np.ndarray
    n_free: np.ndarray
    converged: np.ndarray


def shape_of_curve(amplitude: np.ndarray, density: np.ndarray) -> SpeShape:
    """Tabulate a measured distribution of amplitudes.

    Parameters
    ----------
    amplitude, density : ndarray of float64, shape (n_points,)
        Points between which the density is linear; any norm and any mean.

    Returns
    -------
    SpeShape
        Amplitudes in units of their mean.

    Raises
    ------
    InputError
        If the density is negative, or amplitude or density have no mean above 0.
    """
    fine = np.unique(np.concatenate([np.linspace(amplitude[0], amplitude[-1], 3001), amplitude]))
    values = np.interp(fine, amplitude, density)
    width = np.gradient(fine)
    weight = values * width
    total = weight.sum()
    if np.any(values < 0.0) or not total > 0.0 or not (weight * fine).sum() > 0.0:
        raise InputError("single photoelectron", "density", total, "a density with a mean above 0")
    weight /= total
    fine = fine / (weight * fine).sum()
    k = np.arange(0.0, END + STEP, STEP)
    phase = np.exp(1j * np.outer(k, fine))
    return SpeShape(phase @ weight, 1j * (phase @ (weight * fine)), float(weight @ fine**2))


def two_gaussians(low_part: float, low_mean: float, low_sigma: float, sigma: float) -> SpeShape:
    """Amplitudes of a main peak and a valley of low charges, both Gaussians.

    Parameters
    ----------
    low_part : float
        Part of the photoelectrons in the low component, in [0, 1).
    low_mean, low_sigma, sigma : float
        Mean and standard deviation of the low component, standard deviation of the main one, over
        the mean of the main one.

    Returns
    -------
    SpeShape
        Amplitudes in units of the mean of both.

    Raises
    ------
    InputError
        If the part is outside of its range or a width is not above 0.
    """
    if not (0.0 <= low_part < 1.0 and low_sigma > 0.0 and sigma > 0.0 and low_mean >= 0.0):
        value = low_part, low_mean, low_sigma, sigma
        raise InputError("single photoelectron", "components", value, "part in [0, 1), widths > 0")
    mean = low_part * low_mean + 1.0 - low_part
    k = np.arange(0.0, END + STEP, STEP)
    value, slope, square = np.zeros_like(k, complex), np.zeros_like(k, complex), 0.0
    parts = ((low_part, low_mean, low_sigma), (1.0 - low_part, 1.0, sigma))
    for part, centre, width in parts:
        centre, width = centre / mean, width / mean
        term = part * np.exp(1j * k * centre - 0.5 * (k * width) ** 2)
        value += term
        slope += (1j * centre - k * width**2) * term
        square += part * (centre**2 + width**2)
    return SpeShape(value, slope, square)


def _at(shape: SpeShape, u: np.ndarray):
    """Characteristic function and derivative at any place (cubic between points), 0 beyond."""
    place = u / STEP
    left = np.clip(place.astype(np.int64), 0, shape.value.size - 2)
    t = place - left
    v0, v1 = shape.value[left], shape.value[left + 1]
    s0, s1 = shape.slope[left] * STEP, shape.slope[left + 1] * STEP
    a, b = 2.0 * (v0 - v1) + s0 + s1, 3.0 * (v1 - v0) - 2.0 * s0 - s1
    inside = place <= shape.value.size - 1
    value = np.where(inside, v0 + t * (s0 + t * (b + t * a)), 0.0)
    slope = np.where(inside, (s0 + t * (2.0 * b + 3.0 * t * a)) / STEP, 0.0)
    return value, slope


def charge_spectra(charge_adu: np.ndarray, bin_adu: float) -> Spectra:
    """Histograms of the charges of all pixels, each from its own least charge.

    Parameters
    ----------
    charge_adu : ndarray of float, shape (n_events, n_pixels)
        Charges.
    bin_adu : float
        Width of a bin; a whole number where charges are whole numbers.

    Returns
    -------
    Spectra
        All charges are inside. Edges lie half a count below multiples of the width.

    Raises
    ------
    InputError
        If a charge is not finite or the width not above 0.
    """
    if not bin_adu > 0.0 or not np.all(np.isfinite(charge_adu)):
        raise InputError("single photoelectron", "bin_adu", bin_adu, "above 0, finite charges")
    n_pixels = charge_adu.shape[1]
    start = np.floor((charge_adu.min(axis=0) + 0.5) / bin_adu) * bin_adu - 0.5
    place = ((charge_adu - start) / bin_adu).astype(np.int64)
    n_bins = int(place.max()) + 1
    flat = (place + n_bins * np.arange(n_pixels)).ravel()
    counts = np.bincount(flat, minlength=n_pixels * n_bins).reshape(n_pixels, n_bins)
    return Spectra(counts.astype(np.float64), start, float(bin_adu))


def spectrum_probabilities(value, shape: SpeShape, start_adu, bin_adu: float, n_bins: int):
    """Probabilities of the bins of spectra and their derivatives.

    Parameters
    ----------
    value : ndarray of float64, shape (n_pixels, 5)
        `PARAMETERS`.
    shape : SpeShape
        Amplitudes of photoelectrons.
    start_adu : ndarray of float64, shape (n_pixels,)
        Lower edge of the first bin.
    bin_adu : float
        Width of a bin.
    n_bins : int
        Bins.

    Returns
    -------
    probability : ndarray of float64, shape (n_pixels, n_bins)
        Probabilities, at least 1e-13: below, the transform has no digits left.
    derivative : ndarray of float64, shape (5, n_pixels, n_bins)
        Their derivatives by the parameters.
    """
    light, gain, pedestal, noise, width = (value[:, i, None] for i in range(5))
    # Beyond the last bin as much again, for tails that the period would fold back.
    n = 1 << int(np.ceil(np.log2(2 * n_bins)))
    k = 2.0 * np.pi / (n * bin_adu) * np.arange(n // 2 + 1)
    u = gain * k
    table, table_slope = _at(shape, u * width)
    turn = np.exp(1j * u * (1.0 - width))
    psi = turn * table
    bent = turn * table_slope
    # Shifted so that the middle of the first bin is the origin.
    shift = pedestal - (start_adu[:, None] + 0.5 * bin_adu)
    phi = np.exp(light * (psi - 1.0) + 1j * k * shift - 0.5 * (k * noise) ** 2)
    phi *= np.sinc(0.5 * k * bin_adu / np.pi)
    slopes = (
        psi - 1.0,
        light * k * (1j * (1.0 - width) * psi + width * bent),
        1j * k + 0.0 * psi,
        -(k**2) * noise + 0.0 * psi,
        light * u * (bent - 1j * psi),
    )
    transforms = np.stack([phi, *(slope * phi for slope in slopes)])
    bins = np.fft.irfft(np.conj(transforms), n, axis=-1)[..., :n_bins]
    return np.maximum(bins[0], TINY), bins[1:]


def _fisher(counts, probability, derivative):
    """Log-likelihood given the sum of the counts, its gradient and its information."""
    total, inside = counts.sum(axis=1), probability.sum(axis=1)
    log = np.einsum("pb,pb->p", counts, np.log(probability)) - total * np.log(inside)
    sums = derivative.sum(axis=2)
    gradient = np.einsum("ipb,pb->pi", derivative, counts / probability)
    gradient -= (sums * (total / inside)).T
    scaled = derivative / np.sqrt(probability)
    information = np.einsum("ipb,jpb->pij", scaled, scaled)
    information -= np.einsum("ip,jp->pij", sums, sums) / inside[:, None, None]
    return log, gradient, information * (total / inside)[:, None, None]


def _solve(information, gradient, free, damping):
    """Damped step of the free parameters (Levenberg, Quart. Appl. Math. 2 (1944) 164)."""
    matrix = information[:, free][:, :, free].copy()
    diagonal = np.arange(free.size)
    scale = np.maximum(matrix[:, diagonal, diagonal], 1e-12)
    matrix[:, diagonal, diagonal] = scale * (1.0 + damping[:, None])
    step = np.zeros_like(gradient)
    step[:, free] = np.linalg.solve(matrix, gradient[:, free, None])[:, :, 0]
    return step, np.sqrt(scale)


def fit_spectra(
    spectra: Spectra, shape: SpeShape, start: np.ndarray, fixed: tuple[str, ...] = ()
) -> SpeFit:
    """Fit the spectra of all pixels.

    Parameters
    ----------
    spectra : Spectra
        Histograms.
    shape : SpeShape
        Amplitudes of photoelectrons.
    start : ndarray of float64, shape (n_pixels, 5)
        `PARAMETERS` to begin with; all but the pedestal above 0.
    fixed : tuple of str, optional
        Parameters that stay as they are.

    Returns
    -------
    SpeFit
        Parameters and errors.

    Raises
    ------
    InputError
        If a fixed parameter is unknown or a start is out of range.
    """
    unknown = [name for name in fixed if name not in PARAMETERS]
    if unknown:
        raise InputError("single photoelectron", "fixed", unknown, ", ".join(PARAMETERS))
    if not np.all(start[:, POSITIVE] > 0.0):
        raise InputError("single photoelectron", "start", "0 or less", "above 0")
    free = np.array([i for i, name in enumerate(PARAMETERS) if name not in fixed])
    value = start.astype(np.float64).copy()
    log, gradient, information = _state(spectra, slice(None), value, shape)
    damping = np.full(len(value), 1e-3)
    active = np.ones(len(value), dtype=bool)
    for _ in range(MAX_ROUNDS):
        rows = np.flatnonzero(active)
        step, scale = _solve(information[rows], gradient[rows], free, damping[rows])
        # Converged where an undamped step is small against the errors.
        small = np.all(np.abs(step[:, free]) * scale < SMALL, axis=1) & (damping[rows] < 1.0)
        trial = value[rows] + step
        near = value[rows][:, POSITIVE]
        trial[:, POSITIVE] = np.clip(trial[:, POSITIVE], 0.5 * near, 2.0 * near)
        new = _state(spectra, rows, trial, shape)
        better = new[0] >= log[rows] - 1e-9 * np.abs(log[rows])
        good = rows[better]
        value[good] = trial[better]
        log[good], gradient[good], information[good] = (part[better] for part in new)
        damping[rows] = np.where(better, damping[rows] * 0.2, damping[rows] * 8.0)
        active[rows[small & better]] = False
        active &= damping < MOST_DAMPING
        if not active.any():
            break
    return _finished(spectra, value, log, information, free, active | (damping >= MOST_DAMPING))


def _state(spectra, rows, value, shape):
    """What `_fisher` says of some pixels."""
    counts = spectra.counts[rows]
    grid = spectra.start_adu[rows], spectra.bin_adu, counts.shape[1]
    return _fisher(counts, *spectrum_probabilities(value, shape, *grid))


def _finished(spectra, value, log, information, free, failed) -> SpeFit:
    """Errors and goodness of fits."""
    matrix = information[:, free][:, :, free]
    singular = ~(np.linalg.det(matrix / matrix.max(axis=(1, 2), keepdims=True)) > 0.0)
    matrix[singular] = np.eye(free.size)
    diagonal = np.diagonal(np.linalg.inv(matrix), axis1=1, axis2=2)
    error = np.zeros_like(value)
    error[:, free] = np.sqrt(np.maximum(diagonal, 0.0))
    converged = ~failed & ~singular & np.all(np.isfinite(error), axis=1)
    counts = spectra.counts
    total = counts.sum(axis=1, keepdims=True)
    own = np.where(counts > 0.0, counts * np.log(np.maximum(counts, 1.0) / total), 0.0)
    deviance = 2.0 * (own.sum(axis=1) - log)
    error[~converged] = np.nan
    n_free = (counts > 0.0).sum(axis=1) - 1 - free.size
    return SpeFit(value, error, deviance, n_free, converged)
