"""Counts, coefficients and cameras of simtel files as ctapipe reads them, in our shapes."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from waveform_samples import make_batch

from iactflow.io.batches import CameraBatch, Coefficients
from iactflow.io.subarray import Camera, TelescopeType

SHAPES = {"hexagon": "hexagon", "rectangle": "square", "circle": "circle"}


class TelescopeEvent(NamedTuple):
    """A telescope event: ours, and ctapipe's event and source."""

    batch: CameraBatch
    kind: TelescopeType
    coefficients: Coefficients
    tel_id: int
    event: object
    source: object


def telescope_type_of(telescope) -> TelescopeType:
    """A telescope of ctapipe's, as ours."""
    geometry, readout = telescope.camera.geometry, telescope.camera.readout
    camera = Camera(
        telescope.camera.name, geometry.pix_x.to_value("m"), geometry.pix_y.to_value("m"),
        geometry.pix_area.to_value("m2"), SHAPES[geometry.pix_type.value],
        geometry.pix_rotation.to_value("deg"), int(readout.n_channels), int(readout.n_samples),
        readout.sampling_rate.to_value("GHz"), np.asarray(readout.reference_pulse_shape),
        readout.reference_pulse_sample_width.to_value("ns"),
    )  # fmt: skip
    optics = telescope.optics
    lengths = (optics.effective_focal_length, optics.equivalent_focal_length)
    lengths = (length.to_value("m") for length in lengths)
    return TelescopeType(str(telescope), camera, *lengths, optics.mirror_area.to_value("m2"))


def _coefficients(file, tel_id, disabled):
    pedestal = file.camera_monitorings[tel_id]
    light = file.laser_calibrations[tel_id]
    level = (pedestal["pedestal"] / pedestal["n_ped_slices"]).astype(np.float32)
    unknown = np.full(level.shape, np.nan, dtype=np.float32)
    return Coefficients(level, light["calib"], -light["tm_calib"], disabled, unknown)


def telescope_events(path, max_events=4, threshold=4000.0, every_broken=0):
    """Telescope events of the first events of a file; each so many-th pixel is broken."""
    from ctapipe.io import EventSource

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        choice = "EQUIVALENT"
        with EventSource(path, max_events=max_events, focal_length_choice=choice) as source:
            kinds = {t: telescope_type_of(tel) for t, tel in source.subarray.tel.items()}
            source.gain_selector.threshold = threshold
            for event in source:
                for tel_id, r0 in event.r0.tel.items():
                    coefficients = event.monitoring.tel[tel_id].camera.coefficients
                    broken = coefficients.outlier_mask
                    if every_broken:
                        broken[:, ::every_broken] = True
                    yield TelescopeEvent(
                        make_batch(r0.waveform[None], [tel_id]),
                        kinds[tel_id],
                        _coefficients(source.file_, tel_id, broken),
                        tel_id,
                        event,
                        source,
                    )
