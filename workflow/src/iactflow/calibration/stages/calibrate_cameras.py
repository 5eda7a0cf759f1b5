"""Calibration runs to coefficients of their cameras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from iactflow.calibration.camera import CameraCalibration, CameraSettings, calibrate_camera
from iactflow.calibration.collect import Window, collect_events
from iactflow.calibration.pixel_status import BITS, StatusSettings
from iactflow.calibration.single_pe import two_gaussians
from iactflow.campaign.json_product import write_json
from iactflow.errors import InputError
from iactflow.io.batches import EventBatch
from iactflow.io.reader import open_reader
from iactflow.io.root import write_table
from iactflow.io.subarray import Subarray
from iactflow.io.subarray_tables import subarray_columns

__all__ = [
    "calibrate_cameras",
    "calibration_columns",
    "calibration_summary",
    "camera_settings",
]

ROOM_BYTES = 256 * 1024**2


def calibrate_cameras(inputs, outputs, params, wildcards) -> None:
    """Find the coefficients of all cameras of a calibration run.

    Parameters
    ----------
    inputs : namespace
        ``raw``: file or files of raw data with pedestal and flat-field events, and single
        photoelectrons where there are.
    outputs : namespace
        ``calibration``: ROOT file with the table ``calibration`` and the array;
        ``summary``: JSON with the quality of the calibration.
    params : namespace
        ``settings``: ``excess_noise``, ``overlap_min_pe``, ``overlap_max_pe``,
        ``rejection_sigma``, ``window_before_ns``, ``window_after_ns``,
        ``false_alarm_probability``, ``min_signal_part``, ``max_gain_factor``; ``single_pe``: null,
        or ``low_part``, ``low_mean``, ``low_sigma``, ``sigma`` of the amplitudes. A key that is
        missing has its default.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If a file is broken, files do not belong together, or events are too few.
    """
    paths = [inputs.raw] if isinstance(inputs.raw, str | Path) else list(inputs.raw)
    settings, window = camera_settings(params.settings)
    run = _Run(paths)
    rates = {
        int(tel_id): run.subarray.telescope_type(tel_id).camera.sampling_rate_ghz
        for tel_id in run.subarray.tel_ids
    }
    events, used = collect_events(run.read, rates, window, ROOM_BYTES)
    found = {tel_id: calibrate_camera(kept, settings) for tel_id, kept in events.items()}
    columns = [
        calibration_columns(calibration, run.obs_id, tel_id, run.start)
        for tel_id, calibration in found.items()
    ]
    joined = {key: np.concatenate([part[key] for part in columns]) for key in columns[0]}
    write_table(outputs.calibration, {"calibration": joined, **subarray_columns(run.subarray)})
    write_json(
        outputs.summary,
        {
            "obs_id": run.obs_id,
            "telescopes": {
                str(tel_id): calibration_summary(calibration, used[tel_id])
                for tel_id, calibration in found.items()
            },
        },
    )


class _Run:
    """Files of a run: their events again and again, their array, where the run begins."""

    def __init__(self, paths):
        if not paths:
            raise InputError("calibration", "raw", "no file", "at least one")
        self.paths = paths
        self.obs_id, self.start = -1, (0, 0)
        with open_reader(paths[0]) as reader:
            self.subarray: Subarray = reader.subarray

    def read(self) -> Iterator[EventBatch]:
        """Events of all files; the first one's run and time are those of the calibration."""
        first = True
        for path in self.paths:
            with open_reader(path) as reader:
                if not np.array_equal(reader.subarray.tel_ids, self.subarray.tel_ids):
                    allowed = f"those of {self.paths[0]}"
                    raise InputError(path, "tel_ids", reader.subarray.tel_ids.tolist(), allowed)
                for batch in reader.batches():
                    if first and len(batch):
                        self.obs_id = int(batch.obs_id[0])
                        self.start = int(batch.time_s[0]), int(batch.time_qns[0])
                        first = False
                    yield batch


