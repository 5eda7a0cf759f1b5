"""Pixels and photoelectrons: which pixel a photon hits and whether it is detected.

A photon in the focal plane belongs to the pixel whose hexagon or square holds it; gaps between
pixels lose it. It is detected with the efficiency of the light guide at its angle of incidence,
relative to the largest one, and with the pixel's quantum efficiency, relative to its ceiling:
`iactflow.telescope.spectrum.spectral_response` holds both of these maxima. The angle and the
wavelength are taken as independent factors, as in sim_telarray (Bernlöhr, Astropart. Phys. 30
(2008) 149, section 4). Photoelectrons get the transit-time spread of the photomultiplier.

Pixels are found without a search: a square grid lists the few pixels that can reach into each of
its cells, and only those are tested against their exact outline.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from iactflow._jit import jit_leaf
from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Camera, Curve, Pixels
from iactflow.telescope.normal import normal_of

__all__ = [
    "CameraTable",
    "PhotoElectrons",
    "detect",
    "find_pixel",
    "make_camera_table",
    "no_photoelectrons",
    "qe_ceiling",
]

# Variations between pixels are normal, cut at this many standard deviations: the light emitted for
# a camera must be enough for its best pixel.
N_SIGMA = 3.0
_GUIDE_STEP_DEG = 0.05
_CELLS_PER_PIXEL = 3
_LOW32, _SHIFT32, _UNIT32 = np.uint64(0xFFFFFFFF), np.uint64(32), 1.0 / 4294967296.0


class PhotoElectrons(NamedTuple):
    """Photoelectrons of a camera, in any order.

    Attributes
    ----------
    pixel : ndarray of int32, shape (n,)
        Pixel.
    time_ns : ndarray of float32, shape (n,)
        Time at the anode, on the clock of the photons.
    amplitude : ndarray of float32, shape (n,)
        Amplitude in units of a mean photoelectron.
    """

    pixel: np.ndarray
    time_ns: np.ndarray
    amplitude: np.ndarray


class CameraTable(NamedTuple):
    """A camera as kernels take it, with the pixels of one telescope.

    Attributes
    ----------
    x_m, y_m : ndarray of float64, shape (n,)
        Centres of the pixels.
    normal_x, normal_y : ndarray of float64, shape (3,) or (2,)
        Normals to the sides of a pixel.
    half_m : float
        Distance of a side from the centre.
    grid_x_m, grid_y_m, cell_m : float
        Corner of the grid and size of a cell.
    n_x, n_y : int
        Cells of the grid.
    cell_start : ndarray of int32, shape (n_x * n_y + 1,)
        First entry of each cell in ``cell_pixel``; cells run along y first.
    cell_pixel : ndarray of int32
        Pixels that can reach into a cell.
    guide : ndarray of float64
        Efficiency of the light guide relative to its largest value, every ``guide_step_deg``.
    guide_step_deg : float
        Step of ``guide``.
    qe : ndarray of float64, shape (n,)
        Quantum efficiency relative to the mean one; 0: broken, or described as without any.
    qe_ceiling : float
        What no pixel exceeds.
    gain : ndarray of float64, shape (n,)
        Counts per photoelectron relative to the nominal ones, flat-fielded: pixels with more
        quantum efficiency have less gain; 1 where there is none.
    transit_time_ns : ndarray of float64, shape (n,)
        Deviation of the pixel's transit time.
    jitter_ns : float
        Rms transit-time spread of photoelectrons.
    pedestal_deviation : ndarray of float64, shape (2, n)
        Standard normal deviates of the pedestals, per gain.
    threshold_deviation : ndarray of float64, shape (n,)
        Standard normal deviates of the trigger's threshold.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    normal_x: np.ndarray
    normal_y: np.ndarray
    half_m: float
    grid_x_m: float
    grid_y_m: float
    cell_m: float
    n_x: int
    n_y: int
    cell_start: np.ndarray
    cell_pixel: np.ndarray
    guide: np.ndarray
    guide_step_deg: float
    qe: np.ndarray
    qe_ceiling: float
    gain: np.ndarray
    transit_time_ns: np.ndarray
    jitter_ns: float
    pedestal_deviation: np.ndarray
    threshold_deviation: np.ndarray


def no_photoelectrons() -> PhotoElectrons:
    """Make an empty list of photoelectrons.

    Returns
    -------
    PhotoElectrons
        Arrays of length zero.
    """
    return PhotoElectrons(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.float32))


