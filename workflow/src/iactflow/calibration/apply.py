"""From a batch of counts to images: photoelectrons and pulse times per pixel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from iactflow.calibration.bad_pixels import USABLE
from iactflow.calibration.extraction import (
    Constants,
    Output,
    Scratch,
    Window,
    extract_images,
)
from iactflow.calibration.peaks import MAX_NEIGHBOURS, integer_room
from iactflow.calibration.settings import METHODS, ExtractionSettings, integration_correction
from iactflow.errors import InputError
from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.batches import CameraBatch, Coefficients
from iactflow.io.subarray import TelescopeType

__all__ = ["Images", "calibrate"]


class Images(NamedTuple):
    """Images of a batch; each of shape (n, n_pixels).

    Attributes
    ----------
    image_pe : ndarray of float32
        Photoelectrons.
    peak_time_ns : ndarray of float32
        Time of the pulse from the beginning of the waveform, the pixel's time shift added; not a
        number where there are no samples or nothing was read out.
    unusable : ndarray of bool
        Pixels that were interpolated, or have no signal (not read out, or a gain of 0).
    channel : ndarray of int8
        Gain channel that was used.
    """

    image_pe: np.ndarray
    peak_time_ns: np.ndarray
    unusable: np.ndarray
    channel: np.ndarray


def calibrate(
    camera_batch: CameraBatch,
    telescope_type: TelescopeType,
    coefficients: Mapping[int, Coefficients],
    settings: ExtractionSettings,
) -> Images:
    """Take charges and times from the counts of a batch.

    The samples may be more or fewer than those of the telescope's description. Per pixel: the gain
    channel (low where a sample of the high gain passes the threshold, or where it alone was read),
    pedestal and conversion to photoelectrons, window, charge and centroid, integration correction
    of the channel; then pixels that cannot be used take the mean of their neighbours. Charges of
    cameras without samples are ``(adc - pedestal) * pe_per_adu``, without correction; where they
    are sums over samples, the threshold is held against what they are above the pedestals of all
    samples but one: of less than that, no sample can have passed.

    Parameters
    ----------
    camera_batch : CameraBatch
        Counts.
    telescope_type : TelescopeType
        Type of the telescopes; where its pulse is unknown (empty), charges are not corrected for
        what the window leaves out.
    coefficients : mapping of int to Coefficients
        Calibration by telescope. Values that are not finite make a pixel unusable.
    settings : ExtractionSettings
        Method and window.

    Returns
    -------
    Images
        Images and times.

    Raises
    ------
    InputError
        If a telescope has no coefficients, or counts or coefficients do not fit the camera.
    """
    camera, adc = telescope_type.camera, np.ascontiguousarray(camera_batch.adc)
    shape, n_samples = (camera.n_channels, camera.n_pixels), adc.shape[-1]
    if adc.shape[1:] != (*shape, n_samples) or n_samples == 0 or camera.n_channels not in (1, 2):
        allowed = f"{shape} and samples, 1 or 2 channels"
        raise InputError("raw data", "shape of counts", adc.shape[1:], allowed)
    if n_samples > 1 and not camera.sampling_rate_ghz > 0.0:
        allowed = "charges, as the first events of the file have"
        raise InputError("raw data", f"counts of {telescope_type.name}", "samples", allowed)
    tel_ids, telescope = np.unique(camera_batch.tel_id, return_inverse=True)
    constants = _constants(tel_ids, coefficients, telescope_type, settings, n_samples)
    read_out = camera_batch.read_out
    n_summed = np.array([coefficients[tel_id].n_summed for tel_id in tel_ids], dtype=np.float64)
    if camera.n_channels == 2 and np.any(n_summed > 1):
        others = constants.pedestal[:, 0] * (1.0 - 1.0 / n_summed[:, None])
        bright = adc[:, 0, :, 0] > settings.gain_threshold_adu + others[telescope]
        read_out = _one_gain(bright, read_out)
    if read_out is None:
        read_out = np.empty((len(adc), 0, 0), dtype=bool)
    output = _room(len(adc), camera.n_pixels)
    scratch = Scratch(
        np.zeros(camera.n_pixels, dtype=np.int64),
        np.zeros(camera.n_pixels, dtype=np.float32),
        integer_room(camera.n_pixels, n_samples),
        np.zeros(n_samples),
    )
    extract_images(
        adc, np.ascontiguousarray(read_out), telescope.astype(np.int64), constants,
        _window(settings, camera, n_samples), output, scratch,
    )  # fmt: skip
    unusable = output.status != USABLE
    return Images(output.image, output.peak_time_ns, unusable, output.channel)


def _one_gain(bright, read_out):
    """Of two gains, the one that is used: the low one where it was read and is asked for."""
    high, low = (True, True) if read_out is None else (read_out[:, 0], read_out[:, 1])
    low = low & (bright | ~np.asarray(high))
    return np.stack([high & ~low, low], axis=1)


def _room(n_events, n_pixels):
    kinds = (np.float32, np.float32, np.int8, np.int8)
    return Output(*(np.empty((n_events, n_pixels), dtype=kind) for kind in kinds))


def _window(settings, camera, n_samples):
    # a charge is all that there is, wherever a window would lie
    method = settings.method if n_samples > 1 else "full_window"
    return Window(
        METHODS[method], int(settings.window_width), int(settings.window_shift),
        int(settings.peak_index), int(settings.local_weight), float(settings.gain_threshold_adu),
        float(camera.sampling_rate_ghz),
    )  # fmt: skip


def _constants(tel_ids, coefficients, telescope_type, settings, n_samples):
    """Coefficients of the telescopes of a batch as one table, beside neighbours and correction."""
    camera = telescope_type.camera
    names = ("pedestal_adu", "pe_per_adu", "time_shift_ns", "unusable")
    shape = (len(tel_ids), camera.n_channels, camera.n_pixels)
    kinds = (np.float32, np.float32, np.float32, np.bool_)
    tables = [np.empty(shape, dtype=kind) for kind in kinds]
    for row, tel_id in enumerate(tel_ids):
        key = f"calibration of telescope {tel_id}"
        if tel_id not in coefficients:
            raise InputError("raw data", key, None, "coefficients of every telescope with events")
        for name, table in zip(names, tables, strict=True):
            values = getattr(coefficients[tel_id], name)
            if values.shape != shape[1:]:
                raise InputError("raw data", f"{key}: {name}", values.shape, f"shape {shape[1:]}")
            table[row] = values
    pedestal, gain, shift, unusable = tables
    undefined = ~(np.isfinite(pedestal) & np.isfinite(gain))
    pedestal[undefined], gain[undefined] = 0.0, 0.0
    correction = np.ones(camera.n_channels)
    if n_samples > 1:
        correction = integration_correction(camera, settings)
    tables = _neighbour_tables(camera)
    return Constants(pedestal, gain, shift, unusable | undefined, correction, *tables)


@lru_cache(maxsize=64)
def _neighbour_tables(camera):
    """Neighbours of a camera, and in rows of equal length filled with a pixel beyond the last."""
    first, neighbour = camera_neighbours(camera)
    count = np.diff(first)
    padded = np.full((camera.n_pixels, MAX_NEIGHBOURS), camera.n_pixels, dtype=np.uint64)
    row = np.repeat(np.arange(camera.n_pixels), count)
    padded[row, np.arange(len(neighbour)) - first[row]] = neighbour
    return first, neighbour, padded
