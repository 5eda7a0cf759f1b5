"""The subarray of a file as tables, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from iactflow.errors import InputError
from iactflow.io.root import RootFile
from iactflow.io.subarray import Camera, Subarray, TelescopeType
from iactflow.io.tables_subarray import SUBARRAY_TABLES

__all__ = ["SUBARRAY", "build_subarray", "read_subarray", "subarray_columns"]

#: Names of the tables that hold a subarray.
SUBARRAY = tuple(table.name for table in SUBARRAY_TABLES)
OPTICS = ("focal_length_m", "nominal_focal_length_m", "mirror_area_m2")
POSITION = ("position_x_m", "position_y_m", "position_z_m")


def subarray_columns(subarray: Subarray) -> dict[str, dict[str, np.ndarray]]:
    """Tables of a subarray.

    Parameters
    ----------
    subarray : Subarray
        Array; every type has a telescope.

    Returns
    -------
    dict of str to dict of str to ndarray
        Columns by table: those of `SUBARRAY`.
    """
    kinds = [subarray.types[i] for i in subarray.type_index]
    telescopes = {
        "tel_id": np.asarray(subarray.tel_ids, dtype=np.int16),
        "type_index": np.asarray(subarray.type_index, dtype=np.int16),
        "telescope_type": np.array([kind.name for kind in kinds], dtype=str),
        **{name: subarray.positions_m[:, i] for i, name in enumerate(POSITION)},
        **{name: np.array([getattr(k, name) for k in kinds], dtype=np.float64) for name in OPTICS},
    }
    return {
        "array": {
            "array_name": np.array([subarray.name], dtype=str),
            "height_m": np.array([subarray.height_m], dtype=np.float64),
            "latitude_deg": np.array([subarray.latitude_deg], dtype=np.float64),
            "longitude_deg": np.array([subarray.longitude_deg], dtype=np.float64),
        },
        "array_telescopes": telescopes,
        "camera_readouts": _readouts([kind.camera for kind in subarray.types]),
        "camera_pixels": _pixels([kind.camera for kind in subarray.types]),
        "camera_pulses": _pulses([kind.camera for kind in subarray.types]),
    }


def _readouts(cameras: list[Camera]) -> dict[str, np.ndarray]:
    types = {"n_channels": np.int16, "n_samples": np.int32}
    texts = {
        "camera_name": [c.name for c in cameras],
        "pixel_shape": [c.pixel_shape for c in cameras],
    }
    numbers = (
        "pixel_rotation_deg",
        "n_channels",
        "n_samples",
        "sampling_rate_ghz",
        "pulse_step_ns",
    )
    return {
        "type_index": np.arange(len(cameras), dtype=np.int16),
        **{name: np.array(values, dtype=str) for name, values in texts.items()},
        **{
            name: np.array([getattr(c, name) for c in cameras], dtype=types.get(name, np.float64))
            for name in numbers
        },
    }


def _pixels(cameras: list[Camera]) -> dict[str, np.ndarray]:
    sizes = [camera.n_pixels for camera in cameras]
    return {
        "type_index": np.repeat(np.arange(len(cameras), dtype=np.int16), sizes),
        "pixel_id": np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
        **{
            name: np.concatenate([np.asarray(getattr(c, name), np.float64) for c in cameras])
            for name in ("pixel_x_m", "pixel_y_m", "pixel_area_m2")
        },
    }


def _pulses(cameras: list[Camera]) -> dict[str, np.ndarray]:
    places = [np.indices(camera.pulse.shape).reshape(2, -1) for camera in cameras]
    return {
        "type_index": np.repeat(np.arange(len(cameras)), [p.shape[1] for p in places]).astype(
            np.int16
        ),
        "channel": np.concatenate([p[0] for p in places]).astype(np.int16),
        "point": np.concatenate([p[1] for p in places]).astype(np.int32),
        "pulse": np.concatenate([np.asarray(c.pulse, np.float64).ravel() for c in cameras]),
    }


def build_subarray(tables: Mapping[str, Mapping], file: str | Path) -> Subarray:
    """Subarray from its tables.

    Parameters
    ----------
    tables : mapping of str to mapping of str to ndarray
        Columns by table, as of `subarray_columns`; rows in any order.
    file : str or Path
        Named in errors.

    Returns
    -------
    Subarray
        The array.

    Raises
    ------
    InputError
        If there is not one array, no telescope, a number stands twice or is missing, or tables do
        not belong together.
    """
    array, telescopes = tables["array"], _sorted(tables["array_telescopes"], ("tel_id",))
    if len(array["array_name"]) != 1:
        raise InputError(file, "array", f"{len(array['array_name'])} rows", "one")
    tel_ids = np.asarray(telescopes["tel_id"], dtype=np.int64)
    if not len(tel_ids) or np.any(np.diff(tel_ids) == 0):
        raise InputError(file, "array_telescopes.tel_id", tel_ids.tolist(), "each telescope once")
    type_index = np.asarray(telescopes["type_index"], dtype=np.int64)
    cameras = _cameras(tables, file)
    if not np.array_equal(np.unique(type_index), np.arange(len(cameras))):
        found = np.unique(type_index).tolist()
        raise InputError(file, "array_telescopes.type_index", found, f"all of {len(cameras)} types")
    types = tuple(
        _telescope_type(telescopes, np.flatnonzero(type_index == i), camera, file)
        for i, camera in enumerate(cameras)
    )
    return Subarray(
        name=str(array["array_name"][0]),
        tel_ids=tel_ids,
        positions_m=np.column_stack([telescopes[name] for name in POSITION]).astype(np.float64),
        types=types,
        type_index=type_index,
        height_m=float(array["height_m"][0]),
        latitude_deg=float(array["latitude_deg"][0]),
        longitude_deg=float(array["longitude_deg"][0]),
    )


def _sorted(columns: Mapping, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    order = np.lexsort([columns[key] for key in keys[::-1]])
    return {name: np.asarray(values)[order] for name, values in columns.items()}


def _telescope_type(telescopes, rows, camera: Camera, file) -> TelescopeType:
    values = {name: telescopes[name][rows] for name in ("telescope_type", *OPTICS)}
    for name, column in values.items():
        if np.any(column != column[0]):
            raise InputError(file, f"array_telescopes.{name}", column.tolist(), "one for a type")
    for name in OPTICS[:2]:
        if not (np.isfinite(values[name][0]) and values[name][0] > 0.0):
            raise InputError(file, f"array_telescopes.{name}", float(values[name][0]), "above 0")
    numbers = {name: float(values[name][0]) for name in OPTICS}
    return TelescopeType(name=str(values["telescope_type"][0]), camera=camera, **numbers)


def _cameras(tables: Mapping[str, Mapping], file) -> list[Camera]:
    readouts = _sorted(tables["camera_readouts"], ("type_index",))
    pixels = _sorted(tables["camera_pixels"], ("type_index", "pixel_id"))
    pulses = _sorted(tables["camera_pulses"], ("type_index", "channel", "point"))
    n_types = len(readouts["type_index"])
    if not np.array_equal(readouts["type_index"], np.arange(n_types)):
        found = readouts["type_index"].tolist()
        raise InputError(file, "camera_readouts.type_index", found, "counted from 0, each once")
    for name, table in (("camera_pixels", pixels), ("camera_pulses", pulses)):
        if not np.all(np.isin(table["type_index"], readouts["type_index"])):
            found = np.unique(table["type_index"]).tolist()
            raise InputError(file, f"{name}.type_index", found, f"0 to {n_types - 1}")
    return [
        _camera(
            {name: values[i] for name, values in readouts.items()},
            {name: values[pixels["type_index"] == i] for name, values in pixels.items()},
            {name: values[pulses["type_index"] == i] for name, values in pulses.items()},
            file,
        )
        for i in range(n_types)
    ]


def _camera(readout, pixels, pulses, file) -> Camera:
    n_channels, n_samples = int(readout["n_channels"]), int(readout["n_samples"])
    for key, value in (("n_channels", n_channels), ("n_samples", n_samples)):
        if value < 1:
            raise InputError(file, f"camera_readouts.{key}", value, "at least 1")
    n_pixels = len(pixels["pixel_id"])
    if n_pixels == 0 or not np.array_equal(pixels["pixel_id"], np.arange(n_pixels)):
        raise InputError(file, "camera_pixels.pixel_id", f"{n_pixels} rows", "counted from 0")
    n_points = len(pulses["point"]) // n_channels
    places = np.indices((n_channels, n_points)).reshape(2, -1)
    if not np.array_equal(places, [pulses["channel"], pulses["point"]]):
        found = f"{len(pulses['point'])} rows"
        raise InputError(file, "camera_pulses", found, f"every point in {n_channels} channels")
    return Camera(
        name=str(readout["camera_name"]),
        **{
            name: np.ascontiguousarray(pixels[name], dtype=np.float64)
            for name in ("pixel_x_m", "pixel_y_m", "pixel_area_m2")
        },
        pixel_shape=str(readout["pixel_shape"]),
        pixel_rotation_deg=float(readout["pixel_rotation_deg"]),
        n_channels=n_channels,
        n_samples=n_samples,
        sampling_rate_ghz=float(readout["sampling_rate_ghz"]),
        pulse=np.asarray(pulses["pulse"], dtype=np.float64).reshape(n_channels, n_points),
        pulse_step_ns=float(readout["pulse_step_ns"]),
    )


def read_subarray(path: str | Path) -> Subarray:
    """Read the subarray of a ROOT file of ours.

    Parameters
    ----------
    path : str or Path
        File with the tables `SUBARRAY`.

    Returns
    -------
    Subarray
        The array.

    Raises
    ------
    InputError
        If the file is missing or damaged, lacks a table, or its tables do not belong together.
    """
    with RootFile(path) as file:
        for name in SUBARRAY:
            if name not in file.tables:
                allowed = "tables of the array, as raw data have"
                raise InputError(path, "table", f"no {name}", allowed)
        return build_subarray({name: file.read(name) for name in SUBARRAY}, path)