def qe_ceiling(camera: Camera) -> float:
    """Largest quantum efficiency of a pixel relative to the mean one.

    Parameters
    ----------
    camera : Camera
        Camera.

    Returns
    -------
    float
        1 plus three times the rms variation, where the variation is cut.
    """
    return 1.0 + N_SIGMA * camera.qe_variation


def make_camera_table(camera: Camera, key_words: np.ndarray, broken_pixels=()) -> CameraTable:
    """Lay out the pixels of one telescope for kernels.

    Parameters
    ----------
    camera : Camera
        Description.
    key_words : ndarray of uint64, shape (2,)
        ``StreamKey(instrument_seed, "camera", telescope=tel_id).words()``: the variations between
        pixels are fixed for a telescope.
    broken_pixels : sequence of int, optional
        Pixels without any photoelectrons.

    Returns
    -------
    CameraTable
        Table for `detect`.

    Raises
    ------
    InputError
        If a pixel's shape is unknown, variations are so large that some gain would not be above 0,
        no pixel or light guide has an efficiency or a broken pixel is not one of the camera.
    """
    for key in ("qe_variation", "gain_variation"):
        if not 0.0 <= getattr(camera, key) < 1.0 / N_SIGMA:
            raise InputError("camera", key, getattr(camera, key), f"0 to below 1 / {N_SIGMA:g}")
    pixels = camera.pixels
    x, y = (np.ascontiguousarray(v, dtype=np.float64) for v in (pixels.x_m, pixels.y_m))
    normal_x, normal_y = _normals(pixels)
    half = 0.5 * float(pixels.diameter_m)
    grid = _pixel_grid(x, y, normal_x, normal_y, half)
    deviation = _deviations(key_words, 6, x.size)
    qe = 1.0 + camera.qe_variation * deviation[0]
    if pixels.relative_efficiency is not None:
        qe *= pixels.relative_efficiency
    # Gains are set for equal charge at equal light; what is left is the quoted variation.
    live = qe > 0.0
    if not live.any():
        raise InputError("camera", "pixels.relative_efficiency", 0.0, "a pixel above 0")
    gain = np.ones(x.size)
    gain[live] = (1.0 + camera.gain_variation * deviation[1][live]) / qe[live]
    gain[live] /= np.mean(gain[live])
    broken = np.asarray(broken_pixels, dtype=np.int64).ravel()
    if np.any((broken < 0) | (broken >= x.size)):
        raise InputError("camera", "broken_pixels", broken.tolist(), f"0 to {x.size - 1}")
    qe[broken] = 0.0
    return CameraTable(
        x, y, normal_x, normal_y, half, *grid,
        _relative_guide(camera.light_guide), _GUIDE_STEP_DEG,
        qe, qe_ceiling(camera), gain,
        camera.transit_time_error_ns * deviation[2], float(camera.transit_time_jitter_ns),
        np.ascontiguousarray(deviation[3:5]), np.ascontiguousarray(deviation[5]),
    )  # fmt: skip


def _deviations(key_words, n_rows, n):
    """Standard normal deviates cut at N_SIGMA, one word each."""
    uniform = np.empty(n_rows * n)
    philox.fill_uniform(philox.new_state(np.asarray(key_words, dtype=np.uint64)), uniform)
    low = ndtr(-N_SIGMA)
    return ndtri(low + (1.0 - 2.0 * low) * uniform).reshape(n_rows, n)


def _normals(pixels: Pixels):
    steps = {"hexagon": (0.0, 60.0, 120.0), "square": (0.0, 90.0)}
    if pixels.shape not in steps:
        raise InputError("camera", "pixels.shape", pixels.shape, " or ".join(steps))
    angle = np.deg2rad(pixels.rotation_deg + np.array(steps[pixels.shape]))
    return np.cos(angle), np.sin(angle)


def _relative_guide(curve: Curve) -> np.ndarray:
    peak = float(np.max(curve.y))
    if not peak > 0.0:
        raise InputError("camera", "light_guide", peak, "an efficiency above 0")
    angle = np.arange(0.0, curve.x[-1] + 2 * _GUIDE_STEP_DEG, _GUIDE_STEP_DEG)
    return np.interp(angle, curve.x, curve.y, left=0.0, right=0.0) / peak


