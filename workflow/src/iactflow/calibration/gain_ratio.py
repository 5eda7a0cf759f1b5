"""Ratio of high to low gain from pulses that both channels hold.

Both channels see the same photoelectrons, so that low against high is a line through the origin
whose scatter is electronics alone. Its slope is found by iteratively reweighted least squares with
Huber's weights (Huber, Ann. Math. Statist. 35 (1964) 73), its error from the residuals
(White, Econometrica 48 (1980) 817).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.calibration.flatfield import MAD_TO_STD
from iactflow.errors import InputError

__all__ = ["GainRatio", "gain_ratio"]

HUBER = 1.345  # 95 % efficiency for Gaussian errors (Huber 1964)
ROUNDS = 20


class GainRatio(NamedTuple):
    """High over low gain.

    Attributes
    ----------
    ratio, error : ndarray of float64, shape (n_pixels,)
        Ratio and standard error; not a number in pixels without enough pulses in the range.
    n : ndarray of int64, shape (n_pixels,)
        Pulses used.
    """

    ratio: np.ndarray
    error: np.ndarray
    n: np.ndarray


def gain_ratio(
    high_adu: np.ndarray,
    low_adu: np.ndarray,
    range_adu: tuple[np.ndarray, np.ndarray],
    n_dark: int,
    min_pulses: int = 10,
) -> GainRatio:
    """Ratio of the gains of each pixel.

    Parameters
    ----------
    high_adu, low_adu : ndarray of float, shape (n_events, n_pixels)
        Charges less pedestals in both channels.
    range_adu : tuple of two ndarray of float64, shape (n_pixels,)
        Least and largest charge in high gain, below saturation. The noise of the high gain flattens
        the line by its square over that of the charges, 5e-4 for 0.45 in 20 photoelectrons.
    n_dark : int
        Events that the pedestals come from: their errors are common to all pulses of a pixel, and
        as large as the scatter around the line says.
    min_pulses : int, optional
        Pulses that a pixel needs.

    Returns
    -------
    GainRatio
        Ratios.

    Raises
    ------
    InputError
        If the channels have different shapes.
    """
    if high_adu.shape != low_adu.shape:
        raise InputError("calibration", "low gain", low_adu.shape, f"shape {high_adu.shape}")
    with np.errstate(invalid="ignore"):
        used = (high_adu >= range_adu[0]) & (high_adu <= range_adu[1]) & np.isfinite(low_adu)
    x = np.where(used, high_adu, 0.0).astype(np.float64)
    y = np.where(used, low_adu, 0.0).astype(np.float64)
    n = used.sum(axis=0)
    enough = n >= min_pulses
    weight = used.astype(np.float64)
    slope = np.full(n.size, np.nan)
    for _ in range(ROUNDS):
        before = slope
        slope = np.divide(
            (weight * x * y).sum(axis=0),
            (weight * x**2).sum(axis=0),
            out=np.full(n.size, np.nan),
            where=enough,
        )
        residual = y - slope * x
        if np.allclose(slope, before, rtol=1e-9, atol=0.0, equal_nan=True):
            break
        weight = _huber(residual, used, enough)
    good = enough & (slope > 0.0)
    ratio = np.divide(1.0, slope, out=np.full(n.size, np.nan), where=good)
    error = np.full(n.size, np.nan)
    error[good] = _error(x[:, good], residual[:, good], weight[:, good], used[:, good], n_dark)
    return GainRatio(ratio, error * ratio**2, n)


def _error(x, residual, weight, used, n_dark):
    """Standard error of slopes: scatter around the line, and the pedestals' common error."""
    # Only residuals that are not pulled in answer to a change (Huber 1964, equation 9).
    answer = ((used & (weight >= 1.0)) * x**2).sum(axis=0)
    scatter = ((weight * residual) ** 2 * x**2).sum(axis=0) / answer**2
    inside = (weight * residual**2).sum(axis=0) / weight.sum(axis=0)
    lever = (weight * x).sum(axis=0) / (weight * x**2).sum(axis=0)
    return np.sqrt(scatter + lever**2 * inside / n_dark)


def _huber(residual, used, enough):
    """Weights: 1 near the line, falling with the distance beyond."""
    distance = np.where(used, np.abs(residual), np.nan)[:, enough]
    scale = np.full(residual.shape[1], np.inf)
    scale[enough] = HUBER * MAD_TO_STD * np.nanmedian(distance, axis=0)
    return used * np.minimum(1.0, scale / np.maximum(np.abs(residual), 1e-12))
