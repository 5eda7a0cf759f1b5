"""Raw data in batches: what every reader yields, and every kernel takes.

A batch holds whole events of the array, as many as fit its size. The telescope events of one type
of telescope lie in one array; rows of all arrays follow the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["BATCH_BYTES", "CameraBatch", "Coefficients", "EventBatch"]

#: Size of the samples in a batch: large enough that Python's share vanishes, small against memory.
BATCH_BYTES = 64 * 1024**2


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Calibration of one telescope, as its file or its calibration run tells it.

    Attributes
    ----------
    pedestal_adu : ndarray of float32, shape (n_channels, n_pixels)
        Pedestal per sample; of a charge where there are no samples.
    pe_per_adu : ndarray of float32, shape (n_channels, n_pixels)
        Photoelectrons per count summed over the pulse, flat-field factor included; 0 for pixels
        without signal.
    time_shift_ns : ndarray of float32, shape (n_channels, n_pixels)
        Added to the times of the pixel.
    unusable : ndarray of bool, shape (n_channels, n_pixels)
        Pixels that are dead, too bright or without calibration.
    pedestal_std_adu : ndarray of float32, shape (n_channels, n_pixels)
        Its standard deviation per sample (of the charge where there are no samples), not a number
        where unknown.
    n_summed : int
        Samples whose counts, pedestals included, a charge is the sum of; 1: none are summed.
    """

    pedestal_adu: np.ndarray
    pe_per_adu: np.ndarray
    time_shift_ns: np.ndarray
    unusable: np.ndarray
    pedestal_std_adu: np.ndarray
    n_summed: int = 1


@dataclass(frozen=True, eq=False)
class CameraBatch:
    """Telescope events of one type of telescope, with as many samples each.

    Attributes
    ----------
    type_index : int
        Type, in `iactflow.io.subarray.Subarray.types`.
    event_index : ndarray of int64, shape (n,)
        Row of the event in the batch, ascending.
    tel_id : ndarray of int64, shape (n,)
        Telescope; ascending within an event.
    adc : ndarray of uint16 or uint32, shape (n, n_channels, n_pixels, n_samples)
        Counts; zero where nothing was read out. One sample: charges.
    read_out : ndarray of bool, shape (n, n_channels, n_pixels), or None
        What was read out; None: everything.
    pointing_alt_deg, pointing_az_deg : ndarray of float64, shape (n,)
        Pointing of the telescope at the event.
    time_offset_ns : ndarray of float64, shape (n,)
        Trigger of the telescope after the array's; not a number where unknown.
    true_image : ndarray of int32, shape (n, n_pixels), or None
        Photoelectrons of the shower, where asked for and known; -1 in rows without.
    """

    type_index: int
    event_index: np.ndarray
    tel_id: np.ndarray
    adc: np.ndarray
    read_out: np.ndarray | None
    pointing_alt_deg: np.ndarray
    pointing_az_deg: np.ndarray
    time_offset_ns: np.ndarray
    true_image: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Events of the array that lie together in a file, under one calibration.

    Attributes
    ----------
    obs_id, event_id : ndarray of int64, shape (n_events,)
        Run and event.
    time_s : ndarray of int64, shape (n_events,)
        TAI seconds since 1970-01-01.
    time_qns : ndarray of uint32, shape (n_events,)
        Quarters of a nanosecond after them.
    event_type : ndarray of uint8, shape (n_events,)
        0 flat field, 1 single photoelectrons, 2 pedestal, 3 dark pedestal, 4 electronic pedestal,
        5 sky pedestal, 15 other calibration, 32 shower (CTAO's numbers); 255: unknown.
    pointing_alt_deg, pointing_az_deg : ndarray of float64, shape (n_events,)
        Pointing of the array.
    cameras : tuple of CameraBatch
        Telescope events by type, ascending; of a type once for each number of samples.
    coefficients : mapping of int to Coefficients
        Calibration by telescope; empty where the file has none.
    truth : mapping of str to ndarray, each of shape (n_events,)
        Columns of the table ``simulated_events`` without obs_id and event_id (shower_id, reuse_id,
        particle_id, true_energy_tev ...); empty for real data.
    """

    obs_id: np.ndarray
    event_id: np.ndarray
    time_s: np.ndarray
    time_qns: np.ndarray
    event_type: np.ndarray
    pointing_alt_deg: np.ndarray
    pointing_az_deg: np.ndarray
    cameras: tuple[CameraBatch, ...]
    coefficients: Mapping[int, Coefficients]
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.event_id)
