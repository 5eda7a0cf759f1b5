"""The event of a sample that is shown: its images at every stage, and the state of its cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import awkward
import numpy as np

from iactflow.errors import InputError
from iactflow.io.batches import CameraBatch, Coefficients, EventBatch
from iactflow.io.reader import Reader, open_reader
from iactflow.io.root import read_table
from iactflow.io.subarray import Subarray
from iactflow.io.subarray_tables import subarray_columns
from iactflow.stereo.chain import (
    CameraImages,
    ChainSettings,
    chain_settings,
    make_images,
    with_coefficients,
)
from iactflow.stereo.stages.reconstruct_geometry import raw_files

__all__ = ["Shown", "choose_event", "shown_event"]

# Events among which the one is chosen: their raw data are read again.
FIRST_EVENTS = 2000


class Shown(NamedTuple):
    """An event, and the state of the cameras that took it.

    Attributes
    ----------
    tables : dict of str to dict
        Rows of the event: ``raw_images``, ``images``, ``parameters``, ``geometry``,
        ``simulated_events`` where there is truth, ``pointing``, and the tables of the array.
    calibration : dict of str to dict
        By telescope: pixels that cannot be used, pedestal and its scatter, gain and its spread.
    about : dict
        ``obs_id``, ``event_id``; empty where no event was reconstructed.
    """

    tables: dict[str, dict]
    calibration: dict[str, dict]
    about: dict


def choose_event(geometry: Mapping, parameters: Mapping) -> int | None:
    """Choose the event: of those of most telescopes, the one of median brightness.

    Parameters
    ----------
    geometry, parameters : mapping of str to array
        Tables of a file.

    Returns
    -------
    int or None
        Row of ``geometry``; None where nothing was reconstructed.
    """
    rows = np.flatnonzero(geometry["is_valid"][:FIRST_EVENTS])
    if not len(rows):
        return None
    telescopes = geometry["multiplicity"][rows]
    rows = rows[telescopes == telescopes.max()]
    light = [
        np.nansum(parameters["hillas_intensity"][_rows_of(parameters, geometry, row)])
        for row in rows
    ]
    return int(rows[np.argsort(light, kind="stable")[len(rows) // 2]])


def _rows_of(columns: Mapping, geometry: Mapping, row: int) -> np.ndarray:
    """Rows of a table that belong to an event."""
    same_run = columns["obs_id"] == geometry["obs_id"][row]
    return np.flatnonzero(same_run & (columns["event_id"] == geometry["event_id"][row]))


def shown_event(
    raw: str | list[str],
    product: Path,
    settings: Mapping,
    coefficients: Mapping[int, Coefficients] | None = None,
) -> Shown:
    """Make the images of an event once more, and keep every stage of them.

    Parameters
    ----------
    raw : str or list of str
        Raw data of the first part; the first of its files is read up to the event.
    product : Path
        File of images and geometry made from it.
    settings : mapping
        ``extraction``, ``cleaning``, ``stereo`` of the campaign, ``throughput`` of the sample.
    coefficients : mapping of int to Coefficients, optional
        Calibration by telescope that takes the place of the file's.

    Returns
    -------
    Shown
        The event.

    Raises
    ------
    InputError
        If a file is broken, or the raw file does not hold the event.
    """
    geometry, parameters = (read_table(product, name) for name in ("geometry", "parameters"))
    row = choose_event(geometry, parameters)
    file = raw_files(raw)[0]
    with open_reader(file) as reader:
        array = subarray_columns(reader.subarray)
        choice = chain_settings(settings, reader.subarray)
        if row is None:
            return Shown(array, {}, {})
        key = tuple(int(geometry[name][row]) for name in ("obs_id", "event_id"))
        read, place = _find(reader, file, key)
        batch = with_coefficients(read, coefficients)
        cameras = _images(batch, place, reader.subarray, choice)
    mine = _rows_of(parameters, geometry, row)
    tables = {
        **array,
        **_image_tables(key, cameras, batch.coefficients),
        "parameters": {name: values[mine] for name, values in parameters.items()},
        "geometry": {name: values[row : row + 1] for name, values in geometry.items()},
        "pointing": _pointing(batch, place, key, cameras),
    }
    if reader.is_simulation:
        truth = {name: values[place : place + 1] for name, values in batch.truth.items()}
        one = {"obs_id": np.array(key[:1]), "event_id": np.array(key[1:])}
        tables["simulated_events"] = {**one, **truth}
    about = dict(zip(("obs_id", "event_id"), key, strict=True))
    return Shown(tables, _calibration(batch.coefficients), about)


def _find(reader: Reader, file: Path, key: tuple[int, int]) -> tuple[EventBatch, int]:
    for batch in reader.batches():
        found = np.flatnonzero((batch.obs_id == key[0]) & (batch.event_id == key[1]))
        if len(found):
            return batch, int(found[0])
    raise InputError(file, "event_id", "missing", f"event {key[1]} of run {key[0]}")


def _images(
    batch: EventBatch, place: int, subarray: Subarray, settings: ChainSettings
) -> list[CameraImages]:
    """Images of one event."""
    cameras = []
    for camera in batch.cameras:
        rows = np.flatnonzero(camera.event_index == place)
        if len(rows):
            chosen = _choose(camera, rows)
            cameras.append(make_images(chosen, subarray, batch.coefficients, settings))
    return cameras


def _choose(camera: CameraBatch, rows: np.ndarray) -> CameraBatch:
    """Some rows of a camera batch."""
    of_rows = ("event_index", "tel_id", "adc", "pointing_alt_deg", "pointing_az_deg")
    changed = {name: getattr(camera, name)[rows] for name in (*of_rows, "time_offset_ns")}
    for name in ("read_out", "true_image"):
        values = getattr(camera, name)
        changed[name] = None if values is None else values[rows]
    return replace(camera, **changed)


def _image_tables(
    key: tuple[int, int], cameras: list[CameraImages], coefficients: Mapping[int, Coefficients]
) -> dict[str, dict]:
    """Tables of the stages, ordered by telescope."""
    rows = [
        (int(tel_id), camera, i)
        for camera in cameras
        for i, tel_id in enumerate(camera.batch.tel_id)
    ]
    rows.sort(key=lambda row: row[0])
    n = len(rows)
    keys = {
        "obs_id": np.full(n, key[0]),
        "event_id": np.full(n, key[1]),
        "tel_id": np.array([row[0] for row in rows], dtype=np.int16),
    }
    raw = [
        (camera.batch.adc[i, 0].max(axis=1) - coefficients[tel_id].pedestal_adu[0]).astype("f4")
        for tel_id, camera, i in rows
    ]
    stages = {
        "image": [camera.images.image_pe[i] for _, camera, i in rows],
        "peak_time_ns": [camera.images.peak_time_ns[i] for _, camera, i in rows],
        "image_mask": [camera.mask[i] for _, camera, i in rows],
    }
    return {
        "raw_images": {**keys, "raw_adu": _jagged(raw)},
        "images": {**keys, **{name: _jagged(values) for name, values in stages.items()}},
    }


def _jagged(rows: list[np.ndarray]) -> awkward.Array:
    """Rows of different lengths in their own type."""
    return awkward.unflatten(np.concatenate(rows), [len(row) for row in rows])


def _pointing(
    batch: EventBatch, place: int, key: tuple[int, int], cameras: list[CameraImages]
) -> dict[str, np.ndarray]:
    """Pointing of the telescopes at the event."""
    tel_id, alt_deg, az_deg = (
        np.concatenate([getattr(camera.batch, name) for camera in cameras])
        for name in ("tel_id", "pointing_alt_deg", "pointing_az_deg")
    )
    order = np.argsort(tel_id)
    n = len(order)
    return {
        "obs_id": np.full(n, key[0]),
        "tel_id": tel_id[order].astype(np.int16),
        "time_s": np.full(n, batch.time_s[place]),
        "time_qns": np.full(n, batch.time_qns[place]),
        "altitude_deg": alt_deg[order],
        "azimuth_deg": az_deg[order],
    }


def _calibration(coefficients: Mapping[int, Coefficients]) -> dict[str, dict]:
    """State of the high gain of every telescope."""
    blocks = {}
    for tel_id, values in sorted(coefficients.items()):
        usable = ~values.unusable[0] & (values.pe_per_adu[0] > 0.0)
        gain = values.pe_per_adu[0][usable].astype(np.float64)
        pedestal = values.pedestal_adu[0][usable].astype(np.float64)
        scatter = values.pedestal_std_adu[0][usable].astype(np.float64)
        known = np.isfinite(scatter)
        blocks[str(tel_id)] = {
            "n_pixels": len(usable),
            "n_unusable": int((~usable).sum()),
            "pedestal_adu": float(pedestal.mean()) if len(pedestal) else None,
            "pedestal_std_adu": float(scatter[known].mean()) if known.any() else None,
            "pe_per_adu": float(gain.mean()) if len(gain) else None,
            "gain_spread": float(gain.std() / gain.mean()) if len(gain) else None,
        }
    return blocks
