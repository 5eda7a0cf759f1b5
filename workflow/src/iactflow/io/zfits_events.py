"""Messages of raw camera data: what a camera wrote of an event, in the data models of its time.

Three are known by the name of their message: ``DataModel.CameraEvent`` (first cameras of CTAO, from
2017 on), ``ProtoR1.CameraEvent`` (LST, from 2018 on) and ``R1v1.Event`` (data model of the array
control, from 2023 on; CTA-SPE-COM-000000-0002). Messages as in protozfits.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from protozfits import any_array_to_numpy

from iactflow.errors import InputError

__all__ = ["EVENT_TYPES", "CameraLayout", "RawEvent", "decode_event", "read_layout"]

OLD, LST_R1, R1 = "DataModel.CameraEvent", "ProtoR1.CameraEvent", "R1v1.Event"
#: Messages of events that are known.
EVENT_TYPES = (OLD, LST_R1, R1)
CONFIGURATIONS = {OLD: "RunHeader", LST_R1: "CameraConfig", R1: "CameraConfiguration"}
# Numbers of the first data model in CTAO's: physical, pedestal, light pulser.
OLD_TYPES = {1: 32, 2: 2, 3: 0}
UNKNOWN = 255
# Bits of the pixel status: high gain stored, low gain stored.
STORED = (4, 8)
# Time of the array's clock in the first data model: nanoseconds, after three counters of 4 bytes.
CLOCK = slice(12, 20)


class CameraLayout(NamedTuple):
    """What is the same in all events of a file.

    Attributes
    ----------
    message : str
        Data model, one of `EVENT_TYPES`.
    tel_id, obs_id : int
        Telescope and run; 0 where the file does not tell.
    shape : tuple of three int
        Channels, pixels, samples of an event.
    pixel_ids : ndarray of int64, shape (n_pixels,), or None
        Pixels of the camera in the order of the file; None: not told.
    level : str
        ``R0``: counts as read out; ``R1``: corrected by the camera's own calibration.
    scale, offset : float
        Stored counts are (value + offset) scale; 1 and 0 where the file does not tell.
    """

    message: str
    tel_id: int
    obs_id: int
    shape: tuple[int, int, int]
    pixel_ids: np.ndarray | None
    level: str
    scale: float
    offset: float


class RawEvent(NamedTuple):
    """One event of a camera.

    Attributes
    ----------
    event_id : int
        Number.
    time_s, time_ns : int, float
        Seconds since 1970, and nanoseconds after them.
    utc : bool
        Whether the seconds are UTC's, not TAI's.
    event_type : int
        CTAO's number.
    adc : ndarray of uint16, shape (n_channels, n_pixels, n_samples)
        Counts.
    read_out : ndarray of bool, shape (n_channels, n_pixels), or None
        Pixels that were read out; None: all.
    """

    event_id: int
    time_s: int
    time_ns: float
    utc: bool
    event_type: int
    adc: np.ndarray
    read_out: np.ndarray | None


def read_layout(path: str | Path, message: str, tables: dict, first) -> CameraLayout:
    """Layout of the events of a file.

    Parameters
    ----------
    path : str or Path
        Named in errors.
    message : str
        Data model of its events.
    tables : dict of str to message
        First rows of its other tables.
    first : message
        Its first event.

    Returns
    -------
    CameraLayout
        Layout.

    Raises
    ------
    InputError
        If the data model is not known, a table is missing, or sizes do not fit each other.
    """
    if message not in EVENT_TYPES:
        raise InputError(path, "Events: PBFHEAD", message, ", ".join(EVENT_TYPES))
    configuration = tables.get(CONFIGURATIONS[message])
    if message == OLD:
        return _old_layout(path, configuration, first)
    if configuration is None:
        raise InputError(path, CONFIGURATIONS[message], "missing", "the camera's configuration")
    if message == LST_R1:
        return _lst_layout(path, configuration, first)
    return _r1_layout(path, configuration, tables.get("DataStream"), first)


def decode_event(path: str | Path, layout: CameraLayout, event) -> RawEvent:
    """Contents of an event.

    Parameters
    ----------
    path : str or Path
        Named in errors.
    layout : CameraLayout
        Layout of the file.
    event : message
        Event.

    Returns
    -------
    RawEvent
        Its contents; pixels in the order of the layout.

    Raises
    ------
    InputError
        If it has another layout than the first event.
    """
    decode = {OLD: _old_event, LST_R1: _lst_event, R1: _r1_event}
    return decode[layout.message](path, layout, event)


def _number(message, name: str) -> int:
    """Number of a message; 0 where there is no message, or it does not tell."""
    told = message is not None and message.HasField(name)
    return int(getattr(message, name)) if told else 0


def _counts(path, event_id: int, values: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    key = f"event {event_id}"
    if values.size != shape[0] * shape[1] * shape[2]:
        allowed = f"{shape[0]} channels of {shape[1]} pixels of {shape[2]} samples"
        raise InputError(path, f"{key}: waveforms", f"{values.size} samples", allowed)
    if values.dtype.kind not in "iu" or (values.dtype.kind == "i" and values.min() < 0):
        raise InputError(path, f"{key}: waveforms", values.dtype.name, "counts from 0 on")
    if values.dtype.itemsize > 2 and values.max() > 65535:
        raise InputError(path, f"{key}: waveforms", int(values.max()), "counts up to 65535")
    return values.astype(np.uint16).reshape(shape)


def _shape(path, n_channels: int, n_pixels: int, n_samples: int, n_values: int):
    """Channels follow from the number of samples, where nothing says how many there are."""
    per_channel = n_pixels * n_samples
    n_channels = n_channels or (n_values // per_channel if per_channel else 0)
    if n_channels not in (1, 2) or n_values != n_channels * per_channel:
        got = f"{n_values} samples"
        allowed = f"1 or 2 channels of {n_pixels} pixels of {n_samples} samples"
        raise InputError(path, "first event: waveforms", got, allowed)
    return n_channels, n_pixels, n_samples


def _old_layout(path, header, first) -> CameraLayout:
    gains = [first.hiGain.waveforms, first.loGain.waveforms]
    sizes = [any_array_to_numpy(gain.samples).size for gain in gains]
    indices = any_array_to_numpy(gains[0].pixelsIndices)
    n_samples = _number(gains[0], "num_samples") or _number(header, "numTraces")
    if not n_samples and indices.size:
        n_samples = sizes[0] // indices.size
    n_pixels = indices.size or (sizes[0] // n_samples if n_samples else 0)
    shape = _shape(path, 1 + (sizes[1] > 0), n_pixels, n_samples, sum(sizes))
    return CameraLayout(
        message=OLD,
        tel_id=_number(first, "telescopeID") or _number(header, "telescopeID"),
        obs_id=_number(header, "runNumber"),
        shape=shape,
        pixel_ids=np.sort(indices).astype(np.int64) if indices.size else None,
        level="R0",
        scale=1.0,
        offset=0.0,
    )


def _old_event(path, layout: CameraLayout, event) -> RawEvent:
    gains = [event.hiGain.waveforms, event.loGain.waveforms][: layout.shape[0]]
    event_id = _number(event, "eventNumber")
    values = np.concatenate([any_array_to_numpy(gain.samples) for gain in gains])
    adc = _counts(path, event_id, values, layout.shape)
    if layout.pixel_ids is not None:
        # The order of pixels is the event's own.
        indices = any_array_to_numpy(gains[0].pixelsIndices).astype(np.int64)
        order = np.argsort(indices)
        if not np.array_equal(indices[order], layout.pixel_ids):
            key = f"event {event_id}: pixelsIndices"
            raise InputError(path, key, f"{indices.size} pixels", "those of the first event")
        adc = adc[:, order]
    clock = any_array_to_numpy(event.uctsData.data).astype(np.uint8)
    if _number(event, "uctsDataPresence") and clock.size >= CLOCK.stop:
        time_s, time_ns = divmod(int.from_bytes(clock[CLOCK].tobytes(), "little"), 10**9)
        utc = False
    else:
        time_s, time_ns, utc = (
            _number(event, "local_time_sec"),
            _number(event, "local_time_nanosec"),
            True,
        )
    event_type = OLD_TYPES.get(_number(event, "eventType"), UNKNOWN)
    return RawEvent(event_id, time_s, time_ns, utc, event_type, adc, None)


def _lst_layout(path, configuration, first) -> CameraLayout:
    pixels = any_array_to_numpy(configuration.expected_pixels_id).astype(np.int64)
    n_values = any_array_to_numpy(first.waveform).size
    shape = _shape(
        path,
        0,
        _number(configuration, "num_pixels"),
        _number(configuration, "num_samples"),
        n_values,
    )
    if pixels.size not in (0, shape[1]):
        raise InputError(path, "expected_pixels_id", f"{pixels.size} pixels", str(shape[1]))
    camera = configuration.lstcam
    calibrated = _number(camera, "algorithms") or _number(camera, "pre_proc_algorithms")
    return CameraLayout(
        message=LST_R1,
        tel_id=_number(configuration, "telescope_id"),
        obs_id=0,
        shape=shape,
        pixel_ids=pixels if pixels.size else None,
        level="R1" if calibrated else "R0",
        scale=1.0,
        offset=0.0,
    )


def _stored(path, event_id: int, layout: CameraLayout, status: np.ndarray) -> np.ndarray | None:
    n_channels, n_pixels, _ = layout.shape
    if status.size not in (0, n_pixels):
        key = f"event {event_id}: pixel_status"
        raise InputError(path, key, f"{status.size} pixels", str(n_pixels))
    if not status.size:
        return None
    bits = status.astype(np.int64)
    if n_channels == 1:
        # One gain was chosen for each pixel.
        read_out = (bits & (STORED[0] | STORED[1]))[None] > 0
    else:
        read_out = np.stack([bits & bit for bit in STORED]) > 0
    return None if read_out.all() else read_out


def _lst_event(path, layout: CameraLayout, event) -> RawEvent:
    event_id = _number(event, "event_id")
    adc = _counts(path, event_id, any_array_to_numpy(event.waveform), layout.shape)
    read_out = _stored(path, event_id, layout, any_array_to_numpy(event.pixel_status))
    time = (_number(event, "trigger_time_s"), 0.25 * _number(event, "trigger_time_qns"), False)
    return RawEvent(event_id, *time, UNKNOWN, adc, read_out)


def _r1_layout(path, configuration, stream, first) -> CameraLayout:
    pixels = any_array_to_numpy(configuration.pixel_id_map).astype(np.int64)
    n_values = any_array_to_numpy(first.waveform).size
    sizes = (
        _number(first, "num_channels"),
        _number(configuration, "num_pixels"),
        _number(first, "num_samples"),
    )
    shape = _shape(path, *sizes, n_values)
    if pixels.size not in (0, shape[1]):
        raise InputError(path, "pixel_id_map", f"{pixels.size} pixels", str(shape[1]))
    scale = float(stream.waveform_scale) if stream is not None else 0.0
    return CameraLayout(
        message=R1,
        tel_id=_number(configuration, "tel_id"),
        obs_id=_number(stream, "obs_id"),
        shape=shape,
        pixel_ids=pixels if pixels.size else None,
        level="R1",
        scale=scale or 1.0,
        offset=float(stream.waveform_offset) if stream is not None else 0.0,
    )


def _r1_event(path, layout: CameraLayout, event) -> RawEvent:
    event_id = _number(event, "event_id")
    adc = _counts(path, event_id, any_array_to_numpy(event.waveform), layout.shape)
    read_out = _stored(path, event_id, layout, any_array_to_numpy(event.pixel_status))
    time = (_number(event, "event_time_s"), 0.25 * _number(event, "event_time_qns"), False)
    return RawEvent(event_id, *time, _number(event, "event_type"), adc, read_out)
