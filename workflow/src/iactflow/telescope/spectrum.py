"""Which wavelengths a telescope detects: the response that light is drawn with.

Our own light is emitted with the spectral response folded in (`iactflow.shower.light`), so that
every photon counts. The photons of CORSIKA carry no wavelength: here they get one from the
Cherenkov spectrum, dN/dlambda ~ 1/lambda^2 (Frank and Tamm 1937; the refractive index is constant
across the band, as in CORSIKA's IACT package, Bernlöhr, Astropart. Phys. 30 (2008) 149), and are
thinned by the response and by the extinction. Both ways leave the same photons to the optics.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.atmosphere.extinction import transmission
from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Curve, TelescopeType
from iactflow.shower import photons as column
from iactflow.telescope.camera import qe_ceiling

__all__ = [
    "WavelengthTable",
    "draw_wavelengths",
    "make_wavelength_table",
    "number_of_photons",
    "shortest_wavelength_nm",
    "spectral_response",
]

_STEP_NM = 1.0
_N_STEPS = 2048


def spectral_response(
    telescope_type: TelescopeType,
    throughput: float = 1.0,
    band_nm: tuple[float, float] | None = None,
) -> Curve:
    """Probability that a photon on the mirror is detected, at its largest.

    Reflectivity, its degradation, window, light guide at its best angle and against wavelength,
    quantum efficiency of the best pixel, collection efficiency and the camera's transmission.
    Shadows and `Optics.transmission` belong to the ray tracing; `iactflow.telescope.camera.detect`
    takes off what light guide and pixel have less than their best.

    Parameters
    ----------
    telescope_type : TelescopeType
        Description.
    throughput : float
        Factor on the efficiency.
    band_nm : tuple of two float, optional
        Band to which it is cut; none: where it is not zero.

    Returns
    -------
    Curve
        Against the wavelength in nm, at the points of all curves and at most 1 nm apart.

    Raises
    ------
    InputError
        If it vanishes everywhere in the band, or exceeds 1.
    """
    optics, camera = telescope_type.optics, telescope_type.camera
    curves = [optics.reflectivity, camera.quantum_efficiency]
    curves += [c for c in (camera.window, camera.light_guide_wavelength) if c is not None]
    low = max(float(c.x[0]) for c in curves)
    high = min(float(c.x[-1]) for c in curves)
    if band_nm is not None:
        low, high = max(low, band_nm[0]), min(high, band_nm[1])
    if not low < high:
        raise InputError("instrument", "spectral response", (low, high), "curves that overlap")
    points = np.concatenate([c.x for c in curves] + [np.arange(low, high, _STEP_NM), [low, high]])
    wavelength = np.unique(points[(points >= low) & (points <= high)])
    value = np.full(wavelength.size, float(np.max(camera.light_guide.y)) * qe_ceiling(camera))
    value *= optics.degraded_reflection * camera.transmission * camera.collection_efficiency
    value *= throughput
    for curve in curves:
        value *= np.interp(wavelength, curve.x, curve.y)
    if not 0.0 < value.max() <= 1.0:
        raise InputError(
            "instrument", "spectral response", float(value.max()), "above 0, at most 1"
        )
    inside = np.flatnonzero(value > 0.0)
    part = slice(max(inside[0] - 1, 0), inside[-1] + 2)
    return Curve(wavelength[part], value[part])


class WavelengthTable(NamedTuple):
    """Wavelengths of detected photons for photons of a band.

    Attributes
    ----------
    mean_response : float
        Response averaged over the Cherenkov spectrum in the band.
    wavelength_nm : ndarray of float64, shape (2049,)
        Wavelength at equal steps of the integral of spectrum times response.
    """

    mean_response: float
    wavelength_nm: np.ndarray


def make_wavelength_table(response: Curve, band_nm: tuple[float, float]) -> WavelengthTable:
    """Invert the integral of Cherenkov spectrum times response.

    Parameters
    ----------
    response : Curve
        `spectral_response`, not cut more than the band.
    band_nm : tuple of two float
        Band in which the photons were produced.

    Returns
    -------
    WavelengthTable
        Table for `draw_wavelengths`.

    Raises
    ------
    InputError
        If response and band do not overlap.
    """
    low, high = max(band_nm[0], response.x[0]), min(band_nm[1], response.x[-1])
    if not low < high:
        raise InputError("photons", "wavelength band", band_nm, "a band that the telescope sees")
    # Steps of a tenth of a nm: the trapezoid is then exact to 1e-6 for curves linear in 1 nm.
    wavelength = np.linspace(low, high, int(np.ceil((high - low) / (0.1 * _STEP_NM))) + 1)
    density = np.interp(wavelength, response.x, response.y) / wavelength**2
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(wavelength)
    integral = np.concatenate([[0.0], np.cumsum(steps)])
    whole = 1.0 / band_nm[0] - 1.0 / band_nm[1]
    inverse = np.interp(np.linspace(0.0, integral[-1], _N_STEPS + 1), integral, wavelength)
    return WavelengthTable(float(integral[-1] / whole), inverse)


@jit_leaf
def _draw(table, state):
    u = philox.uniform(state) * _N_STEPS
    k = int(u)
    return table.wavelength_nm[k] + (u - k) * (table.wavelength_nm[k + 1] - table.wavelength_nm[k])


@jit_leaf
def _whole(weight, state):
    """Photons of a bunch: the whole number next to its weight, right in the mean."""
    n = int(weight)
    return n + (1 if philox.uniform(state) < weight - n else 0)


@jit
def draw_wavelengths(photons, table, extinction, state):
    """Thin photons without wavelength to those that a telescope may detect.

    Parameters
    ----------
    photons : ndarray of float32, shape (n, 8)
        Bunches, see `iactflow.shower.photons`; those that have a wavelength are kept unchanged.
    table : WavelengthTable
        Wavelengths.
    extinction : ExtinctionTable
        Extinction from the height of emission to the observation level.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place.

    Returns
    -------
    ndarray of float32, shape (m, 8)
        Single photons with wavelengths; each photon of a bunch is drawn on its own.
    """
    capacity = 16 + int(1.2 * (photons[:, column.WEIGHT].sum() * table.mean_response))
    out = np.empty((capacity, photons.shape[1]), dtype=np.float32)
    n_out = 0
    for i in range(photons.shape[0]):
        given = photons[i, column.WAVELENGTH_NM] > 0.0
        n = 1 if given else _whole(np.float64(photons[i, column.WEIGHT]), state)
        sine = photons[i, column.COS_X] ** 2 + photons[i, column.COS_Y] ** 2
        cosine = np.sqrt(max(1.0 - np.float64(sine), 1e-6))
        for _ in range(n):
            wavelength = np.float64(photons[i, column.WAVELENGTH_NM])
            if not given:
                if philox.uniform(state) >= table.mean_response:
                    continue
                wavelength = _draw(table, state)
                height = np.float64(photons[i, column.HEIGHT_M])
                if philox.uniform(state) >= transmission(extinction, wavelength, height, cosine):
                    continue
            if n_out == out.shape[0]:
                larger = np.empty((2 * out.shape[0], out.shape[1]), dtype=np.float32)
                larger[:n_out] = out
                out = larger
            out[n_out] = photons[i]
            out[n_out, column.WAVELENGTH_NM] = wavelength
            if not given:
                out[n_out, column.WEIGHT] = 1.0
            n_out += 1
    return out[:n_out]


@jit_leaf
def number_of_photons(photons):
    """Photons in bunches.

    Parameters
    ----------
    photons : ndarray of float32, shape (n, 8)
        Bunches.

    Returns
    -------
    float
        Sum of their weights.
    """
    total = 0.0
    for i in range(len(photons)):
        total += np.float64(photons[i, column.WEIGHT])
    return total


@jit_leaf
def shortest_wavelength_nm(photons):
    """Shortest wavelength of bunches.

    Parameters
    ----------
    photons : ndarray of float32, shape (n, 8)
        Bunches.

    Returns
    -------
    float
        0 or less if any has none; infinite without bunches.
    """
    shortest = np.inf
    for i in range(len(photons)):
        shortest = min(shortest, np.float64(photons[i, column.WAVELENGTH_NM]))
    return shortest