def camera_settings(block: Mapping) -> tuple[CameraSettings, Window]:
    """Settings of a calibration.

    Parameters
    ----------
    block : mapping
        ``settings`` of `calibrate_cameras`; a key that is missing has its default.

    Returns
    -------
    CameraSettings, Window
        How cameras are calibrated, and where charges of pulses are taken.

    Raises
    ------
    InputError
        If a key is unknown.
    """
    known = dict(block)
    camera, window, status = CameraSettings(), Window(), StatusSettings()
    single = known.pop("single_pe", None)
    settings = CameraSettings(
        excess_noise=known.pop("excess_noise", camera.excess_noise),
        overlap_pe=(
            known.pop("overlap_min_pe", camera.overlap_pe[0]),
            known.pop("overlap_max_pe", camera.overlap_pe[1]),
        ),
        n_sigma=known.pop("rejection_sigma", camera.n_sigma),
        status=StatusSettings(
            *(known.pop(name, default) for name, default in status._asdict().items())
        ),
        shape=None if single is None else two_gaussians(**single),
    )
    window = Window(
        known.pop("window_before_ns", window.before_ns),
        known.pop("window_after_ns", window.after_ns),
    )
    if known:
        raise InputError("calibration", "settings", sorted(known), "keys that are known")
    return settings, window


def calibration_columns(
    calibration: CameraCalibration, obs_id: int, tel_id: int, start: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Rows of the table ``calibration`` of one telescope.

    Parameters
    ----------
    calibration : CameraCalibration
        Calibration.
    obs_id, tel_id : int
        Run and telescope.
    start : tuple of two int
        TAI seconds since 1970 and quarters of a nanosecond from which it is valid.

    Returns
    -------
    dict of str to ndarray
        Columns; channel by channel. Numbers that do not exist are not a number, those of
        unusable pixels among them.
    """
    status = calibration.status
    n_channels, n_pixels = status.shape
    n = status.size
    flat = np.broadcast_to(calibration.flat_field.factor, status.shape)
    shift = np.broadcast_to(calibration.times.shift_ns, status.shape)
    return {
        "obs_id": np.full(n, obs_id, dtype=np.int64),
        "tel_id": np.full(n, tel_id, dtype=np.int16),
        "channel": np.repeat(np.arange(n_channels, dtype=np.int16), n_pixels),
        "pixel_id": np.tile(np.arange(n_pixels, dtype=np.int32), n_channels),
        "time_s": np.full(n, start[0], dtype=np.int64),
        "time_qns": np.full(n, start[1], dtype=np.uint32),
        "pedestal_adu": calibration.pedestals.level_adu.astype(np.float32).ravel(),
        "pedestal_std_adu": calibration.pedestals.sample_std_adu.astype(np.float32).ravel(),
        "pe_per_adu": (1.0 / calibration.gain_adu).astype(np.float32).ravel(),
        "flatfield": flat.astype(np.float32).ravel(),
        "time_shift_ns": np.nan_to_num(shift).astype(np.float32).ravel(),
        "status": status.ravel(),
    }


def calibration_summary(calibration: CameraCalibration, used: Mapping[int, int]) -> dict:
    """Quality of the calibration of a camera.

    Parameters
    ----------
    calibration : CameraCalibration
        Calibration.
    used : mapping of int to int
        Events used by their type.

    Returns
    -------
    dict
        Numbers of events by type; per channel the median pedestal, its median error, the median
        gain, the spread of gains between pixels and their median relative error; ratio of the
        channels; mean light and rms of flat-field factors and of time shifts; pixels by status.
    """
    good = calibration.status[0] == 0

    def middle(values):
        return float(np.median(values[good])) if good.any() else float("nan")

    channels = [
        {
            "pedestal_adu": middle(calibration.pedestals.level_adu[k]),
            "pedestal_error_adu": middle(calibration.pedestals.level_error_adu[k]),
            "sample_std_adu": middle(calibration.pedestals.sample_std_adu[k]),
            "gain_adu": middle(gain),
            "gain_spread": float(np.std(gain[good]) / middle(gain)),
            "gain_relative_error": middle(calibration.gain_error_adu[k] / gain),
        }
        for k, gain in enumerate(calibration.gain_adu)
    ]
    ratio = calibration.ratio
    return {
        "n_events": {str(kind): n for kind, n in used.items()},
        "channels": channels,
        "gain_ratio": None if ratio is None else middle(ratio.ratio),
        "light_pe": calibration.flat_field.mean_pe,
        "flatfield_rms": float(np.std(calibration.flat_field.factor[good])),
        "time_shift_rms_ns": float(np.std(calibration.times.shift_ns[good])),
        "n_pixels": int(good.size),
        "n_usable": int(good.sum()),
        "status": {
            name: int(np.sum(calibration.status[0] & bit > 0)) for name, bit in BITS.items()
        },
    }
