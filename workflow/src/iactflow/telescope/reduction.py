"""Reduction of the data volume: which pixels of an image are kept.

Two levels and a time: a pixel above the upper one with a neighbour above the lower one at about the
same time is kept; neighbours of kept pixels are added while they are above the lower level at about
the time of that pixel; then rows of neighbours around all of them are added whatever they hold, for
the faint edge of the image. Two levels with a neighbour are the image cleaning of H.E.S.S.
(Aharonian et al., A&A 457 (2006) 899).

``Readout.reduction`` is empty, or holds ``method: two_level`` and `KEYS`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit
from iactflow.errors import InputError
from iactflow.instrument.description import Camera
from iactflow.instrument.neighbours import neighbours
from iactflow.telescope.readout import ReadoutTable

__all__ = ["KEYS", "ReductionTable", "keep_pixels", "make_reduction_table"]

#: Parameters and the least value of each: levels in photoelectrons, length of the sum in samples,
#: largest difference of times in ns, rows of neighbours.
KEYS = {
    "picture_pe": 0.0,
    "boundary_pe": 0.0,
    "width_samples": 1,
    "coincidence_ns": 0.0,
    "dilations": 0,
}
_METHOD = "two_level"


class ReductionTable(NamedTuple):
    """Selection of pixels.

    Attributes
    ----------
    picture_pe, boundary_pe : float
        Levels.
    width : int
        Samples that are summed.
    coincidence : float
        Largest difference of times, in samples.
    dilations : int
        Rows of neighbours that are added.
    area : float
        Sum of the pulse of a photoelectron over its peak.
    start : ndarray of int64, shape (n_pixels + 1,)
        First entry of each pixel in ``neighbour``.
    neighbour : ndarray of int64
        Neighbours.
    """

    picture_pe: float
    boundary_pe: float
    width: int
    coincidence: float
    dilations: int
    area: float
    start: np.ndarray
    neighbour: np.ndarray


def make_reduction_table(camera: Camera, readout: ReadoutTable) -> ReductionTable | None:
    """Lay out the selection of pixels for kernels.

    Parameters
    ----------
    camera : Camera
        Description.
    readout : ReadoutTable
        Electronics.

    Returns
    -------
    ReductionTable or None
        None: all pixels are kept.

    Raises
    ------
    InputError
        If the method is unknown, or a parameter is unknown, missing or too small.
    """
    settings = dict(camera.readout.reduction)
    if not settings:
        return None
    where, method = "camera", settings.pop("method", None)
    if method != _METHOD:
        raise InputError(where, "readout.reduction.method", method, _METHOD)
    for key in [*settings, *KEYS]:
        if key not in KEYS or key not in settings:
            raise InputError(where, f"readout.reduction.{key}", settings.get(key), ", ".join(KEYS))
        if not settings[key] >= KEYS[key]:
            allowed = f"at least {KEYS[key]}"
            raise InputError(where, f"readout.reduction.{key}", settings[key], allowed)
    charge = camera.readout.mode == "charge"
    pulse = readout.pulse[0].sum(axis=-1).mean()
    pixels = camera.pixels
    return ReductionTable(
        float(settings["picture_pe"]), float(settings["boundary_pe"]),
        1 if charge else min(int(settings["width_samples"]), readout.n_samples),
        float(settings["coincidence_ns"]) / readout.sample_ns, int(settings["dilations"]),
        1.0 if charge else float(pulse),
        *neighbours(pixels.x_m, pixels.y_m, pixels.shape, pixels.rotation_deg),
    )  # fmt: skip


@jit
def _largest_sums(samples, readout, table):
    """Largest sum of neighbouring samples in photoelectrons, and where it begins."""
    n_pixels, n_samples = samples.shape
    signal = np.empty(n_pixels, dtype=np.float64)
    place = np.empty(n_pixels, dtype=np.float64)
    for pixel in range(n_pixels):
        total = 0
        for s in range(table.width):
            total += np.int64(samples[pixel, s])
        best, at = total, 0
        for s in range(table.width, n_samples):
            total += np.int64(samples[pixel, s]) - np.int64(samples[pixel, s - table.width])
            if total > best:
                best, at = total, s - table.width + 1
        counts = best - table.width * np.float64(readout.pedestal[0, pixel])
        signal[pixel] = counts / (readout.counts[0, pixel] * table.area)
        place[pixel] = at
    return signal, place


@jit
def _grow(signal, place, table):
    """Pixels above the upper level with company, and what hangs on them above the lower one."""
    n_pixels = signal.size
    keep = np.zeros(n_pixels, dtype=np.bool_)
    queue = np.empty(n_pixels, dtype=np.int64)
    n_queue = 0
    for pixel in range(n_pixels):
        if signal[pixel] < table.picture_pe:
            continue
        for k in range(table.start[pixel], table.start[pixel + 1]):
            other = table.neighbour[k]
            late = abs(place[other] - place[pixel])
            if signal[other] >= table.boundary_pe and late <= table.coincidence:
                keep[pixel] = True
                queue[n_queue] = pixel
                n_queue += 1
                break
    done = 0
    while done < n_queue:
        pixel = queue[done]
        done += 1
        for k in range(table.start[pixel], table.start[pixel + 1]):
            other = table.neighbour[k]
            late = abs(place[other] - place[pixel])
            if keep[other] or signal[other] < table.boundary_pe or late > table.coincidence:
                continue
            keep[other] = True
            queue[n_queue] = other
            n_queue += 1
    return keep


@jit
def _dilate(keep, table):
    """Add all neighbours of the pixels."""
    wider = keep.copy()
    for pixel in range(keep.size):
        if keep[pixel]:
            for k in range(table.start[pixel], table.start[pixel + 1]):
                wider[table.neighbour[k]] = True
    return wider


@jit
def keep_pixels(adc, readout, table):
    """Select the pixels of an image that are kept; the others are set to zero.

    Parameters
    ----------
    adc : ndarray of uint16, shape (n_gains, n_pixels, n_samples)
        Waveforms; charges with one sample. All samples of dropped pixels become zero, in place.
    readout : ReadoutTable
        Electronics.
    table : ReductionTable
        Selection.

    Returns
    -------
    ndarray of bool, shape (n_pixels,)
        Pixels that are kept.
    """
    signal, place = _largest_sums(adc[0], readout, table)
    keep = _grow(signal, place, table)
    for _ in range(table.dilations):
        keep = _dilate(keep, table)
    for gain in range(adc.shape[0]):
        for pixel in range(adc.shape[1]):
            if not keep[pixel]:
                adc[gain, pixel, :] = 0
    return keep
