"""From raw data to the geometry of events, batch by batch: charges, images, parameters, axes.

The chain of kernels without files: what the rule ``reconstruct_geometry``, the comparison with
ctapipe and users call on the batches of any reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

import awkward
import numpy as np

from iactflow.calibration.apply import Images, calibrate
from iactflow.calibration.settings import ExtractionSettings
from iactflow.calibration.throughput import correct_images
from iactflow.errors import InputError
from iactflow.imaging.clean import CleaningSettings, clean_images, cleaning_of_type
from iactflow.imaging.parameters import image_parameters
from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.batches import CameraBatch, Coefficients, EventBatch
from iactflow.io.subarray import Subarray
from iactflow.io.tables import find_table
from iactflow.stereo.reconstruct import StereoSettings, reconstruct_batch

__all__ = [
    "CameraImages",
    "ChainSettings",
    "Reconstructed",
    "chain_settings",
    "extraction_of_type",
    "iterate_file",
    "make_images",
    "reconstruct_events",
    "with_coefficients",
]

# Columns of the table ``parameters`` without keys, and their types.
MEASURED = {column.name: column.dtype for column in find_table("parameters", "").columns[3:]}
Columns = dict[str, "np.ndarray | awkward.Array"]


@dataclass(frozen=True, eq=False)
class ChainSettings:
    """How every step of the chain is done.

    Attributes
    ----------
    extraction : tuple of ExtractionSettings
        By type of telescope, in the order of the subarray.
    cleaning : tuple of CleaningSettings
        The same.
    stereo : StereoSettings
        Cuts of images and events.
    throughput : mapping of int to float
        By telescope, relative to that of the simulations, as muons tell it: images are divided by
        it. Those that are left out stay as they are.
    """

    extraction: tuple[ExtractionSettings, ...]
    cleaning: tuple[CleaningSettings, ...]
    stereo: StereoSettings
    throughput: Mapping[int, float] = field(default_factory=dict)


class CameraImages(NamedTuple):
    """Images of a camera batch.

    Attributes
    ----------
    batch : CameraBatch
        What they were made from.
    images : Images
        Charges and times.
    mask : ndarray of bool, shape (n, n_pixels)
        Pixels that survive the cleaning.
    parameters : dict of str to ndarray, each of shape (n,)
        Columns of the table ``parameters`` without keys.
    """

    batch: CameraBatch
    images: Images
    mask: np.ndarray
    parameters: dict[str, np.ndarray]


class Reconstructed(NamedTuple):
    """Events of a batch, reconstructed.

    Attributes
    ----------
    cameras : tuple of CameraImages
        Images by type of telescope, as in the batch.
    row_order : ndarray of int64, shape (n,)
        Order by event and telescope of the rows of all cameras one after the other.
    event_index, tel_id : ndarray of int64, shape (n,)
        Row of the event in the batch, and telescope, in that order.
    parameters : dict of str to ndarray, each of shape (n,)
        Columns of the table ``parameters`` without keys, in that order.
    geometry : dict of str to ndarray or awkward.Array, each of n_events rows
        Columns of the table ``geometry`` without keys and times.
    impact_distance_m : ndarray of float64, shape (n,)
        Distance of the shower axis from each telescope, in that order.
    """

    cameras: tuple[CameraImages, ...]
    row_order: np.ndarray
    event_index: np.ndarray
    tel_id: np.ndarray
    parameters: dict[str, np.ndarray]
    geometry: Columns
    impact_distance_m: np.ndarray


def extraction_of_type(block: Mapping, telescope_type: str) -> ExtractionSettings:
    """Settings of the extraction for one type of telescope.

    Parameters
    ----------
    block : mapping
        Keys of `ExtractionSettings`, those that are left out at their defaults, and ``per_type``:
        mapping of patterns of names (``*``, ``?``) to keys that differ; later patterns win.
    telescope_type : str
        Name of the type.

    Returns
    -------
    ExtractionSettings
        Settings.

    Raises
    ------
    InputError
        If a key is unknown or a value is not allowed.
    """
    block = dict(block)
    per_type = block.pop("per_type", None) or {}
    settings = ExtractionSettings()
    changes = [keys for name, keys in per_type.items() if fnmatchcase(telescope_type, name)]
    known = ExtractionSettings.__dataclass_fields__
    for keys in (block, *changes):
        unknown = next((key for key in keys if key not in known), None)
        if unknown is not None:
            allowed = ", ".join([*known, "per_type"])
            raise InputError("extraction", unknown, keys[unknown], allowed)
        settings = replace(settings, **keys)
    return settings


def chain_settings(block: Mapping, subarray: Subarray) -> ChainSettings:
    """Settings of the chain for a file.

    Parameters
    ----------
    block : mapping
        ``extraction``, ``cleaning`` and ``stereo`` of the campaign's ``reconstruction``,
        ``throughput`` of the sample; what is left out is at its default.
    subarray : Subarray
        Telescopes of the file.

    Returns
    -------
    ChainSettings
        Settings by type of telescope.

    Raises
    ------
    InputError
        If a key is unknown or a value is not allowed, or a telescope is none of the file's.
    """
    # Numbers of telescopes are text in the configuration of a job.
    throughput = {int(tel): float(value) for tel, value in block.get("throughput", {}).items()}
    at_hand = subarray.tel_ids.tolist()
    for tel_id in throughput:
        if tel_id not in at_hand:
            raise InputError("throughput", "tel_id", tel_id, ", ".join(map(str, at_hand)))
    names = [kind.name for kind in subarray.types]
    return ChainSettings(
        tuple(extraction_of_type(block.get("extraction", {}), name) for name in names),
        tuple(cleaning_of_type(block.get("cleaning", {}), name) for name in names),
        StereoSettings(**block.get("stereo", {})),
        throughput,
    )


def make_images(
    camera: CameraBatch,
    subarray: Subarray,
    coefficients: Mapping[int, Coefficients],
    settings: ChainSettings,
) -> CameraImages:
    """Make, clean and measure the images of a camera batch.

    Parameters
    ----------
    camera : CameraBatch
        Counts.
    subarray : Subarray
        Telescopes.
    coefficients : mapping of int to Coefficients
        Calibration by telescope.
    settings : ChainSettings
        Settings.

    Returns
    -------
    CameraImages
        Images, masks, parameters.

    Raises
    ------
    InputError
        If a telescope has no calibration, or counts do not fit the camera.
    """
    kind = subarray.types[camera.type_index]
    images = calibrate(camera, kind, coefficients, settings.extraction[camera.type_index])
    for tel_id, value in settings.throughput.items():
        rows = camera.tel_id == tel_id
        images.image_pe[rows] = correct_images(images.image_pe[rows], value)
    neighbours = camera_neighbours(kind.camera)
    cleaning = settings.cleaning[camera.type_index]
    mask = clean_images(images.image_pe, images.peak_time_ns, neighbours, cleaning)
    parameters = image_parameters(images.image_pe, images.peak_time_ns, mask, kind)
    return CameraImages(camera, images, mask, parameters)


def reconstruct_events(
    batch: EventBatch, subarray: Subarray, settings: ChainSettings
) -> Reconstructed:
    """Reconstruct the events of a batch.

    Parameters
    ----------
    batch : EventBatch
        Whole events.
    subarray : Subarray
        Telescopes of the file.
    settings : ChainSettings
        Settings.

    Returns
    -------
    Reconstructed
        Images, parameters, geometry.

    Raises
    ------
    InputError
        If a telescope has no calibration, or counts do not fit the camera.
    """
    cameras = tuple(
        make_images(camera, subarray, batch.coefficients, settings) for camera in batch.cameras
    )
    event_index, tel_id = (_rows(batch, name, np.int64) for name in ("event_index", "tel_id"))
    alt_deg = _rows(batch, "pointing_alt_deg", np.float64)
    az_deg = _rows(batch, "pointing_az_deg", np.float64)
    order = np.lexsort((tel_id, event_index))
    parameters = {
        name: np.concatenate([np.empty(0, kind), *(c.parameters[name] for c in cameras)])[order]
        for name, kind in MEASURED.items()
    }
    geometry, impact_distance_m = reconstruct_batch(
        event_index[order],
        np.searchsorted(subarray.tel_ids, tel_id[order]),
        parameters,
        alt_deg[order],
        az_deg[order],
        batch.pointing_alt_deg,
        batch.pointing_az_deg,
        len(batch),
        subarray,
        settings.stereo,
    )
    return Reconstructed(
        cameras, order, event_index[order], tel_id[order], parameters, geometry, impact_distance_m
    )


def with_coefficients(
    batch: EventBatch, coefficients: Mapping[int, Coefficients] | None
) -> EventBatch:
    """Give a batch another calibration than its file's.

    Parameters
    ----------
    batch : EventBatch
        Events.
    coefficients : mapping of int to Coefficients, or None
        Calibration of all telescopes; None: that of the file.

    Returns
    -------
    EventBatch
        The same events.
    """
    return batch if coefficients is None else replace(batch, coefficients=coefficients)


def iterate_file(
    reader, settings: ChainSettings, coefficients: Mapping[int, Coefficients] | None = None
) -> Iterator[tuple[EventBatch, Reconstructed]]:
    """Reconstruct a file, batch by batch.

    Parameters
    ----------
    reader : iactflow.io.reader.Reader
        Open file.
    settings : ChainSettings
        Settings.
    coefficients : mapping of int to Coefficients, optional
        Calibration by telescope that takes the place of the file's.

    Yields
    ------
    tuple of EventBatch and Reconstructed
        Each batch of the file, and what was made of it.
    """
    # Nobody looks at the low gain of pixels that stay below: half of the samples of most cameras.
    reader.gain_threshold_adu = tuple(s.gain_threshold_adu for s in settings.extraction)
    for read in reader.batches():
        batch = with_coefficients(read, coefficients)
        yield batch, reconstruct_events(batch, reader.subarray, settings)


def _rows(batch: EventBatch, name: str, kind: type) -> np.ndarray:
    """Column of the telescope events of all cameras, one camera after the other."""
    return np.concatenate([np.empty(0, kind), *(getattr(c, name) for c in batch.cameras)])