def _pixel_grid(x, y, normal_x, normal_y, half):
    """Square grid over the camera and the pixels that can reach into each cell."""
    cell = 2.0 * half / _CELLS_PER_PIXEL
    # No corner of a hexagon or square is farther from its centre than sqrt(2) half distances.
    reach = np.sqrt(2.0) * half
    corner = np.array([x.min() - reach - cell, y.min() - reach - cell])
    n_x = int(np.ceil((x.max() + reach + cell - corner[0]) / cell))
    n_y = int(np.ceil((y.max() + reach + cell - corner[1]) / cell))
    span = int(np.ceil(reach / cell)) + 1
    offsets = np.arange(-span, span + 1)
    home_x = np.floor((x - corner[0]) / cell).astype(np.int64)
    home_y = np.floor((y - corner[1]) / cell).astype(np.int64)
    i, j, pixel = (
        v.ravel()
        for v in np.broadcast_arrays(
            home_x[:, None, None] + offsets[:, None],
            home_y[:, None, None] + offsets,
            np.arange(x.size)[:, None, None],
        )
    )
    inside = (i >= 0) & (i < n_x) & (j >= 0) & (j < n_y)
    i, j, pixel = i[inside], j[inside], pixel[inside]
    dx = corner[0] + (i + 0.5) * cell - x[pixel]
    dy = corner[1] + (j + 0.5) * cell - y[pixel]
    touches = np.ones(i.size, dtype=bool)
    for nx, ny in zip(normal_x, normal_y, strict=True):
        margin = 0.5 * cell * (abs(nx) + abs(ny)) * (1.0 + 1e-9)
        touches &= np.abs(dx * nx + dy * ny) <= half + margin
    index, pixel = (i * n_y + j)[touches], pixel[touches]
    order = np.lexsort((pixel, index))
    start = np.searchsorted(index[order], np.arange(n_x * n_y + 1)).astype(np.int32)
    return float(corner[0]), float(corner[1]), cell, n_x, n_y, start, pixel[order].astype(np.int32)


@jit_leaf
def find_pixel(x_m, y_m, table):
    """Pixel that holds a point of the focal plane.

    Parameters
    ----------
    x_m, y_m : float
        Point.
    table : CameraTable
        Camera.

    Returns
    -------
    int
        Pixel, -1 between or outside the pixels.
    """
    u = (x_m - table.grid_x_m) / table.cell_m
    v = (y_m - table.grid_y_m) / table.cell_m
    # Written so that a point that is not a number is outside.
    if not (u >= 0.0 and v >= 0.0 and u < table.n_x and v < table.n_y):
        return -1
    cell = int(u) * table.n_y + int(v)
    for k in range(table.cell_start[cell], table.cell_start[cell + 1]):
        pixel = table.cell_pixel[k]
        dx = x_m - table.x_m[pixel]
        dy = y_m - table.y_m[pixel]
        inside = True
        for side in range(table.normal_x.size):
            if abs(dx * table.normal_x[side] + dy * table.normal_y[side]) > table.half_m:
                inside = False
                break
        if inside:
            return int(pixel)
    return -1


@jit_leaf
def _guide_efficiency(angle_deg, table):
    u = angle_deg / table.guide_step_deg
    if not (u >= 0.0 and u < table.guide.size - 1):
        return 0.0
    k = int(u)
    return table.guide[k] + (u - k) * (table.guide[k + 1] - table.guide[k])


@jit_leaf
def detect(hits, n_hits, table, acceptance, state, pe_pixel, pe_time_ns):
    """Turn photons in the focal plane into photoelectrons.

    Parameters
    ----------
    hits : ndarray of float64, shape (n, 5)
        x, y in m, time in ns, angle of incidence in deg, facet (not used).
    n_hits : int
        Rows in use.
    table : CameraTable
        Camera.
    acceptance : float
        Further probability of detection, such as a telescope's throughput relative to that which
        the light was drawn for; at most 1.
    state : ndarray of uint64, shape (11,)
        Random stream, advanced in place: a word per photon in a pixel.
    pe_pixel : ndarray of int32, shape (m,)
        Filled in place with pixels; m at least ``n_hits``.
    pe_time_ns : ndarray of float32, shape (m,)
        Filled in place with times.

    Returns
    -------
    int
        Photoelectrons.
    """
    n_pe = 0
    scale = acceptance / table.qe_ceiling
    for i in range(n_hits):
        pixel = find_pixel(hits[i, 0], hits[i, 1], table)
        if pixel < 0:
            continue
        efficiency = scale * table.qe[pixel] * _guide_efficiency(hits[i, 3], table)
        word = philox.next_uint64(state)
        if np.float64(word >> _SHIFT32) * _UNIT32 >= efficiency:
            continue
        delay = table.transit_time_ns[pixel] + table.jitter_ns * normal_of(word & _LOW32)
        pe_pixel[n_pe] = pixel
        pe_time_ns[n_pe] = hits[i, 2] + delay
        n_pe += 1
    return n_pe
