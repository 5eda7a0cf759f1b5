"""What the throughput of a telescope does to the energy scale.

Simulations are made with a throughput; telescopes lose some, year by year. Muons tell the loss,
and images divided by the relative throughput have the charge of a telescope as simulated (Bolz,
PhD thesis, Heidelberg (2004), chapter 6; Aharonian et al., A&A 457 (2006) 899, section 4.3).

Light of muons comes from the last few hundred metres and is bluer than that of showers, which has
lost most of its ultraviolet on the way. A loss that depends on the wavelength (mirrors age from the
ultraviolet on) is larger for muons than for showers, by `band_factor`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError

__all__ = ["Throughput", "band_factor", "correct_images", "intrinsic_spread", "mean_throughput"]

N_SIGMA = 4.0
ROUNDS = 10


class Throughput(NamedTuple):
    """Throughput of a telescope.

    Attributes
    ----------
    value, error : float
        Throughput over that of the reference; standard error from those of the muons, their
        spread and the reference's error.
    n_muons : int
        Muons used.
    """

    value: float
    error: float
    n_muons: int


def intrinsic_spread(efficiency: np.ndarray, efficiency_error: np.ndarray) -> float:
    """Relative spread of the efficiencies of muons beyond the errors of their fits.

    Rings differ by scattering and knock-on electrons of their muons, and by parts of the dish that
    shadows and light guides use less than others.

    Parameters
    ----------
    efficiency, efficiency_error : ndarray of float64, shape (n,)
        Of each muon, see `iactflow.calibration.muons.fit_muon`; best of simulated ones.

    Returns
    -------
    float
        Standard deviation over the mean; 0 where the errors explain all.

    Raises
    ------
    InputError
        If there are fewer than three muons.
    """
    if len(efficiency) < 3:
        raise InputError("throughput", "muons", len(efficiency), "at least 3")
    middle = np.median(efficiency)
    kept = np.abs(efficiency - middle) <= N_SIGMA * np.std(efficiency)
    square = np.var(efficiency[kept], ddof=1) - np.mean(efficiency_error[kept] ** 2)
    return float(np.sqrt(max(square, 0.0)) / middle)


def mean_throughput(
    efficiency: np.ndarray,
    efficiency_error: np.ndarray,
    spread: float,
    reference: float = 1.0,
    reference_error: float = 0.0,
) -> Throughput:
    """Throughput from the efficiencies of many muons.

    Parameters
    ----------
    efficiency, efficiency_error : ndarray of float64, shape (n,)
        Of each muon, see `iactflow.calibration.muons.fit_muon`.
    spread : float
        `intrinsic_spread` of simulated muons.
    reference, reference_error : float, optional
        Mean efficiency of the muons of a telescope of throughput 1, simulated and fitted in the
        same way, and its standard error; 1: the mean efficiency itself is wanted.

    Returns
    -------
    Throughput
        Weighted mean, muons beyond 4 standard deviations left out.

    Raises
    ------
    InputError
        If there are fewer than three muons or the reference is not above 0.
    """
    if len(efficiency) < 3:
        raise InputError("throughput", "muons", len(efficiency), "at least 3")
    if not reference > 0.0:
        raise InputError("throughput", "reference", reference, "above 0")
    # Errors grow with the square root of the light: those of a muon whose light fluctuated down
    # are too small, and would pull the mean down. All take the one of the median light.
    middle = np.median(efficiency)
    error = efficiency_error * np.sqrt(middle / np.maximum(efficiency, 0.1 * middle))
    variance = error**2 + (spread * middle) ** 2
    kept = np.ones(len(efficiency), dtype=bool)
    for _ in range(ROUNDS):
        mean = np.average(efficiency[kept], weights=1.0 / variance[kept])
        inside = np.abs(efficiency - mean) <= N_SIGMA * np.sqrt(variance)
        if np.array_equal(inside, kept) or inside.sum() < 3:
            break
        kept = inside
    relative = np.hypot(
        1.0 / (np.sqrt(np.sum(1.0 / variance[kept])) * mean), reference_error / reference
    )
    value = float(mean / reference)
    return Throughput(value, float(value * relative), int(kept.sum()))


def correct_images(image_pe: np.ndarray, throughput: float, factor: float = 1.0) -> np.ndarray:
    """Charges as the telescope of the simulations would have them.

    Parameters
    ----------
    image_pe : ndarray of float, shape (..., n_pixels)
        Images.
    throughput : float
        Throughput relative to the simulations, from muons.
    factor : float, optional
        `band_factor` for light of showers.

    Returns
    -------
    ndarray of float, shape (..., n_pixels)
        Images over throughput and factor. The night sky and all noise are scaled with them.

    Raises
    ------
    InputError
        If throughput or factor is not above 0.
    """
    if not (throughput > 0.0 and factor > 0.0):
        raise InputError("throughput", "value", (throughput, factor), "above 0")
    return image_pe / np.asarray(throughput * factor, dtype=image_pe.dtype)


def band_factor(
    wavelength_nm: np.ndarray, loss: np.ndarray, muon: np.ndarray, shower: np.ndarray
) -> float:
    """Relative throughput for light of showers over that for light of muons.

    Parameters
    ----------
    wavelength_nm : ndarray of float64, shape (n,)
        Wavelengths, ascending.
    loss : ndarray of float64, shape (n,)
        Response of the telescope at each wavelength over that of the simulations.
    muon, shower : ndarray of float64, shape (n,)
        Spectra of detected light of muons and of showers in the simulations; any norm.

    Returns
    -------
    float
        1 where the loss does not depend on the wavelength.

    Raises
    ------
    InputError
        If wavelengths do not ascend or a spectrum vanishes.
    """
    if not np.all(np.diff(wavelength_nm) > 0.0):
        raise InputError("throughput", "wavelength_nm", "not ascending", "ascending")
    means = []
    for name, spectrum in (("muon", muon), ("shower", shower)):
        total = np.trapezoid(spectrum, wavelength_nm)
        if not total > 0.0:
            raise InputError("throughput", name, float(total), "a spectrum above 0")
        means.append(np.trapezoid(spectrum * loss, wavelength_nm) / total)
    return float(means[1] / means[0])
